"""The samples that excite a unit most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked, checked_late
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.explain.parts import upto
from pellucid.layers import Container
from pellucid.typing import Array, IntArray, Shape
from pellucid.views.flow import flow
from pellucid.views.network import network_of
from pellucid.views.receptive import Box, Boxes, fields

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked_late
class TopSamples(NamedTuple):
    """The samples with the largest activations of one unit, the largest first.

    Attributes
    ----------
    indices : (K,) into the data
    values : (K,)
    samples : (K, …)
    places : (K, 2) or None
        Row and column of the largest activation of the channel; None for a vector's unit.
    boxes : K boxes
        The input pixels that the unit at that place sees: `sample[box.top : box.bottom, box.left : box.right]`.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3)], input_shape=(8, 8, 1))
    >>> data = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    >>> found = pl.views.top_samples(network, "conv2d1", 0, data, count=3)
    >>> found.samples.shape, found.places.shape, found.boxes[0].size
    ((3, 8, 8, 1), (3, 2), (3, 3))
    """

    indices: IntArray
    values: Array
    samples: Array
    places: IntArray | None
    boxes: tuple[Box, ...]

    def plot(self, **options: Any) -> Figure:
        """Draw them, each with a frame around what the unit saw: `plots.top_samples`."""
        from pellucid.plots.top import top_samples as picture

        return picture(self, **options)


@checked
def top_samples(
    model: Any, layer: str, unit: int, data: Any, count: int = 9, *, by: str = "max", batch_size: int = 256
) -> TopSamples:
    """Return the `count` samples of `data` that excite a unit of a vector, or a channel of a picture, most.

    A channel counts by its largest activation, or by its mean (`by="mean"`). Memory is that of one batch, however
    large the data are; only the layers up to this one are computed. Of equals the first come first.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine.from_arrays([[1.0], [0.0]])], input_shape=2)
    >>> found = pl.views.top_samples(network, "affine1", 0, [[3.0, 0.0], [9.0, 0.0], [5.0, 0.0]], count=2)
    >>> found.indices.tolist(), found.values.tolist()
    ([1, 2], [9.0, 5.0])
    """
    who = "top_samples"
    network = network_of(who, model)
    x = numbers(who, "data", data.x if isinstance(data, Dataset) else data)
    checks.expect_batch(who, x, network.input_shape or (), "data")
    count, batch_size = checks.size(who, "count", count), checks.size(who, "batch_size", batch_size)
    checks.expect_known(who, "by", by, ["max", "mean"])
    part = upto(network, layer)
    shape = part.output_shape or ()
    if len(shape) not in (1, 3) or not 0 <= unit < shape[-1]:
        raise ArgumentError(f"{who}: unit must lie in 0..{shape[-1] - 1} of {layer}, whose output is {shape}.")
    indices, values, flat = _search(part, unit, x, count, by, batch_size)
    boxes = _boxes(network, part, layer, unit, flat, shape)
    places = np.stack(np.unravel_index(flat, shape[:2]), axis=1) if len(shape) == 3 else None
    return TopSamples(indices, values, x[indices], places, boxes)


def _search(
    part: Container[Any], unit: int, x: Array, count: int, by: str, batch_size: int
) -> tuple[IntArray, Array, IntArray]:
    """Return index, value and place (as a flat number) of the best samples."""
    best = np.empty(0, int), np.empty(0), np.empty(0, int)
    for start in range(0, len(x), batch_size):
        y = part(x[start : start + batch_size])[..., unit].reshape(min(batch_size, len(x) - start), -1)
        values = y.max(axis=1) if by == "max" else y.mean(axis=1)
        new = np.arange(start, start + len(y)), values, y.argmax(axis=1)
        both = [np.concatenate(pair) for pair in zip(best, new, strict=True)]
        order = np.argsort(-both[1], kind="stable")[:count]
        best = both[0][order], both[1][order], both[2][order]
    return best


def _boxes(
    network: Container[Any], part: Container[Any], layer: str, unit: int, flat: IntArray, shape: Shape
) -> tuple[Box, ...]:
    ops = flow(part)
    seen: Boxes = fields(ops, network.input_shape or ())[ops[-1].path if ops else "input"]
    if len(shape) == 1:
        return (Box(*seen[:, unit].tolist()),) * len(flat)
    return tuple(Box(*seen.reshape(4, -1)[:, place].tolist()) for place in flat)
