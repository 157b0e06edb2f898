"""Picture files of every coding: what is white, how deep, and what is transparent stands in the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from pellucid.data.pictures import read_picture
from pellucid.errors import FileFormatError
from pellucid.typing import Array

Image = pytest.importorskip("PIL.Image")

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


def tiff(path: Path, data: bytes, shape: tuple[int, int], bits: int, photometric: int,
         kind: int = UNSIGNED, order: str = "<", turned: int = 1) -> Path:  # fmt: skip
    """Write a grey TIFF file of one strip."""
    height, width = shape
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 0),
            (274, 3, turned), (277, 3, 1), (278, 4, height), (279, 4, len(data)), (339, 3, kind)]  # fmt: skip
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    for tag, size, value in tags:
        value = 8 + 2 + 12 * len(tags) + 4 if tag == 273 else value
        out += struct.pack(order + "HHI", tag, size, 1) + struct.pack(
            order + ("I" if size == 4 else "HH"), *((value,) if size == 4 else (value, 0))
        )
    path.write_bytes(out + bytes(4) + data)
    return path


def packed(numbers: Array, bits: int) -> bytes:
    """Rows (H, W) of so many bits a number, each row in whole bytes."""
    rows = ["".join(f"{n:0{bits}b}" for n in row) for row in numbers]
    return b"".join(int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8)) for row in rows)


def png(path: Path, numbers: Array, bits: int, clear: tuple[int, ...]) -> Path:
    """Write a PNG file, grey (H, W) or of colours (H, W, 3), one number or colour of which is transparent."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = numbers.shape[:2]
    rows = b"".join(b"\0" + packed(row.reshape(1, -1), bits) for row in numbers)
    head = struct.pack(">IIBBBBB", width, height, bits, 2 if numbers.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"tRNS", struct.pack(f">{len(clear)}H", *clear)), (b"IDAT", zlib.compress(rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in (*chunks, (b"IEND", b""))))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16, 32])
def test_a_tiff_file_has_the_white_and_the_depth_that_it_says(bits, photometric, order, rng, tmp_path) -> None:
    white = 1 if bits == 32 else (1 << bits) - 1
    numbers = rng.random((6, 8)).astype(np.float32) if bits == 32 else rng.integers(0, white + 1, (6, 8))
    data = packed(numbers, bits) if bits < 16 else numbers.astype(f"{order}{'f4' if bits == 32 else 'u2'}").tobytes()
    expected = numbers / np.float32(white) if photometric == BLACK_IS_ZERO else 1 - numbers / np.float32(white)
    for turned in (1, 3):
        path = tmp_path / f"{turned}.tif"
        tiff(path, data, (6, 8), bits, photometric, FLOAT if bits == 32 else UNSIGNED, order, turned)
        try:
            found = read_picture(path, 1).pixels[..., 0]
        except FileFormatError:
            assert bits in (12, 16)  # which Pillow does not read in every order
            assert (order, photometric) != ("<", BLACK_IS_ZERO)
            continue
        np.testing.assert_allclose(found, expected if turned == 1 else expected[::-1, ::-1], atol=1e-6)


def test_a_tiff_file_of_12_bits_is_read(rng, tmp_path) -> None:
    numbers = rng.integers(0, 4096, (6, 8))
    path = tiff(tmp_path / "a.tif", packed(numbers, 12), (6, 8), 12, BLACK_IS_ZERO)
    np.testing.assert_allclose(read_picture(path, 1).pixels[..., 0], numbers / 4095, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_numbers_with_a_sign_have_no_known_white(bits, tmp_path) -> None:
    path = tiff(tmp_path / "a.tif", np.arange(6, dtype=f"<i{bits // 8}").tobytes(), (2, 3), bits, BLACK_IS_ZERO, SIGNED)
    with pytest.raises(FileFormatError, match="nothing says what is white"):
        read_picture(path, 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_file_shows_the_paper(bits, tmp_path) -> None:
    white = (1 << bits) - 1
    numbers = np.array([[0, 1, white // 2, white - 1, white]])
    for clear in {0, 1, white // 2, white}:
        path = png(tmp_path / "a.png", numbers, bits, (clear,))
        for paper, shade in (("white", 1), ("black", 0)):
            expected = np.where(numbers == clear, shade, numbers / white)
            np.testing.assert_allclose(read_picture(path, 1, paper).pixels[..., 0], expected, atol=1e-6)


def test_a_transparent_colour_of_16_bits_is_refused_and_one_of_8_shows_the_paper(tmp_path) -> None:
    numbers = np.array([[[1, 2, 3], [9, 8, 7]]])
    expected = np.array([[[1, 1, 1], [9 / 255, 8 / 255, 7 / 255]]])
    path = png(tmp_path / "a.png", numbers, 8, (1, 2, 3))
    np.testing.assert_allclose(read_picture(path, 3).pixels, expected, atol=1e-6)
    with pytest.raises(FileFormatError, match="one of its colours of 16 bits is transparent"):
        read_picture(png(tmp_path / "a.png", numbers * 257, 16, (257, 514, 771)), 3)
