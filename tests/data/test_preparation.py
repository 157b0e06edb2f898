"""How a network wants its pictures is written down once, done to every file, undone for every plot, and kept."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import InputSpec, read_inputs
from pellucid.errors import ArgumentError, DataError, ShapeError

Image = pytest.importorskip("PIL.Image")

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = InputSpec("images", (3, 4, 6), layout="channels-first", scale=1.0, mean=MEAN, deviation=DEVIATION)
CAFFE = InputSpec("images", (4, 6, 3), scale=255.0, mean=(104.0, 117.0, 124.0), deviation=(1.0,) * 3, channels="bgr")
CENTRED = InputSpec("images", (4, 6, 3), scale=2.0, mean=(1.0,), deviation=(1.0,))


@pytest.fixture
def colours(rng) -> np.ndarray:
    return rng.integers(0, 256, (4, 6, 3), np.uint8)


def test_a_picture_is_prepared_as_the_equation_says(colours, tmp_path) -> None:
    Image.fromarray(colours).save(tmp_path / "a.png")
    pixels = colours / np.float32(255)
    by_hand = {
        IMAGENET: ((pixels - np.float32(MEAN)) / np.float32(DEVIATION)).transpose(2, 0, 1),
        CAFFE: colours[..., ::-1].astype(np.float32) - np.float32([104, 117, 124]),
        CENTRED: pixels * 2 - 1,
    }
    for spec, expected in by_hand.items():
        x = read_inputs(tmp_path / "a.png", spec.shape, spec).x
        np.testing.assert_allclose(x[0], expected, atol=2e-5)
        np.testing.assert_allclose(spec.pictures(x)[0], pixels, atol=1e-6)


@pytest.mark.parametrize("spec", [IMAGENET, CAFFE, CENTRED])
def test_whole_numbers_in_arrays_are_pixels_and_floats_are_prepared_already(spec, colours, tmp_path) -> None:
    Image.fromarray(colours).save(tmp_path / "a.png")
    np.save(tmp_path / "last.npy", colours)
    np.save(tmp_path / "own.npy", colours if spec.layout == "channels-last" else colours.transpose(2, 0, 1))
    expected = read_inputs(tmp_path / "a.png", spec.shape, spec).x
    np.save(tmp_path / "floats.npy", expected)
    for name in ("last.npy", "own.npy", "floats.npy"):
        np.testing.assert_allclose(read_inputs(tmp_path / name, spec.shape, spec).x, expected, atol=2e-5, err_msg=name)


def test_floats_with_their_channels_elsewhere_are_refused_with_the_remedy(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 6, 3), np.float32))
    with pytest.raises(ShapeError, match=r"The channel axis comes first in this network: x\.transpose\(2, 0, 1\)"):
        read_inputs(tmp_path / "a.npy", (3, 4, 6), IMAGENET)


def test_grey_alpha_and_palettes_become_colours(tmp_path) -> None:
    white = InputSpec("images", (3, 2, 2), layout="channels-first", scale=1.0)
    for mode, fill in (("L", 255), ("LA", (255, 255)), ("RGBA", (0, 0, 0, 0)), ("P", 255), ("1", 1)):
        Image.new(mode, (5, 3), fill).convert(mode).save(tmp_path / "a.png")
        x = read_inputs(tmp_path / "a.png", (3, 2, 2), white).x
        assert x.shape == (1, 3, 2, 2)
        assert mode == "P" or (x == 1).all(), mode


def test_a_picture_of_other_proportions_is_stretched_or_cut_to_its_middle(tmp_path) -> None:
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 3:9] = 255  # the middle is white, its sides are black
    Image.fromarray(wide).save(tmp_path / "wide.png")
    spec = InputSpec("images", (3, 4, 6), layout="channels-first", scale=1.0)
    stretched, cut = (read_inputs(tmp_path / "wide.png", spec.shape, s) for s in (spec, spec.replace(sizing="crop")))
    assert stretched.notes == ("resized from 4 x 12 to 4 x 6, which changes its proportions",)
    assert stretched.x[0, 0, 0, 0] < 0.1
    assert cut.notes == ("cut to its middle 4 x 6, resized from 4 x 12 to 4 x 6",)
    np.testing.assert_array_equal(cut.x, 1)


def test_a_network_that_says_nothing_takes_pictures_from_0_to_1_on_its_own_axes(colours, tmp_path) -> None:
    Image.fromarray(colours).save(tmp_path / "a.png")
    first, last = (read_inputs(tmp_path / "a.png", s, None, pictures="images").x for s in ((3, 4, 6), (4, 6, 3)))
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(last[0], colours / 255, atol=1e-7)
    with pytest.raises(DataError, match="--pictures images"):
        read_inputs(tmp_path / "a.png", (3, 4, 6))


def test_digits_may_be_centred_and_come_channels_first(tmp_path) -> None:
    ink = np.full((40, 40), 255, np.uint8)
    ink[8:32, 18:22] = 0
    Image.fromarray(ink).save(tmp_path / "one.png")
    usual = InputSpec("digits", (28, 28, 1), 0.0, 1.0)
    torch = InputSpec("digits", (1, 28, 28), layout="channels-first", scale=1.0, mean=(0.1307,), deviation=(0.3081,))
    plain, centred = (read_inputs(tmp_path / "one.png", spec.shape, spec).x for spec in (usual, torch))
    np.testing.assert_allclose(centred[0, 0], (plain[0, ..., 0] - 0.1307) / 0.3081, atol=1e-5)


@pytest.mark.parametrize("spec", [IMAGENET, CAFFE, CENTRED, IMAGENET.replace(sizing="crop", class_names=("a", "b"))])
def test_a_model_file_keeps_it(spec, tmp_path) -> None:
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=spec.shape)
    network.inputs = spec
    pl.save(network, tmp_path / "m.safetensors")
    assert pl.load(tmp_path / "m.safetensors").inputs == spec


def test_what_is_usual_is_not_written_so_that_older_files_stay_the_same() -> None:
    assert InputSpec("images", (4, 6, 3), 0.0, 1.0).to_config() == {
        "kind": "images",
        "shape": (4, 6, 3),
        "low": 0.0,
        "high": 1.0,
    }


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("layout", {"layout": "NCHW"}),
        ("scale", {"scale": 0.0}),
        ("scale", {"scale": float("nan")}),
        ("mean", {"mean": (1.0, 2.0), "deviation": (1.0, 1.0)}),
        ("deviation", {"mean": (1.0,), "deviation": (0.0,)}),
        ("channels", {"channels": "rbg"}),
        ("channels", {"channels": "bgr", "shape": (4, 6, 1)}),
        ("sizing", {"sizing": "pad"}),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(name, options) -> None:
    with pytest.raises(ArgumentError, match=f"InputSpec: {name} cannot be"):
        InputSpec(**{"kind": "images", "shape": (4, 6, 3), **options})
