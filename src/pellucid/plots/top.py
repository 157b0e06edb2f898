"""The samples that excite units most, each with a frame around what the unit saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ShapeError
from pellucid.pictures import classes, palette, pixels
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHO = "plots.top_samples"
SIDE, APART = 0.9, 0.12  # inches of one sample, and between the names of the rows and the samples


@checked
def top_samples(
    found: Any, rows: Sequence[str] = (), labels: Any = None, class_names: Any = None, title: str = ""
) -> Figure:
    """The samples that excite a unit most, the strongest first, with what the unit gives for each.

    An orange frame holds the pixels that the strongest place of a channel sees; a unit that sees all has none.

    Parameters
    ----------
    found : what `views.top_samples` returns, or a sequence of such, one row each
    rows : what stands at the left of each row
    labels : of all the data, for the class of each sample
    class_names, title : as in the other pictures

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(4, 3)], input_shape=(8, 8, 1))
    >>> data = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    >>> found = pl.views.top_samples(network, "conv2d1", 0, data, count=3)
    >>> pl.plots.top_samples(found).savefig("top.png")
    """
    several = list(found) if type(found) in (list, tuple) else [found]
    for one in several:
        checks.expect_made_by(WHO, "found", one, "TopSamples", "views.top_samples")
    if rows and len(rows) != len(several):
        raise ShapeError(f"{WHO}: rows must name {len(several)} rows, got {len(rows)}. Give one name for each unit.")
    pictures = [pixels.batch(WHO, one.pictures(), "samples") for one in several]
    truth = None if labels is None else classes.labels(WHO, labels)
    if truth is not None and any(one.indices.max(initial=-1) >= len(truth) for one in several):
        raise ShapeError(f"{WHO}: labels must be those of all the data that were searched, got only {len(truth)}.")
    names = classes.names(WHO, class_names, [] if truth is None else truth)
    captions = [
        [_caption(one, i, "" if truth is None else names[int(truth[one.indices[i]])]) for i in range(len(one.indices))]
        for one in several
    ]
    everything = np.concatenate(pictures)
    with style.house(WHO):
        size = grid.picture_size(everything.shape[1], everything.shape[2], SIDE)
        left = grid.MARGIN + max([0.0, *(style.text_width(name, style.TEXT, bold=True) + APART for name in rows)])
        across = max(size[1], *(caption.width() for row in captions for caption in row)) + 0.09
        down = size[0] + (2 if truth is not None else 1) * grid.LINE + 0.14
        top = grid.MARGIN + grid.HEADING * bool(title)
        fig = grid.page(left + max(map(len, captions)) * across, top + len(several) * down + 0.05, title)
        for r, (one, shown) in enumerate(zip(several, pictures, strict=True)):
            for i, picture in enumerate(pixels.unit(shown, everything)):
                place = grid.place(fig, left + i * across, top + r * down, size[1], size[0])
                grid.show_image(place, picture, everything)
                _frame(place, one.boxes[i], picture)
                grid.write_caption(place, captions[r][i])
                if i == 0 and rows:
                    grid.name_row(place, rows[r], APART)
    return fig


def _caption(one: Any, i: int, name: str) -> Caption:
    value = f"{one.values[i]:.3g}"
    return Caption(name, palette.INK, value) if name else Caption(value)


def _frame(place: Axes, box: Any, picture: Array) -> None:
    """Draw the border of a box unless it holds the whole image, or is of a vector."""
    from matplotlib.patches import Rectangle

    if not pixels.is_part(box, *picture.shape[:2]):
        return
    corner = box.left - 0.5, box.top - 0.5
    sides = box.right - box.left, box.bottom - box.top
    place.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=palette.VERMILION, lw=1.4))
