"""Batch normalisation taken into the weighted sum before it: in evaluation mode the two are one weighted sum."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np

from pellucid.explain.parts import AnyContainer, built, chain
from pellucid.layers import (
    Affine,
    BatchNorm,
    Container,
    Conv2D,
    DepthwiseConv2D,
    Graph,
    Layer,
    Residual,
    Sequential,
)
from pellucid.layers.nodes import Node
from pellucid.layers.plain import is_plain

FOLDING = (Affine, Conv2D, DepthwiseConv2D)
"""Weighted sums that a BatchNorm is folded into."""


def fold_batch_norm(network: AnyContainer) -> AnyContainer:
    """Return a network of the same function in which no BatchNorm follows a convolution or a dense layer directly.

    W' = W · γ/√(v + ε),  b' = (b − m) · γ/√(v + ε) + β. The layers folded are new ones, all others are shared.
    In a graph nothing but the BatchNorm may take what the weighted layer gives.
    """
    if is_plain(network, Graph):
        return _woven(network)
    if is_plain(network, Residual):
        twin = copy.copy(network)
        twin.branch = _chained(network.branch)
        twin.shortcut = None if network.shortcut is None else _chained(network.shortcut)
        twin.layers = tuple(side for side in (twin.branch, twin.shortcut) if side is not None)
        return twin
    return _chained(network) if is_plain(network, Sequential) else network


def _chained(network: Sequential) -> Sequential:
    layers: dict[str, Layer[Any]] = {}
    for name, layer in network.named_layers():
        last = next(reversed(layers), "")
        if is_plain(layer, BatchNorm) and last and is_plain(layers[last], *FOLDING):
            layers[last] = _folded(layers[last], layer)
        else:
            layers[name] = fold_batch_norm(layer) if isinstance(layer, Container) else layer
    return chain(layers, network, network.input_shape)


def _woven(graph: Graph) -> Graph:
    """Fold within a graph: what took the BatchNorm takes the layer that it was folded into."""
    used = Counter([graph.output, *(name for node in graph.nodes for name in node.inputs)])
    nodes: dict[str, Node] = {}
    moved: dict[str, str] = {}
    for node in graph.nodes:
        inputs = tuple(moved.get(name, name) for name in node.inputs)
        operation, below = node.operation, nodes.get(inputs[0])
        alone = below is not None and is_plain(below.operation, *FOLDING) and used[node.inputs[0]] == 1
        if is_plain(operation, BatchNorm) and below is not None and alone:
            nodes[below.name] = below._replace(operation=_folded(below.operation, operation))
            moved[node.name] = below.name
            continue
        inner = fold_batch_norm(operation) if isinstance(operation, Container) else operation
        nodes[node.name] = Node(node.name, inner, inputs)
    twin = Graph(list(nodes.values()), output=moved.get(graph.output, graph.output), name=graph.name)
    return built(twin, graph, graph.input_shape, graph.output_shape)


def _folded(layer: Any, norm: BatchNorm) -> Any:
    W = layer.params["W"]
    scale = norm.params["gamma"] / np.sqrt(norm.buffers["variance"] + W.dtype.type(norm.epsilon))
    b = layer.params.get("b", np.zeros_like(scale))
    folded = {"W": W * scale, "b": (b - norm.buffers["mean"]) * scale + norm.params["beta"]}
    return layer.with_arrays(folded, bias=True)
