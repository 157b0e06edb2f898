"""The public names are chosen: each is listed here, has a docstring, and nothing else is exported by accident."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pellucid as pl

ROOT = Path(__file__).parents[1]
SOURCE = Path(pl.__file__).read_text()
NAMES = re.findall(r"^from \S+ import (?:\w+) as (\w+)$", SOURCE, re.M)


def test_every_export_is_explicit():
    public = {n for n in vars(pl) if not n.startswith("_")} - {"importlib", "Any", "TYPE_CHECKING"}
    rooms = {p.stem for p in Path(pl.__file__).parent.iterdir()}

    assert len(NAMES) == len(set(NAMES))
    assert public - rooms <= set(NAMES)


def test_every_public_thing_says_what_it_is():
    for name in NAMES:
        thing = getattr(pl, name)
        if callable(thing):
            assert inspect.getdoc(thing), name


def test_the_changelog_begins_with_this_version():
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1) == pl.__version__


def test_the_readmes_example_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.S).group(1)
    exec(compile(example.replace("epochs=5", "epochs=1"), "README.md", "exec"), {})

    assert "passed" in capsys.readouterr().out
