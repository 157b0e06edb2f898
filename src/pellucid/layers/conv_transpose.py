"""Transposed convolution: the input gradient of a convolution, used as a layer that enlarges images."""

from __future__ import annotations

import math

import numpy as np

from pellucid import checks, kernels
from pellucid.errors import ArgumentError, ShapeError
from pellucid.initializers import InitializerLike, as_initializer
from pellucid.kernels import NO_PADDING, Padding, Pair, Window, transposed_size
from pellucid.layers.base import Layer
from pellucid.layers.conv import ConvCache, Geometry
from pellucid.layers.facts import Facts, KernelUse, Taps
from pellucid.layers.parameters import Parameters
from pellucid.layers.window import PaddingLike, as_padding, count, image_shape
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config, DTypeLike, IntArray, Shape


class ConvTranspose2D(Layer[ConvCache]):
    """Transposed convolution, also called deconvolution: every input pixel stamps the kernel on the output.

    Forward     y[n, i·SH + u·DH − top, j·SW + v·DW − left, f] += W[u,v,f,c] · x[n,i,j,c] for all i, j, u, v, c;  y += b
    Backward    dx = the convolution of dy with W,  dW = the weight gradient of that convolution,  db[f] = Σ dy[…,f]

    Parameters
    ----------
    filters : int
        F, the number of output channels.
    kernel_size : int or (KH, KW)
    stride : int or (SH, SW), default=1
        How far apart neighbouring input pixels stamp: the enlargement.
    padding : "valid", "same", int, (height, width) or ((top, bottom), (left, right)), default="valid"
        The border that is cut off the output. "same" gives H·SH x W·SW.
    output_padding : int or (height, width), default=0
        Rows and columns added at the bottom and the right, fewer than the stride: a convolution maps several sizes
        to one, and this says which of them is meant. "same" chooses it itself.
    dilation, groups, bias, weight
        As in `Conv2D`.

    Shapes
    ------
    x (N, H, W, C) → y (N, OH, OW, F),  OH = (H − 1)·SH + (KH − 1)·DH + 1 − top − bottom + output_padding
    W (KH, KW, F/G, C), the kernel of the convolution that this transposes; b (F,). Keras' Conv2DTranspose has the
    same kernel; PyTorch's ConvTranspose2d has `W.transpose(3, 2, 0, 1)`, (C, F/G, KH, KW). Keras' "valid" adds the
    rows by which the stride exceeds the kernel; here `output_padding` does.

    References
    ----------
    Zeiler et al. (2010), "Deconvolutional networks". Dumoulin & Visin (2016), arXiv:1603.07285, chapter 4.

    Examples
    --------
    >>> network = pl.Sequential([pl.ConvTranspose2D(1, 2, stride=2)], input_shape=(2, 2, 1))
    >>> network.params["convtranspose2d1.W"] = np.ones((2, 2, 1, 1))  # every pixel stamps a square
    >>> network(np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1))[0, :, :, 0].astype(int)
    array([[1, 1, 2, 2],
           [1, 1, 2, 2],
           [3, 3, 4, 4],
           [3, 3, 4, 4]])
    """

    takes_images = True
    facts = Facts(linear=True, weights=("W",))

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: PaddingLike = "valid",
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        weight: InitializerLike = "he",
        name: str = "",
    ) -> None:
        super().__init__(name=name)
        who = "ConvTranspose2D"
        self.filters = checks.size(who, "filters", filters)
        self.kernel_size = checks.pair(who, "kernel_size", kernel_size)
        self.stride = checks.pair(who, "stride", stride)
        self.padding = as_padding(who, padding)
        self.output_padding = self._read_output_padding(output_padding)
        self.dilation = checks.pair(who, "dilation", dilation)
        self.groups = checks.size(who, "groups", groups)
        self.bias = checks.flag(type(self).__name__, "bias", bias)
        self.weight = as_initializer(weight)
        if self.filters % self.groups:
            raise ArgumentError(f"{who}: filters must be a multiple of groups={groups}, got {filters}.")

    def _read_output_padding(self, value: int | Pair) -> Pair:
        rows, columns = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value, value)
        extra = tuple(count("ConvTranspose2D", "output_padding", v) for v in (rows, columns))
        if extra[0] >= self.stride[0] or extra[1] >= self.stride[1]:
            raise ArgumentError(
                f"ConvTranspose2D: output_padding must be smaller than stride={self.stride}, got {came(value)}."
            )
        if any(extra) and self.padding == "same":
            raise ArgumentError("ConvTranspose2D: padding='same' chooses output_padding itself. Leave it out.")
        return extra[0], extra[1]

    def cut(self) -> tuple[Padding, Pair]:
        """Return the border that is cut off, in pixels, and the output padding."""
        if self.padding != "same":
            return (NO_PADDING if isinstance(self.padding, str) else self.padding), self.output_padding
        window = Window(self.kernel_size, dilation=self.dilation)
        surplus = [window.extent(axis) - self.stride[axis] for axis in (0, 1)]
        (top, bottom), (left, right) = ((max(s, 0) // 2, max(s, 0) - max(s, 0) // 2) for s in surplus)
        return ((top, bottom), (left, right)), (max(-surplus[0], 0), max(-surplus[1], 0))

    def geometry(self) -> Geometry:
        """Return how the kernels slide: `kernels.conv2d(dy, W, **geometry)` is dx."""
        return {"stride": self.stride, "padding": self.cut()[0], "dilation": self.dilation, "groups": self.groups}

    def window(self, input_shape: Shape) -> Taps:
        out = self.infer_shape(input_shape)
        return Taps(*(self._stamping(axis, out[axis]) for axis in (0, 1)))

    def _stamping(self, axis: int, out: int) -> IntArray:
        """Return the input rows (out, K) that stamp on each output row; −1 where a tap falls between two of them."""
        taps = np.arange(self.kernel_size[axis]) * self.dilation[axis]
        start = np.arange(out)[:, None] + self.cut()[0][axis][0] - taps  # = i · stride for an input row i
        return np.where(start % self.stride[axis] == 0, start // self.stride[axis], -1)

    def multiply_adds(self, input_shape: Shape) -> int:
        return math.prod(input_shape) * math.prod(self.kernel_size) * (self.filters // self.groups)

    def kernel_use(self, batch_size: int) -> KernelUse:
        shape, W = self.input_shape or (), self.params["W"]
        numbers = batch_size * (math.prod(shape) + math.prod(self.output_shape or ())) + W.size
        flops = 2 * batch_size * self.multiply_adds(shape)
        return KernelUse("transposed", "a convolution run backwards", flops, numbers * W.itemsize)

    def infer_shape(self, input_shape: Shape) -> Shape:
        h, w, c = image_shape(self.label, input_shape)
        if c % self.groups:
            raise ShapeError(f"{self.label}: the input's channels must be a multiple of groups={self.groups}, got {c}.")
        padding, extra = self.cut()
        size = transposed_size(Window(self.kernel_size, self.stride, padding, self.dilation), h, w, extra)
        if min(size) < 1:
            raise ShapeError(
                f"{self.label}: padding {padding} cuts away all of the output for an image of {h} x {w}. Write less."
            )
        return *size, self.filters

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        # Drawn in the shape of a convolution from C to F, so that the fans count the C inputs of a filter.
        c, g = input_shape[2], self.groups
        drawn = self.drawn(self.weight, (*self.kernel_size, c // g, self.filters), rng, dtype)
        split = drawn.reshape(*self.kernel_size, c // g, g, self.filters // g)
        W = split.transpose(0, 1, 4, 3, 2).reshape(*self.kernel_size, self.filters // g, c)
        self.params = Parameters(W=np.ascontiguousarray(W))
        if self.bias:
            self.params = Parameters(self.params, b=np.zeros(self.filters, dtype))

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, ConvCache]:
        x = self.check_input(x)
        y = kernels.conv_transpose2d(
            x, self.params["W"], self.params.get("b"), output_padding=self.cut()[1], **self.geometry()
        )
        return y, ConvCache(x)

    def backward(
        self, dy: Array, cache: ConvCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        W = self.params["W"]
        dx = kernels.conv2d(dy, W, **self.geometry()) if need_dx else None
        if not need_grads:
            return dx, {}
        # In the convolution that this transposes, dy is the input and x is the gradient that comes back.
        grads = {"W": kernels.conv2d_weight_gradient(dy, cache.x, W.shape, **self.geometry())}
        if self.bias:
            grads["b"] = kernels.bias_gradient(dy)
        return dx, grads

    def config(self) -> Config:
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "output_padding": self.output_padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "bias": self.bias,
            "weight": self.weight,
        }
