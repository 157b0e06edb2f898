"""What the annotations of a public function promise is checked at its door.

    @checked
    def saliency(model: Any, x: ArrayLike, *, scalar: str = "logit", rule: str | None = None) -> Explanation: ...

Then `saliency(network, x, scalar=3)` is refused by an ArgumentError, "saliency: scalar must be a string, got 3.",
before anything is done; and `saliency(network, x, rul="guided")` by a CallError. Only the types of `kinds` are looked
at, alone or joined by `|`; where an annotation names another, the function itself knows what it takes. Ranges, and
which names there are, are the function's own affair; only a seed is known to be 0 or more everywhere.

What is called in every step of a training is `checked_late`: nothing is looked at before it fails.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from pellucid import calls, kinds
from pellucid.arrays import numbers
from pellucid.errors import ArgumentError, DataError, PellucidError
from pellucid.shown import came

F = TypeVar("F", bound=Callable[..., Any])


def checked(function: F) -> F:
    """Return the function with a look at the plain types of its arguments before it runs; a class with such a door."""
    if isinstance(function, type):
        return _with_door(function, checked)  # type: ignore[no-any-return]
    door = _Door(function)

    @functools.wraps(function)
    def at_the_door(*args: Any, **kwargs: Any) -> Any:
        door.look(args, kwargs)
        try:
            return function(*args, **kwargs)
        except MemoryError as error:
            raise door.too_large(args, error) from None

    return at_the_door  # type: ignore[return-value]


def checked_late(function: F) -> F:
    """Return the function so that, where it fails, an argument of a wrong type is told instead of what came of it."""
    if isinstance(function, type):
        return _with_door(function, checked_late)  # type: ignore[no-any-return]
    door = _Door(function)

    @functools.wraps(function)
    def at_the_door(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except PellucidError:
            raise
        except Exception as error:
            door.look(args, kwargs)
            if isinstance(error, MemoryError):
                raise door.too_large(args, error) from None
            raise

    return at_the_door  # type: ignore[return-value]


def _with_door(cls: Any, how: Callable[[Any], Any]) -> Any:
    """A record, whose maker has a door: a dataclass or a named tuple."""
    maker = "__new__" if issubclass(cls, tuple) else "__init__"
    setattr(cls, maker, how(getattr(cls, maker)))
    return cls


class _Door:
    """What a function promises of its arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    @cached_property
    def of_method(self) -> bool:
        return next(iter(inspect.signature(self.function).parameters), "") in ("self", "cls", "_cls")

    @cached_property
    def signature(self) -> inspect.Signature:
        signature = inspect.signature(self.function)
        return calls.without_self(signature) if self.of_method else signature

    def look(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise an error of the package where the arguments do not fit, or one is not of its type."""
        own = self.of_method and args
        look(self.name(args), self.signature, args[1:] if own else args, kwargs)

    def name(self, args: Sequence[Any]) -> str:
        """How messages call the function."""
        if self.of_method and args:
            return _method(self.function.__name__, args[0])
        return self.function.__qualname__.rpartition("<locals>.")[2]

    def too_large(self, args: Sequence[Any], error: MemoryError) -> DataError:
        """The error for what does not fit into memory."""
        return DataError(f"{self.name(args)}: takes more memory than there is. {error}".rstrip())


def _method(name: str, owner: object) -> str:
    """How messages call a method: by the class of its object, which may be derived from that of the method."""
    kind = owner if isinstance(owner, type) else type(owner)
    return kind.__name__ if name in ("__init__", "__new__", "__call__", "__getitem__") else f"{kind.__name__}.{name}"


def look(who: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise an error of the package where the arguments do not fit a signature, or one is not of its type."""
    for name, value in calls.bound(who, signature, args, kwargs).items():
        parameter = signature.parameters[name]
        some = kinds.of_annotation(parameter.annotation)
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for one in (value.values() if isinstance(value, dict) else value) if several and some else [value]:
            _expect(who, name, one, some)


def _expect(who: str, name: str, value: Any, some: Sequence[kinds.Kind]) -> None:
    if some == (kinds.KINDS["ArrayLike"],):
        numbers(who, name, value)  # whose message knows the remedy
    elif some and not any(kind.holds(value) for kind in some):
        words = " or ".join(dict.fromkeys(kind.words for kind in some))
        raise ArgumentError(f"{who}: {name} must be {words}, got {came(value)}.")
    if name == "seed" and isinstance(value, (int, np.integer)) and value < 0:
        raise ArgumentError(f"{who}: seed must be a whole number of at least 0, got {value!r}.")
