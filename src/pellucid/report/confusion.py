"""The confusion matrix whose cells open the images behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.pictures.confusion import Confusion
from pellucid.pictures.png import LARGEST, data_uri
from pellucid.report.style import cell_class
from pellucid.report.template import script_data
from pellucid.typing import Array, IntArray

MOST, SHOWN = 30, 24  # classes of a table, and images of a cell
BUDGET = 2_500_000  # bytes, about, for the images of all cells


def confusion(pictures: Array, truth: IntArray, chances: Array, names: list[str], part: str) -> dict[str, Any] | None:
    """Return the table, rows true, columns predicted, and the pictures behind its cells; None of too many classes."""
    if len(names) > MOST:
        return None
    found = Confusion.of(truth, chances.argmax(axis=1), names)
    rows = [{"name": name, "cells": [_cell(found, t, p) for p in range(len(names))]} for t, name in enumerate(names)]
    behind = {"names": names, "part": part, "cells": _images(pictures, truth, chances)}
    return {"names": names, "rows": rows, "images": script_data(behind)}


def _cell(found: Confusion, t: int, p: int) -> dict[str, Any]:
    count = found.counts[t, p]
    if not count:
        return {"count": ""}
    return {
        "count": f"{count:,}",
        "cell": f"{t}-{p}",
        "said": f"{count:,} of {found.names[t]} predicted as {found.names[p]}, {found.shares[t, p]:.1%}",
        "colour": cell_class(found.strength(t, p), right=t == p, dark=found.is_dark(t, p)),
    }


def _images(pictures: Array, truth: IntArray, chances: Array) -> dict[str, Any]:
    """Return for each cell its images: mistakes by how sure they were, right answers by how unsure.

    Every image is [index, probability of the predicted class, of the true one, address].
    """
    guess = chances.argmax(axis=1)
    cells: dict[str, Any] = {}
    pairs = np.unique(np.stack([truth, guess], axis=1), axis=0)
    for t, p in pairs.tolist():
        behind = np.flatnonzero((truth == t) & (guess == p))
        sure = chances[behind, p]
        ordered = behind[np.argsort(sure if t == p else -sure, kind="stable")]
        shown = ordered[: _fitting(pictures, len(pairs))].tolist()
        cells[f"{t}-{p}"] = {
            "count": len(behind),
            "images": [[i, _short(chances[i, p]), _short(chances[i, t]), data_uri(pictures[i])] for i in shown],
        }
    return cells


def _fitting(pictures: Array, cells: int) -> int:
    """Return how many images a cell shows, so that all together stay within the budget."""
    bytes_each = 0.7 * min(pictures[0].size, LARGEST**2 * (3 if pictures.ndim == 4 else 1)) + 100
    return int(np.clip(BUDGET / (bytes_each * cells), 3, SHOWN))


def _short(chance: float) -> float:
    return round(float(chance), 4)
