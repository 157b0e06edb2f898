"""PNG from arrays, by its specification (RFC 2083): header, one compressed block of rows, end."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from pellucid.typing import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2
LARGEST = 112  # pixels of the longer side of a picture that is written into a page


def png(pixels: Array) -> bytes:
    """Return bytes (H, W), grey, or (H, W, 3), red, green and blue, as a PNG file."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    unfiltered = np.zeros((height, 1), np.uint8)
    data = zlib.compress(np.hstack([unfiltered, rows]).tobytes(), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR if pixels.ndim == 3 else GREY, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_uri(picture: Array) -> str:
    """Return an address that holds a picture itself, no larger than a page shows it."""
    return "data:image/png;base64," + base64.b64encode(png(small(picture))).decode()


def small(picture: Array) -> Array:
    """Return a picture of at most LARGEST pixels along its longer side: means of square blocks."""
    step = -(-max(picture.shape[:2]) // LARGEST)
    if step == 1:
        return picture
    height, width = (n // step * step for n in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // step, step, width // step, step, -1)
    mean = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return np.asarray(mean if picture.ndim == 3 else mean[..., 0])
