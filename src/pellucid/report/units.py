"""The filters of every layer: weights, feature maps, the samples that excite each most, and its maximised input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import explain, views
from pellucid.data import Dataset
from pellucid.errors import PellucidError
from pellucid.explain.parts import operations
from pellucid.layers import Affine, Container, Conv2D, Layer
from pellucid.pictures import pixels
from pellucid.pictures.png import data_uri
from pellucid.pictures.scale import Scale
from pellucid.plots.filters import mosaic
from pellucid.report.sample import Sample
from pellucid.typing import Array
from pellucid.views.receptive import Box
from pellucid.views.top import TopSamples, top_of_units

MOST_LAYERS, MOST_UNITS, TOP, MAPS, STEPS, SEARCHED = 6, 64, 6, 4, 64, 5000
FRAME = np.array([213, 94, 0], np.uint8)


class LayerView(NamedTuple):
    """What the page shows of a layer: its name, what a unit is called, how many there are, and those that are shown."""

    name: str
    unit: str
    total: int
    buttons: str
    units: list[dict[str, Any]]


def weighted_layers(network: Container[Any]) -> list[tuple[str, Layer[Any]]]:
    """Return the convolutions and dense layers with their paths."""
    return [(path, a) for path, a in operations(network) if isinstance(a, (Conv2D, Affine))]


def layer_views(
    network: Container[Any], data: Dataset, names: Sequence[str], samples: Sequence[Sample]
) -> list[LayerView]:
    """Return the layers with weights, from the input on, those within blocks too; of many, some from end to end."""
    weighted = weighted_layers(network)
    if len(weighted) > MOST_LAYERS:
        spread = np.linspace(0, len(weighted) - 1, MOST_LAYERS).round().astype(int)
        weighted = [weighted[i] for i in spread]
    maps = [views.feature_maps(network, sample.x) for sample in samples[:MAPS]]
    return [_view(network, path, layer, data, names, maps) for path, layer in weighted]


def _view(
    network: Container[Any], path: str, layer: Layer[Any], data: Dataset, names: Sequence[str],
    maps: Sequence[dict[str, Array]],
) -> LayerView:  # fmt: skip
    shape = layer.output_shape or (1,)
    count = min(shape[-1], MOST_UNITS)
    best = explain.maximize(network, range(count), layer=path, steps=STEPS, film=1)
    excited = _bytes(np.clip(best.best, 0, 1))
    found = top_of_units("report", network, path, range(count), data.x[:SEARCHED], TOP)
    pictures = _bytes(data.x)
    units = []
    for k in range(count):
        weights = _weights(layer, k)
        # Kernels of many channels are a mosaic that says little at the size of a button.
        shown = excited[k] if weights is None or (len(shape) == 3 and layer.params["W"].shape[2] > 3) else weights
        units.append({
            "thumb": _uri(shown),
            "weights": None if weights is None else _uri(weights),
            "maps": [_map(m[path], k) for m in maps],
            "top": _samples(found[k], pictures, data, names),
            "best": _uri(excited[k]),
            "score": f"{best.scores[k, 0]:.3g}",
        })  # fmt: skip
    buttons = "weights" if units[0]["thumb"] == units[0]["weights"] else "the inputs made to excite each"
    return LayerView(path, "filter" if len(shape) == 3 else "unit", shape[-1], buttons, units)


def _weights(layer: Layer[Any], k: int) -> Array | None:
    """Return a unit's weights as a picture, or None where they are of no picture."""
    W = layer.params["W"]
    scale = Scale.of(W, signed=True)
    if W.ndim == 4:
        return scale.drawn(mosaic(W[..., k].transpose(2, 0, 1)[None])[0], scale.colours)
    side = round(W.shape[0] ** 0.5)
    if layer.input_shape is not None and side * side == W.shape[0] and W.shape[0] in (784, 1024, 4096):
        return scale.drawn(W[:, k].reshape(side, side), scale.colours)
    return None


def _map(output: Array, k: int) -> Any:
    """Return the map of a channel as [address, reach of its colours], or the number that a unit gives."""
    if output.ndim != 3:
        return f"{output[k]:.3g}"
    scale = Scale.of(output[..., k])
    return [_uri(scale.drawn(output[..., k], scale.colours)), scale.reach]


def _samples(top: TopSamples, pictures: Array, data: Dataset, names: Sequence[str]) -> list[list[Any]]:
    made = []
    for i, value, box in zip(top.indices.tolist(), top.values, top.boxes, strict=True):
        truth = "" if data.classes is None else names[int(data.t[i])]
        made.append([i, truth, f"{value:.3g}", _uri(_framed(pictures[i], box))])
    return made


def _framed(picture: Array, box: Box) -> Array:
    """Draw the frame of what a unit sees, unless it sees all."""
    shown = pixels.coloured(picture).copy()
    if not pixels.is_part(box, *shown.shape[:2]):
        return shown
    shown[[box.top, box.bottom - 1], box.left : box.right] = FRAME
    shown[box.top : box.bottom, [box.left, box.right - 1]] = FRAME
    return shown


def _bytes(images: Array) -> Array:
    return pixels.as_bytes(pixels.shown_images("report", images))


def _uri(picture: Array) -> str:
    return data_uri(pixels.small(picture))


def views_or_reason(
    network: Container[Any], data: Dataset, names: Sequence[str], samples: Sequence[Sample]
) -> tuple[list[LayerView], str]:
    """Return the views, or none and the reason."""
    try:
        return layer_views(network, data, names, samples), ""
    except PellucidError as error:
        return [], str(error)
