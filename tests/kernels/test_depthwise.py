"""Depthwise kernels equal the reference in float64 on windows, sizes and channel counts of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.processes import python
from kernels.shapes import Conv, pairs
from kernels.test_conv import check_against_reference
from pellucid import kernels
from pellucid.kernels import set_num_threads

pytestmark = pytest.mark.usefixtures("needs_numba", "threads")

NONE = ((0, 0), (0, 0))


def depthwise(
    x_shape: tuple[int, int, int, int],
    size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[tuple[int, int], tuple[int, int]] = NONE,
    dilation: tuple[int, int] = (1, 1),
) -> Conv:
    return Conv(x_shape, (*size, 1, x_shape[3]), stride, padding, dilation, x_shape[3])


@st.composite
def depthwise_convolutions(draw: st.DrawFn) -> Conv:
    size = draw(st.sampled_from([(3, 3), (3, 3), (5, 5)]) | pairs(1, 8))
    dilation = draw(st.just((1, 1)) | pairs(1, 3))
    padding = draw(st.tuples(pairs(0, 4), pairs(0, 4)))
    extents = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    pixels = [max(1, e - sum(p)) + draw(st.integers(0, 14)) for e, p in zip(extents, padding, strict=True)]
    stride = draw(st.sampled_from([(1, 1), (2, 2)]) | pairs(1, 3))
    return depthwise((draw(st.integers(1, 3)), *pixels, draw(st.integers(2, 37))), size, stride, padding, dilation)


@settings(max_examples=100, deadline=None)
@given(depthwise_convolutions())
@example(depthwise((2, 1, 1, 17), (3, 3), (1, 1), ((1, 1), (1, 1))))
@example(depthwise((2, 1, 1, 17), (3, 3), (2, 2), ((1, 1), (1, 1))))
@example(depthwise((1, 1, 1, 5), (1, 1), (3, 3)))
@example(depthwise((2, 14, 14, 32), (3, 3), (2, 2), ((1, 1), (1, 1))))
@example(depthwise((2, 28, 28, 16), (5, 5), (1, 1), ((2, 2), (2, 2))))
@example(depthwise((2, 28, 27, 16), (5, 5), (2, 2), ((2, 2), (1, 2))))
@example(depthwise((1, 9, 30, 16), (7, 7), (1, 1), ((3, 3), (3, 3))))
@example(depthwise((1, 7, 7, 20), (3, 3), (1, 1), ((4, 4), (3, 0))))  # windows that see padding only
@example(depthwise((1, 8, 8, 20), (2, 2), (3, 3)))  # pixels that no window sees
def test_depthwise_convolutions_equal_the_reference(case: Conv) -> None:
    check_against_reference(case, np.float32, 2e-5)


def test_a_strip_of_rows_at_a_time_gives_the_sums_of_the_whole_image() -> None:
    for stride in (1, 2):
        check_against_reference(depthwise((2, 40, 40, 40), (3, 3), (stride,) * 2, ((1, 1), (1, 1))), np.float32, 2e-5)


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_bits_do_not_depend_on_the_number_of_threads(size: int, stride: int) -> None:
    p = size // 2
    case = depthwise((7, 30, 30, 130), (size, size), (stride, stride), ((p, p), (p, p)))
    x, w, b, dy = case.arrays(np.float32)
    found = set()
    for threads in (1, 2, 3):
        set_num_threads(threads)
        results = kernels.conv2d(x, w, b, **case.how), *kernels.conv2d_backward(x, dy, w, **case.how)
        found.add(b"".join(a.tobytes() for a in results))

    assert len(found) == 1


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [3, 5])
def test_only_the_windows_that_see_a_pixel_see_its_nan(size: int, stride: int) -> None:
    case = depthwise((2, 11, 13, 20), (size, size), (stride, stride))
    x, w, b, _ = case.arrays(np.float32)
    clean = kernels.conv2d(x, w, b, **case.how)
    x[0, 4, 5, 7] = np.nan
    y = kernels.conv2d(x, w, b, **case.how)
    rows, columns = (
        (np.arange(n) * stride <= at) & (at < np.arange(n) * stride + size)
        for n, at in zip(y.shape[1:3], (4, 5), strict=True)
    )
    sees = np.zeros(y.shape, bool)
    sees[0, :, :, 7] = rows[:, None] & columns

    assert np.array_equal(np.isnan(y), sees)
    assert np.array_equal(y[~sees], clean[~sees])


GRADIENTS = """
import numpy as np
from pellucid import kernels
x, w = (np.random.default_rng(0).standard_normal(shape, np.float32) for shape in ((2, 9, 9, 20), (3, 3, 1, 20)))
for stride in {strides}:
    how = {{"stride": (stride, stride), "groups": 20}}
    y = kernels.conv2d(x, w, **how)
    print(*(float(np.abs(a).sum()) for a in (y, *kernels.conv2d_backward(x, y, w, **how))))
"""


def test_kernels_that_two_processes_compiled_serve_a_third(tmp_path: Path) -> None:
    """Names in compiled code end in numbers that each process counts from 1: alone they tell nothing apart."""
    one, two, both = (
        python(GRADIENTS.format(strides=strides), NUMBA_CACHE_DIR=str(tmp_path)) for strides in ((1,), (2,), (1, 2))
    )

    assert both == one + two
