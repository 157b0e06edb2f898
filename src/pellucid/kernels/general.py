"""The kernels of any dtype, stride, dilation and groups, as the chooser asks for them: by columns, or by taps."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pellucid.kernels import im2col, taps
from pellucid.kernels.problem import Fused, Gradients, Problem, rectified
from pellucid.typing import Array

# A border of zeros this many times as large as the image and the output together is not built.
LARGEST_BORDER = 16


@dataclass(frozen=True)
class General:
    """A kernel made of three functions on arrays."""

    NAME: str
    functions: ModuleType
    TAKES: tuple[str, ...] = ()

    def refuses(self, p: Problem) -> str:
        """Columns serve always, taps where the border would be nearly all there is."""
        (_, h, w, _), (_, oh, ow, _) = p.x_shape, p.y_shape
        wide = p.window.framed(h, w) > LARGEST_BORDER * (h * w + oh * ow)
        return "" if wide or self.functions is im2col else "padding does not reach far beyond the image"

    def reason(self, p: Problem) -> str:
        """Why it is the one to take."""
        far = "padding reaches so far beyond the image that its zeros would be nearly all there is"
        return far if self.functions is taps else ""

    def forward(self, p: Problem, x: Array, w: Array, b: Array | None, *, relu: bool, out: Array | None) -> Array:
        """y = x ∗ w + b, and ReLU of it if asked."""
        return rectified(self.functions.conv2d(x, w, b, p.window, p.groups, out), relu)

    def backward(
        self, p: Problem, x: Array, dy: Array, w: Array, fused: Fused, *, want_dx: bool, want_dw: bool
    ) -> Gradients:
        """The gradients."""
        dx = self.input_gradient(p, dy, w, None) if want_dx else None
        if not want_dw:
            return dx, None, None
        dw = self.functions.conv2d_weight_gradient(x, dy, p.w_shape, p.window, p.groups)
        return dx, dw, np.asarray(dy.reshape(-1, dy.shape[-1]).sum(axis=0))

    def input_gradient(self, p: Problem, dy: Array, w: Array, out: Array | None) -> Array:
        """dx alone."""
        dx: Array = self.functions.conv2d_input_gradient(dy, w, p.x_shape, p.window, p.groups, out)
        return dx


COLUMNS, TAPS = General("im2col", im2col), General("taps", taps)
