"""What a network learnt from, as its model file remembers it: how samples were prepared, and what its outputs mean.

    {"kind": "images", "shape": [28, 28, 1], "low": 0.0, "high": 1.0, "class_names": ["cat", "dog"]}

`load_csv`, `load_directory` and `mnist` say how they prepared their samples, `fit` puts it down in `network.inputs`,
and `save` writes it beside the architecture, so that a picture, an array or a table that comes later is brought to
the very same form. `fit` puts down what the outputs mean in `network.outputs`.

Of a network that came from elsewhere a person, or the file's own metadata, says the preparation of its pictures:

    {"kind": "images", "shape": [3, 224, 224], "layout": "channels-first", "scale": 1.0,
     "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import numbers
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.losses import Loss, as_loss, loss_config
from pellucid.shown import came
from pellucid.typing import Array, Config, Shape

KINDS = ("digits", "images", "table", "array")
LAYOUTS = ("channels-last", "channels-first")
ORDERS = ("rgb", "bgr")
SIZINGS = ("stretch", "crop")
PICTURES = ("digits", "images")


@checked_late
@dataclass(frozen=True)
class InputSpec:
    """How the samples of a network were made from what lay in files.

    Attributes
    ----------
    kind : {"digits", "images", "table", "array"}
        Digits in MNIST's form (28x28, light on dark, centred); other pictures; columns of a table; or arrays of
        which no more is known.
    shape : tuple of int
        Of one sample, before it was flattened: (28, 28, 1), or (4,) for four columns; (C, H, W) where the layout
        says so.
    low, high : float, optional
        Between which numbers the training samples lay: 0 and 1 where pixels were divided by 255.
    columns : tuple of str
        The names of a table's columns, in order; numbers counted from 0 where it had no header.
    mean, deviation : tuples of float
        What was subtracted from each column, and what it was divided by; empty where columns were left as they are.
        Of pictures, from each channel (or one number for all), after they were scaled.
    class_names : tuple of str, optional
        One for each class.
    layout : {"channels-last", "channels-first"}
        Whether a picture is (H, W, C) or (C, H, W).
    scale : float, optional
        What a white pixel is before `mean` is subtracted: 1 or 255 as a rule. Left out, `low` and `high` say it.
    channels : {"rgb", "bgr"}
        The order of the colours.
    sizing : {"stretch", "crop"}
        How a picture of other proportions is brought to the size: as a whole, or the largest part around its middle.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(2)], input_shape=3)
    >>> history = pl.fit(network, (np.ones((4, 3)), [0, 1, 0, 1]), epochs=1, progress=False)
    >>> network.inputs.kind, network.inputs.shape
    ('array', (3,))
    """

    kind: str
    shape: Shape
    low: float | None = None
    high: float | None = None
    columns: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    class_names: tuple[str, ...] | None = None
    layout: str = "channels-last"
    scale: float | None = None
    channels: str = "rgb"
    sizing: str = "stretch"

    def __post_init__(self) -> None:
        for name, kind in {"shape": int, "columns": str, "mean": float, "deviation": float}.items():
            self._expect(name, _tuple_of(getattr(self, name), kind))
        for name, sound in self._checks().items():
            self._expect(name, sound)

    def _expect(self, name: str, sound: bool) -> None:
        if not sound:
            raise ArgumentError(f"InputSpec: {name} cannot be {came(getattr(self, name))}.")

    def _checks(self) -> dict[str, bool]:
        columns, is_picture = len(self.columns), self.kind in PICTURES
        per = (0, 1, self.picture_shape[-1]) if is_picture and len(self.shape) == 3 else (0, columns)
        return {
            "kind": isinstance(self.kind, str) and self.kind in KINDS,
            "layout": self.layout in LAYOUTS and (self.layout == LAYOUTS[0] or len(self.shape) == 3),
            "shape": len(self.shape) > 0
            and min(self.shape) > 0
            and (self.kind != "digits" or self.picture_shape == (28, 28, 1))
            and (self.kind != "images" or len(self.shape) == 3),
            "low": self.low is None or _finite(self.low),
            "high": self.high is None or (_finite(self.high) and self.low is not None and self.low <= self.high),
            "columns": (columns,) == self.shape if self.kind == "table" else columns == 0,
            "mean": len(self.mean) in per and all(map(_finite, self.mean)),
            "deviation": len(self.deviation) == len(self.mean) and all(_finite(d) and d > 0 for d in self.deviation),
            "class_names": self.class_names is None or _tuple_of(self.class_names, str),
            "scale": self.scale is None or (is_picture and _finite(self.scale) and self.scale > 0),
            "channels": self.channels in ORDERS and (self.channels == ORDERS[0] or self.picture_shape[-1] == 3),
            "sizing": self.sizing in SIZINGS,
        }

    @property
    def size(self) -> int:
        """The numbers in one sample."""
        return math.prod(self.shape)

    @property
    def picture_shape(self) -> Shape:
        """The shape of one sample with its channels last."""
        return self.shape if self.layout == LAYOUTS[0] else (*self.shape[1:], self.shape[0])

    @property
    def white(self) -> float | None:
        """What a white pixel is before any mean is subtracted; None where neither scale nor range says it.

        1 or 255, where the training samples reached about one of these from 0.
        """
        if self.scale is not None:
            return self.scale
        if self.low is None or self.high is None or self.low < 0:
            return None
        return next((white for white in (1.0, 255.0) if 0.5 * white < self.high <= white), None)

    def standardised(self, x: Array) -> Array:
        """Return columns (N, D) of a table, or scaled pictures, as they were learnt: (x − mean) / deviation.

        Pictures are (N, *shape), or flattened. Where `channels` is "bgr", red comes in first and blue goes out first.
        """
        if self.channels == "rgb" and not self.mean:
            return x
        made = x.reshape(len(x), *self.shape)
        if self.channels == "bgr":
            made = np.flip(made, self._channel_axis)
        if self.mean:
            mean, deviation = self._constants(x.dtype)
            made = (made - mean) / deviation
        return np.asarray(made.reshape(x.shape))

    def prepared(self, pictures: Array) -> Array:
        """Return pictures (N, H, W, C), red first, from 0 (black) to 1 (white), as samples (N, *shape).

        x = (pixel · scale − mean) / deviation, each channel by its own.
        """
        pictures = numbers("InputSpec", "pictures", pictures)
        if self.layout != LAYOUTS[0] and pictures.ndim != 4:
            raise ShapeError(f"InputSpec: pictures must have shape (N, H, W, C), got {pictures.shape}.")
        x = pictures * pictures.dtype.type(self.white or 1.0)
        return np.ascontiguousarray(self.standardised(x if self.layout == LAYOUTS[0] else x.transpose(0, 3, 1, 2)))

    def pictures(self, x: Array) -> Array:
        """Return samples (N, *shape) as the pictures that `prepared` was given: (N, H, W, C) in 0..1.

        Where nothing says what white is, the range is not touched.
        """
        x = numbers("InputSpec", "x", x)
        if x.ndim == 0 or math.prod(x.shape[1:]) != self.size:
            raise ShapeError(f"InputSpec: x must hold samples of shape {self.shape}, got {x.shape}.")
        x = x.reshape(len(x), *self.shape)
        if self.mean:
            mean, deviation = self._constants(x.dtype)
            x = x * deviation + mean
        if self.white is not None:
            x = np.clip(x / x.dtype.type(self.white), 0, 1)
        if self.channels == "bgr":
            x = np.flip(x, self._channel_axis)
        return np.ascontiguousarray(x if self.layout == LAYOUTS[0] else x.transpose(0, 2, 3, 1))

    @property
    def _channel_axis(self) -> int:
        """Of samples (N, *shape)."""
        return 1 if self.layout == LAYOUTS[1] else -1

    def _constants(self, dtype: Any) -> tuple[Array, Array]:
        """Return mean and deviation so that they broadcast with samples (N, *shape)."""
        shape = (-1, 1, 1) if self.layout == LAYOUTS[1] else (-1,)
        return np.array(self.mean, dtype).reshape(shape), np.array(self.deviation, dtype).reshape(shape)

    def replace(self, **changes: Any) -> InputSpec:
        """Return the same with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_config(self) -> Config:
        """Return it as a dictionary fit for JSON; what is empty is left out."""
        usual = {"layout": LAYOUTS[0], "channels": ORDERS[0], "sizing": SIZINGS[0]}
        return {key: value for key, value in vars(self).items() if value not in (None, (), usual.get(key))}

    @classmethod
    def from_config(cls, config: Any) -> InputSpec:
        """Return what `to_config` gave, also by way of JSON; ArgumentError for anything else."""
        known = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(config, dict) or not {"kind", "shape"} <= set(config) <= set(known):
            names = ", ".join(map(str, config)) if isinstance(config, dict) else type(config).__name__
            raise ArgumentError(
                f"InputSpec: must have kind and shape, and besides only {', '.join(known[2:])}; got {names[:80]}."
            )
        return cls(**{key: _plain(key, value) for key, value in config.items()})


def pictures_of(samples: Array, spec: InputSpec | None, layout: str = "channels-last") -> Array:
    """Return samples (N, …) as a person sees them: as `spec` says, or with their channels put last at least."""
    if spec is not None and spec.kind in PICTURES and spec.size == math.prod(samples.shape[1:]):
        return spec.pictures(samples)
    return np.moveaxis(samples, 1, 3) if samples.ndim == 4 and layout == LAYOUTS[1] else samples


def _plain(key: str, value: Any) -> Any:
    """Lists of JSON are tuples here, and its whole numbers floats where floats are meant."""
    real = key in ("low", "high", "mean", "deviation", "scale")
    if isinstance(value, list | tuple):
        return tuple(_float(v) if real else v for v in value)
    return _float(value) if real else value


def _float(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) < 1 << 53 else value


def _tuple_of(value: object, kind: type) -> bool:
    return isinstance(value, tuple) and all(type(v) is kind for v in value)


def _finite(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


@dataclass(frozen=True)
class OutputSpec:
    """What `fit` taught a network's outputs to mean; it stands in `network.outputs`, and a model file keeps it.

    Attributes
    ----------
    loss : Loss
    classes : int or None
        How many the training data had; None where they held numbers to hit.
    """

    loss: Loss
    classes: int | None

    def to_config(self) -> Config:
        """Return it as a dictionary fit for JSON."""
        return {"loss": loss_config(self.loss), "classes": self.classes}

    @classmethod
    def from_config(cls, config: Any) -> OutputSpec:
        """Return what `to_config` gave; ArgumentError for anything else."""
        if not isinstance(config, dict) or set(config) != {"loss", "classes"}:
            raise ArgumentError("OutputSpec: must have loss and classes.")
        classes = config["classes"]
        if classes is not None and (type(classes) is not int or classes < 1):
            raise ArgumentError(f"OutputSpec: classes must be None or at least 1, got {str(classes)[:40]!r}.")
        return cls(as_loss(config["loss"]), classes)
