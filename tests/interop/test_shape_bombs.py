"""A few bytes of description never make the reader allocate what the file does not hold."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from cases import CASES
from interop.crafted import _Standardise, affine, chain, file_of, model_file, tensor, weights
from pellucid.errors import FileFormatError
from pellucid.interop import load, save
from pellucid.layers import LAYERS, Affine, Container, Layer, Sequential, to_spec

BOUND = 16 << 20
"""Bytes that any file may cost: the arrays of one layer of 262,144 channels, eight of them in float64."""


@pytest.fixture(autouse=True)
def _normalising_layer(monkeypatch):
    monkeypatch.setitem(LAYERS, "_Standardise", _Standardise)


def peak_of_loading(path):
    """The error, if any, and the bytes allocated at most."""
    tracemalloc.start()
    try:
        load(path)
    except FileFormatError as error:
        return error, tracemalloc.get_traced_memory()[1]
    else:
        return None, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HUGE = 10**9
BOMBS = {
    "units": model_file(chain(affine(HUGE)), weights()),
    "units without weights": model_file(chain(affine(HUGE)), {}),
    "units beyond any array": model_file(chain(affine(10**18)), weights()),
    "units within an array's limits": model_file(chain(affine(10**6)), weights(), [10**6]),
    "input": model_file(chain(affine()), weights(), [10**12]),
    "reshaped": model_file(chain({"type": "Reshape", "shape": [1, HUGE]}, {"type": "_Standardise"}), {}, [HUGE]),
    "np.ones and np.zeros": model_file(chain({"type": "_Standardise", "name": "a"}), {}, [HUGE]),
    "np.ones and np.zeros beside another tensor": model_file(
        chain({"type": "_Standardise", "name": "a"}), {"a.gain": np.ones(5, np.float32)}, [HUGE]
    ),
    "an initialiser that factorises": model_file(
        chain(affine(5000, weight={"initializer": {"name": "orthogonal"}})), weights(), [5000]
    ),
    "a container that builds itself": model_file(
        chain({"type": "Sequential", "layers": [affine(10**5)], "input_shape": [10**5]}), weights()
    ),
    "the outer container builds itself": model_file(chain(affine(10**5)) | {"input_shape": 10**5}, weights()),
    "a tensor of a petabyte": file_of({"a": tensor([1 << 48], 0, 1 << 50)}, b"1234"),
    "a tensor of nothing": file_of({"a": tensor([0, 1 << 48], 0, 0, "F64")}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_without_allocating(tmp_path, name):
    (tmp_path / "model").write_bytes(BOMBS[name])
    error, peak = peak_of_loading(tmp_path / "model")

    assert error is not None
    assert peak < 6 << 20


def inflated(spec, factor):
    """The description with every size multiplied."""
    if isinstance(spec, dict):
        return {key: inflated(value, factor) for key, value in spec.items()}
    if isinstance(spec, list):
        return [inflated(value, factor) for value in spec]
    return spec * factor if type(spec) is int and spec > 0 else spec


@pytest.mark.parametrize("factor", [1 << 10, 1 << 16, 1 << 22])
@pytest.mark.parametrize("case", [c for c in CASES if c.build().params], ids=lambda case: case.id)
def test_no_layer_allocates_more_than_its_file_holds(tmp_path, case, factor):
    """For every layer with parameters: the file of a small one, its description that of a huge one."""
    layer = case.build()
    network = layer if isinstance(layer, Container) else Sequential([layer], input_shape=case.shape)
    for wider, larger in ((factor, 1), (1, factor), (8, 1024)):
        shape = [n * larger for n in case.shape]
        description = inflated(to_spec(network), wider)
        data = model_file(description, {**network.params, **network.buffers}, shape)
        (tmp_path / "model").write_bytes(data)
        error, peak = peak_of_loading(tmp_path / "model")

        grown = (description, shape) != (to_spec(network), list(case.shape))  # LayerNorm() holds no size to multiply
        grown &= description != to_spec(network) or any(
            p.size > 1 for p in network.params.values()
        )  # one slope for all
        assert error is not None or not grown, "loaded, though its description grew: does an option ask for no numbers?"
        assert peak < BOUND


def test_loading_takes_the_size_of_the_file_and_little_more(tmp_path):
    network = Sequential([Affine(1000, weight="orthogonal"), Affine(1000)], input_shape=1000)
    save(network, tmp_path / "model")
    size = (tmp_path / "model").stat().st_size
    error, peak = peak_of_loading(tmp_path / "model")

    assert error is None
    assert peak < 1.3 * size + (1 << 20)


def test_saving_makes_one_copy_and_no_second(tmp_path):
    network = Sequential([Affine(1000)], input_shape=1000)  # 4 MB
    tracemalloc.start()
    save(network, tmp_path / "model")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 6 << 20


def test_a_layer_may_share_one_parameter_among_many_channels(tmp_path, monkeypatch):
    class _Shared(_Standardise):
        def create_params(self, input_shape, rng, dtype):
            self.params = type(self.params)(slope=np.ones(1, dtype))

    monkeypatch.setitem(LAYERS, "_Shared", _Shared)
    save(Sequential([_Shared()], input_shape=200_000), tmp_path / "model")

    assert load(tmp_path / "model").params["_shared1.slope"] == 1


def test_what_a_layer_does_to_its_blanks_is_bounded_too(tmp_path, monkeypatch):
    class _Doubled(Affine):
        def create_params(self, input_shape, rng, dtype):
            super().create_params(input_shape, rng, dtype)
            self.params = type(self.params)(W=2 * self.params["W"], b=self.params["b"])

    monkeypatch.setitem(LAYERS, "_Doubled", _Doubled)
    spec = chain(affine(10**5) | {"type": "_Doubled"})
    (tmp_path / "model").write_bytes(model_file(spec, weights(), [10**5]))
    error, peak = peak_of_loading(tmp_path / "model")

    assert "would have an array of shape (100000, 100000), and the file holds 9 numbers for it" in str(error)
    assert peak < 6 << 20


def test_the_initialisers_of_a_loaded_layer_are_its_own(tmp_path):
    save(Sequential([Affine(3, weight="xavier")], input_shape=2), tmp_path / "model")
    layer = load(tmp_path / "model").layers[0]

    assert repr(layer) == "Affine(units=3, bias=True, weight=Xavier(distribution='normal'), name='affine1')"
    assert type(layer).create_params is not Layer.create_params
