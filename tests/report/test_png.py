from __future__ import annotations

import io

import numpy as np
import pytest

from pellucid.plots.style import DIVERGING
from pellucid.report import colours
from pellucid.report.png import png


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (7, 3, 3)])
def test_pillow_reads_the_same_bytes(shape, rng):
    image_module = pytest.importorskip("PIL.Image")
    pixels = rng.integers(0, 256, shape).astype(np.uint8)

    assert np.array_equal(np.asarray(image_module.open(io.BytesIO(png(pixels)))), pixels)


def test_zero_is_paper_and_the_ends_are_the_scales():
    drawn = colours.heat(np.array([[-2.0, 0.0, 2.0, 9.0]]), 2.0)[0].tolist()

    assert [tuple(c) for c in drawn] == [colours.bytes_of(DIVERGING[k]) for k in (0, 3, 6, 6)]


def test_large_pictures_become_means_of_blocks():
    picture = np.zeros((224, 224), np.uint8)
    picture[::2] = 100

    assert np.array_equal(colours.small(picture), np.full((112, 112), 50))
