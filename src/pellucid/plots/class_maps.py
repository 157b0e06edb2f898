"""The maps of every class for one image: a row for each form of a method, a column for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.pictures import classes, palette, pixels
from pellucid.pictures.overlay import grounds
from pellucid.pictures.scale import Scale
from pellucid.plots import grid, style
from pellucid.plots.grid import Caption
from pellucid.plots.heatmaps import map_colours, paint
from pellucid.shown import bounded, shown
from pellucid.typing import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHO = "plots.class_maps"
SIDE = 0.9  # inches of one map
LONGEST = 18  # signs of a class's name above its column
HEAD, APART = 0.5, 0.22  # inches above the maps for the classes, and between the image, the forms and the maps


@checked
def class_maps(
    result: Any, class_names: Any = None, title: str | None = None, colours: str = "house", scale: str = "shared"
) -> Figure:
    """The maps of every class for one image, the image at the left. `result` is what `explain.all_classes` returns.

    Above each column stand the class and its score; the class of the highest one is bold. The maps of a row share one
    scale, in the units of what is explained: a pale map is one of little influence. With `scale="each"` every map fills
    its own, and below it stands how far that reaches. "no evidence" stands below a map where the method shows nothing
    but positive evidence and there is none.

    Examples
    --------
    >>> network = pl.Sequential([pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1))
    >>> found = pl.explain.all_classes(network, np.ones((8, 8, 1)), rules=[None])
    >>> pl.plots.class_maps(found, ["a", "b", "c"]).savefig("classes.png")
    """
    checks.expect_made_by(WHO, "result", result, "AllClasses", "explain.all_classes")
    checks.expect_known(WHO, "scale", scale, ["shared", "each"])
    rows = [(form, said, pixels.numbers(WHO, "maps", said.upsampled())) for form, said in result.forms.items()]
    first = rows[0][1]
    image = pixels.shown_images(WHO, first[:1].pictures(), "result.inputs")
    named = classes.names(WHO, class_names, first.target)
    names = [bounded(named[k], LONGEST) for k in first.target.tolist()]
    scores = [f"{score:.3g}" for score in first.scores]
    text = _title(first, scale) if title is None else title
    with style.house(WHO):
        size = grid.picture_size(image.shape[1], image.shape[2], SIDE)
        words = [Caption(name, second=score, bold=True).width() for name, score in zip(names, scores, strict=True)]
        across, down = max(size[1], *words) + 0.09, size[0] + grid.LINE + 0.1
        forms = max(style.text_width(form, style.TEXT, bold=True) for form, _, _ in rows)
        left, top = grid.MARGIN + size[1] + 2 * APART + forms, grid.MARGIN + grid.HEADING + HEAD
        fig = grid.page(left + len(names) * across + grid.BAR, top + len(rows) * down + 0.1, text)
        shown = grid.place(fig, grid.MARGIN, top, size[1], size[0])
        grid.show_image(shown, image[0], image)
        for i, (form, said, maps) in enumerate(rows):
            axes = [grid.place(fig, left + k * across, top + i * down, size[1], size[0]) for k in range(len(maps))]
            _row(fig, axes, form, said, maps, image, colours, scale)
            if i == 0:
                _heads(axes, names, scores, int(first.scores.argmax()))
    return fig


def _title(said: Any, scale: str) -> str:
    unit = said.scalars[0].rpartition(" of class ")[0]
    own = "each map on a scale of its own" if scale == "each" else ""
    count = said.outputs.shape[1]
    which = "every class" if len(said) >= count else f"{len(said)} of {count:,} classes"
    parts = [f"{said.method} of {which}", f"at {shown(said.layer)}" if said.layer else ""]
    return " · ".join(part for part in [*parts, f"scores and scales: {unit}" if unit else "", own] if part)


def _row(
    fig: Figure, axes: Sequence[Axes], form: str, said: Any, maps: Array, image: Array, colours: str, scale: str
) -> None:
    whole = Scale.of_map(maps)
    chosen = map_colours(colours, whole)
    ground = grounds(image)[0] if said.maps().shape[1:] != maps.shape[1:] else None
    for k, place in enumerate(axes):
        limits = Scale.of_map(maps[k], signed=whole.signed) if scale == "each" else whole
        drawn = paint(place, maps[k], limits, chosen, ground)
        if said.positive and said.no_positive_evidence[k]:
            grid.write_caption(place, Caption("no evidence"))
        elif scale == "each":
            grid.write_caption(place, Caption(limits.reach))
    grid.name_row(axes[0], form, APART / 2)
    if scale == "shared":
        grid.colour_bar(fig, axes, drawn, whole.ends)


def _heads(axes: Sequence[Axes], names: Sequence[str], scores: Sequence[str], best: int) -> None:
    for k, place in enumerate(axes):
        weight = "bold" if k == best else "normal"
        grid.write(place, scores[k], (0.5, 1), (0, 4), color=palette.MUTED, ha="center", va="bottom")
        grid.write(place, names[k], (0.5, 1), (0, 17), size=style.TEXT, weight=weight, ha="center", va="bottom")
