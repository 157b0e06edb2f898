"""The sheet of maps that `pellucid explain` draws: labels, scales, proofs, and the legend of a map of classes."""

from __future__ import annotations

import numpy as np

from pellucid.pictures.legend import Entry
from pellucid.plots.sheet import ImagePanels, side_by_side
from pellucid.views.panels import Panel

PIXELS = np.zeros((8, 8, 3), np.uint8)
CLASSES = Panel("Class, occluded", PIXELS, "2 classes", legend=(Entry(3, "cat", 30), Entry(1, "dog", 6)))


def lefts(fig):
    return [round(axes.get_position().x0 * fig.get_figwidth(), 2) for axes in fig.axes]


def test_a_map_of_classes_has_its_legend_beside_it_in_a_cell_of_its_own():
    plain = Panel("Saliency", PIXELS, "±1", "completeness off by 1e-12 ✓", holds=True)
    fig = side_by_side([ImagePanels("one", [plain, CLASSES, plain])])

    said = [text.get_text() for text in fig.texts]
    assert {"one", "Saliency", "±1", "cat: 30", "dog: 6"} <= set(said)
    assert "2 classes" not in said  # the legend says more
    assert len(fig.artists) == 2
    first, second, third = lefts(fig)
    np.testing.assert_allclose(third - second, 2 * (second - first), atol=0.02)


def test_map_and_legend_are_not_parted_by_the_end_of_a_row():
    plain = Panel("Saliency", PIXELS)
    fig = side_by_side([ImagePanels("one", [plain, plain, CLASSES, plain])], columns=3)

    tops = [round(axes.get_position().y0, 3) for axes in fig.axes]
    assert tops[0] == tops[1] > tops[2] == tops[3]
    assert lefts(fig)[2] == lefts(fig)[0]
