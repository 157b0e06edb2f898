"""The pictures: one scale in the score's units, a colour bar, the proof under each map, and no blank map unsaid."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid import explain, plots
from pellucid.errors import ArgumentError, UnknownNameError

pytest.importorskip("matplotlib")


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [figure._suptitle.get_text()]


def drawn(figure):
    return [axes.images[-1] for axes in figure.axes if axes.images and axes.get_label() != "colour bar"]


def test_all_maps_share_one_scale_about_zero_with_a_colour_bar(cnn, x):
    x = x[..., :1].repeat(2, 3)
    result = explain.saliency(cnn, x)
    figure = result.plot()

    most = float(np.abs(result.maps()).max())
    assert [(image.norm.vmin, image.norm.vmax) for image in drawn(figure)] == [(-most, most)] * 4
    assert sum(axes.get_label() == "colour bar" for axes in figure.axes) == 1
    for image, expected in zip(drawn(figure), result.maps(), strict=True):
        np.testing.assert_allclose(image.get_array(), expected)


def test_a_scale_for_each_map_is_a_labelled_choice(cnn, x):
    figure = explain.saliency(cnn, x).plot(scale="each")

    assert "each map on a scale of its own" in texts(figure)[-1]
    assert len({image.norm.vmax for image in drawn(figure)}) == 4
    assert not any(axes.get_label() == "colour bar" for axes in figure.axes)


def test_the_number_and_the_proof_stand_under_each_map(cnn, x):
    result = explain.integrated_gradients(cnn, x, 1)
    words = texts(result.plot())

    assert words.count(f"logit of class 1 = {result.scores[0]:.4g}") == 1
    assert any(word.startswith("completeness off by ") and word.endswith("✓") for word in words)
    assert "Σ values = S(x) − S(baseline)" in words[-1]


def test_a_map_without_evidence_says_so(gap, x):
    gap.params["scores.W"][:, 1] = -1.0

    assert texts(explain.grad_cam(gap, x, 1).plot()).count("no positive evidence") == 4


def test_a_map_too_faint_for_the_shared_scale_says_so(linear, x):
    x[1] *= 1e-3
    words = texts(explain.occlusion(linear, x, 0, patch=1, value="black").plot())

    assert words.count("under 2% of the scale") == 1


def test_a_coarse_map_lies_on_its_image_and_inputs_stand_beside(cnn, x):
    figure = explain.grad_cam(cnn, x, layer="pool").plot(inputs=True)

    assert [len(axes.images) for axes in figure.axes if axes.get_label() != "colour bar"] == [1, 2] * 4
    assert drawn(figure)[1].get_array().shape == (10, 8)


def test_other_colours_are_a_choice_and_unknown_ones_are_refused(cnn, x):
    result = explain.saliency(cnn, x)

    assert drawn(result.plot(colours="jet"))[0].get_cmap().name == "jet"
    with pytest.raises(ArgumentError, match="colours must be 'house' or a colour map of Matplotlib, got 'jett'"):
        result.plot(colours="jett")
    with pytest.raises(UnknownNameError, match="unknown scale 'own'"):
        plots.heatmaps(result, scale="own")
