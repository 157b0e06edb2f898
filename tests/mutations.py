"""Damage to files, as downloads, disks and attackers do it: for the fuzz tests of every reader."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """`data` with one to three kinds of damage, drawn from `rng`; sometimes it comes out unchanged."""
    for _ in range(int(rng.integers(1, 4))):
        damage = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        data = damage(data, rng)
    return data


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut at any byte, also at the first."""
    return data[: _place(data, rng)]


def flip_bit(data: bytes, rng: np.random.Generator) -> bytes:
    return _edited(data, rng, lambda byte: byte ^ (1 << int(rng.integers(8))))


def set_byte(data: bytes, rng: np.random.Generator) -> bytes:
    return _edited(data, rng, lambda _: int(rng.integers(256)))


def set_interesting(data: bytes, rng: np.random.Generator) -> bytes:
    return _edited(data, rng, lambda _: INTERESTING[int(rng.integers(len(INTERESTING)))])


def damage_header(data: bytes, rng: np.random.Generator) -> bytes:
    """Set one of the first 24 bytes, where formats keep their magic numbers and sizes."""
    head = data[:24]
    return set_interesting(head, rng) + data[24:] if rng.integers(2) else set_byte(head, rng) + data[24:]


def set_word(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite four aligned bytes with a size: tiny, huge or the file's own, in either byte order."""
    word = int(rng.choice([0, 1, len(data), 2**16, 2**31 - 1, 2**31, 2**32 - 1]))
    start = 4 * int(rng.integers(min(len(data), 64) // 4 + 1))
    return data[:start] + word.to_bytes(4, "big" if rng.integers(2) else "little") + data[start + 4 :]


def insert(data: bytes, rng: np.random.Generator) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.bytes(int(rng.integers(1, 9))) + data[place:]


def append(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 9)))


def delete(data: bytes, rng: np.random.Generator) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + int(rng.integers(1, 9)) :]


def concatenate(data: bytes, rng: np.random.Generator) -> bytes:
    """The file twice, or followed by a part of itself."""
    return data + data[: _place(data, rng) or len(data)]


def swap(data: bytes, rng: np.random.Generator) -> bytes:
    """Exchange the parts before and after a place, or two short runs of bytes."""
    first, second = sorted((_place(data, rng), _place(data, rng)))
    if rng.integers(4) == 0:
        return data[first:] + data[:first]
    width = min(4, second - first)
    a, b = data[first : first + width], data[second : second + width]
    return data[:first] + b + data[first + width : second] + a + data[second + width :]


def zero_run(data: bytes, rng: np.random.Generator) -> bytes:
    """A run of zeros, as a sparse or half-written block leaves it."""
    place = _place(data, rng)
    width = min(int(rng.integers(1, 33)), len(data) - place)
    return data[:place] + bytes(width) + data[place + width :]


def _place(data: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(data) + 1))


def _edited(data: bytes, rng: np.random.Generator, change: Callable[[int], int]) -> bytes:
    if not data:
        return data
    place = int(rng.integers(len(data)))
    return data[:place] + bytes([change(data[place])]) + data[place + 1 :]


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    truncate,
    flip_bit,
    set_byte,
    set_interesting,
    damage_header,
    set_word,
    insert,
    append,
    delete,
    concatenate,
    swap,
    zero_run,
)
