"""Convolution with the ReLU, and with the 2x2 max-pooling, that follow: one pass over memory in place of three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from pellucid import kernels
from pellucid.kernels import Window
from pellucid.kernels.conv import takes
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Layer
from pellucid.layers.facts import KernelUse
from pellucid.layers.fused import Fused
from pellucid.layers.plain import is_plain
from pellucid.layers.pool import MaxPool2D
from pellucid.typing import Array, Arrays, IntArray, Shape

if TYPE_CHECKING:
    from pellucid.layers.conv import Conv2D


class ConvReLUCache(NamedTuple):
    """Input, and output: where that is 0, ReLU lets no gradient through."""

    x: Array
    y: Array


class ConvReLUMaxPoolCache(NamedTuple):
    """Input, and the switches of the pooling, which also say where ReLU lets no gradient through."""

    x: Array
    switch: IntArray


class _FusedConvolution(Fused):
    """What starts with a convolution."""

    first: Conv2D
    gated = True
    steps: ClassVar[dict[str, str]]
    """What is done after the convolution, by what a kernel's `TAKES` calls it."""

    def kernel_use(self, batch_size: int) -> KernelUse:
        use = self.first.kernel_use(batch_size)
        inside = [step for key, step in self.steps.items() if key in takes(use.kernel)]
        then = [step for step in self.steps.values() if step not in inside]
        said = [f"{' and '.join(inside)} in the same pass"] * bool(inside) + [f"then {' and '.join(then)}"] * bool(then)
        return use._replace(reason=f"{use.reason}; {', '.join(said)}")

    def _gradients(
        self, dy: Array, x: Array, need_dx: bool, need_grads: bool, **after: Array
    ) -> tuple[Array | None, Arrays]:
        dx, dW, db = kernels.conv2d_backward(
            x, dy, self.params["W"], **self.first.geometry(x.shape[1:]), **after, want_dx=need_dx, want_dw=need_grads
        )
        if dW is None or db is None:
            return dx, {}
        return dx, {"W": dW, "b": db} if self.first.bias else {"W": dW}


class ConvReLU(_FusedConvolution):
    """y = max(x ∗ W + b, 0) in one pass."""

    steps = {"y": "ReLU"}  # noqa: RUF012

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        return with_convolution(steps, self.first, input_shape, relu=True)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvReLUCache]:
        x = self.first.check_input(x)
        geometry = self.first.geometry(x.shape[1:])
        y = kernels.conv2d(x, self.params["W"], self.params.get("b"), **geometry, relu=True)
        return y, ConvReLUCache(x, y)

    def backward(
        self, dy: Array, cache: ConvReLUCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return self._gradients(dy, cache.x, need_dx, need_grads, y=cache.y)


class ConvReLUMaxPool(_FusedConvolution):
    """y = 2x2 max-pooling of max(x ∗ W + b, 0); the large picture in between is never written to memory."""

    steps = {"y": "ReLU", "switch": "pooling"}  # noqa: RUF012

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        return with_convolution(steps, self.first, input_shape, relu=True, pooled=True)

    def infer_shape(self, input_shape: Shape) -> Shape:
        h, w, c = super().infer_shape(input_shape)
        return h // 2, w // 2, c

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvReLUMaxPoolCache]:
        x = self.first.check_input(x)
        geometry = self.first.geometry(x.shape[1:])
        y, switch = kernels.conv2d_relu_max_pool(x, self.params["W"], self.params.get("b"), **geometry)
        return y, ConvReLUMaxPoolCache(x, switch)

    def backward(
        self, dy: Array, cache: ConvReLUMaxPoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return self._gradients(dy, cache.x, need_dx, need_grads, switch=cache.switch)


def fused_convolution(conv: Conv2D, following: Sequence[Layer[Any]]) -> tuple[Layer[Any], int] | None:
    """Return the layer that does a convolution, the ReLU after it, and perhaps the pooling after that."""
    if not following or following[0].facts.function != "relu":
        return None
    if len(following) > 1 and _halves(following[1]):
        return ConvReLUMaxPool(conv), 2
    return ConvReLU(conv), 1


def _halves(layer: Layer[Any]) -> bool:
    """Whether a layer is the plain 2x2 max-pooling."""
    return (
        is_plain(layer, MaxPool2D)
        and layer.pool_size == layer.stride == (2, 2)
        and layer.dilation == (1, 1)
        and not layer.ceil
        and layer.padding in ("valid", ((0, 0), (0, 0)))
    )


def with_convolution(
    steps: Sequence[Any], conv: Conv2D, input_shape: Shape, *, relu: bool = False, pooled: bool = False
) -> list[Any] | None:
    """Return the steps of a one-sample program and that of a convolution; None where programs do not know it."""
    geometry = conv.geometry(input_shape)
    window = Window(conv.kernel_size, geometry["stride"], geometry["padding"], geometry["dilation"])
    step = single.Convolution(input_shape, conv.params["W"].shape, window, relu, pooled)
    return [*steps, step] if step.kernel else None
