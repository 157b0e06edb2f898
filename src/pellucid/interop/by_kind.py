"""What a kind of layer or merge becomes elsewhere: a table by class, for it and for what computes as it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pellucid.layers.nodes import Operation
from pellucid.layers.plain import is_plain

T = TypeVar("T")
FunctionT = TypeVar("FunctionT")


class ByKind(dict[type[Any], T]):
    """A table that functions enter themselves into, each for the kinds that it serves."""

    def serves(self, *kinds: type[Any]) -> Callable[[FunctionT], FunctionT]:
        """Let a function serve layers or merges of these kinds."""

        def enter(function: FunctionT) -> FunctionT:
            self.update(dict.fromkeys(kinds, function))  # type: ignore[arg-type]  # mypy cannot say FunctionT <: T
            return function

        return enter

    def of(self, operation: Operation) -> T | None:
        """Return what serves a layer or merge; None where its passes are not those of a kind that is known."""
        kind = next((base for base in type(operation).__mro__ if base in self), None)
        return self[kind] if kind is not None and is_plain(operation, kind) else None
