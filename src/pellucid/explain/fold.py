"""Batch normalisation taken into the weighted sum before it: in evaluation mode the two are one weighted sum."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from pellucid.explain.parts import AnyContainer, chain
from pellucid.layers import Affine, BatchNorm, Conv2D, DepthwiseConv2D, Layer, Parameters, Residual, Sequential


def fold_batch_norm(network: AnyContainer) -> AnyContainer:
    """Return a network of the same function in which no BatchNorm follows a convolution or a dense layer directly.

    W' = W · γ/√(v + ε),  b' = (b − m) · γ/√(v + ε) + β. The layers folded are new ones, all others are shared.
    Graphs are returned as they are.
    """
    if isinstance(network, Residual):
        twin = copy.copy(network)
        twin.branch = _chained(network.branch)
        twin.shortcut = None if network.shortcut is None else _chained(network.shortcut)
        twin.layers = tuple(side for side in (twin.branch, twin.shortcut) if side is not None)
        return twin
    return _chained(network) if isinstance(network, Sequential) else network


def _chained(network: Sequential) -> Sequential:
    layers: list[Layer[Any]] = []
    for layer in network.layers:
        if isinstance(layer, BatchNorm) and layers and type(layers[-1]) in (Affine, Conv2D, DepthwiseConv2D):
            layers[-1] = _folded(layers[-1], layer)
        else:
            layers.append(fold_batch_norm(layer) if isinstance(layer, (Sequential, Residual)) else layer)
    return chain(layers, network, network.input_shape, network.name)


def _folded(layer: Any, norm: BatchNorm) -> Any:
    W = layer.params["W"]
    scale = norm.params["gamma"] / np.sqrt(norm.buffers["variance"] + W.dtype.type(norm.epsilon))
    b = layer.params.get("b", np.zeros_like(scale))
    twin = copy.copy(layer)
    twin.bias = True
    twin.params = Parameters(W=W * scale, b=(b - norm.buffers["mean"]) * scale + norm.params["beta"])
    return twin
