"""Depthwise convolution as the chooser asks for it."""

from __future__ import annotations

from pellucid.kernels.depthwise import plan
from pellucid.kernels.problem import Fused, Gradients, Problem, not_compiled, rectified
from pellucid.typing import Array

NAME = "depthwise"
TAKES = ()


def refuses(p: Problem) -> str:
    """Why it does not serve."""
    channels = p.x_shape[3]
    own = p.groups == channels == p.w_shape[3] and channels > 1
    return not_compiled(p) or ("" if own else "channels share their kernels")


def reason(p: Problem) -> str:
    """Why it is the one to take."""
    return "every channel has its own kernel"


def forward(p: Problem, x: Array, w: Array, b: Array | None, *, relu: bool, out: Array | None) -> Array:
    """y = x ∗ w + b, and ReLU of it if asked."""
    return rectified(plan.forward(x, w, b, p.window, out), relu)


def backward(p: Problem, x: Array, dy: Array, w: Array, fused: Fused, *, want_dx: bool, want_dw: bool) -> Gradients:
    """The gradients."""
    dx = input_gradient(p, dy, w, None) if want_dx else None
    return dx, *(plan.weight_gradient(x, dy, p.w_shape, p.window) if want_dw else (None, None))


def input_gradient(p: Problem, dy: Array, w: Array, out: Array | None) -> Array:
    """dx alone."""
    return plan.input_gradient(dy, w, p.x_shape, p.window, out)
