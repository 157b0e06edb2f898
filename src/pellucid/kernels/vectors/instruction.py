"""Instructions of compiled code: what LLVM offers and Numba's Python has no words for.

One is a function that writes it:

    @instruction(types.intp, types.intp, to=types.intp)
    def third(builder, table, first):
        return (Number(builder, table) + 8 * first + 16).load(INTEGER, 8)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

BYTE, INT32, INTEGER, FLOAT = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()


def instruction(*kinds: Any, to: Any = types.void) -> Callable[[Callable[..., Any]], Any]:
    """Make of emit(builder, *values) a function for compiled code. It takes values of these kinds and returns `to`;
    without kinds, what it is given.
    """

    def make(emit: Callable[..., Any]) -> Any:
        def typed(typing: Any, *given: Any) -> Any:
            pairs = zip(kinds, given, strict=False)
            if any(wanted is types.intp and isinstance(got, types.Float) for wanted, got in pairs):
                raise TypingError(f"{emit.__name__}: addresses and counts are whole numbers. Write // and not /.")

            def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
                value = emit(builder, *args)
                return context.get_dummy_value() if value is None else value

            return to(*(kinds or map(types.unliteral, given))), lower

        names = ["typing", *list(inspect.signature(emit).parameters)[1:]]
        words = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        vars(typed).update(__signature__=inspect.Signature(words))
        for told in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(typed, told, getattr(emit, told))
        return intrinsic(typed)

    return make


class Number:
    """A whole number in compiled code that writes its own arithmetic; often an address, in bytes."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = ir.Constant(INTEGER, value) if isinstance(value, int) else getattr(value, "value", value)

    def _with(self, operation: str, other: Any) -> Number:
        return Number(self.builder, getattr(self.builder, operation)(self.value, Number(self.builder, other).value))

    def __add__(self, other: Any) -> Number:
        return self._with("add", other)

    def __sub__(self, other: Any) -> Number:
        return self._with("sub", other)

    def __mul__(self, other: Any) -> Number:
        return self._with("mul", other)

    def __floordiv__(self, other: Any) -> Number:
        """Rounded towards 0."""
        return self._with("sdiv", other)

    __radd__, __rmul__ = __add__, __mul__

    def pointer(self, kind: Any) -> Any:
        """To values of a kind."""
        return self.builder.inttoptr(self.value, kind.as_pointer())

    def load(self, kind: Any, align: int = 4) -> Any:
        """The value at this address."""
        return self.builder.load(self.pointer(kind), align=align)

    def number(self, index: int = 0) -> Number:
        """The whole number at this address, or of the table at this address."""
        return Number(self.builder, (self + 8 * index).load(INTEGER, 8))

    def store(self, value: Any, align: int = 4) -> None:
        """Write a value to this address."""
        self.builder.store(value, self.pointer(value.type), align=align)


def call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call a function by its name, such as LLVM's own ones."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def pointer_to(kind: str) -> str:
    """How the names of LLVM's functions write a pointer to a kind: from LLVM 15 on without it."""
    return "p0" if _has_opaque_pointers() else f"p0{kind}"


@cache
def _has_opaque_pointers() -> bool:
    import llvmlite

    return tuple(int(part) for part in llvmlite.__version__.split(".")[:2]) >= (0, 44)
