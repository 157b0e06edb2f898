"""The catalogue: every method by the name that the command line knows it by, with what it promises.

The command line, the report and the trust card read it, and the contract tests run over it. A method is a file in
`explain/methods/` and a line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.explain.methods.cam import cam
from pellucid.explain.methods.deep_lift import deep_lift
from pellucid.explain.methods.grad_cam import grad_cam, guided_grad_cam
from pellucid.explain.methods.grad_cam_plus_plus import grad_cam_plus_plus
from pellucid.explain.methods.hires_cam import hires_cam
from pellucid.explain.methods.input_x_gradient import input_x_gradient
from pellucid.explain.methods.integrated_gradients import integrated_gradients
from pellucid.explain.methods.layer_cam import layer_cam
from pellucid.explain.methods.lrp import lrp
from pellucid.explain.methods.occlusion import occlusion
from pellucid.explain.methods.rise import rise
from pellucid.explain.methods.saliency import saliency
from pellucid.explain.methods.score_cam import score_cam
from pellucid.explain.methods.shapley import shapley
from pellucid.explain.methods.smoothgrad import smoothgrad
from pellucid.explain.result import Explanation
from pellucid.explain.target import Target
from pellucid.typing import Array


@checked_late
@dataclass(frozen=True)
class Method:
    """One way to explain, to be called as what it names: method(network, x, target, **options) → Explanation.

    Attributes
    ----------
    name, label : on the command line, and above its map
    call : the function, with what options it has here
    promise : the name of the proof that its result has wherever it can be kept; "" where it promises nothing
    takes_layer : whether it looks at a layer within, which may be chosen
    slow : whether it asks the network a thousand times for each image; left out unless named

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1), seed=1)
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> method = pl.explain.METHODS["hires-cam"]
    >>> method.label, method.promise, method(network, x, 1).proof.name
    ('HiResCAM', 'completeness', 'completeness')
    """

    name: str
    label: str
    call: Callable[..., Explanation]
    promise: str = ""
    takes_layer: bool = False
    slow: bool = False

    def __call__(self, network: Any, x: Array, target: Target = "predicted", **options: Any) -> Explanation:
        """Explain a batch."""
        return self.call(network, x, target, **options)


_COMPOSITE = partial(lrp, rule="composite", first="pixels")
_ALL = (
    Method("saliency", "Saliency", saliency),
    Method("guided", "Guided saliency", partial(saliency, rule="guided")),
    Method("rectified", "Rectified saliency", partial(saliency, rule="rectified")),
    Method("smoothgrad", "SmoothGrad", smoothgrad),
    Method("input-x-gradient", "Input × gradient", input_x_gradient),
    Method("integrated-gradients", "Integrated gradients", integrated_gradients, promise="completeness"),
    Method("deep-lift", "DeepLIFT", deep_lift, promise="completeness"),
    Method("lrp", "LRP-ε", lrp, promise="conservation"),
    Method("lrp-composite", "LRP, composite", _COMPOSITE, promise="conservation"),
    Method("grad-cam", "Grad-CAM", grad_cam, takes_layer=True),
    Method("guided-grad-cam", "Guided Grad-CAM", guided_grad_cam, takes_layer=True),
    Method("grad-cam++", "Grad-CAM++", grad_cam_plus_plus, takes_layer=True),
    Method("hires-cam", "HiResCAM", hires_cam, promise="completeness", takes_layer=True),
    Method("layer-cam", "LayerCAM", layer_cam, takes_layer=True),
    Method("score-cam", "Score-CAM", score_cam, takes_layer=True),
    Method("cam", "CAM", cam, promise="completeness"),
    Method("occlusion", "Occlusion", occlusion),
    Method("shapley", "Shapley values", shapley, promise="efficiency", slow=True),
    Method("rise", "RISE", rise, slow=True),
)
METHODS = {method.name: method for method in _ALL}


def chosen(names: Sequence[str]) -> list[Method]:
    """Return the methods of those names; without names, all that are not slow; "all", all of them."""
    if not names:
        return [method for method in METHODS.values() if not method.slow]
    if "all" in names:
        return list(METHODS.values())
    for name in names:
        checks.expect_known("explain", "method", name, [*METHODS, "all"])
    return [METHODS[name] for name in dict.fromkeys(names)]


class Explained(NamedTuple):
    """What the methods said, in their order, and why some could say nothing about this network."""

    given: list[tuple[Method, Explanation]]
    refused: list[tuple[Method, str]]


def explain_by_each(
    network: Any,
    x: Array,
    target: Target,
    methods: Sequence[Method],
    *,
    names: Sequence[str] = (),
    layer: str | None = None,
    strict: bool = False,
    during: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Explained:
    """Ask every method about a batch; one that does not fit the network is refused with its reason, or raises.

    What they explain is said with the `names` of the classes. Each works within `during(label)`.
    """
    answers = Explained([], [])
    for method in methods:
        options = {"layer": layer} if method.takes_layer and layer is not None else {}
        try:
            with during(method.label):
                said = method(network, x, target, **options)
            answers.given.append((method, replace(said, scalars=tuple(_named(s, names) for s in said.scalars))))
        except ArgumentError as error:
            if strict:
                raise
            answers.refused.append((method, str(error)))
    return answers


def _named(scalar: str, names: Sequence[str]) -> str:
    """The words for what is explained, such as "logit of class 1" or "logit 4 − logit 9", with names for numbers."""
    found = re.fullmatch(r"([\w-]+ of class )(\d+)", scalar) or re.fullmatch(r"([\w-]+ )(\d+)( − \1)(\d+)", scalar)
    if found is None:
        return scalar
    parts = [names[int(part)] if i % 2 and int(part) < len(names) else part for i, part in enumerate(found.groups())]
    return "".join(parts)
