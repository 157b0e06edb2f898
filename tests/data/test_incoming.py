"""A file of the user's means to a network what its training samples meant, or is refused with the remedy."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import InputSpec, read_inputs, write_idx
from pellucid.data.npy import read_npy
from pellucid.data.pictures import read_picture
from pellucid.errors import ArgumentError, DataError, FileFormatError, PellucidError, ShapeError

Image = pytest.importorskip("PIL.Image")

PICTURES = InputSpec("images", (6, 4, 1), 0.0, 1.0)
COLOUR = InputSpec("images", (6, 4, 3), 0.0, 1.0)
DIGITS = InputSpec("digits", (28, 28, 1), 0.0, 1.0)


@pytest.fixture
def grey(rng) -> np.ndarray:
    return rng.integers(0, 256, (6, 4), np.uint8)


def test_one_image_gives_the_same_bits_as_array_picture_idx_and_table(grey, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", grey)
    np.save("floats.npy", (grey / np.float32(255)).astype(np.float32))
    np.save("swapped.npy", np.asfortranarray(grey.astype(">u2")))
    np.savez("a.npz", x=grey)
    write_idx("a.idx", grey[None])
    Path("a.csv").write_text(",".join(map(str, [7, *grey.ravel()])) + "\n" + ",".join(map(str, [3, *grey.ravel()])))
    Image.fromarray(grey).save("a.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save("deep.png")
    expected = (grey / np.float32(255)).reshape(24)

    for name in ("a.npy", "floats.npy", "swapped.npy", "a.npz", "a.idx", "a.png", "deep.png"):
        np.testing.assert_array_equal(read_inputs(name, (24,), PICTURES).x, expected[None], err_msg=name)
    table = pl.data.CsvOptions(target=0)
    np.testing.assert_array_equal(read_inputs("a.csv", (24,), PICTURES, table=table).x, np.stack([expected] * 2))


@pytest.mark.parametrize("shape", [(28, 28), (784,), (1, 784), (28, 28, 1), (784, 1), (1, 28, 28)])
def test_an_array_of_one_sample_is_read(shape, tmp_path, rng) -> None:
    x = rng.integers(0, 256, 784, np.uint8)
    np.save(tmp_path / "one.npy", x.reshape(shape))
    np.testing.assert_array_equal(read_inputs(tmp_path / "one.npy", (784,)).x, x[None] / np.float32(255))


@pytest.mark.parametrize(
    ("shape", "spec", "remedy"),
    [
        ((5, 3, 6, 4), COLOUR, r"x\.transpose\(0, 2, 3, 1\)"),
        ((3, 6, 4), COLOUR, r"x\.transpose\(1, 2, 0\)"),
        ((5, 4, 6), PICTURES, "a sample in each row"),
        ((24, 5), PICTURES, r"x\.T"),
        ((0, 6, 4), PICTURES, "is empty"),
    ],
)
def test_axes_in_another_order_are_refused_with_the_remedy(shape, spec, remedy, tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    with pytest.raises(PellucidError, match=remedy):
        read_inputs(tmp_path / "a.npy", (spec.size,), spec)


@pytest.mark.parametrize(
    ("values", "spec", "message"),
    [
        (np.full((6, 4), 200.0), PICTURES, r"from 200 to 200, the network learnt from 0 to 1\. Write x / 255"),
        (np.full((6, 4), 70_000, np.int64), PICTURES, "must lie in 0..255, or be uint16"),
        (np.full((6, 4), -1, np.int64), PICTURES, "must lie in 0..255"),
        (np.full((6, 4), 3, np.int64), InputSpec("array", (24,), 0.0, 1.0), "Scale it as the training data were"),
        (np.full((6, 4), 0.5), InputSpec("images", (6, 4, 1), 0.0, 255.0), r"Write x \* 255"),
    ],
)
def test_numbers_of_another_scale_are_refused(values, spec, message, tmp_path) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DataError, match=message):
        read_inputs(tmp_path / "a.npy", (24,), spec)


def test_whole_numbers_that_were_learnt_as_they_stand_stay_so(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1, 200, 30]], np.uint8))
    spec = InputSpec("array", (3,), 0.0, 250.0)
    assert read_inputs(tmp_path / "a.npy", (3,), spec).x.tolist() == [[1, 200, 30]]


def dressed(grey: np.ndarray, mode: str) -> object:
    picture = Image.fromarray(grey)
    return picture.convert("RGB").convert("RGBA") if mode == "RGBA" else picture.convert(mode)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGB", "RGBA"])
def test_a_grey_picture_is_the_same_in_every_dress(mode, grey, tmp_path) -> None:
    dressed(grey, mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", 1).pixels[..., 0], grey / np.float32(255))


def test_a_turned_photograph_is_turned_back_and_transparency_is_paper(grey, tmp_path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(grey)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", 1).pixels[..., 0], grey / np.float32(255))
    Image.new("RGBA", (3, 2), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png", 3).pixels == 1).all()


def test_the_first_of_several_frames_is_read_with_a_word(grey, tmp_path) -> None:
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    frames[0].save(tmp_path / "a.tiff", save_all=True, append_images=frames[1:])
    read = read_picture(tmp_path / "a.tiff", 1)
    np.testing.assert_array_equal(read.pixels[..., 0], grey / np.float32(255))
    assert read.notes == ("the first of its frames",)


def bad_pictures(grey: np.ndarray) -> dict[str, bytes]:
    def saved(picture, form: str) -> bytes:
        file = io.BytesIO()
        picture.save(file, form)
        return file.getvalue()

    png = saved(Image.fromarray(np.kron(grey, np.ones((40, 40), np.uint8))), "PNG")
    return {
        "empty": b"",
        "cut.png": png[: len(png) // 2],
        "text.png": b"hello",
        "deep.tiff": saved(Image.fromarray(grey.astype(np.int32) * 1000), "TIFF"),
        "float.tiff": saved(Image.fromarray(grey.astype(np.float32)), "TIFF"),
        "huge.png": png[:16] + (60_000).to_bytes(4) * 2 + png[24:],
    }


def test_pictures_that_cannot_be_read_take_the_package_s_error(grey, tmp_path) -> None:
    for name, content in bad_pictures(grey).items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=name):
            read_picture(tmp_path / name, 1)


def test_a_picture_needs_to_be_told_what_it_is_where_the_model_file_does_not_say(grey, tmp_path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(grey).save(path)
    with pytest.raises(DataError, match="--pictures digits"):
        read_inputs(path, (24,))
    with pytest.raises(DataError, match="columns of a table"):
        read_inputs(path, (2,), InputSpec("table", (2,), columns=("a", "b")))
    read = read_inputs(path, (3, 2, 1), InputSpec("images", (3, 2, 1), 0.0, 1.0))
    assert read.notes == ("resized from 6 x 4 to 3 x 2",)


def test_only_a_network_of_digits_prepares_digits_and_a_prepared_one_is_taken_as_it_is(tmp_path) -> None:
    seven = pl.mnist()[1].x[0].reshape(28, 28)
    pixels = (seven * 255).round().astype(np.uint8)
    for name, content in (("a", pixels), ("paper", 255 - pixels)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
        read = read_inputs(tmp_path / f"{name}.png", (784,), DIGITS)
        np.testing.assert_allclose(read.x[0], seven.ravel(), atol=1e-6)
        assert "digit" in read.notes[0]
    photo = np.pad(255 - np.kron(pixels, np.ones((5, 5), np.uint8)), 40, constant_values=255)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    prepared = read_inputs(tmp_path / "photo.png", (784,), DIGITS)
    moved = [np.roll(prepared.x.reshape(28, 28), (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert max(np.corrcoef(m.ravel(), seven.ravel())[0, 1] for m in moved) > 0.95
    plain = read_inputs(tmp_path / "photo.png", (784,), InputSpec("images", (28, 28, 1), 0.0, 1.0))
    assert np.median(plain.x) > 0.9  # paper stays light


DAMAGED = {
    "pickled": lambda: np.array([{}, 1], object),
    "text": lambda: np.array(["a"]),
    "fields": lambda: np.zeros(2, [("a", "f4")]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_arrays_of_other_things_than_numbers_are_refused(name, tmp_path) -> None:
    np.save(tmp_path / "a.npy", DAMAGED[name](), allow_pickle=True)
    with pytest.raises(FileFormatError, match="must be an array of numbers"):
        read_npy(tmp_path / "a.npy")


def test_a_damaged_array_takes_no_memory_and_the_package_s_error(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.arange(12, dtype=np.float32).reshape(3, 4))
    sound = (tmp_path / "a.npy").read_bytes()
    damages = [
        sound[:-1],
        sound + b"\0",
        sound[:20],
        sound[:3],
        b"\x93NUMPY",
        sound.replace(b"(3, 4)", b"(3, 4"),
        sound.replace(b"(3, 4), }      ", b"(3, 400000000)}"),
        sound.replace(b"'<f4'", b"'|O'"),
        sound.replace(b"(3, 4), }", b"(" + b"[" * 7 + b","),
    ]
    for content in damages:
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(FileFormatError):
            read_npy(tmp_path / "a.npy")


def test_an_archive_of_several_arrays_asks_which_and_a_pickle_is_not_opened(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3), y=np.zeros(3))
    with pytest.raises(FileFormatError, match="holds 2: x, y"):
        read_inputs(tmp_path / "a.npz", (3,))
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(FileFormatError, match="is a pickle"):
        read_inputs(tmp_path / "a.pkl", (3,))


@pytest.mark.parametrize(
    "config",
    [
        None, [], {"kind": "images"}, {"kind": "other", "shape": [3]}, {"kind": "array", "shape": [0]},
        {"kind": "array", "shape": [3], "more": 1}, {"kind": "array", "shape": [3.0]},
        {"kind": "array", "shape": [3], "low": "0"}, {"kind": "array", "shape": [3], "low": 2, "high": 1},
        {"kind": "table", "shape": [2], "columns": ["a"]}, {"kind": "digits", "shape": [8, 8, 1]},
        {"kind": "table", "shape": [1], "columns": ["a"], "mean": [0], "deviation": [0]},
        {"kind": "array", "shape": [3], "class_names": [1, 2]}, {"kind": ["array"], "shape": [3]},
    ],
)  # fmt: skip
def test_a_description_that_is_not_sound_is_refused(config) -> None:
    with pytest.raises(ArgumentError, match="InputSpec"):
        InputSpec.from_config(config)


def test_a_model_file_keeps_how_its_inputs_were_prepared(tmp_path) -> None:
    network = pl.Sequential([pl.Affine(10)])
    pl.fit(network, pl.mnist()[0][:100], progress=False)
    pl.save(network, tmp_path / "a.safetensors")
    expected = InputSpec("digits", (28, 28, 1), 0.0, 1.0, class_names=tuple("0123456789"))

    assert pl.load(tmp_path / "a.safetensors").inputs == expected
    assert pl.copy_network(network).inputs == expected
    assert InputSpec.from_config(expected.to_config()) == expected


def test_shapes_that_do_not_fit_name_both(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 5)))
    with pytest.raises(ShapeError, match=r"samples of shape \(3,\), 3 numbers each, got an array \(2, 5\)"):
        read_inputs(tmp_path / "a.npy", (3,))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.uint16])
def test_zeros_and_ones_are_black_and_white(tmp_path, dtype):
    x = (np.random.default_rng(0).random((3, 28, 28)) > 0.5).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    spec = pl.data.InputSpec("images", (28, 28, 1), 0.0, 1.0)
    found = pl.data.read_inputs(tmp_path / "x.npy", (28, 28, 1), spec)
    assert np.array_equal(found.x[..., 0], x.astype(np.float32))


@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize("side", [28, 100])
def test_a_blank_picture_is_no_digit(tmp_path, shade, side):
    image = pytest.importorskip("PIL.Image")
    spec = pl.data.InputSpec("digits", (28, 28, 1), 0.0, 1.0)
    image.new("L", (side, side), shade).save(tmp_path / "blank.png")
    image.new("RGBA", (side, side), (shade,) * 3 + (0,)).save(tmp_path / "clear.png")
    for name in ("blank.png", "clear.png"):
        with pytest.raises(DataError, match="holds no digit: it is one shade"):
            pl.data.read_inputs(tmp_path / name, (28, 28, 1), spec)


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_ground_is_seen_whatever_its_shade(tmp_path, ink):
    image = pytest.importorskip("PIL.Image")
    pixels = np.zeros((60, 60, 4), np.uint8)
    pixels[10:50, 25:35] = (ink, ink, ink, 255)
    image.fromarray(pixels).save(tmp_path / "stroke.png")
    spec = pl.data.InputSpec("digits", (28, 28, 1), 0.0, 1.0)
    x = pl.data.read_inputs(tmp_path / "stroke.png", (28, 28, 1), spec).x
    assert x[0, 14, 14, 0] > 0.9
    assert x[0, 0, 0, 0] == 0


# Ranges: whatever was learnt, numbers that lie far from it are refused


def learnt(x: np.ndarray) -> InputSpec:
    """What a network remembers of bare arrays."""
    network = pl.Sequential([pl.Flatten(), pl.Affine(2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pl.data.ScaleWarning)
        pl.fit(network, (x, np.arange(len(x)) % 2), epochs=1, batch_size=10, progress=False)
    return network.inputs


MOVED = {  # how pixels x of 0..255 were brought to a network
    "about 0": lambda x: (x / 255 - 0.5) / 0.25,
    "from -1 to 1": lambda x: x / 127.5 - 1,
    "from -128": lambda x: x - 128.0,
    "in sixteen": lambda x: x // 16,
    "in percent": lambda x: x / 2.55,
    "in thousands": lambda x: x * 40.0,
    "from 0 to a half": lambda x: x / 510,
}


@pytest.mark.parametrize("shape", [(8, 8, 1), (64,), (9, 3)])
@pytest.mark.parametrize("way", MOVED)
def test_pixels_that_were_not_moved_as_those_learnt_are_refused(way, shape, rng, tmp_path) -> None:
    raw = rng.integers(0, 256, (20, *shape), np.uint8)
    raw.flat[:2] = 0, 255
    right = np.asarray(MOVED[way](raw.astype(np.float64)), np.float32)
    spec = learnt(right)
    np.save(tmp_path / "right.npy", right)
    np.testing.assert_array_equal(read_inputs(tmp_path / "right.npy", shape, spec).x, right)
    if way == "in sixteen":
        np.save(tmp_path / "whole.npy", right.astype(np.uint8))
        np.testing.assert_array_equal(read_inputs(tmp_path / "whole.npy", shape, spec).x, right)
    for name, wrong in (("bytes", raw), ("floats", raw.astype(np.float32)), ("large", right * 7)):
        near = way in ("in thousands", "in percent") or (way, name) == ("from -128", "floats")
        if near and name != "large":
            continue  # as those learnt could be
        np.save(tmp_path / "wrong.npy", wrong)
        with pytest.raises(DataError, match="the network learnt from .*Scale it as the training data were"):
            read_inputs(tmp_path / "wrong.npy", shape, spec)


@pytest.mark.parametrize("way", MOVED)
def test_a_picture_is_brought_only_to_a_range_that_is_certain(way, grey, rng, tmp_path) -> None:
    raw = rng.integers(0, 256, (20, 6, 4, 1)).astype(np.float32)
    raw.flat[:2] = 0, 255
    Image.fromarray(grey).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"no pixels of 0 to 1 or 0 to 255\. Give it as \.npy"):
        read_inputs(tmp_path / "a.png", (6, 4, 1), learnt(np.asarray(MOVED[way](raw), np.float32)))
    for white in (1, 255):
        found = read_inputs(tmp_path / "a.png", (6, 4, 1), learnt(raw * np.float32(white / 255))).x
        np.testing.assert_allclose(found[0, ..., 0], grey * np.float32(white / 255), rtol=1e-6)


def test_features_are_refused_only_far_outside_of_those_learnt(rng, tmp_path) -> None:
    spec = learnt(rng.uniform(-2, 2, (20, 3)).astype(np.float32))
    for values, sound in (([3, -9, 0.5], True), ([3, 30, 0.5], True), ([3, 255, 9], False), ([-1e3, 0, 0], False)):
        np.save(tmp_path / "a.npy", np.array([values]))
        if sound:
            assert read_inputs(tmp_path / "a.npy", (3,), spec).x.tolist() == [values]
        else:
            with pytest.raises(DataError, match="the network learnt from -[12]"):
                read_inputs(tmp_path / "a.npy", (3,), spec)


def test_whole_numbers_of_16_bits_are_not_bytes_that_were_learnt(rng, tmp_path) -> None:
    spec = learnt(rng.integers(0, 256, (20, 8, 8, 1)).astype(np.float32))
    np.save(tmp_path / "a.npy", np.full((8, 8, 1), 40_000, np.uint16))
    with pytest.raises(DataError, match="from 40000 to 40000, the network learnt from 0 to 25"):
        read_inputs(tmp_path / "a.npy", (8, 8, 1), spec)
    np.save(tmp_path / "a.npy", np.full((8, 8, 1), 0.75, np.float32))
    with pytest.raises(DataError, match=r"reaches 0\.75, the network learnt from 0 to 25.\. Write x \* 255"):
        read_inputs(tmp_path / "a.npy", (8, 8, 1), spec)
