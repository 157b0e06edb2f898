"""Whether a class computes as a class above it does: what is known of the one then holds for the other.

A subclass may compute something else under an old name. Whoever knows a fact or a rule of a kind of layer knows it of
the passes of that kind; for everything else the layer's own passes are the only truth.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeGuard, TypeVar

KindT = TypeVar("KindT")

FACTS = frozenset(
    {
        *("facts", "window", "multiply_adds", "filter_weights", "sliding", "channel_affine", "absorb", "fuse_with"),
        *("one_sample", "kernel_use", "symbol", "nodes", "fused", "secants"),
    }
)
"""What a class says of its passes, and what therefore falls where a subclass writes others."""

SETTINGS = {
    *("config", "create_params", "infer_shape", "least_batch", "stochastic", "takes_images", "probabilities"),
    *("fixed", "set_first", "in_files"),
}
"""What a subclass may say for itself and still compute the same."""


def is_plain(layer: Any, *kinds: type[KindT]) -> TypeGuard[KindT]:
    """Whether a layer (or merge, or container) is one of `kinds` and its passes are those of that kind.

    A subclass that adds options alone is; one that writes a method that its kind computes by is not. Abstract methods
    of a kind, such as an activation's function, are there to be written.
    """
    return not vars(layer).keys() & {"forward", "backward"} and _computes_alike(type(layer), kinds)  # type: ignore[arg-type]


@cache
def _computes_alike(cls: type[Any], kinds: tuple[type[Any], ...]) -> bool:
    kind = next((base for base in cls.__mro__ if base in kinds), None)
    return kind is not None and keeps_passes(cls, kind)


def keeps_passes(cls: type[Any], kind: type[Any]) -> bool:
    """Whether a class computes by what `kind`, itself or a class above it, computes by.

    A kind that leaves its passes to be written computes by those of the first class below it that writes them.
    """
    below = cls.__mro__[: cls.__mro__.index(kind) + 1]
    writing = next((i for i in reversed(range(len(below))) if not _leaves_passes(below[i])), 0)
    return all(_passes(below[writing]).isdisjoint(vars(base)) for base in below[:writing])


def _leaves_passes(kind: type[Any]) -> bool:
    return any(_is_abstract(getattr(kind, name, None)) for name in ("forward", "backward"))


@cache
def _passes(kind: type[Any]) -> frozenset[str]:
    """The names of what a kind may compute by."""
    names = frozenset().union(*(vars(base) for base in kind.__mro__)) - SETTINGS - FACTS - {"_abc_impl"}
    return frozenset(name for name in names if name == "__call__" or not (name.startswith("__") or _leaves(kind, name)))


def _leaves(kind: type[Any], name: str) -> bool:
    """Whether a kind leaves it to others: to be written, or as a setting that says nothing."""
    found = getattr(kind, name, None)
    return found is None or _is_abstract(found)


def _is_abstract(method: Any) -> bool:
    return bool(getattr(method, "__isabstractmethod__", False))
