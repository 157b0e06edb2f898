"""Records as compiled loops read them; `kernels.records` says what a record is."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from pellucid.kernels.records import nested

_I64 = ir.IntType(64)


@intrinsic
def read(typing: Any, record: Any, address: Any) -> Any:
    """The record of that type at an address, an address in the place of each array."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = iter(range(10**6))

        def load(kind: Any) -> Any:
            if kind is types.intp:
                place = builder.gep(first, [ir.Constant(_I64, next(numbers))])
                return builder.load(place)
            return context.make_tuple(builder, kind, [load(each) for each in kind.types])

        first = builder.inttoptr(args[1], _I64.as_pointer())
        return load(sig.return_type)

    return _kind(record.instance_class)(record, address), emit


def _kind(record: Any) -> Any:
    """Numba's type of a record: named tuples of whole numbers, and of records."""
    inner = nested(record)
    kinds = [_kind(inner[field]) if field in inner else types.intp for field in record._fields]
    if inner:
        return types.NamedTuple(kinds, record)
    return types.NamedUniTuple(types.intp, len(kinds), record)
