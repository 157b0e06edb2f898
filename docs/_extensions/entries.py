"""The directive `entries`: a list of public names becomes a table of what they do, and below it an entry for each."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import Any

from docstrings import render, safe
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

LONGEST_VALUE = 80


class Entries(SphinxDirective):
    """Names, one a line, such as `pellucid.Conv2D`."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the table and the entries."""
        names = [line.strip() for line in self.content if line.strip()]
        lines = [".. list-table::", "   :class: entries", ""]
        for name in names:
            lines += [f"   * - :py:obj:`~{name}`", f"     - {safe(first_sentence(documentation(name)))}"]
        lines.append("")
        for name in names:
            lines += entry(name)
        return self.parse_text_to_nodes("\n".join(["````{eval-rst}", *lines, "````"]))


def entry(name: str) -> list[str]:
    """Return the directive that shows a name."""
    thing = named(name)
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
        foreign = [key for key, value in vars(thing).items() if type(value).__module__.startswith("sklearn.")]
        left_out = [f"   :exclude-members: {', '.join(foreign)}"] if foreign else []  # scikit-learn adds set_…_request
        return [f".. auto{kind}:: {name}", "   :members:", *left_out, ""]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {name}", ""]
    value = repr(thing)
    shown = [f"   :value: {value}"] if len(value) <= LONGEST_VALUE else []
    text = render(documentation(name).split("\n"))
    return [f".. py:data:: {name}", *shown, "", *(f"   {line}" for line in text), ""]


def documentation(name: str) -> str:
    """Return the docstring of a name; that of data stands below its assignment, in the module that makes it."""
    thing = named(name)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        return inspect.getdoc(thing) or ""
    module, _, attribute = name.rpartition(".")
    while (origin := imported_from(module, attribute)) is not None:
        module = origin
    docs = ModuleAnalyzer.for_module(module).find_attr_docs()
    return "\n".join(docs.get(("", attribute), [])).strip()


def imported_from(module: str, attribute: str) -> str | None:
    """Return the module that another one takes a name from."""
    for node in ast.parse(inspect.getsource(importlib.import_module(module))).body:
        if isinstance(node, ast.ImportFrom) and attribute in {a.name for a in node.names}:
            return node.module
    return None


def named(name: str) -> Any:
    """Return what a dotted name means."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[^.]\.)\s+(?=[A-Z])", paragraph)[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("entries", Entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
