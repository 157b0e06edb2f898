"""Damaged files for every reader: each is refused by one of the package's errors, or read; in bounded memory and time.

    cd tests && python -m fuzz.files --number 200000
    cd tests && python -m fuzz.files --only 1234        # one of them again, with its traceback; the file is kept

Bytes are flipped, cut, spliced; JSON is edited by its structure, inside safetensors headers too, whose lengths are
made right again. What could be read is also used: a network predicts, a history is asked for its last loss.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pellucid.data.images import read_images

import pellucid as pl
from fuzz import values
from fuzz.sandbox import Failure, judge, survey
from interop.crafted import affine, chain, model_file, weights
from mutations import mutate

PER_BYTE, BASE = 64, 48 << 20
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 2**31, 2**63, 10**30, 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "x", "NaN",
    "\x1b[31mred", "\ud800", "Affine", "Conv2D", "Sequential", "Graph", "input", "a.b", "../x", [], {}, [[]], [1,
    2], [0], [-1, 2], [2**40],
    {"type": "Affine"},
    {"type": "Sequential", "layers": []}, {"initializer": "he"}, "[" * 100, "x" * 10_000,
)  # fmt: skip


class Reader(NamedTuple):
    """A format: the name of its files, sound ones, how they are read and used, and a mutation of its own if any."""

    name: str
    sound: tuple[bytes, ...]
    use: Callable[[Path], object]
    edit: Callable[[bytes, np.random.Generator], bytes] | None = None


@cache
def readers() -> tuple[Reader, ...]:
    """Make the sound files of every format."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            return _readers()
        finally:
            os.chdir(before)


def _readers() -> tuple[Reader, ...]:
    values.furnish()
    images = pl.Sequential(
        [pl.Conv2D(2, 3), pl.BatchNorm(), pl.ReLU(), pl.GlobalAveragePool2D()], input_shape=(6, 6, 1)
    )
    pl.save(images, "images.safetensors", metadata={"classes": '["a", "b"]'})
    graph = pl.Graph({"a": (pl.Affine(3), "input"), "b": (pl.Add(), ["a", "input"])}, input_shape=3)
    pl.save(pl.Sequential([graph, pl.Residual([pl.Affine(3)])], input_shape=3), "graph.safetensors")
    pl.write_idx("data.idx.gz", np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    values.history().plot()  # what it imports is not to be timed
    own = model_file(chain(affine(), {"type": "Tanh"}), weights())

    def held(*names: str) -> tuple[bytes, ...]:
        return tuple(Path(name).read_bytes() for name in names)

    models = held("model.safetensors", "images.safetensors", "graph.safetensors")
    return (
        Reader("model.safetensors", (*models, own), _use_model, in_header),
        Reader("model.safetensors", (own, models[1]), lambda p: pl.read_metadata(p), in_header),
        Reader("nielsen.json", held("nielsen.json"), lambda p: _run(pl.load_nielsen(p).network), in_json),
        Reader("history.json", held("history.json"), _use_history, in_json),
        Reader("book.npz", held("book.npz"), lambda p: _run(pl.load_book_params(p))),
        Reader("explanation.npz", held("explanation.npz"), lambda p: pl.explain.Explanation.load(p).maps()),
        Reader("data.idx", held("data.idx"), pl.read_idx),
        Reader("data.idx.gz", held("data.idx.gz"), pl.read_idx),
        Reader("table.csv", (*held("table.csv"), b"5;a;0,5\n3;b;1,5\n", b"1,2,0\n3,4,1\n5,6,1\n"), pl.load_csv),
        Reader("one.npy", (_npy(np.zeros((28, 28), np.uint8)), _npy(np.ones((2, 784)))), _images),
        Reader("many.npy", (_npy(np.array(["a", "b"])), _npy(np.ones((2, 784), ">f4"))), _images),
        *(Reader(f"one.{kind}", tuple(_picture(kind, m) for m in modes), _images) for kind, modes in PICTURES.items()),
    )  # fmt: skip


PICTURES = {"png": ("L", "RGB", "P", "LA", "1", "I;16"), "jpg": ("L", "RGB"), "bmp": ("L",), "gif": ("P",)}


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _picture(kind: str, mode: str) -> bytes:
    from PIL import Image

    pixels = np.zeros((30, 24), np.uint8)
    pixels[8:20, 10:14] = 200
    stream = io.BytesIO()
    picture = (
        Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    )
    picture.save(stream, {"jpg": "jpeg"}.get(kind, kind))
    return stream.getvalue()


def _images(path: Path) -> object:
    return read_images(path, (784,))


def _use_model(path: Path) -> None:
    _run(pl.load(path))
    pl.load_into(values.network(), path)


def _run(network: Any) -> None:
    if int(np.prod(network.input_shape)) < 10_000:
        network(np.zeros((2, *network.input_shape)))
    str(pl.summary(network))


def _use_history(path: Path) -> None:
    history = pl.History.load(path)
    history.last("loss")
    history.last("validation_accuracy")
    history.plot()


def in_json(data: bytes, rng: np.random.Generator) -> bytes:
    """The text of a JSON document in which a few nodes were replaced, taken out, doubled or renamed."""
    try:
        tree = json.loads(data)
    except ValueError:
        return data
    for _ in range(int(rng.integers(1, 4))):
        tree = _edited(tree, rng)
    return json.dumps(tree).encode()


def _edited(node: Any, rng: np.random.Generator) -> Any:
    """One node of the tree changed; documents that lie in strings are edited too."""
    if isinstance(node, str) and node[:1] in ("{", "[") and rng.random() < 0.9:
        try:
            return json.dumps(_edited(json.loads(node), rng))
        except ValueError:
            return node
    if rng.random() < 0.15 or not isinstance(node, (dict, list)) or not node:
        if rng.random() < 0.03:
            return json.loads("[" * 900 + "]" * 900)
        return HOSTILE[rng.integers(len(HOSTILE))]
    keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = keys[rng.integers(len(keys))]
    node = dict(node) if isinstance(node, dict) else list(node)
    way = rng.random()
    if way < 0.1:
        del node[key]
    elif way < 0.2 and isinstance(node, dict):
        node[str(HOSTILE[rng.integers(len(HOSTILE))])] = node.pop(key)
    elif way < 0.25 and isinstance(node, list):
        node += node[:3]
    else:
        node[key] = _edited(node[key], rng)
    return node


def in_header(data: bytes, rng: np.random.Generator) -> bytes:
    """A safetensors file with an edited header of the right length, and without the seals that would give it away."""
    length = int.from_bytes(data[:8], "little")
    fields = json.loads(data[8 : 8 + length])
    metadata = fields.get("__metadata__", {})
    for key in [key for key in metadata if "sha" in key or "checksum" in key or "seal" in key]:
        if rng.random() < 0.9:
            del metadata[key]
    text = in_json(json.dumps(fields).encode(), rng)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def mutant(number: int) -> tuple[Reader, bytes]:
    """The file of that number, and who reads it."""
    rng = np.random.default_rng([number, 200])
    reader = readers()[rng.integers(len(readers()))]
    data = reader.sound[rng.integers(len(reader.sound))]
    if reader.edit and rng.random() < 0.6:
        return reader, reader.edit(data, rng)
    return reader, mutate(data, rng)


def describe(number: int) -> str:
    return f"python -m fuzz.files --only {number}  # {mutant(number)[0].name}"


def attempt(number: int) -> Failure | None:
    """Read a file; return what is wrong with how that ended."""
    reader, data = mutant(number)
    path = Path(reader.name)
    path.write_bytes(data)
    bound = PER_BYTE * len(data) + BASE

    def act() -> None:
        tracemalloc.start()
        try:
            reader.use(path)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            if peak > bound:
                raise MemoryError(f"{len(data)} bytes took {peak}")

    return judge(number, describe(number), act, seconds=30)  # a model may have a kernel compiled


def main() -> int:
    """Survey the files, and print the failures, one of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    readers()
    if options.only is not None:
        reader, data = mutant(options.only)
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
