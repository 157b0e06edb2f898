"""Draw the pictures of docs/kernels.md: `python docs/draw_kernels.py` writes docs/images/kernels-*.png.

The times of the last one are read from the page's own table of measurements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from pellucid.pictures.palette import BLUE, ERRORS, FAINT, INK, MUTED, PAPER, SEQUENTIAL, VERMILION
from pellucid.plots.style import DPI, SMALL, TEXT, TITLE, figure, house, quiet_ticks

DOCS = Path(__file__).parent
PALE_BLUE, PALE_ORANGE, GREY = SEQUENTIAL[1], ERRORS[1], "#EEF1F4"
WIDTH = 8.0


class Canvas:
    """A figure measured in inches from its upper left corner, and what is drawn on it."""

    def __init__(self, height: float, title: str, subtitle: str = "") -> None:
        self.figure = figure(WIDTH, height)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        self.axes.axis("off")
        self.text(0.2, 0.28, title, size=TITLE, weight="bold", ha="left")
        self.text(0.2, 0.54, subtitle, colour=MUTED, ha="left")

    def text(
        self, x: float, y: float, words: str, *, size: float = SMALL, colour: str = INK, ha: str = "center", **more: Any
    ) -> None:
        more = {"va": "center", "linespacing": 1.35} | more
        self.axes.text(x, y, words, fontsize=size, color=colour, ha=ha, **more)

    def box(
        self, x: float, y: float, w: float, h: float, *, fill: str = PAPER, edge: str = MUTED, line: float = 0.7,
        words: str = "", size: float = SMALL, colour: str = INK, z: float = 1.0,
    ) -> None:  # fmt: skip
        self.axes.add_patch(Rectangle((x, y), w, h, facecolor=fill, edgecolor=edge, linewidth=line, zorder=z))
        if words:
            self.text(x + w / 2, y + h / 2 + 0.005, words, size=size, colour=colour, zorder=z + 1)

    def outline(self, x: float, y: float, w: float, h: float, colour: str, style: str = "-") -> None:
        self.axes.add_patch(
            Rectangle((x, y), w, h, facecolor="none", edgecolor=colour, linewidth=2.4, zorder=5, linestyle=style)
        )

    def grid(
        self, x: float, y: float, rows: int, columns: int, cell: float,
        fill: Callable[[int, int], str] = lambda i, j: PAPER, words: Callable[[int, int], str] = lambda i, j: "",
        *, edge: str = MUTED, size: float = SMALL,
    ) -> None:  # fmt: skip
        for i, j in np.ndindex(rows, columns):
            self.box(
                x + j * cell,
                y + i * cell,
                cell,
                cell,
                fill=fill(i, j),
                words=words(i, j),
                edge=edge,
                line=0.6,
                size=size,
            )

    def arrow(self, start: tuple[float, float], end: tuple[float, float], colour: str = MUTED, **more: Any) -> None:
        more = {"linewidth": 1.5, "zorder": 4} | more
        self.axes.add_patch(
            FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=colour, shrinkA=0, shrinkB=0, **more)
        )

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, style: str = "-") -> None:
        self.axes.plot(*zip(start, end, strict=True), color=colour, linestyle=style, linewidth=1.5, zorder=0)


def im2col() -> Figure:
    """A small image and the matrix of its windows."""
    c = Canvas(4.2, "im2col", "One channel, a 5x5 image, 3x3 windows. The pixel 12 is written nine times.")
    cell, top = 0.36, 1.3
    first, last = [0, 1, 2, 5, 6, 7, 10, 11, 12], [12, 13, 14, 17, 18, 19, 22, 23, 24]

    def shade(pixel: int) -> str:
        return "#F2C14E" if pixel == 12 else PALE_BLUE if pixel in first else PALE_ORANGE if pixel in last else PAPER

    c.text(0.3, top - 0.2, "image", ha="left")
    c.grid(0.3, top, 5, 5, cell, lambda i, j: shade(5 * i + j), lambda i, j: str(5 * i + j))
    c.outline(0.3, top, 3 * cell, 3 * cell, BLUE)
    c.outline(0.3 + 2 * cell, top + 2 * cell, 3 * cell, 3 * cell, VERMILION)

    left, small = 3.35, 0.29
    corners = [0, 1, 2, 5, 6, 7, 10, 11, 12]
    steps = [0, 1, 2, 5, 6, 7, 10, 11, 12]

    def at(i: int, j: int) -> int:
        return corners[i] + steps[j]

    def fill(i: int, j: int) -> str:
        return "#F2C14E" if at(i, j) == 12 else PALE_BLUE if i == 0 else PALE_ORANGE if i == 8 else PAPER

    c.text(left + 4.5 * small, top - 0.2, "columns: a row for each output")
    c.grid(left, top, 9, 9, small, fill, lambda i, j: str(at(i, j)), size=8)
    c.outline(left, top, 9 * small, small, BLUE)
    c.outline(left, top + 8 * small, 9 * small, small, VERMILION)
    c.arrow((0.3 + 1.5 * cell, top - 0.03), (left - 0.06, top + 0.14), BLUE, connectionstyle="arc3,rad=-0.22")
    c.arrow((0.3 + 5 * cell, top + 4 * cell), (left - 0.06, top + 8.5 * small), VERMILION)
    right = left + 9 * small
    c.text(right + 0.22, top + 4.5 * small, "·", size=20)
    c.text(right + 0.58, top - 0.2, "kernel")
    c.grid(right + 0.43, top, 9, 1, small, lambda i, j: GREY, lambda i, j: f"w{i}", size=8)
    c.text(right + 0.95, top + 4.5 * small, "=", size=14)
    c.text(right + 1.32, top - 0.2, "y")
    c.grid(
        right + 1.18,
        top,
        9,
        1,
        small,
        lambda i, j: PALE_BLUE if i == 0 else PALE_ORANGE if i == 8 else PAPER,
        lambda i, j: f"y{i}",
        size=8,
    )
    c.text(0.3, top + 2.05, "25 pixels become 81 numbers.", ha="left", va="top", colour=MUTED)
    return c.figure


MB, KB = 1e6, 1e3
SIZES = [
    ("24 sums of a register tile", 24 * 64, BLUE),
    ("a panel of weights, 288 x 32", 288 * 32 * 4, BLUE),
    ("the kernel, 288 x 64", 288 * 64 * 4, BLUE),
    ("columns of one image", 576 * 288 * 4, BLUE),
    ("Winograd: an image's tiles and the kernel", 36 * (36 * 32 + 36 * 64 + 32 * 64) * 4, BLUE),
    ("columns of 8 images", 8 * 576 * 288 * 4, BLUE),
    ("input x", 128 * 26 * 26 * 32 * 4, INK),
    ("output y", 128 * 24 * 24 * 64 * 4, INK),
    ("columns of the whole batch", 128 * 576 * 288 * 4, VERMILION),
]
CACHES = [
    ("registers", "2 KB", 2048),
    ("L1", "32 KB", 32 * 1024),
    ("L2", "1 MB", 2**20),
    ("L3", "32 MB", 32 * 2**20),
    ("memory", "", 6e8),
]


def readable(size: float) -> str:
    """Bytes, with a unit."""
    return f"{size / MB:.1f} MB" if size >= MB else f"{size / KB:.0f} KB" if size >= 1e4 else f"{size / KB:.1f} KB"


def sizes() -> Figure:
    """What the ways of computing the convolution hold, on a scale of the caches that it must fit."""
    made = figure(WIDTH, 4.0)
    axes: Axes = made.add_axes((0.385, 0.03, 0.6, 0.71))
    made.text(0.025, 0.93, "What fits where", fontsize=TITLE, weight="bold")
    made.text(
        0.025,
        0.86,
        "Bytes, on a logarithmic scale, above the caches of the machine of the table; L1 and L2 belong to one core.",
        fontsize=SMALL,
        color=MUTED,
    )
    low = 600.0
    axes.set(xscale="log", xlim=(low, CACHES[-1][2]), ylim=(len(SIZES) - 0.4, -0.6))
    left = low
    for index, (name, holds, end) in enumerate(CACHES):
        axes.axvspan(left, end, color=[PAPER, SEQUENTIAL[0]][index % 2], zorder=0)
        axes.text(
            math.sqrt(left * end), -0.72, f"{name}\n{holds}", ha="center", va="bottom", fontsize=SMALL, color=MUTED
        )
        left = float(end)
    for row, (name, size, colour) in enumerate(SIZES):
        axes.plot([low, size], [row, row], color=colour, linewidth=1.2, alpha=0.35)
        axes.plot(size, row, "o", color=colour, markersize=7)
        axes.text(size * 1.3, row, readable(size), fontsize=SMALL, va="center", ha="left")
        axes.text(-0.02, row, name, fontsize=SMALL, va="center", ha="right", transform=axes.get_yaxis_transform())
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.minorticks_off()
    return made


def tile() -> Figure:
    """The register tile, and the one instruction it repeats."""
    c = Canvas(
        5.5, "A register tile of 12 x 2", "12 outputs by 32 channels. One step k of 288 is one tap, one input channel."
    )
    left, top, row, lane = 1.85, 1.6, 0.17, 0.1
    vector, chosen = 16 * lane, 4
    c.text(0.2, top - 0.36, "2 vectors of weights", ha="left")
    for v in range(2):
        x = left + v * (vector + 0.2)
        c.text(x + vector / 2, top - 0.6, f"channels {16 * v}–{16 * v + 15}", colour=MUTED)
        for i in range(16):
            c.box(x + i * lane, top - 0.45, lane, row, fill=PALE_BLUE, line=0.5)
        for p in range(12):
            mine = p == chosen
            for i in range(16):
                c.box(
                    x + i * lane,
                    top + p * row,
                    lane,
                    row,
                    fill=PALE_ORANGE if mine else PAPER,
                    line=0.35,
                    edge="#9AA5AF",
                )
            edge, line = (VERMILION, 1.8) if mine else (MUTED, 0.9)
            c.box(x, top + p * row, vector, row, fill="none", edge=edge, line=line, z=4 if mine else 3)
    for p in range(12):
        mine = p == chosen
        c.box(
            left - 0.62,
            top + p * row,
            0.24,
            row,
            fill=ERRORS[2] if mine else GREY,
            edge=VERMILION if mine else MUTED,
            line=1.6 if mine else 0.7,
            z=2 if mine else 1,
        )
    c.arrow((left - 0.36, top + (chosen + 0.5) * row), (left - 0.04, top + (chosen + 0.5) * row), VERMILION)
    c.text(0.2, top + 6 * row, "12 numbers x,\none for each\noutput", ha="left")
    x = left + 2 * vector + 0.5
    c.text(x, top - 0.36, "each step", ha="left", weight="bold")
    c.text(x, top + 0.2, "loads 2 vectors\nand 12 numbers,\nmultiplies and adds\n24 vectors of 16", ha="left")
    c.text(x, top + 1.05, "registers", ha="left", weight="bold")
    c.text(x, top + 1.5, "24 sums, 2 of weights,\n1 with a number spread:\n27 of 32", ha="left")
    low, wide = top + 12 * row + 0.4, 0.335
    c.text(
        0.2,
        low + 0.02,
        "One instruction: output 4, channels 0–15. The number x4 is spread over a vector.",
        ha="left",
        colour=VERMILION,
    )
    for line, (name, sign, fill, label) in enumerate(
        [("sums", "", PALE_ORANGE, "s{}"), ("x4, spread", "+=", ERRORS[2], "x4"), ("weights", "×", PALE_BLUE, "w{}")]
    ):
        y = low + 0.24 + 0.36 * line
        c.text(0.2, y + 0.14, name, ha="left")
        c.text(left - 0.5, y + 0.14, sign, size=TEXT)
        for i in range(16):
            c.box(left - 0.3 + i * wide, y, wide, 0.28, fill=fill, words=label.format(i), size=8)
    return c.figure


def winograd_line() -> Figure:
    """F(2,3) with numbers, as a graph of additions and four products."""
    c = Canvas(
        4.2,
        "F(2,3): two outputs, four products",
        "Blue: added. Orange, dashed: subtracted. The kernel's four numbers are made once.",
    )
    size, step, top = 0.44, 1.05, 0.95
    xs = [1.75 + step * i for i in range(4)]
    rows = [top, top + 0.95, top + 1.75, top + 2.5]
    d, bd, gw, m, y = (5, 4, 2, 1), (3, 6, -2, 3), (3, 3, 2, 2), (9, 18, -4, 6), (23, 16)
    bt = [(1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)]
    at = [(1, 1, 1, 0), (0, 1, -1, -1)]
    names = ("d0 − d2", "d1 + d2", "d2 − d1", "d1 − d3")

    def join(start: tuple[float, float], end: tuple[float, float], sign: int) -> None:
        if sign:
            c.line(start, end, BLUE if sign > 0 else VERMILION, "-" if sign > 0 else (0, (4, 2)))  # type: ignore[arg-type]

    def number(value: int) -> str:
        return str(value).replace("-", "−")

    for i, x in enumerate(xs):
        c.box(x, rows[0], size, size, words=number(d[i]), fill=GREY, size=TEXT)
        c.box(x, rows[1], size, size, words=number(bd[i]), fill=PALE_BLUE, size=TEXT)
        c.text(x + size + 0.06, rows[1] + size / 2, names[i], ha="left", colour=MUTED, size=8)
        for j, sign in enumerate(bt[i]):
            join((xs[j] + size / 2, rows[0] + size), (x + size / 2, rows[1]), sign)
        c.text(x + size / 2, rows[1] + size + 0.19, f"× {number(gw[i])}", colour=VERMILION, size=TEXT, weight="bold")
        c.box(x, rows[2] + 0.05, size, size, words=number(m[i]), fill=PALE_ORANGE, size=TEXT)
    for o, signs in enumerate(at):
        x = xs[o + 1]
        c.box(x, rows[3] + 0.1, size, size, words=number(y[o]), fill=GREY, size=TEXT, line=1.2)
        for i, sign in enumerate(signs):
            join((xs[i] + size / 2, rows[2] + size + 0.05), (x + size / 2, rows[3] + 0.1), sign)
    labels = ("inputs d", "Bᵀ d", "products m", "outputs y = Aᵀ m")
    for words, height in zip(labels, (rows[0], rows[1], rows[2] + 0.05, rows[3] + 0.1), strict=True):
        c.text(0.2, height + size / 2, words, ha="left")
    right = 6.15
    c.text(right, rows[0] + 0.1, "kernel w = (3, 1, 2)", ha="left", weight="bold")
    c.text(
        right,
        rows[1] + 0.75,
        "G w = (w0,\n  (w0 + w1 + w2) / 2,\n  (w0 − w1 + w2) / 2,\n  w2)\n= (3, 3, 2, 2)",
        ha="left",
        colour=VERMILION,
    )
    c.text(right, rows[3] + 0.32, "5·3 + 4·1 + 2·2 = 23\n4·3 + 2·1 + 1·2 = 16", ha="left", colour=MUTED)
    return c.figure


def winograd_tile() -> Figure:
    """From a window of the image to a tile of outputs."""
    c = Canvas(
        4.2,
        "F(4x4, 3x3): one tile, one pair of channels",
        "36 tiles of 6x6 cover a 26x26 image, 4 apart; neighbours share two rows or columns.",
    )
    cell, top = 0.072, 1.3
    c.text(0.25 + 13 * cell, top - 0.18, "image, 26x26")
    c.grid(0.25, top, 26, 26, cell, edge=FAINT)
    c.box(0.25, top, 26 * cell, 26 * cell, fill="none", z=3)
    for i, j, colour in ((8, 8, VERMILION), (8, 12, BLUE)):
        c.outline(
            0.25 + j * cell, top + i * cell, 6 * cell, 6 * cell, colour, "-" if colour == VERMILION else (0, (2, 1))
        )  # type: ignore[arg-type]
    for i in range(8, 14):
        for j in range(8, 14):
            c.box(
                0.25 + j * cell,
                top + i * cell,
                cell,
                cell,
                fill=PALE_ORANGE if j < 12 else "#F2C14E",
                edge=FAINT,
                line=0.4,
                z=2,
            )
    size = 0.185
    six, four, three = 6 * size, 4 * size, 3 * size
    middle = top + 13 * cell
    a, b, d = 2.85, 4.75, 6.75
    up = middle - three
    c.arrow((0.25 + 14 * cell + 0.03, top + 11 * cell), (a - 0.08, middle), VERMILION)
    c.text(a + six / 2, up - 0.2, "window d, 6x6")
    c.grid(a, up, 6, 6, size, lambda i, j: "#F2C14E" if j > 3 else PALE_ORANGE)
    c.arrow((a + six + 0.1, middle), (b - 0.1, middle))
    c.text(a + six + 0.4, middle - 0.2, "Bᵀ d B")
    c.text(b + six / 2, up - 0.2, "product m, 6x6")
    c.grid(b, up, 6, 6, size, lambda i, j: PALE_BLUE)
    c.arrow((b + six + 0.1, middle), (d - 0.1, middle))
    c.text(b + six + 0.45, middle - 0.2, "Aᵀ m A")
    c.text(d + four / 2, middle - four / 2 - 0.2, "outputs, 4x4")
    c.grid(d, middle - four / 2, 4, 4, size, lambda i, j: GREY)
    low = top + 26 * cell + 0.15
    kernel = b + six / 2 - three / 2
    c.grid(kernel, low + 0.12, 3, 3, size, lambda i, j: PAPER)
    c.arrow((b + six / 2, low + 0.06), (b + six / 2, up + six + 0.06))
    c.text(b + six / 2 + 0.1, (low + up + six) / 2 + 0.06, "⊙ G w Gᵀ", ha="left")
    c.text(kernel - 0.12, low + 0.12 + three / 2, "kernel w, 3x3:\nonce for all tiles", ha="right")
    c.text(
        kernel + three + 0.2,
        low + 0.12 + three / 2,
        "36 products in place of\n16 outputs · 9 taps = 144",
        ha="left",
        weight="bold",
    )
    return c.figure


def stacked() -> Figure:
    """Megabytes read and written by convolution, ReLU and pooling, one after the other and in one."""
    x, y, small, switch = (
        n / MB for n in (128 * 26 * 26 * 32 * 4, 128 * 24 * 24 * 64 * 4, 128 * 144 * 64 * 4, 128 * 144 * 64)
    )
    rows = [
        (
            "three passes",
            [
                ("read x", x),
                ("write y", y),
                ("read y", y),
                ("write ReLU", y),
                ("read ReLU", y),
                ("pooled", small + switch),
            ],
        ),
        ("one pass", [("read x", x), ("pooled", small + switch)]),
    ]
    shades = {"read x": GREY, "pooled": PALE_BLUE}
    c = Canvas(
        2.45,
        "What fusing saves",
        "Megabytes read and written beyond the second-level cache: convolution, ReLU, 2x2 max-pooling.",
    )
    left, unit = 1.35, 6.0 / sum(size for _, size in rows[0][1])
    for index, (name, parts) in enumerate(rows):
        at, top = left, 0.85 + 0.78 * index
        c.text(0.2, top + 0.25, name, ha="left")
        for words, size in parts:
            wide = size * unit
            c.box(at, top, wide, 0.5, fill=shades.get(words, PALE_ORANGE), edge=PAPER, line=2)
            inside = wide > 0.6
            c.text(at + wide / 2, top + 0.25, f"{words}\n{size:.1f}" if inside else f"{size:.1f}", size=8)
            at += wide
        c.text(at + 0.1, top + 0.25, f"{sum(size for _, size in parts):.1f}", ha="left", weight="bold", size=TEXT)
    c.text(
        0.2,
        2.3,
        "Right-most part: the pooled output and, a byte each, the place of each winner, for backward.",
        ha="left",
        colour=MUTED,
    )
    return c.figure


def dealt(blocks: int, late: float) -> dict[str, list[tuple[int, float]]]:
    """Each block (number, time it takes) goes to the thread that is free first; the helper comes late."""
    free, lanes = {"caller": 0.0, "helper": late}, {"caller": [], "helper": []}
    for number in range(blocks):
        who, long = min(free, key=free.__getitem__), 0.9 + 0.1 * (number * 7 % 4)
        lanes[who].append((number, long))
        free[who] += long
    return lanes


def threads() -> Figure:
    """Blocks dealt out to two threads; partial sums added in order."""
    c = Canvas(
        3.75,
        "Blocks, two threads, and sums",
        "Who computes which block is left to chance; how the work is cut, and the order of sums, are not.",
    )
    left, unit, tall = 1.5, 0.395, 0.36
    lanes = dealt(16, 0.45 / (unit * 1.45))
    ends = []
    for index, (name, blocks) in enumerate(lanes.items()):
        at, top = left + index * 0.45, 0.95 + 0.62 * index
        c.text(0.2, top + tall / 2, name, ha="left")
        if index:
            c.box(left, top, 0.45, tall, fill=PAPER, line=0.7, edge=FAINT)
            c.text(left + 0.225, top + tall / 2, "wakes", size=7.5, colour=MUTED)
        for number, long in blocks:
            wide = long * unit * 1.45
            c.box(at, top, wide, tall, fill=(PALE_BLUE, PALE_ORANGE)[index], words=str(number))
            at += wide
        ends.append(at)
    low = 2.75
    c.text(0.2, low + tall / 2, "partial sums", ha="left")
    for number in range(16):
        owner = number in [n for n, _ in lanes["helper"]]
        c.box(
            left + number * unit * 0.92,
            low,
            unit * 0.82,
            tall,
            fill=(PALE_BLUE, PALE_ORANGE)[owner],
            words=str(number),
            size=8,
        )
    end = left + 16 * unit * 0.92
    c.arrow((left, low + tall + 0.16), (end, low + tall + 0.16), INK)
    c.text((left + end) / 2, low + tall + 0.36, "added in the order of the blocks: dW = 0 + 1 + 2 + … + 15", colour=INK)
    c.text((left + max(ends)) / 2, 2.2, "time", colour=MUTED)
    c.arrow((left, 2.06), (max(ends), 2.06), FAINT)
    return c.figure


def measured() -> list[tuple[str, float]]:
    """The rows (way, ms) of the table behind its mark in docs/kernels.md."""
    text = (DOCS / "kernels.md").read_text().split("<!-- python -m benchmarks steps -->")[1]
    rows = []
    for line in text.strip().splitlines()[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows.append((cells[0].replace("`", ""), float(cells[1].replace(",", ""))))
    return rows


def short(ms: float) -> str:
    """Milliseconds, or seconds where there are many."""
    return (
        f"{ms / 1e3:,.0f} s"
        if ms >= 1e5
        else f"{ms / 1e3:.1f} s"
        if ms >= 1e3
        else f"{ms:.0f}"
        if ms >= 100
        else f"{ms:.1f}"
    )


def steps() -> Figure:
    """The measurements of the page."""
    rows = measured()
    height = 1.15 + 0.29 * len(rows)
    made = figure(WIDTH, height)
    axes: Axes = made.add_axes((0.4, 0.25 / height, 0.5, 0.29 * len(rows) / height))
    made.text(0.025, 1 - 0.28 / height, "From loops to the last version", fontsize=TITLE, weight="bold", va="center")
    about = "Milliseconds for 128 images on two threads, on a logarithmic scale. Orange: PyTorch."
    made.text(0.025, 1 - 0.54 / height, about, fontsize=SMALL, color=MUTED, va="center")
    low, place, grouped = 3.0, 0.0, False
    for name, ms in rows:
        theirs = name.startswith("PyTorch")
        colour = VERMILION if theirs else BLUE if name.startswith("our") else INK
        axes.plot([low, ms], [place, place], color=colour, linewidth=1.2, alpha=0.35)
        axes.plot(ms, place, "o", color=colour, markersize=7)
        axes.text(ms * 1.45, place, short(ms), va="center", fontsize=SMALL)
        axes.text(-0.02, place, name, va="center", ha="right", fontsize=SMALL, transform=axes.get_yaxis_transform())
        place += 1.6 if theirs and not grouped else 1.0  # what is fused stands apart
        grouped = grouped or theirs
    axes.set(xscale="log", xlim=(low, 1.2 * max(ms for _, ms in rows)), ylim=(place - 0.4, -0.6))
    axes.set_yticks([])
    axes.grid(axis="x", which="major")
    axes.grid(axis="y", visible=False)
    axes.minorticks_off()
    axes.set_xticks([10, 100, 1e3, 1e4, 1e5], ["10", "100", "1 s", "10 s", "100 s"])
    quiet_ticks(axes)
    return made


PICTURES: dict[str, Callable[[], Figure]] = {
    "im2col": im2col,
    "sizes": sizes,
    "tile": tile,
    "winograd-line": winograd_line,
    "winograd-tile": winograd_tile,
    "fused": stacked,
    "threads": threads,
    "steps": steps,
}


def main(names: Sequence[str] = tuple(PICTURES)) -> None:
    """Draw the pictures of these names."""
    with house("docs/draw_kernels.py"):
        for name in names:
            PICTURES[name]().savefig(DOCS / "images" / f"kernels-{name}.png", dpi=DPI)


if __name__ == "__main__":
    main()
