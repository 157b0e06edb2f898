"""Images whose cause is known: a planted mark that leaks the label, and digits beside a block that says nothing.

What a network learns from natural images nobody knows, and so nobody can say whether an explanation is right. Here
the place of the cause is known, and comes with the images as a mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.data.dataset import Dataset
from pellucid.errors import ArgumentError, ShapeError
from pellucid.typing import Array, IntArray

SIDE = 4
"""Pixels along an edge of the mark."""

MOST = 20
"""Classes that the mark can tell apart."""


@checked_late
class Planted(NamedTuple):
    """Images with the place of what was planted.

    Attributes
    ----------
    data : Dataset of images (N, H, W, C)
    masks : (N, H, W) booleans, true where the cause lies

    Examples
    --------
    >>> digits = pl.Dataset(np.zeros((4, 8, 8, 1)), [0, 1, 0, 1])
    >>> planted = pl.data.planted_shortcut(digits)
    >>> planted.data.x.shape, planted.masks.shape
    ((4, 8, 8, 1), (4, 8, 8))
    """

    data: Dataset
    masks: Array


@checked
def planted_shortcut(
    data: Dataset, *, correlation: float = 1.0, only_cause: bool = False, margin: int = 1, seed: int = 0
) -> Planted:
    """Return the images with a mark of 4x4 pixels in the upper left corner whose shape tells the class.

    The mark of a class lights 8 of its 16 pixels, another 8 for every class, so that neither place nor brightness
    tells anything and the shape everything. A network trained on these images *can* read the mark alone, but the digit
    still helps, and most networks use both. With `only_cause` it must: the digit then says nothing.

    Parameters
    ----------
    data : Dataset of images (N, H, W, C) with at most 20 classes; left as it is
    correlation : the share of images whose mark tells their own class, the others carry the mark of a class drawn at
        random. 1: the mark says everything; 0: the same marks, and they say nothing.
    only_cause : draw the labels anew, in the proportions of the data, so that the mark alone tells them
    margin : pixels between the mark and the border
    seed : of the labels and the marks drawn at random. The shapes are always the same.

    Returns
    -------
    Planted
        The masks are the 16 pixels of the mark, lit or not.

    Examples
    --------
    >>> digits = pl.Dataset(np.zeros((4, 8, 8, 1)), [0, 1, 0, 1])
    >>> planted = pl.data.planted_shortcut(digits)
    >>> int(planted.masks[0].sum()), int(planted.data.x[0].sum())  # 16 pixels, of which 8 are lit
    (16, 8)
    """
    x, classes = _images("planted_shortcut", data)
    checks.expect_range("planted_shortcut", "correlation", correlation, 0, 1)
    n, h, w = x.shape[:3]
    if classes > MOST:
        raise ArgumentError(f"planted_shortcut: the mark tells {MOST} classes apart, the data have {classes}.")
    if margin < 0 or min(h, w) < SIDE + margin:
        raise ShapeError(
            f"planted_shortcut: a mark of {SIDE} pixels and a margin of {margin} do not fit into {(h, w)}."
        )
    rng = np.random.default_rng(seed)
    t = rng.permutation(data.t) if only_cause else data.t
    told = np.where(rng.random(n) < correlation, t, rng.integers(0, classes, n))
    x = x.copy()
    place = slice(margin, margin + SIDE)
    x[:, place, place] = marks(classes)[told][..., None]
    masks = np.zeros((n, h, w), bool)
    masks[:, place, place] = True
    return Planted(_dataset(x, t, data), masks)


def marks(classes: int) -> IntArray:
    """Return the mark of each class (K, 4, 4): 8 of 16 pixels lit, any two marks unlike in 8 pixels or more.

    The rows of Hadamard's matrix of order 16, without the first, and their negatives.
    """
    pair = np.array([[1, 1], [1, -1]])
    rows = pair
    for _ in range(3):
        rows = np.kron(rows, pair)
    both = np.stack([rows[1:], -rows[1:]], axis=1).reshape(-1, SIDE, SIDE)
    return (both[:classes] > 0).astype(int)


@checked
def block_mnist(data: Dataset, *, seed: int = 0) -> Planted:
    """Return images of twice the height: the digit above or below, at random, a block that says nothing beside it.

    The null block is a square frame, the same in every image, with strokes like a digit's. Only the digit's block
    tells the class, so that an explanation belongs there.

    Parameters
    ----------
    data : Dataset of images (N, H, W, C); left as it is
    seed : of the places

    Returns
    -------
    Planted
        Images (N, 2H, W, C); the masks are the halves that hold the digit.

    References
    ----------
    Shah, Jain & Netrapalli (2021), "Do input gradients highlight discriminative features?", arXiv:2102.12781.

    Examples
    --------
    >>> digits = pl.Dataset(np.zeros((4, 28, 28, 1)), [0, 1, 0, 1])
    >>> blocks = pl.data.block_mnist(digits)
    >>> blocks.data.x.shape, float(blocks.masks.mean())
    ((4, 56, 28, 1), 0.5)
    """
    x, _ = _images("block_mnist", data)
    n, h, w, c = x.shape
    null = np.zeros((h, w, c), x.dtype)
    edge_h, edge_w = h // 4, w // 4
    null[edge_h : h - edge_h, edge_w : w - edge_w] = 1
    null[edge_h + 2 : h - edge_h - 2, edge_w + 2 : w - edge_w - 2] = 0
    above = np.random.default_rng(seed).integers(0, 2, n).astype(bool)
    chosen = above[:, None, None, None]
    top, bottom = np.where(chosen, x, null), np.where(chosen, null, x)
    masks = np.repeat(np.stack([above, ~above], axis=1), h, axis=1)
    blocks = _dataset(np.concatenate([top, bottom], axis=1), data.t, data)
    return Planted(blocks, np.repeat(masks[:, :, None], w, axis=2))


def _images(who: str, data: Dataset) -> tuple[Array, int]:
    if data.classes is None:
        raise ArgumentError(f"{who}: data must have classes, got a regression.")
    if data.x.ndim != 4:
        raise ShapeError(
            f"{who}: data must hold images (N, H, W, C), got samples of shape {data.sample_shape}. "
            "Write data.as_images((28, 28)), or mnist(flatten=False)."
        )
    return data.x, data.classes


def _dataset(x: Array, t: IntArray, data: Dataset) -> Dataset:
    return Dataset(x, t, classes=data.classes, class_names=data.class_names, dtype=x.dtype)
