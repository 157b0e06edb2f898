"""CONTRIBUTING tells what is to be done in five boxes each, and what it names is there."""

from __future__ import annotations

import importlib
import re
from functools import partial
from pathlib import Path

import pytest

import pellucid as pl
import plain
from pellucid.cli.main import COMMANDS
from pellucid.layers import LAYERS, Container

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = dict(re.findall(r"## How to add a ([a-z ]+)\n(.*?)(?=\n## )", TEXT, re.DOTALL))
SOURCE = ROOT / "src" / "pellucid"


def test_five_things_can_be_added():
    assert list(SECTIONS) == ["layer", "method of explanation", "kernel", "command", "data source"]


@pytest.mark.parametrize("thing", SECTIONS)
def test_each_takes_five_boxes(thing):
    assert len(re.findall(r"^- \[ \] \*\*\w", SECTIONS[thing], re.MULTILINE)) == 5


@pytest.mark.parametrize("thing", SECTIONS)
def test_what_a_box_names_stands_in_the_file_that_it_names(thing):
    said = " ".join(SECTIONS[thing].split())
    found = re.findall(r"`(\w+)` (?:in|of) `([\w/]+\.py)`", said)
    for name, file in found:
        path = next(folder / file for folder in (SOURCE, ROOT) if (folder / file).exists())
        assert re.search(rf"^(def|class) {name}\b|^{name}\b.*=", path.read_text(), re.MULTILINE), (name, file)


def test_every_layer_has_its_equation_in_numpy():
    kinds = {kind for name, kind in LAYERS.items() if hasattr(pl, name) and not issubclass(kind, Container)}
    assert not [kind.__name__ for kind in kinds - {*plain.LAYERS}]


def test_every_command_is_on_all_pages_and_loads_by_its_name():
    pages = ("docs/reference/commands.md", "docs/cli.md", "README.md")
    reference, sessions, readme = ((ROOT / page).read_text() for page in pages)
    for name, module in COMMANDS.items():
        assert f"```{{command}} {name}" in reference
        assert f"| `pellucid {name}" in sessions, f"{name}: a row of the table"
        assert re.search(rf"^## .*\b{name}\b", sessions, re.MULTILINE), f"{name}: a part with a session"
        assert f"`{name}`" in readme
        assert hasattr(importlib.import_module(f"pellucid.cli.{module}"), f"{name}_command")


def test_every_method_says_its_limits_and_its_source():
    for method in pl.explain.METHODS.values():
        function = method.call.func if isinstance(method.call, partial) else method.call
        for part in ("Limits\n    ------", "References\n    ----------", "Examples\n    --------"):
            assert part in (function.__doc__ or ""), (method.name, part)


def test_every_loader_is_on_the_page_of_data():
    page = (ROOT / "docs" / "data.md").read_text()
    loaders = [name for name in dir(pl.data) if name.startswith("load_")]
    assert loaders
    assert not [name for name in loaders if name not in page]
