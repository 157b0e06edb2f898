"""The methods that stand side by side: their names on the command line, and how each is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from pellucid import checks, explain
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.explain import Explanation
from pellucid.explain.target import Target
from pellucid.typing import Array


@checked_late
class Method(NamedTuple):
    """One way to explain.

    Attributes
    ----------
    name, label : on the command line, and above its map
    call : (network, x, target, **options) → Explanation
    takes_layer : whether it looks at a layer within, which may be chosen
    slow : whether it asks the network a thousand times for each image; left out unless named
    """

    name: str
    label: str
    call: Callable[..., Explanation]
    takes_layer: bool = False
    slow: bool = False

    def run(self, network: Any, x: Array, target: Target, layer: str | None = None) -> Explanation:
        """Explain a batch."""
        options = {"layer": layer} if self.takes_layer and layer is not None else {}
        return self.call(network, x, target, **options)


_ALL = (
    Method("saliency", "Saliency", explain.saliency),
    Method("guided", "Guided saliency", partial(explain.saliency, rule="guided")),
    Method("rectified", "Rectified saliency", partial(explain.saliency, rule="rectified")),
    Method("smoothgrad", "SmoothGrad", explain.smoothgrad),
    Method("input-x-gradient", "Input × gradient", explain.input_x_gradient),
    Method("integrated-gradients", "Integrated gradients", explain.integrated_gradients),
    Method("deep-lift", "DeepLIFT", explain.deep_lift),
    Method("lrp", "LRP-ε", explain.lrp),
    Method("lrp-composite", "LRP, composite", partial(explain.lrp, rule="composite", first=explain.Bounded(0, 1))),
    Method("grad-cam", "Grad-CAM", explain.grad_cam, takes_layer=True),
    Method("guided-grad-cam", "Guided Grad-CAM", explain.guided_grad_cam, takes_layer=True),
    Method("grad-cam++", "Grad-CAM++", explain.grad_cam_plus_plus, takes_layer=True),
    Method("hires-cam", "HiResCAM", explain.hires_cam, takes_layer=True),
    Method("layer-cam", "LayerCAM", explain.layer_cam, takes_layer=True),
    Method("score-cam", "Score-CAM", explain.score_cam, takes_layer=True),
    Method("cam", "CAM", explain.cam),
    Method("occlusion", "Occlusion", explain.occlusion),
    Method("shapley", "Shapley values", explain.shapley, slow=True),
    Method("rise", "RISE", explain.rise, slow=True),
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


class Answers(NamedTuple):
    """What the methods said, in their order, and why some could say nothing about this network."""

    given: list[tuple[Method, Explanation]]
    refused: list[tuple[Method, str]]


def ask(
    network: Any, x: Array, target: Target, methods: Sequence[Method], *, names: Sequence[str] = (),
    layer: str | None = None, strict: bool = False,
) -> Answers:  # fmt: skip
    """Ask every method about a batch; one that does not fit the network is refused with its reason, or raises.

    What they explain is said with the `names` of the classes.
    """
    answers = Answers([], [])
    for method in methods:
        try:
            said = method.run(network, x, target, layer)
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
