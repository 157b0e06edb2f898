"""Dense layers and convolutions: what multiplies by a kernel."""

from __future__ import annotations

from typing import Any

from pellucid.interop.keras.kinds.images import on_images, on_rows, spatial
from pellucid.interop.keras.kinds.part import Part, Parts, Reader, Request, affine_arrays, biased, reads
from pellucid.layers import Affine, Conv2D, ConvTranspose2D, DepthwiseConv2D
from pellucid.typing import Array


def _dense(request: Request) -> Parts:
    """Of images and sequences, the last axis: the same as a convolution of 1 x 1."""
    options, kernel = request.options, request.variables["kernel"]
    units, bias = options.size("units"), options.flag("use_bias", True)
    options.expect("lora_rank", None)
    options.expect("quantization_config", None)
    if len(request.shape) == 1:
        return [Part(Affine(units, bias=bias), affine_arrays(request, kernel))]
    if kernel.ndim != 2 or not 2 <= len(request.shape) <= 3:
        options.refuse(f"a sample of shape {request.shape}")
    layer = Part(Conv2D(units, 1, bias=bias), affine_arrays(request, kernel[None, None]))
    return [layer] if len(request.shape) == 3 else on_images(request, lambda _: [layer])


def _geometry(request: Request, axes: int) -> dict[str, Any]:
    options = request.options
    padding: Any = options.choice("padding", "valid", "same", "causal")
    kernel, dilation = spatial(options, "kernel_size", axes), spatial(options, "dilation_rate", axes, 1)
    if padding == "causal":
        padding = ((0, 0), ((kernel[1] - 1) * dilation[1], 0))
    return {
        "kernel_size": kernel,
        "stride": spatial(options, "strides", axes, 1),
        "padding": padding,
        "dilation": dilation,
        "bias": options.flag("use_bias", True),
    }


def _convolution(axes: int) -> Reader:
    def read(request: Request) -> Parts:
        options = request.options
        options.expect("lora_rank", None)
        layer = Conv2D(options.size("filters"), groups=options.size("groups", 1), **_geometry(request, axes))
        return [Part(layer, affine_arrays(request, _as_image(request.variables["kernel"], axes)))]

    return read


def _as_image(kernel: Array, axes: int) -> Array:
    """A kernel of sequences, (K, C, OC), as one of images of one row."""
    return kernel[None] if axes == 1 else kernel


def _one_row(kernel: Array, axes: int) -> Array:
    """A depthwise kernel (KH, KW, C, M) as ours, (KH, KW, 1, C·M)."""
    kernel = _as_image(kernel, axes)
    return kernel.reshape(*kernel.shape[:2], 1, -1) if kernel.ndim == 4 and kernel.size else kernel


def _depthwise(axes: int) -> Reader:
    def read(request: Request) -> Parts:
        layer = DepthwiseConv2D(multiplier=request.options.size("depth_multiplier", 1), **_geometry(request, axes))
        return [Part(layer, affine_arrays(request, _one_row(request.variables["kernel"], axes)))]

    return read


def _separable(axes: int) -> Reader:
    """A depthwise convolution, and one of 1 x 1 that mixes its channels."""

    def read(request: Request) -> Parts:
        options, geometry = request.options, _geometry(request, axes)
        bias = geometry.pop("bias")
        each = DepthwiseConv2D(multiplier=options.size("depth_multiplier", 1), bias=False, **geometry)
        mixed = Conv2D(options.size("filters"), 1, bias=bias)
        return [
            Part(each, {"W": _one_row(request.variables["depthwise_kernel"], axes)}, "_depthwise"),
            Part(mixed, affine_arrays(request, _as_image(request.variables["pointwise_kernel"], axes))),
        ]

    return read


def _transposed(axes: int) -> Reader:
    def read(request: Request) -> Parts:
        options = request.options
        size, stride = spatial(options, "kernel_size", axes), spatial(options, "strides", axes, 1)
        dilation, padding = spatial(options, "dilation_rate", axes, 1), options.choice("padding", "valid", "same")
        extra = options.config.get("output_padding")
        told = (None, None) if extra is None else spatial(options, "output_padding", axes, least=0)
        cut, more = zip(
            *(_border(size[i], stride[i], dilation[i], padding, told[i], request.shape[i]) for i in (0, 1)),
            strict=True,
        )
        layer = ConvTranspose2D(
            options.size("filters"),
            size,
            stride=stride,
            padding=cut,
            output_padding=more,
            dilation=dilation,
            bias=options.flag("use_bias", True),
        )
        return [Part(layer, affine_arrays(request, _as_image(request.variables["kernel"], axes)))]

    return read


def _border(
    kernel: int, stride: int, dilation: int, padding: str, told: int | None, pixels: int
) -> tuple[tuple[int, int], int]:
    """Return what is cut off an axis before and after, and what is added at its end, as Keras does it."""
    extent = (kernel - 1) * dilation + 1
    whole = (pixels - 1) * stride + extent
    if told is not None:
        wanted = whole + told - (2 * (extent // 2) if padding == "same" else 0)
    else:
        wanted = pixels * stride + (max(extent - stride, 0) if padding == "valid" else 0)
    cut = max(whole - wanted, 0)
    before = cut // 2 if padding == "same" else 0
    return (before, cut - before), max(wanted - whole, 0)


reads("Dense", variables=biased())(_dense)
reads("Conv2D", variables=biased())(_convolution(2))
reads("Conv1D", variables=biased())(on_rows(_convolution(1)))
reads("DepthwiseConv2D", variables=biased())(_depthwise(2))
reads("DepthwiseConv1D", variables=biased())(on_rows(_depthwise(1)))
reads("SeparableConv2D", variables=biased("depthwise_kernel", "pointwise_kernel"))(_separable(2))
reads("SeparableConv1D", variables=biased("depthwise_kernel", "pointwise_kernel"))(on_rows(_separable(1)))
reads("Conv2DTranspose", variables=biased())(_transposed(2))
reads("Conv1DTranspose", variables=biased())(on_rows(_transposed(1)))
