"""Several vectors at once, as a tuple: rows of a small matrix, the pixels of a window."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types

from pellucid.kernels.vectors.instruction import Number, instruction
from pellucid.kernels.vectors.simd import FLOATS, address, count, masked_load, masked_store, product_plus, vector


def loads(many: int) -> Any:
    """load(p, step): so many vectors, `step` bytes apart."""

    def load(builder: Any, p: Any, step: Any) -> Any:
        return cgutils.pack_array(builder, [_at(builder, p, step, k).load(FLOATS) for k in range(many)])

    load.__qualname__ = f"load_{many}"
    return instruction(address, types.intp, to=types.UniTuple(vector, many))(load)


def loads_some(many: int) -> Any:
    """load(p, step, count): the first `count` floats of each, then zeros."""

    def load(builder: Any, p: Any, step: Any, count: Any) -> Any:
        return cgutils.pack_array(builder, [masked_load(_at(builder, p, step, k), count) for k in range(many)])

    load.__qualname__ = f"load_some_{many}"
    return instruction(address, types.intp, count, to=types.UniTuple(vector, many))(load)


def add_products(many: int) -> Any:
    """add(sums, vectors, v): sums + vectors · v, so many of them."""

    def add(builder: Any, sums: Any, vectors: Any, v: Any) -> Any:
        pairs = zip(cgutils.unpack_tuple(builder, sums), cgutils.unpack_tuple(builder, vectors), strict=True)
        return cgutils.pack_array(builder, [product_plus(builder, w, v, total) for total, w in pairs])

    add.__qualname__ = f"add_products_{many}"
    rows = types.UniTuple(vector, many)
    return instruction(rows, rows, vector, to=rows)(add)


@instruction()
def put(builder: Any, q: Any, step: Any, vectors: Any) -> None:
    """Write vectors to q, `step` bytes apart."""
    for k, v in enumerate(cgutils.unpack_tuple(builder, vectors)):
        _at(builder, q, step, k).store(v)


@instruction()
def put_some(builder: Any, q: Any, step: Any, vectors: Any, count: Any) -> None:
    """Write the first `count` lanes of each."""
    for k, v in enumerate(cgutils.unpack_tuple(builder, vectors)):
        masked_store(_at(builder, q, step, k), v, count)


def rows_of(many: int) -> Any:
    """rows(image, r, height, line, zeros): the addresses of rows r, r + 1, … of an image, `line` bytes long; those
    outside are a row of zeros.
    """

    def rows(builder: Any, image: Any, r: Any, height: Any, line: Any, zeros: Any) -> Any:
        numbers = [Number(builder, r) + k for k in range(many)]
        inside = [builder.icmp_unsigned("<", number.value, height) for number in numbers]
        places = [(Number(builder, image) + number * line).value for number in numbers]
        chosen = [builder.select(seen, place, zeros) for seen, place in zip(inside, places, strict=True)]
        return cgutils.pack_array(builder, chosen)

    rows.__qualname__ = f"rows_{many}"
    return instruction(*[types.intp] * 5, to=types.UniTuple(types.intp, many))(rows)


def column_of(many: int) -> Any:
    """column(rows, o, count): the first `count` floats of each row, o bytes on."""

    def column(builder: Any, rows: Any, o: Any, count: Any) -> Any:
        places = [Number(builder, row) + o for row in cgutils.unpack_tuple(builder, rows)]
        return cgutils.pack_array(builder, [masked_load(place, count) for place in places])

    column.__qualname__ = f"column_{many}"
    kinds = types.UniTuple(types.intp, many), types.intp, count
    return instruction(*kinds, to=types.UniTuple(vector, many))(column)


def _at(builder: Any, p: Any, step: Any, k: int) -> Number:
    return Number(builder, p) + Number(builder, step) * k
