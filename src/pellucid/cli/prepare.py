"""What a person says about a network that came from elsewhere: how its pictures are prepared, what its classes are."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from pellucid.cli.options import decorated
from pellucid.cli.ranges import NAME, Numbers, Real
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.files import read_bytes
from pellucid.interop.strict_json import parse_json
from pellucid.layers import Container
from pellucid.layers.door import has_door
from pellucid.shown import shown
from pellucid.specs import LAYOUTS, InputSpec
from pellucid.typing import Shape

MOST_BYTES = 1 << 22  # of the names of classes

_SCALE, _MEAN, _STD = Real(0, 1e6, min_open=True), Numbers(0, 1e6), Numbers(0, 1e6, min_open=True)
_OPTIONS = {
    "layout": click.option(
        "--layout", type=click.Choice(LAYOUTS), help="Whether the network's samples are (H, W, C) or (C, H, W)."
    ),
    "scale": click.option("--scale", type=_SCALE, metavar="NUMBER", help="What a white pixel becomes: 1, or 255."),
    "mean": click.option("--mean", type=_MEAN, metavar="R,G,B", help="What is subtracted then, of each channel."),
    "std": click.option("--std", type=_STD, metavar="R,G,B", help="What each channel is divided by then."),
    "bgr": click.option("--bgr/--rgb", default=None, help="Whether blue comes first."),
    "crop": click.option(
        "--crop/--stretch", default=None, help="Whether a picture is cut to its middle, or resized as it is."
    ),
    "classes": click.option(
        "--classes", type=NAME, metavar="FILE", help="The names of the classes: one a line, or a list as JSON."
    ),
}


@dataclass(frozen=True)
class Preparation:
    """The options above; None is what was not said."""

    layout: str | None = None
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    bgr: bool | None = None
    crop: bool | None = None
    classes: Path | None = None

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        return [] if self.classes is None else [self.classes]

    def apply(self, network: Container[Any]) -> None:
        """Put it down in `network.inputs`, over what stood there."""
        if self == Preparation():
            return
        known = network.inputs or usual(network.input_shape or (), "channels-first" if has_door(network) else None)
        changes: dict[str, Any] = {}
        if self.layout is not None and self.layout != known.layout:
            changes |= {"layout": self.layout, "shape": _turned(network, known, self.layout)}
        if self.scale is not None:
            changes["scale"] = self.scale
        if self.mean is not None or self.std is not None:
            changes |= self._standard(known)
        if self.bgr is not None:
            changes["channels"] = "bgr" if self.bgr else "rgb"
        if self.crop is not None:
            changes["sizing"] = "crop" if self.crop else "stretch"
        if changes and known.kind == "array":
            changes["kind"] = "images"
        if changes and known.white is None:
            changes.setdefault("scale", 1.0)
        if self.classes is not None:
            changes["class_names"] = read_class_names(self.classes, network.output_shape or (1,))
        network.inputs = known.replace(**changes)

    def _standard(self, known: InputSpec) -> dict[str, Any]:
        mean, std = self.mean or known.mean or (0.0,), self.std or known.deviation or (1.0,)
        size = max(len(mean), len(std))
        mean, std = (row * size if len(row) == 1 else row for row in (mean, std))
        channels = known.picture_shape[-1]
        for option, row in (("--mean", mean), ("--std", std)):
            if len(row) not in (1, channels) or len(row) != size:
                raise ArgumentError(f"{option}: pictures here have {channels} channels, got {len(row)} numbers.")
        return {"mean": mean, "deviation": std}


def preparation_options(function: Any, own: str = "") -> Any:
    """Add the options; the command gets them as one `preparation`. It may have one of them as its `own`."""
    names = [field.name for field in fields(Preparation) if field.name != own]

    @functools.wraps(function)
    def command(*args: Any, **rest: Any) -> Any:
        said = {name: rest.pop(name) for name in names}
        return function(*args, preparation=Preparation(**said), **rest)

    return decorated(command, tuple(_OPTIONS[name] for name in names))


def usual(shape: Shape, layout: str | None = None) -> InputSpec:
    """Return what is taken for granted of a network that says nothing: pictures where its samples may be some."""
    if len(shape) == 3:
        first = layout == LAYOUTS[1] or (layout is None and shape[0] in (1, 3) and shape[2] not in (1, 3))
        kind = "images" if shape[0 if first else 2] in (1, 3) else "array"
        return InputSpec(kind, shape, layout=LAYOUTS[first])
    for channels in (1, 3):
        side = math.isqrt(math.prod(shape) // channels)
        if len(shape) == 1 and side * side * channels == shape[0] and side > 1:
            return InputSpec("images", (side, side, channels))
    return InputSpec("array", shape)


def _turned(network: Container[Any], known: InputSpec, layout: str) -> Shape:
    """Return the shape of a sample in the other layout; a network that says its axes has them in one order only."""
    if len(known.shape) != 3:
        raise ArgumentError(f"--layout: the network takes samples of shape {network.input_shape}, no pictures.")
    if network.input_shape == known.shape:  # the same axes, read in another way
        return known.shape
    h, w, c = known.picture_shape
    return (h, w, c) if layout == LAYOUTS[0] else (c, h, w)


def read_class_names(path: Path, output_shape: Shape) -> tuple[str, ...]:
    """Return the names in a file: a line each, a JSON list, or a JSON object {"0": "tench", …} as Keras has it.

    Raises
    ------
    FileFormatError
        If it is damaged.
    ArgumentError
        If there are not as many as the network has outputs.
    """
    content = read_bytes(path, MOST_BYTES, who="--classes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileFormatError(f"--classes: {shown(path)} is no text in UTF-8.") from None
    names = _listed(text, path) if text.lstrip()[:1] in ("[", "{") else text.splitlines()
    while names and not names[-1].strip():
        names.pop()
    count = max(math.prod(output_shape), 2)
    if len(names) != count:
        raise ArgumentError(f"--classes: {shown(path)} has {len(names):,} names, the network {count:,} classes.")
    return tuple(name.strip() for name in names)


def _listed(text: str, path: Path) -> list[str]:
    found = parse_json(text.encode(), f"--classes: {shown(path)}")
    if isinstance(found, dict):
        if sorted(found, key=lambda key: (len(key), key)) != [str(k) for k in range(len(found))]:
            raise FileFormatError(f"--classes: {shown(path)}: the keys must be the classes 0, 1, 2, …")
        found = [found[str(k)] for k in range(len(found))]
    names = [name[-1] if isinstance(name, list) and name else name for name in found]
    if not all(isinstance(name, str) for name in names):
        raise FileFormatError(f"--classes: {shown(path)} must hold texts, or lists that end in one.")
    return names
