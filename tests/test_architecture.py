"""Imports flow one way, and importing the package loads nothing that is large."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid
from pellucid.layers import LAYERS
from pellucid.layers.merge import MERGES

SOURCE = Path(pellucid.__file__).parent

# A room may import from the rooms before it, never from those after.
ORDER = [
    {"typing", "errors", "shown", "flat"}, {"arrays", "calls"}, {"kinds"}, {"checks", "checked", "constructed"},
    {"files"}, {"functions", "schedules", "class_weights"}, {"losses"}, {"specs"}, {"kernels"}, {"initializers"},
    {"layers"}, {"optimizers", "numerical"}, {"outputs", "pictures"}, {"gradcheck", "data", "plots"},
    {"factcheck", "testing", "interop"}, {"training"}, {"explain"}, {"views"}, {"models"}, {"report", "sklearn"},
    {"cli", "__init__", "__main__"},
]  # fmt: skip
SHELVES = {
    "explain": [
        {"parts", "resize"},
        {"target", "result"},
        {"machinery"},
        {"methods", "maximization"},
        {"catalogue", "all_classes"},
        {"evaluate"},
        {"__init__"},
    ],
}
"""The same within a room."""
RANK = {name: i for i, names in enumerate(ORDER) for name in names}
OPTIONAL = {"numba", "llvmlite", "scipy", "matplotlib", "pandas", "PIL", "onnx", "sklearn", "torch", "rich"}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every module that a file imports, wherever it does, and whether that is when the file is loaded."""
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "pellucid" else [f"pellucid.{a.name}" for a in node.names]
        found += [(name, node in tree.body) for name in names]
    return found


def runs_up(path: Path, name: str) -> bool:
    """Whether an import goes from a room, or a shelf of it, to one that stands after it."""
    package, *rest = name.split(".")
    if package != "pellucid" or not rest:
        return False
    here = [*path.relative_to(SOURCE).with_suffix("").parts]
    if RANK[rest[0]] != RANK[here[0]] or rest[0] != here[0]:
        return RANK[rest[0]] > RANK[here[0]]
    shelves = {name: i for i, names in enumerate(SHELVES.get(here[0], ())) for name in names}
    return len(rest) > 1 and len(here) > 1 and shelves.get(rest[1], 0) > shelves.get(here[1], 0)


every_file = pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)


@every_file
def test_imports_flow_one_way_also_those_within_functions(path):
    assert not [name for name, _ in imports(path) if runs_up(path, name)]


@every_file
def test_what_is_large_is_imported_where_it_is_used(path):
    for name, at_top in imports(path):
        if at_top and name.partition(".")[0] in OPTIONAL:
            assert room(path) in ("kernels", name.partition(".")[0]), f"{path.name} imports {name} when it is loaded"


@every_file
def test_private_names_stay_in_their_file(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pellucid"):
            assert not [a.name for a in node.names if a.name.startswith("_") and not a.name.startswith("__")]


@pytest.mark.parametrize(
    ("path", "name", "up"),
    [
        ("layers/conv.py", "pellucid.kernels", False),
        ("layers/conv.py", "pellucid.layers.base", False),
        ("layers/conv.py", "pellucid.training.fit", True),
        ("explain/machinery/fold.py", "pellucid.explain.target", False),
        ("explain/machinery/fold.py", "pellucid.explain.methods.lrp", True),
        ("explain/target.py", "pellucid.explain.catalogue", True),
    ],
)
def test_an_arrow_that_runs_up_is_found(path, name, up):
    assert runs_up(SOURCE / path, name) == up


def test_every_room_has_a_rank():
    assert {room(path) for path in SOURCE.rglob("*.py")} <= set(RANK)


def test_importing_the_package_loads_nothing_large():
    code = "import sys, pellucid; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert not loaded & (OPTIONAL | {"click", "safetensors"})


# What layers there are is known in `layers/` alone: everybody else asks the layer. A form of layer is no layer.
KNOWN = {*LAYERS, *MERGES} - {"Layer", "Container", "Merge", "Activation"}
MAY_NAME = {
    "kinds.py": "what error messages call the types of arguments",
    "outputs.py": "Softmax and Sigmoid are words here, for what makes probabilities of scores",
    "interop/keras/topology.py": "Sequential is a word here, for what Keras calls so",
    "interop/keras/kinds/activation.py": "ReLU, ELU and Softmax are words here, for layers of Keras",
    "models/simple_cnn.py": "the activations that its maker may choose by name",
}


def listed_layers(path: Path) -> list[str]:
    """The layers, by type or name, that a file lists or tells apart."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            found += [_named(item) for item in node.elts]
        elif isinstance(node, ast.Dict):
            found += [_named(item) for item in (*node.keys, *node.values)]
        elif isinstance(node, ast.Call) and _named(node.func) in ("isinstance", "issubclass", "is_plain"):
            found += [_named(item) for argument in node.args[1:] for item in ast.walk(argument)]
        elif isinstance(node, ast.Compare) and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            found += [_named(item) for item in node.comparators]
    return [name for name in found if name in KNOWN]


def _named(node: ast.AST | None) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@every_file
def test_nobody_outside_layers_lists_layers_or_tells_them_apart(path):
    place = path.relative_to(SOURCE).as_posix()
    if room(path) == "layers" or place.startswith("interop/onnx/read/"):  # which says what ONNX's Add and Conv become
        return
    assert bool(listed_layers(path)) == (place in MAY_NAME), listed_layers(path)


@pytest.mark.parametrize(
    "code",
    [
        "KINDS = (Conv2D, pl.Affine)",
        "x = {'Flatten': 1}",
        "isinstance(a, Conv2D)",
        "isinstance(a, (Layer, Dropout))",
        "is_plain(a, pl.Add)",
        "type(a) is ReLU",
    ],
)
def test_a_list_of_layers_is_found(code, tmp_path):
    (tmp_path / "file.py").write_text(code)
    assert listed_layers(tmp_path / "file.py")


def test_forms_and_layers_that_are_made_are_no_list(tmp_path):
    (tmp_path / "file.py").write_text("isinstance(a, (Layer, Merge))\nlayers = [Conv2D(8, 3), Affine(2)]\n")
    assert not listed_layers(tmp_path / "file.py")
