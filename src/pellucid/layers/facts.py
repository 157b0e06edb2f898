"""What a layer says of itself: facts that hold for its evaluation-mode pass, asked by views, explanations and kernels.

Nobody outside this room knows which layers there are: whoever needs a window, a cost or a rule asks the layer. What a
layer does not say is not known of it, and whoever needs it refuses by the layer's name, or says "?". A fact belongs to
the passes of the class that states it: a subclass that writes passes of its own starts without facts, one that only
adds options keeps them (`plain.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from pellucid.checked import checked_late
from pellucid.kernels import Window
from pellucid.layers.plain import FACTS, keeps_passes
from pellucid.typing import Array, Arrays, IntArray, Shape

if TYPE_CHECKING:
    from pellucid.layers.base import Layer


@checked_late
class Facts(NamedTuple):
    """What is true of a layer's evaluation-mode pass y = f(x), whatever comes in; nothing is, where nothing is said.

    Attributes
    ----------
    moves : every output is one of the inputs as it was, and each input comes out once: reshape, flip, shuffle
    in_order : it moves, and keeps the order of the numbers: their shape changes at most
    elementwise : y_i = f(x_i) with one f, for x of any shape
    separate : y_i = f_i(x_i), each number by itself; what is elementwise is so, and need not say it
    linear : y = L x + c: sums and products by constants
    weights : the names of the parameters that L consists of, the others being added to y, as biases are; () where L is
        fixed and no number in it is negative, whatever is added. None where that is not known
    switches : every output is one of the inputs, the winner of those it sees, and takes the whole gradient to it
    pools : every output stands for several pixels of one channel, and hangs on no parameter
    normalizes : brings numbers to mean 0 and variance 1, or near to it
    keeps_sums : dx has in every channel (its last axis) the sum that dy has there
    keeps_range : where all inputs lie in [0, 1], so do all outputs
    homogeneous : f(t x) = t f(x) for t > 0
    function : the name of f where it is a standard one that others compute too, in training as well: "affine" (y = x W
        + b of vectors), "relu", "sigmoid", "hard_sigmoid", "tanh", "softmax" and "log_softmax" (over the layer's
        `axis`; the last, where it has none), "global_average"; of merges "multiply" and "divide"

    Examples
    --------
    >>> pl.ReLU().facts.elementwise, pl.ReLU().facts.function
    (True, 'relu')
    >>> class Leaking(pl.ReLU):
    ...     def function(self, x):
    ...         return np.maximum(x, 0.1 * x)
    >>> Leaking().facts.elementwise, Leaking().facts.function  # still element by element, and no ReLU any more
    (True, '')
    """

    moves: bool = False
    in_order: bool = False
    elementwise: bool = False
    separate: bool = False
    linear: bool = False
    weights: tuple[str, ...] | None = None
    switches: bool = False
    pools: bool = False
    normalizes: bool = False
    keeps_sums: bool = False
    keeps_range: bool = False
    homogeneous: bool = False
    function: str = ""


UNKNOWN = Facts()
"""Nothing is said."""

MOVES = Facts(moves=True, linear=True, keeps_range=True, homogeneous=True)
"""What only moves numbers; layers say more beside it."""


@checked_late
@dataclass(frozen=True)
class Sees:
    """What an output sees, where it is no window: `Sees.ALL`, `Sees.PLACE`, `Sees.BESIDE`.

    Examples
    --------
    >>> pl.Affine(3).window((4,)), pl.BatchNorm().window((28, 28, 8))
    (Sees(what='all of the input'), Sees(what='the same place of the input'))
    """

    what: str
    ALL: ClassVar[Sees]
    PLACE: ClassVar[Sees]
    """The same pixel of an image, the same entry of a vector."""
    BESIDE: ClassVar[Sees]
    """The part that it is, of inputs that stand side by side along the last axis."""


Sees.ALL, Sees.PLACE, Sees.BESIDE = map(
    Sees, ("all of the input", "the same place of the input", "one input of several")
)


@checked_late
class Taps(NamedTuple):
    """The pixels that the outputs of a layer on images see: rows and columns, each output its own.

    Examples
    --------
    >>> pl.Upsample2D(2).window((1, 3, 1)).columns.ravel().tolist()
    [0, 0, 1, 1, 2, 2]
    """

    rows: IntArray
    """(OH, k): the input rows that each output row sees; those outside the image are nothing."""
    columns: IntArray
    """(OW, k)"""


@checked_late
class Sources(NamedTuple):
    """The number that each number of the output was, or hangs on: that of no other.

    Examples
    --------
    >>> pl.Transpose((1, 0)).window((2, 3)).places.tolist()
    [[0, 3], [1, 4], [2, 5]]
    """

    places: IntArray
    """Of the output sample's shape: indices of the flattened input sample; −1 for what comes from none."""


Sight: TypeAlias = Window | Taps | Sources | Sees | None


def seen_along(shape: Shape, axes: Sequence[int], *, collapsed: bool = False) -> Sight:
    """Return what an output sees that looks at whole `axes` of a sample, and at its own place along the others.

    collapsed: the output has length 1 along `axes`.
    """
    along = {axis % len(shape) for axis in axes}
    if len(along) == len(shape) or (len(shape) == 3 and along >= {0, 1}):
        return Sees.ALL
    if len(shape) != 3:
        return None
    if along <= {2}:
        return Sees.PLACE
    places = [np.arange(n) for n in shape[:2]]
    return Taps(
        *(
            np.broadcast_to(own, (1 if collapsed else len(own), len(own))) if axis in along else own[:, None]
            for axis, own in enumerate(places)
        )
    )


@checked_late
class Sliding(NamedTuple):
    """How a sliding layer works on windows that were cut out of its input.

    Examples
    --------
    >>> sliding = pl.MaxPool2D(2, padding=1).sliding()
    >>> sliding.fill, sliding.run(np.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    (-inf, [[[[3.0]]]])
    """

    fill: float
    """What its padding counts as."""
    run: Callable[[Array], Array]
    """y of images that bring their padding."""


@checked_late
class ChannelAffine(NamedTuple):
    """y = (x − mean) · scale + shift, each of these (C,).

    Examples
    --------
    >>> norm = pl.BatchNorm(epsilon=1e-9)
    >>> norm.build((2,), np.random.default_rng(0), np.float64)
    (2,)
    >>> norm.channel_affine().scale.round(6).tolist()
    [1.0, 1.0]
    """

    mean: Array
    scale: Array
    shift: Array


def absorbed(params: Mapping[str, Array], after: ChannelAffine) -> Arrays:
    """Return W and b of a weighted sum, the last axis of W being its channels, of which `after` is taken.

    W' = W · scale,  b' = (b − mean) · scale + shift
    """
    b = params.get("b", np.zeros_like(after.scale))
    return {"W": params["W"] * after.scale, "b": (b - after.mean) * after.scale + after.shift}


@checked_late
class KernelUse(NamedTuple):
    """Which kernel computes a layer for one batch, why, and what that costs.

    Examples
    --------
    >>> pl.Sequential([pl.Affine(10)], input_shape=784).layer("affine1").kernel_use(100)[:3]
    ('gemm', 'a matrix product', 1568000)
    """

    kernel: str
    reason: str
    flops: int
    bytes: int


class Stated:
    """What says facts of its passes. Where a subclass writes other passes, it begins without any."""

    facts: Facts = UNKNOWN

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in FACTS & vars(cls).keys():
            if isinstance(vars(cls)[name], FunctionType):
                setattr(cls, name, checked_late(vars(cls)[name]))
        kept = {base for base in cls.__mro__ if FACTS & vars(base).keys() and keeps_passes(cls, base)}
        for name in FACTS:
            stating = [base for base in cls.__mro__ if name in vars(base)]
            if stating:
                valid = next((base for base in stating if base in kept), stating[-1])
                if valid is not stating[0]:
                    setattr(cls, name, vars(valid)[name])


class Answers(Stated):
    """The questions that are put to every layer, and the answers of one that nothing is known of.

    A layer of your own answers those that it can: `facts = pl.layers.Facts(...)` in the class, and these methods.
    `pellucid.testing.assert_facts` holds what it says against its passes.
    """

    def window(self, input_shape: Shape) -> Sight:
        """Return what an output sees of a sample of `input_shape`; None where that is not known.

        A `Window` of a layer that slides over images, or `Taps`, or `Sees.ALL` and the like. What works element by
        element or keeps the order of the numbers need not say it.
        """
        return None

    def multiply_adds(self, input_shape: Shape) -> int | None:
        """Return the products that are summed for one sample; None where that is not known.

        Convolutions count the zeros of their padding, as is usual. Sums and comparisons alone count nothing.
        """
        facts = self.facts
        return 0 if facts.moves or facts.elementwise or facts.switches else None

    def filter_weights(self) -> Array | None:
        """Return the weights whose last axis counts the outputs (or their channels), to be looked at; None without."""
        return None

    def sliding(self) -> Sliding | None:
        """Return how the layer works on windows cut out of its input; None where it cannot."""
        return None

    def channel_affine(self) -> ChannelAffine | None:
        """Return the scale and shift of each channel that the evaluation-mode pass is; None where it is no such."""
        return None

    def absorb(self, after: ChannelAffine) -> Layer[Any] | None:
        """Return a layer that does what this one and then `after` do; None where there is none."""
        return None

    def fuse_with(self, following: Sequence[Layer[Any]]) -> tuple[Layer[Any], int] | None:
        """Return a faster layer that does what this one and the next n do, and n ≥ 1; None where there is none."""
        return None

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        """Return the steps of a one-sample program (`kernels.single`) with this layer's added; None without.

        The steps' weights are the layer's parameters W and, where it has one, b.
        """
        return [*steps] if self.facts.in_order else None

    def kernel_use(self, batch_size: int) -> KernelUse:
        """Return which kernel computes a batch, once the layer is built."""
        layer: Any = self
        numbers = batch_size * (math.prod(layer.input_shape or ()) + math.prod(layer.output_shape or ()))
        if self.facts != UNKNOWN and not self.facts.weights:
            return KernelUse("elementwise", "a pass over memory", 0, 4 * numbers)
        held = sum(p.size for p in layer.params.values())
        products = self.multiply_adds(layer.input_shape or ()) or 0
        return KernelUse("own", "its own forward", 2 * batch_size * products, 4 * (numbers + held))


def forgotten(one: Stated, kind: type[Any]) -> dict[str, Any]:
    """Return the answers of `kind`, which knows nothing, for one object with passes of its own."""
    found = {name: getattr(kind, name) for name in FACTS if hasattr(kind, name)}
    return {name: MethodType(value, one) if callable(value) else value for name, value in found.items()}
