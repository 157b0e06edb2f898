"""Random networks with branches, exported: onnxruntime computes what they compute.

PELLUCID_GRAPHS=2000 pytest tests/interop/test_onnx_random.py
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from cases import CASES
from interop.onnx_judges import LAYOUTS, assert_equal, by_runtime, outside, written
from pellucid.errors import PellucidError
from pellucid.interop.onnx.save import NEWEST, OLDEST
from pellucid.layers.merge import MERGES

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHAPES = ((6,), (5, 6, 2), (6, 5, 4), (4, 6))
LARGEST = 400
"""Numbers in a sample; a network may enlarge it many times."""
MAKERS = [case.make for case in CASES]
MERGING = [kind for name, kind in MERGES.items() if getattr(pl, name, None) is kind and name not in ("Merge", "Divide")]
"""Divisors near 0 magnify what was rounded."""


@st.composite
def graphs(draw):
    """A built graph of layers from the cases and of merges; what no node takes ends in one row of numbers."""
    shapes = {"input": draw(st.sampled_from(SHAPES))}
    nodes, chance = {}, draw(st.randoms(use_true_random=False))
    for i in range(draw(st.integers(1, 10))):
        latest = [*shapes][-3:]
        names = draw(st.lists(st.sampled_from(latest), min_size=1, max_size=3))
        fitting = [make for make in (MERGING if len(names) > 1 else MAKERS) if fits(make(), names, shapes)]
        if fitting:
            operation = chance.choice(fitting)()
            nodes[f"n{i}"], shapes[f"n{i}"] = (operation, names), made(operation, names, shapes)
    taken = {name for _, names in nodes.values() for name in names}
    ends = [name for name in ("input", *nodes) if name not in taken]
    nodes |= {f"flat_{name}": (pl.Flatten(), name) for name in ends}
    if len(ends) > 1:
        nodes["all"] = (pl.Concat(), [f"flat_{name}" for name in ends])
    return pl.Graph(nodes, input_shape=shapes["input"], seed=draw(st.integers(0, 9)))


def made(operation, names, shapes):
    """Return the shape that a layer or merge makes of what the names stand for."""
    given_shapes = [shapes[name] for name in names]
    return operation.infer_shape(given_shapes if isinstance(operation, pl.Merge) else given_shapes[0])


def fits(operation, names, shapes):
    try:
        return 0 < np.prod(made(operation, names, shapes)) <= LARGEST
    except PellucidError:
        return False


@settings(max_examples=int(os.environ.get("PELLUCID_GRAPHS", "60")))
@given(network=graphs(), layout=st.sampled_from(LAYOUTS), opset=st.integers(OLDEST, NEWEST))
def test_a_random_graph_computes_the_same_in_onnxruntime(network, layout, opset, tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (7, *network.input_shape)).astype(np.float32)
    network.forward(x, train=True, rng=rng)  # so that BatchNorm has statistics
    model = written(network, tmp_path_factory.getbasetemp() / "random.onnx", layout=layout, opset=opset)

    one, seven = by_runtime(model, x[:1], x, layout=outside(network, layout))

    assert_equal(one, network(x[:1]))
    assert_equal(seven, network(x))
