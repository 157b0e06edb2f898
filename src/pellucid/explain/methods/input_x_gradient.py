"""Input × gradient: what each pixel contributes if the network were linear around the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.checked import checked
from pellucid.explain.machinery.gradients import forward_backward
from pellucid.explain.machinery.homogeneous import is_homogeneous
from pellucid.explain.result import Explanation, Proof, answer, exactness, sums
from pellucid.explain.target import Question, Target
from pellucid.typing import ArrayLike


@checked
def input_x_gradient(model: Any, x: ArrayLike, target: Target = "predicted", *, scalar: str = "logit") -> Explanation:
    """Return x · ∂S/∂x.

    Where no layer has a bias and every activation is (leaky) ReLU, S(t·x) = t·S(x) and so Σ values = S (Euler);
    the proof checks it. With biases nothing is promised.

    Parameters
    ----------
    model, x, target, scalar : as in `saliency`

    Limits
    ------
    A pixel of value 0 always gets 0, whatever the network sees in its darkness.

    References
    ----------
    Shrikumar et al. (2016), "Not just a black box", arXiv:1605.01713.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.input_x_gradient(network, x).values.tolist()
    [[6.0, -4.0]]
    """
    question = Question("input_x_gradient", model, x, target, scalar)
    y, number, dx = forward_backward(question)
    values = question.x * dx
    proof = None
    if scalar in ("logit", "margin", "centred") and is_homogeneous(question.network):
        promised = number.values(y).astype(np.float64)
        proof = Proof("completeness", "Σ values = S", sums(values), promised, exactness(promised, promised, values))
    return answer(question, number, y, values, method="input x gradient", baseline="0", proof=proof)
