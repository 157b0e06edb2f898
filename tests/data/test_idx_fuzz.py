"""10,000 damaged IDX files: each gives a typed error or the right data, in bounded memory."""

from __future__ import annotations

import gzip
import math
import struct
import sys
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mutations import MUTATIONS, mutate
from pellucid.data import read_idx, write_idx
from pellucid.errors import PellucidError

MUTANTS = 10_000
PER_BYTE, BASE = 16, 1 << 20  # the bound on memory: 16 bytes for each of the file's, and 1 MiB

ARRAYS = (
    np.arange(12, dtype=np.uint8),
    np.arange(-6, 6, dtype=np.int8).reshape(3, 4),
    np.arange(60, dtype=np.uint8).reshape(3, 5, 4),
    np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 7,
    np.array([[2**31 - 1, -(2**31)], [0, 1]], dtype=np.int32),
    np.linspace(-1, 1, 10, dtype=np.float32),
    np.linspace(0, 9, 8).reshape(2, 2, 2),
    np.zeros((0, 28, 28), dtype=np.uint8),
    np.zeros((40, 10), dtype=np.uint8),  # compresses well
)

FORMATS = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def slow_parse(data: bytes) -> tuple[str, tuple[int, ...], bytes] | None:
    """What the bytes hold according to the standard library alone; None if they are unsound."""
    if data[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(31)
        try:
            data = member.decompress(data, 100_000)
        except zlib.error:
            return None
        if not member.eof or member.unused_data:
            return None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in FORMATS or not 1 <= data[3] <= 8:
        return None
    if len(data) < 4 + 4 * data[3]:
        return None
    shape = struct.unpack_from(f">{data[3]}I", data, 4)
    body, letter = data[4 + 4 * data[3] :], FORMATS[data[2]]
    if len(body) != math.prod(shape) * struct.calcsize(letter):
        return None
    if math.prod(max(n, 1) for n in shape) * struct.calcsize(letter) > 4 << 30:
        return None
    width = struct.calcsize(letter)
    elements = (body[i : i + width] for i in range(0, len(body), width))
    # Bytes are reversed by hand: unpacking a float would quiet its signalling NaNs.
    return letter, shape, b"".join(e[::-1] if sys.byteorder == "little" else e for e in elements)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Each array as a raw and as a gzipped file."""
    folder = tmp_path_factory.mktemp("originals")
    contents = []
    for i, array in enumerate(ARRAYS):
        for name in (f"{i}.idx", f"{i}.idx.gz"):
            write_idx(folder / name, array)
            contents.append((folder / name).read_bytes())
    return contents


def read(path: Path, data: bytes) -> tuple[str, tuple[int, ...], bytes] | None:
    """The reader's answer in the form of `slow_parse`; None for a typed error. Anything else is raised."""
    path.write_bytes(data)
    try:
        array = read_idx(path)
    except PellucidError as error:
        refusal = str(error)
    else:
        return array.dtype.char, array.shape, array.tobytes()
    assert str(path) in refusal
    return None


def test_undamaged_files_agree_with_the_slow_parse(originals: list[bytes], tmp_path: Path) -> None:
    for data in originals:
        assert slow_parse(data) is not None
        assert read(tmp_path / "file", data) == slow_parse(data)


def test_every_truncation_of_every_file_is_refused(originals: list[bytes], tmp_path: Path) -> None:
    for data in originals:
        for length in range(len(data)):
            assert read(tmp_path / "file", data[:length]) is None, length


def test_damaged_files_give_a_typed_error_or_the_right_data_in_bounded_memory(
    originals: list[bytes], tmp_path: Path
) -> None:
    rng = np.random.default_rng(2051)
    outcomes: Counter[bool] = Counter()
    path = tmp_path / "file"
    mutants = [mutate(originals[i % len(originals)], rng) for i in range(MUTANTS)]
    tracemalloc.start()
    try:
        for i, data in enumerate(mutants):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            got = read(path, data)
            peak = tracemalloc.get_traced_memory()[1] - before
            assert got == slow_parse(data), (i, data.hex())
            assert peak <= PER_BYTE * len(data) + BASE, (i, peak, data.hex())
            outcomes[got is not None] += 1
    finally:
        tracemalloc.stop()
    assert outcomes[True] > MUTANTS // 100, "the fuzz should also meet readable files"
    assert outcomes[False] > MUTANTS // 2


@pytest.mark.parametrize("damage", MUTATIONS)
def test_every_mutation_takes_files_of_any_length(damage) -> None:
    rng = np.random.default_rng(0)
    for length in (0, 1, 2, 5, 100):
        for _ in range(50):
            assert isinstance(damage(bytes(length), rng), bytes)


def test_a_gzip_bomb_is_refused_without_being_inflated(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"\0\0\x08\x01" + (10).to_bytes(4, "big") + bytes(200_000_000), 9))
    tracemalloc.start()
    try:
        with pytest.raises(PellucidError, match="bytes follow the data that its header declares"):
            read_idx(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2 * BASE
    finally:
        tracemalloc.stop()


def test_a_header_that_lies_together_with_its_trailer_is_refused_before_memory_is_taken(
    tmp_path: Path,
) -> None:
    member = bytearray(gzip.compress(b"\0\0\x08\x01" + (1 << 31).to_bytes(4, "big") + bytes(100)))
    member[-4:] = ((1 << 31) + 8).to_bytes(4, "little")
    (tmp_path / "lie.gz").write_bytes(member)
    tracemalloc.start()
    try:
        with pytest.raises(PellucidError, match="which .* gzipped bytes cannot hold"):
            read_idx(tmp_path / "lie.gz")
        assert tracemalloc.get_traced_memory()[1] < BASE
    finally:
        tracemalloc.stop()
