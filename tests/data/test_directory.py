"""Folders of the user's own IDX files, by the names that their data sets use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import ScaleWarning, load_directory, write_idx
from pellucid.errors import ArgumentError, DataError, LabelError

NAMES = {
    "mnist": ("train-{}-{}.gz", "t10k-{}-{}.gz"),
    "dots": ("train-{}.{}", "t10k-{}.{}"),
    "test": ("train-{}-{}", "test-{}-{}.gz"),
    "emnist": ("emnist-letters-train-{}-{}.gz", "emnist-letters-test-{}-{}.gz"),
    "qmnist": ("qmnist-train-{}-{}.gz", "qmnist-test-{}-{}.gz"),
    "bare": ("train-{}", "t10k-{}"),
}


def fill(folder: Path, names: tuple[str, str], labels=(0, 1, 2, 1), dtype=np.uint8) -> np.ndarray:
    """Write four images of 2x3 pixels as both parts; give the images."""
    images = (np.arange(24) * 10).reshape(4, 2, 3).astype(dtype)
    for name in names:
        write_idx(folder / name.format("images", "idx3-ubyte"), images)
        write_idx(folder / name.format("labels", "idx1-ubyte"), np.array(labels, np.uint8))
    return images


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_the_usual_names_are_found(names: tuple[str, str], tmp_path: Path) -> None:
    images = fill(tmp_path, names)
    (tmp_path / "notes.txt").write_text("not data")
    train, test = load_directory(tmp_path, transpose=False)

    assert (len(train), train.sample_shape, train.classes) == (4, (6,), 3)
    assert test.t.tolist() == [0, 1, 2, 1]
    np.testing.assert_array_equal(test.x, images.reshape(4, 6) / np.float32(255))


def test_images_are_given_with_their_channel_on_request(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    assert load_directory(tmp_path, flatten=False)[0].sample_shape == (2, 3, 1)


def test_emnist_is_turned_upright_unless_told_otherwise(tmp_path: Path) -> None:
    images = fill(tmp_path, NAMES["emnist"]) / np.float32(255)

    np.testing.assert_array_equal(load_directory(tmp_path)[0].x, images.swapaxes(1, 2).reshape(4, 6))
    np.testing.assert_array_equal(load_directory(tmp_path, transpose=False)[0].x, images.reshape(4, 6))


def test_the_first_of_qmnist_s_eight_columns_is_the_class(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["qmnist"])
    (tmp_path / "qmnist-train-labels-idx1-ubyte.gz").unlink()
    columns = np.arange(32, dtype=np.int32).reshape(4, 8)
    write_idx(tmp_path / "qmnist-train-labels-idx2-int.gz", columns)

    assert load_directory(tmp_path)[0].t.tolist() == [0, 8, 16, 24]


def test_both_parts_have_the_classes_of_either(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([0, 6, 1, 1], np.uint8))
    assert [part.classes for part in load_directory(tmp_path)] == [7, 7]


def test_the_raw_file_is_taken_where_it_lies_beside_its_gzip(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([3, 3, 3, 3], np.uint8))
    assert load_directory(tmp_path)[0].t.tolist() == [3, 3, 3, 3]


def test_pixels_left_unscaled_come_with_a_warning(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    with pytest.warns(ScaleWarning, match="x reaches 230"):
        train, _ = load_directory(tmp_path, normalize=False)
    assert train.x.max() == 230


def test_floats_are_not_scaled(tmp_path: Path) -> None:
    images = fill(tmp_path, NAMES["mnist"])
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images.astype(np.float64) / 1000)
    assert load_directory(tmp_path)[0].x.max() == np.float32(0.23)


def test_a_missing_part_is_named_with_what_was_found(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        DataError,
        match=r"no test labels, such as t10k-labels-idx1-ubyte\.gz\. Found: t10k-images\S+, train",
    ):
        load_directory(tmp_path)


def test_an_empty_or_crowded_folder_is_described(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no train images, such as train-images-idx3-ubyte\.gz\. Found: no files"):
        load_directory(tmp_path)
    for i in range(20):
        (tmp_path / f"{i:02}.png").touch()
    with pytest.raises(DataError, match=r"11\.png and 8 more\."):
        load_directory(tmp_path)


def test_two_data_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    fill(tmp_path, NAMES["emnist"])
    with pytest.raises(DataError, match=r"several train images: emnist-letters-train\S+, train\S+\. Keep one"):
        load_directory(tmp_path)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
        load_directory(tmp_path / "nowhere")


def test_parts_of_different_image_sizes_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((4, 5, 5), np.uint8))
    with pytest.raises(DataError, match=r"training samples have shape \(6,\), test samples \(25,\)"):
        load_directory(tmp_path)


def test_empty_files_and_negative_labels_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([0, -1, 2, 1], np.int8))
    with pytest.raises(LabelError, match="class labels start at 0, got -1"):
        load_directory(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((0, 28, 28), np.uint8))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(0, np.uint8))
    with pytest.raises(DataError, match=r"train-images\S+ is empty, its shape is \(0, 28, 28\)"):
        load_directory(tmp_path)


def test_an_unusable_dtype_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="load_directory: dtype must be float32 or float64"):
        load_directory(tmp_path, dtype=np.uint8)


def test_pixels_are_brought_to_the_form_of_others_whatever_their_type(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    x = np.random.default_rng(0).integers(0, 256, (4, 6, 6)).astype(np.uint8)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", x)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", x)
    train, _ = load_directory(tmp_path)
    for kind in (np.int16, np.int32):
        write_idx(tmp_path / "train-images-idx3-ubyte.gz", x.astype(kind))
        again, _ = load_directory(tmp_path, like=train)
        np.testing.assert_array_equal(again.x, train.x)
        with pytest.raises(DataError, match="of which only uint8 is divided by 255"):
            load_directory(tmp_path)


def test_bytes_of_0_and_1_are_black_and_white_as_they_are_to_a_network(tmp_path: Path) -> None:
    fill(tmp_path, NAMES["mnist"])
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.random.default_rng(0).integers(0, 2, (4, 6, 6), np.uint8))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((4, 6, 6), np.uint8))
    train, _ = load_directory(tmp_path, flatten=False)
    read = pl.data.read_inputs(tmp_path / "train-images-idx3-ubyte.gz", (6, 6, 1), train.inputs)

    assert train.x.max() == 1
    np.testing.assert_array_equal(read.x, train.x)
