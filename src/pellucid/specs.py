"""What a network learnt from, as its model file remembers it: how samples were prepared, and what its outputs mean.

    {"kind": "images", "shape": [28, 28, 1], "low": 0.0, "high": 1.0, "class_names": ["cat", "dog"]}

`load_csv`, `load_directory` and `mnist` say how they prepared their samples, `fit` puts it down in `network.inputs`,
and `save` writes it beside the architecture, so that a picture, an array or a table that comes later is brought to
the very same form. `fit` puts down what the outputs mean in `network.outputs`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.losses import Loss, as_loss, loss_config
from pellucid.shown import came
from pellucid.typing import Array, Config, Shape

KINDS = ("digits", "images", "table", "array")


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
        Of one sample, before it was flattened: (28, 28, 1), or (4,) for four columns.
    low, high : float, optional
        Between which numbers the training samples lay: 0 and 1 where pixels were divided by 255.
    columns : tuple of str
        The names of a table's columns, in order; numbers counted from 0 where it had no header.
    mean, deviation : tuples of float
        What was subtracted from each column, and what it was divided by; empty where columns were left as they are.
    class_names : tuple of str, optional
        One for each class.

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

    def __post_init__(self) -> None:
        for name, kind in {"shape": int, "columns": str, "mean": float, "deviation": float}.items():
            self._expect(name, _tuple_of(getattr(self, name), kind))
        for name, sound in self._checks().items():
            self._expect(name, sound)

    def _expect(self, name: str, sound: bool) -> None:
        if not sound:
            raise ArgumentError(f"InputSpec: {name} cannot be {came(getattr(self, name))}.")

    def _checks(self) -> dict[str, bool]:
        columns = len(self.columns)
        return {
            "kind": isinstance(self.kind, str) and self.kind in KINDS,
            "shape": len(self.shape) > 0
            and min(self.shape) > 0
            and (self.kind != "digits" or self.shape == (28, 28, 1))
            and (self.kind != "images" or len(self.shape) == 3),
            "low": self.low is None or _finite(self.low),
            "high": self.high is None or (_finite(self.high) and self.low is not None and self.low <= self.high),
            "columns": (columns,) == self.shape if self.kind == "table" else columns == 0,
            "mean": len(self.mean) in (0, columns) and all(map(_finite, self.mean)),
            "deviation": len(self.deviation) == len(self.mean) and all(_finite(d) and d > 0 for d in self.deviation),
            "class_names": self.class_names is None or _tuple_of(self.class_names, str),
        }

    @property
    def size(self) -> int:
        """The numbers in one sample."""
        return math.prod(self.shape)

    @property
    def white(self) -> float | None:
        """What a white pixel is: 1 or 255, where the training samples reached about one of these from 0; else None."""
        if self.low is None or self.high is None or self.low < 0:
            return None
        return next((white for white in (1.0, 255.0) if 0.5 * white < self.high <= white), None)

    def standardised(self, x: Array) -> Array:
        """Return the columns (N, D) of a table as the network learnt from them: (x − mean) / deviation."""
        if not self.mean:
            return x
        mean, deviation = (np.array(row, x.dtype) for row in (self.mean, self.deviation))
        return np.asarray((x - mean) / deviation)

    def replace(self, **changes: Any) -> InputSpec:
        """Return the same with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_config(self) -> Config:
        """Return it as a dictionary fit for JSON; what is empty is left out."""
        return {key: value for key, value in vars(self).items() if value not in (None, ())}

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


def _plain(key: str, value: Any) -> Any:
    """Lists of JSON are tuples here, and its whole numbers floats where floats are meant."""
    real = key in ("low", "high", "mean", "deviation")
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
