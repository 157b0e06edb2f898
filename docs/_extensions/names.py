"""Names in backticks become links where the site has an entry of that name, and stay code where it has none.

In docstrings every name is tried, from the inside out: the class, its module, the package. In pages only what begins
with `pl.` is, for there a single word may mean anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.roles import XRefRole
from sphinx.util.nodes import make_refnode

ROOMS = ("explain", "explain.evaluate", "losses", "optimizers", "schedules", "errors", "data", "layers", "kernels")


class NameRole(XRefRole):
    """The role of a docstring's backticks."""

    def process_link(self, env: Any, refnode: Any, has_explicit_title: bool, title: str, target: str) -> Any:
        """Keep where the name stands."""
        refnode["py:module"] = env.ref_context.get("py:module") or "pellucid"
        refnode["py:class"] = env.ref_context.get("py:class") or ""
        return title, target


def candidates(node: pending_xref) -> Iterator[str]:
    """Yield the full names that a name may be short for, the nearest first."""
    name = re.sub(r"\(.*", "", node["reftarget"], flags=re.S).removeprefix("pl.")
    module = node.get("py:module", "pellucid")
    if node.get("py:class"):
        yield f"{module}.{node['py:class']}.{name}"
    yield name
    for place in (module, "pellucid", *(f"pellucid.{room}" for room in ROOMS)):
        yield f"{place}.{name}"


def resolve(app: Sphinx, env: Any, node: pending_xref, shown: nodes.Node) -> nodes.Node | None:
    """Return the link, or the code alone."""
    if node["reftype"] != "name":
        return None
    entries = env.domains.python_domain.objects
    for name in candidates(node):
        if name in entries:
            entry = entries[name]
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, shown, name)
    return shown


def link_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Make the code of pages that begins with `pl.` a name."""
    for code in list(doctree.findall(nodes.literal)):
        if code.astext().startswith("pl.") and not isinstance(
            code.parent, (nodes.reference, nodes.title, pending_xref)
        ):
            name = pending_xref("", refdomain="", reftype="name", reftarget=code.astext(), refdoc=app.env.docname)
            code.replace_self(name)
            name += code


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the role."""
    app.add_role("name", NameRole(innernodeclass=nodes.literal))
    app.connect("missing-reference", resolve)
    app.connect("doctree-read", link_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
