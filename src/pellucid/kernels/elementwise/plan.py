"""Element by element, in one pass over memory: Adam's step, dropout, ReLU.

NumPy makes a pass over memory for every operation. These arrays are larger than the cache, so the passes, not the
arithmetic, are the cost: here each number is read and written once, in blocks that the thread pool shares. Without
Numba the same operations run in NumPy, block by block; the results have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels import jit
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row
from pellucid.kernels.crew.threads import blocks_of, parallel_for
from pellucid.kernels.records import LATER, Slot, reads, writes
from pellucid.typing import Array


class Adam(NamedTuple):
    """Parameters, gradient, two moments, and nine constants."""

    size: int
    p: Slot = writes("size")
    g: Slot = reads("size")
    m: Slot = writes("size")
    v: Slot = writes("size")
    constants: Slot = reads(lambda _: (9,))


class AdaDelta(NamedTuple):
    """Parameters, gradient, two means of squares, and four constants."""

    size: int
    p: Slot = writes("size")
    g: Slot = reads("size")
    h: Slot = writes("size")
    s: Slot = writes("size")
    constants: Slot = reads(lambda _: (4,))


class Dropping(NamedTuple):
    """A dropout's key, and the least random bits that keep an element; the scale of those that are kept."""

    size: int
    first: int = LATER
    second: int = LATER
    least: int = LATER
    x: Slot = reads("size")
    y: Slot = writes("size")
    scale: Slot = reads(lambda _: (1,))


class Rectify(NamedTuple):
    """What goes into a ReLU, and what comes out."""

    size: int
    x: Slot = reads("size")
    y: Slot = writes("size")


class RectifyGradient(NamedTuple):
    """The gradient of a ReLU's output, the output, and the gradient of what goes in."""

    size: int
    dy: Slot = reads("size")
    y: Slot = reads("size")
    dx: Slot = writes("size")


RECORDS: dict[str, Any] = {
    "adam": Adam,
    "adadelta": AdaDelta,
    "dropout": Dropping,
    "relu": Rectify,
    "relu_gradient": RectifyGradient,
}
"""What each loop is told."""

# Elements per block of NumPy's: small enough that its passes over one stay in the first or second cache.
BLOCK = 32 * 1024


def _compiled(*arrays: Array) -> bool:
    return jit.available() and all(a.dtype == np.float32 for a in arrays)


def _flat(a: Array) -> Array:
    """A flat view; writing through it writes `a`."""
    if not (a.flags.c_contiguous and a.flags.writeable):
        raise ShapeError(
            f"elementwise kernels write in place and need writable arrays in C order, got strides {a.strides} of "
            f"{a.shape}, writable: {a.flags.writeable}. Give a copy."
        )
    return a.reshape(-1)


def _apart(x: Array, out: Array | None) -> Array:
    """x in C order: itself also where `out` is the same array, a copy where it is part of it."""
    x = np.ascontiguousarray(x)
    same = out is None or out.ctypes.data == x.ctypes.data or not np.may_share_memory(x, out)
    return x if same else x.copy()


@lru_cache(maxsize=256)
def _row(name: str, size: int) -> Row:
    """The row of the loop of that name over arrays of so many numbers."""
    code, kind = jit.load("elementwise.loops"), RECORDS[name]
    return Row(getattr(code, name), -(-size // code.BLOCK), kind(size))


def _share(
    name: str, in_numpy: Callable[..., None], arrays: Sequence[Array], numbers: Sequence[Any] = (), *whole: int
) -> None:
    """The compiled loop of that name over the arrays, or its twin in NumPy."""
    size = arrays[0].size
    if any(a.dtype.kind != "f" for a in arrays):
        raise ArgumentError(f"{name}: arrays must be of floats, got {', '.join(str(a.dtype) for a in arrays)}.")
    if any(a.size != size for a in arrays):
        raise ShapeError(f"{name}: arrays of {', '.join(str(a.size) for a in arrays)} numbers do not fit together.")
    if _compiled(*arrays):
        row = _row(name, size)
        constants = [np.array(numbers, np.float32)] if numbers else []
        tasks.run(row, **dict(zip(row.expected, (*whole, *arrays, *constants), strict=True)))
        return
    blocks = blocks_of(size, BLOCK)
    parallel_for(lambda i: in_numpy([a[blocks[i]] for a in arrays], numbers, blocks[i].start, *whole), len(blocks))


def inplace_adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    *,
    rate: float,
    step: int,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    decay: float = 0.0,
    decoupled: bool = False,
) -> None:
    """One step of Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) on p, m and v; `step` counts from 1.

    m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,   p ← p − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)

    `decay` adds decay·p to g, or, `decoupled`, takes rate·decay·p off p (AdamW: Loshchilov & Hutter 2019).
    """
    kind = p.dtype.type
    moments = beta1, 1 - beta1, beta2, 1 - beta2
    scales = rate / (1 - beta1**step), (1 - beta2**step) ** -0.5, epsilon
    decays = (0.0, 1 - rate * decay) if decoupled else (decay, 1.0)
    numbers = [kind(number) for number in (*moments, *scales, *decays)]
    arrays = _flat(p), np.ascontiguousarray(g).reshape(-1), _flat(m), _flat(v)
    _share("adam", _adam, arrays, numbers)


def _adam(arrays: list[Array], numbers: Sequence[Any], _: int) -> None:
    (p, g, m, v), (keep1, new1, keep2, new2, rate, root, epsilon, decay, shrink) = arrays, numbers
    d = g + decay * p
    m[:] = keep1 * m + new1 * d
    v[:] = keep2 * v + new2 * (d * d)
    p[:] = shrink * p - rate * m / (np.sqrt(v) * root + epsilon)


def inplace_adadelta(
    p: Array, g: Array, squares: Array, steps: Array, *, rate: float, rho: float = 0.95, epsilon: float = 1e-6
) -> None:
    """One step of AdaDelta (Zeiler 2012, arXiv:1212.5701, algorithm 1) on p, h = `squares` and s = `steps`.

    h ← ρ h + (1 − ρ) g²,   d = g √((s + ε) / (h + ε)),   s ← ρ s + (1 − ρ) d²,   p ← p − rate · d
    """
    kind = p.dtype.type
    numbers = [kind(number) for number in (rate, rho, 1 - rho, epsilon)]
    arrays = _flat(p), np.ascontiguousarray(g).reshape(-1), _flat(squares), _flat(steps)
    _share("adadelta", _adadelta, arrays, numbers)


def _adadelta(arrays: list[Array], numbers: Sequence[Any], _: int) -> None:
    (p, g, h, s), (rate, keep, new, epsilon) = arrays, numbers
    h[:] = keep * h + new * (g * g)
    d = g * np.sqrt((s + epsilon) / (h + epsilon))
    s[:] = keep * s + new * (d * d)
    p[:] = p - rate * d


class DropoutKey(NamedTuple):
    """What decides a dropout mask: two random 32-bit numbers. The mask itself is never stored."""

    first: int
    second: int


def dropout_key(rng: np.random.Generator) -> DropoutKey:
    """A new key. Forward and backward use the same one."""
    first, second = rng.integers(0, 1 << 32, 2, dtype=np.uint32)
    return DropoutKey(int(first), int(second))


def dropout(x: Array, key: DropoutKey, drop_probability: float, *, out: Array | None = None) -> Array:
    """y = x ⊙ mask / (1 − p), each element of the mask 0 with probability p = `drop_probability` < 1, else 1.

    Whether element i is kept is a hash of i and the key: so the mask does not depend on the number of threads, and
    the gradient needs no stored mask: dx = dropout(dy, key, p).
    """
    checks.expect_range("dropout", "drop_probability", drop_probability, 0, 1, open_high=True)
    x = _apart(x, out)
    y = np.empty_like(x) if out is None else out
    source, target = x.reshape(-1), _flat(y)
    threshold = min(round(drop_probability * 2**32), 2**32 - 1)
    scale = x.dtype.type(1 / (1 - drop_probability))
    _share("dropout", _dropout, (source, target), [scale], *key, threshold)
    return y


def _dropout(arrays: list[Array], numbers: Sequence[Any], low: int, *whole: int) -> None:
    (x, y), (scale,), (first, second, threshold) = arrays, numbers, whole
    h = np.arange(low, low + len(x)).astype(np.uint32) * np.uint32(0x9E3779B9)
    for key in (first, second):
        h += np.uint32(key)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
        h ^= h >> np.uint32(16)
    y[:] = np.where(h >= threshold, x * scale, x.dtype.type(0))


def relu(x: Array, *, out: Array | None = None) -> Array:
    """y = max(x, 0). NaN stays NaN."""
    x = _apart(x, out)
    y = np.empty_like(x) if out is None else out
    _share("relu", _relu, (x.reshape(-1), _flat(y)))
    return y


def _relu(arrays: list[Array], _: Sequence[Any], __: int) -> None:
    x, y = arrays
    np.maximum(x, x.dtype.type(0), out=y)


def relu_gradient(dy: Array, y: Array, *, out: Array | None = None) -> Array:
    """dx = dy where the output y (or the input) of the ReLU is above 0, else 0."""
    dy, y = _apart(dy, out), _apart(y, out)
    dx = np.empty_like(dy) if out is None else out
    _share("relu_gradient", _relu_gradient, (dy.reshape(-1), y.reshape(-1), _flat(dx)))
    return dx


def _relu_gradient(arrays: list[Array], _: Sequence[Any], __: int) -> None:
    dy, y, dx = arrays
    dx[:] = np.where(y <= 0, dy.dtype.type(0), dy)
