"""The directive `command`: a command of the command line, with its usage, its help and its options, read from click."""

from __future__ import annotations

import inspect

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pellucid.cli.main import cli


class Command(SphinxDirective):
    """The name of a command, such as `train`; `pellucid` for the group."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entry."""
        name = self.arguments[0]
        command = cli if name == "pellucid" else cli.get_command(click.Context(cli), name)
        if command is None:
            raise self.error(f"there is no command {name!r}")
        lines = describe(command, "pellucid" if name == "pellucid" else f"pellucid {name}")
        return self.parse_text_to_nodes("\n".join(["````{eval-rst}", *lines, "````"]))


def describe(command: click.Command, path: str) -> list[str]:
    """Return usage, help and options as reStructuredText."""
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f".. program:: {path}", "", ".. code-block:: none", "", f"   {usage}", ""]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        kept = paragraph.startswith("\b\n")  # click's mark: these lines stay as they are
        text = paragraph.removeprefix("\b\n").split("\n")
        lines += [".. code-block:: none", "", *(f"   {line}" for line in text), ""] if kept else [*text, ""]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            names, text = record
            lines += [f".. option:: {names}", "", f"   {text}", ""]
    return lines


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("command", Command)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
