"""Winograd's convolutions as the chooser asks for them."""

from __future__ import annotations

from pellucid.kernels.problem import Fused, Gradients, Problem, not_compiled
from pellucid.kernels.winograd import plan
from pellucid.typing import Array, IntArray

NAME = "winograd"
TAKES = ("y", "switch")
# Below so many channels in or out the transforms cost more than the multiplications they save.
FEWEST = {(3, 3): 16, (5, 5): 12}


def refuses(p: Problem) -> str:
    """Why it does not serve."""
    window, form = p.window, plan.FORMS.get(p.window.size)
    if form is None or window.stride != (1, 1) or window.dilation != (1, 1) or p.groups != 1:
        return not_compiled(p) or "only 3x3 and 5x5 kernels with stride 1 have a Winograd form here"
    fewest, (_, oh, ow, oc) = FEWEST[window.size], p.y_shape
    if min(p.x_shape[3], oc) < fewest:
        return not_compiled(p) or f"fewer than {fewest} channels do not repay Winograd's transforms"
    if form.r**2 * oh * ow < 60 * -(-oh // form.m) * -(-ow // form.m):
        return not_compiled(p) or f"the outputs fill too little of Winograd's {form.m}x{form.m} tiles"
    return not_compiled(p)


def reason(p: Problem) -> str:
    """Why it is the one to take."""
    r = p.window.size[0]
    saving = "a quarter" if r == 3 else "36 in 100"
    return f"{r}x{r} with stride 1: {saving} of the multiplications, or a little more at the edges"


def forward(p: Problem, x: Array, w: Array, b: Array | None, *, relu: bool, out: Array | None) -> Array:
    """y = x ∗ w + b, and ReLU of it if asked."""
    return plan.forward(x, w, b, p.window, relu=relu, out=out)


def forward_pooled(p: Problem, x: Array, w: Array, b: Array | None) -> tuple[Array, IntArray]:
    """ReLU and 2x2 max-pooling of it, and the switches."""
    return plan.forward_pooled(x, w, b, p.window)


def backward(p: Problem, x: Array, dy: Array, w: Array, fused: Fused, *, want_dx: bool, want_dw: bool) -> Gradients:
    """The gradients, through what was fused."""
    dx, dw, db = plan.backward(x, dy, w, p.window, fused, want_dx=want_dx, want_dw=want_dw)
    return dx, *((dw, db) if want_dw else (None, None))


def input_gradient(p: Problem, dy: Array, w: Array, out: Array | None) -> Array:
    """dx alone."""
    return plan.input_gradient(dy, w, p.x_shape, p.window, out)
