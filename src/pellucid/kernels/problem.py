"""One convolution, as the kernels are asked about it, and what each of them offers.

A kernel is a module with the functions of `Kernel`, and an entry in the list of `conv`: the first that does not refuse
a problem computes it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from pellucid.kernels import jit
from pellucid.kernels.geometry import Window, conv_output_shape
from pellucid.typing import Array, IntArray, Shape

Gradients: TypeAlias = "tuple[Array | None, Array | None, Array | None]"
"""(dx, dw, db), None for what is not wanted."""


class Problem(NamedTuple):
    """x (N, H, W, C), w (KH, KW, C//groups, OC), how w slides, and the dtype of all arrays (float64 for a mixture)."""

    x_shape: Shape
    w_shape: Shape
    window: Window
    groups: int
    dtype: np.dtype[np.generic]

    @property
    def y_shape(self) -> Shape:
        """(N, OH, OW, OC)."""
        return conv_output_shape(self.x_shape, self.w_shape, self.window)


class Fused(NamedTuple):
    """What followed the convolution in one pass: the output of its ReLU, or the switches of ReLU and pooling."""

    y: Array | None = None
    switch: IntArray | None = None


NOT_FUSED = Fused()
"""Nothing."""


class Kernel(Protocol):
    """What every kernel offers."""

    @property
    def NAME(self) -> str:
        """How `choose` calls it."""

    @property
    def TAKES(self) -> Collection[str]:
        """Which fields of `Fused` it does in its own passes; `conv` does the others around it. A kernel that takes the
        switches has `forward_pooled` as well.
        """

    def refuses(self, p: Problem, /) -> str:
        """Why it does not serve a problem; "" where it does."""

    def reason(self, p: Problem, /) -> str:
        """Why it is the one to take; "" where it serves what the others refused."""

    def forward(self, p: Problem, x: Array, w: Array, b: Array | None, /, *, relu: bool, out: Array | None) -> Array:
        """Return y = x ∗ w + b, and ReLU of it if asked, in `out` if given."""

    def backward(
        self, p: Problem, x: Array, dy: Array, w: Array, /, fused: Fused, *, want_dx: bool, want_dw: bool
    ) -> Gradients:
        """Return the gradients."""

    def input_gradient(self, p: Problem, dy: Array, w: Array, /, out: Array | None) -> Array:
        """Return dx, in `out` if given."""


def not_compiled(p: Problem) -> str:
    """Why no compiled kernel serves a problem; "" where one may."""
    if p.dtype != np.float32:
        return f"{p.dtype} takes the general path"
    return "" if jit.available() else "Numba is not available"


def rectified(y: Array, relu: bool) -> Array:
    """y, or ReLU of it in place."""
    return np.maximum(y, 0, out=y) if relu else y
