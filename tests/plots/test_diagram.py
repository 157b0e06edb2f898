"""The diagram: golden SVG texts (write them anew by PELLUCID_OVERWRITE=1), and what must hold in every one."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid import plots
from pellucid.errors import ArgumentError
from pellucid.models import mnist_cnn, small_resnet
from pellucid.views.diagram import diagram
from pellucid.views.drawing import Path as Line
from pellucid.views.drawing import Rect, Text

GOLDEN = Path(__file__).parent / "golden"


def inception():
    return pl.Graph(
        {
            "stem": (pl.Conv2D(16, 3, padding="same"), "input"),
            "act": (pl.ReLU(), "stem"),
            "one": (pl.Conv2D(8, 1), "act"),
            "three_in": (pl.Conv2D(8, 1), "act"),
            "three": (pl.Conv2D(16, 3, padding="same"), "three_in"),
            "join": (pl.Concat(), ["one", "three", "act"]),
            "relu": (pl.ReLU(), "join"),
            "mean": (pl.GlobalAveragePool2D(), "relu"),
            "scores": (pl.Affine(10), "mean"),
        },
        input_shape=(28, 28, 1),
    )


MODELS = {
    "two_layer_net": lambda: pl.TwoLayerNet(784, 50, 10),
    "mnist_cnn": mnist_cnn,
    "small_resnet": small_resnet,
    "inception": inception,
}


@pytest.mark.parametrize("name", MODELS)
def test_the_svg_is_the_golden_one(name):
    file = GOLDEN / f"{name}.svg"
    drawn = diagram(MODELS[name]()).svg()
    if os.environ.get("PELLUCID_OVERWRITE"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")

    assert drawn == file.read_text(encoding="utf-8"), "Look at the picture; if it is right, set PELLUCID_OVERWRITE=1."


@pytest.mark.parametrize("name", MODELS)
def test_the_svg_is_well_formed_and_loads_nothing(name):
    drawn = diagram(MODELS[name](), "A <title> & more").svg()
    root = ET.fromstring(drawn)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].text == "A <title> & more"
    assert not re.findall(r"href|url\(|<script|<image", drawn)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_named_with_its_shape_and_parameters(name):
    model = MODELS[name]()
    words = [s.text for s in diagram(model).shapes if isinstance(s, Text)]

    for row in pl.summary(model).rows:
        assert any(row.name in text for text in words), row.name
        if row.parameters:
            assert any(f"{row.parameters:,}" in text for text in words)
    assert any(f"{pl.summary(model).trainable:,} parameters" in text for text in words)


@pytest.mark.parametrize("name", MODELS)
def test_no_line_crosses_a_block_and_nothing_leaves_the_page(name):
    drawing = diagram(MODELS[name]())
    boxes = [s for s in drawing.shapes if isinstance(s, Rect) and s.stroke and s.width > 20]
    wires = [s for s in drawing.shapes if isinstance(s, Line) and s.stroke == "#5F6C78"]

    assert wires
    for wire in wires:
        for (ax, ay), (bx, by) in zip(wire.points, wire.points[1:], strict=False):
            for box in boxes:
                inside_x = max(ax, bx) > box.x + 0.1 and min(ax, bx) < box.x + box.width - 0.1
                inside_y = max(ay, by) > box.y + 0.1 and min(ay, by) < box.y + box.height - 0.1
                assert not (inside_x and inside_y)
    for box in boxes:
        assert box.x >= 0
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height


def test_no_words_run_into_one_another():
    fig = diagram(small_resnet()).plot()
    fig.draw_without_rendering()
    extents = [text.get_window_extent() for text in fig.axes[0].texts]

    for i, one in enumerate(extents):
        assert not any(one.overlaps(other) for other in extents[i + 1 :])


def test_svg_and_figure_have_one_size():
    fig = diagram(mnist_cnn()).plot()
    root = ET.fromstring(diagram(mnist_cnn()).svg())
    size = fig.get_size_inches() * 72

    np.testing.assert_allclose(size, [float(root.get("width")), float(root.get("height"))], atol=0.5)


def test_a_network_without_layers_is_its_input():
    words = [s.text for s in diagram(pl.Sequential([], input_shape=4)).shapes if isinstance(s, Text)]

    assert "input" in words


def test_a_figure_is_drawn_of_a_drawing_and_not_of_a_model():
    with pytest.raises(ArgumentError, match=r"plots.diagram: drawing must be what views.diagram returns, got TwoLayer"):
        plots.diagram(MODELS["two_layer_net"]())


def test_a_notebook_shows_the_drawing():
    drawing = diagram(mnist_cnn())

    assert drawing._repr_svg_() == drawing.svg()
