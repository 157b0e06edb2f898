"""The confusion matrix whose cells open the images behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.data import Dataset
from pellucid.pictures import pixels
from pellucid.pictures.confusion import Confusion
from pellucid.pictures.png import data_uri
from pellucid.report.markup import Markup, tag
from pellucid.typing import Array

MOST, SHOWN = 30, 24  # classes of a table, and images of a cell
BUDGET = 2_500_000  # bytes, about, for the images of all cells


def matrix(found: Confusion) -> Markup:
    """Return the table: rows true, columns predicted; each number is a button."""
    names = found.names
    head = tag("tr", tag("th", "true ↓ predicted →", class_="corner"), [tag("th", name, scope="col") for name in names])
    rows = [
        tag("tr", tag("th", name, scope="row"), [tag("td", _cell(found, t, p)) for p in range(len(names))])
        for t, name in enumerate(names)
    ]
    return tag("table", tag("thead", head), tag("tbody", rows), class_="confusion")


def _cell(found: Confusion, t: int, p: int) -> Markup:
    count, share = found.counts[t, p], found.shares[t, p]
    if not count:
        return Markup("")
    said = f"{count:,} of {found.names[t]} predicted as {found.names[p]}, {share:.1%}"
    kind = "right" if t == p else "wrong"
    return tag(
        "button", f"{count:,}", type="button", data_cell=f"{t}-{p}", title=said, aria_label=said,
        class_=f"{kind} level{1 + round(8 * found.strength(t, p))}",
    )  # fmt: skip


def images(data: Dataset, chances: Array, pictures: Array) -> dict[str, Any]:
    """Return for each cell its images: mistakes by how sure they were, right answers by how unsure.

    Every image is [index, probability of the predicted class, of the true one, address].
    """
    truth, guess = np.asarray(data.t), chances.argmax(axis=1)
    cells: dict[str, Any] = {}
    pairs = np.unique(np.stack([truth, guess], axis=1), axis=0)
    for t, p in pairs.tolist():
        behind = np.flatnonzero((truth == t) & (guess == p))
        sure = chances[behind, p]
        ordered = behind[np.argsort(sure if t == p else -sure, kind="stable")]
        shown = ordered[: _fitting(pictures, len(pairs))]
        cells[f"{t}-{p}"] = {
            "count": len(behind),
            "images": [
                [int(i), _short(chances[i, p]), _short(chances[i, t]), data_uri(pixels.small(pictures[i]))]
                for i in shown
            ],
        }
    return cells


def _fitting(pictures: Array, cells: int) -> int:
    """Return how many images a cell shows, so that all together stay within the budget."""
    bytes_each = 0.7 * min(pictures[0].size, pixels.LARGEST**2 * (3 if pictures.ndim == 4 else 1)) + 100
    return int(np.clip(BUDGET / (bytes_each * cells), 3, SHOWN))


def _short(chance: float) -> float:
    return round(float(chance), 4)
