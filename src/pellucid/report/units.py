"""What the filters see: weights, maps, the samples that excite each unit most, and the input made to excite it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import explain, views
from pellucid.data import Dataset
from pellucid.errors import PellucidError
from pellucid.layers import Container, Layer
from pellucid.layers.walk import operations
from pellucid.pictures import palette, pixels
from pellucid.pictures.png import data_uri
from pellucid.pictures.scale import Scale
from pellucid.pictures.weights import weights_shown
from pellucid.report.sample import Sample
from pellucid.report.template import script_data
from pellucid.typing import Array, Arrays
from pellucid.views.receptive import Box
from pellucid.views.top import TopSamples, top_of_units

MOST_LAYERS, MOST_UNITS, TOP, MAPS, STEPS, SEARCHED = 6, 64, 6, 4, 64, 5000
IMAGES = (784, 1024, 4096)  # inputs of a dense layer that are a square image laid flat


def filters_or_reason(
    network: Container[Any],
    data: Dataset,
    pictures: Array,
    names: Sequence[str],
    samples: Sequence[Sample],
    addresses: Sequence[str],
    part: str,
) -> tuple[dict[str, Any] | None, str]:
    """Return the layers with weights, from the input on, those within blocks too; or None, and why there are none.

    Of many layers some are shown, from end to end. `pictures` are the bytes of the data's images, `addresses` those
    of the samples.
    """
    named = {path: layer for path, layer in operations(network) if isinstance(layer, Layer)}
    weighted = {path: layer for path, layer in named.items() if layer.filter_weights() is not None}
    spread = np.linspace(0, len(weighted) - 1, min(len(weighted), MOST_LAYERS)).round().astype(int)
    shown = [list(weighted)[i] for i in spread]
    try:
        maps = [views.feature_maps(network, sample.x) for sample in samples[:MAPS]]
        made = {path: _units(network, path, weighted[path], data, pictures, names, maps) for path in shown}
    except PellucidError as error:
        return None, str(error)
    if not made:
        return None, "No layer has weights that can be shown."
    chosen = [[sample.name, address] for sample, address in zip(samples, addresses, strict=True)]
    return {
        "shown": len(made),
        "all": len(weighted),
        "layers": [_layer(i, path, weighted[path], made[path]) for i, path in enumerate(shown)],
        "data": script_data({"samples": chosen, "part": part, "layers": made}),
    }, ""


def _layer(i: int, path: str, layer: Layer[Any], units: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the buttons of a layer's units."""
    shape = layer.output_shape or (1,)
    shows = "weights" if units[0]["thumb"] == units[0]["weights"] else "the inputs made to excite each"
    return {
        "i": i,
        "layer": path,
        "is_first": "false" if i else "true",
        "is_hidden": i > 0,
        "unit": "filter" if len(shape) == 3 else "unit",
        "buttons": shows + ("" if len(units) == shape[-1] else f" (the first {len(units)} of {shape[-1]})"),
        "units": [{"k": k, "thumb": unit["thumb"]} for k, unit in enumerate(units)],
    }


def _units(
    network: Container[Any],
    path: str,
    layer: Layer[Any],
    data: Dataset,
    pictures: Array,
    names: Sequence[str],
    maps: Sequence[Arrays],
) -> list[dict[str, Any]]:
    """Return what opens where a unit is clicked."""
    count = min((layer.output_shape or (1,))[-1], MOST_UNITS)
    best = explain.maximize(network, range(count), layer=path, steps=STEPS, film=1)
    excited = pixels.as_bytes(pixels.shown_images("report", np.clip(best.best, 0, 1)))
    found = top_of_units("report", network, path, range(count), data.x[:SEARCHED], TOP)
    W = layer.filter_weights()
    weights = None if W is None else _weights(W)
    # Kernels of many channels are a mosaic that says little at the size of a button.
    buttons = excited if W is None or weights is None or (W.ndim == 4 and W.shape[2] > 3) else weights
    return [
        {
            "thumb": data_uri(buttons[k]),
            "weights": None if weights is None else data_uri(weights[k]),
            "maps": [_map(m[path], k) for m in maps],
            "top": _samples(found[k], pictures, data, names),
            "best": data_uri(excited[k]),
            "score": f"{best.scores[k, 0]:.3g}",
        }
        for k in range(count)
    ]


def _weights(W: Array) -> Array | None:
    """Return the weights of each unit as bytes of colour (K, H, W, 3), or None where they are of no picture."""
    if W.ndim != 4 and (W.ndim != 2 or len(W) not in IMAGES):
        return None
    scale = Scale.of(W, signed=True)
    return scale.drawn(weights_shown("report", W)[0], scale.colours)


def _map(output: Array, k: int) -> Any:
    """Return the map of a channel as [address, reach of its colours], or the number that a unit gives."""
    if output.ndim != 3:
        return f"{output[k]:.3g}"
    scale = Scale.of(output[..., k])
    return [data_uri(scale.drawn(output[..., k], scale.colours)), scale.reach]


def _samples(top: TopSamples, pictures: Array, data: Dataset, names: Sequence[str]) -> list[list[Any]]:
    """Return [index, true class, activation, address of the image, framed] of each."""
    return [
        [i, names[int(data.t[i])], f"{value:.3g}", data_uri(_framed(pictures[i], box))]
        for i, value, box in zip(top.indices.tolist(), top.values, top.boxes, strict=True)
    ]


def _framed(picture: Array, box: Box) -> Array:
    """Draw the frame of what a unit sees, unless it sees all."""
    shown = pixels.coloured(picture).copy()
    if pixels.is_part(box, *shown.shape[:2]):
        frame = palette.bytes_of(palette.VERMILION)
        shown[[box.top, box.bottom - 1], box.left : box.right] = frame
        shown[box.top : box.bottom, [box.left, box.right - 1]] = frame
    return shown
