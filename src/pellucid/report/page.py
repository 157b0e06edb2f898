"""One network on one page: a single HTML file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from pellucid import views
from pellucid.checked import checked
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, DataError
from pellucid.explain.target import Target
from pellucid.layers import Container
from pellucid.losses import LossLike
from pellucid.pictures import curves, palette, pixels, series
from pellucid.pictures.classes import worst_first
from pellucid.pictures.confusion import Confusion
from pellucid.pictures.legend import Entry, listed
from pellucid.pictures.overlay import grounds
from pellucid.pictures.png import data_uri
from pellucid.report import confusion
from pellucid.report.chart import chart
from pellucid.report.markup import Markup, join, picture, script_data, tag
from pellucid.report.methods import Method, ask, chosen
from pellucid.report.sample import Sample
from pellucid.report.units import LayerView, views_or_reason, weighted_layers
from pellucid.training import History, predict_proba
from pellucid.typing import Array
from pellucid.views.network import network_of
from pellucid.views.panels import Panel, panels
from pellucid.views.summary import LEFT, Summary
from pellucid.views.svg import svg

MISTAKES, FIRST = 4, 4  # images that are explained where none are named
LONG, LEGEND = 24, 5  # rows of a table whose diagram waits to be opened, and classes of a map that are named


@checked
def html_report(
    model: Any, data: Dataset, *, samples: Sequence[Sample] = (), history: History | None = None, name: str = "",
    loss: LossLike | None = None, target: Target = "predicted", methods: Sequence[Method] = (), part: str = "test",
) -> str:  # fmt: skip
    """Return a page about a network and the data it is measured on, as HTML that opens from disk.

    Parameters
    ----------
    model : a network of images, or an object that holds one in `.network`
    data : with classes, in the shape that the network takes
    samples : images to explain; default: the mistakes that were surest, and the first images
    history : of its training
    name : heading
    loss : that the network was trained with
    target : of the explanations, as in `explain.saliency`, or "true" for the true classes
    methods : default: all that are not slow
    part : what the data are called, such as "test"
    """
    network = network_of("report", model)
    if not data.classes:
        raise ArgumentError("report: the data must have classes, got a regression.")
    page = _Page(network, data, name or network.label, part, predict_proba(model, data.x, loss=loss))
    page.samples = list(samples) or page.choose()
    body = join(
        page.head(), page.summary(views.summary(network)), page.curves(history), page.confusion(), page.units(),
        page.maps(target, methods or chosen([]), loss),
    )  # fmt: skip
    return _assemble(page.name, body)


def _assemble(title: str, body: Markup) -> str:
    room = files("pellucid.report")
    style, script = ((room / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = Template((room / "page.html").read_text(encoding="utf-8"))
    parts = {"policy": policy, "title": join(title), "style": style, "script": script, "body": body}
    return template.substitute(parts)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class _Page:
    """The parts of the page, which share the network, the data and what it predicts of them."""

    def __init__(self, network: Container[Any], data: Dataset, name: str, part: str, chances: Array) -> None:
        self.network, self.data, self.name, self.part, self.chances = network, data, name, part, chances
        self.names = [*(data.class_names or map(str, range(chances.shape[1])))]
        self.truth = np.asarray(data.t)
        self.guess = chances.argmax(axis=1)
        self.samples: list[Sample] = []

    def choose(self) -> list[Sample]:
        """Return the mistakes whose true class had the least probability, and the first images."""
        wrong = worst_first(self.truth, self.chances)[:MISTAKES].tolist()
        first = [i for i in range(min(FIRST + MISTAKES, len(self.data))) if i not in wrong][:FIRST]
        return [Sample(f"{self.part}:{i}", self.data.x[i], int(self.truth[i])) for i in [*wrong, *first]]

    def head(self) -> Markup:
        right, count = int((self.guess == self.truth).sum()), len(self.data)
        table = views.summary(self.network)
        facts = [
            (f"{right / count:.2%}", f"right: {right:,} of {count:,} {self.part} images"),
            (f"{table.trainable:,}", "trainable parameters"),
            (f"{table.multiply_adds:,}", "multiply-adds an image"),
        ]
        links = [("network", "Network"), ("learning", "Learning"), ("confusion", "Confusion"), ("filters", "Filters"),
                 ("maps", "Explanations")]  # fmt: skip
        numbers = [tag("div", tag("dt", number), tag("dd", text)) for number, text in facts]
        return join(
            tag("header", tag("h1", self.name), tag("dl", numbers, class_="facts")),
            tag("nav", [tag("a", text, href=f"#{where}") for where, text in links]),
        )

    def summary(self, table: Summary) -> Markup:
        heading, *lines = table.table()
        head = tag("tr", [tag("th", c, class_="" if i < LEFT else "number") for i, c in enumerate(heading)])
        rows = [tag("tr", [tag("td", c, class_="" if i < LEFT else "number") for i, c in enumerate(r)]) for r in lines]
        whole = tag("table", tag("thead", head), tag("tbody", rows), class_="summary")
        drawn = svg(views.diagram(self.network), within=True)
        return _section(
            "network", "The network", "“sees” is the receptive field: the pixels that one unit depends on.",
            tag("div", whole, class_="wide"), tag("p", " · ".join(table.totals()), class_="note"),
            tag("details", tag("summary", "Diagram"), tag("div", Markup(drawn), class_="wide diagram"),
                open=len(lines) <= LONG),
        )  # fmt: skip

    def curves(self, history: History | None) -> Markup:
        charts = [] if history is None else charts_of(history)
        if not charts:
            return _section("learning", "How it learnt", "No history of its training, a history.json, is known.")
        settings = [
            f"{key.replace('_', ' ')} {value if isinstance(value, str) else format(value, ',')}"
            for key, value in (history.settings if history else {}).items()
            if isinstance(value, (str, int))
        ]
        return _section(
            "learning", "How it learnt", "Pale: the loss of the batches while the weights still changed.",
            tag("div", charts, class_="charts"), tag("p", " · ".join(settings), class_="note"),
        )  # fmt: skip

    def confusion(self) -> Markup:
        if len(self.names) > confusion.MOST:
            return _section("confusion", "What is taken for what", f"{len(self.names)} classes are too many to show.")
        cells = confusion.images(self.data, self.chances, pixels.as_bytes(pixels.shown_images("report", self.data.x)))
        content = {"names": self.names, "part": self.part, "cells": cells}
        return _section(
            "confusion", "What is taken for what", "Click a number to see the images behind it.",
            tag("div", tag("div", confusion.matrix(Confusion.of(self.truth, self.guess, self.names)), class_="wide"),
                tag("div", id="cell", class_="opened", aria_live="polite"), class_="split"),
            script_data("cells", content),
        )  # fmt: skip

    def units(self) -> Markup:
        layers, reason = views_or_reason(self.network, self.data, self.names, self.samples)
        if not layers:
            return _section("filters", "What the filters see", reason or "No layer has weights that can be shown.")
        chosen = [[s.name, data_uri(pixels.small(p))] for s, p in zip(self.samples, self.pictures(), strict=True)]
        content = {"samples": chosen, "part": self.part, "layers": {v.name: v.units for v in layers}}
        return _section(
            "filters", "What the filters see",
            "Click a filter: its weights, its map of the chosen images, the images that excite it most (framed: what "
            "the strongest place sees; below: the true class, and how much it was excited), and the input made to "
            f"excite it. Layers with weights: {len(layers)} of {len(weighted_layers(self.network))} are shown.",
            _tabs("layer", [view.name for view in layers]),
            [self._layer(view, i) for i, view in enumerate(layers)],
            script_data("units", content),
        )  # fmt: skip

    def _layer(self, view: LayerView, i: int) -> Markup:
        buttons = [
            tag("button", picture(unit["thumb"], f"{view.name}, {view.unit} {k}"), tag("span", k), type="button",
                data_layer=view.name, data_unit=k, data_title=f"{view.name}, {view.unit} {k}", class_="unit")
            for k, unit in enumerate(view.units)
        ]  # fmt: skip
        of = "" if len(view.units) == view.total else f" (the first {len(view.units)} of {view.total})"
        return tag(
            "div", tag("p", f"{view.name}: {view.buttons}{of}", class_="note"),
            tag("div", buttons, class_="units"),
            tag("div", class_="opened row", data_row=view.name, aria_live="polite"),
            id=f"layer-{i}", hidden=i > 0,
        )  # fmt: skip

    def images(self) -> Array:
        """Return the chosen images in 0..1."""
        return pixels.shown_images("report", np.stack([sample.x for sample in self.samples]))

    def pictures(self) -> Array:
        """Return the chosen images as bytes."""
        return pixels.as_bytes(self.images())

    def maps(self, target: Target, methods: Sequence[Method], loss: LossLike | None) -> Markup:
        x = np.stack([sample.x for sample in self.samples])
        if isinstance(target, str) and target == "true":
            target = np.array([sample.truth for sample in self.samples])
        answers = ask(self.network, x, target, methods, names=self.names)
        if not answers.given:
            raise ArgumentError(f"report: no method explains this network. {answers.refused[0][1]}")
        chances, pictures = predict_proba(self.network, x, loss=loss), self.pictures()
        under, shown = grounds(self.images()), []
        for i, sample in enumerate(self.samples):
            found = [p for m, said in answers.given for p in panels(m.label, said, i, under[i], self.names)]
            shown.append(self._sheet(sample, i, chances[i], pictures[i], found, answers.given[0][1].scalars[i]))
        refused = [tag("p", f"Without {m.label}: {reason}", class_="note") for m, reason in answers.refused]
        tabs = _tabs("sample", [s.name for s in self.samples], [data_uri(pixels.small(p)) for p in pictures])
        return _section(
            "maps", "What its answers rest on",
            "Orange speaks for the class, blue against it; each map has the scale that stands below it, in the units "
            "of what is explained. ✓ marks a promise of the method that was checked on this very map; most methods "
            "promise nothing.",
            tabs, shown, refused,
        )  # fmt: skip

    def _sheet(self, sample: Sample, i: int, chances: Array, image: Array, found: list[Panel], scalar: str) -> Markup:
        order = np.argsort(-chances, kind="stable")[:4].tolist()
        bars = [
            tag("tr", tag("th", self.names[k], scope="row"),
                tag("td", _bar(chances[k])),
                tag("td", f"{chances[k]:.1%}", class_="number"))
            for k in order
        ]  # fmt: skip
        truth = "" if sample.truth is None else f"truth: {self.names[sample.truth]}"
        wrong = sample.truth is not None and sample.truth != order[0]
        first = tag(
            "div", picture(data_uri(pixels.small(image)), sample.name),
            tag("table", tag("tbody", bars), class_="chances"),
            tag("p", truth, class_="bad" if wrong else "note"), tag("p", f"explained: {scalar}", class_="note"),
            class_="about",
        )  # fmt: skip
        figures = tag("div", [_figure(p) for p in found], class_="maps")
        return tag("div", first, figures, id=f"sample-{i}", data_name=sample.name, class_="sheet", hidden=i > 0)


def charts_of(history: History) -> list[Markup]:
    """Return loss and accuracy as drawings, as far as they were recorded."""
    try:
        panels = curves.panels({"": series.read("report", history)}, batches=True)
    except DataError:  # no finite loss
        return []
    return [Markup(svg(chart(panel), within=True)) for panel in panels if panel.kind != "learning_rate"]


def _bar(chance: float) -> Markup:
    line = tag("line", x1=0, x2=f"{100 * chance:.1f}", y1=5, y2=5, stroke=palette.BLUE, stroke_width=10)
    return tag("svg", line, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true", class_="bar")


def _figure(panel: Panel) -> Markup:
    kind = "" if panel.holds is None else "good" if panel.holds else "bad"
    return tag(
        "figure", tag("figcaption", panel.label), picture(data_uri(pixels.small(panel.pixels)), panel.detail),
        tag("p", _legend(panel.legend) if panel.legend else panel.scale, class_="note"),
        tag("p", panel.verdict, class_=f"verdict {kind}"),
    )  # fmt: skip


def _legend(entries: Sequence[Entry]) -> Markup:
    """Return the classes of a map with their colours and how often each occurs."""
    return join([_key(entry) for entry in listed(entries, LEGEND)])


def _key(entry: Entry) -> Markup:
    dot = tag("circle", cx=5, cy=5, r=5, fill=entry.colour or "none")
    return tag("span", tag("svg", dot, viewBox="0 0 10 10", aria_hidden="true"), entry.text, class_="key")


def _section(name: str, heading: str, about: str, *children: object) -> Markup:
    return tag("section", tag("h2", heading), tag("p", about, class_="about-section"), *children, id=name)


def _tabs(kind: str, names: Sequence[str], pictures: Sequence[str] = ()) -> Markup:
    """Return buttons, the first pressed, that show one of several parts, `kind-0`, `kind-1` and so on."""
    buttons = [
        tag("button", picture(pictures[i], "") if pictures else "", name, type="button", data_tabs=kind,
            data_show=f"{kind}-{i}", aria_pressed="true" if i == 0 else "false")
        for i, name in enumerate(names)
    ]  # fmt: skip
    return tag("div", buttons, class_="tabs", role="group")
