"""The layers once more, in plain NumPy and float64, with a bound on how far rounding may take the package's own.

`forward(layer, value, numbers)` gives the output and, for every number of it, the error that arithmetic of unit
roundoff `eps` may have made on the way: errors of the inputs pass through each layer's largest slope, and each sum of
n products adds (n + 2) eps times the sum of their sizes (Higham 2002, "Accuracy and stability of numerical
algorithms", §3.1). `numbers(layer)` gives a layer's parameters and buffers as float64.

Nothing here calls the package's arithmetic: only a layer's options and the shape of its containers are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

import pellucid as pl
from pellucid.typing import Array, Arrays

Numbers = Callable[[Any], Arrays]


class Value(NamedTuple):
    """An array, the bound on its error, and the unit roundoff."""

    y: Array
    error: Array
    eps: float

    def map(self, function: Callable[[Array], Array]) -> Value:
        """What only moves numbers moves their errors along."""
        return Value(function(self.y), function(self.error), self.eps)

    def rounded(self, y: Array, error: Array, terms: float = 4) -> Value:
        """y, after `terms` roundings of numbers of its size."""
        return Value(y, error + terms * self.eps * np.abs(y), self.eps)


def exact(x: Array, eps: float) -> Value:
    """An input, rounded once."""
    x = np.asarray(x, np.float64)
    return Value(x, eps * np.abs(x), eps)


def forward(layer: Any, v: Value, numbers: Numbers, train: bool = False) -> Value:
    """The output of a layer or container for a batch."""
    if isinstance(layer, pl.Sequential):
        for part in layer.layers:
            v = forward(part, v, numbers, train)
        return v
    if isinstance(layer, pl.Residual):
        branch = forward(layer.branch, v, numbers, train)
        return add([branch, v if layer.shortcut is None else forward(layer.shortcut, v, numbers, train)])
    if isinstance(layer, pl.Graph):
        values = {"input": v}
        for node in layer.nodes:
            incoming = [values[name] for name in node.inputs]
            values[node.name] = (
                forward(node.operation, incoming[0], numbers, train)
                if isinstance(node.operation, pl.Layer)
                else MERGES[type(node.operation)](node.operation, incoming)
            )
        return values[layer.output]
    return LAYERS[type(layer)](layer, v, numbers(layer), train and layer.trainable)


def one_rank(values: list[Value]) -> list[Value]:
    """Samples of fewer axes get axes of length 1 behind the batch."""
    rank = max(v.y.ndim for v in values)
    return [v.map(lambda a: a.reshape(len(a), *(1,) * (rank - a.ndim), *a.shape[1:])) for v in values]


def add(values: list[Value]) -> Value:
    total = sum(v.y for v in values)
    return values[0].rounded(np.asarray(total), np.asarray(sum(v.error for v in values)), len(values))


def negative(v: Value) -> Value:
    return Value(-v.y, v.error, v.eps)


def times(a: Value, b: Value) -> Value:
    return a.rounded(a.y * b.y, np.abs(a.y) * b.error + np.abs(b.y) * a.error + a.error * b.error)


def concat(axis: int, values: list[Value]) -> Value:
    axis = axis + 1 if axis >= 0 else axis
    return Value(*(np.concatenate([v[i] for v in values], axis=axis) for i in (0, 1)), values[0].eps)


def linear(v: Value, w: Array, b: Array | None, terms: int, product: Callable[[Array, Array], Array]) -> Value:
    """A sum of products x·w + b: each of the error's parts is such a sum itself."""
    bias = np.zeros(1) if b is None else b
    size = product(np.abs(v.y) + v.error, np.abs(w)) + np.abs(bias)
    return Value(product(v.y, w) + bias, product(v.error, np.abs(w)) + (terms + 4) * v.eps * size, v.eps)


def affine(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    return linear(v, own["W"], own.get("b"), len(own["W"]), np.matmul)


def padded(x: Array, padding: Any, value: float = 0.0) -> Array:
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def edges(layer: Any, x: Array, size: Any, stride: Any, dilation: Any) -> Any:
    """The padding in pixels of an option, as the layer's documentation says it."""
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    if layer.padding != "same":
        return layer.padding
    pads = []
    for pixels, k, s, d in zip(x.shape[1:3], size, stride, dilation, strict=True):
        total = max((math.ceil(pixels / s) - 1) * s + (k - 1) * d + 1 - pixels, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def taps(x: Array, size: Any, stride: Any, dilation: Any) -> list[Array]:
    """For every place of the window, row by row: the pixels that it sees, one for each output."""
    oh, ow = ((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[1:3], size, stride, dilation, strict=True))
    return [
        x[:, u * dilation[0] :: stride[0], r * dilation[1] :: stride[1]][:, :oh, :ow]
        for u in range(size[0])
        for r in range(size[1])
    ]


def convolution(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    w, size = own["W"], layer.kernel_size
    padding = edges(layer, v.y, size, layer.stride, layer.dilation)
    per, groups = w.shape[2], v.y.shape[3] // w.shape[2]
    outs = w.shape[3] // groups

    def product(x: Array, w: Array) -> Array:
        seen = np.stack(taps(padded(x, padding), size, layer.stride, layer.dilation), axis=3)  # N, OH, OW, T, C
        flat = w.reshape(-1, per, w.shape[3])
        parts = [
            np.einsum("nijtc,tco->nijo", seen[..., g * per : (g + 1) * per], flat[..., g * outs : (g + 1) * outs])
            for g in range(groups)
        ]
        return np.concatenate(parts, axis=-1)

    return linear(v, w, own.get("b"), math.prod(w.shape[:3]), product)


def transposed(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """Each pixel stamps the kernel; without padding and groups."""
    w, (kh, kw), (sh, sw) = own["W"], layer.kernel_size, layer.stride
    assert (layer.padding, layer.output_padding, layer.dilation, layer.groups) == ("valid", (0, 0), (1, 1), 1)

    def product(x: Array, w: Array) -> Array:
        n, h, wide, _ = x.shape
        y = np.zeros((n, (h - 1) * sh + kh, (wide - 1) * sw + kw, w.shape[2]))
        for i, j, u, v in np.ndindex(h, wide, kh, kw):
            y[:, i * sh + u, j * sw + v] += x[:, i, j] @ w[u, v].T
        return y

    return linear(v, w, own.get("b"), kh * kw * w.shape[3], product)


def pool_edges(layer: Any, x: Array) -> Any:
    """The padding in pixels; where sizes are rounded up, what last windows see beyond it too."""
    padding = edges(layer, x, layer.pool_size, layer.stride, layer.dilation)
    if not layer.ceil:
        return padding
    wider = []
    for n, k, s, d, (b, a) in zip(x.shape[1:3], layer.pool_size, layer.stride, layer.dilation, padding, strict=True):
        starts = [i for i in range(0, b + n, s) if i < b + n and i < b + n + a - (k - 1) * d - 1 + s]
        wider.append((b, max(starts[-1] + (k - 1) * d + 1 - b - n, 0)))
    return tuple(wider)


def max_pool(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    padding = pool_edges(layer, v.y)

    def largest(x: Array) -> Array:
        return np.max(taps(padded(x, padding, -np.inf), layer.pool_size, layer.stride, layer.dilation), axis=0)

    return Value(largest(v.y), largest(v.error), v.eps)


def average_pool(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    padding, given = pool_edges(layer, v.y), edges(layer, v.y, layer.pool_size, layer.stride, layer.dilation)

    def total(x: Array) -> Array:
        return np.asarray(np.sum(taps(x, layer.pool_size, layer.stride, layer.dilation), axis=0))

    ones = np.ones_like(v.y)
    if layer.count_padding:  # what lies in the padding that was asked for
        border = [(b, max(min(a, asked), 0)) for (b, a), (_, asked) in zip(padding, given, strict=True)]
        counted = padded(ones, border, 1.0)
        count = total(padded(counted, [(0, a - kept) for (_, a), (_, kept) in zip(padding, border, strict=True)]))
    else:
        count = total(padded(ones, padding))
    size = total(padded(np.abs(v.y), padding)) / count
    error = total(padded(v.error, padding)) / count + (math.prod(layer.pool_size) + 4) * v.eps * size
    return Value(total(padded(v.y, padding)) / count, error, v.eps)


def global_average(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    terms = v.y.shape[1] * v.y.shape[2] + 4
    error = v.error.mean((1, 2)) + terms * v.eps * np.abs(v.y).mean((1, 2))
    return Value(v.y.mean((1, 2)), error, v.eps)


def slope(function: Callable[[Any, Array], Array], steepest: Callable[[Any], float], terms: float = 8) -> Any:
    """An activation whose slope is at most `steepest`; `terms` roundings of numbers no larger than 1 + |x|."""

    def act(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
        y = function(layer, v.y)
        return Value(y, steepest(layer) * v.error + terms * v.eps * (1 + np.abs(v.y)), v.eps)

    return act


def softmax(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    axis = layer.axis + 1 if layer.axis >= 0 else layer.axis
    e = np.exp(v.y - v.y.max(axis, keepdims=True))
    total = e.sum(axis, keepdims=True)
    reach = np.abs(v.y).max(axis, keepdims=True) + v.y.shape[axis] + 8
    relative = 2 * v.error.max(axis, keepdims=True) + 2 * reach * v.eps
    if isinstance(layer, pl.LogSoftmax):
        y = v.y - v.y.max(axis, keepdims=True) - np.log(total)
        return Value(y, relative + 4 * v.eps * np.abs(y), v.eps)
    return Value(e / total, e / total * relative, v.eps)


def exponential(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    y = np.exp(v.y)
    return Value(y, y * (np.expm1(v.error) + 4 * v.eps * (1 + np.abs(v.y))), v.eps)


def power(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """Of numbers that are farther from 0 than their errors."""
    p, y = layer.exponent, v.y**layer.exponent
    steepest = np.maximum(*(np.abs(p * (np.abs(v.y) + sign * v.error) ** (p - 1)) for sign in (-1, 1)))
    return Value(y, steepest * v.error + 8 * v.eps * np.abs(y), v.eps)


def wide(x: Array, p: Array) -> Array:
    return x.reshape(len(x), *(1,) * (p.ndim + 1 - x.ndim), *x.shape[1:])


def scale(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    v, gamma = v.map(lambda a: wide(a, own["gamma"])), own["gamma"]
    return v.rounded(v.y * gamma, v.error * np.abs(gamma))


def shift(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    v = v.map(lambda a: wide(a, own["beta"]))
    return v.rounded(v.y + own["beta"], v.error + 0 * own["beta"])


def prelu(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    slopes = np.where(v.y > 0, 1, own["slope"])
    return v.rounded(v.y * slopes, v.error * np.maximum(1, np.abs(own["slope"])))


def standardised(v: Value, mean: Array, variance: Array, own: Arrays, layer: Any, spread: Any, terms: float) -> Value:
    """(x − m) / √(v + ε) · γ + β, where `spread` averages errors over what m and v were taken from."""
    deviation = np.sqrt(variance + layer.epsilon)
    y = (v.y - mean) / deviation
    error = v.error + terms * v.eps * (np.abs(v.y) + np.abs(mean))
    around = spread(error) + np.abs(y) * spread(np.abs(y) * error)
    total = (error + around) / deviation + terms * v.eps * np.abs(y)
    y, total = y * own["gamma"] + own["beta"], total * np.abs(own["gamma"])
    return Value(y, total + 4 * v.eps * (np.abs(y) + np.abs(own["beta"])), v.eps)


def batch_norm(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    if not train:
        return standardised(v, own["mean"], own["variance"], own, layer, lambda a: 0.0, 8)
    axes = tuple(range(v.y.ndim - 1))
    terms = v.y.size // v.y.shape[-1] + 8
    return standardised(v, v.y.mean(axes), v.y.var(axes), own, layer, lambda a: a.mean(axes), terms)


def layer_norm(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    axes = tuple(range(layer.axis % (v.y.ndim - 1) + 1, v.y.ndim))

    def mean(a: Array) -> Array:
        return np.asarray(a.mean(axes, keepdims=True))

    terms = math.prod(v.y.shape[axes[0] :]) + 8
    return standardised(v, mean(v.y), mean((v.y - mean(v.y)) ** 2), own, layer, mean, terms)


def instance_norm(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    axes = tuple(range(1, v.y.ndim - 1))

    def mean(a: Array) -> Array:
        return np.asarray(a.mean(axes, keepdims=True))

    terms = math.prod(v.y.shape[1:]) + 8
    return standardised(v, mean(v.y), mean((v.y - mean(v.y)) ** 2), own, layer, mean, terms)


def local_response(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """s^(−β) ≤ bias^(−β), and by x_k it bends no more than x's size over s."""
    size, channels = layer.config()["size"], v.y.shape[-1]
    before = (size - 1) // 2
    near = [slice(max(c - before, 0), c + size - before) for c in range(channels)]
    s = layer.bias + layer.alpha / size * np.stack([(v.y[..., k] ** 2).sum(-1) for k in near], axis=-1)
    felt = np.stack([(np.abs(v.y[..., k]) * v.error[..., k]).sum(-1) for k in near], axis=-1)
    y = v.y * s**-layer.beta
    error = v.error * s**-layer.beta + np.abs(y) * 2 * layer.beta * layer.alpha / size * felt / s
    return Value(y, 2 * error + (16 + 4 * size) * v.eps * np.abs(y), v.eps)


def resized(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """Linear, by corners: places between the first and the last pixel."""
    assert (layer.mode, layer.coordinates) == ("linear", "align_corners")

    def turn(a: Array) -> Array:
        for axis, size in enumerate(layer.image_size, start=1):
            pixels = a.shape[axis]
            place = np.linspace(0, pixels - 1, size) if size > 1 else np.zeros(1)
            matrix = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(pixels)))
            a = np.moveaxis(np.tensordot(matrix, a, (1, axis)), 0, axis)
        return a

    return Value(turn(v.y), turn(v.error) + 32 * v.eps * turn(np.abs(v.y)), v.eps)


def cells(layer: Any, a: Array, value: float) -> Array:
    """What the windows of a volume see (T, N, OD, OH, OW, C), `value` where there is nothing."""
    out, d, s = layer.output_shape[:3], layer.dilation, layer.stride
    widths = [(b, e + 4 * k) for (b, e), k in zip(layer.padding, layer.pool_size, strict=True)]
    wide = np.pad(a, ((0, 0), *widths, (0, 0)), constant_values=value)
    seen = []
    for tap in np.ndindex(layer.pool_size):
        places = (slice(u * e, u * e + n * t, t) for u, e, n, t in zip(tap, d, out, s, strict=True))
        seen.append(wide[(slice(None), *places)])
    return np.stack(seen)


def max_of_volume(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    return Value(cells(layer, v.y, -np.inf).max(0), cells(layer, v.error, 0).max(0), v.eps)


def mean_of_volume(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """Without counted padding."""
    count = cells(layer, np.ones_like(v.y), 0).sum(0)
    y, size, error = (cells(layer, a, 0).sum(0) / count for a in (v.y, np.abs(v.y), v.error))
    return Value(y, error + (count + 4) * v.eps * size, v.eps)


def stamped(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    """Each place stamps the kernel; without padding, dilation and groups."""
    w, stride = own["W"], layer.stride

    def product(x: Array, w: Array) -> Array:
        y = np.zeros((len(x), *layer.output_shape))
        for place in np.ndindex(x.shape[1:4]):
            for tap in np.ndindex(w.shape[:3]):
                at = tuple(p * s + u for p, s, u in zip(place, stride, tap, strict=True))
                y[(slice(None), *at)] += x[(slice(None), *place)] @ w[tap].T
        return y

    return linear(v, w, own.get("b"), math.prod(w.shape[:3]) * w.shape[4], product)


def mean_over(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    axes = tuple(a + 1 if a >= 0 else a for a in layer.axes)
    terms = math.prod(v.y.shape[a] for a in axes) + 4

    def mean(a: Array) -> Array:
        return np.asarray(a.mean(axes, keepdims=layer.keepdims))

    return Value(mean(v.y), mean(v.error) + terms * v.eps * mean(np.abs(v.y)), v.eps)


def product(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    def times(x: Array, w: Array) -> Array:
        return np.stack([np.matmul(w, one) if layer.left else np.matmul(one, w) for one in x]) if len(x) else x_empty(x)

    def x_empty(x: Array) -> Array:
        return np.zeros((0, *layer.output_shape))

    return linear(v, own["W"], None, max(own["W"].shape), times)


def border(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    cut = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(v.y.shape[1:], layer.widths, strict=True))
    widths = [(0, 0), *((max(b, 0), max(a, 0)) for b, a in layer.widths)]
    how = {"constant_values": layer.value} if layer.mode == "constant" else {}
    y = np.pad(v.y[(slice(None), *cut)], widths, mode=layer.mode, **how)
    return Value(y, np.pad(v.error[(slice(None), *cut)], widths, mode=layer.mode) + v.eps * abs(layer.value), v.eps)


def cut(layer: Any) -> tuple[slice, ...]:
    along = dict(zip((a % len(layer.input_shape) for a in layer.axes), range(len(layer.axes)), strict=True))
    return (
        slice(None),
        *(
            slice(layer.starts[along[a]], layer.stops[along[a]], layer.steps[along[a]]) if a in along else slice(None)
            for a in range(len(layer.input_shape))
        ),
    )


def group_norm(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    n, *_, c = v.y.shape

    def mean(a: Array) -> Array:
        groups = a.reshape(n, math.prod(a.shape[1:-1]), layer.groups, c // layer.groups)
        filled = np.broadcast_to(groups.mean((1, 3), keepdims=True), groups.shape)
        return filled.reshape(a.shape)

    return standardised(v, mean(v.y), mean((v.y - mean(v.y)) ** 2), own, layer, mean, math.prod(v.y.shape[1:]) + 8)


def gelu(layer: Any, x: Array) -> Array:
    if not layer.approximate:
        return 0.5 * x * (1 + error_function(x / math.sqrt(2)))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def error_function(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[float])(x))


def same(layer: Any, v: Value, own: Arrays, train: bool) -> Value:
    return v


LAYERS: dict[type[Any], Any] = {
    pl.Affine: affine,
    pl.Conv2D: convolution,
    pl.DepthwiseConv2D: convolution,
    pl.ConvTranspose2D: transposed,
    pl.MaxPool2D: max_pool,
    pl.AveragePool2D: average_pool,
    pl.GlobalAveragePool2D: global_average,
    pl.GlobalMaxPool2D: lambda layer, v, own, train: v.map(lambda a: a.max((1, 2))),
    pl.BatchNorm: batch_norm,
    pl.LayerNorm: layer_norm,
    pl.GroupNorm: group_norm,
    pl.Resize2D: resized,
    pl.MaxPool3D: max_of_volume,
    pl.AveragePool3D: mean_of_volume,
    pl.ConvTranspose3D: stamped,
    pl.InstanceNorm: instance_norm,
    pl.LocalResponseNorm: local_response,
    pl.Mean: mean_over,
    pl.MatMul: product,
    pl.Pad: border,
    pl.Slice: lambda layer, v, own, train: v.map(lambda a: a[cut(layer)]),
    pl.Take: lambda layer, v, own, train: v.map(
        lambda a: a.take(np.array(layer.indices), layer.axis % (a.ndim - 1) + 1)
    ),
    pl.ReLU: slope(lambda layer, x: np.maximum(x, 0), lambda layer: 1, 0),
    pl.LeakyReLU: slope(lambda layer, x: np.where(x > 0, x, layer.negative_slope * x), lambda layer: 1, 1),
    pl.ELU: slope(lambda layer, x: np.where(x > 0, x, layer.alpha * np.expm1(np.minimum(x, 0))), lambda layer: 1),
    pl.GELU: slope(gelu, lambda layer: 1.2, 16),
    pl.Sigmoid: slope(lambda layer, x: 0.5 * (1 + np.tanh(0.5 * x)), lambda layer: 0.25),
    pl.Tanh: slope(lambda layer, x: np.tanh(x), lambda layer: 1),
    pl.Softplus: slope(lambda layer, x: np.logaddexp(0, x), lambda layer: 1),
    pl.Softmax: softmax,
    pl.LogSoftmax: softmax,
    pl.SELU: slope(
        lambda layer, x: layer.gamma * np.where(x > 0, x, layer.alpha * np.expm1(np.minimum(x, 0))), lambda layer: 1.8
    ),
    pl.Swish: slope(lambda layer, x: 0.5 * x * (1 + np.tanh(0.5 * x)), lambda layer: 1.2),
    pl.Clip: slope(lambda layer, x: np.clip(x, layer.low, layer.high), lambda layer: 1, 0),
    pl.HardSigmoid: slope(lambda layer, x: np.clip(layer.alpha * x + layer.beta, 0, 1), lambda layer: abs(layer.alpha)),
    pl.HardSwish: slope(lambda layer, x: x * np.clip(x / 6 + 0.5, 0, 1), lambda layer: 1.5),
    pl.Erf: slope(lambda layer, x: error_function(x), lambda layer: 1.2),
    pl.Exp: exponential,
    pl.Power: power,
    pl.Scale: scale,
    pl.Shift: shift,
    pl.PReLU: prelu,
    pl.Transpose: lambda layer, v, own, train: v.map(lambda a: a.transpose(0, *(k + 1 for k in layer.axes))),
    pl.Dropout: same,
    pl.SpatialDropout2D: same,
    pl.Flatten: lambda layer, v, own, train: v.map(lambda a: a.reshape(len(a), math.prod(a.shape[1:]))),
    pl.Reshape: lambda layer, v, own, train: v.map(lambda a: a.reshape(len(a), *layer.output_shape)),
    pl.ZeroPad2D: lambda layer, v, own, train: v.map(lambda a: padded(a, layer.padding)),
    pl.Upsample2D: lambda layer, v, own, train: v.map(
        lambda a: a.repeat(layer.factor[0], 1).repeat(layer.factor[1], 2)
    ),
}
MERGES: dict[type[Any], Any] = {
    pl.Add: lambda merge, values: add(one_rank(values)),
    pl.Subtract: lambda merge, values: add([one_rank(values)[0], negative(one_rank(values)[1])]),
    pl.Multiply: lambda merge, values: reduce(times, one_rank(values)),
    pl.Concat: lambda merge, values: concat(merge.axis, values),
}


def loss(name: str, y: Array, t: Array) -> float:
    """The loss of outputs (N, K) for classes (N,), or for numbers (N, K)."""
    if name == "SoftmaxCrossEntropy":
        shifted = y - y.max(1, keepdims=True)
        return float((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), t]).mean())
    return float(((y - t) ** 2).mean())  # MeanSquaredError
