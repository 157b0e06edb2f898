"""The curves of the page: round numbers, no gaps, no more points than are seen."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

from pellucid.pictures.curves import Chart, Line
from pellucid.report.learning import drawing, learning, ticks
from pellucid.views.drawing import Disc, Path, Text
from plots.histories import history


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.5, 1]),
        (0, 1.9, [0, 0.5, 1, 1.5]),
        (0.9, 0.98, [0.9, 0.92, 0.94, 0.96, 0.98]),
        (-3, 5, [-2, 0, 2, 4]),
    ],
)
def test_axes_have_round_numbers(low, high, expected):
    assert ticks(low, high) == expected


def test_a_line_is_drawn_where_its_numbers_are():
    chart = Chart(
        "accuracy", "epoch", [Line("training", np.array([1.0, 2, 4]), np.array([0.5, np.nan, 0.9]), "#0072B2")]
    )
    made = drawing(chart)

    (line,) = [s for s in made.shapes if isinstance(s, Path) and not s.bend]
    low, high = chart.range
    assert line.points[1] == pytest.approx((460 - 14, 34 + 180 * (high - 0.9) / (high - low)))
    assert line.points[0][0] == pytest.approx(54 + 392 / 4)
    assert len([s for s in made.shapes if isinstance(s, Disc)]) == 2
    assert {"Accuracy", "training", "epoch"} <= {s.text for s in made.shapes if isinstance(s, Text)}


def test_many_points_become_means():
    x = np.arange(1.0, 901)
    made = drawing(Chart("loss", "iteration", [Line("batches", x, x % 3, "#0072B2", "faint")]))

    (line,) = [s for s in made.shapes if isinstance(s, Path) and not s.bend]
    assert len(line.points) == 300
    assert len({y for _, y in line.points}) == 1  # each is the mean of 1, 2 and 0


def test_loss_and_accuracy_are_on_the_page_and_what_was_not_recorded_is_not():
    def charts(**changes):
        run = history(**changes)
        run.settings = {"batch_size": 1000, "seed": None}
        return learning(run)

    nothing = SimpleNamespace(iterations={"iteration": [1], "loss": [None]}, epochs={})

    found = charts()
    assert [ET.fromstring(one["chart"])[0].text for one in found["charts"]] == ["Loss by epoch", "Accuracy by epoch"]
    assert found["settings"] == "batch size 1,000"
    assert learning(nothing) is None
    assert not re.search(r"nan|inf", charts(train_loss=[None] * 5)["charts"][0]["chart"])
