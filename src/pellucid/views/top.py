"""The samples that excite a unit most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.arrays import numbers
from pellucid.checked import checked, checked_late
from pellucid.data import Dataset
from pellucid.errors import ArgumentError
from pellucid.layers import Container
from pellucid.layers.container import INPUT, network_of
from pellucid.layers.door import behind_door, has_door, inward
from pellucid.layers.parts import upto
from pellucid.specs import LAYOUTS, InputSpec, pictures_of
from pellucid.typing import Array, IntArray
from pellucid.views.flow import flow
from pellucid.views.receptive import Box, fields

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked_late
class TopSamples(NamedTuple):
    """The samples with the largest activations of one unit, the largest first.

    Attributes
    ----------
    indices : (K,) into the data
    values : (K,)
    samples : (K, …) as the network takes them
    places : (K, 2) or None
        Row and column of the largest activation of the channel; None for a vector's unit.
    boxes : K boxes
        The input pixels that the unit at that place sees: `sample[box.top : box.bottom, box.left : box.right]`.
    layout : "channels-last" or "channels-first", of the samples
    spec : how they were prepared, where the network says it

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
    layout: str = "channels-last"
    spec: InputSpec | None = None

    def pictures(self) -> Array:
        """Return the samples as a person sees them: their channels last, no mean subtracted."""
        return pictures_of(self.samples, self.spec, self.layout)

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
    network = network_of(model, who, built=True)
    x = numbers(who, "data", data.x if isinstance(data, Dataset) else data)
    checks.expect_batch(who, x, network.input_shape or (), "data")
    count, batch_size = checks.size(who, "count", count), checks.size(who, "batch_size", batch_size)
    checks.expect_known(who, "by", by, ["max", "mean"])
    return top_of_units(who, network, layer, [unit], x, count, by=by, batch_size=batch_size)[0]


def top_of_units(
    who: str,
    network: Container[Any],
    layer: str,
    units: Sequence[int],
    x: Array,
    count: int,
    *,
    by: str = "max",
    batch_size: int = 256,
) -> list[TopSamples]:
    """Return the top samples of several units of one layer: x is gone through once."""
    spec, turned = network.inputs, has_door(network)
    network, given, x = behind_door(network), x, inward(x) if turned else x
    part = upto(network, layer)
    shape = part.output_shape or ()
    for unit in units:
        if len(shape) not in (1, 3) or not 0 <= unit < shape[-1]:
            raise ArgumentError(f"{who}: unit must lie in 0..{shape[-1] - 1} of {layer}, whose output is {shape}.")
    ops = flow(part)
    seen = fields(ops, network.input_shape or ())[ops[-1].path if ops else INPUT]
    found = []
    for unit, indices, values, flat in zip(units, *_search(part, list(units), x, count, by, batch_size), strict=True):
        places = np.stack(np.unravel_index(flat, shape[:2]), axis=1) if len(shape) == 3 else None
        boxes = seen.reshape(4, -1)[:, flat if len(shape) == 3 else np.full(len(flat), unit)]
        found.append(
            TopSamples(
                indices,
                values,
                given[indices],
                places,
                tuple(Box(*box) for box in boxes.T.tolist()),
                LAYOUTS[turned],
                spec,
            )  # fmt: skip
        )
    return found


def _search(part: Container[Any], units: list[int], x: Array, count: int, by: str, batch_size: int) -> list[Array]:
    """Return index, value and place (as a flat number) of the best samples of each unit, (U, count) each."""
    none = len(units), 0
    best = [np.empty(none, int), np.empty(none), np.empty(none, int)]
    for start in range(0, len(x), batch_size):
        y = part(x[start : start + batch_size])[..., units]
        each = np.ascontiguousarray(y.reshape(len(y), -1, len(units)).transpose(2, 0, 1))  # (U, N, places)
        values = each.max(axis=2) if by == "max" else each.mean(axis=2)
        index = np.broadcast_to(np.arange(start, start + len(y)), values.shape)
        both = [np.concatenate(pair, axis=1) for pair in zip(best, (index, values, each.argmax(axis=2)), strict=True)]
        order = np.argsort(-both[1], axis=1, kind="stable")[:, :count]
        best = [np.take_along_axis(array, order, axis=1) for array in both]
    return best
