"""Merges: the nodes of a `Graph` where branches meet. Many arrays go in and one comes out.

    y, cache = merge.forward(xs)          dxs = merge.backward(dy, cache)

A merge has no parameters and draws nothing; it keeps the laws of the layer contract otherwise. It is no `Layer`,
because a layer takes one array: only `Graph` and `Residual` use merges, and nothing can put one elsewhere.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.constructed import Constructed
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers.base import CacheT, register
from pellucid.layers.container import Rules, rule_for
from pellucid.layers.facts import MOVES, Sees, Stated, forgotten
from pellucid.layers.parameters import Parameters
from pellucid.typing import Array, Config, Shape

MERGES: dict[str, type[AnyMerge]] = {}
"""Every merge class by its name, as a model file uses it."""


class Merge(Stated, Generic[CacheT], metaclass=Constructed):
    """A function of several arrays without parameters.

    It says facts of its passes, as layers do (`layers.facts`): `elementwise` where each output follows from the inputs
    at its own place, `linear` where it is a sum, `moves` where it puts numbers side by side. Products have `secants`.

    What readers of a tape look at in a layer is here too: `name`, `label`, `output_shape` and the (empty) `params`.

    Examples
    --------
    >>> pl.Add().infer_shape([(4, 4, 2), (4, 4, 2)])
    (4, 4, 2)
    >>> pl.Add().infer_shape([(4, 4, 2), (4, 4, 3)])
    Traceback (most recent call last):
        ...
    pellucid.errors.ShapeError: Add: its inputs must have one shape, or shapes that broadcast, got (4, 4, 2) and
    (4, 4, 3). Bring them together, for example with Conv2D(filters, 1, stride=...).
    """

    set_first: ClassVar[str] = "params"
    output_shape: Shape | None = None
    symbol: ClassVar[str] = ""
    """How a diagram draws it: "+", "‖", or "" for an empty circle."""

    @checked
    def __init__(self, *, name: str = "") -> None:
        self.name = name
        self.params = Parameters()
        self.buffers = Parameters()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "infer_shape" in vars(cls):
            cls.infer_shape = checked_late(cls.infer_shape)  # type: ignore[method-assign]
        register(MERGES, cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("forward", "backward"):  # a pass of this object's own, of which nothing is known
            vars(self).update(forgotten(self, Merge))
        super().__setattr__(name, value)

    def window(self, shapes: Sequence[Shape]) -> Sees | None:
        """Return what an output sees of the inputs; None where that is not known."""
        alike = len(set(map(tuple, shapes))) == 1 or {len(shape) for shape in shapes} == {3}
        return Sees.PLACE if self.facts.elementwise and alike else None

    def multiply_adds(self, shapes: Sequence[Shape]) -> int | None:
        """Return the products that are summed for one sample; None where that is not known."""
        return 0 if self.facts.moves else None

    def secants(self, m: Array, xs: Sequence[Array], bases: Sequence[Array]) -> list[Array] | None:
        """Return multipliers m_k for the inputs at xs and at bases, with Σ_k m_k (x_k − x'_k) = m (y − y').

        None where none are known. Sums need not say any: theirs are those of `backward`.
        """
        return None

    @abstractmethod
    def infer_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of one output sample for one sample of each input; raise ShapeError where they disagree."""

    @abstractmethod
    def forward(self, xs: Sequence[Array]) -> tuple[Array, CacheT]:
        """Return the output and the cache that `backward` needs."""

    @abstractmethod
    def backward(self, dy: Array, cache: CacheT) -> list[Array]:
        """Return one dx for each input, in their order. They may share memory with dy; nobody writes to them."""

    def config(self) -> Config:
        """Return the keyword arguments that make this merge again, fit for JSON."""
        return {}

    def settle(self, output_shape: Shape) -> None:
        """Keep the shape of an output sample; raise StateError where another graph has another one."""
        if self.output_shape not in (None, output_shape):
            raise StateError(
                f"{self.label}: stands in a graph with samples of shape {self.output_shape} already; here they would "
                f"have {output_shape}. Make another {type(self).__name__}."
            )
        self.output_shape = output_shape

    @property
    def label(self) -> str:
        """How messages call this merge."""
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if self.name else kind

    def __repr__(self) -> str:
        arguments = [f"{k}={v!r}" for k, v in self.config().items()]
        if self.name:
            arguments.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(arguments)})"

    @checked_late
    def expect_several(self, shapes: Sequence[Shape]) -> None:
        """Raise ArgumentError unless there are at least two inputs."""
        if len(shapes) < 2:
            raise ArgumentError(f"{self.label}: needs at least two inputs, got {len(shapes)}.")


AnyMerge: TypeAlias = Merge[Any]


class MergeCache(NamedTuple):
    """The inputs: a rule that shares a relevance among them needs their values."""

    xs: tuple[Array, ...]


class Concat(Merge[MergeCache]):
    """Its inputs side by side along an axis: dx_k is the part of dy that x_k became.

    Parameters
    ----------
    axis : int, default=-1
        Of a sample, from 0, or from −1 at the end: the channels of images.

    Examples
    --------
    >>> y, cache = pl.Concat().forward([np.ones((1, 4, 4, 2)), np.zeros((1, 4, 4, 3))])
    >>> y.shape
    (1, 4, 4, 5)
    """

    facts = MOVES
    symbol = "‖"

    def __init__(self, axis: int = -1, *, name: str = "") -> None:
        super().__init__(name=name)
        self.axis = checks.axis("Concat", "axis", axis)

    def _axis(self, shape: Shape) -> int:
        """The axis, counted from 0."""
        if not -len(shape) <= self.axis < len(shape):
            raise ShapeError(f"{self.label}: a sample {shape} has no axis {self.axis}.")
        return self.axis % len(shape)

    def window(self, shapes: Sequence[Shape]) -> Sees | None:
        axis, axes = self._axis(shapes[0]), len(shapes[0])
        if axes == 3 and axis == 2:
            return Sees.PLACE
        return Sees.BESIDE if axis == 0 and axes in (1, 3) else None

    def infer_shape(self, shapes: Sequence[Shape]) -> Shape:
        self.expect_several(shapes)
        axis = self._axis(shapes[0]) if shapes[0] else 0
        if not all(shapes) or len({(*shape[:axis], *shape[axis + 1 :], len(shape)) for shape in shapes}) > 1:
            but = "the last" if axis == len(shapes[0]) - 1 else f"axis {axis}"
            raise ShapeError(
                f"{self.label}: its inputs must agree in all axes but {but}, got {' and '.join(map(str, shapes))}."
            )
        return *shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :]

    @checked_late
    def forward(self, xs: Sequence[Array]) -> tuple[Array, MergeCache]:
        self.infer_shape([x.shape[1:] for x in xs])
        return np.concatenate(xs, axis=1 + self._axis(xs[0].shape[1:])), MergeCache(tuple(xs))

    def backward(self, dy: Array, cache: MergeCache) -> list[Array]:
        axis = 1 + self._axis(dy.shape[1:])
        ends = np.cumsum([x.shape[axis] for x in cache.xs])
        return np.split(dy, ends[:-1], axis=axis)

    def config(self) -> Config:
        return {"axis": self.axis}


def merge_backward(merge: AnyMerge, dy: Array, cache: Any, rules: Rules | None) -> list[Array]:
    """The backward pass of a merge, or of the rule that takes its place."""
    rule = rule_for(merge, rules)
    return list(rule(merge, dy, cache)[0]) if rule else merge.backward(dy, cache)
