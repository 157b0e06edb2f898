"""Is this the file of this network? Comparisons that name the first thing that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pellucid.errors import FileFormatError
from pellucid.typing import Config, Shape

OTHER = "It is the file of another architecture, or damaged."


class Described(Protocol):
    """An array, or what a header says of one."""

    @property
    def shape(self) -> Shape: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102


def expect_same_architecture(ours: Config, theirs: Config, label: str) -> None:
    """Raise FileFormatError, naming the first difference, unless both describe the same layers."""
    ours, theirs = _essence(ours | {"name": ""}), _essence(theirs | {"name": ""})
    if ours != theirs:
        difference = _first_difference(ours, theirs, "the network")
        raise FileFormatError(f"{label}: {difference}. {OTHER} load(path) makes the network that it is of.")


def expect_same_arrays(
    wanted: Mapping[str, Described], given: Mapping[str, Described], label: str, prefix: str = ""
) -> None:
    """Raise FileFormatError, naming the tensors, unless both have the same names, shapes and dtypes."""
    if missing := _named(prefix, wanted.keys() - given.keys()):
        raise FileFormatError(f"{label}: the file lacks {missing}. {OTHER}")
    if unexpected := _named(prefix, given.keys() - wanted.keys()):
        raise FileFormatError(f"{label}: the network has no {unexpected}. {OTHER}")
    for key, array in wanted.items():
        got = given[key]
        if got.shape != array.shape:
            raise FileFormatError(
                f"{label}: {prefix}{key} must have shape {array.shape}, the file has {got.shape}. {OTHER}"
            )
        if got.dtype != array.dtype:
            raise FileFormatError(
                f"{label}: {prefix}{key} must be {array.dtype}, the file has {got.dtype}. {OTHER} "
                f"A network in another precision: copy_network(load(path), np.{array.dtype})."
            )


def _named(prefix: str, keys: set[str]) -> str:
    shown = [f"{prefix}{key[:80]}" for key in sorted(keys)[:5]]
    return ", ".join(shown) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def _essence(value: Any) -> Any:
    """Leave out how weights were initialised, which loading replaces, and which layers are trained."""
    if isinstance(value, dict):
        return {key: _essence(v) for key, v in value.items() if key != "trainable" and not _is_initializer(v)}
    return [_essence(v) for v in value] if isinstance(value, list) else value


def _is_initializer(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"initializer"}


def _first_difference(ours: Any, theirs: Any, where: str) -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.get("type") == theirs.get("type"):
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                return _first_difference(ours.get(key), theirs.get(key), f"{where}'s {key}")
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f"{where} are {len(ours)}, the file has {len(theirs)}"
        i = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        return _first_difference(ours[i], theirs[i], f"{where}[{i}]")
    return f"{where} is {_short(ours)}, the file has {_short(theirs)}"


def _short(value: Any) -> str:
    return str(value.get("type", value) if isinstance(value, dict) else value)[:60]
