"""Handwritten digits in the form of MNIST: 28x28, light on dark, in the middle by their centre of mass.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998), section III.A.
"""

from __future__ import annotations

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked
from pellucid.data.pictures import Picture, resized
from pellucid.errors import DataError, ShapeError
from pellucid.typing import Array

SIZE, BOX = 28, 20

_CENTRE = SIZE / 2  # where the centres of mass of MNIST's images lie, pixels counted from 0
_LOOKED_AT = 500
_SHADE = 0.1  # less than this is one shade
_CLEAN = 0.02  # what the edge of a scan without a trace of paper differs from black or white


@checked
def prepare_digit(grey: Array, name: str = "prepare_digit") -> Array:
    """Return a grey picture (H, W) of a digit, 0 black to 1 white, as MNIST has them: (28, 28), light on dark.

    Ink is made light; the digit's box is scaled to 20x20, keeping its proportions; its centre of mass is put in the
    middle of 28x28. A picture of 28x28 pixels with a clean edge has that form already, and only its ink is made light.

    Examples
    --------
    >>> paper = np.ones((50, 40))
    >>> paper[10:40, 18:22] = 0.1  # a stroke of ink
    >>> digit = pl.data.prepare_digit(paper)
    >>> digit.shape, float(digit[14, 14]) > 0.5, float(digit[0, 0])
    ((28, 28), True, 0.0)
    """
    checks.expect_rank(name, numbers(name, "grey", grey), 2, "H, W", "grey")
    checks.expect_finite(name, grey, "grey")
    if grey.size == 0:
        raise ShapeError(f"{name}: grey must have pixels, got shape {grey.shape}.")
    return digit(grey, name).pixels[..., 0]


def digit(grey: Array, name: str) -> Picture:
    """`prepare_digit` with a word on what was done, as pixels (28, 28, 1).

    Raises
    ------
    DataError
        If the picture is of one shade.
    """
    border = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    dark = border >= 0.5
    ink = 1 - grey if dark else grey
    turned = "dark on light turned to light on dark, " if dark else ""
    if one_shade(grey) or ink.max() - min(border, 1 - border) < _SHADE:
        raise DataError(f"{name}: the picture holds no digit: it is one shade. Write darker, or crop it.")
    if grey.shape == (SIZE, SIZE) and min(border, 1 - border) < _CLEAN:
        return Picture(ink[..., None], (f"taken as a digit in MNIST's form: {turned}28 x 28",))
    ink = np.clip(ink - min(border, 1 - border), 0, None)
    ink = ink / ink.max()
    rows, columns = (np.flatnonzero((ink > 0.2).any(axis=axis)) for axis in (1, 0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(n * BOX / max(box.shape))) for n in box.shape)
    height, width = min(height, BOX), min(width, BOX)
    did = f"scaled from {box.shape[0]} x {box.shape[1]} to {height} x {width}, centred in 28 x 28"
    made = _centred(resized(box[..., None], height, width)[..., 0])
    return Picture(made[..., None], (f"prepared as a digit: {turned}{did}",))


def one_shade(grey: Array) -> bool:
    """Whether nothing can be seen in a picture."""
    return float(np.ptp(grey)) < _SHADE


def _centred(small: Array) -> Array:
    """Put an image into the middle of a square, by its centre of mass."""
    square = np.zeros((SIZE, SIZE), np.float32)
    y, x = _centre(small)
    top = int(np.clip(round(_CENTRE - y), 0, SIZE - small.shape[0]))
    left = int(np.clip(round(_CENTRE - x), 0, SIZE - small.shape[1]))
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def _centre(image: Array) -> tuple[float, float]:
    total = image.sum()
    rows, columns = (np.arange(n) for n in image.shape)
    return float(image.sum(axis=1) @ rows / total), float(image.sum(axis=0) @ columns / total)


def are_digits(x: Array, classes: int) -> bool:
    """Whether grey images (N, 28, 28) of ten classes have MNIST's form: in a box of 20x20, centred by mass.

    The form is so particular that clothes, letters of other sets and drawings do not have it by chance.
    """
    if x.shape[1:] != (SIZE, SIZE) or classes != 10:
        return False
    looked = x[:: max(1, len(x) // _LOOKED_AT)][:_LOOKED_AT]
    return bool(np.mean([_has_form(image) for image in looked]) > 0.9)


def _has_form(image: Array) -> bool:
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return False
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    off = [abs(c - _CENTRE) for c in _centre(image.astype(np.float64))]
    return bool(BOX - 1 <= longest <= BOX and max(off) <= 1.0)
