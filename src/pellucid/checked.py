"""What the annotations of a public function promise is checked at its door.

    @checked
    def saliency(model: Any, x: ArrayLike, *, scalar: str = "logit", rule: str | None = None) -> Explanation: ...

Then `saliency(network, x, scalar=3)` is refused by an ArgumentError, "saliency: scalar must be a string, got 3.",
before anything is done. Only the plain types in KINDS are looked at, alone or joined by `|`; where an annotation names
another, the function itself knows what it takes. Ranges, and which names there are, are the function's own affair;
only a seed is known to be 0 or more everywhere.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from pellucid.arrays import numbers
from pellucid.errors import ArgumentError, DataError

P = ParamSpec("P")
R = TypeVar("R")


class Kind(NamedTuple):
    """A plain type: how messages call it, and which values are of it."""

    words: str
    holds: Callable[[Any], bool]


def _whole(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        return abs(operator.index(value)) < 2**64  # no size, count or seed is larger
    except TypeError:
        return False


def _number(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return _whole(value) if isinstance(value, (int, np.integer)) else not math.isnan(value)


def _flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def is_numbers(value: Any) -> bool:
    """Whether `value` is, or becomes, an array of real numbers."""
    try:
        numbers("", "", value)
    except DataError:
        return False
    return value is not None


def _takes_three(value: Any) -> bool:
    try:
        inspect.signature(value).bind(None, None, None)
    except (TypeError, ValueError):  # it cannot be called, or not so; ValueError: nobody knows how
        return False
    return True


def _shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(_whole(n) for n in value)


def _dtype(value: Any) -> bool:
    try:
        return np.dtype(value).kind in "biuf" and value is not None
    except Exception:  # TypeError most often, but also what the words of a text led to
        return False


def _generator(value: Any) -> bool:
    return isinstance(value, np.random.Generator)


def _texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, str) for v in value)


_PATH = Kind("a path", lambda value: isinstance(value, (str, os.PathLike)))
KINDS = {
    "None": Kind("None", lambda value: value is None),
    "bool": Kind("True or False", _flag),
    "int": Kind("a whole number", _whole),
    "float": Kind("a number", _number),
    "str": Kind("a string", lambda value: isinstance(value, str)),
    "Shape": Kind("a shape such as (28, 28, 1)", _shape),
    "DTypeLike": Kind("a dtype such as np.float32", _dtype),
    "np.random.Generator": Kind("a generator such as np.random.default_rng(0)", _generator),
    "Sequence[str]": Kind("a list of strings", _texts),
    "Method": Kind("a function of network, x and target", _takes_three),
    "ArrayLike": Kind("an array of numbers", is_numbers),
    "Array": Kind("an array", lambda value: isinstance(value, np.ndarray)),
    "PathLike": _PATH,
    "Path": _PATH,
    "os.PathLike[str]": _PATH,
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with a look at the plain types of its arguments before it runs."""
    who = function.__qualname__.removesuffix(".__init__")

    @functools.cache
    def promised() -> tuple[inspect.Signature, dict[str, list[Kind]]]:
        signature = inspect.signature(function)
        kinds = {name: _kinds(p.annotation) for name, p in signature.parameters.items()}
        return signature, {name: some for name, some in kinds.items() if some}

    @functools.wraps(function)
    def at_the_door(*args: P.args, **kwargs: P.kwargs) -> R:
        signature, kinds = promised()
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # an argument too many, or too few: Python's own words are the best
            return function(*args, **kwargs)
        for name, value in given.items():
            if kinds.get(name) == [KINDS["ArrayLike"]]:
                numbers(who, name, value)  # whose message knows the remedy
            elif name in kinds and not any(kind.holds(value) for kind in kinds[name]):
                words = dict.fromkeys(kind.words for kind in kinds[name])
                raise ArgumentError(f"{who}: {name} must be {' or '.join(words)}, got {_shown(value)}.")
            if name == "seed" and isinstance(value, (int, np.integer)) and value < 0:
                raise ArgumentError(f"{who}: seed must be a whole number of at least 0, got {value!r}.")
        return function(*args, **kwargs)

    return at_the_door


def _kinds(annotation: object) -> list[Kind]:
    """The plain types of an annotation; none where it names another one, too."""
    names = annotation.split(" | ") if isinstance(annotation, str) else [""]
    return [KINDS[name] for name in names] if all(name in KINDS for name in names) else []


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    text = repr(value)
    return text if len(text) < 80 else f"{text[:76]} …"
