"""Whether what a layer says of itself is so: every fact of `pellucid.layers.facts` beside the layer's own passes.

In float64 and evaluation mode, on numbers that differ. A layer is small enough here to be asked about every number: L
of y = L x + c comes from a batch of unit vectors, and what an output sees from changing one place after another.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from pellucid import functions
from pellucid.checked import checked_late
from pellucid.gradcheck.subject import float64_copy
from pellucid.kernels import Window
from pellucid.layers import ChannelAffine, Layer, MaxPool2D, ReLU, Sees, Sequential, Sources, Taps, copy_network
from pellucid.layers.one_sample import OneSample
from pellucid.layers.walk import is_open, nodes_of, visits
from pellucid.typing import Array, Shape

FAR = 50.0
"""What a number is moved by to see who notices: more than any of them differ."""


@checked_late
def assert_facts(layer: Layer[Any], input_shape: Shape | int, *, seed: int = 0) -> None:
    """Raise AssertionError unless what a layer says of itself is true of its passes.

    What it does not say is not asked for. It works on a copy; `input_shape` should be small, some 50 numbers.

    Examples
    --------
    >>> from pellucid.testing import assert_facts
    >>> class Halved(pl.Layer):
    ...     facts = pl.layers.Facts(linear=True, weights=(), homogeneous=True)
    ...     def infer_shape(self, input_shape):
    ...         return input_shape
    ...     def forward(self, x, *, train=False, rng=None):
    ...         return x / 2, None
    ...     def backward(self, dy, cache, *, need_dx=True, need_grads=True):
    ...         return dy / 2, {}
    >>> assert_facts(Halved(), input_shape=(4,))
    """
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    stated = _Stated(layer, shape, seed)
    faults = [fault for check in CHECKS for fault in check(stated)]
    if faults:
        raise AssertionError("\n".join([f"{layer.label} says what is not so:", *faults]))


class _Stated:
    """A layer, numbers x (3, …) that all differ, and what it makes of them."""

    def __init__(self, layer: Layer[Any], shape: Shape, seed: int) -> None:
        rng = np.random.default_rng([seed, 8])
        self.layer: Any = float64_copy(layer, shape, seed)
        for store in (self.layer.params, self.layer.buffers) if layer.input_shape is None else ():
            for key, array in store.items():
                store[key] = array + rng.uniform(0.05, 0.15, array.shape)
        self.facts, self.rng, self.shape = self.layer.facts, rng, shape
        size = 3 * math.prod(shape)
        self.x: Array = rng.permutation(np.linspace(-1.93, 2.07, size)).reshape(3, *shape)
        self.y: Array = self.layer(self.x)

    @cached_property
    def at_zero(self) -> Array:
        """c of y = L x + c (1, …)."""
        return np.asarray(self.layer(np.zeros((1, *self.shape))))

    @cached_property
    def matrix(self) -> Array:
        """L: its row i is what the i-th number of x gives (D, …)."""
        d = math.prod(self.shape)
        return np.asarray(self.layer(np.eye(d).reshape(d, *self.shape)) - self.at_zero)

    def gradient(self, x: Array, dy: Array) -> Array:
        """dx."""
        return np.asarray(self.layer.backward(dy, self.layer.forward(x)[1], need_grads=False)[0])


def _alike(one: Array, other: Array, tolerance: float = 1e-9) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=tolerance, atol=tolerance))


def _moving(s: _Stated) -> Iterator[str]:
    one, other = s.x.reshape(3, -1), s.y.reshape(3, -1)
    if s.facts.moves and not np.array_equal(np.sort(one), np.sort(other)):
        yield "moves: the outputs are not the inputs in some order"
    if s.facts.moves and not s.facts.linear:
        yield "moves: what only moves numbers is linear, too"
    if s.facts.in_order and not (s.facts.moves and np.array_equal(one, other)):
        yield "in_order: the outputs are not the inputs in their order"


def _by_element(s: _Stated) -> Iterator[str]:
    if not s.facts.elementwise:
        return
    mixed = s.rng.permutation(s.x.size)
    if s.y.shape != s.x.shape:
        yield "elementwise: the output has another shape than the input"
    elif not _alike(s.layer(s.x.reshape(-1)[mixed].reshape(s.x.shape)), s.y.reshape(-1)[mixed].reshape(s.x.shape)):
        yield "elementwise: a number gives something else at another place"
    else:
        try:
            same = _alike(s.layer(s.x.reshape(-1, 1)), s.y.reshape(-1, 1))
        except Exception:  # the layer's own words for it
            same = False
        if not same:
            yield "elementwise: x of another shape does not give the same numbers"


def _separate(s: _Stated) -> Iterator[str]:
    if not s.facts.separate:
        return
    d = s.x[0].size
    moved = s.layer(s.x[:1] + FAR * np.eye(d).reshape(d, *s.shape)) != s.y[:1]
    if s.y.shape != s.x.shape or moved.reshape(d, d)[~np.eye(d, dtype=bool)].any():
        yield "separate: a number of the output hangs on another one than that at its place"


def _linear(s: _Stated) -> Iterator[str]:
    sums = np.tensordot(s.x.reshape(3, -1), s.matrix, 1) + s.at_zero
    if s.facts.linear and not _alike(s.y, sums):
        yield "linear: f(x) is not L x + c"
    if s.facts.homogeneous and not _alike(s.layer(3 * s.x), 3 * s.y):
        yield "homogeneous: f(3 x) is not 3 f(x)"


def _weights(s: _Stated) -> Iterator[str]:
    weights = s.facts.weights
    if weights is None:
        return
    if not s.facts.linear:
        yield "weights: they are of a linear layer"
    if not weights and s.matrix.min() < 0:
        yield "weights: () is said where L is fixed and no number in it is negative"
    if unknown := set(weights) - set(s.layer.params):
        yield f"weights: there is no parameter {min(unknown)}"
        return
    added = [p for key, p in s.layer.params.items() if key not in weights]
    if not _alike(np.zeros_like(s.at_zero) + sum(added), s.at_zero):
        yield "weights: what the other parameters add is not f(0)"
    doubled = s.layer.with_arrays({**s.layer.params, **{key: 2 * s.layer.params[key] for key in weights}})
    if not _alike(doubled(s.x) - s.at_zero, (2 if weights else 1) * (s.y - s.at_zero)):
        yield "weights: twice the weights do not give twice the sums"


def _switching(s: _Stated) -> Iterator[str]:
    x, y = s.x[:1].reshape(-1), s.y[:1].reshape(-1)
    if s.facts.switches:
        repeated = np.repeat(s.x[:1], len(y), axis=0)
        dx = s.gradient(repeated, np.eye(len(y)).reshape(len(y), *s.y.shape[1:])).reshape(len(y), -1)
        if not (np.isin(dx, (0, 1)).all() and (dx.sum(axis=1) == 1).all() and _alike(dx @ x, y)):
            yield "switches: an output is not the input that its whole gradient goes to"
    if s.facts.pools:
        dy = np.zeros_like(s.y)
        dy[..., 0] = 1
        if s.layer.params or s.gradient(s.x, dy)[..., 1:].any():
            yield "pools: an output hangs on more than one channel, or on parameters"


def _keeping(s: _Stated) -> Iterator[str]:
    if s.facts.keeps_sums:
        dy = s.rng.standard_normal(s.y.shape)
        channels = s.shape[-1]
        dx = s.gradient(s.x, dy)
        if not _alike(dx.reshape(3, -1, channels).sum(axis=1), dy.reshape(3, -1, channels).sum(axis=1)):
            yield "keeps_sums: a channel of dx has another sum than that of dy"
    if s.facts.keeps_range:
        for share in (0.0, 0.5, 1.0):
            y = s.layer(np.clip(s.rng.random(s.x.shape) * 2 - 1 + share, 0, 1))
            if y.min() < 0 or y.max() > 1:
                yield "keeps_range: inputs from 0 to 1 gave an output beyond"
                return


def _normalizing(s: _Stated) -> Iterator[str]:
    if s.facts.normalizes:
        twin = copy.deepcopy(s.layer)  # training changes running statistics
        one, other = (twin.forward(scale * s.x, train=True)[0] for scale in (1e3, 2e3))
        if not _alike(one, other, 1e-4):
            yield "normalizes: in training, twice the numbers give something else"


def _softmax(layer: Any, x: Array) -> Array:
    axis = getattr(layer, "axis", -1)
    each = np.exp(x)
    return np.asarray(each / each.sum(axis=axis + 1 if axis >= 0 else axis, keepdims=True))


FUNCTIONS: dict[str, Callable[[Any, Array], Array]] = {
    "affine": lambda layer, x: x @ layer.params["W"] + layer.params.get("b", 0),
    "relu": lambda layer, x: np.maximum(x, 0),
    "sigmoid": lambda layer, x: functions.sigmoid(x),
    "hard_sigmoid": lambda layer, x: np.clip(layer.alpha * x + layer.beta, 0, 1),
    "tanh": lambda layer, x: np.tanh(x),
    "softmax": lambda layer, x: _softmax(layer, x),
    "log_softmax": lambda layer, x: np.log(_softmax(layer, x)),
    "global_average": lambda layer, x: x.mean(axis=(1, 2)),
}


def _function(s: _Stated) -> Iterator[str]:
    name = s.facts.function
    if name and name not in FUNCTIONS:
        yield f"function: {name!r} is none of {', '.join(FUNCTIONS)}"
    elif name and not _alike(s.y, FUNCTIONS[name](s.layer, s.x)):
        yield f"function: f is not {name}"
    elif name and not _alike(s.layer.forward(s.x, train=True, rng=np.random.default_rng(0))[0], s.y):
        yield f"function: in training it is not {name}"


def _seen(s: _Stated) -> Iterator[str]:
    """Which places of the input change which places of the output, and which are said to."""
    said = _said(s.layer.window(s.shape), s)
    if said is not None and not np.array_equal(said, _noticed(s)):
        yield "window: the outputs do not see what it says, or see more"


def _places(shape: Shape) -> int:
    return math.prod(shape[:2]) if len(shape) == 3 else math.prod(shape)


def _noticed(s: _Stated) -> Array:
    """Whether output place j changes with input place i: (inputs, outputs)."""
    many = _places(s.shape)
    found = np.zeros((many, _places(s.y.shape[1:])), bool)
    for far in (FAR, -FAR, 0.7):
        for i in range(many):
            changed = s.x.copy()
            place = changed.reshape(3, many, -1)[:, i]
            place += far * s.rng.uniform(0.5, 1.5, place.shape)
            there = np.abs(s.layer(changed) - s.y) > 1e-9
            found[i] |= there.reshape(3, found.shape[1], -1).any(axis=(0, 2))
    return found


def _said(sees: Any, s: _Stated) -> Array | None:
    inputs, outputs = _places(s.shape), _places(s.y.shape[1:])
    if sees is Sees.ALL:
        return np.ones((inputs, outputs), bool)
    if sees is Sees.PLACE or (sees is None and s.facts.elementwise):
        return np.eye(inputs, outputs, dtype=bool)
    if isinstance(sees, Sources):
        seen = np.zeros((inputs, outputs), bool)
        came, place = sees.places.reshape(outputs, -1), np.arange(outputs)[:, None]
        seen[(came // (s.x[0].size // inputs))[came >= 0], np.broadcast_to(place, came.shape)[came >= 0]] = True
        return seen
    if not isinstance(sees, (Window, Taps)):
        return None
    (h, w, _), (oh, ow, _) = s.shape, s.y.shape[1:]
    rows, columns = _axis(sees, 0, h, oh), _axis(sees, 1, w, ow)
    return np.asarray(rows[:, None, :, None] & columns[None, :, None, :]).reshape(inputs, outputs)


def _axis(sees: Window | Taps, axis: int, pixels: int, out: int) -> Array:
    """Whether row i is seen by output row j, along an axis."""
    seen = np.zeros((pixels, out), bool)
    for j in range(out):
        if isinstance(sees, Window):
            first = j * sees.stride[axis] - sees.padding[axis][0]
            taps = [first + k * sees.dilation[axis] for k in range(sees.size[axis])]
        else:
            taps = sees[axis][j].tolist()
        seen[[i for i in taps if 0 <= i < pixels], j] = True
    return seen


def _costs(s: _Stated) -> Iterator[str]:
    count = s.layer.multiply_adds(s.shape)
    if count is None:
        return
    if not isinstance(count, int) or count < 0:
        yield f"multiply_adds: must be a whole number, got {count!r}"
    elif s.facts.weights and count < (least := _fewest_products(s)):
        yield f"multiply_adds: {count} are fewer than the {least} products of its weights"
    use = s.layer.kernel_use(3)
    if use.flops < 0 or use.bytes <= 0:
        yield f"kernel_use: got {use}"


def _fewest_products(s: _Stated) -> int:
    """Of a linear layer with weights: one for each pair of a weight and an output that hangs on it. Where each weight
    belongs to one input these are the entries of L that are not 0; a layer may also add first, and then multiply.
    """
    cache, shape = s.layer.forward(s.x[:1])[1], s.y[:1].shape
    each = np.eye(s.y[0].size).reshape(-1, *shape)
    grads = [s.layer.backward(dy, cache, need_dx=False)[1] for dy in each]
    return sum(int(np.count_nonzero(own[key])) for own in grads for key in own if key in (s.facts.weights or ()))


def _filters(s: _Stated) -> Iterator[str]:
    held = s.layer.filter_weights()
    if held is None:
        return
    key = next((key for key, p in s.layer.params.items() if p is held), None)
    if key is None or held.shape[-1] != s.y.shape[-1]:
        yield "filter_weights: must be a parameter whose last axis counts the outputs"
        return
    without = held.copy()
    without[..., 0] = 0
    other = s.layer.with_arrays({**s.layer.params, key: without})(s.x)
    if not _alike(other[..., 1:], s.y[..., 1:]) or _alike(other, s.y):
        yield "filter_weights: its last axis does not count the outputs"


def _sliding(s: _Stated) -> Iterator[str]:
    sliding, window = s.layer.sliding(), s.layer.window(s.shape)
    if sliding is None:
        return
    if not isinstance(window, Window):
        yield "sliding: needs a window"
        return
    padded = np.pad(s.x, ((0, 0), *window.padding, (0, 0)), constant_values=sliding.fill)
    one = padded[:, : window.extent(0), : window.extent(1)]
    if not _alike(sliding.run(padded), s.y) or not _alike(sliding.run(one), s.y[:, :1, :1]):
        yield "sliding: run gives something else on windows that bring their padding"


def _scaling(s: _Stated) -> Iterator[str]:
    own = s.layer.channel_affine()
    if own is not None and not _alike(s.y, (s.x - own.mean) * own.scale + own.shift):
        yield "channel_affine: f(x) is not (x − mean) · scale + shift"
    after = ChannelAffine(*s.rng.uniform(0.5, 1.5, (3, s.y.shape[-1])))
    absorbed = s.layer.absorb(after)
    if absorbed is not None and not _alike(absorbed(s.x), (s.y - after.mean) * after.scale + after.shift):
        yield "absorb: the layer that is returned does not do both"


def _together(s: _Stated) -> Iterator[str]:
    following: list[Layer[Any]] = [ReLU()]
    if s.y.ndim == 4 and min(s.y.shape[1:3]) > 1:
        following.append(MaxPool2D(2))
    network = Sequential([s.layer, *following])
    network.build(s.shape, np.random.default_rng(0), np.float64)
    fused = s.layer.fuse_with(following)
    if fused is not None:
        y = s.y
        for layer in following[: fused[1]]:
            y = layer(y)
        if not _alike(fused[0](s.x), y):
            yield "fuse_with: the layer that is returned does not do what they do one by one"
    single = copy_network(Sequential([s.layer], input_shape=s.shape, dtype=np.float64), np.float32).layers[0]
    steps = single.one_sample([], s.shape)
    if steps and not _alike(OneSample([single], steps, s.y.shape[1:])(s.x[:1].astype(np.float32)), s.y[:1], 1e-4):
        yield "one_sample: the program gives something else"


def _nodes(s: _Stated) -> Iterator[str]:
    if not is_open(s.layer):
        return
    y, tape = s.layer.forward(s.x)
    if len(tape) != len(nodes_of(s.layer)):
        yield f"nodes: a tape must have a step for each of {len(nodes_of(s.layer))} nodes, got {len(tape)}"
        return
    given: dict[str, Array] = {"input": s.x}
    for visit, (name, operation, inputs) in zip(_own(s, tape), nodes_of(s.layer), strict=True):
        xs = [given[source] for source in inputs]
        given[name] = operation(xs[0]) if isinstance(operation, Layer) else operation.forward(xs)[0]
        if not _alike(visit.output, given[name]):
            yield f"nodes: {name} does not give what the tape says"
    if not _alike(given[s.layer.output], y):
        yield f"nodes: the output is not that of {s.layer.output}"


def _own(s: _Stated, tape: Any) -> list[Any]:
    return [visit for visit in visits(s.layer, s.x, tape) if "." not in visit.path]


CHECKS: tuple[Callable[[_Stated], Iterator[str]], ...] = (
    _moving, _by_element, _separate, _linear, _weights, _switching, _keeping, _normalizing, _function, _seen, _costs,
    _filters, _sliding, _scaling, _together, _nodes,
)  # fmt: skip
