"""The options of one layer, as a file of Keras has them: read one by one, each checked for what it must be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from pellucid.errors import FileFormatError
from pellucid.interop.strict_json import AGAIN
from pellucid.shown import came
from pellucid.typing import Config, Shape

MAX_SIZE = 1 << 24
"""The largest number of filters, pixels or steps that an option may ask for."""


class Options:
    """What `get_config` of a layer gave.

    Attributes
    ----------
    kind, name : str
        The class, and what the layer is called.
    keras : int
        The Keras that wrote it: 1, 2 or 3. Some functions of one name differ between them.
    """

    def __init__(self, kind: str, config: Config, keras: int, label: str) -> None:
        self.kind = kind
        self.config = config
        self.keras = keras
        self.label = label
        self.name = str(config.get("name", ""))

    @property
    def who(self) -> str:
        """How messages call the layer."""
        return f"{self.label}: layer {self.name[:80]!r} ({self.kind})"

    def refuse(self, what: str, remedy: str = "") -> NoReturn:
        """Raise FileFormatError: the layer is sound, and has no counterpart here."""
        raise FileFormatError(f"{self.who}: {what} is not read.{' ' + remedy if remedy else ''}")

    def wrong(self, key: str, wanted: str) -> NoReturn:
        """Raise FileFormatError: an option is nothing that Keras writes."""
        raise FileFormatError(f"{self.who}: {key} must be {wanted}, got {came(self.config.get(key))}. {AGAIN}")

    def flag(self, key: str, default: bool) -> bool:
        """Return True or False."""
        value = self.config.get(key, default)
        return value if isinstance(value, bool) else self.wrong(key, "true or false")

    def number(self, key: str, default: float) -> float:
        """Return a finite number."""
        value = self.config.get(key, default)
        if isinstance(value, list) and len(value) == 1:  # as older ones wrap it
            value = value[0]
        return float(value) if is_number(value) else self.wrong(key, "a number")

    def optional(self, key: str) -> float | None:
        """Return a finite number, or None where there is none."""
        return None if self.config.get(key) is None else self.number(key, 0.0)

    def size(self, key: str, default: int | None = None) -> int:
        """Return a whole number of at least 1."""
        value = self.config.get(key, default)
        if type(value) is not int or not _is_size(value, 1):
            self.wrong(key, f"a whole number from 1 to {MAX_SIZE}")
        return value

    def sizes(self, key: str, axes: int, default: int | None = None, least: int = 1) -> Shape:
        """Return one whole number for each axis; a single one stands for all."""
        value: Any = self.config.get(key, default)
        if _is_size(value, least):
            return (value,) * axes
        if not isinstance(value, list) or len(value) != axes or not all(_is_size(n, least) for n in value):
            self.wrong(key, f"{axes} whole numbers from {least} to {MAX_SIZE}")
        return tuple(value)

    def borders(self, key: str, axes: int) -> tuple[tuple[int, int], ...]:
        """Return (before, after) for each axis: given so, or as one number for an axis, or for all."""
        value = self.config.get(key)
        parts: Sequence[Any] = value if isinstance(value, list) and axes > 1 else [value] * axes
        pairs = [part if isinstance(part, list) else [part, part] for part in parts]
        if len(pairs) != axes or not all(len(pair) == 2 and all(_is_size(n, 0) for n in pair) for pair in pairs):
            self.wrong(key, f"a border before and after each of {axes} axes")
        return tuple((pair[0], pair[1]) for pair in pairs)

    def choice(self, key: str, *known: str) -> str:
        """Return one of the known words, the first of them where nothing is said; another is refused by name."""
        value = self.config.get(key, known[0])
        if not isinstance(value, str) or value.lower() not in known:
            self.refuse(f"{key}={came(value)}", f"Known are {', '.join(known)}.")
        return value.lower()

    def expect(self, key: str, *allowed: Any) -> None:
        """Refuse an option that is anything but one of the allowed values, the first where nothing is said."""
        value = self.config.get(key, allowed[0])
        if not any(type(value) is type(a) and value == a for a in allowed):
            self.refuse(f"{key}={came(value)}")

    def axes(self, key: str, default: int, rank: int) -> tuple[int, ...]:
        """Return axes of a sample of `rank` axes, counted from 0; a file counts the batch as axis 0."""
        value = self.config.get(key, default)
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(type(a) is int and (1 <= a <= rank or -rank <= a <= -1) for a in listed):
            self.wrong(key, f"axes of samples with {rank} axes")
        return tuple(sorted({a - 1 if a > 0 else a + rank for a in listed}))

    @property
    def channels_first(self) -> bool:
        """Whether the layer's images are (C, H, W)."""
        return self.choice("data_format", "channels_last", "channels_first") == "channels_first"


def is_number(value: object) -> bool:
    """Whether a value of JSON is a finite number."""
    return type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value)  # type: ignore[arg-type]


def _is_size(value: object, least: int) -> bool:
    return type(value) is int and least <= value <= MAX_SIZE
