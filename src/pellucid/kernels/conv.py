"""Convolution: the one place that chooses among the kernels, and can say which and why.

Images (N, H, W, C), kernels (KH, KW, C//groups, OC), biases (OC,), padding ((top, bottom), (left, right)).
What comes out has the dtype of what went in. `reference` holds the equations.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from pellucid.checked import checked_late
from pellucid.kernels import doors, jit
from pellucid.kernels.depthwise import kernel as depthwise
from pellucid.kernels.direct import kernel as direct
from pellucid.kernels.elementwise.plan import relu_gradient
from pellucid.kernels.general import COLUMNS, TAPS
from pellucid.kernels.geometry import NO_PADDING, Padding, Pair, Window, conv_output_shape, transposed_size
from pellucid.kernels.pooling.plan import max_pool2d, max_pool2d_gradient
from pellucid.kernels.problem import NOT_FUSED, Fused, Gradients, Kernel, Problem
from pellucid.kernels.winograd import kernel as winograd
from pellucid.typing import Array, DTypeLike, IntArray, Shape

KERNELS: tuple[Kernel, ...] = (TAPS, depthwise, winograd, direct, COLUMNS)
"""In the order in which they are asked; the last refuses nothing."""


@checked_late
class Choice(NamedTuple):
    """Which kernel computes a convolution, why, and what the convolution costs when it is done directly.

    Examples
    --------
    >>> choice = pl.kernels.choose((100, 28, 28, 3), (3, 3, 1, 3), groups=3)
    >>> isinstance(choice.kernel, str), isinstance(choice.reason, str)
    (True, True)
    """

    kernel: str  # "winograd", "depthwise", "direct", "im2col" or "taps"
    reason: str
    flops: int  # a multiplication and an addition for each tap of each output
    bytes: int  # x, w and y, each once


@checked_late
def choose(
    x_shape: Shape,
    w_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    dtype: DTypeLike = np.float32,
) -> Choice:
    """The kernel for x (N, H, W, C) and w (KH, KW, C//groups, OC).

    Examples
    --------
    >>> choice = pl.kernels.choose((100, 28, 28, 1), (5, 5, 1, 8))
    >>> choice.flops  # 2 · 100 · 24² · 5² · 8
    23040000
    """
    x_shape = doors.shape("choose", "x_shape", x_shape, doors.IMAGES)
    w_shape = doors.shape("choose", "w_shape", w_shape, doors.KERNELS)
    doors.expect_fit("choose", x_shape, w_shape, None, groups)
    window = doors.window("choose", w_shape[:2], stride, padding, dilation)
    y_shape = conv_output_shape(x_shape, w_shape, window)
    kernel, reason = _pick(Problem(x_shape, w_shape, window, groups, np.dtype(dtype)))
    flops = 2 * math.prod(y_shape) * math.prod(w_shape[:3])
    numbers = math.prod(x_shape) + math.prod(w_shape) + math.prod(y_shape)
    return Choice(kernel.NAME, reason, flops, numbers * np.dtype(dtype).itemsize)


def takes(kernel: str) -> Collection[str]:
    """What a kernel, by its name, does in its own pass: "y" (ReLU), "switch" (ReLU and pooling)."""
    return next((each.TAKES for each in KERNELS if kernel == each.NAME), ())


def _pick(p: Problem) -> tuple[Kernel, str]:
    """The kernel for a problem, and why."""
    return _picked(p, jit.available())


@lru_cache(maxsize=512)
def _picked(p: Problem, compiled: bool) -> tuple[Kernel, str]:
    """The same, which is asked at every call, for one answer of `jit.available`."""
    refusal = ""
    for kernel in KERNELS:
        said = kernel.refuses(p)
        if not said:
            return kernel, kernel.reason(p) or refusal
        refusal = said
    raise AssertionError("the last kernel refuses nothing")


def _arguments(
    who: str, x: Array, w: Array, b: Array | None, groups: int, *, stride: Pair, padding: Padding, dilation: Pair
) -> tuple[Array, Array, Array | None, Window]:
    """What every convolution is given, looked at."""
    x, w = doors.floats(who, "x", x, doors.IMAGES), doors.floats(who, "w", w, doors.KERNELS)
    b = None if b is None else doors.floats(who, "b", b, doors.VECTOR)
    doors.expect_fit(who, x.shape, w.shape, b, groups)
    return x, w, b, doors.window(who, w.shape[:2], stride, padding, dilation)


def _problem(x_shape: Shape, w: Array, window: Window, groups: int, others: Sequence[Array | None]) -> Problem:
    """The problem, of float32 if every array is; the general path for any other mixture."""
    same = all(a is None or a.dtype == np.float32 for a in (w, *others))
    return Problem(x_shape, w.shape, window, groups, np.dtype(np.float32 if same else np.float64))


@checked_late
def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    relu: bool = False,
    out: Array | None = None,
) -> Array:
    """y = x ∗ w + b (N, OH, OW, OC), written to `out` if given; with `relu`, max(y, 0) in the same pass.

    Examples
    --------
    >>> x = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    >>> w = np.array([-1, 1], np.float32).reshape(1, 2, 1, 1)  # the step to the right
    >>> pl.kernels.conv2d(x, w).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    x, w, b, window = _arguments("conv2d", x, w, b, groups, stride=stride, padding=padding, dilation=dilation)
    shape = doors.expect_room("conv2d", conv_output_shape(x.shape, w.shape, window))
    doors.expect_target("conv2d", out, shape)
    if out is not None and doors.overlap(out, x, w, b):
        out[...] = conv2d(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups, relu=relu)
        return out
    if math.prod(shape) == 0:
        return np.empty(shape, x.dtype) if out is None else out
    p = _problem(x.shape, w, window, groups, (x, b, out))
    return _pick(p)[0].forward(p, x, w, b, relu=relu, out=out)


@checked_late
def conv2d_relu_max_pool(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> tuple[Array, IntArray]:
    """Convolution, ReLU and 2x2 max-pooling with stride 2: y (N, OH//2, OW//2, OC), and the switches.

    A switch is 0…3, the winner's place in its window, or 4 where ReLU cut the winner off and no gradient flows.
    So `conv2d_backward` needs the switches only, and where Winograd serves the convolution's own output, four times
    as large as y, is never written to memory.

    Examples
    --------
    >>> x = np.array([[-1, 2], [3, 0]], np.float32).reshape(1, 2, 2, 1)
    >>> y, switch = pl.kernels.conv2d_relu_max_pool(x, np.ones((1, 1, 1, 1), np.float32))
    >>> y.ravel().tolist(), switch.ravel().tolist()  # the winner's place, u · 2 + v
    ([3.0], [2])
    """
    x, w, b, window = _arguments(
        "conv2d_relu_max_pool", x, w, b, groups, stride=stride, padding=padding, dilation=dilation
    )
    _, oh, ow, _ = conv_output_shape(x.shape, w.shape, window)
    p = _problem(x.shape, w, window, groups, (x, b))
    kernel: Any = _pick(p)[0]
    if len(x) and oh > 1 and ow > 1 and "switch" in kernel.TAKES:
        pooled: tuple[Array, IntArray] = kernel.forward_pooled(p, x, w, b)
        return pooled
    full = conv2d(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups, relu=True)
    y, switch = max_pool2d(full, (2, 2))
    switch[y <= 0] = 4
    return y, switch


def _without(kernel: Kernel, p: Problem, dy: Array, fused: Fused) -> tuple[Array, Fused]:
    """The gradient of the output of what the kernel's backward pass takes, and that."""
    if fused.switch is not None and "switch" not in kernel.TAKES:  # 4 names no pixel
        return max_pool2d_gradient(dy, fused.switch, p.y_shape, (2, 2)), NOT_FUSED
    if fused.y is not None and "y" not in kernel.TAKES:
        return relu_gradient(dy, fused.y), NOT_FUSED
    return dy, fused


@checked_late
def conv2d_backward(
    x: Array,
    dy: Array,
    w: Array,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    y: Array | None = None,
    switch: IntArray | None = None,
    want_dx: bool = True,
    want_dw: bool = True,
) -> Gradients:
    """(dx, dw, db), with None for what is not wanted. Both together cost less than one after the other.

    After `conv2d(relu=True)` give its output `y`; after `conv2d_relu_max_pool` give its switches: then dy is the
    gradient of what that function returned.

    Examples
    --------
    >>> x = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    >>> w = np.array([-1, 1], np.float32).reshape(1, 2, 1, 1)
    >>> dx, dw, db = pl.kernels.conv2d_backward(x, np.ones((1, 1, 3, 1), np.float32), w)
    >>> dx.ravel().tolist(), dw.ravel().tolist(), db.tolist()
    ([-1.0, 0.0, 0.0, 1.0], [3.0, 6.0], [3.0])
    """
    x, w, _, window = _arguments(
        "conv2d_backward", x, w, None, groups, stride=stride, padding=padding, dilation=dilation
    )
    dy = doors.floats("conv2d_backward", "dy", dy, doors.IMAGES)
    y = None if y is None else np.ascontiguousarray(y, x.dtype)
    switch = None if switch is None else np.ascontiguousarray(switch, np.uint8)
    n, oh, ow, oc = conv_output_shape(x.shape, w.shape, window)
    above = (n, oh, ow, oc) if switch is None else (n, oh // 2, ow // 2, oc)
    doors.expect_outputs("conv2d_backward", above, dy=dy, y=y, switch=switch)
    if dy.size == 0:
        zeros = np.zeros_like(x), np.zeros_like(w), np.zeros(oc, w.dtype)
        return zeros[0] if want_dx else None, *(zeros[1:] if want_dw else (None, None))
    p = _problem(x.shape, w, window, groups, (x, dy))
    kernel = _pick(p)[0]
    dy, fused = _without(kernel, p, dy, Fused(y, switch))
    return kernel.backward(p, x, dy, w, fused, want_dx=want_dx, want_dw=want_dw)


@checked_late
def conv2d_input_gradient(
    dy: Array,
    w: Array,
    x_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    out: Array | None = None,
) -> Array:
    """dy (N, OH, OW, OC), w → dx (N, H, W, C), written to `out` if given.

    Examples
    --------
    >>> w = np.array([-1, 1], np.float32).reshape(1, 2, 1, 1)
    >>> dy = np.ones((1, 1, 3, 1), np.float32)
    >>> pl.kernels.conv2d_input_gradient(dy, w, (1, 1, 4, 1)).ravel().tolist()
    [-1.0, 0.0, 0.0, 1.0]
    """
    who = "conv2d_input_gradient"
    dy, w = doors.floats(who, "dy", dy, doors.IMAGES), doors.floats(who, "w", w, doors.KERNELS)
    x_shape = doors.shape(who, "x_shape", x_shape, doors.IMAGES)
    window = doors.window(who, w.shape[:2], stride, padding, dilation)
    doors.expect_fit(who, x_shape, w.shape, None, groups)
    doors.expect_outputs(who, conv_output_shape(x_shape, w.shape, window), dy=dy)
    doors.expect_target(who, out, x_shape)
    if out is not None and doors.overlap(out, dy, w):
        out[...] = conv2d_input_gradient(
            dy, w, x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        return out
    if dy.size == 0:
        dx = np.empty(x_shape, dy.dtype) if out is None else out
        dx.fill(0)
        return dx
    p = _problem(x_shape, w, window, groups, (dy, out))
    return _pick(p)[0].input_gradient(p, dy, w, out)


@checked_late
def conv2d_weight_gradient(
    x: Array,
    dy: Array,
    w_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """x, dy → dw (KH, KW, C//groups, OC).

    Examples
    --------
    >>> x = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    >>> dy = np.ones((1, 1, 3, 1), np.float32)
    >>> pl.kernels.conv2d_weight_gradient(x, dy, (1, 2, 1, 1)).ravel().tolist()  # 0 + 1 + 2, 1 + 2 + 3
    [3.0, 6.0]
    """
    x = doors.floats("conv2d_weight_gradient", "x", x, doors.IMAGES)
    w_shape = doors.shape("conv2d_weight_gradient", "w_shape", w_shape, doors.KERNELS)
    w = np.broadcast_to(x.dtype.type(0), w_shape)  # of the weights only the shape matters
    return conv2d_backward(x, dy, w, stride=stride, padding=padding, dilation=dilation, groups=groups, want_dx=False)[1]  # type: ignore[return-value]


@checked_late
def bias_gradient(dy: Array) -> Array:
    """db = Σ_{n,i,j} dy (N, OH, OW, OC) → (OC,).

    Examples
    --------
    >>> pl.kernels.bias_gradient(np.ones((2, 3, 3, 4), np.float32)).tolist()
    [18.0, 18.0, 18.0, 18.0]
    """
    dy = doors.floats("bias_gradient", "dy", dy, doors.OUTPUTS)
    return np.asarray(dy.reshape(-1, dy.shape[-1]).sum(axis=0))


@checked_late
def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """x (N, H, W, OC), w (KH, KW, C//groups, OC) → y (N, H', W', C): the input gradient of conv2d with w.

    Examples
    --------
    >>> x = np.array([1, 2], np.float32).reshape(1, 1, 2, 1)
    >>> w = np.ones((1, 3, 1, 1), np.float32)
    >>> pl.kernels.conv_transpose2d(x, w).ravel().tolist()  # stamps that overlap add up
    [1.0, 3.0, 3.0, 2.0]
    """
    who = "conv_transpose2d"
    x, w = doors.floats(who, "x", x, doors.IMAGES), doors.floats(who, "w", w, doors.KERNELS)
    window = doors.window(who, w.shape[:2], stride, padding, dilation)
    size = transposed_size(window, x.shape[1], x.shape[2], doors.pair(who, "output_padding", output_padding, 0))
    y_shape = doors.expect_room(who, (x.shape[0], *size, w.shape[2] * groups))
    b = None if b is None else doors.floats(who, "b", b, doors.VECTOR)
    doors.expect_outputs(who, y_shape[3:], b=b)
    y = conv2d_input_gradient(x, w, y_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if b is not None:
        y += b
    return y
