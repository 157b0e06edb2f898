"""10,000 damaged model files: each gives a typed error or the right data, in bounded memory and time."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load as official_load

from interop.crafted import affine, chain, model_file, weights
from mutations import mutate
from pellucid.errors import PellucidError
from pellucid.interop import load, load_book_params, load_nielsen, save, save_book_params, save_nielsen
from pellucid.layers import Affine, Container, Dropout, ReLU, Sequential, Sigmoid, Tanh
from pellucid.typing import Arrays

PER_BYTE, BASE = 64, 4 << 20  # the bound on memory: 64 bytes for each of the file's, and 4 MiB
SECONDS = 2.0  # for one file; a hundredth of it is usual


class Format(NamedTuple):
    """How files of one format are made and read, and what a damaged one means to somebody else's reader."""

    mutants: int
    write: Callable[[Path], None]
    read: Callable[[Path], Arrays]
    meaning: Callable[[bytes, Arrays], Arrays]
    """Of the bytes that were accepted; gets the arrays of the sound file too."""


def network(*layers, shape=3):
    return Sequential(layers, input_shape=shape, seed=3)


def write_own(path):
    block = Sequential([Affine(2, bias=False), Dropout(0.5)], name="block")
    save(network(Affine(3), ReLU(), block, Affine(2)), path, metadata={"classes": '["cat", "dog"]'})


def write_unsealed(path):
    path.write_bytes(model_file(chain(affine(), {"type": "Tanh"}), weights()))


def write_nielsen(path):
    save_nielsen(network(Affine(2), Sigmoid(), Affine(2), Sigmoid()), path)


def params_of(loaded):
    assert isinstance(loaded, Container)
    return {**loaded.params, **loaded.buffers}


def nielsen_meaning(data: bytes, sound: Arrays) -> Arrays:
    fields = json.loads(data)
    layers = list(enumerate(zip(fields["weights"], fields["biases"], strict=True), start=1))
    W = {f"affine{i}.W": np.array(w, float).T for i, (w, b) in layers}
    return W | {f"affine{i}.b": np.array(b, float)[:, 0] for i, (w, b) in layers}


FORMATS = {
    "safetensors": Format(4000, write_own, lambda p: params_of(load(p)), lambda data, sound: sound),
    "safetensors without checksums": Format(
        3000, write_unsealed, lambda p: params_of(load(p)), lambda data, sound: official_load(data)
    ),
    "nielsen": Format(1500, write_nielsen, lambda p: params_of(load_nielsen(p).network), nielsen_meaning),
    "npz": Format(
        1500,
        lambda p: save_book_params(network(Affine(2), ReLU(), Affine(2)), p),
        lambda p: params_of(load_book_params(p, activation=Tanh)),
        lambda data, sound: sound,
    ),
}


def bits(arrays):
    return {key: (a.shape, a.astype(np.float64).tobytes()) for key, a in arrays.items()}


def attempt(form: Format, path: Path) -> tuple[Arrays | None, int, float]:
    """The arrays, or None for a typed error, with the bytes allocated at most and the seconds."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    start = time.perf_counter()
    try:
        arrays = form.read(path)
    except PellucidError:
        arrays = None
    return arrays, tracemalloc.get_traced_memory()[1] - before, time.perf_counter() - start


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_give_a_typed_error_or_the_right_data(name, tmp_path, rng):
    form, path = FORMATS[name], tmp_path / "model"
    form.write(path)
    data = path.read_bytes()
    sound = form.read(path)
    outcomes: Counter[str] = Counter()
    tracemalloc.start()
    try:
        for i in range(form.mutants):
            mutant = mutate(data, rng)
            path.write_bytes(mutant)
            arrays, peak, seconds = attempt(form, path)
            assert peak < PER_BYTE * len(mutant) + BASE, f"mutant {i} took {peak} bytes"
            assert seconds < SECONDS, f"mutant {i} took {seconds} s"
            outcomes["refused" if arrays is None else "read"] += 1
            if arrays is not None:
                assert bits(form.meaning(mutant, sound)) == bits(arrays), f"mutant {i} gave other data"
    finally:
        tracemalloc.stop()
    assert outcomes["refused"] > form.mutants // 2
    assert outcomes["read"] > 0
