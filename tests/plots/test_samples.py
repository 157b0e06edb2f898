from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pellucid import plots
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError
from pellucid.pictures.classes import percent


def captions(fig):
    return [[text.get_text() for text in axes.texts] for axes in fig.axes]


def drawn(axes):
    return np.asarray(axes.get_images()[0].get_array())


def test_a_grid_has_one_picture_per_image_and_no_empty_axes(rng):
    fig = plots.sample_grid(rng.random((13, 28, 28)), columns=5)

    assert len(fig.axes) == 13
    assert len({round(axes.get_position().y0, 6) for axes in fig.axes}) == 3


def test_the_pictures_are_the_images_in_order(rng):
    images = rng.random((3, 4, 6))

    for axes, image in zip(plots.sample_grid(images).axes, images, strict=True):
        assert_allclose(drawn(axes), image)


@pytest.mark.parametrize("shape", [(2, 16), (2, 4, 4), (2, 4, 4, 1)])
def test_grey_images_of_every_form_are_drawn_alike(shape):
    values = np.linspace(0, 1, 32)

    fig = plots.sample_grid(values.reshape(shape))

    assert_allclose(drawn(fig.axes[1]), values[16:].reshape(4, 4))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 51, 255], np.uint8), [0, 0.2, 1]),
        (np.array([0.0, 51.0, 255.0]), [0, 0.2, 1]),
        (np.array([0.0, 0.2, 1.0]), [0, 0.2, 1]),
        (np.array([-2.0, 0.0, 2.0]), [0, 0.5, 1]),
    ],
)
def test_values_are_brought_to_0_to_1(values, expected):
    fig = plots.sample_grid(values.reshape(1, 1, 3))

    assert_allclose(drawn(fig.axes[0])[0], expected)


def test_colour_images_keep_their_colours(rng):
    images = rng.random((2, 5, 5, 3))

    assert_allclose(drawn(plots.sample_grid(images).axes[1]), images[1])


def test_drawings_are_ink_on_paper_and_photographs_stay(rng):
    drawing = np.zeros((1, 8, 8))
    drawing[0, 3] = 1

    assert plots.sample_grid(drawing).axes[0].get_images()[0].get_cmap().name == "gray_r"
    assert plots.sample_grid(rng.random((1, 8, 8))).axes[0].get_images()[0].get_cmap().name == "gray"


def test_labels_stand_under_the_pictures(rng):
    fig = plots.sample_grid(rng.random((3, 4, 4)), [2, 0, 1], class_names=["cat", "dog", "cow"], title="Pets")

    assert captions(fig) == [["cow"], ["cat"], ["dog"]]
    assert fig.get_suptitle() == "Pets"


def test_a_wrong_prediction_stands_above_the_truth(rng):
    fig = plots.sample_grid(rng.random((2, 4, 4)), [1, 2], predicted=[1, 0], probabilities=[0.9, 0.6])

    assert captions(fig) == [["1 · 90%"], ["0 · 60%", "truth 2"]]


def test_probabilities_of_all_classes_give_the_prediction(rng):
    chances = [[0.1, 0.7, 0.2], [0.998, 0.001, 0.001]]

    fig = plots.sample_grid(rng.random((2, 4, 4)), [1, 2], probabilities=chances)

    assert captions(fig) == [["1 · 70%"], ["0 · >99%", "truth 2"]]


def test_only_the_first_hundred_are_drawn_unless_more_are_asked_for():
    images = np.zeros((120, 2, 2))

    assert len(plots.sample_grid(images).axes) == 100
    assert len(plots.sample_grid(images, count=None).axes) == 120
    assert len(plots.sample_grid(images, count=7).axes) == 7


def test_mistakes_come_worst_first():
    images = np.arange(5).reshape(5, 1, 1) / 5 + np.zeros((5, 3, 3))
    labels = [0, 1, 2, 0, 1]
    chances = [[0.9, 0.05, 0.05], [0.5, 0.4, 0.1], [0.3, 0.692, 0.008], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1]]

    fig = plots.mistakes(images, labels, chances)

    # Samples 1, 2 and 3 are wrong; the truth had 40%, 0.8% and 20%.
    assert captions(fig) == [
        ["predicted 1 · 69%", "truth 2 · 0.8%"],
        ["predicted 1 · 50%", "truth 0 · 20%"],
        ["predicted 0 · 50%", "truth 1 · 40%"],
    ]
    assert_allclose([drawn(axes)[0, 0] for axes in fig.axes], [0.4, 0.6, 0.2])
    assert fig.get_suptitle() == "3 mistakes among 5 samples, worst first"


def test_mistakes_says_how_many_it_left_out(rng):
    fig = plots.mistakes(rng.random((6, 3, 3)), np.zeros(6, int), np.tile([0.1, 0.9], (6, 1)), count=4)

    assert len(fig.axes) == 4
    assert fig.get_suptitle() == "4 of 6 mistakes among 6 samples, worst first"


def test_no_mistakes_is_a_picture_that_says_so(rng):
    fig = plots.mistakes(rng.random((2, 3, 3)), [0, 1], np.eye(2))

    assert fig.axes == []
    assert fig.get_suptitle() == "No mistakes among 2 samples"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1e-7, "<0.001%"), (0.0004, "0.04%"), (0.87, "87%"), (0.9999, ">99%"), (1, "100%")],
)
def test_shares_are_short_and_only_certainty_is_called_so(share, text):
    assert percent(share) == text


def test_captions_do_not_overlap(rng):
    names = ["a rather long name of a class", "another one"]
    fig = plots.sample_grid(rng.random((4, 4, 4)), [0, 1, 0, 1], class_names=names)

    fig.draw_without_rendering()
    boxes = [axes.texts[0].get_window_extent() for axes in fig.axes]

    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
    assert boxes[0].x0 > 0
    assert boxes[-1].x1 < fig.bbox.x1


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((0, 28, 28)), DataError, r"images must hold at least one element, got shape \(0, 28, 28\)"),
        (np.zeros((2, 783)), ShapeError, "flat images must be square, such as 784 = 28 x 28 pixels, got 783"),
        (
            np.zeros((2, 3, 8, 8)),
            ShapeError,
            r"got \(2, 3, 8, 8\). The channel axis comes last; try images.transpose",
        ),
        (np.zeros(784), ShapeError, r"A batch axis comes first; for one flat image write images\[None\]"),
        (np.full((1, 4, 4), np.nan), DataError, "images holds 16 NaN or infinite values"),
        (np.array([["a"]]), ArgumentError, "images must hold numbers, got an array of <U1"),
    ],
)
def test_images_that_cannot_be_drawn_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        plots.sample_grid(images)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels": [1, 2]}, LabelError, "3 samples came with 2 labels"),
        ({"labels": [0, -1, 0]}, LabelError, "class labels must be 0 or more, got -1"),
        ({"labels": [0.5, 1, 2]}, LabelError, "class labels must be integers, got float64"),
        ({"predicted": [1]}, LabelError, r"sample_grid \(predicted\): 3 samples came with 1 labels"),
        (
            {"labels": [0, 1, 2], "class_names": ["a", "b"]},
            ArgumentError,
            "class_names must name 3 classes, got 2",
        ),
        ({"labels": [0, 1, 2], "class_names": "abc"}, ArgumentError, "class_names must be a list of names"),
        ({"probabilities": [[1, 0]]}, ShapeError, r"probabilities must have shape \(3, K\) or \(3,\)"),
        ({"probabilities": [[1, 9.5]] * 3}, ArgumentError, "from 1 to 9.5. Are they scores before softmax"),
        ({"probabilities": [[1, np.nan]] * 3}, DataError, "probabilities holds 3 NaN"),
        ({"columns": 0}, ArgumentError, "columns must be a whole number of at least 1, got 0"),
        ({"count": -1}, ArgumentError, "count must be a whole number of at least 1, got -1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        plots.sample_grid(np.zeros((3, 4, 4)), **arguments)


def test_mistakes_needs_the_probabilities_of_all_classes():
    with pytest.raises(ShapeError, match=r"probabilities must be those of all classes, shape \(2, K\), got \(2,\)"):
        plots.mistakes(np.zeros((2, 4, 4)), [0, 1], [0.5, 0.5])


def test_the_images_are_left_as_they_were(rng):
    images = rng.integers(0, 256, (3, 4, 4), dtype=np.uint8)
    before = images.copy()
    plots.sample_grid(images)

    assert_array_equal(images, before)
