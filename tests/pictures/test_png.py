from __future__ import annotations

import io

import numpy as np
import pytest

from pellucid.pictures.palette import DIVERGING
from pellucid.pictures.png import png, small
from pellucid.pictures.scale import Scale


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (7, 3, 3)])
def test_pillow_reads_the_same_bytes(shape, rng):
    image_module = pytest.importorskip("PIL.Image")
    picture = rng.integers(0, 256, shape).astype(np.uint8)

    assert np.array_equal(np.asarray(image_module.open(io.BytesIO(png(picture)))), picture)


def test_zero_is_paper_and_the_ends_are_the_scales():
    drawn = Scale(-2.0, 2.0, True).drawn(np.array([[-2.0, 0.0, 2.0, 9.0, np.nan]]), DIVERGING)[0]

    assert [bytes(colour).hex() for colour in drawn] == [DIVERGING[k][1:].lower() for k in (0, 3, 6, 6, 3)]


def test_large_pictures_become_means_of_blocks():
    picture = np.zeros((224, 224), np.uint8)
    picture[::2] = 100

    assert np.array_equal(small(picture), np.full((112, 112), 50))
