"""Explanations as pictures: one map for each sample, all on one scale in the units of the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError
from pellucid.plots import grid, pixels, style
from pellucid.plots.grid import Caption
from pellucid.plots.scale import Scale
from pellucid.shown import came, shown
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

SIDE = 1.5  # inches of one map, about
FAINT = 0.02  # of the shared scale: a map that looks blank, and says so
FADED = 0.55  # how much of the image's contrast stays under a map


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
    images = shown_images(explanation.inputs)
    coarse = explanation.maps().shape[1:] != images.shape[1:3]
    maps = pixels.numbers(who, "explanation", explanation.upsampled(reduction))
    if overlay is None:
        overlay = coarse
    lines = title if title is not None else _title(explanation, scale)
    sizes = np.abs(maps).reshape(len(maps), -1).max(axis=1)
    faint = (scale == "shared") & (sizes < FAINT * sizes.max())
    captions: list[Caption] = []
    for i in range(len(maps)):
        captions += [Caption("input")] * inputs + [_caption(explanation, i, bool(faint[i]))]
    across = checks.size(who, "columns", columns) * (1 + inputs)
    size = grid.picture_size(maps.shape[1], maps.shape[2], SIDE)
    with style.house(who):
        fig, axes = grid.sheet(lines, captions, across, size, bar=scale == "shared")
        if inputs:
            for place, image in zip(axes[::2], images, strict=True):
                place.imshow(image, cmap=pixels.grey_map(images), vmin=0, vmax=1, aspect="auto")
            axes = axes[1::2]
        _draw(fig, axes, maps, images if overlay else None, scale, colours)
    return fig


def shown_images(inputs: Array) -> Array:
    """The inputs as (N, H, W) or (N, H, W, 3) in 0..1; of any other number of channels their mean."""
    if inputs.ndim == 4 and inputs.shape[3] not in (1, 3):
        inputs = inputs.mean(axis=3)
    images = pixels.batch("plots.heatmaps", inputs, "explanation.inputs")
    return pixels.unit(images, images)


def _title(explanation: Any, scale: str) -> str:
    parts = [explanation.method, f"at {shown(explanation.layer)}" if explanation.layer else ""]
    parts.append(f"baseline {explanation.baseline}" if explanation.baseline else "")
    parts.append(explanation.proof.claim if explanation.proof is not None else "")
    parts.append("each map on a scale of its own" if scale == "each" else "")
    return " · ".join(part for part in parts if part)


def _caption(explanation: Any, i: int, faint: bool) -> Caption:
    first = f"{shown(explanation.scalars[i])} = {explanation.scores[i]:.4g}"
    if explanation.positive and explanation.no_positive_evidence[i]:
        return Caption(first, style.INK, "no positive evidence")
    if faint:
        return Caption(first, style.INK, f"under {FAINT:.0%} of the scale")
    return Caption(first, style.INK, "" if explanation.proof is None else explanation.proof.short(i))


def _draw(fig: Figure, axes: Sequence[Axes], maps: Array, images: Array | None, scale: str, colours: str) -> None:
    whole = Scale.of(maps)
    chosen = colour_map(colours, whole.signed)
    under = None if images is None else grounds(images)
    for i, place in enumerate(axes):
        limits = Scale.of(maps[i], signed=whole.signed) if scale == "each" else whole
        drawn = paint(place, maps[i], limits, chosen, None if under is None else under[i])
    if scale == "shared":
        grid.colour_bar(fig, axes, drawn)


def paint(place: Axes, values: Array, limits: Scale, colours: Colormap, ground: Array | None = None) -> ScalarMappable:
    """Draw one map (H, W); upon a ground (H, W, 3) the more it hides the stronger it is. Return its scale."""
    from matplotlib.cm import ScalarMappable

    strength: Any = None
    if ground is not None:
        place.imshow(ground, aspect="auto")
        strength = 0.85 * np.sqrt(np.clip(np.abs(values) / limits.high, 0, 1))
    drawn = place.imshow(values, cmap=colours, vmin=limits.low, vmax=limits.high, alpha=strength, aspect="auto")
    return ScalarMappable(drawn.norm, colours)


def grounds(images: Array) -> Array:
    """Images in 0..1 as colours (N, H, W, 3) with less contrast, towards their paper."""
    drawing = pixels.grey_map(images) == "gray_r"
    if images.ndim == 4:
        paper = 0.0 if drawing else 1.0
        return np.asarray(paper + FADED * (images - paper))
    shown = 1 - FADED * (images if drawing else 1 - images)
    return np.repeat(shown[..., None], 3, axis=3)


def colour_map(name: str, signed: bool) -> Colormap:
    """Return the house's colours of maps, two-sided or from 0 up, or those of that name."""
    if name == "house":
        return style.colour_map(style.DIVERGING if signed else style.DIVERGING[3:])
    from matplotlib import colormaps

    if name not in colormaps:
        raise ArgumentError(
            f"plots.heatmaps: colours must be 'house' or a colour map of Matplotlib, got {came(name)}. Try 'jet'."
        )
    return colormaps[name]
