"""IDX files: hand-worked bytes, round trips, and what is said about a file that is none."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data import read_idx, write_idx
from pellucid.errors import ArgumentError, DataError, FileFormatError, ShapeError

LABELS = bytes.fromhex("00 00 08 01  00 00 00 03  05 00 04")  # magic number 2049
IMAGES = bytes.fromhex("00 00 08 03  00 00 00 01  00 00 00 02  00 00 00 02  00 FF 80 01")  # 2051

BY_HAND = {
    "uint8": ("00 00 08 01  00 00 00 02  00 FF", np.array([0, 255], np.uint8)),
    "int8": ("00 00 09 01  00 00 00 02  FF 7F", np.array([-1, 127], np.int8)),
    "int16": ("00 00 0B 01  00 00 00 02  01 02  FF FE", np.array([258, -2], np.int16)),
    "int32": ("00 00 0C 01  00 00 00 01  00 01 00 00", np.array([65536], np.int32)),
    "float32": ("00 00 0D 01  00 00 00 01  3F C0 00 00", np.array([1.5], np.float32)),
    "float64": ("00 00 0E 01  00 00 00 01  C0 00 00 00 00 00 00 00", np.array([-2.0])),
}


@pytest.fixture
def put(tmp_path: Path):
    """Write bytes to a file and give its path."""

    def write(data: bytes, name: str = "file.idx") -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("text", "array"), BY_HAND.values(), ids=BY_HAND.keys())
def test_each_element_type_is_read_and_written_as_worked_out_by_hand(text: str, array, put, tmp_path) -> None:
    got = read_idx(put(bytes.fromhex(text)))
    write_idx(tmp_path / "written", array)

    assert got.tolist() == array.tolist()
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    assert (tmp_path / "written").read_bytes() == bytes.fromhex(text)


def test_images_have_the_magic_number_2051_and_keep_their_rows(put) -> None:
    assert int.from_bytes(IMAGES[:4], "big") == 2051
    assert read_idx(put(IMAGES)).tolist() == [[[0, 255], [128, 1]]]


def test_gzip_is_recognised_by_content_whatever_the_name(put) -> None:
    assert read_idx(put(gzip.compress(LABELS), "labels.idx")).tolist() == [5, 0, 4]
    assert read_idx(put(LABELS, "labels.gz")).tolist() == [5, 0, 4]


DTYPES = st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64, ">i2", ">f8"])


@given(
    array=DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=1, max_dims=8, min_side=0, max_side=4))),
    gzipped=st.booleans(),
)
def test_a_written_array_reads_back_bit_for_bit(array, gzipped: bool, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("idx") / ("file.gz" if gzipped else "file")
    write_idx(path, array)
    back = read_idx(path)

    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.tobytes() == array.astype(back.dtype).tobytes()
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == gzipped


def test_a_view_that_is_not_contiguous_is_written_in_its_own_order(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.int16).reshape(3, 4).T[::-1]
    write_idx(tmp_path / "view", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "view"), array)


def test_what_is_read_can_be_written_to(put) -> None:
    for data in (LABELS, gzip.compress(LABELS)):
        labels = read_idx(put(data))
        labels[0] = 9
        assert labels.tolist() == [9, 0, 4]


def test_the_same_array_gives_the_same_gzip_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(100, dtype=np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


REFUSED = {
    "empty": (b"", r"magic number of 4 bytes, got 0"),
    "three bytes": (b"\0\0\x08", r"magic number of 4 bytes, got 3"),
    "wrong magic": (b"\1\0\x08\x01" + LABELS[4:], r"not an IDX file: expected .* got 01 00 08 01\."),
    "unknown element type": (b"\0\0\x0a\x01" + LABELS[4:], r"got 00 00 0A 01"),
    "no axes": (b"\0\0\x08\x00\x01", r"1 to 8 axes, got 00 00 08 00"),
    "nine axes": (b"\0\0\x08\x09" + bytes(36), r"1 to 8 axes, got 00 00 08 09"),
    "header cut": (IMAGES[:10], r"header ends after 6 of the 12 bytes of its sizes"),
    "truncated": (
        LABELS[:-1],
        r"truncated: the header declares uint8 \(3,\) = 3 bytes, 2 follow it\. Download",
    ),
    "trailing byte": (LABELS + b"\0", r"too long: the header declares uint8 \(3,\) = 3 bytes, 4 follow it"),
    "web page": (b"<!DOCTYPE html><html>404</html>", r"it is a web page, sent in place of a file"),
    "zip": (b"PK\x03\x04rest", r"it is a ZIP archive; unpack it first"),
    "npy": (b"\x93NUMPY\x01", r"it is a NumPy file; read it with np\.load"),
    "gzip of nothing": (gzip.compress(b""), r"magic number of 4 bytes, got 0"),
    "gzipped web page": (gzip.compress(b"<html>"), r"it is a web page"),
    "gzipped twice": (gzip.compress(gzip.compress(LABELS)), r"gzipped twice; unpack it once"),
    "gzip truncated": (gzip.compress(LABELS)[:-9], r"gzip stream is truncated"),
    "gzip trailer cut": (gzip.compress(LABELS)[:-1], r"gzip stream is truncated"),
    "gzip header only": (gzip.compress(LABELS)[:10], r"gzip stream is truncated"),
    "gzip checksum": (
        gzip.compress(LABELS)[:-8] + b"\0" * 4 + gzip.compress(LABELS)[-4:],
        r"incorrect data check",
    ),
    "gzip length": (
        gzip.compress(LABELS)[:-4] + b"\0" * 4,
        r"gzip stream is damaged .*incorrect length check",
    ),
    "gzip then bytes": (gzip.compress(LABELS) + b"\0", r"bytes follow the end of the gzip member"),
    "gzip then gzip": (gzip.compress(LABELS) * 2, r"bytes follow the end of the gzip member"),
    "gzip holds more": (gzip.compress(LABELS + b"\0"), r"bytes follow the data that its header declares"),
    "gzip holds less": (
        gzip.compress(LABELS[:-1]),
        r"truncated: the header declares uint8 \(3,\) = 3 bytes, 2",
    ),
    "gzip declares much": (
        gzip.compress(b"\0\0\x08\x01\x7f" + bytes(9)),
        r"which 27 gzipped bytes cannot hold",
    ),
    "too large": (
        b"\0\0\x0e\x02" + b"\xff" * 8,
        r"= 147573952520956936200 bytes, more than the 4294967296 allowed",
    ),
    "huge beside empty": (b"\0\0\x08\x03" + bytes(4) + b"\xff" * 8, r"more than the 4294967296 allowed"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_unsound_file_is_refused_with_its_path_and_the_reason(data: bytes, message: str, put) -> None:
    path = put(data, "train-labels.gz")
    with pytest.raises(FileFormatError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"read_idx: {path}: ")


def test_max_bytes_bounds_what_is_read(put) -> None:
    assert read_idx(put(LABELS), max_bytes=3).tolist() == [5, 0, 4]
    for data in (LABELS, gzip.compress(LABELS)):
        with pytest.raises(FileFormatError, match=r"3 bytes, more than the 2 allowed\. .* raise max_bytes"):
            read_idx(put(data), max_bytes=2)
    with pytest.raises(ArgumentError, match="max_bytes must be a whole number of at least 1, got 0"):
        read_idx(put(LABELS), max_bytes=0)


def test_a_missing_file_offers_the_nearest_name(put) -> None:
    path = put(LABELS, "train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match=r"no file .*train-label-idx1\. Did you mean .*train-labels-idx1-ubyte\.gz\?"):
        read_idx(path.with_name("train-label-idx1"))
    with pytest.raises(DataError, match=r"Nor is there a folder .*nowhere"):
        read_idx(path.parent / "nowhere" / "file")


def test_a_folder_a_pipe_and_an_impossible_name_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder; a file is needed"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a pipe or a device"):
        read_idx(tmp_path / "pipe")
    with pytest.raises(DataError, match="read_idx: "):
        read_idx("a\0b")


@pytest.mark.parametrize("dtype", [np.int64, bool, np.float16, np.uint16, complex, object])
def test_a_dtype_that_idx_lacks_is_refused_and_nothing_is_written(dtype, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"array must be uint8, .* or float64, got .*array\.astype\(np\.int32\)"):
        write_idx(tmp_path / "file", np.ones(3, dtype))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(), (1,) * 9])
def test_only_one_to_eight_axes_are_written(shape, tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="1 to 8 axes"):
        write_idx(tmp_path / "file", np.zeros(shape))
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "labels"
    write_idx(path, np.array([1, 2], np.uint8))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"labels cannot be written: No space left on device"):
        write_idx(path, np.array([3], np.uint8))
    assert read_idx(path).tolist() == [1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_writing_into_a_missing_folder_or_over_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "file", tmp_path):
        with pytest.raises(DataError, match=r"(there is no folder|cannot be written).*(Make it first|Choose a)"):
            write_idx(path, np.zeros(1))


def test_threads_that_write_one_path_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    arrays = [np.full(50_000, i, np.uint8) for i in range(6)]
    threads = [threading.Thread(target=write_idx, args=(path, array)) for array in arrays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(read_idx(path).tolist())) == 1
    assert list(tmp_path.iterdir()) == [path]
