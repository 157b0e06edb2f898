"""Which lines stand in which panel, over which range: the same for figures and for the page."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.pictures import curves, palette, series
from plots.histories import history


def charts(run, **options):
    return curves.charts({"": series.read("test", run)}, **options)


def test_one_run_has_a_panel_for_each_kind_and_the_batches_on_request():
    assert [(p.title, p.unit, [line.label for line in p.lines]) for p in charts(history())] == [
        ("Loss", "epoch", ["training", "validation"]),
        ("Accuracy", "epoch", ["training", "validation"]),
        ("Learning rate", "epoch", [""]),
    ]
    assert [line.label for line in charts(history(), batches=True)[0].lines] == ["batches", "training", "validation"]


def test_several_runs_have_a_colour_each_and_training_stands_behind_validation():
    run = series.read("test", history())
    loss = curves.charts({"a": run, "b": run})[0]

    assert [(line.colour, line.look) for line in loss.lines] == [
        (palette.BLUE, "thin"),
        (palette.BLUE, "strong"),
        (palette.VERMILION, "thin"),
        (palette.VERMILION, "strong"),
    ]


def test_the_farthest_of_the_batches_and_what_was_before_the_first_step_are_left_outside():
    x = np.arange(101.0)
    batches = curves.Line("batches", x, np.where(x == 1, 1000.0, 2.0), palette.BLUE, "faint")
    measured = curves.Line("training", np.array([0.0, 50.0, 100.0]), np.array([90.0, 3.0, 1.0]), palette.BLUE)

    assert curves.Chart("loss", "epoch", [batches, measured]).range == pytest.approx((0, 3 + 0.05 * (3 - 1)))
    assert curves.Chart("accuracy", "epoch", [measured]).range == pytest.approx((0.9, 3.1))


def test_a_run_that_only_knows_its_beginning_shows_it():
    start = curves.Line("training", np.array([0.0]), np.array([2.0]), palette.BLUE)

    assert curves.Chart("loss", "epoch", [start]).range == pytest.approx((0, 2.1))
