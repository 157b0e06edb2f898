"""What a picture shows is known to neither Matplotlib nor HTML, and is the same in both."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.pictures.confusion import RIGHT, WRONG, Confusion
from pellucid.pictures.legend import Entry, listed
from pellucid.pictures.overlay import grounds, upon
from pellucid.pictures.palette import DIVERGING, EVIDENCE, SEQUENTIAL, bytes_of, through
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.plots.heatmaps import paint

ROOM = Path(pellucid.__file__).parent
BELOW = ("pictures", "arrays", "checks", "errors", "flat", "shown", "typing")


def imported(room):
    for file in (ROOM / room).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from [node.module] if node.module != "pellucid" else [f"pellucid.{a.name}" for a in node.names]
            elif isinstance(node, ast.Import):
                yield from [a.name for a in node.names]


def test_pictures_stand_on_arrays_alone():
    ours = {name.split(".")[1] for name in imported("pictures") if name.startswith("pellucid.")}

    assert ours <= set(BELOW)


@pytest.mark.parametrize("room", ["pictures", "report"])
def test_no_matplotlib_and_no_room_that_needs_it(room):
    assert not [name for name in imported(room) if name.startswith(("matplotlib", "pellucid.plots"))]


@pytest.mark.parametrize("signed", [True, False])
def test_a_map_on_its_image_has_the_same_colours_in_a_figure_and_on_the_page(rng, signed):
    image, values = rng.random((5, 5)), rng.random((5, 5)) - 0.5 * signed
    scale, ground = Scale.of(values), grounds(image[None])[0]
    with style.house("test"):
        axes = grid.place(style.figure(1, 1), 0, 0, 1, 1)
        paint(axes, values, scale, style.colour_map(scale.evidence), ground)
    under, over = axes.images
    colours = over.cmap(over.norm(values))[..., :3]
    share = np.asarray(over.get_alpha())[..., None]

    figure = np.asarray(under.get_array()) * (1 - share) + colours * share
    np.testing.assert_allclose(upon(ground, values, scale) / 255, figure, atol=3 / 255)


def test_colours_go_from_stop_to_stop():
    assert through(("#000000", "#FF0000", "#FFFFFF"), np.array([-1, 0, 0.25, 0.5, 0.75, 1, 2])).tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [128, 0, 0],
        [255, 0, 0],
        [255, 128, 128],
        [255, 255, 255],
        [255, 255, 255],
    ]


def test_a_scale_says_how_far_it_reaches_and_in_which_colours():
    both, up = Scale.of(np.array([-2.0, 1.0])), Scale.of(np.array([0.0, 0.634]))

    assert (both.reach, both.colours, both.evidence) == ("±2", DIVERGING, DIVERGING)
    assert (up.reach, up.colours, up.evidence) == ("0 – 0.63", SEQUENTIAL, EVIDENCE)
    assert (
        both.drawn(np.array([[np.nan, 0.0, 2.0]]), DIVERGING)[0].tolist()
        == bytes_of(DIVERGING[3], DIVERGING[3], DIVERGING[6]).tolist()
    )


def test_shares_and_strengths_of_a_confusion_matrix():
    found = Confusion.of(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 1]), ["a", "b", "c"])

    assert found.counts.tolist() == [[3, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert (found.most_right, found.most_wrong) == (0.75, 0.5)
    assert [found.strength(t, p) for t, p in ((0, 0), (1, 1), (0, 1), (1, 0))] == pytest.approx([1, 2 / 3, 0.5, 1])
    assert [found.is_dark(t, p) for t, p in ((0, 0), (1, 1), (1, 0))] == [True, False, False]
    assert not {*RIGHT} & {*WRONG}


def test_a_legend_that_does_not_fit_sums_up_its_rest():
    every = [Entry(3, "d", 12), Entry(0, "a", 7), Entry(1, "b", 2)]

    assert listed(every, 3) == every
    assert [(entry.text, bool(entry.colour)) for entry in listed(every, 2)] == [("d: 12", True), ("2 more: 9", False)]
