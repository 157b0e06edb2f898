"""Damaged files for every reader: each is refused by one of the package's errors, or read; in bounded memory and time.

    cd tests && python -m fuzz.files --number 200000
    cd tests && python -m fuzz.files --only 1234        # one of them again, with its traceback; the file is kept

Bytes are flipped, cut, doubled; two files are spliced; and each format is edited by its structure, with its lengths
and checksums made right again: `damage`. What could be read is also used: a network predicts, a history is asked for
its last loss. Where a checksum would tell damage, what is read must be what was written: `readers`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fuzz.damage import in_fields, pick, splice
from fuzz.readers import Reader, meaning, meanings, readers
from fuzz.sandbox import Failure, judge, survey
from mutations import mutate

PER_BYTE = 64


class Mutant(NamedTuple):
    """A damaged file, who reads it, and whether checksums would tell its damage."""

    reader: Reader
    data: bytes
    told: bool


def mutant(number: int) -> Mutant:
    """Return the damaged file of that number."""
    rng = np.random.default_rng([number, 200])
    weights = np.array([reader.weight for reader in readers()])
    reader = readers()[int(rng.choice(len(weights), p=weights / weights.sum()))]
    data = pick(rng, reader.sound)
    way = rng.random()
    if way < 0.5:
        return Mutant(reader, reader.edit(data, rng), reader.sealed and reader.edit is in_fields)
    if way < 0.6:
        other = pick(rng, reader.sound if way < 0.57 else pick(rng, readers()).sound)
        return Mutant(reader, splice(data, other, rng), reader.sealed)
    return Mutant(reader, mutate(data, rng), reader.sealed)


def describe(number: int) -> str:
    """Return how to see one of them again."""
    return f"python -m fuzz.files --only {number}  # {mutant(number).reader.name}"


def attempt(number: int) -> Failure | None:
    """Read a file; return what is wrong with how that ended."""
    reader, data, told = mutant(number)
    path = Path(reader.name)
    path.write_bytes(data)
    bound = PER_BYTE * len(data) + reader.room

    def act() -> None:
        tracemalloc.start()
        try:
            held = reader.use(path)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            if peak > bound:
                raise MemoryError(f"{len(data)} bytes took {peak}")
        if told and meaning(held) not in meanings(reader):
            raise AssertionError("read, and means something else")

    return judge(number, describe(number), act, seconds=30)  # a model may have a kernel compiled


def main() -> int:
    """Survey the files, and print the failures, one of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for reader in readers():
        meanings(reader)
    if options.only is not None:
        reader, data, _ = mutant(options.only)
        path = Path(tempfile.mkdtemp()) / reader.name
        path.write_bytes(data)
        print(path)
        print(reader.use(path))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(options.first, options.first + options.number)
        failures = survey(attempt, numbers, Path(folder), describe)
    kinds = Counter((f.kind.split(":")[0], f.where) for f in failures)
    shown: set[Any] = set()
    for failure in failures:
        key = failure.kind.split(":")[0], failure.where
        if key not in shown:
            shown.add(key)
            print(f"{kinds[key]} times: {failure}")
    print(f"{options.number} files, {len(failures)} failures of {len(kinds)} kinds")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
