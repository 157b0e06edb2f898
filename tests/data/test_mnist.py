"""The bundled MNIST: the canonical bytes, in the forms that the book asks for."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

import pellucid.data
from pellucid.data import load_mnist, mnist, read_idx, write_idx
from pellucid.errors import ArgumentError, DataError, FileFormatError

FOLDER = Path(pellucid.data.__file__).with_name("mnist_files")
FILES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]


@pytest.fixture(scope="module")
def pixels():
    return load_mnist(normalize=False)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with six training and four test images of 2x3 pixels."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("t10k", 4)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (count, 2, 3), np.uint8))
        write_idx(tmp_path / f"{part}-labels.idx1-ubyte", np.arange(count, dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_the_bundled_files_are_the_canonical_release(name: str) -> None:
    published = dict(re.findall(r"\| (\S+) \| ([0-9a-f]{64}) \|", (FOLDER / "README.md").read_text()))
    content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
    assert hashlib.sha256(content).hexdigest() == published[name]


def test_the_licence_lies_beside_the_files() -> None:
    assert "Creative Commons Attribution-Share Alike 3.0" in (FOLDER / "README.md").read_text()


def test_pixels_and_labels_are_those_of_mnist(pixels) -> None:
    (x_train, t_train), (x_test, t_test) = pixels

    assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    assert x_train.dtype == x_test.dtype == t_train.dtype == np.uint8
    assert t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert t_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(t_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(t_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(float(x_train.mean()), 4) == 33.3184
    assert x_train.max() == 255


def test_normalized_pixels_are_the_bytes_divided_by_255(pixels) -> None:
    (x_train, _), (x_test, _) = load_mnist()
    assert x_train.dtype == x_test.dtype == np.float32
    np.testing.assert_array_equal(x_train[::97], pixels[0][0][::97] / np.float32(255))
    np.testing.assert_array_equal(x_train[-3:], pixels[0][0][-3:] / np.float32(255))
    np.testing.assert_array_equal(x_test, pixels[1][0] / np.float32(255))


def test_images_have_their_channel_last(pixels) -> None:
    (x_train, _), (x_test, _) = load_mnist(normalize=False, flatten=False)
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    np.testing.assert_array_equal(x_test.reshape(-1, 784), pixels[1][0])


def test_one_hot_labels_hold_a_single_one_at_the_class(pixels) -> None:
    (_, t_train), (_, t_test) = load_mnist(normalize=False, one_hot_label=True)
    assert (t_train.shape, t_test.shape) == ((60_000, 10), (10_000, 10))
    np.testing.assert_array_equal(t_train.argmax(axis=1), pixels[0][1])
    np.testing.assert_array_equal(t_test.sum(axis=1), 1)


def test_float64_is_given_on_request(own: Path) -> None:
    (x, t), _ = load_mnist(one_hot_label=True, path=own, dtype=np.float64)
    raw = read_idx(own / "train-images-idx3-ubyte.gz")
    assert x.dtype == t.dtype == np.float64
    np.testing.assert_array_equal(x, raw.reshape(6, 6) / 255)
    for dtype in (np.int32, np.float16, None, "nonsense"):
        with pytest.raises(ArgumentError, match="dtype must be float32 or float64"):
            load_mnist(dtype=dtype)


def test_a_folder_of_ones_own_files_is_read_instead(own: Path) -> None:
    (x_train, t_train), (x_test, t_test) = load_mnist(path=own, flatten=False)
    assert (x_train.shape, x_test.shape) == ((6, 2, 3, 1), (4, 2, 3, 1))
    assert (t_train.tolist(), t_test.tolist()) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3])


def test_counts_of_images_and_labels_that_differ_are_refused(own: Path) -> None:
    write_idx(own / "t10k-labels.idx1-ubyte", np.zeros(5, np.uint8))
    with pytest.raises(DataError, match=r"t10k-images\S+ holds 4 images, \S+t10k-labels\S+ holds 5 labels"):
        load_mnist(path=own)


def test_labels_where_images_should_be_are_refused(own: Path) -> None:
    write_idx(own / "train-images-idx3-ubyte.gz", np.zeros(6, np.uint8))
    with pytest.raises(DataError, match=r"must hold images \(N, H, W\), magic number 2051, got uint8 \(6,\)"):
        load_mnist(path=own)


def test_images_where_labels_should_be_are_refused(own: Path) -> None:
    write_idx(own / "train-labels.idx1-ubyte", np.zeros((6, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"must hold labels \(N,\), magic number 2049, got uint8 \(6, 2, 3\)"):
        load_mnist(path=own)


def test_a_label_above_nine_is_refused(own: Path) -> None:
    write_idx(own / "train-labels.idx1-ubyte", np.full(6, 10, np.uint8))
    with pytest.raises(DataError, match=r"holds the label 10, digits are 0\.\.9\. Use load_directory"):
        load_mnist(path=own)


def test_a_damaged_test_file_is_reported_from_its_thread(own: Path) -> None:
    (own / "t10k-images-idx3-ubyte.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(FileFormatError, match=r"t10k-images\S+: not an IDX file: .* it is a web page"):
        load_mnist(path=own)


def test_mnist_gives_two_data_sets_of_ten_named_classes(pixels) -> None:
    train, test = mnist()

    assert repr(train) == "<Dataset: 60000 samples of shape (784,), 10 classes, float32>"
    assert (len(test), test.classes, test.class_names) == (10_000, 10, tuple("0123456789"))
    np.testing.assert_array_equal(train.t, pixels[0][1])
    assert train.t.dtype == np.intp


def test_mnist_gives_images_if_it_should_not_flatten() -> None:
    assert mnist(flatten=False)[1].sample_shape == (28, 28, 1)
