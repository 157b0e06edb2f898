"""HiResCAM: activation times gradient at every place, without averaging."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.explain.machinery.activations import Seen, as_map, look
from pellucid.explain.result import Explanation, Proof, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.layers.parts import after
from pellucid.layers.walk import operations
from pellucid.typing import ArrayLike


@checked
def hires_cam(
    model: Any,
    x: ArrayLike,
    target: Target = "predicted",
    *,
    layer: str | None = None,
    scalar: str = "logit",
    relu: bool = False,
) -> Explanation:
    """Return Σ_k A^k · ∂S/∂A^k at each place, signed.

    Where everything above the layer is linear (flatten, dense layers, means), Σ values + S(A = 0) = S: the map shows
    what each place adds to the score, and the proof checks it. Else nothing is promised.

    Parameters
    ----------
    model, x, target, scalar, layer, relu : as in `grad_cam`; here the sign is kept by default

    Limits
    ------
    Above a hidden ReLU it is a linear picture of a function that is not linear.

    References
    ----------
    Draelos & Carin (2020), arXiv:2011.08891.

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> said = pl.explain.hires_cam(network, x)
    >>> said.proof.claim, said.proof.holds.tolist()
    ('Σ values + S(A = 0) = S', [True, True])
    """
    question = Question("hires_cam", model, x, target, scalar)
    seen = look(question, layer)
    values = (seen.A * seen.gradient).sum(axis=3, keepdims=True)
    proof = _proof(question, seen, values)
    return as_map(question, seen, values, "HiResCAM", relu=relu, proof=proof)


def _proof(question: Question, seen: Seen, values: Any) -> Proof | None:
    above = after(question.network, seen.layer)
    if above is None or question.kind not in ("logit", "centred"):
        return None
    if not all(operation.facts.linear for _, operation in operations(above)):
        return None
    rest = seen.scalar.values(above(np.zeros_like(seen.A)))
    promised = seen.scalar.values(seen.y).astype(np.float64)
    total = sums(values) + rest
    return Proof("completeness", "Σ values + S(A = 0) = S", total, promised, exactness(total, promised, values))
