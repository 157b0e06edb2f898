"""The sizes of a sliding window: how input, kernel, stride, padding and dilation give the output.

OH = (H + top + bottom − (KH − 1)·DH − 1) // SH + 1, and OW likewise
(Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285).
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from pellucid.checked import checked_late
from pellucid.typing import Shape

Pair: TypeAlias = tuple[int, int]
"""(height, width)."""

Padding: TypeAlias = tuple[Pair, Pair]
"""((top, bottom), (left, right)), always explicit in the kernels."""

NO_PADDING: Padding = ((0, 0), (0, 0))
"""Nothing on any side."""


class Window(NamedTuple):
    """How a kernel slides over an image. Hashable, so that it can key a table of choices.

    Examples
    --------
    >>> window = pl.kernels.Window((3, 3), stride=(2, 2), padding=((0, 1), (0, 1)))
    >>> window.output(28, 28)
    (14, 14)
    """

    size: Pair  # (KH, KW)
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    dilation: Pair = (1, 1)

    def extent(self, axis: int) -> int:
        """How many pixels the kernel spans along an axis (0 height, 1 width), holes included."""
        return (self.size[axis] - 1) * self.dilation[axis] + 1

    def output(self, height: int, width: int) -> Pair:
        """(OH, OW) for an image of H x W."""
        return self._steps(0, height), self._steps(1, width)

    def framed(self, height: int, width: int) -> int:
        """How many pixels an image of H x W has with its padding round it."""
        return (height + sum(self.padding[0])) * (width + sum(self.padding[1]))

    def phases(self, axis: int) -> list[tuple[int, list[int]]]:
        """The taps u by their phase a = u·D mod S, where it has any: pixels of a phase see its taps alone."""
        taps: dict[int, list[int]] = {}
        for u in range(self.size[axis]):
            taps.setdefault(u * self.dilation[axis] % self.stride[axis], []).append(u)
        return sorted(taps.items())

    def _steps(self, axis: int, pixels: int) -> int:
        room = pixels + sum(self.padding[axis]) - self.extent(axis)
        return room // self.stride[axis] + 1 if room >= 0 else 0


def conv_output_shape(x_shape: Shape, w_shape: Shape, window: Window) -> tuple[int, int, int, int]:
    """(N, OH, OW, OC) for x (N, H, W, C) and w (KH, KW, C//groups, OC)."""
    n, h, w, _ = x_shape
    oh, ow = window.output(h, w)
    return n, oh, ow, w_shape[3]


@checked_late
def transposed_size(window: Window, height: int, width: int, output_padding: Pair = (0, 0)) -> Pair:
    """The size (H, W) that a transposed convolution makes of (OH, OW): the smallest input that the
    convolution with the same window would map to (OH, OW), plus `output_padding`.

    Examples
    --------
    >>> window = pl.kernels.Window((3, 3), stride=(2, 2))
    >>> pl.kernels.transposed_size(window, 4, 4), window.output(9, 9)
    ((9, 9), (4, 4))
    """
    h, w = (
        (pixels - 1) * window.stride[axis] + window.extent(axis) - sum(window.padding[axis]) + output_padding[axis]
        for axis, pixels in enumerate((height, width))
    )
    return h, w
