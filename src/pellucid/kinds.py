"""The plain types that annotations name: how messages call each, and which values are of it.

They are known by the text of the annotation; a class of the package by its name, so that nothing is imported.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from pellucid.arrays import numbers
from pellucid.errors import DataError


class Kind(NamedTuple):
    """A plain type: how messages call it, and which values are of it."""

    words: str
    holds: Callable[[Any], bool]


@cache
def of_annotation(annotation: object) -> tuple[Kind, ...]:
    """The plain types of an annotation; none where it names another one, too."""
    names = _alternatives(annotation) if isinstance(annotation, str) else []
    found = [_kind(name) for name in names]
    return tuple(kind for kind in found if kind is not None) if all(found) else ()


def _alternatives(annotation: str) -> list[str]:
    """What stands between the bars outside brackets, an alias replaced by what it stands for."""
    parts = re.split(r" \| (?![^\[]*\])", annotation.strip("'\""))
    return [name for part in parts for name in ALIASES.get(part, (part,))]


def _kind(name: str) -> Kind | None:
    if name.endswith("Cache"):
        return Kind("the cache that forward returned", partial(is_made_by_us, kind=name))
    return KINDS.get(name) or KINDS.get(name.partition("[")[0])


def is_made_by_us(value: object, kind: str) -> bool:
    """Whether `value` is of the package's class called `kind`, or of one that a user derived from it."""
    return any(base.__name__ == kind and base.__module__.startswith("pellucid.") for base in type(value).__mro__)


def _whole(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        return abs(operator.index(value)) < 2**64  # no size, count or seed is larger
    except Exception:  # TypeError most often, but `__index__` is the object's own
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


def _takes(arguments: int, value: Any) -> bool:
    try:
        inspect.signature(value).bind(*[None] * arguments)
    except Exception:  # it cannot be called, or not so, or nobody knows how
        return False
    return True


def _shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) <= 32 and all(_whole(n) for n in value)


def _two(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(holds, value))


_pair = partial(_two, _whole)


def _dtype(value: Any) -> bool:
    try:
        return value is not None and np.dtype(value).kind in "biuf"
    except Exception:  # TypeError most often, but also what the words of a text led to
        return False


def _sequence(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(holds, value))


def _mapping(holds: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and holds(v) for k, v in value.items())


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


def _named(kind: str, value: Any) -> bool:
    """Whether it may name, describe or be one of that kind; a class is, as its reader says that it must be called."""
    return isinstance(value, (str, Mapping, type)) or is_made_by_us(value, kind)


def _path(value: Any) -> bool:
    try:
        return isinstance(os.fspath(value), str)
    except Exception:  # TypeError most often, but `__fspath__` is the object's own
        return False


_PATH = Kind("a path", _path)
_ARRAYS = Kind("a dict of arrays by their names", partial(_mapping, _array))
KINDS = {
    "None": Kind("None", lambda value: value is None),
    "bool": Kind("True or False", _flag),
    "int": Kind("a whole number", _whole),
    "float": Kind("a number", _number),
    "str": Kind("a string", _text),
    "Shape": Kind("a shape such as (28, 28, 1)", _shape),
    "Pair": Kind("two whole numbers such as (3, 3)", _pair),
    "Padding": Kind("((top, bottom), (left, right))", partial(_two, _pair)),
    "DTypeLike": Kind("a dtype such as np.float32", _dtype),
    "np.dtype[Any]": Kind("a dtype such as np.dtype(np.float32)", _dtype),
    "np.random.Generator": Kind(
        "a generator such as np.random.default_rng(0)", lambda value: isinstance(value, np.random.Generator)
    ),
    "Sequence[str]": Kind("a list of strings", partial(_sequence, _text)),
    "tuple[int, int]": Kind("two whole numbers such as (3, 3)", _pair),
    "Sequence[AnyLayer]": Kind("a list of layers", partial(_sequence, lambda value: is_made_by_us(value, "Layer"))),
    "Sequence[Sample]": Kind("a list of pl.report.Sample", partial(_sequence, lambda v: is_made_by_us(v, "Sample"))),
    "Sequence[Method]": Kind(
        'a list of methods such as pl.explain.METHODS["saliency"]',
        partial(_sequence, lambda value: is_made_by_us(value, "Method")),
    ),
    "Sequence[str | None]": Kind("a list of strings or None", partial(_sequence, lambda v: v is None or _text(v))),
    "Sequence[int]": Kind("a list of whole numbers", partial(_sequence, _whole)),
    "Mapping[str, str]": Kind("a dict of strings", partial(_mapping, _text)),
    "Sequence[Shape]": Kind("a list of shapes", partial(_sequence, _shape)),
    "Batch": Kind("a pair of arrays (x, t)", partial(_two, _array)),
    "Callable[[], Activation]": Kind("the class of a layer such as pl.Tanh", partial(_takes, 0)),
    "Sequence[Array]": Kind("a list of arrays", partial(_sequence, _array)),
    "Mapping[str, Any]": Kind("a dict by names", partial(_mapping, lambda value: True)),
    "Sequence[Any]": Kind("a list", partial(_sequence, lambda value: True)),
    "Sequence[Layer[Any]]": Kind("layers", partial(_sequence, lambda value: is_made_by_us(value, "Layer"))),
    "Iterable[tuple[str, Any]]": Kind("pairs of name and value", lambda value: False),  # they were seen to be none
    "Mapping[str, Array]": _ARRAYS,
    "Arrays": _ARRAYS,
    "Config": Kind("a dict", lambda value: isinstance(value, Mapping)),
    "Callable": Kind("a function", callable),
    "Explainer": Kind("a function of network, x and target", partial(_takes, 3)),
    "ArrayLike": Kind("an array of numbers", is_numbers),
    "Array": Kind("an array of numbers", _array),
    "IntArray": Kind("an array of numbers", _array),
    "Tape": Kind("the tape that forward returned", partial(_sequence, lambda value: is_made_by_us(value, "Step"))),
    "PathLike": _PATH,
    "Path": _PATH,
    "os.PathLike[str]": _PATH,
    "LossLike": Kind("a loss such as pl.MeanSquaredError(), or its name", partial(_named, "Loss")),
    "OptimizerLike": Kind("an optimiser such as pl.Adam(), or its name", partial(_named, "Optimizer")),
}

_NETWORK = "a network such as pl.Sequential([pl.Affine(10)])"
_CLASSES = {
    "Dataset": "a Dataset such as pl.Dataset(x, t)",
    "Container": _NETWORK,
    "Sequential": _NETWORK,
    "Layer": "a layer such as pl.Affine(10)",
    "Merge": "a merge such as pl.Add()",
    "Loss": "a loss such as pl.MeanSquaredError()",
    "Optimizer": "an optimiser such as pl.Adam()",
    "Schedule": "a schedule such as pl.schedules.Constant(0.1)",
    "Initializer": "an initialiser such as pl.initializers.He()",
    "History": "a History as pl.fit returns it",
    "Explanation": "an Explanation as pl.explain.saliency returns it",
    "InputSpec": "an InputSpec such as network.inputs of a trained one",
    "CsvOptions": 'options such as pl.data.CsvOptions(delimiter=";")',
    "ChannelAffine": "a ChannelAffine as pl.BatchNorm().channel_affine() returns it",
    "Window": "a window such as pl.kernels.Window((3, 3))",
}
KINDS.update({name: Kind(words, partial(is_made_by_us, kind=name)) for name, words in _CLASSES.items()})

ALIASES = {
    "AnyLayer": ("Layer",),
    "AnyMerge": ("Merge",),
    "Operation": ("Layer", "Merge"),
    "ContainerT": ("Container",),
    "Rate": ("float", "Schedule"),
    "Column": ("str", "int"),
    "Task": ("str",),
}
