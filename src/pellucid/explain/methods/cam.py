"""CAM: the class activation map of a network that ends in global average pooling and one dense layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.explain.machinery.activations import Seen, as_map, weighted
from pellucid.explain.machinery.room import outputs_of
from pellucid.explain.result import Explanation, Proof, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.kernels.dense.rows import rows_times_transposed
from pellucid.layers import Layer
from pellucid.layers.parts import upto
from pellucid.layers.walk import nodes_of
from pellucid.shown import came
from pellucid.typing import ArrayLike


@checked
def cam(
    model: Any, x: ArrayLike, target: Target = "predicted", *, scalar: str = "logit", relu: bool = False
) -> Explanation:
    """Return Σ_k w_kc A^k, with A what the pooling averages and w the dense layer's weights, on the grid of A.

    With Z places, Σ values / Z + b_c = S_c; the proof checks it. For a contrast w_a − w_b takes the place of w_c.

    Parameters
    ----------
    model, x, target : as in `saliency`; the network ends in GlobalAveragePool2D and Affine
    scalar : "logit" or "centred": the scalars that are linear in the scores
    relu : whether only what speaks for the class is kept

    Limits
    ------
    For that kind of network only. `hires_cam` and `grad_cam` take others; here they agree with it up to 1/Z.

    References
    ----------
    Zhou et al. (2015), arXiv:1512.04150, equation 2.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.GlobalAveragePool2D(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.cam(network, x)
    >>> said.values.shape, said.proof.holds.tolist()
    ((2, 6, 6, 1), [True, True])
    """
    question = Question("cam", model, x, target, scalar)
    if scalar not in ("logit", "centred"):
        raise ArgumentError(
            f"cam: scalar must be 'logit' or 'centred', which are linear in the scores, got {came(scalar)}."
        )
    name, head = _ending(question)
    A = outputs_of(upto(question.network, name).fused(), question.x)
    pooled = A.mean(axis=(1, 2))
    y = head(pooled)
    number = question.scalar(y)
    weights = rows_times_transposed(number.gradient(y), head.params["W"])  # (N, K)
    values = weighted(weights, A)
    promised = number.values(y).astype(np.float64)
    total = sums(values) / (A.shape[1] * A.shape[2]) + number.values(head(np.zeros_like(pooled)))
    proof = Proof("completeness", "Σ values / Z + b = S", total, promised, exactness(total, promised, values))
    return as_map(question, Seen(name, A, A, y, number), values, "CAM", relu=relu, proof=proof)


def _ending(question: Question) -> tuple[str, Layer[Any]]:
    """Return the name of the layer under the global pooling, and the dense layer on top."""
    network = question.network
    nodes = {node.name: node for node in nodes_of(network)}
    path, found = network.output, list[Any]()
    while path in nodes and len(found) < 2:
        operation = nodes[path].operation
        if not operation.facts.in_order:
            found.append(operation)
        path = nodes[path].inputs[0]
    while path in nodes and nodes[path].operation.facts.in_order:
        path = nodes[path].inputs[0]
    if [operation.facts.function for operation in found] == ["affine", "global_average"] and path in nodes:
        return path, found[0]
    raise ArgumentError(
        f"cam: the network must end in GlobalAveragePool2D and Affine, which {network.label} does not. "
        "Use grad_cam or hires_cam."
    )
