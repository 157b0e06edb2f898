"""What the answers rest on: for each chosen image its probabilities, and a map of every method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.explain.catalogue import Explained
from pellucid.pictures.legend import listed
from pellucid.pictures.overlay import grounds
from pellucid.pictures.png import data_uri
from pellucid.report.sample import Sample
from pellucid.typing import Array
from pellucid.views.panels import Panel, panels

BARS, LEGEND = 4, 5  # classes whose probability is shown, and lines of the legend of a map of classes


def maps(
    answers: Explained,
    samples: Sequence[Sample],
    images: Array,
    addresses: Sequence[str],
    chances: Array,
    names: Sequence[str],
) -> dict[str, Any]:
    """Return a sheet for each sample, of images (N, H, W[, 3]) in 0..1, and why some methods say nothing."""
    under, sheets = grounds(images), []
    for i, sample in enumerate(samples):
        found = [panel for method, said in answers.given for panel in panels(method.label, said, i, under[i], names)]
        order = np.argsort(-chances[i], kind="stable")[:BARS].tolist()
        sheets.append(
            {
                "i": i,
                "sample": sample.name,
                "image": addresses[i],
                "is_first": "false" if i else "true",
                "is_hidden": i > 0,
                "chances": [{"name": names[k], "percent": f"{100 * chances[i, k]:.1f}"} for k in order],
                "is_wrong": sample.truth is not None and sample.truth != order[0],
                "truth": "" if sample.truth is None else f"truth: {names[sample.truth]}",
                "scalar": answers.given[0][1].scalars[i],
                "panels": [_panel(panel) for panel in found],
            }
        )
    refused = [{"label": method.label, "reason": reason} for method, reason in answers.refused]
    return {"samples": sheets, "refused": refused}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "label": panel.label,
        "image": data_uri(panel.pixels),
        "detail": panel.detail,
        "scale": panel.scale,
        "legend": [{"text": entry.text, "colour": entry.colour or "none"} for entry in listed(panel.legend, LEGEND)],
        "verdict": panel.verdict,
        "kind": {None: "", True: "good", False: "bad"}[panel.holds],
    }
