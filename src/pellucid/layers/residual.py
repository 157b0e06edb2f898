"""Residual blocks: a branch of layers, and a shortcut around it. A graph of two or three nodes."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import ShapeError
from pellucid.layers.arithmetic import Add
from pellucid.layers.base import Layer
from pellucid.layers.container import INPUT, AnyLayer
from pellucid.layers.graph import Graph
from pellucid.layers.sequential import Sequential
from pellucid.typing import Array, ArrayLike, Config, Shape


class Residual(Graph):
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
        self.add = Add(name="add")
        sides = {"branch": (self.branch, INPUT)}
        if self.shortcut is not None:
            sides["shortcut"] = (self.shortcut, INPUT)
        other = INPUT if self.shortcut is None else "shortcut"
        super().__init__({**sides, "add": (self.add, ["branch", other])}, name=name)

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

    nodes = Graph.nodes  # stated again, as `__call__` is a shorter way to the same sum

    def __call__(self, x: ArrayLike) -> Array:
        x = self.accept(x)
        return self.branch(x) + (x if self.shortcut is None else self.shortcut(x))

    def config(self) -> Config:
        return {
            "branch": self.branch.layers,
            "shortcut": None if self.shortcut is None else self.shortcut.layers,
        }


def _as_layers(side: AnyLayer | Sequence[AnyLayer]) -> Sequence[AnyLayer]:
    return [side] if isinstance(side, Layer) else side
