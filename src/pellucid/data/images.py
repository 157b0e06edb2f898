"""Images of the user's own, brought to the form that a network was trained on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pellucid import checks
from pellucid.data.idx import read_idx
from pellucid.errors import DataError, FileFormatError
from pellucid.typing import Array, Shape

MAX_PIXELS = 50_000_000
"""A picture that declares more is refused before it is decoded."""


def read_images(path: str | Path, shape: Shape) -> Array:
    """Return the images of a file as float32 (N, *shape) in 0–1.

    A picture file (PNG, JPEG, …) holds one, prepared by `prepare_digit` where the network takes 28x28 grey images.
    A `.npy` array or an IDX file holds one or many: they are only scaled.
    """
    path = Path(path)
    if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"):
        return prepare_digit(_grey(path), str(path)).reshape(1, *_expect_mnist(path, shape))
    pixels = _npy(path) if path.suffix == ".npy" else read_idx(path)
    size = math.prod(shape)
    if pixels.size == size and pixels.ndim < len(shape) + 1:
        pixels = pixels[None]
    if not pixels.size or pixels.ndim < 2 or math.prod(pixels.shape[1:]) != size:
        raise DataError(f"{path}: images must hold {size} numbers each, as {shape}; got an array {pixels.shape}.")
    images = pixels.reshape(len(pixels), *shape).astype(np.float32)
    checks.expect_finite(str(path), images, "images")
    return images / 255 if pixels.dtype.kind in "iu" else images


def prepare_digit(grey: Array, name: str = "predict") -> Array:
    """Return a grey picture (H, W) of a digit, 0 black to 1 white, as MNIST has them: (28, 28), light on dark.

    The steps are those of LeCun et al. (1998), §III.A: ink is made light; the digit's box is scaled to 20x20, keeping
    its proportions; its centre of mass is put in the middle of 28x28.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = grey if np.median(border) < 0.5 else 1 - grey
    ink = ink - min(float(np.median(border)), float(1 - np.median(border)))
    ink = np.clip(ink, 0, None)
    if ink.max() < 0.1:
        raise DataError(f"{name}: the picture holds no digit: it is one shade. Write darker, or crop it.")
    ink = ink / ink.max()
    rows, columns = np.flatnonzero((ink > 0.2).any(axis=1)), np.flatnonzero((ink > 0.2).any(axis=0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    small = _resize(box, 20 / max(box.shape))
    return _centred(small, 28)


def _resize(image: Array, scale: float) -> Array:
    """Scale by averaging: each new pixel is the mean of the area that it covers."""
    rows, columns = (max(1, round(n * scale)) for n in image.shape)
    return _weights(image.shape[0], rows) @ image @ _weights(image.shape[1], columns).T


def _weights(old: int, new: int) -> Array:
    """(new, old): the share of every old cell in every new one."""
    edges = np.arange(new + 1) * (old / new)
    left, right = edges[:-1, None], edges[1:, None]
    cells = np.arange(old)
    overlap = np.clip(np.minimum(right, cells + 1) - np.maximum(left, cells), 0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True))


def _centred(small: Array, size: int) -> Array:
    """Put an image into the middle of a square, by its centre of mass."""
    total = small.sum()
    y = float((small.sum(axis=1) * np.arange(small.shape[0])).sum() / total)
    x = float((small.sum(axis=0) * np.arange(small.shape[1])).sum() / total)
    top = int(np.clip(round((size - 1) / 2 - y), 0, size - small.shape[0]))
    left = int(np.clip(round((size - 1) / 2 - x), 0, size - small.shape[1]))
    square = np.zeros((size, size), np.float32)
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def _expect_mnist(path: Path, shape: Shape) -> Shape:
    if math.prod(shape) != 28 * 28:
        raise DataError(f"{path}: pictures are prepared for networks of 28x28 grey images; this one takes {shape}.")
    return shape


def _grey(path: Path) -> Array:
    image_module = checks.require("PIL.Image", "Reading pictures", "plots")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    try:
        with image_module.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise FileFormatError(f"{path}: {picture.width} x {picture.height} pixels are too many. Scale it down.")
            flat = image_module.new("RGBA", picture.size, "white")  # what is transparent is paper
            flat.alpha_composite(picture.convert("RGBA"))
            return np.asarray(flat.convert("L"), np.float32) / 255
    except (OSError, SyntaxError, ValueError) as error:
        raise FileFormatError(f"{path}: not a picture that can be read ({error}).") from error


def _npy(path: Path) -> Array:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    try:
        # Mapped, so that the header's sizes are held against the file's before anything is allocated.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise FileFormatError(f"{path}: not an array file that can be read ({error}).") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise FileFormatError(f"{path}: must hold one array of numbers.")
    return array
