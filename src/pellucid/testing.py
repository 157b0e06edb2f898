"""For tests of layers of one's own: `assert_gradients` holds a layer to the contract of `pellucid.layers.base`,
`assert_facts` to what it says of itself.

from pellucid.testing import assert_gradients

def test_scale():
    assert_gradients(Scale(), input_shape=(4,))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.factcheck import assert_facts as assert_facts
from pellucid.gradcheck import check_gradients
from pellucid.gradcheck.subject import batch, float64_copy
from pellucid.layers import Layer, from_spec, to_spec
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, Arrays, Shape


@checked_late
def assert_gradients(
    layer: Layer[Any],
    input_shape: Shape | int,
    *,
    x: ArrayLike | None = None,
    samples: int = 3,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless a layer keeps the five laws, and its gradients are those of its forward.

    In float64, in both modes: dx and the gradients of all parameters beside central differences (`check_gradients`),
    and what the laws of `pellucid.layers.base` say of writing, caches, batches of one and interleaved passes. Threads
    are left out. It works on copies made from the layer's `config`; the layer itself is not touched.

    Parameters
    ----------
    layer : layer or container, built or not
        One that is not built is built, and every parameter is given a number that is not zero.
    input_shape : tuple of int, or int
        The shape of one sample.
    x : a batch (N, *input_shape), optional
        Where a layer does not take every number, such as a logarithm. Left out, numbers from −2 to 2, no two the same.
    samples : int
        N, where x is left out.
    tolerance, seed
        As in `check_gradients`.

    Examples
    --------
    >>> from pellucid.testing import assert_gradients
    >>> class Square(pl.Layer):
    ...     def infer_shape(self, input_shape):
    ...         return input_shape
    ...
    ...     def forward(self, x, *, train=False, rng=None):
    ...         return x**2, x
    ...
    ...     def backward(self, dy, cache, *, need_dx=True, need_grads=True):
    ...         return 2 * cache * dy, {}
    >>> assert_gradients(Square(), input_shape=(4,))
    """
    _expect_layer(layer)
    shape = _shape(input_shape)
    values = _distinct(checks.size("assert_gradients", "samples", samples), shape, seed) if x is None else batch(x)
    checks.expect_batch("assert_gradients", values, shape)
    twin = float64_copy(layer, shape, seed)
    if layer.input_shape is None:
        _fill(twin, seed)
    # Differences say nothing of a layer that overwrites what it was given.
    laws = list(dict.fromkeys(_broken_laws(twin, values, seed)))
    faults = laws or list(_wrong_gradients(twin, values, tolerance, seed))
    if faults:
        raise AssertionError("\n".join([f"{layer.label} does not keep the contract of a layer:", *faults]))


def _expect_layer(given: object) -> None:
    if not isinstance(given, Layer):
        hint = " Call it to make one." if isinstance(given, type) else ""
        raise ArgumentError(f"assert_gradients: a layer is needed, got {came(given)}.{hint}")


def _shape(given: Shape | int) -> Shape:
    sizes = given if isinstance(given, Sequence) else (given,)
    return tuple(checks.size("assert_gradients", "input_shape", size) for size in sizes)


def _distinct(samples: int, shape: Shape, seed: int) -> Array:
    """Return numbers that differ by more than a step: no maximum is a tie, and none is zero."""
    size = samples * int(np.prod(shape))
    values = np.random.default_rng([seed, 6]).permutation(np.linspace(-1.93, 2.07, size))
    return values.reshape(samples, *shape)


def _fill(layer: Layer[Any], seed: int) -> None:
    """Add a little to every parameter and buffer: a bias of zero hides that it is forgotten."""
    rng = np.random.default_rng([seed, 7])
    for store in (layer.params, layer.buffers):
        for key, array in store.items():
            store[key] = array + 0.1 * rng.uniform(0.5, 1.5, array.shape)


def _wrong_gradients(layer: Layer[Any], x: Array, tolerance: float, seed: int) -> Iterator[str]:
    """Yield the reports that are not good, of both modes and of a batch of one."""
    for batch_of, train in ((x, False), (x, True), (x[:1], False)):
        report = check_gradients(layer, batch_of, train=train, tolerance=tolerance, seed=seed)
        if report.verdict == "failed" or (not report.passed and len(batch_of) > 1):
            yield str(report)


# The laws


def _broken_laws(layer: Layer[Any], x: Array, seed: int) -> Iterator[str]:
    for train in (False, True):
        yield from _of_one_pass(layer, x, train, seed)
        yield from _of_several_passes(layer, x, train, seed)
    yield from _of_single_precision(layer, x, seed)


def _of_one_pass(layer: Layer[Any], x: Array, train: bool, seed: int) -> Iterator[str]:
    """Laws 1 to 3: who may write where, and what comes back."""
    given, before = x.copy(), _state(layer, with_buffers=not train)
    y, cache = _forward(layer, given, train, seed)
    for name in _changed(before, _state(layer, with_buffers=not train)):
        yield f"law 1: forward with train={train} writes to {name}."
    if not np.array_equal(given, x):
        yield "law 3: forward changes x."
    expected = (len(x), *layer.infer_shape(x.shape[1:]))
    if y.shape != expected:
        yield f"infer_shape tells of an output of shape {expected}, and forward gives {y.shape}."
        return

    dy = _upstream(y, seed)
    upstream, kept, before = dy.copy(), _copies(cache), _state(layer)
    dx, grads = layer.backward(upstream, cache)
    for name in _changed(before, _state(layer)):
        yield f"law 2: backward writes to {name}."
    if set(grads) != set(layer.params):
        yield f"law 2: backward returns gradients for {sorted(grads)}, and the parameters are {sorted(layer.params)}."
    for name, same in (
        ("x", np.array_equal(given, x)),
        ("dy", np.array_equal(upstream, dy)),
        ("the cache", len(kept) == len(_copies(cache)) and all(map(np.array_equal, kept, _arrays(cache)))),
    ):
        if not same:
            yield f"law 3: backward changes {name}."


def _of_several_passes(layer: Layer[Any], x: Array, train: bool, seed: int) -> Iterator[str]:
    """Laws 4 and 5: caches of any age, and what is not needed."""
    y, cache = _forward(layer, x.copy(), train, seed)
    dy = _upstream(y, seed)
    first = layer.backward(dy.copy(), cache)

    yield from _unlike(
        f"law 4: backward twice on one cache (train={train})", first, lambda: layer.backward(dy.copy(), cache)
    )

    def interleaved() -> Any:
        _, mine = _forward(layer, x.copy(), train, seed)
        other, theirs = _forward(layer, 0.5 * x[::-1], train, seed + 1)
        layer.backward(_upstream(other, seed + 1), theirs)
        return layer.backward(dy.copy(), mine)

    yield from _unlike(f"law 5: with another pass between forward and backward (train={train})", first, interleaved)
    for needs in ({"need_dx": False}, {"need_grads": False}):
        wanted = (None, first[1]) if "need_dx" in needs else (first[0], {})
        attempt = partial(_needed, layer, dy, x, train, seed, needs)
        yield from _unlike(f"backward with {needs}", wanted, attempt)


def _needed(layer: Layer[Any], dy: Array, x: Array, train: bool, seed: int, needs: dict[str, bool]) -> Any:
    """Return what was asked for; what was not may be there, and is passed over."""
    _, cache = _forward(layer, x.copy(), train, seed)
    dx, grads = layer.backward(dy.copy(), cache, **needs)
    return (dx if "need_grads" in needs else None), (grads if "need_dx" in needs else {})


def _of_single_precision(layer: Layer[Any], x: Array, seed: int) -> Iterator[str]:
    """The dtype of the parameters is the dtype everywhere."""
    single = from_spec(to_spec(layer))
    single.build(x.shape[1:], np.random.default_rng(seed), np.float32)
    y, cache = _forward(single, x.astype(np.float32), True, seed)
    dx, grads = single.backward(_upstream(y, seed).astype(np.float32), cache)
    for name, array in {"the output": y, "dx": dx, **{f"the gradient of {k}": g for k, g in grads.items()}}.items():
        if isinstance(array, np.ndarray) and array.dtype != np.float32:
            yield f"in float32, {name} is {array.dtype}."


def _unlike(what: str, wanted: tuple[Array | None, Arrays], attempt: Callable[[], Any]) -> Iterator[str]:
    """Say so where an attempt fails, or gives other bits."""
    try:
        dx, grads = attempt()
    except Exception as error:
        yield f"{what}: {type(error).__name__}: {error}"
        return
    alike = np.array_equal(wanted[0], dx) if wanted[0] is not None else True
    if not alike or any(not np.array_equal(g, grads.get(k)) for k, g in wanted[1].items()):
        yield f"{what}: other gradients."


def _forward(layer: Layer[Any], x: Array, train: bool, seed: int) -> tuple[Array, Any]:
    return layer.forward(x, train=train, rng=np.random.default_rng([seed, 8]))


def _upstream(y: Array, seed: int) -> Array:
    return np.random.default_rng([seed, 9]).standard_normal(y.shape)


def _arrays(value: Any) -> Iterator[Array]:
    """Yield every array of a cache, however it is nested; layers on a tape are not part of it."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _arrays(item)


def _copies(value: Any) -> list[Array]:
    return [array.copy() for array in _arrays(value)]


def _state(layer: Layer[Any], prefix: str = "", *, with_buffers: bool = True) -> dict[str, Any]:
    """Return everything that a layer and the layers in it hold, as values that can be compared."""
    state: dict[str, Any] = {}
    for name, value in vars(layer).items():
        if name == "_built" or (name == "buffers" and not with_buffers):
            continue  # what was built is the parameters and buffers again
        if isinstance(value, dict):
            state |= {f"{prefix}{name}[{k!r}]": _comparable(v) for k, v in value.items()}
        elif isinstance(value, (tuple, list)) and any(isinstance(item, Layer) for item in value):
            for item in value:
                state |= _state(item, f"{prefix}{item.name}.", with_buffers=with_buffers)
        else:
            state[f"{prefix}{name}"] = _comparable(value)
    return state


def _comparable(value: Any) -> Any:
    return (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
