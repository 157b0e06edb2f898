"""Feature maps: what each filter of a layer gives for one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.pictures import pixels
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 0.66  # inches of one map, about
HEAD, BETWEEN, COLUMNS = 0.26, 0.1, 10


@checked
def feature_maps(maps: Any, title: str | None = None, columns: int = 8, count: int | None = 100) -> Figure:
    """The first `count` maps of an array (H, W, C), numbered from 0, on one scale that a colour bar explains.

    Where there are negative values the scale is symmetric about 0: orange above, blue below.

    Examples
    --------
    >>> maps = np.random.default_rng(0).random((6, 6, 4))
    >>> pl.plots.feature_maps(maps, columns=2).savefig("maps.png")
    """
    who = "plots.feature_maps"
    stack = _stack(who, maps, "maps")
    columns = checks.size(who, "columns", columns)
    shown = stack[: pixels.at_most(who, "count", count, len(stack))]
    if title is None:
        title = f"{len(shown)} of {len(stack)} feature maps" if len(shown) < len(stack) else ""
    captions = [Caption(str(k)) for k in range(len(shown))]
    with style.house(who):
        fig, axes = grid.sheet(title, captions, columns, _size(stack), bar=True)
        grid.draw_on_one_scale(fig, axes, list(shown), Scale.of(stack))
    return fig


@checked
def convolution_and_pooling(image: Any, convolved: Any, pooled: Any, title: str | None = None) -> Figure:
    """An image, its maps after convolution and, beneath each, the same map after pooling; one scale for all.

    `image` is (H, W) or (H, W, C), `convolved` and `pooled` are (H, W, C) with as many maps each.

    Examples
    --------
    >>> net, image = pl.SimpleCNN(filters=2, input_shape=(12, 12, 1)), np.zeros((12, 12, 1))
    >>> figure = pl.plots.convolution_and_pooling(image, *net.feature_maps(image))
    >>> figure.savefig("maps.png")
    """
    who = "plots.convolution_and_pooling"
    above, below = _stack(who, convolved, "convolved"), _stack(who, pooled, "pooled")
    if len(above) != len(below):
        raise ShapeError(
            f"{who}: convolved and pooled must hold as many maps each, got {len(above)} and {len(below)}. "
            "The channel axis comes last."
        )
    one = as_array(who, "image", image)
    if one.ndim not in (2, 3):
        raise ShapeError(f"{who}: image must have shape (H, W) or (H, W, C), got {one.shape}. Pass a single image.")
    picture = pixels.batch(who, one[None], "image")
    picture = pixels.unit(picture, picture)
    with style.house(who):
        return _draw_pairs(picture, above, below, title or "")


def _stack(who: str, values: Any, name: str) -> Array:
    """(H, W, C) as C pictures (C, H, W)."""
    maps = pixels.numbers(who, name, values)
    if maps.ndim != 3:
        remedies = {4: f" One image at a time: {name}[0].", 2: f" Add the channel axis: {name}[..., None]."}
        remedy = remedies.get(maps.ndim, "")
        raise ShapeError(f"{who}: {name} must have shape (H, W, C), got {maps.shape}.{remedy}")
    return np.ascontiguousarray(maps.transpose(2, 0, 1))


def _size(stack: Array) -> tuple[float, float]:
    return grid.picture_size(stack.shape[1], stack.shape[2], SIDE)


def _draw_pairs(picture: Array, above: Array, below: Array, title: str) -> Figure:
    """The image at the left; right of it, for ten filters at a time, convolved maps above pooled ones."""
    height, width = _size(above)
    low = width * below.shape[1] / below.shape[2]  # a pooled map is drawn as wide as the map it came from
    block = 2 * HEAD + height + BETWEEN + low
    columns, blocks = min(len(above), COLUMNS), -(-len(above) // COLUMNS)
    top = grid.MARGIN + (grid.HEADING if title else -0.06)
    image = block - HEAD, (block - HEAD) * picture.shape[2] / picture.shape[1]
    left = grid.MARGIN + image[1] + 0.34
    pitch = style.snap(width + 0.09)
    right = left + max(columns, 2) * pitch + grid.BAR + 0.08 - grid.MARGIN
    fig = grid.page(right, top + blocks * (block + 0.2) - 0.2 + grid.MARGIN, title)
    place = grid.place(fig, grid.MARGIN, top + HEAD, image[1], image[0])
    grid.show_image(place, picture[0], picture)
    _head(place, "image", picture)
    axes = []
    for stack, tall, down in ((above, height, HEAD), (below, low, 2 * HEAD + height + BETWEEN)):
        for number in range(len(stack)):
            line, column = divmod(number, COLUMNS)
            axes.append(grid.place(fig, left + column * pitch, top + line * (block + 0.2) + down, width, tall))
            if column == 0:
                _head(axes[-1], "after convolution" if stack is above else "after pooling", stack)
    scale = Scale.of(np.concatenate([above.ravel(), below.ravel()]))
    grid.draw_on_one_scale(fig, axes, [*above, *below], scale)
    return fig


def _head(axes: Axes, text: str, stack: Array) -> None:
    grid.write(axes, f"{text}  {stack.shape[1]} × {stack.shape[2]}", (0, 1), (0, 4), ha="left", va="bottom")
