"""Imports flow one way, and importing the package loads nothing that is large."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid

SOURCE = Path(pellucid.__file__).parent

# A room may import from the rooms before it, never from those after.
ORDER = [
    {"typing", "errors", "shown", "flat"}, {"arrays", "calls"}, {"kinds"}, {"checks", "checked", "constructed"},
    {"files"},
    {"functions", "schedules", "initializers"}, {"kernels"}, {"layers"}, {"class_weights"},
    {"losses", "optimizers", "numerical"}, {"outputs", "pictures"}, {"gradcheck", "data", "plots"},
    {"factcheck", "testing", "interop"}, {"training"}, {"explain"}, {"views"}, {"models"}, {"report"},
    {"cli", "__init__", "__main__"},
]  # fmt: skip
RANK = {name: i for i, names in enumerate(ORDER) for name in names}
OPTIONAL = {"numba", "llvmlite", "scipy", "matplotlib", "pandas", "PIL", "onnx", "sklearn", "torch", "rich"}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every module that a file imports, and whether it does so at the top, where importing the file runs it."""
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "pellucid" else [f"pellucid.{a.name}" for a in node.names]
        found += [(name, node in tree.body) for name in names]
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_flow_one_way(path):
    for name, at_top in imports(path):
        package, _, rest = name.partition(".")
        if package == "pellucid" and rest and at_top:
            target = rest.split(".")[0]
            assert RANK[target] <= RANK[room(path)], f"{path.name} imports {name}"
        if package in OPTIONAL and at_top:
            assert "kernels" in path.parts, f"{path.name} imports {package} when it is loaded"


def test_every_room_has_a_rank():
    assert {room(path) for path in SOURCE.rglob("*.py")} <= set(RANK)


def test_importing_the_package_loads_nothing_large():
    code = "import sys, pellucid; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert not loaded & (OPTIONAL | {"click", "safetensors"})
