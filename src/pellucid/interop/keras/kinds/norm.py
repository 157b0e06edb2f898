"""Normalisation: by running statistics, and within each sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.interop.assemble import FREE
from pellucid.interop.keras.kinds.part import Part, Parts, Request, Variables, fixed, reads
from pellucid.interop.keras.options import Options
from pellucid.layers import BatchNorm, GroupNorm, LayerNorm, Scale, Shift
from pellucid.typing import Array, Arrays, Shape


def _variables(*fixed: str) -> Callable[[Options], Variables]:
    def variables(options: Options) -> Variables:
        gamma = ("gamma",) if options.flag("scale", True) else ()
        beta = ("beta",) if options.flag("center", True) else ()
        return Variables((*gamma, *beta), fixed)

    return variables


def _gamma_beta(request: Request, shape: Shape) -> Arrays:
    """The factors and what is added, 1 and 0 where the layer has none."""
    given = request.variables
    if math.prod(shape) > FREE:
        request.options.refuse(f"a sample of shape {request.shape}")
    dtype = np.result_type(np.float32, *(a.dtype for a in given.values() if a.dtype.kind == "f"))
    return {
        "gamma": given.get("gamma", np.ones(shape, dtype)),
        "beta": given.get("beta", np.zeros(shape, dtype)),
    }


@reads("BatchNormalization", variables=_variables("moving_mean", "moving_variance"))
def _batch_norm(request: Request) -> Parts:
    options, rank = request.options, len(request.shape)
    options.expect("renorm", False)
    if options.axes("axis", -1, rank) != (rank - 1,):
        options.refuse(f"axis={options.config['axis']!r} of samples {request.shape}")
    layer = BatchNorm(momentum=options.number("momentum", 0.99), epsilon=options.number("epsilon", 1e-3))
    statistics = {"mean": request.variables["moving_mean"], "variance": request.variables["moving_variance"]}
    return [Part(layer, {**_gamma_beta(request, request.shape[-1:]), **statistics})]


@reads("LayerNormalization", variables=_variables())
def _layer_norm(request: Request) -> Parts:
    options, rank = request.options, len(request.shape)
    options.expect("rms_scaling", False)
    axes = options.axes("axis", -1, rank)
    if axes != tuple(range(axes[0], rank)):
        options.refuse(f"axis={options.config['axis']!r} of samples {request.shape}")
    layer = LayerNorm(axes[0] - rank, epsilon=options.number("epsilon", 1e-3))
    return [Part(layer, _gamma_beta(request, request.shape[axes[0] :]))]


@reads("GroupNormalization", variables=_variables())
def _group_norm(request: Request) -> Parts:
    options, rank = request.options, len(request.shape)
    if options.axes("axis", -1, rank) != (rank - 1,):
        options.refuse(f"axis={options.config['axis']!r} of samples {request.shape}")
    channels, groups = request.shape[-1], options.config.get("groups", 32)
    layer = GroupNorm(channels if groups == -1 else options.size("groups", 32), epsilon=options.number("epsilon", 1e-3))
    return [Part(layer, _gamma_beta(request, request.shape[-1:]))]


def _scaled(scale: Array, offset: Array) -> Parts:
    """y = x · scale + offset."""
    return [
        Part(fixed(Scale(scale.shape)), {"gamma": scale}, "_scale"),
        Part(fixed(Shift(offset.shape)), {"beta": offset}),
    ]


def _row(options: Options, key: str, default: float) -> Array:
    """A number, or one for each channel."""
    value = options.config.get(key, default)
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list):
        return np.array([default if value is None else options.number(key, default)], np.float32)
    if not all(type(n) in (int, float) for n in value):
        options.wrong(key, "a number, or one for each channel")
    return np.array(value, np.float32)


@reads("Rescaling")
def _rescaling(request: Request) -> Parts:
    return _scaled(_row(request.options, "scale", 1.0), _row(request.options, "offset", 0.0))


def _adapted(options: Options) -> Variables:
    told = options.config.get("mean") is not None
    return Variables() if told else Variables(fixed=("mean", "variance", "count"))


@reads("Normalization", variables=_adapted)
def _normalization(request: Request) -> Parts:
    """y = (x − mean) / max(√variance, 1e-7), by numbers that `adapt` found, or that the options give."""
    options, given = request.options, request.variables
    options.expect("invert", False)
    options.expect("axis", *_last(len(request.shape)))
    mean, variance = (
        np.ravel(given[key]) if key in given else _row(options, key, default)
        for key, default in (("mean", 0.0), ("variance", 1.0))
    )
    if np.any(variance < 0):
        options.wrong("variance", "at least 0")
    factor = 1 / np.maximum(np.sqrt(variance), np.float32(1e-7))
    return _scaled(factor, -mean * factor)


def _last(rank: int) -> tuple[Any, ...]:
    return -1, rank, [-1], [rank], None
