"""The house's colours, and numbers as colours."""

from __future__ import annotations

import numpy as np

from pellucid.typing import Array, IntArray

INK, MUTED, FAINT, PAPER = "#22303C", "#5F6C78", "#DCE2E7", "#FFFFFF"
BLUE, VERMILION = "#0072B2", "#D55E00"
# Okabe & Ito (2008), "Color Universal Design": told apart with every common form of colour blindness.
COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK)
# Of maps whose colours are classes: ten that are told apart, as far as ten can be.
CLASSES = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C6D46", "#9AA5AE", "#22303C",
)  # fmt: skip
SEQUENTIAL = ("#F3F7FA", "#A9CFE6", "#3F97CA", "#0B5F94", "#05263D")
ERRORS = ("#FDF1E8", "#F7C7A3", "#F2A56B", "#E9863F")
DIVERGING = ("#05355A", "#2F86BC", "#A9CFE6", "#F7F7F5", "#F7C7A3", "#E27A33", "#742F00")
EVIDENCE = DIVERGING[3:]  # of a map that shows nothing but what speaks for a class


def bytes_of(*colours: str) -> Array:
    """Return colours such as #0072B2 as bytes (N, 3)."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours], np.uint8)


def through(colours: tuple[str, ...], shares: Array) -> Array:
    """Return shares (…) from 0 to 1 as bytes (…, 3): 0 is the first colour, 1 the last, the others lie between."""
    stops = bytes_of(*colours)
    place = np.clip(shares, 0, 1) * (len(stops) - 1)
    channels = [np.interp(place, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.asarray(np.stack(channels, axis=-1).round().astype(np.uint8))


def of_class(number: int) -> str:
    """Return the colour of a class; beyond the tenth they come again."""
    return CLASSES[number % len(CLASSES)]


def of_classes(numbers: IntArray) -> Array:
    """Return class numbers (H, W) as bytes (H, W, 3)."""
    return np.asarray(bytes_of(*CLASSES)[numbers % len(CLASSES)])
