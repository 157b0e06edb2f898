"""What is given to users: `python tests/distribution.py dist PYTHON` (`make dist`).

The wheel and the source distribution in the folder `dist` hold the files of the repository that belong there and no
others; PYTHON, of an environment where the wheel is installed, runs it, and mypy, of this environment, checks a user's
file against it.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SDIST = ("src", "tests", "docs", "examples")
SDIST_FILES = {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CITATION.cff", "SECURITY.md",
               "CONTRIBUTING.md", "Makefile", ".gitignore", "PKG-INFO"}  # fmt: skip

USER = """
import numpy as np
import pellucid as pl

train, test = pl.mnist()
network: pl.Sequential = pl.Sequential([pl.Affine(50), pl.ReLU(), pl.Affine(10)], input_shape=784, seed=1)
history = pl.fit(network, train[:100], epochs=1, optimizer=pl.Adam(0.001), progress=False)
accuracy: float | None = pl.evaluate(network, test[:100]).accuracy
probabilities = pl.predict_proba(network, test.x[:2])
first: float = float(probabilities[0, 0])
network = pl.copy_network(network)
maps = pl.explain.saliency(network, test.x[:2], 3).values
pl.save(network, "net.safetensors")
wrong: str = pl.evaluate(network, test)  # must be an error: types are read, not Any
"""


def tracked() -> set[str]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(listed.split("\n")) - {""}


def expect_same(what: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        sys.exit(f"{what}: too many {sorted(found - expected)}, missing {sorted(expected - found)}")
    print(f"{what}: {len(found)} files, as they should be")


def check_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = next(name.partition("/")[0] for name in names if ".dist-info/" in name)
    metadata = {f"{info}/{n}" for n in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    licences = {f"{info}/licenses/{n}" for n in ("LICENSE", "NOTICE")}
    package = {name.removeprefix("src/") for name in tracked() if name.startswith("src/")}
    expect_same(wheel.name, names, package | metadata | licences)
    if "pellucid/py.typed" not in names:
        sys.exit(f"{wheel.name}: py.typed is missing")


def check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {name for name in tracked() if name.split("/")[0] in SDIST or name in SDIST_FILES} | {"PKG-INFO"}
    expect_same(sdist.name, names, expected)


def check_types(python: str) -> None:
    """A user's file, strictly, without the source tree: its one wrong line is found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "user.py").write_text(USER, encoding="utf-8")
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "user.py"]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    wrong = USER[: USER.index("wrong:")].count("\n") + 1
    errors = [line for line in said.splitlines() if "error:" in line]
    if len(errors) != 1 or "Evaluation" not in errors[0] or not errors[0].startswith(f"user.py:{wrong}:"):
        sys.exit(f"mypy --strict of a user's file: {said}")
    print("mypy --strict of a user's file: finds the wrong line and no other")


def check_use(python: str) -> None:
    """The user's file runs, away from the source tree, and so does the command."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-c", USER], cwd=folder, check=True)
        subprocess.run([str(Path(python).with_name("pellucid")), "--version"], cwd=folder, check=True)


if __name__ == "__main__":
    folder, interpreter = Path(sys.argv[1]), str(Path(sys.argv[2]).absolute())
    (one_wheel,), (one_sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    check_wheel(one_wheel)
    check_sdist(one_sdist)
    check_types(interpreter)
    check_use(interpreter)
