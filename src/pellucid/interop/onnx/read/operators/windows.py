"""What convolutions and pools share: windows that slide over one, two or three axes, and the borders around them."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.problems import NotHere, Wrong
from pellucid.shown import came

Edges = tuple[tuple[int, int], ...]


class Sliding(NamedTuple):
    """A window over the axes of space: size, stride and dilation of each, and the border before and after it."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Edges

    def in_plane(self) -> Sliding:
        """The same for an image: a signal is an image of width 1."""
        if len(self.size) > 1:
            return self
        return Sliding((*self.size, 1), (*self.stride, 1), (*self.dilation, 1), (*self.padding, (0, 0)))

    def extent(self, axis: int) -> int:
        """The pixels from the first tap to the last."""
        return (self.size[axis] - 1) * self.dilation[axis] + 1


def sliding(call: Call, space: tuple[int, ...], size: tuple[int, ...] | None) -> Sliding:
    """Return the window of a node over an input with these axes of space; `size` is that of its weights."""
    axes = len(space)
    given = call.ints("kernel_shape", size)
    if given is None or (size is not None and given != size) or len(given) != axes or min(given) < 1:
        raise Wrong(f"its kernel_shape {came(given)} does not fit an input of {axes} axes of space and weights {size}")
    window = Sliding(given, _each(call, "strides", axes), _each(call, "dilations", axes), ((0, 0),) * axes)
    auto = call.text("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return window._replace(padding=tuple(_same(window, i, space[i], auto) for i in range(axes)))
    if auto not in ("NOTSET", "VALID", ""):
        raise NotHere(f"with auto_pad={came(auto)}")
    pads = call.ints("pads", (0,) * 2 * axes) if auto != "VALID" else (0,) * 2 * axes
    if pads is None or len(pads) != 2 * axes or min(pads) < 0 or max(pads) > 1 << 20:
        raise Wrong(f"its pads must be {2 * axes} numbers of at least 0, got {came(pads)}")
    return window._replace(padding=tuple((pads[i], pads[i + axes]) for i in range(axes)))


def _each(call: Call, name: str, axes: int) -> tuple[int, ...]:
    values = call.ints(name, (1,) * axes) or (1,) * axes
    if len(values) != axes or min(values) < 1 or max(values) > 1 << 20:
        raise Wrong(f"its {name} must be {axes} numbers of at least 1, got {came(values)}")
    return values


def _same(window: Sliding, axis: int, pixels: int, auto: str) -> tuple[int, int]:
    """The border that makes the output ⌈pixels / stride⌉ long; an odd pixel goes to the end, or to the start."""
    stride = window.stride[axis]
    total = max((-(-pixels // stride) - 1) * stride + window.extent(axis) - pixels, 0)
    return halves(total, upper=auto == "SAME_UPPER")


def halves(total: int, *, upper: bool) -> tuple[int, int]:
    """Split a border: the larger half at the end, or at the start."""
    small = total // 2
    return (small, total - small) if upper else (total - small, small)
