"""Layers as plain data: complete, strict about what they accept, and executing nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.initializers import Gaussian, Uniform
from pellucid.layers import (
    LAYERS,
    Affine,
    Dropout,
    Flatten,
    ReLU,
    Reshape,
    Sequential,
    copy_network,
    from_spec,
    to_spec,
)
from pellucid.layers.merge import MERGES


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


# Layers of a user's own


@pytest.fixture
def registry():
    """The classes that files know, as they were before."""
    known, merges = dict(LAYERS), dict(MERGES)
    yield
    LAYERS.clear()
    LAYERS.update(known)
    MERGES.clear()
    MERGES.update(merges)


def scaled(name, factor, **namespace):
    """A new class of layers, y = factor x."""
    body = {
        "infer_shape": lambda self, shape: shape,
        "forward": lambda self, x, *, train=False, rng=None: (x * x.dtype.type(getattr(self, "k", factor)), None),
        "backward": lambda self, dy, cache, *, need_dx=True, need_grads=True: (dy, {}),
        "__module__": "a.notebook",
        **namespace,
    }
    return type(name, (pl.Layer,), body)


def of(layer):
    return pl.Sequential([layer, pl.Affine(2)], input_shape=3)


WAYS = {"save": lambda n, path: pl.save(n, path), "copy": lambda n, path: pl.copy_network(n)}


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("way", WAYS)
def test_a_class_that_another_one_of_its_name_has_replaced_is_refused(way, tmp_path):
    network = of(scaled("Scaled", 2)())
    scaled("Scaled", 5)
    with pytest.raises(ArgumentError, match=r"Scaled: another class of that name is known.*make the layer anew"):
        WAYS[way](network, tmp_path / "n.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("way", WAYS)
def test_the_packages_own_names_stay_its_own(way, tmp_path):
    before = of(pl.ReLU())
    mine = scaled("ReLU", 5)
    scaled("Add", 5)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    pl.save(before, tmp_path / "ours.safetensors")
    for twin in (pl.load(tmp_path / "ours.safetensors"), pl.copy_network(before)):
        assert np.array_equal(twin(x), before(x))
    network = of(mine())
    assert np.allclose(network(x), network.layers[1](5 * x))  # it may be used
    with pytest.raises(ArgumentError, match=r"ReLU: another class of that name is known \(pellucid\..*Rename yours"):
        WAYS[way](network, tmp_path / "n.safetensors")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("default", [True, False])
def test_a_config_that_leaves_an_argument_out_is_refused_before_anything_is_written(way, default, tmp_path):
    if default:

        def __init__(self, k=1.0, *, name=""):
            pl.Layer.__init__(self, name=name)
            self.k = k
    else:

        def __init__(self, k, *, name=""):
            pl.Layer.__init__(self, name=name)
            self.k = k

    network = of(scaled("Forgetful", 1, __init__=__init__)(3.0))
    with pytest.raises(ArgumentError, match=r"config.*every argument|every argument of its layer"):
        WAYS[way](network, tmp_path / "n.safetensors")
    assert not list(tmp_path.iterdir())
