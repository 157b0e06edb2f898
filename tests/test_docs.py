"""The documentation is true: its snippets print what it shows, its commands too, and the files it names are there.

In docs/*.md a line that begins with `>>>` is run, and what follows is compared, as doctest does. In docs/cli.md each
`$ command` of a console block is run in a shell; there the words must agree, the numbers need not.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers import LAYERS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # long lines may be broken on the page


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture
def layers_of_its_own() -> Iterator[None]:
    """Forget the layers that a page defines: the register is the process's."""
    known = dict(LAYERS)
    yield
    LAYERS.clear()
    LAYERS.update(known)


@pytest.mark.usefixtures("layers_of_its_own")
@pytest.mark.parametrize("path", [p for p in PAGES if "\n>>> " in p.read_text()], ids=page_id)
def test_the_snippets_print_what_the_page_shows(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```.*$", "", path.read_text(), flags=re.M)  # an empty line ends what is expected
    imported = {"np": np, "pl": pl} if path.parent.name == "reference" else {}  # as its first page says
    page = doctest.DocTestParser().get_doctest(text, imported, page_id(path), str(path), 0)
    said: list[str] = []
    with np.errstate(all="warn"):  # as a reader has it
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(page, out=said.append)

    assert result.attempted > 0
    assert result.failed == 0, "".join(said)


def test_the_commands_print_what_the_page_shows(tmp_path):
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / "docs" / "cli.md").read_text(), re.M | re.S)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
    code = 0
    assert blocks
    for block in blocks:
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            done = subprocess.run(
                ["bash", "-c", f"(exit {code}); {command}"],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
            )
            code = done.returncode
            got = done.stdout + done.stderr
            seen = str if command == "echo $?" else words

            assert doctest.OutputChecker().check_output(seen(expected), seen(got), OPTIONS), f"$ {command}\n{got}"


def words(text: str) -> str:
    """Return the text with its numbers as #, and ... for what … leaves out."""
    return re.sub(r"\d[\d.,]*(e[+-]\d+)?", "#", text).replace("…", "...")


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_the_files_that_a_page_names_are_there(path):
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target
    for name in re.findall(r"`([\w/]+/\w+\.(?:py|md))`", text):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "src" / "pellucid")), name


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_lines_are_not_long(path):
    long = [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 120]
    assert not long, f"{path.name}: more than 120 signs in lines {long}"
