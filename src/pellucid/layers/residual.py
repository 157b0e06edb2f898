"""Residual blocks: a branch of layers, and a shortcut around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pellucid.checked import checked_late
from pellucid.errors import ShapeError
from pellucid.layers.base import Layer
from pellucid.layers.container import AnyLayer, Container, Rules
from pellucid.layers.merge import Add, MergeCache, merge_backward
from pellucid.layers.sequential import Sequential, Tape
from pellucid.typing import Array, ArrayLike, Arrays, Config, Shape


class ResidualCache(NamedTuple):
    """The tapes of both sides (None where the shortcut is the identity), and what met in the sum."""

    branch: Tape
    shortcut: Tape | None
    sum: MergeCache


class Residual(Container[ResidualCache]):
    """The sum of a branch and a shortcut.

    Forward     y = branch(x) + shortcut(x);  without shortcut layers y = branch(x) + x
    Backward    dx = ∂branchᵀ dy + ∂shortcutᵀ dy

    Its parameters are called `branch.conv2d1.W` and `shortcut.conv2d1.W`. A rule for `Add` decides how dy is shared
    between the two sides; rules for other layers reach into both.

    Parameters
    ----------
    branch : layer or sequence of layers
    shortcut : layer or sequence of layers, optional
        A projection, where the branch changes the shape: `Conv2D(filters, 1, stride=2)`. Left out, x itself is added.

    References
    ----------
    He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", arXiv:1512.03385, equations 1 and 2.

    Examples
    --------
    >>> block = pl.Residual([pl.Conv2D(8, 3, padding="same"), pl.ReLU(), pl.Conv2D(8, 3, padding="same")])
    >>> block.infer_shape((28, 28, 8))
    (28, 28, 8)
    """

    def __init__(
        self,
        branch: AnyLayer | Sequence[AnyLayer],
        shortcut: AnyLayer | Sequence[AnyLayer] | None = None,
        *,
        name: str = "",
    ) -> None:
        self.branch = Sequential(_as_layers(branch), name="branch")
        self.shortcut = None if shortcut is None else Sequential(_as_layers(shortcut), name="shortcut")
        super().__init__([side for side in (self.branch, self.shortcut) if side is not None], name=name)
        self.add = Add(name="add")

    def infer_shape(self, input_shape: Shape) -> Shape:
        out = self.branch.infer_shape(input_shape)
        other = input_shape if self.shortcut is None else self.shortcut.infer_shape(input_shape)
        if out != other:
            remedy = (
                "Give a shortcut that makes the same shape, such as Conv2D(filters, 1, stride=...)."
                if self.shortcut is None
                else "Change one of them."
            )
            raise ShapeError(f"{self.label}: branch and shortcut must give one shape, got {out} and {other}. {remedy}")
        return out

    def reach(self, input_shape: Shape) -> Iterator[tuple[AnyLayer, Shape]]:
        return ((side, input_shape) for side in self.layers)

    def __call__(self, x: ArrayLike) -> Array:
        x = self.accept(x)
        return self.branch(x) + (x if self.shortcut is None else self.shortcut(x))

    @checked_late
    def forward(
        self, x: ArrayLike, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ResidualCache]:
        x = self.accept(x)
        ys, tapes = [], []
        for side in self.layers:
            y, tape = side.forward(x, train=train, rng=rng)
            ys.append(y)
            tapes.append(tape)
        y, summed = self.add.forward([ys[0], x if self.shortcut is None else ys[1]])
        return y, ResidualCache(tapes[0], None if self.shortcut is None else tapes[1], summed)

    @checked_late
    def backward(
        self,
        dy: Array,
        cache: ResidualCache,
        rules: Rules | None = None,
        *,
        need_dx: bool = True,
        need_grads: bool = True,
    ) -> tuple[Array | None, Arrays]:
        shares = merge_backward(self.add, dy, cache.sum, rules)
        needs = {"need_dx": need_dx, "need_grads": need_grads}
        dx, own = self.branch.backward(shares[0], cache.branch, rules, **needs)
        grads = {f"branch.{key}": gradient for key, gradient in own.items()}
        other: Array | None = shares[1]
        if self.shortcut is not None and cache.shortcut is not None:
            other, own = self.shortcut.backward(shares[1], cache.shortcut, rules, **needs)
            grads |= {f"shortcut.{key}": gradient for key, gradient in own.items()}
        return (dx + other if need_dx and dx is not None and other is not None else None), grads

    def config(self) -> Config:
        return {
            "branch": self.branch.layers,
            "shortcut": None if self.shortcut is None else self.shortcut.layers,
        }


def _as_layers(side: AnyLayer | Sequence[AnyLayer]) -> Sequence[AnyLayer]:
    return [side] if isinstance(side, Layer) else side
