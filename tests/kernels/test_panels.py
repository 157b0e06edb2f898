"""What plans and loops agree on: panels of weights, whole vectors, blocks of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.kernels.panels import bias_vector, fours, panels, sum_blocks, whole, widened, work_blocks


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 32, 33, 48, 49, 80])
def test_a_panel_is_read_straight_on(columns: int) -> None:
    w = np.random.default_rng(0).random((2, 5, columns), np.float32)
    packed = panels(w)
    assert packed.shape == (2, 5 * whole(columns))
    for first in range(0, columns, 32):
        wide = 32 if columns - first > 16 else 16
        panel = packed[:, 5 * first : 5 * first + 5 * wide].reshape(2, 5, wide)
        here = w[:, :, first : first + wide]
        np.testing.assert_array_equal(panel[:, :, : here.shape[2]], here)
        assert not panel[:, :, here.shape[2] :].any()


@pytest.mark.parametrize(("channels", "vectors", "tile"), [(1, 16, 4), (4, 16, 4), (16, 16, 16), (17, 32, 20)])
def test_channels_are_rounded_up_to_vectors_and_to_fours(channels: int, vectors: int, tile: int) -> None:
    assert (whole(channels), fours(channels)) == (vectors, tile)


def test_a_bias_that_is_not_there_is_zeros_and_the_lanes_behind_one_are() -> None:
    assert bias_vector(None, 5).tolist() == [0] * 16
    assert bias_vector(np.arange(1, 4, dtype=np.float32), 3).tolist() == [1, 2, 3, *[0] * 13]
    assert widened(np.ones((2, 16), np.float32)).shape == (2, 16)


@given(st.integers(1, 3000), st.integers(0, 10**11), st.integers(0, 10**10), st.integers(1, 10**8))
def test_blocks_cover_the_batch_once_and_are_few(images: int, flops: int, moved: int, sums: int) -> None:
    for blocks in (work_blocks(images, flops, moved), sum_blocks(images, sums, flops, moved)):
        assert [i for block in blocks for i in range(images)[block]] == list(range(images))
        assert len({block.stop - block.start for block in blocks[:-1]}) <= 1
        assert len(blocks) <= 16
