"""The house's budgets where they are easily lost: functions and calls of the kernels, exceptions from the format."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pellucid

SOURCE = Path(pellucid.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
KERNELS = sorted((SOURCE / "kernels").rglob("*.py"))
OTHERS_OWN = {"reshape", "transpose", "call"}
"""NumPy's methods that take a list of axes, and LLVM's functions, whose arguments are LLVM's."""

every_kernel = pytest.mark.parametrize("path", KERNELS, ids=lambda path: str(path.relative_to(SOURCE)))


@every_kernel
def test_no_function_of_the_kernels_has_more_than_40_lines(path):
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    assert not [f"{f.name}: {lines(f)}" for f in functions if lines(f) > 40]


def lines(function: ast.FunctionDef) -> int:
    """How many lines a function has, docstrings aside."""
    inside = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef)]
    first = [node.body[0] for node in inside if ast.get_docstring(node) is not None]
    docstrings = sum((text.end_lineno or 0) - text.lineno + 1 for text in first)
    return (function.end_lineno or 0) - function.lineno + 1 - docstrings


@every_kernel
def test_no_call_within_the_kernels_has_more_than_six_arguments_without_their_names(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and not any(isinstance(a, ast.Starred) for a in node.args):
            name = ast.unparse(node.func).rpartition(".")[2]
            assert len(node.args) <= 6 or name in OTHERS_OWN, (name, node.lineno)


def test_few_lines_are_kept_from_the_formatter():
    mark = "# fmt: " + "skip"
    files = [path for folder in ("src", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")]
    assert sum(path.read_text().count(mark) for path in files) < 60
