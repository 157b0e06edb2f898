"""Damage that knows a format's structure, so that its lengths and checksums do not shadow what lies behind them.

Every function takes the bytes of a sound file and returns those of another, with lengths and checksums made right.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from mutations import mutate

Damage = Callable[[bytes, np.random.Generator], bytes]

SIZES = (0, 1, 2, 3, 7, 255, 256, 6000, 2**15, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 2**31, 2**63, 10**30, 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "x", "NaN",
    "\x1b[31mred", "\ud800", "Affine", "Conv2D", "Sequential", "Graph", "input", "a.b", "../x", [], {}, [[]], [1,
    2], [0], [-1, 2], [2**40],
    {"type": "Affine"},
    {"type": "Sequential", "layers": []}, {"initializer": "he"}, "[" * 100, "x" * 10_000, "utf-16", "idna", "a\0b",
)  # fmt: skip
CELLS = (
    "", " ", "NaN", "inf", "-inf", "1e999", "-0", "1_000", "0x10", "1,5", "1.5", "٣", "²", "label", "id", '"', '""',
    '"a\nb"', "a" * 140_000, "\0", "\ufeff", "1" * 400, "9" * 5000, "1e308", "x", "true", "#", "\t", ";", "\r",
)  # fmt: skip


def pick(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


# Fields of numbers, in any format of bytes


def in_fields(data: bytes, rng: np.random.Generator) -> bytes:
    """Numbers of two or four bytes set to extreme ones, in the first 100 bytes or anywhere."""
    for _ in range(int(rng.integers(1, 4))):
        width, order = pick(rng, (2, 4)), pick(rng, ("big", "little"))
        place = int(rng.integers(min(len(data), 100 if rng.random() < 0.7 else len(data)) + 1))
        data = data[:place] + (pick(rng, SIZES) % (1 << 8 * width)).to_bytes(width, order) + data[place + width :]
    return data


def splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """The first part of one file and the last of another."""
    return data[: int(rng.integers(len(data) + 1))] + other[int(rng.integers(len(other) + 1)) :]


# JSON


def in_json(data: bytes, rng: np.random.Generator) -> bytes:
    """The text of a JSON document in which a few nodes were replaced, taken out, doubled or renamed."""
    tree = json.loads(data)
    for _ in range(int(rng.integers(1, 4))):
        tree = _edited(tree, rng)
    text = json.dumps(tree, ensure_ascii=bool(rng.integers(2)))
    if rng.random() < 0.1:
        text = re.sub(r'("\w+": ?)', r"\1 0, \1", text, count=int(rng.integers(1, 4)))  # keys that stand twice
    encoding = pick(rng, ("utf-8",) * 20 + ("utf-16", "utf-8-sig", "latin-1", "utf-32"))
    return text.encode(encoding, "surrogatepass" if encoding[:3] == "utf" else "replace")


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
        return pick(rng, HOSTILE)
    keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = pick(rng, keys)
    node = dict(node) if isinstance(node, dict) else list(node)
    way = rng.random()
    if way < 0.1:
        del node[key]
    elif way < 0.2 and isinstance(node, dict):
        node[str(pick(rng, HOSTILE))] = node.pop(key)
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
    for key in [key for key in metadata if "sha" in key]:
        del metadata[key]
    text = in_json(json.dumps(fields).encode(), rng)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


# Arrays


def in_npy(data: bytes, rng: np.random.Generator) -> bytes:
    """An array whose header declares something else, its length made right or not."""
    length = int.from_bytes(data[8:10], "little")
    text, body = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    shape = ", ".join(str(pick(rng, (*SIZES, 28, 784, 2**40, 2**63, 10**20))) for _ in range(int(rng.integers(4))))
    kinds = ("<f4", ">f8", "|u1", "|O", "<U3", "<f16", "<c8", "<M8[D]", "|b1", "<f2", "V4", "[('a', 'i4')]", "<i8")
    edits = (
        (r"\(.*?\)", f"({shape},)"),
        (r"'descr': '[^']*'", f"'descr': '{pick(rng, kinds)}'"),
        ("False", "True"),
        ("'shape'", "'shapes'"),
        (r"\}", ", 'x': 1}"),
        (r"\(", "(" * 300),
        (r"\(.*?\)", "__import__('os')"),
    )
    for _ in range(int(rng.integers(1, 3))):
        text = re.sub(*pick(rng, edits), text, count=1)
    if rng.random() < 0.3:
        body = pick(rng, (body[: len(body) // 2], body * 2, b"", body + b"\0", bytes(64), b"\xff" * len(body)))
    told = len(text) if rng.random() < 0.9 else pick(rng, SIZES) % 65536
    return data[:8] + told.to_bytes(2, "little") + text.encode("latin-1") + body


def in_zip(data: bytes, rng: np.random.Generator) -> bytes:
    """An archive with damaged, renamed, doubled or missing members and right checksums; or one whose sizes lie."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at = int(rng.integers(len(members)))
    name, content = members[at]
    way = rng.random()
    if way < 0.4:
        members[at] = name, in_npy(content, rng)
    elif way < 0.6:
        members[at] = name, mutate(content, rng)
    elif way < 0.7:
        members[at] = str(pick(rng, ("W1.npy", "x", "../x.npy", "a\nb.npy", "meta.npy", "W9.npy", "é.npy"))), content
    elif way < 0.8:
        members.append((pick(rng, (name, "more.npy")), content))
    elif way < 0.85:
        del members[at]
    elif name == "meta.npy":
        members[at] = name, _npy(np.frombuffer(in_json(content[128:], rng), np.uint8))
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", pick(rng, (0, 8, 8, 12))) as archive:
        warnings.simplefilter("ignore")  # of members that stand twice
        for name, content in members:
            archive.writestr(name, content)
    made = stream.getvalue()
    if rng.random() < 0.25 and (place := made.rfind(b"PK\1\2")) >= 0:  # sizes and offsets in the directory
        place += pick(rng, (8, 10, 16, 20, 24, 42))
        made = made[:place] + struct.pack("<I", pick(rng, SIZES)) + made[place + 4 :]
    return made


def in_keras(data: bytes, rng: np.random.Generator) -> bytes:
    """An archive of Keras whose description, weights or directory is damaged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = pick(rng, ("config.json",) * 6 + ("model.weights.h5",) * 3 + ("metadata.json",))
    way = rng.random()
    if way < 0.85:
        members[name] = in_hdf5(members[name], rng) if name.endswith("h5") else in_json(members[name], rng)
    elif way < 0.9:
        del members[name]
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", pick(rng, (0, 8, 8, 12))) as archive:
        warnings.simplefilter("ignore")  # of members that stand twice
        for key, content in members.items():
            archive.writestr(key, content)
        if way > 0.95:
            archive.writestr(pick(rng, (name, "../x", "model.weights.json", "data.pkl")), b"{}")
    return stream.getvalue()


def in_hdf5(data: bytes, rng: np.random.Generator) -> bytes:
    """An HDF5 file with other addresses and sizes, or with another description of its model, as long as the old one."""
    made = bytearray(data)
    start = data.find(b'{"class_name"')
    if start >= 0 and rng.random() < 0.5:
        text, length = json.JSONDecoder().raw_decode(data[start:].decode("latin-1"))
        made[start : start + length] = in_json(json.dumps(text).encode(), rng).ljust(length)[:length]
        return bytes(made)
    words = np.frombuffer(data[: len(data) // 8 * 8], "<u8")
    places = np.flatnonzero((words > 0) & (words < len(data)))
    for _ in range(int(rng.integers(1, 4))):
        word = pick(rng, (*SIZES, 2**63, 2**64 - 1, *rng.choice(words[places], 8).tolist()))
        at = 8 * int(rng.choice(places))
        made[at : at + 8] = int(word).to_bytes(8, "little")
    return bytes(made)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def in_idx(data: bytes, rng: np.random.Generator) -> bytes:
    """An IDX file whose header declares another type or other sizes."""
    head, body = bytearray(data[:4]), data[4 + 4 * data[3] :]
    sizes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.3:
            head[int(rng.integers(4))] = int(rng.integers(16))
        elif sizes:
            sizes[int(rng.integers(len(sizes)))] = pick(rng, SIZES)
    if rng.random() < 0.3:
        body = pick(rng, (b"", body * 2, body[:-1], body + b"\0"))
    return bytes(head) + b"".join(n.to_bytes(4, "big") for n in sizes) + body


def in_gzip(data: bytes, rng: np.random.Generator) -> bytes:
    """A sound gzip member of a damaged file; or of two, or with a name."""
    content = gzip.decompress(data)
    content = in_idx(content, rng) if rng.random() < 0.7 else mutate(content, rng)
    stream = io.BytesIO()
    with gzip.GzipFile(pick(rng, ("", "a\x1bb")), "wb", pick(rng, (0, 9)), stream) as member:
        member.write(content)
    made = stream.getvalue()
    return pick(rng, (made,) * 8 + (made + made, gzip.compress(made), made[:-4] + bytes(4)))  # type: ignore[no-any-return]


# Protocol buffers


def in_onnx(data: bytes, rng: np.random.Generator) -> bytes:
    """An ONNX model in which a few fields were replaced, taken out, doubled, or taken from elsewhere in it."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_fields(model, 0))
        _edit_field(*pick(rng, places), places, rng)
    return model.SerializeToString()  # type: ignore[no-any-return]


def _fields(message: Any, depth: int) -> Any:
    """Every field that is set, with the message that holds it."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None and depth < 12:
            for part in value if field.is_repeated else (value,):
                yield from _fields(part, depth + 1)


def _edit_field(message: Any, field: Any, places: list[Any], rng: np.random.Generator) -> None:
    way, value = rng.random(), getattr(message, field.name)
    if way < 0.15:
        message.ClearField(field.name)
    elif field.is_repeated and len(value):
        at = int(rng.integers(len(value)))
        if way < 0.35:
            value.extend([value[at]] * int(pick(rng, (1, 1, 3, 40))))
        elif way < 0.5:
            del value[at]
        elif field.message_type is None:
            value[at] = _other(field, value[at], places, rng)
    elif field.message_type is None:
        setattr(message, field.name, _other(field, value, places, rng))
    else:
        value.Clear()


def _other(field: Any, value: Any, places: list[Any], rng: np.random.Generator) -> Any:
    """Another value of the same type, often one that stands elsewhere."""
    alike = [getattr(m, f.name) for m, f in places if f.type == field.type and not f.is_repeated]
    if alike and rng.random() < 0.5:
        return pick(rng, alike)
    if isinstance(value, bytes):
        return mutate(value, rng)
    if isinstance(value, str):
        return str(pick(rng, ("", "x", "y", "Conv", "Add", "Loop", "Reshape", "a" * 10_000, "../x", "\x1b[31m", "é")))
    if isinstance(value, float):
        return float(pick(rng, (0.0, -1.0, 1e38, float("nan"), float("inf"), 1e-45)))
    if field.enum_type is not None:
        return int(pick(rng, field.enum_type.values).number)
    limit = (1 << 31) - 1 if field.cpp_type == field.CPPTYPE_INT32 else (1 << 63) - 1
    return min(int(pick(rng, (0, 1, 2, 3, -1, 7, 255, 1 << 16, 1 << 31, 1 << 40, 1 << 62, (1 << 63) - 1))), limit)


# Tables


def in_csv(data: bytes, rng: np.random.Generator) -> bytes:
    """A table with other cells, rows of other lengths, another delimiter or another encoding."""
    rows = [re.split("[,;\t]", line) for line in data.decode().split("\n")]
    for _ in range(int(rng.integers(1, 4))):
        row, way = pick(rng, rows), rng.random()
        if way < 0.5 and row:
            row[int(rng.integers(len(row)))] = pick(rng, CELLS)
        elif way < 0.6 and row:
            row.pop()
        elif way < 0.7:
            row.append(pick(rng, CELLS))
        elif way < 0.8:
            rows.insert(int(rng.integers(len(rows))), pick(rng, ([], [""], list(row), ["sep=;"], [" "] * 3)))
        elif way < 0.9:
            rows *= 2
        elif sum(map(len, row)) < 1000:
            row *= 500
    text = pick(rng, ("\n", "\n", "\n", "\r\n", "\r")).join(pick(rng, ",,,;\t|").join(row) for row in rows)
    encoding = pick(rng, ("utf-8",) * 12 + ("utf-16", "utf-8-sig", "latin-1", "utf-32", "utf-16-le"))
    return text.encode(encoding, "replace")


# Pictures


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG file: their types and contents."""
    found, place = [], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def png(parts: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of chunks, with right lengths and checksums."""
    packed = (
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def in_png(data: bytes, rng: np.random.Generator) -> bytes:
    """A PNG file with damaged, doubled, exchanged or missing chunks and right checksums."""
    parts = chunks(data)
    at = int(rng.integers(len(parts)))
    kind, body = parts[at]
    way = rng.random()
    if way < 0.35:
        head = bytearray(parts[0][1])
        for _ in range(int(rng.integers(1, 3))):
            if rng.random() < 0.5:
                start = pick(rng, (0, 4))
                head[start : start + 4] = pick(rng, SIZES).to_bytes(4, "big")
            else:
                head[int(rng.integers(8, 13))] = int(rng.integers(17))
        parts[0] = b"IHDR", bytes(head)
    elif way < 0.55:
        parts[at] = kind, mutate(body, rng)
    elif way < 0.7:
        pixels = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
        parts = [part for part in parts if part[0] != b"IDAT"]
        parts.insert(-1, (b"IDAT", zlib.compress(mutate(pixels, rng), pick(rng, (0, 9)))))
    elif way < 0.8:
        parts.insert(int(rng.integers(len(parts))), pick(rng, parts))
    elif way < 0.85:
        del parts[at]
    elif way < 0.9:
        parts[at], parts[-1] = parts[-1], parts[at]
    else:
        bomb = zlib.compress(bytes(8 << 20))
        parts.insert(1, pick(rng, (
            (b"tRNS", bytes(int(rng.integers(9)))), (b"zTXt", b"a\0\0" + bomb), (b"iCCP", b"a\0\0" + bomb),
            (b"iTXt", b"a\0\1\0\0\0" + bomb), (b"eXIf", b"MM\0*" + rng.bytes(40)), (b"PLTE", bytes(5)),
            (b"acTL", rng.bytes(8)), (b"fcTL", rng.bytes(26)), (b"gAMA", b""), (b"aaaa", rng.bytes(9)),
            (b"sBIT", b""), (b"pHYs", b"\0"), (b"tEXt", b"\xff"),
        )))  # fmt: skip
    return png(parts)
