"""The pictures of M4's views that show many maps: every class, occlusion with its legend, and top samples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import pellucid as pl
from pellucid import explain, plots
from pellucid.cli.views import VIEWS
from pellucid.errors import ArgumentError, ShapeError
from pellucid.pictures import palette
from pellucid.pictures.legend import Entry, entries
from pellucid.plots import legend, style

GALLERY = Path(__file__).parents[2] / "docs" / "gallery.md"


@pytest.fixture
def network():
    layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(6), pl.ReLU(), pl.Affine(3)]
    return pl.Sequential(layers, input_shape=(9, 7, 1), seed=1)


@pytest.fixture
def x(rng):
    return rng.random((3, 9, 7, 1)).astype(np.float32)


def maps(fig):
    """The axes of pictures, colour bars left out."""
    return [axes for axes in fig.axes if axes.images and axes.get_label() != "colour bar"]


def bars(fig):
    return sum(axes.get_label() == "colour bar" for axes in fig.axes)


def words(fig):
    return [text.get_text() for axes in fig.axes for text in axes.texts] + [text.get_text() for text in fig.texts]


def test_each_view_of_the_gallerys_table_is_one_call_and_one_command(rng):
    table = re.findall(r"^\| (\S.*?) \| `(pl\..*)` \| `--only (\S+)` \|$", GALLERY.read_text(encoding="utf-8"), re.M)
    layers = [
        pl.Conv2D(4, 3, name="conv2d_1"),
        pl.ReLU(name="conv2d_1_relu"),
        pl.Conv2D(16, 3, name="conv2d_2"),
        pl.ReLU(),
        pl.Flatten(),
        pl.Affine(8),
        pl.ReLU(),
        pl.Affine(10),
    ]
    data = pl.Dataset(rng.random((12, 10, 10, 1)).astype(np.float32), np.arange(12) % 10)
    known = {
        "pl": pl,
        "network": pl.Sequential(layers, input_shape=(10, 10, 1)),
        "train": data,
        "test": data,
        "image": data.x[4],
    }

    assert [view.partition(" ")[0] for view, _, _ in table] == [*"12345", "…", *"678", "top"]
    assert [name for _, _, name in table] == [
        "summary", "diagram", "filters", "feature-maps", "maximize", "maximize-filters", "occlusion", "saliency",
        "grad-cam", "top-samples",
    ]  # fmt: skip
    assert {name for _, _, name in table} == set(VIEWS)
    for _, call, name in table:
        found = eval(call, known)
        assert isinstance(found, pl.Summary if name == "summary" else Figure), call


# Every class


def test_a_map_on_a_scale_of_its_own_says_how_far_that_reaches(network, x):
    found = explain.all_classes(network, x[0], rules=[None])
    fig = found.plot(scale="each")

    largest = np.abs(found["plain"].maps()).reshape(3, -1).max(axis=1)
    for axes, most in zip(maps(fig)[1:], largest, strict=True):
        assert axes.images[-1].norm.vmax == pytest.approx(most)
        assert axes.images[-1].norm.vmin == pytest.approx(-most)
    assert {f"±{most:.2g}" for most in largest} <= set(words(fig))
    assert bars(fig) == 0
    with pytest.raises(ArgumentError, match="scale"):
        found.plot(scale="ech")


def test_each_form_is_a_row_on_one_scale_and_each_class_a_column_with_its_score(network, x):
    found = explain.all_classes(network, x[0])
    fig = found.plot(class_names=["cat", "dog", "owl"])

    image, *shown = maps(fig)
    assert np.array_equal(image.images[0].get_array(), x[0, ..., 0])
    assert len(shown) == 9
    assert bars(fig) == 3
    for row, form in enumerate(found):
        values = found[form].maps()
        most = np.abs(values).max()
        for k, axes in enumerate(shown[3 * row : 3 * row + 3]):
            np.testing.assert_array_equal(axes.images[-1].get_array(), values[k])
            assert axes.images[-1].get_clim() == (pytest.approx(-most), pytest.approx(most))
    assert {"cat", "dog", "owl", "plain", "guided", "rectified"} <= set(words(fig))
    assert all(f"{score:.3g}" in words(fig) for score in found["plain"].scores)
    bold = [text.get_text() for text in shown[int(found["plain"].scores.argmax())].texts if text.get_weight() == "bold"]
    assert ["cat", "dog", "owl"][int(found["plain"].scores.argmax())] in bold


def test_coarse_maps_lie_on_the_image_and_those_without_evidence_say_so(network, x):
    network.params["affine2.W"][:, 1] = -1.0
    network.params["affine1.W"] = np.abs(network.params["affine1.W"])
    fig = explain.all_classes(network, x[0], explain.grad_cam).plot()

    assert [len(axes.images) for axes in maps(fig)] == [1, *[2] * 9]
    assert words(fig).count("no evidence") >= 2
    assert fig.get_suptitle() == "Grad-CAM of every class · at relu1 · scores and scales: logit"


# Occlusion


def test_occlusion_shows_fall_probability_class_and_how_often_each(network, x):
    said = explain.occlusion(network, x, [0, 1, 2], patch=3, stride=2)
    fig = plots.occlusion_maps(said, class_names=["cat", "dog", "owl"])

    rows = np.reshape(maps(fig), (3, 4))
    falls = np.abs(said.maps()).max()
    for i in range(3):
        image, fall, chance, predicted = (axes.images[-1] for axes in rows[i])
        np.testing.assert_array_equal(image.get_array(), x[i, ..., 0])
        np.testing.assert_array_equal(fall.get_array(), said.maps()[i])
        assert fall.get_clim()[1] == pytest.approx(falls)
        np.testing.assert_array_equal(chance.get_array(), said.extras["probability"][i])
        assert chance.get_clim() == (0, 1)
        np.testing.assert_allclose(predicted.get_array(), palette.of_classes(said.extras["predicted"][i]))
        for k in np.flatnonzero(said.extras["counts"][i]):
            assert f"{['cat', 'dog', 'owl'][k]}: {said.extras['counts'][i, k]}" in words(fig)
        assert f"logit of {['cat', 'dog', 'owl'][i]} = {said.scores[i]:.3g}" in words(fig)
    assert bars(fig) == 2
    assert fig.get_suptitle() == "Occlusion by a patch of 3 × 3, filled with grey"


def test_a_legend_names_the_classes_that_occur_the_most_frequent_first_with_their_colour(network, x):
    shown = entries(np.array([0, 7, 0, 12]), ["a", "b", "c", "d"])
    with style.house("test"):
        fig = style.figure(3, 3)
        legend.draw_legend(fig, 0.1, 0.1, shown, 1.5)

    assert shown == (Entry(3, "d", 12), Entry(1, "b", 7))
    assert words(fig) == ["d: 12", "b: 7"]
    squares = [artist for artist in fig.artists if isinstance(artist, Rectangle)]
    assert len(squares) == 2
    table = palette.of_classes(np.array([3, 1])) / 255
    np.testing.assert_allclose([square.get_facecolor()[:3] for square in squares], table)


def test_a_legend_that_is_too_long_sums_up_the_rest():
    shown = entries(np.arange(20, 0, -1), [f"class {k}" for k in range(20)])
    with style.house("test"):
        fig = style.figure(3, 3)
        legend.draw_legend(fig, 0.1, 0.1, shown, 5 * legend.LINE)

    assert words(fig) == ["class 0: 20", "class 1: 19", "class 2: 18", "class 3: 17", "16 more: 136"]


def test_other_explanations_are_refused_by_name(network, x):
    with pytest.raises(ArgumentError, match=r"needs what explain.occlusion found for a class, got .* by saliency"):
        plots.occlusion_maps(explain.saliency(network, x))
    with pytest.raises(ArgumentError, match="got an explanation of mean of channel 1 of layer 'relu1'"):
        plots.occlusion_maps(explain.occlusion(network, x, explain.Filter("relu1", 1)))


# Top samples


def test_top_samples_stand_in_order_each_with_a_frame_around_what_the_unit_saw(network, x):
    top = pl.views.top_samples(network, "conv2d1", 2, x, 2)
    fig = top.plot(labels=[2, 0, 1], class_names=["cat", "dog", "owl"], title="Filter 2")

    for i, axes in enumerate(maps(fig)):
        np.testing.assert_array_equal(axes.images[0].get_array(), top.samples[i][..., 0])
        (frame,) = axes.patches
        box = top.boxes[i]
        assert frame.get_bbox().bounds == (box.left - 0.5, box.top - 0.5, 3, 3)
        name = ["cat", "dog", "owl"][[2, 0, 1][top.indices[i]]]
        assert {name, f"{top.values[i]:.3g}"} <= {text.get_text() for text in axes.texts}
    assert len(maps(fig)) == 2


def test_several_units_are_rows_and_units_that_see_all_have_no_frame(network, x):
    found = [pl.views.top_samples(network, "affine1", k, x, 3) for k in range(4)]
    fig = plots.top_samples(found, [f"unit {k}" for k in range(4)])

    assert len(maps(fig)) == 12
    assert not any(axes.patches for axes in maps(fig))
    assert {f"unit {k}" for k in range(4)} <= set(words(fig))
    with pytest.raises(ShapeError, match="rows must name 4 rows, got 1"):
        plots.top_samples(found, ["unit 0"])


def test_top_samples_of_vectors_are_drawn_as_images(rng):
    model = pl.TwoLayerNet(16, 5, 3)

    fig = pl.views.top_samples(model, "Affine1", 1, rng.random((8, 16)), 3).plot()

    assert [axes.images[0].get_array().shape for axes in maps(fig)] == [(4, 4)] * 3


def test_kernels_of_three_colours_are_pictures_of_colour():
    W = np.zeros((7, 7, 3, 2), np.float32)
    W[..., 0, 0] = 2.0  # all red
    W[0, 0, 2, 1] = -0.5  # and one pixel without blue
    axes = pl.plots.filter_grid(W).axes
    first, second = (one.images[0].get_array() for one in axes)
    np.testing.assert_array_equal(first[3, 3], [1, 0.5, 0.5])
    np.testing.assert_array_equal(second[0, 0], [0.5, 0.5, 0])
    assert len(axes) == 2  # no bar: every filter has a scale of its own
