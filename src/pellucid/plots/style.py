"""One look for every picture: colours, type, spines and sizes, and where they are applied.

Nothing here goes through pyplot. A figure is a plain `matplotlib.figure.Figure`, made inside `house(who)`,
which lends Matplotlib the settings below and gives the reader's own back. Those settings are global to the
process, so a lock lets one picture at a time be composed; drawing needs no setting, hence no lock.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid import checks
from pellucid.pictures import palette
from pellucid.shown import bounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

DPI = 150
FONT = "DejaVu Sans"  # comes with Matplotlib, so pictures agree on every machine
TITLE, TEXT, SMALL = 12.0, 10.0, 9.0

_RC: dict[str, Any] = {
    "text.usetex": False,
    "text.parse_math": False,
    "path.sketch": None,
    "path.effects": [],
    "font.weight": "normal",
    "font.size": TEXT,
    "text.color": palette.INK,
    "figure.dpi": DPI,
    "figure.facecolor": palette.PAPER,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.hspace": 0.04,
    "axes.facecolor": palette.PAPER,
    "axes.edgecolor": palette.FAINT,
    "axes.labelcolor": palette.MUTED,
    "axes.labelsize": SMALL,
    "axes.titlesize": TITLE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": palette.INK,
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.linewidth": 1.0,
    "axes.xmargin": 0.015,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.use_mathtext": False,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "legend.facecolor": palette.PAPER,
    "legend.edgecolor": "none",
    "legend.framealpha": 1.0,
    "legend.fancybox": False,
    "legend.fontsize": SMALL,
    "legend.labelcolor": palette.INK,
    "image.interpolation": "nearest",
    "image.origin": "upper",
}
_composing = threading.RLock()


@contextmanager
def house(who: str) -> Iterator[None]:
    """Compose a picture in the house style; `who` is named if Matplotlib is not installed."""
    matplotlib = checks.require("matplotlib", who, "plots")
    # The reader's own fonts come second: they may know signs of class names that ours does not.
    fonts = [FONT, *(f for f in matplotlib.rcParams["font.family"] if f != FONT)]
    with _composing, matplotlib.rc_context({**_RC, "font.family": fonts}):
        yield


def figure(width: float, height: float, *, constrained: bool = False) -> Figure:
    """An empty figure of that many inches, unknown to pyplot; a notebook shows it as a cell's value."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(snap(width), snap(height)), layout="constrained" if constrained else None)
    made._repr_png_ = partial(notebook_png, made)  # type: ignore[attr-defined]
    return made


def notebook_png(shown: Figure) -> tuple[bytes, dict[str, int]]:
    """The picture as PNG and the size to show it at: the protocol of notebooks (`_repr_png_`)."""
    stream = io.BytesIO()
    shown.savefig(stream, format="png", dpi=DPI)
    width, height = shown.get_size_inches()
    return stream.getvalue(), {"width": round(96 * width), "height": round(96 * height)}


def panel(axes: Axes, title: str, xlabel: str = "") -> Axes:
    """Dress axes that hold curves."""
    axes.set_title(drawable(title))
    axes.set_xlabel(xlabel)
    quiet_ticks(axes)
    return axes


def quiet_ticks(axes: Axes) -> None:
    """Small grey numbers without tick marks; told to the axes, as ticks are often made after `house`."""
    from matplotlib import rcParams

    axes.tick_params(
        which="both",
        length=0,
        pad=5,
        labelsize=SMALL,
        labelcolor=palette.MUTED,
        labelfontfamily=rcParams["font.family"],
        grid_color=palette.FAINT,
        grid_linewidth=0.8,
        grid_linestyle="-",
        grid_alpha=1.0,
    )


def colour_map(colours: tuple[str, ...]) -> Colormap:
    """A continuous scale through `colours`; what is missing is not drawn."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pellucid", list(colours)).with_extremes(bad="none")


def drawable(text: str) -> str:
    r"""The text with halves of signs, which no font can draw, written out: \ud800."""
    return text.encode("utf-8", "backslashreplace").decode()


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Inches that a line of text takes in the house's font."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = bounded(drawable(text), 1000)  # longer is too wide at any size
    if not text.strip():
        return 0.0
    font = FontProperties(weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width) / 72


def snap(inches: float) -> float:
    """The nearest whole pixel at the house's resolution: pictures of pixels stay crisp."""
    return round(inches * DPI) / DPI
