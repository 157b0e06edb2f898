"""Whether a layer computes as a layer of the package does: what a shorter way may be taken for.

A subclass may compute something else under an old name. Whoever knows a rule, a window or a formula for a kind of
layer asks here, not `isinstance`; for everything else the layer's own passes are the only truth.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeGuard, TypeVar

KindT = TypeVar("KindT")

SETTINGS = {"config", "create_params", "infer_shape", "least_batch", "stochastic", "takes_images", "fixed", "set_first"}
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
    if kind is None:
        return False
    above = cls.__mro__[: cls.__mro__.index(kind)]
    return not any(_is_pass(name, kind) for base in above for name in vars(base))


def _is_pass(name: str, kind: type[Any]) -> bool:
    """Whether a kind may compute by what has that name."""
    if name in SETTINGS or name == "_abc_impl" or (name.startswith("__") and name != "__call__"):
        return False
    inherited = getattr(kind, name, None)
    return inherited is not None and not getattr(inherited, "__isabstractmethod__", False)
