from __future__ import annotations

import numpy as np
import pytest

from pellucid import plots
from pellucid.errors import ArgumentError, DataError, LabelError

LABELS = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2]
PREDICTED = [0, 0, 0, 1, 1, 1, 2, 0, 0, 2]


def cells(fig):
    """Text by (row, column), in the order written."""
    found = {}
    for text in fig.axes[0].texts:
        column, row = text.get_position()
        found.setdefault((round(row), round(column)), []).append(text.get_text())
    return found


def test_counts_and_row_percentages_are_those_worked_out_by_hand():
    assert cells(plots.confusion_matrix(LABELS, PREDICTED)) == {
        (0, 0): ["3", "75.0%"],
        (0, 1): ["1", "25.0%"],
        (1, 1): ["2", "100.0%"],
        (2, 0): ["2", "50.0%"],
        (2, 2): ["2", "50.0%"],
    }


def test_the_title_says_how_many_are_right():
    assert plots.confusion_matrix(LABELS, PREDICTED).get_suptitle() == "70.00% right: 7 of 10"


def test_mistakes_have_a_colour_scale_that_ends_at_the_worst_of_them():
    right, wrong = plots.confusion_matrix(LABELS, PREDICTED).axes[0].get_images()

    assert right.get_clim() == (0, 1)
    assert wrong.get_clim() == (0, 0.5)
    assert right.get_array().count() == 3
    assert wrong.get_array().count() == 2


def test_classes_are_named_on_both_sides():
    axes = plots.confusion_matrix(LABELS, PREDICTED, ["cat", "dog", "cow"]).axes[0]

    assert [t.get_text() for t in axes.get_xticklabels()] == ["cat", "dog", "cow"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog", "cow"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true", "predicted")


def test_a_named_class_that_never_occurs_keeps_its_row():
    axes = plots.confusion_matrix([0, 1], [0, 1], ["a", "b", "c"]).axes[0]

    assert len(axes.get_yticks()) == 3


def test_one_hot_labels_and_scores_of_all_classes_are_understood():
    scores = np.eye(3)[PREDICTED] * 0.8 + 0.1

    assert cells(plots.confusion_matrix(np.eye(3)[LABELS], scores)) == cells(plots.confusion_matrix(LABELS, PREDICTED))


@pytest.mark.parametrize(("classes", "texts_per_cell"), [(12, 2), (30, 1), (40, 0)])
def test_many_classes_have_smaller_cells_with_less_text(classes, texts_per_cell):
    fig = plots.confusion_matrix(np.arange(classes), np.arange(classes))

    assert len(fig.axes[0].texts) == texts_per_cell * classes


def test_all_right_and_all_wrong_can_be_drawn():
    assert cells(plots.confusion_matrix([0, 1], [0, 1])) == {(0, 0): ["1", "100.0%"], (1, 1): ["1", "100.0%"]}
    assert cells(plots.confusion_matrix([0, 1], [1, 0])) == {(0, 1): ["1", "100.0%"], (1, 0): ["1", "100.0%"]}


def test_numbers_fit_their_cells():
    many = np.repeat([0, 0, 1, 1], [1234567, 765432, 1, 1000000])
    fig = plots.confusion_matrix(many, np.repeat([0, 1, 0, 1], [1234567, 765432, 1, 1000000]))

    fig.draw_without_rendering()
    cell = fig.axes[0].get_window_extent().width / 2

    assert all(text.get_window_extent().width < cell for text in fig.axes[0].texts)


@pytest.mark.parametrize(
    ("labels", "predicted", "names", "error", "message"),
    [
        (np.array([], int), np.array([], int), None, DataError, "at least one class, got none"),
        ([0, 1], [0], None, LabelError, "must be equally many, got 2 and 1"),
        ([0, -1], [0, 1], None, LabelError, "must be 0 or more, got -1"),
        ([0, 1], [0, -1], None, LabelError, r"\(predicted\): class labels must be 0 or more"),
        ([0, 1], [0.0, 0.7], None, LabelError, r"\(predicted\): class labels must be integers, got float64"),
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], None, DataError, "predicted holds 1 NaN"),
        ([0, 10**9], [0, 1], None, LabelError, "at most 1000 classes can be drawn"),
        ([0, 2], [0, 1], ["a", "b"], ArgumentError, "class_names must name 3 classes, got 2"),
        ([0, 1], [0, 1], {0: "a", 1: "b"}, ArgumentError, "class_names must be a list of names"),
    ],
)
def test_what_cannot_be_counted_is_refused(labels, predicted, names, error, message):
    with pytest.raises(error, match=message):
        plots.confusion_matrix(labels, predicted, names)
