"""Explanations as pictures: one map for each sample, all on one scale in the units of the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.pictures import palette, pixels
from pellucid.pictures.overlay import grounds, strength
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.shown import came, shown
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

SIDE = 1.5  # inches of one map, about
BLANK = 0.02  # of the shared scale: a map that looks blank, and says so


@checked
def heatmaps(
    explanation: Any,
    *,
    reduction: str = "sum",
    scale: str = "shared",
    overlay: bool | None = None,
    inputs: bool = False,
    colours: str = "house",
    columns: int = 5,
    title: str | None = None,
) -> Figure:
    """The maps of an `Explanation`; under each stand the number explained, its value, and the proof.

    Orange speaks for the number, blue against it. A map without any positive value, where the method shows no other,
    is marked "no positive evidence".

    Parameters
    ----------
    explanation : what a method of `explain` returns
    reduction : "sum" over the channels, signed, or "max-abs"
    scale : "shared", one for all maps in the score's units, with a colour bar; or "each", where every map fills its own
    overlay : whether the map lies on the image; by default where it is coarser than the image
    inputs : whether each image stands beside its map
    colours : "house", "jet", or any name that Matplotlib knows
    columns : samples in a row
    title : default: method, layer, baseline and the promise that is checked

    Examples
    --------
    >>> network = pl.Sequential([pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> said = pl.explain.saliency(network, np.ones((2, 8, 8, 1)))
    >>> pl.plots.heatmaps(said).savefig("saliency.png")  # or said.plot()
    """
    who = "plots.heatmaps"
    checks.expect_made_by(who, "explanation", explanation, "Explanation", "a method of explain")
    checks.expect_known(who, "scale", scale, ["shared", "each"])
    images = pixels.shown_images(who, explanation.pictures(), "explanation.inputs")
    coarse = explanation.maps().shape[1:] != images.shape[1:3]
    maps = pixels.numbers(who, "explanation", explanation.upsampled(reduction))
    if overlay is None:
        overlay = coarse
    lines = title if title is not None else _title(explanation, scale)
    sizes = np.abs(maps).reshape(len(maps), -1).max(axis=1)
    faint = (scale == "shared") & (sizes < BLANK * sizes.max())
    captions: list[Caption] = []
    for i in range(len(maps)):
        captions += [Caption("input")] * inputs + [_caption(explanation, i, bool(faint[i]))]
    across = checks.size(who, "columns", columns) * (1 + inputs)
    size = grid.picture_size(maps.shape[1], maps.shape[2], SIDE)
    with style.house(who):
        fig, axes = grid.sheet(lines, captions, across, size, bar=scale == "shared")
        if inputs:
            for place, image in zip(axes[::2], images, strict=True):
                grid.show_image(place, image, images)
            axes = axes[1::2]
        _draw(fig, axes, maps, images if overlay else None, scale, colours)
    return fig


def _title(explanation: Any, scale: str) -> str:
    parts = [explanation.method, f"at {shown(explanation.layer)}" if explanation.layer else ""]
    parts.append(f"baseline {explanation.baseline}" if explanation.baseline else "")
    parts.append(explanation.proof.claim if explanation.proof is not None else "")
    parts.append("each map on a scale of its own" if scale == "each" else "")
    return " · ".join(part for part in parts if part)


def _caption(explanation: Any, i: int, faint: bool) -> Caption:
    first = f"{shown(explanation.scalars[i])} = {explanation.scores[i]:.4g}"
    if explanation.positive and explanation.no_positive_evidence[i]:
        return Caption(first, palette.INK, "no positive evidence")
    if faint:
        return Caption(first, palette.INK, f"under {BLANK:.0%} of the scale")
    return Caption(first, palette.INK, "" if explanation.proof is None else explanation.proof.short(i))


def _draw(fig: Figure, axes: Sequence[Axes], maps: Array, images: Array | None, scale: str, colours: str) -> None:
    whole = Scale.of_map(maps)
    chosen = map_colours(colours, whole)
    under = None if images is None else grounds(images)
    for i, place in enumerate(axes):
        limits = Scale.of_map(maps[i], signed=whole.signed) if scale == "each" else whole
        drawn = paint(place, maps[i], limits, chosen, None if under is None else under[i])
    if scale == "shared":
        grid.colour_bar(fig, axes, drawn, whole.ends)


def paint(place: Axes, values: Array, limits: Scale, colours: Colormap, ground: Array | None = None) -> ScalarMappable:
    """Draw one map (H, W); upon a ground (H, W, 3) the more it hides the stronger it is. Return its scale."""
    from matplotlib.cm import ScalarMappable

    opacity: Any = None
    if ground is not None:
        place.imshow(ground, aspect="auto")
        opacity = strength(values, limits)
    drawn = place.imshow(values, cmap=colours, vmin=limits.low, vmax=limits.high, alpha=opacity, aspect="auto")
    return ScalarMappable(drawn.norm, colours)


def map_colours(name: str, scale: Scale) -> Colormap:
    """Return the house's colours of maps, or those of that name."""
    if name == "house":
        return style.colour_map(scale.evidence)
    from matplotlib import colormaps

    if name not in colormaps:
        raise ArgumentError(
            f"plots.heatmaps: colours must be 'house' or a colour map of Matplotlib, got {came(name)}. Try 'jet'."
        )
    return colormaps[name]
