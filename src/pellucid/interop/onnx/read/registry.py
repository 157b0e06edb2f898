"""Which operators of ONNX are read, each by a function of a `Call` that gives a value, or several.

OPERATORS   what the data go through: each becomes layers of ours
FOLDED      what constants go through: computed while reading
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from pellucid.interop.onnx.read.call import Call
from pellucid.interop.onnx.read.values import Value
from pellucid.typing import Array

Translate: TypeAlias = "Callable[[Call], Value | Sequence[Value | None]]"
Fold: TypeAlias = "Callable[[Call], Array | Sequence[Array]]"

_OPERATORS: dict[str, Translate] = {}
_FOLDED: dict[str, Fold] = {}

FAMILIES = (
    "activations",
    "arithmetic",
    "convolution",
    "dense",
    "folding",
    "moves",
    "normalization",
    "parts",
    "pooling",
    "resizing",
)
"""The modules of `operators`, which fill the two tables."""


def operator(*kinds: str) -> Callable[[Translate], Translate]:
    """Say that a function translates these operators."""

    def register(translate: Translate) -> Translate:
        _OPERATORS.update(dict.fromkeys(kinds, translate))
        return translate

    return register


def folded(*kinds: str) -> Callable[[Fold], Fold]:
    """Say that a function computes these operators of constants."""

    def register(fold: Fold) -> Fold:
        _FOLDED.update(dict.fromkeys(kinds, fold))
        return fold

    return register


def operators() -> tuple[Mapping[str, Translate], Mapping[str, Fold]]:
    """Return both tables."""
    for family in FAMILIES:
        importlib.import_module(f"pellucid.interop.onnx.read.operators.{family}")
    return MappingProxyType(_OPERATORS), MappingProxyType(_FOLDED)
