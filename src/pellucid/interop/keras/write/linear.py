"""Dense layers and convolutions. Borders that "valid" and "same" do not say are layers of their own."""

from __future__ import annotations

from typing import Any

from pellucid.interop.keras.write.entry import Entry, Given, writes
from pellucid.kernels import NO_PADDING
from pellucid.layers import Affine, Conv2D, ConvTranspose2D, DepthwiseConv2D
from pellucid.typing import Array, Config


def bordered(given: Given) -> tuple[list[Entry], str]:
    """Return the layer that draws a border, or none, and what `padding` the one behind it has then."""
    padding, (h, w, c) = given.operation.padding, given.shape
    if padding in ("valid", "same"):
        return [], padding
    if padding == NO_PADDING:
        return [], "valid"
    shape = (h + sum(padding[0]), w + sum(padding[1]), c)
    return [Entry("ZeroPadding2D", {"padding": padding}, shape=shape)], "valid"


def _kernel(given: Given, kernel: Array) -> list[Array]:
    return [kernel, given.array("b")] if given.operation.bias else [kernel]


def _sliding(layer: Any, padding: str) -> Config:
    return {
        "kernel_size": layer.kernel_size,
        "strides": layer.stride,
        "padding": padding,
        "dilation_rate": layer.dilation,
        "use_bias": layer.bias,
    }


@writes(Affine)
def _affine(given: Given) -> list[Entry]:
    layer = given.operation
    return [Entry("Dense", {"units": layer.units, "use_bias": layer.bias}, _kernel(given, given.array("W")))]


@writes(Conv2D)
def _conv(given: Given) -> list[Entry]:
    layer = given.operation
    border, padding = bordered(given)
    config = {"filters": layer.filters, "groups": layer.groups, **_sliding(layer, padding)}
    return [*border, Entry("Conv2D", config, _kernel(given, given.array("W")))]


@writes(DepthwiseConv2D)
def _depthwise(given: Given) -> list[Entry]:
    layer = given.operation
    border, padding = bordered(given)
    kernel = given.array("W").reshape(*layer.kernel_size, given.shape[2], layer.multiplier)
    config = {"depth_multiplier": layer.multiplier, **_sliding(layer, padding)}
    return [*border, Entry("DepthwiseConv2D", config, _kernel(given, kernel))]


@writes(ConvTranspose2D)
def _transposed(given: Given) -> list[Entry]:
    """The whole output of "valid", from which a border is cut."""
    layer = given.operation
    if layer.groups != 1:
        given.refuse("groups in a transposed convolution")
    padding, _ = layer.cut()
    out, border, sizes = layer.infer_shape(given.shape), [], []
    for axis in (0, 1):
        extent = (layer.kernel_size[axis] - 1) * layer.dilation[axis] + 1
        whole = (given.shape[axis] - 1) * layer.stride[axis] + max(extent, layer.stride[axis])
        before = padding[axis][0]
        sizes.append(whole)
        border.append((before, whole - before - out[axis]))
    if min(after for _, after in border) < 0:
        given.refuse(f"output_padding={layer.output_padding}")
    config = {"filters": layer.filters, **_sliding(layer, "valid")}
    whole_output = Entry("Conv2DTranspose", config, _kernel(given, given.array("W")), (*sizes, out[2]))
    cut = [] if border == [(0, 0), (0, 0)] else [Entry("Cropping2D", {"cropping": border})]
    return [whole_output, *cut]
