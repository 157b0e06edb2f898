"""The functions of the textbook, usable alone: one sample or a batch, one-hot targets or class indices.

The functions that networks train with are in `losses`; these are for reading, checking and teaching.
"""

from __future__ import annotations

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array, numbers
from pellucid.checked import checked, checked_late
from pellucid.errors import ShapeError
from pellucid.typing import Array, ArrayLike, DTypeLike, IntArray


@checked_late
def as_float(who: str, name: str, x: ArrayLike) -> Array:
    """`x` as a floating-point array: floats keep their dtype, integers become float64."""
    x = numbers(who, name, x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


@checked
def sigmoid(x: ArrayLike) -> Array:
    """1 / (1 + e⁻ˣ), without overflow for any x.

    Below −ln(largest number) the result would leave the range of the dtype; clipping there keeps e⁻ˣ finite and
    the relative error at rounding level everywhere above.

    Examples
    --------
    >>> pl.sigmoid(np.array([-2.0, 0.0, 2.0])).round(4)
    array([0.1192, 0.5   , 0.8808])
    """
    x = as_float("sigmoid", "x", x)
    lowest = _LOWEST[x.dtype.char]
    y: Array = np.maximum(x, lowest)
    if y.ndim == 0:  # NumPy hands scalars back as values, which have no `out`
        return np.asarray(1 / (1 + np.exp(-y)), dtype=x.dtype)
    np.negative(y, out=y)
    np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)
    return y


_LOWEST = {
    np.dtype(d).char: -np.log(np.finfo(d).max / 2).astype(d)
    for d in (np.float16, np.float32, np.float64, np.longdouble)
}


@checked
def erf(x: ArrayLike) -> Array:
    """2/√π ∫₀ˣ e^{−t²} dt, to a few units in the last place.

    x R(x²) near 0 and ±(1 − e^{−x²} R(|x|)) beyond, R quotients of polynomials: Cody (1969), "Rational Chebyshev
    approximations for the error function", Mathematics of Computation 23.

    Examples
    --------
    >>> pl.functions.erf(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.8427,  0.    ,  0.8427])
    """
    x = as_float("erf", "x", x)
    size = np.minimum(np.abs(x), 6)  # beyond, it is ±1 to the last digit
    square = size * size
    near = x * (_polynomial(_NEAR[0], square) / _polynomial(_NEAR[1], square))
    far = 1 - np.exp(-square) * (_polynomial(_FAR[0], size) / _polynomial(_FAR[1], size))
    return np.asarray(np.where(size <= 0.46875, near, np.copysign(far, x)))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """The highest power first."""
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


_NEAR = (
    (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947),
    (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062),
)
_FAR = (
    (2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
     881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725),
    (1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019, 3290.79923573345963,
     4362.61909014324716, 3439.36767414372164, 1230.33935480374942),
)  # fmt: skip


@checked
def softplus(x: ArrayLike) -> Array:
    """ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|}), without overflow."""
    x = as_float("softplus", "x", x)
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


@checked
def softmax(x: ArrayLike) -> Array:
    """exp(x_k) / Σ_j exp(x_j) over the last axis: of one vector (K,) or each row of a batch (N, K).

    Examples
    --------
    >>> pl.softmax([0.0, np.log(3.0)]).round(4)
    array([0.25, 0.75])
    """
    x = as_float("softmax", "x", x)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"softmax: x must have shape (K,) or (N, K) with K ≥ 1, got {x.shape}.")
    y: Array = x - x.max(axis=-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)
    return y


@checked
def one_hot(t: ArrayLike, classes: int, dtype: DTypeLike = np.float32) -> Array:
    """Class indices (N,) as rows (N, K) that hold a single 1.

    Examples
    --------
    >>> pl.one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    classes = checks.size("one_hot", "classes", classes)
    indices = checks.class_indices("one_hot", t, classes)
    checks.expect_memory("one_hot", (len(indices), classes))
    rows = np.zeros((len(indices), classes), dtype)
    rows[np.arange(len(indices)), indices] = 1
    return rows


@checked
def cross_entropy_error(y: ArrayLike, t: ArrayLike) -> float:
    """Mean of −ln y_t over the samples; `y` holds probabilities.

    Shapes: y (K,) with t an index or (K,); y (N, K) with t (N,) indices or (N, K) one-hot or soft labels.
    A probability of 0 counts as the smallest positive number, so that the result stays finite.

    Examples
    --------
    >>> y = np.array([0.1, 0.6, 0.3])
    >>> f"{pl.cross_entropy_error(y, [0, 1, 0]):.4f}"  # −ln 0.6
    '0.5108'
    """
    y, t = _as_batches("cross_entropy_error", y, t)
    tiny = np.finfo(y.dtype).tiny
    log_y = np.log(np.maximum(y, tiny))
    if t.ndim == 2:
        return float(-(t * log_y).sum() / len(y))
    indices: IntArray = checks.class_indices("cross_entropy_error", t, y.shape[1], len(y))
    return float(-log_y[np.arange(len(y)), indices].mean())


@checked
def mean_squared_error(y: ArrayLike, t: ArrayLike) -> float:
    """Half the sum of squares, ½ Σ (y − t)², as the book defines it; a batch gives the mean over its samples.

    Examples
    --------
    >>> y, t = np.array([0.1, 0.6, 0.3]), np.array([0, 1, 0])
    >>> f"{pl.mean_squared_error(y, t):.4f}"  # ½ (0.01 + 0.16 + 0.09)
    '0.1300'
    """
    y, t = _as_batches("mean_squared_error", y, t)
    if t.ndim == 1:
        t = one_hot(t, y.shape[1], y.dtype)
    return float(0.5 * ((y - t) ** 2).sum() / len(y))


def _as_batches(who: str, y: ArrayLike, t: ArrayLike) -> tuple[Array, Array]:
    """`y` as (N, K); `t` as (N,) class indices or (N, K) rows; a single sample becomes a batch of one."""
    y, t = as_float(who, "y", y), as_array(who, "t", t)
    if y.ndim == 1:
        y, t = y[None], t[None] if t.ndim <= 1 else t
    if y.ndim != 2 or y.size == 0:
        raise ShapeError(f"y must have shape (K,) or (N, K) with N, K ≥ 1, got {y.shape}.")
    if t.shape not in (y.shape, y.shape[:1]):
        raise ShapeError(f"t must have shape {y.shape} or ({len(y)},), got {t.shape}. Class indices are t.ravel().")
    return y, t
