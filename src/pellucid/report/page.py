"""One network on one page: a single HTML file that asks for nothing else. `page.html` shows what stands where."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from pellucid import views
from pellucid.checked import checked
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.explain.catalogue import Method, chosen, explain_by_each
from pellucid.explain.target import Target
from pellucid.layers import Container
from pellucid.layers.container import network_of
from pellucid.layers.door import behind_door, has_door, inward, with_flat_scores
from pellucid.losses import LossLike
from pellucid.pictures import pixels
from pellucid.pictures.classes import worst_first
from pellucid.pictures.png import data_uri
from pellucid.report.learning import learning
from pellucid.report.maps import maps
from pellucid.report.measured import Measured, class_names
from pellucid.report.sample import Sample
from pellucid.report.style import style
from pellucid.report.template import Markup, asset, fill
from pellucid.report.units import filters_or_reason
from pellucid.specs import pictures_of
from pellucid.training import History, predict_proba
from pellucid.typing import Array
from pellucid.views.summary import Summary
from pellucid.views.svg import svg

MISTAKES, FIRST = 4, 4  # images that are explained where none are named
LONG = 24  # rows of a table whose diagram waits to be opened


@checked
def html_report(
    model: Any, data: Dataset | None, *, samples: Sequence[Sample] = (), history: History | None = None, name: str = "",
    loss: LossLike | None = None, target: Target = "predicted", methods: Sequence[Method] = (), part: str = "test",
    during: Any = nullcontext,
) -> str:  # fmt: skip
    """Return a page about a network and the data it is measured on, as HTML that opens from disk.

    Parameters
    ----------
    model : a network of images, or an object that holds one in `.network`
    data : with classes, in the shape that the network takes; None where none are known: then the page is about the
        network and the samples alone
    samples : images to explain; default: the mistakes that were surest, and the first images
    history : of its training
    name : heading
    loss : that the network was trained with
    target : of the explanations, as in `explain.saliency`, or "true" for the true classes
    methods : default: all that are not slow
    part : what the data are called, such as "test"
    during : called with the words for what comes next, gives a context for it, such as one that shows progress
    """
    whole = network_of(model, "report", built=True)
    network = with_flat_scores(behind_door(whole))
    if data is None and not samples:
        raise ArgumentError("report: without data, samples must be given: there is nothing else to explain.")
    if data is not None and not data.classes:
        raise ArgumentError("report: the data must have classes, got a regression.")
    if has_door(whole):
        samples = [sample._replace(x=inward(sample.x)) for sample in samples]
        data = None if data is None else _inward(data)
    names, measured, seen = class_names(network, data), None, None
    if data is not None:
        seen = Measured.of(network, data, loss, part)
        measured = seen.words()
        samples = list(samples) or _telling(data, seen.chances, part)
    x = np.stack([sample.x for sample in samples])
    images = pixels.shown_images("report", pictures_of(x, network.inputs))
    addresses = [data_uri(picture) for picture in pixels.as_bytes(images)]
    if isinstance(target, str) and target == "true":
        target = np.array([sample.truth for sample in samples])
    answers = explain_by_each(network, x, target, methods or chosen([]), names=names, during=during)
    if not answers.given:
        raise ArgumentError(f"report: no method explains this network. {answers.refused[0][1]}")
    table = views.summary(network)
    with during("what the filters see"):
        filters, reason = filters_or_reason(network, seen, names, samples, addresses, part)
    confused, unseen = (None, "No data are known that it is measured on.") if seen is None else seen.confusion(names)
    return _page(
        {
            "title": name or network.label,
            "part": part,
            "measured": measured,
            "trainable": f"{table.trainable:,}",
            "multiply_adds": f"{table.multiply_adds:,}",
            "network": _network(network, table),
            "learning": None if history is None else learning(history),
            "confusion": confused,
            "no_confusion": unseen,
            "filters": filters,
            "no_filters": reason,
            "maps": maps(answers, samples, images, addresses, predict_proba(network, x, loss=loss), names),
        }
    )


def _inward(data: Dataset) -> Dataset:
    turned = copy.copy(data)
    turned.x, turned.inputs = inward(data.x), None
    return turned


def _page(values: Mapping[str, Any]) -> str:
    """Fill the template; the browser runs no script and uses no style but those whose hashes it names."""
    own = {"style": Markup(style()), "script": Markup(asset("page.js"))}
    return fill(asset("page.html"), {**values, **own, **{f"{name}_hash": _hash(text) for name, text in own.items()}})


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _telling(data: Dataset, chances: Array, part: str) -> list[Sample]:
    """Return the mistakes whose true class had the least probability, and the first images."""
    wrong = worst_first(np.asarray(data.t), chances)[:MISTAKES].tolist()
    first = [i for i in range(min(FIRST + MISTAKES, len(data))) if i not in wrong][:FIRST]
    return [Sample(f"{part}:{i}", data.x[i], int(data.t[i])) for i in [*wrong, *first]]


def _network(network: Container[Any], table: Summary) -> dict[str, Any]:
    heading, *rows = table.table()
    return {
        "heading": heading,
        "rows": [{"cells": row} for row in rows],
        "totals": " · ".join(table.totals()),
        "is_short": len(rows) <= LONG,
        "diagram": Markup(svg(views.diagram(network), within=True)),
    }
