"""Small files that say they are large: each reader refuses them, or reads them in bounded memory and time.

cd tests && python -m fuzz.bombs
"""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fuzz.damage import png
from fuzz.readers import KERAS, readers
from fuzz.sandbox import Failure, judge, survey

SIDE = 4999
"""Of a picture just as large as is allowed."""


GIF = b"GIF89a" + b"\xff" * 4 + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + b"\xff" * 4 + b"\0\2\2L\1\0;"
BMP = b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + b"\xff\xff\xff\x7f" * 2 + b"\1\0\x18\0" + bytes(24)
NIELSEN = b'{"sizes": [1000000000, 1000000000], "weights": [[]], "biases": [[]], "cost": "QuadraticCost"}'


def _packed() -> bytes:
    """What a chunk of compressed text or of a profile holds."""
    return b"a\0\0" + zlib.compress(bytes(1 << 26))


def _drawn(kind: str, mode: str, side: int = SIDE, **options: object) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new(mode, (side, side)).save(stream, kind, **options)
    return stream.getvalue()


def _png(width: int, height: int, depth: int, colour: int, data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    return png([(b"IHDR", head), *more, (b"IDAT", zlib.compress(data)), (b"IEND", b"")])


def _npy(shape: str) -> bytes:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head


def _npz(shape: str, zeros: int) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w") as member,
    ):
        member.write(_npy(shape))
        for _ in range(zeros >> 20):
            member.write(bytes(1 << 20))
    return stream.getvalue()


def _keras(zeros: int) -> bytes:
    """An archive of Keras whose weights are zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
        with archive.open("model.weights.h5", "w") as member:
            for _ in range(zeros >> 20):
                member.write(bytes(1 << 20))
    return stream.getvalue()


def _h5() -> bytes:
    """A file of Keras whose arrays declare more than it holds."""
    sound = (KERAS / "tf_keras-branches.h5").read_bytes()
    return sound.replace((3).to_bytes(8, "little"), (1 << 40).to_bytes(8, "little"))


def _gz(shape: tuple[int, ...], zeros: int) -> bytes:
    """A sound file of IDX, whose zeros are one compressed MiB again and again."""
    head = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    crc, count = zlib.crc32(head), zeros >> 20
    for _ in range(count):
        crc = zlib.crc32(bytes(1 << 20), crc)
    trailer = crc.to_bytes(4, "little") + ((len(head) + zeros) % 2**32).to_bytes(4, "little")
    return b"\x1f\x8b\x08" + bytes(7) + begin + again * count + packer.flush() + trailer


def _onnx(kind: str, size: int, width: int = 5, count: int = 1) -> bytes:
    """A graph of x + f(s), or of many nodes one behind the other."""
    from interop.onnx.graphs import model, node

    chain = [node("Relu", "x" if i == 0 else f"r{i - 1}", f"r{i}") for i in range(count)]
    nodes = [node(kind, "s", "c"), *chain, node("Add", f"r{count - 1} c", "y")]
    return model(nodes, {"s": [size]}, shape=("N", width)).SerializeToString()  # type: ignore[no-any-return]


def _onnx_doubling(times: int) -> bytes:
    from interop.onnx.graphs import model, node

    nodes = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(times)]
    nodes.append(node("Add", f"x c{times}", "y"))
    return model(nodes, {"c0": np.ones(1 << 10, np.float32)}, shape=("N", 5)).SerializeToString()  # type: ignore[no-any-return]


BOMBS: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("one.png", "of the largest size, with transparency", lambda: _drawn("png", "RGBA")),
    ("one.png", "that declares all there can be", lambda: _png(2**31 - 1, 2**31 - 1, 16, 6, b"")),
    ("one.png", "that declares much and holds nothing", lambda: _png(SIDE, SIDE, 8, 6, b"")),
    ("one.png", "with a text of 64 MiB", lambda: _png(2, 2, 8, 0, bytes(6), (b"zTXt", _packed()))),
    ("one.png", "with a profile of 64 MiB", lambda: _png(2, 2, 8, 0, bytes(6), (b"iCCP", _packed()))),
    ("one.png", "of 6000 x 6000", lambda: _drawn("png", "L", 6000)),
    ("one.gif", "of the largest size", lambda: _drawn("gif", "P")),
    ("one.gif", "that declares 65535 x 65535", lambda: GIF),
    ("one.tif", "of four inks", lambda: _drawn("tiff", "CMYK", compression="tiff_adobe_deflate")),
    ("one.jpg", "of 144 million pixels", lambda: _drawn("jpeg", "L", 12_000)),
    ("one.jpg", "of 400 million pixels", lambda: _drawn("jpeg", "L", 20_000)),
    ("one.bmp", "that declares all there can be", lambda: BMP),
    ("one.ppm", "that declares a long line", lambda: b"P5 2000000000 1 255\n"),
    ("one.ppm", "of text that ends early", lambda: b"P2 4999 4999 255\n" + b"0 " * 999),
    ("data.idx.gz", "of zeros, which fit", lambda: _gz((256, 1 << 20), 256 << 20)),
    ("data.idx.gz", "of zeros, more than there is memory for", lambda: _gz((2048, 1 << 20), 2048 << 20)),
    ("data.idx.gz", "that declares all there can be", lambda: _gz((2**32 - 1,) * 8, 0)),
    ("data.idx", "that declares all there can be", lambda: bytes([0, 0, 14, 8]) + b"\xff" * 32),
    ("many.npz", "of zeros, more than there is memory for", lambda: _npz("(524288, 784)", 392 << 20)),
    ("many.npz", "that declares more than it holds", lambda: _npz("(524288, 784)", 0)),
    ("one.npy", "that declares all there can be", lambda: _npy("(999999999999999, 784)")),
    ("model.keras", "of zeros, more than there is memory for", lambda: _keras(1 << 30)),
    ("model.h5", "whose arrays declare more than it holds", _h5),
    ("model.onnx", "that makes a constant of a terabyte", lambda: _onnx("ConstantOfShape", 1 << 40)),
    ("model.onnx", "of a sample of a terabyte", lambda: _onnx("Identity", 5, 1 << 38)),
    ("model.onnx", "of a hundred thousand nodes", lambda: _onnx("Identity", 5, 5, 99_999)),
    ("model.onnx", "of a million nodes", lambda: _onnx("Identity", 5, 5, 1_000_000)),
    ("model.onnx", "that doubles a constant forty times", lambda: _onnx_doubling(40)),
    ("history.json", "of empty lists", lambda: b"[" + b"[]," * 1_000_000 + b"[]]"),
    ("history.json", "of one long number", lambda: b"9" * 10_000_000),
    ("nielsen.json", "of empty objects", lambda: b'{"sizes": [' + b"{}," * 1_000_000 + b"{}]}"),
    ("nielsen.json", "that declares all there can be", lambda: NIELSEN),
    ("table.csv", "of a million columns", lambda: b"," * 1_000_000),
    ("table.csv", "of a line that never ends", lambda: b'"' + b"a" * 20_000_000),
    ("new.csv", "of a million columns", lambda: b"1," * 1_000_000),
)


def describe(number: int) -> str:
    """Return which one it is."""
    name, what, _ = BOMBS[number]
    return f"{name} {what}"


def attempt(number: int) -> Failure | None:
    """Read one; return what is wrong with how that ended."""
    name, _, make = BOMBS[number]
    Path(name).write_bytes(np.load(f"../{number}.npy").tobytes())
    uses = [reader.use for reader in readers() if reader.name == name]
    failures = (judge(number, describe(number), lambda use=use: use(Path(name)), seconds=30) for use in uses)  # type: ignore[misc]
    return next(filter(None, failures), None)


def main() -> int:
    """Try all of them."""
    warnings.simplefilter("ignore")
    readers()
    with tempfile.TemporaryDirectory() as folder:
        for number, (_, _, make) in enumerate(BOMBS):  # made here, where memory has no bound
            np.save(Path(folder, str(number)), np.frombuffer(make(), np.uint8))
        failures = survey(attempt, range(len(BOMBS)), Path(folder), describe)
    print(*failures, f"{len(BOMBS)} bombs, {len(failures)} failures", sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
