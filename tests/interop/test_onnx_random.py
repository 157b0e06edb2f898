"""Random networks with branches, exported: onnxruntime computes what they compute.

PELLUCID_RUNS=2000 pytest tests/interop/test_onnx_random.py
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from cases import CASES
from interop.onnx_judges import LAYOUTS, assert_equal, by_runtime, written
from pellucid.errors import PellucidError
from pellucid.interop.onnx.save import NEWEST, OLDEST
from pellucid.layers.merge import MERGES

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHAPES = ((6,), (5, 6, 2), (6, 5, 4), (4, 6))
LARGEST = 400
"""Numbers in a sample; a network may enlarge it many times."""
OWN_MERGES = [kind for name, kind in MERGES.items() if getattr(pl, name, None) is kind and kind is not pl.Merge]


@st.composite
def graphs(draw):
    """A built graph of layers from the cases and of merges; what no node takes ends in one row of numbers."""
    shapes = {"input": draw(st.sampled_from(SHAPES))}
    nodes = {}
    for i in range(draw(st.integers(1, 8))):
        operation = draw(st.sampled_from([*CASES, *OWN_MERGES]))
        several = isinstance(operation, type)
        operation = operation() if several else operation.make()
        names = draw(st.lists(st.sampled_from([*shapes]), min_size=1 + several, max_size=1 + 2 * several))
        given_shapes = [shapes[name] for name in names]
        try:
            shape = operation.infer_shape(given_shapes if several else given_shapes[0])
        except PellucidError:
            continue
        if 0 < np.prod(shape) <= LARGEST:
            nodes[f"n{i}"], shapes[f"n{i}"] = (operation, names), shape
    taken = {name for _, names in nodes.values() for name in names}
    ends = [name for name in ("input", *nodes) if name not in taken]
    nodes |= {f"flat_{name}": (pl.Flatten(), name) for name in ends}
    if len(ends) > 1:
        nodes["all"] = (pl.Concat(), [f"flat_{name}" for name in ends])
    return pl.Graph(nodes, input_shape=shapes["input"], seed=draw(st.integers(0, 9)))


@settings(max_examples=int(os.environ.get("PELLUCID_RUNS", "60")))
@given(network=graphs(), layout=st.sampled_from(LAYOUTS), opset=st.integers(OLDEST, NEWEST))
def test_a_random_graph_computes_the_same_in_onnxruntime(network, layout, opset, tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (7, *network.input_shape)).astype(np.float32)
    network.forward(x, train=True, rng=rng)  # so that BatchNorm has statistics
    model = written(network, tmp_path_factory.getbasetemp() / "random.onnx", layout=layout, opset=opset)

    one, seven = by_runtime(model, x[:1], x, layout=layout)

    assert_equal(one, network(x[:1]))
    assert_equal(seven, network(x))
