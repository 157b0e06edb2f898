"""Random convolutions and poolings for Hypothesis: small, but with every option that the kernels know."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from pellucid.kernels import Padding, Pair, Window


class Conv(NamedTuple):
    """The arguments of one convolution."""

    x_shape: tuple[int, int, int, int]
    w_shape: tuple[int, int, int, int]
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int

    @property
    def how(self) -> dict[str, object]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    def arrays(self, dtype: type = np.float64, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, w, b and dy."""
        rng = np.random.default_rng(seed)
        window = Window(self.w_shape[:2], self.stride, self.padding, self.dilation)
        y_shape = (self.x_shape[0], *window.output(*self.x_shape[1:3]), self.w_shape[3])
        shapes = self.x_shape, self.w_shape, self.w_shape[3:], y_shape
        return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


# One of each kind that the chooser tells apart, large enough for whole tiles and for the edges.
SHAPES = [
    Conv((2, 14, 14, 1), (3, 3, 1, 32), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    Conv((2, 14, 14, 3), (5, 5, 3, 50), (2, 2), ((2, 2), (2, 2)), (1, 1), 1),
    Conv((3, 12, 12, 32), (3, 3, 32, 48), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    Conv((2, 9, 9, 40), (1, 1, 40, 24), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    Conv((2, 9, 9, 40), (1, 1, 40, 24), (2, 2), ((0, 0), (0, 0)), (1, 1), 1),
    Conv((2, 11, 11, 24), (3, 3, 1, 24), (2, 2), ((1, 1), (1, 1)), (1, 1), 24),
    Conv((2, 11, 11, 24), (3, 3, 1, 24), (1, 1), ((1, 1), (1, 1)), (1, 1), 24),
    Conv((2, 11, 11, 24), (3, 3, 12, 32), (1, 1), ((2, 2), (2, 2)), (2, 2), 2),
]

# One for each kernel that adds up the sums of several pieces of a batch.
LARGE = [
    Conv((24, 28, 28, 16), (3, 3, 16, 24), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    Conv((40, 20, 20, 16), (5, 5, 16, 24), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    Conv((24, 28, 28, 12), (3, 3, 12, 40), (2, 2), ((1, 1), (1, 1)), (1, 1), 1),
    Conv((24, 28, 28, 3), (3, 3, 3, 40), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    Conv((24, 28, 28, 24), (1, 1, 24, 40), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    Conv((24, 28, 28, 24), (3, 3, 1, 24), (1, 1), ((1, 1), (1, 1)), (1, 1), 24),
    Conv((24, 28, 28, 24), (5, 5, 1, 24), (1, 1), ((2, 2), (2, 2)), (1, 1), 24),
]


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw: st.DrawFn) -> Conv:
    size, dilation = draw(pairs(1, 5)), draw(pairs(1, 2))
    padding = draw(st.tuples(pairs(0, 2), pairs(0, 2)))
    extents = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    pixels = [max(1, e - sum(p)) + draw(st.integers(0, 7)) for e, p in zip(extents, padding, strict=True)]
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    c, oc = groups * draw(st.integers(1, 9)), groups * draw(st.integers(1, 20))
    if draw(st.booleans()) and groups > 1:
        groups = oc = c  # depthwise
    n = draw(st.integers(1, 3))
    return Conv((n, *pixels, c), (*size, c // groups, oc), draw(pairs(1, 3)), padding, dilation, groups)


@st.composite
def winograd_convolutions(draw: st.DrawFn) -> Conv:
    """3x3, stride 1, any number of channels: also fewer than the chooser would ask for."""
    padding = draw(st.tuples(pairs(0, 3), pairs(0, 3)))
    pixels = [max(1, 3 - sum(p)) + draw(st.integers(0, 11)) for p in padding]
    c, oc = draw(st.integers(1, 37)), draw(st.integers(1, 37))
    return Conv((draw(st.integers(1, 5)), *pixels, c), (3, 3, c, oc), (1, 1), padding, (1, 1), 1)


@st.composite
def poolings(draw: st.DrawFn) -> tuple[tuple[int, int, int, int], Pair, Pair, Padding]:
    """x_shape, size, stride, padding; every window holds a pixel of the image."""
    size = draw(pairs(1, 4))
    padding = tuple((draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))) for k in size)
    pixels = [k + draw(st.integers(0, 7)) for k in size]
    return (draw(st.integers(1, 3)), *pixels, draw(st.integers(1, 35))), size, draw(pairs(1, 4)), padding
