"""The weights of a layer as pictures: the kernels of a convolution, or the columns of a dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.pictures import pixels
from pellucid.pictures.scale import Scale
from pellucid.pictures.weights import as_colours, weights_shown
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
def filter_grid(weights: Any, title: str | None = None, columns: int = 8, count: int | None = 100) -> Figure:
    """The first `count` filters, numbered from 0, on one scale about 0: orange is positive, blue negative.

    Kernels (KH, KW, C, OC) give OC pictures; one of several channels is a mosaic of its C. Those of the three colours,
    of 5 pixels and more, are pictures of colour, each on its own scale: grey is 0, red a positive weight of red alone.
    Dense weights (D, K) give K pictures of √D x √D pixels: what each unit looks for.
    Where a few weights are far larger than all others the scale ends before them, and its bar is pointed.

    Examples
    --------
    >>> layer = pl.Conv2D(6, 3)
    >>> _ = layer.build((8, 8, 1), np.random.default_rng(0))
    >>> pl.plots.filter_grid(layer.params["W"], columns=3).savefig("filters.png")
    """
    who = "plots.filter_grid"
    coloured = as_colours(who, weights)
    pictures, several = weights_shown(who, weights) if coloured is None else (coloured, False)
    columns = checks.size(who, "columns", columns)
    shown = pictures[: pixels.at_most(who, "count", count, len(pictures))]
    if title is None:
        title = f"{len(shown)} of {len(pictures)} filters" if len(shown) < len(pictures) else ""
    captions = [Caption(str(k)) for k in range(len(shown))]
    size = grid.picture_size(shown.shape[1], shown.shape[2], 1.0 if several else 0.66)
    with style.house(who):
        fig, axes = grid.sheet(title, captions, columns, size, bar=coloured is None)
        if coloured is not None:
            for place, picture in zip(axes, shown, strict=True):
                place.imshow(picture, aspect="auto")
            return fig
        scale = Scale.of(np.nan_to_num(pictures), signed=True, robust=True)
        grid.draw_on_one_scale(fig, axes, list(shown), scale)
    return fig
