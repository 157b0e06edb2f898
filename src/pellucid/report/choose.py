"""Which images, which target: what a person writes, read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data import CsvOptions, Dataset, InputSpec
from pellucid.data.incoming import read_inputs
from pellucid.errors import ArgumentError, DataError
from pellucid.explain.target import Contrast, Target
from pellucid.report.sample import Sample
from pellucid.shown import came, shown
from pellucid.typing import Array

MOST = 64
"""Images that are explained at once."""


def read_samples(
    texts: Sequence[str], train: Dataset, test: Dataset, inputs: InputSpec | None = None, *,
    pictures: str | None = None, table: CsvOptions | None = None,
) -> list[Sample]:  # fmt: skip
    """Return the images that are named: files, or indices into the data such as `test:17`, `train:3` and `test:0-9`.

    A file of that very name comes first. The data have the shape that the network takes; `inputs` says how its
    samples were prepared, and so does `read_inputs` with files.
    """
    samples: list[Sample] = []
    for text in texts:
        index = re.fullmatch(r"(train|test):(\d{1,9})(?:-(\d{1,9}))?", text)
        if index and not Path(text).exists():
            data = train if index[1] == "train" else test
            samples += _indexed(text, index[1], data, int(index[2]), int(index[3] or index[2]))
        else:
            found, notes = read_inputs(text, test.sample_shape, inputs, pictures=pictures, table=table)
            many = len(found) > 1
            _expect_few(len(samples) + len(found))
            samples += [Sample(shown(f"{text}[{i}]" if many else text), x, notes=notes) for i, x in enumerate(found)]
        _expect_few(len(samples))
    return samples


def _indexed(text: str, part: str, data: Dataset, first: int, last: int) -> list[Sample]:
    if not first <= last < len(data):
        raise DataError(f"explain: {text} must lie in {part}:0 to {part}:{len(data) - 1}.")
    _expect_few(last - first + 1)
    return [Sample(f"{part}:{i}", data.x[i], int(data.t[i])) for i in range(first, last + 1)]


def _expect_few(count: int) -> None:
    if count > MOST:
        raise ArgumentError(f"explain: at most {MOST} images at once, got {count:,}. Name some, such as test:0-9.")


def stack(samples: Sequence[Sample]) -> Array:
    """Return the images as one batch."""
    return np.stack([sample.x for sample in samples])


def read_target(text: str, samples: Sequence[Sample], classes: int) -> Target:
    """Return what `--target` says: "predicted", "true", a class, or two as "4-9": why 4 and not 9."""
    if text == "predicted":
        return text
    if text == "true":
        unknown = [sample.name for sample in samples if sample.truth is None]
        if unknown:
            raise ArgumentError(f"--target true: the class of {unknown[0]} is not known. Name a class instead.")
        return np.array([sample.truth for sample in samples]) if samples else text
    numbers = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    chosen: list[Any] = [] if numbers is None else [int(n) for n in numbers.groups() if n is not None]
    if not chosen or max(chosen) >= classes:
        raise ArgumentError(
            f"--target: must be 'predicted', 'true', a class in 0..{classes - 1}, or two as 4-9, got {came(text)}."
        )
    if len(chosen) == 2 and chosen[0] == chosen[1]:
        raise ArgumentError(f"--target: {text!r} compares a class with itself. Name two, as 4-9.")
    return Contrast(*chosen) if len(chosen) == 2 else chosen[0]
