"""What the filters see: weights, maps, the samples that excite each unit most, and the input made to excite it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import explain, views
from pellucid.errors import PellucidError
from pellucid.layers import Container, Layer
from pellucid.layers.parts import upto
from pellucid.layers.walk import operations
from pellucid.pictures import palette, pixels
from pellucid.pictures.png import data_uri
from pellucid.pictures.scale import Scale
from pellucid.pictures.weights import as_colours, weights_shown
from pellucid.report.measured import Measured
from pellucid.report.sample import Sample
from pellucid.report.template import script_data
from pellucid.typing import Array, Arrays
from pellucid.views.cost import multiply_adds
from pellucid.views.flow import flow
from pellucid.views.receptive import Box
from pellucid.views.top import TopSamples, top_of_units

MOST_LAYERS, MOST_UNITS, TOP, MAPS, STEPS, SEARCHED = 6, 64, 6, 4, 64, 5000
DRAWN = 128 * 128
"""Pixels of the largest inputs that are made to excite units; larger ones take minutes."""
PRODUCTS = 10**11
"""Multiply-adds that may be spent on what excites the units of a layer: some seconds."""
IMAGES = (784, 1024, 4096)  # inputs of a dense layer that are a square image laid flat


def filters_or_reason(
    network: Container[Any],
    measured: Measured | None,
    names: Sequence[str],
    samples: Sequence[Sample],
    addresses: Sequence[str],
    part: str,
) -> tuple[dict[str, Any] | None, str]:
    """Return the layers with weights, from the input on, those within blocks too; or None, and why there are none.

    Of many layers some are shown, from end to end. `addresses` are those of the samples' images.
    """
    named = {path: layer for path, layer in operations(network) if isinstance(layer, Layer)}
    weighted = {path: layer for path, layer in named.items() if layer.filter_weights() is not None}
    spread = np.linspace(0, len(weighted) - 1, min(len(weighted), MOST_LAYERS)).round().astype(int)
    shown = [list(weighted)[i] for i in spread]
    try:
        maps = [views.feature_maps(network, sample.x) for sample in samples[:MAPS]]
        every = {path: _units(network, path, weighted[path], measured, names, maps) for path in shown}
    except PellucidError as error:
        return None, str(error)
    made = {path: units for path, units in every.items() if units}
    if not made:
        return None, "No layer has weights that can be shown."
    chosen = [[sample.name, address] for sample, address in zip(samples, addresses, strict=True)]
    return {
        "shown": len(made),
        "all": len(weighted),
        "layers": [_layer(i, path, weighted[path], made[path]) for i, path in enumerate(made)],
        "data": script_data({"samples": chosen, "part": part, "layers": made}),
    }, ""


def _layer(i: int, path: str, layer: Layer[Any], units: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the buttons of a layer's units."""
    shape = layer.output_shape or (1,)
    first = units[0]
    shows = "weights" if first["thumb"] == first["weights"] else "the inputs made to excite each"
    if first["best"] is None and shows != "weights":
        shows = "what each gives for the first image"
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
    measured: Measured | None,
    names: Sequence[str],
    maps: Sequence[Arrays],
) -> list[dict[str, Any]]:
    """Return what opens where a unit is clicked: what was made or looked for, as far as it does not take too long."""
    count = min((layer.output_shape or (1,))[-1], MOST_UNITS)
    products = count * sum(multiply_adds(op) or 0 for op in flow(upto(network, path)))
    small = math.prod((network.input_shape or ())[:2]) <= DRAWN
    made = _made(network, path, count) if small and products * STEPS <= PRODUCTS else None
    found = None
    if measured is not None and products // count * min(len(measured.data), SEARCHED) <= PRODUCTS:
        found = top_of_units("report", network, path, range(count), measured.data.x[:SEARCHED], TOP)
    W = layer.filter_weights()
    weights = None if W is None else _weights(W)
    # Kernels of many channels are a mosaic that says little at the size of a button.
    # Without time for the inputs made to excite them, the maps of the first image stand there.
    telling = weights is not None and W is not None and not (W.ndim == 4 and W.shape[2] > 3)
    buttons = weights if telling else made[0] if made is not None else _of_maps(maps[0][path], count)
    if buttons is None:
        return []
    return [
        {
            "thumb": data_uri(buttons[k]),
            "weights": None if weights is None else data_uri(weights[k]),
            "maps": [_map(m[path], k) for m in maps],
            "top": [] if found is None or measured is None else _samples(found[k], measured, names),
            "best": None if made is None else data_uri(made[0][k]),
            "score": "" if made is None else made[1][k],
        }
        for k in range(count)
    ]


def _made(network: Container[Any], path: str, count: int) -> tuple[Array, list[str]]:
    """Return the inputs made to excite each unit, as bytes, and what each reaches."""
    best = explain.maximize(network, range(count), layer=path, steps=STEPS, film=1)
    shown = np.clip(best.pictures(best.best), 0, 1)
    return pixels.as_bytes(pixels.shown_images("report", shown)), [f"{score:.3g}" for score in best.scores[:, 0]]


def _of_maps(output: Array, count: int) -> Array | None:
    """Return the maps of the first image as bytes of colour, in place of what would say more; None of vectors."""
    if output.ndim != 3:
        return None
    scales = [Scale.of(output[..., k]) for k in range(count)]
    return np.stack([scale.drawn(output[..., k], scale.colours) for k, scale in enumerate(scales)])


def _weights(W: Array) -> Array | None:
    """Return the weights of each unit as bytes of colour (K, H, W, 3), or None where they are of no picture."""
    if W.ndim != 4 and (W.ndim != 2 or len(W) not in IMAGES):
        return None
    coloured = as_colours("report", W)
    if coloured is not None:
        return pixels.as_bytes(coloured)
    scale = Scale.of(W, signed=True)
    return scale.drawn(weights_shown("report", W)[0], scale.colours)


def _map(output: Array, k: int) -> Any:
    """Return the map of a channel as [address, reach of its colours], or the number that a unit gives."""
    if output.ndim != 3:
        return f"{output[k]:.3g}"
    scale = Scale.of(output[..., k])
    return [data_uri(scale.drawn(output[..., k], scale.colours)), scale.reach]


def _samples(top: TopSamples, measured: Measured, names: Sequence[str]) -> list[list[Any]]:
    """Return [index, true class, activation, address of the image, framed] of each."""
    return [
        [i, names[int(measured.data.t[i])], f"{value:.3g}", data_uri(_framed(measured.pictures[i], box))]
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
