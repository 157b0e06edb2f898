"""The layer contract, over every layer: the five laws, and what else callers may rely on."""

from __future__ import annotations

import inspect
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as pl
import pellucid.initializers
import pellucid.layers
from cases import CASES, Case
from pellucid.errors import ArgumentError
from pellucid.gradcheck import check_gradients
from pellucid.layers import LAYERS, Container, Layer, from_spec, to_spec
from pellucid.typing import Array, Arrays

both_modes = pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def forward(layer: Layer[Any], x: Array, train: bool = True, seed: int = 7) -> tuple[Array, Any]:
    return layer.forward(x, train=train, rng=np.random.default_rng(seed))


def upstream(y: Array, seed: int = 3) -> Array:
    return np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype)


def arrays_in(value: Any) -> Iterator[Array]:
    """Every array of a cache, however it is nested; layers on a tape are not part of it."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from arrays_in(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from arrays_in(item)


def state_of(layer: Layer[Any], *, buffers: bool = True) -> dict[str, Any]:
    """Everything that a layer holds, as values that can be compared."""
    state: dict[str, Any] = {}
    for key, value in vars(layer).items():
        if key == "layers":
            state[key] = [state_of(inner, buffers=buffers) for inner in value]
        elif key == "params" or (key == "buffers" and buffers):
            state[key] = {k: (id(a), a.dtype, a.tobytes()) for k, a in value.items()}
        elif key not in ("buffers", "_built"):  # which are `params` and `buffers` again
            state[key] = repr(value)
    return state


def assert_same(one: Arrays, other: Arrays) -> None:
    assert list(one) == list(other)
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])


def assert_same_pass(one: tuple[Array | None, Arrays], other: tuple[Array | None, Arrays]) -> None:
    np.testing.assert_array_equal(one[0], other[0])
    assert_same(one[1], other[1])


# Law 1: forward writes nothing to the layer, but for the buffers in training


def test_forward_in_evaluation_mode_leaves_the_layer_untouched(case: Case) -> None:
    layer = case.build()
    before = state_of(layer)

    forward(layer, case.batch(), train=False)
    layer(case.batch())

    assert before == state_of(layer)


def test_forward_in_training_mode_changes_only_buffers(case: Case) -> None:
    layer = case.build()
    before = state_of(layer, buffers=False)

    forward(layer, case.batch(), train=True)

    assert before == state_of(layer, buffers=False)


# Law 2: backward returns, and writes nothing


@both_modes
def test_backward_leaves_the_layer_untouched(case: Case, train: bool) -> None:
    layer = case.build()
    y, cache = forward(layer, case.batch(), train)
    before = state_of(layer)

    layer.backward(upstream(y), cache)

    assert before == state_of(layer)


@both_modes
@both_dtypes
def test_gradients_have_the_keys_shapes_and_dtype_of_the_parameters(case: Case, train: bool, dtype: Any) -> None:
    layer, x = case.build(dtype), case.batch(dtype=dtype)
    y, cache = forward(layer, x, train)
    dx, grads = layer.backward(upstream(y), cache)

    assert dx is not None
    assert (x.shape, x.dtype) == (dx.shape, dx.dtype)
    assert set(layer.params) == set(grads)
    for key, p in layer.params.items():
        assert (p.shape, p.dtype) == (grads[key].shape, grads[key].dtype)


@both_modes
def test_backward_is_the_derivative_of_forward(case: Case, train: bool) -> None:
    report = check_gradients(case.build(np.float64), case.batch(4, np.float64), train=train)

    assert report.passed, report
    assert report.kinks == 0


# Law 3: neither changes x, dy or the cache


@both_modes
def test_read_only_input_gradient_cache_and_parameters_are_enough(case: Case, train: bool) -> None:
    layer, x = case.build(), case.batch()
    for array in (x, *layer.params.values(), *(() if train else layer.buffers.values())):
        array.flags.writeable = False
    y, cache = forward(layer, x, train)
    kept = [a.copy() for a in arrays_in(cache)]
    for array in arrays_in(cache):
        array.flags.writeable = False
    dy = upstream(y)
    dy.flags.writeable = False

    layer.backward(dy, cache)

    for before, after in zip(kept, arrays_in(cache), strict=True):
        np.testing.assert_array_equal(before, after)


@both_modes
def test_input_and_upstream_gradient_stay_as_they_were(case: Case, train: bool) -> None:
    layer, x = case.build(), case.batch()
    y, cache = forward(layer, x, train)
    dy = upstream(y)
    layer.backward(dy, cache)

    np.testing.assert_array_equal(case.batch(), x)
    np.testing.assert_array_equal(upstream(y), dy)


# Law 4: evaluation caches, batches of one, twice on one cache


@both_modes
@pytest.mark.parametrize("samples", [1, 3])
def test_backward_twice_on_one_cache_gives_the_same_bits(case: Case, train: bool, samples: int) -> None:
    samples = max(samples, case.least if train else 1)
    layer = case.build()
    y, cache = forward(layer, case.batch(samples), train)
    dy = upstream(y)

    assert_same_pass(layer.backward(dy, cache), layer.backward(dy, cache))


def test_a_batch_of_one_has_right_gradients(case: Case) -> None:
    report = check_gradients(case.build(np.float64), case.batch(1, np.float64), train=False)

    assert report.passed, report


# Law 5: interleaved passes do not disturb each other


@both_modes
def test_interleaved_passes_are_independent(case: Case, train: bool) -> None:
    layer = case.build()
    x1, x2 = case.batch(3, seed=1), case.batch(4, seed=2)
    y1, alone = forward(layer, x1, train)
    expected = layer.backward(upstream(y1), alone)

    y1, cache1 = forward(layer, x1, train)
    y2, cache2 = forward(layer, x2, train)
    layer.backward(upstream(y2), cache2)

    assert_same_pass(expected, layer.backward(upstream(y1), cache1))


def test_threads_get_the_same_bits_as_one_after_the_other(case: Case) -> None:
    layer = case.build()

    def one_pass(seed: int) -> tuple[Array, tuple[Array | None, Arrays]]:
        y, cache = forward(layer, case.batch(3, seed=seed), train=True, seed=seed)
        return y, layer.backward(upstream(y, seed), cache)

    expected = [one_pass(seed) for seed in range(4)]
    results: dict[tuple[int, int], Any] = {}
    ready = threading.Barrier(len(expected))

    def work(seed: int) -> None:
        ready.wait()
        for turn in range(8):
            results[seed, turn] = one_pass(seed)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(len(expected))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert len(results) == 8 * len(expected)
    for (seed, _), (y, gradients) in results.items():
        np.testing.assert_array_equal(expected[seed][0], y)
        assert_same_pass(expected[seed][1], gradients)


# Shapes and dtypes


@pytest.mark.parametrize("samples", [1, 3])
def test_infer_shape_tells_the_shape_that_forward_gives(case: Case, samples: int) -> None:
    layer = case.build()
    y, _ = forward(layer, case.batch(samples), train=samples >= case.least)

    assert (samples, *layer.infer_shape(case.shape)) == y.shape
    assert (case.shape, layer.infer_shape(case.shape)) == (layer.input_shape, layer.output_shape)


@both_modes
@both_dtypes
def test_the_dtype_of_input_and_parameters_is_that_of_the_output(case: Case, train: bool, dtype: Any) -> None:
    y, _ = forward(case.build(dtype), case.batch(dtype=dtype), train)

    assert np.dtype(dtype) == y.dtype


def test_a_seed_gives_the_same_network_in_either_precision(case: Case) -> None:
    single, double = case.build(np.float32), case.build(np.float64)

    assert list(single.params) == list(double.params)
    for key, value in double.params.items():
        np.testing.assert_allclose(value, single.params[key], rtol=1e-6, atol=1e-7)


def test_strided_arrays_do_as_well_as_contiguous_ones(case: Case) -> None:
    layer, x = case.build(np.float64), case.batch(dtype=np.float64)
    y, cache = forward(layer, x)
    dy = upstream(y)
    dx, grads = layer.backward(dy, cache)

    y2, cache2 = forward(layer, np.repeat(x, 2, axis=-1)[..., ::2])
    dx2, grads2 = layer.backward(np.asfortranarray(np.repeat(dy, 2, axis=0)[::2]), cache2)

    for expected, got in ((y, y2), (dx, dx2), *((grads[key], grads2[key]) for key in grads)):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


# Batches, randomness, what is not needed


def test_a_batch_in_evaluation_mode_is_its_samples_stacked(case: Case) -> None:
    layer, x = case.build(np.float64), case.batch(4, np.float64)

    singles = np.concatenate([layer(sample[None]) for sample in x])

    np.testing.assert_allclose(layer(x), singles, rtol=1e-12, atol=1e-14)


def test_no_samples_give_no_outputs(case: Case) -> None:
    layer = case.build()

    assert layer(case.batch()[:0]).shape == (0, *layer.infer_shape(case.shape))


def test_calling_a_layer_is_forward_in_evaluation_mode(case: Case) -> None:
    layer = case.build()

    np.testing.assert_array_equal(layer.forward(case.batch())[0], layer(case.batch()))


@both_modes
def test_the_same_rng_gives_the_same_output(case: Case, train: bool) -> None:
    layer = case.build()

    np.testing.assert_array_equal(*(forward(layer, case.batch(), train, seed=5)[0] for _ in range(2)))


def test_evaluation_mode_draws_no_random_numbers(case: Case) -> None:
    rng = np.random.default_rng(5)
    case.build().forward(case.batch(), train=False, rng=rng)

    assert np.random.default_rng(5).random() == rng.random()


def test_training_without_rng_works_unless_the_layer_is_stochastic(case: Case) -> None:
    layer = case.build()
    draws = layer.stochastic and getattr(layer, "drop_probability", 1) > 0

    if draws:
        with pytest.raises(ArgumentError, match="needs rng when train=True"):
            layer.forward(case.batch(), train=True)
    else:
        layer.forward(case.batch(), train=True)


@both_modes
def test_what_is_not_needed_is_not_computed_and_the_rest_is_the_same(case: Case, train: bool) -> None:
    layer = case.build()
    y, cache = forward(layer, case.batch(), train)
    dy = upstream(y)
    dx, grads = layer.backward(dy, cache)

    no_dx, same_grads = layer.backward(dy, cache, need_dx=False)
    same_dx, no_grads = layer.backward(dy, cache, need_grads=False)
    nothing = layer.backward(dy, cache, need_dx=False, need_grads=False)

    assert no_dx is None
    assert_same(grads, same_grads)
    assert no_grads == {}
    np.testing.assert_array_equal(dx, same_dx)
    assert nothing == (None, {})


# A layer as text and data


def test_a_spec_is_json_and_makes_the_same_layer_again(case: Case) -> None:
    layer = case.build()
    spec = json.loads(json.dumps(to_spec(layer)))
    twin = from_spec(spec)
    twin.build(case.shape, np.random.default_rng(0), np.float32)

    assert type(layer) is type(twin)
    assert repr(layer) == repr(twin)
    assert to_spec(layer) == to_spec(twin)
    assert [(k, v.shape) for k, v in layer.params.items()] == [(k, v.shape) for k, v in twin.params.items()]


def test_the_repr_is_python_that_makes_the_same_layer_again(case: Case) -> None:
    layer = case.make()
    twin = eval(repr(layer), {**vars(pellucid.layers), **vars(pellucid.initializers)})

    assert repr(layer) == repr(twin)
    assert to_spec(layer) == to_spec(twin)


def test_the_size_is_the_number_of_trained_numbers(case: Case) -> None:
    layer = case.build()

    assert sum(p.size for p in layer.params.values()) == layer.size


def test_a_given_name_stands_in_the_spec(case: Case) -> None:
    spec = {**to_spec(case.make()), "name": "mine"}

    assert from_spec(spec).name == "mine"


# The list of cases itself


def test_every_layer_has_a_case() -> None:
    tested = {type(inner) for case in CASES for inner in with_inner_layers(case.make())}
    concrete = {
        kind for kind in LAYERS.values() if kind.__module__.startswith("pellucid.") and not inspect.isabstract(kind)
    }

    assert not {kind.__name__ for kind in concrete - tested}, "add a line for these to tests/cases.py"


def test_every_case_has_its_own_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def with_inner_layers(layer: Layer[Any]) -> Iterator[Layer[Any]]:
    yield layer
    if isinstance(layer, Container):
        yield from layer.walk()


KINDS = [pl.ReLU, pl.LeakyReLU, pl.ELU, pl.GELU, pl.Sigmoid, pl.Tanh, pl.Softplus, pl.Softmax, pl.GlobalMaxPool2D,
         pl.GlobalAveragePool2D, pl.Flatten, pl.MaxPool2D, pl.AveragePool2D]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_subclass_with_a_forward_of_its_own_has_it_on_all_paths(kind):
    known = dict(LAYERS)

    class Shifted(kind):
        def forward(self, x, **how):
            y, cache = super().forward(x, **how)
            return y + 1, cache

    LAYERS.clear()
    LAYERS.update(known)
    network = pl.Sequential([pl.Conv2D(3, 3), Shifted(), pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
    x = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    right = network.forward(x)[0]
    assert np.allclose(network(x), right, atol=1e-5)
    assert np.allclose(np.concatenate([network(x[i : i + 1]) for i in range(4)]), right, atol=1e-5)
    assert np.allclose(pl.predict(network, x, batch_size=3), right, atol=1e-5)


@pytest.mark.parametrize("kind", ["Sequential", "Residual", "Graph"])
def test_a_container_with_a_forward_of_its_own_has_it_too(kind):
    known = dict(LAYERS)

    class Shifted(getattr(pl, kind)):
        def forward(self, x, **how):
            y, tape = super().forward(x, **how)
            return y + 1, tape

    LAYERS.clear()
    LAYERS.update(known)
    inner = Shifted({"a": (pl.Affine(4), "input")}) if kind == "Graph" else Shifted([pl.Affine(4)])
    network = pl.Sequential([inner, pl.Affine(2)], input_shape=4)
    x = np.random.default_rng(0).random((3, 4), np.float32)
    assert np.allclose(network(x), network.forward(x)[0], atol=1e-6)
    assert np.allclose(network(x[:1]), network.forward(x)[0][:1], atol=1e-6)
