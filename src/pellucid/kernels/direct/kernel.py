"""Direct convolution as the chooser asks for it."""

from __future__ import annotations

from pellucid.kernels.direct import plan
from pellucid.kernels.elementwise.plan import relu_gradient
from pellucid.kernels.problem import Fused, Gradients, Problem, not_compiled
from pellucid.typing import Array

NAME = "direct"
TAKES = ("y",)
refuses = not_compiled


def reason(p: Problem) -> str:
    """It serves what the others refused."""
    return ""


def forward(p: Problem, x: Array, w: Array, b: Array | None, *, relu: bool, out: Array | None) -> Array:
    """y = x ∗ w + b, and ReLU of it if asked."""
    return plan.forward(x, w, b, p.window, p.groups, relu=relu, out=out)


def backward(p: Problem, x: Array, dy: Array, w: Array, fused: Fused, *, want_dx: bool, want_dw: bool) -> Gradients:
    """The gradients; the gradient of a ReLU is taken on the way where both can, else first."""
    y, dx, dw, db = fused.y, None, None, None
    if y is not None and want_dx and not plan.gathers(p.x_shape, p.window, p.groups):
        dy, y = relu_gradient(dy, y), None
    if want_dx:
        dx = plan.input_gradient(dy, w, p.x_shape, p.window, p.groups, y=y)
    if want_dw:
        dw, db = plan.weight_gradient(x, dy, p.w_shape, p.window, p.groups, y=y)
    return dx, dw, db


def input_gradient(p: Problem, dy: Array, w: Array, out: Array | None) -> Array:
    """dx alone."""
    return plan.input_gradient(dy, w, p.x_shape, p.window, p.groups, out)
