"""Neighbours that are faster together: convolution with its ReLU, and with the 2x2 max-pooling that follows.

A fused layer keeps the contract and shares the parameters of the convolution it begins with, so a network of fused
layers is the same network: it gives the same outputs and the same gradients, and only the tape is shorter.
`Sequential` computes predictions with it, and training its steps; explanations read the tape of the plain layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid import kernels
from pellucid.kernels import Window
from pellucid.kernels.single import plan as single
from pellucid.layers.base import Layer
from pellucid.layers.facts import KernelUse
from pellucid.layers.parameters import Parameters
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


class Fused(Layer[Any]):
    """What starts with a convolution and has its parameters."""

    in_files = False
    pooled: bool
    after: str
    """What it does in the same pass, for the kernel report."""

    def __init__(self, conv: Conv2D) -> None:
        self.name, self.conv = conv.name, conv

    @property
    def params(self) -> Parameters:  # type: ignore[override]  # as the convolution's are at each call
        """The parameters of the convolution."""
        return self.conv.params

    @property
    def buffers(self) -> Parameters:  # type: ignore[override]
        """None."""
        return self.conv.buffers

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """Whether the convolution is trained."""
        return self.conv.trainable

    def infer_shape(self, input_shape: Shape) -> Shape:
        return self.conv.infer_shape(input_shape)

    def kernel_use(self, batch_size: int) -> KernelUse:
        use = self.conv.kernel_use(batch_size)
        return use._replace(reason=f"{use.reason}; {self.after} in the same pass")

    def one_sample(self, steps: Sequence[Any], input_shape: Shape) -> list[Any] | None:
        return with_convolution(steps, self.conv, input_shape, relu=True, pooled=self.pooled)

    def _gradients(
        self, dy: Array, x: Array, need_dx: bool, need_grads: bool, **after: Array
    ) -> tuple[Array | None, Arrays]:
        dx, dW, db = kernels.conv2d_backward(
            x, dy, self.params["W"], **self.conv.geometry(x.shape[1:]), **after, want_dx=need_dx, want_dw=need_grads
        )
        if dW is None or db is None:
            return dx, {}
        return dx, {"W": dW, "b": db} if self.conv.bias else {"W": dW}


class ConvReLU(Fused):
    """y = max(x ∗ W + b, 0) in one pass."""

    pooled = False
    after = "ReLU"

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvReLUCache]:
        x = self.conv.check_input(x)
        geometry = self.conv.geometry(x.shape[1:])
        y = kernels.conv2d(x, self.params["W"], self.params.get("b"), **geometry, relu=True)
        return y, ConvReLUCache(x, y)

    def backward(
        self, dy: Array, cache: ConvReLUCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return self._gradients(dy, cache.x, need_dx, need_grads, y=cache.y)


class ConvReLUMaxPool(Fused):
    """y = 2x2 max-pooling of max(x ∗ W + b, 0); the large picture in between is never written to memory."""

    pooled = True
    after = "ReLU and pooling"

    def infer_shape(self, input_shape: Shape) -> Shape:
        h, w, c = super().infer_shape(input_shape)
        return h // 2, w // 2, c

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvReLUMaxPoolCache]:
        x = self.conv.check_input(x)
        geometry = self.conv.geometry(x.shape[1:])
        y, switch = kernels.conv2d_relu_max_pool(x, self.params["W"], self.params.get("b"), **geometry)
        return y, ConvReLUMaxPoolCache(x, switch)

    def backward(
        self, dy: Array, cache: ConvReLUMaxPoolCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        return self._gradients(dy, cache.x, need_dx, need_grads, switch=cache.switch)


def fuse(layers: Iterable[tuple[str, Layer[Any]]]) -> list[tuple[str, Layer[Any]]]:
    """Return the named layers with neighbours taken together wherever the first of them knows how."""
    fused: list[tuple[str, Layer[Any]]] = []
    rest = list(layers)
    while rest:
        (name, layer), rest = rest[0], rest[1:]
        together, count = layer.fuse_with([following for _, following in rest[:MOST]]) or (layer, 0)
        fused.append((name, together))
        rest = rest[count:]
    return fused


MOST = 4
"""Layers that a layer may look at behind itself."""


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
