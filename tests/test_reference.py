"""The reference is whole and true: every public name has an entry on a page, and an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers import LAYERS

PAGES = sorted((Path(__file__).parents[1] / "docs" / "reference").glob("*.md"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROOMS = (
    "pellucid", "pellucid.data", "pellucid.explain", "pellucid.explain.evaluate", "pellucid.interop",
    "pellucid.kernels", "pellucid.layers", "pellucid.models", "pellucid.plots", "pellucid.sklearn",
    "pellucid.training", "pellucid.views",
)  # fmt: skip
FILES = (
    "pellucid.errors",
    "pellucid.initializers",
    "pellucid.losses",
    "pellucid.optimizers",
    "pellucid.schedules",
    "pellucid.testing",
)


def entries(page: Path) -> list[str]:
    return [
        name
        for block in re.findall(r"^```{entries}\n(.*?)^```", page.read_text(), re.M | re.S)
        for name in block.split()
    ]


ENTRIES = {name: page for page in PAGES for name in entries(page)}


def named(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def public_names() -> list[str]:
    """What the rooms export, and what the files that are rooms of their own define."""
    found = []
    for module in map(importlib.import_module, ROOMS):
        exported = re.findall(r"^ *from pellucid\S* import \w+ as (\w+)$", inspect.getsource(module), re.M)
        found += [f"{module.__name__}.{name}" for name in getattr(module, "__all__", exported)]
    for module in map(importlib.import_module, FILES):
        own = [n for n, x in vars(module).items() if getattr(x, "__module__", "") == module.__name__]
        found += [f"{module.__name__}.{name}" for name in own if not name.startswith("_")]
    return [name for name in found if not isinstance(named(name), types.ModuleType)]


def test_every_public_name_has_an_entry():
    held = [named(name) for name in ENTRIES]
    missing = [name for name in public_names() if not any(named(name) is thing for thing in held)]

    assert len(public_names()) > 250
    assert missing == []


def test_no_name_has_two_entries():
    everything = [name for page in PAGES for name in entries(page)]

    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_has_an_example_that_prints_what_it_shows(name, tmp_path, monkeypatch):
    thing = named(name)
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        shown = [line for line in ENTRIES[name].read_text().splitlines() if line.startswith(">>> ")]
        assert any(name.rpartition(".")[2] in line for line in shown)  # `test_docs` runs what a page shows
        return
    monkeypatch.chdir(tmp_path)
    known = dict(LAYERS)
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(thing), {"np": np, "pl": pl}, name, None, 0)
    said: list[str] = []
    with np.errstate(divide="warn", over="warn", invalid="warn"):  # as a reader has it
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=said.append)
    LAYERS.clear()
    LAYERS.update(known)

    assert result.attempted > 0
    assert result.failed == 0, "".join(said)
