"""Pooling, normalisation, activations, what moves numbers, and merges."""

from __future__ import annotations

from typing import Any

from pellucid import layers
from pellucid.interop.keras.write.entry import Entry, Given, plainly, writes
from pellucid.interop.keras.write.linear import bordered
from pellucid.typing import Array

# Pooling


@writes(layers.MaxPool2D)
def _max_pool(given: Given) -> list[Entry]:
    border, padding = bordered(given)
    if border and not given.nonnegative:
        given.refuse("a border around a maximum of numbers below 0")
    return [*border, _pooled(given, "MaxPooling2D", padding)]


@writes(layers.AveragePool2D)
def _average_pool(given: Given) -> list[Entry]:
    border, padding = bordered(given)
    if (border or padding == "same") and given.operation.count_padding != bool(border):
        given.refuse("this border around a mean")
    return [*border, _pooled(given, "AveragePooling2D", padding)]


def _pooled(given: Given, kind: str, padding: str) -> Entry:
    layer = given.operation
    if layer.ceil or layer.dilation != (1, 1):
        given.refuse("pooling with holes or rounded up")
    return Entry(kind, {"pool_size": layer.pool_size, "strides": layer.stride, "padding": padding})


writes(layers.GlobalAveragePool2D)(plainly("GlobalAveragePooling2D"))
writes(layers.GlobalMaxPool2D)(plainly("GlobalMaxPooling2D"))


# Normalisation


@writes(layers.BatchNorm)
def _batch_norm(given: Given) -> list[Entry]:
    layer = given.operation
    config = {"axis": -1, "momentum": layer.momentum, "epsilon": layer.epsilon}
    return [Entry("BatchNormalization", config, [given.array(key) for key in ("gamma", "beta", "mean", "variance")])]


@writes(layers.LayerNorm)
def _layer_norm(given: Given) -> list[Entry]:
    rank, axis = len(given.shape), given.operation.axis
    config = {"axis": list(range(axis % rank + 1, rank + 1)), "epsilon": given.operation.epsilon}
    return [Entry("LayerNormalization", config, _gamma_beta(given))]


@writes(layers.InstanceNorm)
def _instance_norm(given: Given) -> list[Entry]:
    config = {"groups": -1, "axis": -1, "epsilon": given.operation.epsilon}
    return [Entry("GroupNormalization", config, _gamma_beta(given))]


@writes(layers.GroupNorm)
def _group_norm(given: Given) -> list[Entry]:
    config = {"groups": given.operation.groups, "axis": -1, "epsilon": given.operation.epsilon}
    return [Entry("GroupNormalization", config, _gamma_beta(given))]


def _gamma_beta(given: Given) -> list[Array]:
    return [given.array("gamma"), given.array("beta")]


@writes(layers.Scale)
def _scale(given: Given) -> list[Entry]:
    return [Entry("Rescaling", {"scale": _numbers(given, "gamma"), "offset": 0.0})]


@writes(layers.Shift)
def _shift(given: Given) -> list[Entry]:
    return [Entry("Rescaling", {"scale": 1.0, "offset": _numbers(given, "beta")})]


def _numbers(given: Given, key: str) -> float | list[float]:
    """One number, or one for each channel."""
    array = given.array(key)
    if array.size == 1 and array.ndim <= len(given.shape):
        return float(array.ravel()[0])
    if array.shape != given.shape[-1:]:
        given.refuse(f"a {key} of shape {array.shape} for samples {given.shape}")
    return [float(n) for n in array]


# Activations


writes(layers.Sigmoid)(plainly("Activation", activation="sigmoid"))
writes(layers.Tanh)(plainly("Activation", activation="tanh"))
writes(layers.Softplus)(plainly("Activation", activation="softplus"))
writes(layers.Swish)(plainly("Activation", activation="silu"))
writes(layers.HardSwish)(plainly("Activation", activation="hard_silu"))
writes(layers.Exp)(plainly("Activation", activation="exponential"))
writes(layers.ReLU)(plainly("ReLU"))


@writes(layers.LeakyReLU)
def _leaky(given: Given) -> list[Entry]:
    return [Entry("LeakyReLU", {"negative_slope": given.operation.negative_slope})]


@writes(layers.ELU)
def _elu(given: Given) -> list[Entry]:
    return [Entry("ELU", {"alpha": given.operation.alpha})]


@writes(layers.PReLU)
def _prelu(given: Given) -> list[Entry]:
    slope = given.array("slope")
    slope = slope.reshape((1,) * (len(given.shape) - slope.ndim) + slope.shape)
    shared = [i for i, (n, full) in enumerate(zip(slope.shape, given.shape, strict=True), start=1) if n != full]
    return [Entry("PReLU", {"shared_axes": shared or None}, [slope])]


@writes(layers.GELU)
def _gelu(given: Given) -> list[Entry]:
    if given.operation.approximate:
        given.refuse("the tanh form of GELU in a file (GELU(approximate=False) has one)")
    return [Entry("Activation", {"activation": "gelu"})]


@writes(layers.SELU)
def _selu(given: Given) -> list[Entry]:
    _expect_alike(given, layers.SELU())
    return [Entry("Activation", {"activation": "selu"})]


@writes(layers.HardSigmoid)
def _hard_sigmoid(given: Given) -> list[Entry]:
    _expect_alike(given, layers.HardSigmoid(1 / 6, 0.5))
    return [Entry("Activation", {"activation": "hard_sigmoid"})]


def _expect_alike(given: Given, standard: Any) -> None:
    if given.operation.config() != standard.config():
        given.refuse(f"{given.operation.config()}")


@writes(layers.Clip)
def _clip(given: Given) -> list[Entry]:
    layer = given.operation
    if layer.low != 0 or layer.high is None:
        given.refuse(f"bounds of {layer.low} and {layer.high}")
    return [Entry("ReLU", {"max_value": layer.high})]


@writes(layers.Softmax)
def _softmax(given: Given) -> list[Entry]:
    return [Entry("Softmax", {"axis": given.operation.axis % len(given.shape) + 1})]


@writes(layers.LogSoftmax)
def _log_softmax(given: Given) -> list[Entry]:
    if given.operation.axis % len(given.shape) != len(given.shape) - 1:
        given.refuse("a log_softmax over another axis than the last")
    return [Entry("Activation", {"activation": "log_softmax"})]


# What moves numbers, or falls silent


@writes(layers.Dropout)
def _dropout(given: Given) -> list[Entry]:
    return [Entry("Dropout", {"rate": given.operation.drop_probability})]


@writes(layers.SpatialDropout2D)
def _spatial_dropout(given: Given) -> list[Entry]:
    return [Entry("SpatialDropout2D", {"rate": given.operation.drop_probability})]


writes(layers.Flatten)(plainly("Flatten"))


@writes(layers.Reshape)
def _reshape(given: Given) -> list[Entry]:
    return [Entry("Reshape", {"target_shape": given.operation.infer_shape(given.shape)})]


@writes(layers.Transpose)
def _transpose(given: Given) -> list[Entry]:
    return [Entry("Permute", {"dims": [axis + 1 for axis in given.operation.axes]})]


@writes(layers.ZeroPad2D)
def _zero_pad(given: Given) -> list[Entry]:
    return [Entry("ZeroPadding2D", {"padding": given.operation.padding})]


@writes(layers.Pad)
def _pad(given: Given) -> list[Entry]:
    """A border of zeros, or a cut."""
    layer, widths = given.operation, given.operation.widths
    if len(widths) != 3 or widths[2] != (0, 0) or layer.mode != "constant" or layer.value != 0:
        given.refuse("this padding")
    numbers = [n for pair in widths for n in pair]
    if min(numbers) >= 0:
        return [Entry("ZeroPadding2D", {"padding": widths[:2]})]
    if max(numbers) > 0:
        given.refuse("padding and cutting at once")
    return [Entry("Cropping2D", {"cropping": [(-before, -after) for before, after in widths[:2]]})]


@writes(layers.Resize2D)
def _resized(given: Given) -> list[Entry]:
    layer = given.operation
    for mode, name, rounding in (("linear", "bilinear", layer.rounding), ("nearest", "nearest", "round_prefer_ceil")):
        if layer.config() == layers.Resize2D(layer.image_size, mode=mode, rounding=rounding).config():
            height, width = layer.image_size
            return [Entry("Resizing", {"height": height, "width": width, "interpolation": name})]
    return given.refuse("this resizing")


@writes(layers.Upsample2D)
def _upsample(given: Given) -> list[Entry]:
    return [Entry("UpSampling2D", {"size": given.operation.factor, "interpolation": given.operation.mode})]


# Merges


writes(layers.Add)(plainly("Add"))
writes(layers.Subtract)(plainly("Subtract"))
writes(layers.Multiply)(plainly("Multiply"))


@writes(layers.Concat)
def _concat(given: Given) -> list[Entry]:
    return [Entry("Concatenate", {"axis": given.operation.axis % len(given.shape) + 1})]
