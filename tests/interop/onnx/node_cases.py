"""ONNX's own node cases against our importer: one small graph for each operator and option, with inputs and outputs.

    cd tests && python -m interop.onnx.node_cases

prints how many cases of each operator pass, and why the others do not. The cases are made by the package `onnx`, which
judges us here; nothing is fetched. Counted are those whose outputs are all float32, with a float32 input, and that are
no expansion of an operator into others. The first float32 input is the data, all others are bound as constants; a
graph of several outputs is imported once for each.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.interop.onnx import load_onnx

pytest.importorskip("onnx")

OPERATORS = tuple(
    [
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvTranspose",
        "Div",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
        "Flatten",
        "Gather",
        "Gelu",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "InstanceNormalization",
        "LRN",
        "LayerNormalization",
        "LeakyRelu",
        "LogSoftmax",
        "MatMul",
        "MaxPool",
        "Mul",
        "PRelu",
        "Pad",
        "ReduceMean",
        "Relu",
        "Reshape",
        "Resize",
        "Selu",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Softplus",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Tanh",
        "Transpose",
        "Unsqueeze",
    ]
)  # noqa: SIM905
"""What the importer is asked for."""

NOT_NETWORKS = {
    "test_training_dropout_default": "draws its output at random",
    "test_training_dropout": "draws its output at random",
    "test_reshape_allowzero_reordered": "an empty tensor",
    "test_slice_start_out_of_bounds": "an empty tensor",
}
"""The cases that no network for prediction is made of, and why."""

FLOAT = 1


class Case(NamedTuple):
    """A graph of one node, its inputs and its outputs by name."""

    name: str
    operator: str
    model: Any
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@cache
def cases() -> tuple[Case, ...]:
    """Every case of one node."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return tuple(made for case in found if "_expanded" not in case.name and (made := _case(case)) is not None)


def _case(case: Any) -> Case | None:
    graph = case.model.graph
    if len(graph.node) != 1 or graph.node[0].domain or len(case.data_sets) != 1:
        return None
    inputs, outputs = case.data_sets[0]
    names = [value.name for value in graph.input], [value.name for value in graph.output]
    return Case(
        case.name,
        graph.node[0].op_type,
        case.model,
        dict(zip(names[0], inputs, strict=False)),
        dict(zip(names[1], outputs, strict=False)),
    )


def is_float32(case: Case) -> bool:
    """Whether the data are float32, and all that comes out."""
    inputs, outputs = (
        [value.type.tensor_type.elem_type for value in values]
        for values in (case.model.graph.input, case.model.graph.output)
    )
    return FLOAT in inputs and all(kind == FLOAT for kind in outputs)


def failure(case: Case, folder: Path) -> str:
    """Import the graph of a case and run it; return why it does not give what it should, or ""."""
    path = folder / "case.onnx"
    path.write_bytes(case.model.SerializeToString())
    data = next(name for name, x in case.inputs.items() if getattr(x, "dtype", None) == np.float32)
    constants = {name: x for name, x in case.inputs.items() if name != data}
    for name, wanted in case.outputs.items():
        try:
            network = load_onnx(path, output=name, inputs=constants)
            got = run(network, np.asarray(case.inputs[data]))
        except PellucidError as error:
            return f"{type(error).__name__}: {error}"
        if got.shape != np.shape(wanted) or not np.allclose(got, wanted, rtol=1e-3, atol=1e-7, equal_nan=True):
            return f"{name}: got {got.shape}, wanted {np.shape(wanted)}, or other numbers"
    return ""


def run(network: pl.Graph, x: np.ndarray) -> np.ndarray:
    """The output for a tensor, which is a batch or one sample."""
    if network.input_shape == x.shape[1:] and x.ndim:
        return network(x)
    return network(x[None])[0]


def survey(operators: tuple[str, ...] = OPERATORS) -> tuple[Counter[str], dict[str, str]]:
    """Return how many cases of each operator pass, and why the others do not, by name."""
    passed, failed = Counter(), {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if case.operator in operators and is_float32(case):
                why = failure(case, Path(folder))
                if why:
                    failed[case.name] = why
                else:
                    passed[case.operator] += 1
    return passed, failed


if __name__ == "__main__":
    passed, failed = survey()
    for operator in OPERATORS:
        print(f"{operator:24}{passed[operator]:4}")
    print(f"{'together':24}{sum(passed.values()):4}\n\nnot read:")
    for name, why in failed.items():
        print(f"  {name}: {why.removeprefix('UnsupportedError: ')}")
