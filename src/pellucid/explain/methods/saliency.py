"""Saliency: the gradient of a score by the pixels; plain, guided and rectified."""

from __future__ import annotations

from typing import Any

from pellucid.checked import checked
from pellucid.explain.machinery.gradients import forward_backward
from pellucid.explain.machinery.rules import relu_rules
from pellucid.explain.result import Explanation, answer
from pellucid.explain.target import Question, Target
from pellucid.typing import ArrayLike


@checked
def saliency(
    model: Any, x: ArrayLike, target: Target = "predicted", *, scalar: str = "logit", rule: str | None = None
) -> Explanation:
    """Return the gradient of the score by the inputs.

    values = ∂S/∂x, signed. The picture of the paper, max over channels of |∂S/∂x|, is `maps("max-abs")`.
    At each ReLU with input a and incoming signal g, the rule passes on:

    None        g · 1[a > 0]
    guided      g · 1[a > 0] · 1[g > 0]
    rectified   g · 1[g > 0], as the deconvnet does

    Parameters
    ----------
    model : network, or an object that holds one in `.network`
    x : (N, …)
    target : "predicted", a class or one for each sample, `Contrast`, `Unit`, `Filter` or `Function`
    scalar : "logit", "probability", "log-probability", "margin" or "centred"; see `explain.target`
    rule : None, "guided" or "rectified"; any activation but ReLU raises under a rule

    Limits
    ------
    What small changes of single pixels do, not what the pixels contribute; noisy. Guided and rectified maps are no
    gradients: they resemble an edge detector and depend little on the upper layers or the class (Adebayo et al. 2018,
    arXiv:1810.03292; Sixt et al. 2020, arXiv:1912.09818). Do not present them as the reason of a decision.

    References
    ----------
    Simonyan, Vedaldi & Zisserman (2013), arXiv:1312.6034. Springenberg et al. (2014), arXiv:1412.6806.
    Zeiler & Fergus (2013), arXiv:1311.2901.

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> x = [[3.0, 4.0]]  # S_0 = 2 · 3 − 4 + ½ = 2.5
    >>> pl.explain.saliency(network, x).values.tolist()  # the column of W
    [[2.0, -1.0]]
    """
    question = Question("saliency", model, x, target, scalar)
    y, number, dx = forward_backward(question, relu_rules("saliency", rule, question.network))
    return answer(question, number, y, dx, method="saliency", settings={"rule": rule})
