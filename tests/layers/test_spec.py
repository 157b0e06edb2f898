"""Layers as plain data: complete, strict about what they accept, and executing nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.initializers import Gaussian, Uniform
from pellucid.layers import Affine, Dropout, Flatten, ReLU, Reshape, Sequential, copy_network, from_spec, to_spec


def test_a_spec_says_type_name_and_options() -> None:
    assert to_spec(Affine(3, bias=False, weight=Gaussian(0.5), name="out")) == {
        "type": "Affine",
        "name": "out",
        "units": 3,
        "bias": False,
        "weight": {"initializer": {"name": "gaussian", "std": 0.5}},
    }


def test_a_network_comes_back_from_json() -> None:
    network = Sequential(
        [
            Flatten(),
            Sequential([Affine(6, weight=Uniform(0.1)), ReLU()], name="block"),
            Dropout(0.25),
            Reshape((2, -1)),
        ],
        name="whole",
    )
    twin = from_spec(json.loads(json.dumps(to_spec(network))))

    assert repr(twin) == repr(network)
    assert isinstance(twin, Sequential)
    assert twin.layer("block.affine1").weight == Uniform(0.1)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ({"type": "Afine", "units": 3}, UnknownNameError, "Layer: unknown type 'Afine'. Did you mean 'Affine'"),
        ({"type": "os.system", "name": "x"}, UnknownNameError, "Layer: unknown type 'os.system'"),
        ({"type": "Affine"}, ArgumentError, "Affine: .*units"),
        ({"type": "Affine", "units": 0}, ArgumentError, "units must be a whole number of at least 1, got 0"),
        ({"type": "Affine", "units": 3, "colour": "red"}, ArgumentError, "Affine: .*colour"),
        ({"type": "Affine", "units": 3, "weight": {"initializer": {"name": "h"}}}, ArgumentError, "unknown name"),
        ({"type": "Dropout", "drop_probability": 2}, ArgumentError, r"drop_probability must lie in \[0, 1\)"),
        ({"type": "Sequential", "layers": 5}, ArgumentError, "Sequential: "),
        ({"type": "Sequential", "layers": [5]}, ArgumentError, "layer 0 is 5, which is not a Layer"),
        ({"type": "Container", "layers": []}, ArgumentError, "Container: is a form for classes of your own"),
        ({"units": 3}, ArgumentError, "A layer's description must be an object with a type"),
        ({"type": ["Affine"]}, ArgumentError, "A layer's description must be an object with a type"),
        ("Affine", ArgumentError, "A layer's description must be an object with a type, got 'Affine'"),
        (None, ArgumentError, "A layer's description must be an object with a type, got None"),
    ],
)
def test_descriptions_that_make_no_layer_are_refused(spec: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_spec(spec)


@pytest.fixture
def network() -> Sequential:
    return Sequential([Affine(4), Sequential([ReLU(), Affine(2)], name="block")], input_shape=3, seed=9)


def test_a_copy_has_the_same_numbers_and_is_independent(network: Sequential) -> None:
    twin = copy_network(network)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(network(x), twin(x))

    before = network(x)
    for p in twin.params.values():
        p += 1

    np.testing.assert_array_equal(before, network(x))
    assert (twin(x) != before).any()
    assert not {id(layer) for layer in network.walk()} & {id(layer) for layer in twin.walk()}


def test_a_copy_in_float64_computes_in_float64(network: Sequential) -> None:
    twin = copy_network(network, np.float64)

    assert {p.dtype for p in twin.params.values()} == {np.dtype(np.float64)}
    assert twin(np.ones((1, 3))).dtype == np.float64
    assert network(np.ones((1, 3))).dtype == np.float32
    for key, p in network.params.items():
        np.testing.assert_array_equal(p, twin.params[key])


def test_a_copy_of_a_network_that_is_not_built_will_be_built_alike() -> None:
    network = Sequential([Affine(4)], seed=9, dtype=np.float64)
    twin = copy_network(network)

    assert twin.input_shape is None
    assert (twin.seed, twin.dtype) == (9, np.float64)
