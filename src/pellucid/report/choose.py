"""Which images, which target: what a person writes, read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pellucid.data import Dataset
from pellucid.data.incoming import read_inputs
from pellucid.errors import ArgumentError, DataError
from pellucid.explain.target import Contrast, Target
from pellucid.report.sample import Sample
from pellucid.shown import bounded, came, shown
from pellucid.typing import Array

MOST = 64
"""Images that are explained at once."""
SHOWN, LONGEST = 12, 1000  # names in a message, and signs of two names


_INDEX = re.compile(r"(train|test):(\d{1,9})(?:-(\d{1,9}))?")

Read: TypeAlias = "Callable[[str], tuple[Array, tuple[str, ...]]]"
"""Samples in a file, in the shape that the network takes, and what there is to say about how they came about."""


def is_index(text: str) -> bool:
    """Whether a text names samples of the data and no file: a file of that very name comes first."""
    return _INDEX.fullmatch(text) is not None and not Path(text).exists()


def read_samples(
    texts: Sequence[str], train: Dataset | None, test: Dataset | None, read: Read | None = None
) -> list[Sample]:
    """Return the images that are named: files, or indices into the data such as `test:17`, `train:3` and `test:0-9`.

    The data have the shape that the network takes; `read` brings a file to it, by default with `read_inputs`.
    """
    samples: list[Sample] = []
    for text in texts:
        if is_index(text):
            part, _, places = text.partition(":")
            first, _, last = places.partition("-")
            data = train if part == "train" else test
            samples += _indexed(text, part, data, int(first), int(last or first))
        else:
            found, notes = (read or _read_like(test))(text)
            many = len(found) > 1
            _expect_few(len(samples) + len(found))
            samples += [Sample(shown(f"{text}[{i}]" if many else text), x, notes=notes) for i, x in enumerate(found)]
        _expect_few(len(samples))
    return samples


def _read_like(data: Dataset | None) -> Read:
    def read(text: str) -> tuple[Array, tuple[str, ...]]:
        return read_inputs(text, () if data is None else data.sample_shape, None if data is None else data.inputs)

    return read


def _indexed(text: str, part: str, data: Dataset | None, first: int, last: int) -> list[Sample]:
    if data is None:
        raise DataError(f"explain: {text} is of data, and none are known. Give --data, or name a file.")
    if not first <= last < len(data):
        raise DataError(f"explain: {text} must lie in {part}:0 to {part}:{len(data) - 1}.")
    _expect_few(last - first + 1)
    return [Sample(f"{part}:{i}", data.x[i], int(data.t[i]) if data.classes else None) for i in range(first, last + 1)]


def _expect_few(count: int) -> None:
    if count > MOST:
        raise ArgumentError(f"explain: at most {MOST} images at once, got {count:,}. Name some, such as test:0-9.")


def stack(samples: Sequence[Sample]) -> Array:
    """Return the images as one batch."""
    return np.stack([sample.x for sample in samples])


def read_target(text: str, samples: Sequence[Sample], names: Sequence[str]) -> Target:
    """Return what `--target` says: "predicted", "true", a class, or two as "4-9": why 4 and not 9.

    A class is said by its name; by its number, counted from 0, where no name is a number itself.
    """
    words = text in ("predicted", "true")
    if words and text in names:
        raise ArgumentError(
            f"--target: {text!r} has a meaning of its own, and a class is called so. Give its number, "
            f"{list(names).index(text)}."
        )
    if text == "true":
        unknown = [sample.name for sample in samples if sample.truth is None]
        if unknown:
            raise ArgumentError(f"--target true: the class of {unknown[0]} is not known. Name a class instead.")
        return np.array([sample.truth for sample in samples]) if samples else text
    if words:
        return text
    one = _class(text, names)
    if one is not None:
        return one
    cuts = [(text[:i], text[i + 1 :]) for i, sign in enumerate(text) if sign == "-"] if len(text) < LONGEST else []
    pairs = [(a, b) for left, right in cuts for a, b in [(_class(left, names), _class(right, names))]]
    found = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not found:
        raise ArgumentError(f"--target: must be 'predicted', 'true', {_choice(names)}, got {came(text)}.")
    if len(found) > 1:
        raise ArgumentError(f"--target: {came(text)} can be cut into two classes in several ways. Give their numbers.")
    if found[0][0] == found[0][1]:
        raise ArgumentError(f"--target: {came(text)} compares a class with itself. Name two, as {_two(names)}.")
    return Contrast(*found[0])


def _class(text: str, names: Sequence[str]) -> int | None:
    """The class that is called so, or whose number it is where no name is a number; None where there is none."""
    if text in names:
        return list(names).index(text)
    if any(map(_is_number, names)) or not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return None
    return int(text) if int(text) < len(names) else None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _choice(names: Sequence[str]) -> str:
    if list(names) == [str(k) for k in range(len(names))]:
        listed = f"a class in 0..{len(names) - 1}"
    else:
        few = [shown(bounded(name, 40)) for name in names[:SHOWN]]
        listed = f"a class ({', '.join(few)}{', …' if len(names) > SHOWN else ''})"
    return f"{listed}, or two as {_two(names)}" if len(names) > 1 else listed


def _two(names: Sequence[str]) -> str:
    return "-".join(shown(bounded(name, 40)) for name in (names[0], names[-1]))
