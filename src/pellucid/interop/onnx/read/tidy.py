"""What is made simpler once all nodes are read: what nobody asks for goes, and a bias joins the layer before it."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

from pellucid.layers import Layer, Shift
from pellucid.typing import Arrays

NodeList: TypeAlias = "list[tuple[str, Any, list[str]]]"


def tidied(nodes: NodeList, arrays: Arrays, output: str) -> tuple[NodeList, Arrays, str]:
    """Return the nodes that lead to the output, their arrays, and the output's name."""
    nodes, arrays, output = _with_biases(_leading_to(output, nodes), dict(arrays), output)
    kept = {name for name, _, _ in nodes}
    return nodes, {key: array for key, array in arrays.items() if key.rpartition(".")[0] in kept}, output


def _leading_to(output: str, nodes: NodeList) -> NodeList:
    needed, kept = {output}, []
    for node in reversed(nodes):
        if node[0] in needed:
            needed.update(node[2])
            kept.append(node)
    return kept[::-1]


def _with_biases(nodes: NodeList, arrays: Arrays, output: str) -> tuple[NodeList, Arrays, str]:
    """MatMul and Add, as many programs write an affine map, are one layer; so are a convolution and its Add."""
    uses = Counter(name for _, _, inputs in nodes for name in inputs)
    uses[output] += 1
    layers = {name: operation for name, operation, _ in nodes}
    renamed: dict[str, str] = {}
    for name, operation, (source, *_) in nodes:
        before = layers.get(source)
        if not isinstance(operation, Shift) or not isinstance(before, Layer) or uses[source] > 1:
            continue
        options = before.config()
        outputs = options.get("filters", arrays[f"{source}.W"].shape[-1]) if options.get("bias") is False else None
        if arrays[f"{name}.beta"].shape == (outputs,):
            layers[source] = type(before)(**{**options, "bias": True})
            arrays[f"{source}.b"] = arrays.pop(f"{name}.beta")
            renamed[name] = source
    kept = [
        (name, layers[name], [renamed.get(source, source) for source in inputs])
        for name, _, inputs in nodes
        if name not in renamed
    ]
    return kept, arrays, renamed.get(output, output)
