"""Saliency and Grad-CAM in their three forms, plain, guided and rectified, for every class of one image."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pellucid import explain
from pellucid.errors import ArgumentError
from pellucid.explain import Explanation
from pellucid.explain.activations import Seen, as_map, choose_layer, weighted
from pellucid.explain.gradients import swift
from pellucid.explain.parts import after, upto
from pellucid.explain.rules import relu_rules
from pellucid.explain.target import Question, Target
from pellucid.layers import Sequential
from pellucid.report import colours
from pellucid.report.methods import Method
from pellucid.report.panels import Panel, panels
from pellucid.typing import Array


class Row(NamedTuple):
    """One form: its name, and a picture for each class, on one scale."""

    label: str
    panels: list[Panel]


def grad_cam_by(
    model: Any, x: Array, target: Target = "predicted", *, rule: str, layer: str | None = None
) -> Explanation:
    """Grad-CAM whose gradient went down to the layer by a rule, "guided" or "rectified"; see `explain.saliency`.

    This is what keras-vis calls the backprop modifier of a CAM. Other than guided Grad-CAM it is no product.
    """
    question = Question("grad_cam", model, x, target, "logit")
    network = question.network
    name = choose_layer(question, layer)
    if not isinstance(network, Sequential) or "." in name:
        raise ArgumentError(f"grad_cam: under the rule {rule!r} the network must be a chain of layers. Use grad_cam.")
    A = swift(upto(network, name))(question.x)
    above = swift(after(network, name))
    y, tape = above.forward(A)
    number = question.scalar(y)
    gradient, _ = above.backward(number.gradient(y), tape, relu_rules("grad_cam", rule, above), need_grads=False)
    assert gradient is not None  # noqa: S101  # backward was asked for it
    values = weighted(gradient.mean(axis=(1, 2)), A)
    return as_map(question, Seen(name, A, gradient, y, number), values, f"{rule} Grad-CAM", relu=True)


FORMS = (
    Method("saliency", "Saliency", explain.saliency),
    Method("guided", "guided", partial(explain.saliency, rule="guided")),
    Method("rectified", "rectified", partial(explain.saliency, rule="rectified")),
    Method("grad-cam", "Grad-CAM", explain.grad_cam, takes_layer=True),
    Method("grad-cam-guided", "guided", partial(grad_cam_by, rule="guided"), takes_layer=True),
    Method("grad-cam-rectified", "rectified", partial(grad_cam_by, rule="rectified"), takes_layer=True),
)


def all_classes(network: Any, x: Array, names: list[str], layer: str | None = None) -> list[Row]:
    """Return a row for each form that the network allows, with the map of each class for one image x (1, …).

    The maps of a row share one scale, in the units of the logit: a pale map is one of little influence.
    """
    image = colours.grey(x)[0]
    repeated, every = np.repeat(x, len(names), axis=0), np.arange(len(names))
    rows = []
    for form in FORMS:
        try:
            said = form.run(network, repeated, every, layer)
        except ArgumentError:
            continue  # a network without a convolution has no Grad-CAM
        limit = float(np.abs(said.values).max())
        rows.append(Row(form.label, [panels(form, said, k, image, names, limit)[0] for k in range(len(names))]))
    return rows
