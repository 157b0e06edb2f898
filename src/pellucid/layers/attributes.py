"""Objects whose attributes are those that `__init__` gave them: a slip of the pen is an error, and not ignored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.constructed import Constructed


class _AfterInit(Constructed):
    """Closes an object's attributes when its `__init__`, with those of all its classes, is through."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        vars(made)["_open"] = False
        return made


class KnownAttributes(metaclass=_AfterInit):
    """`layer.trainble = False` raises UnknownNameError and offers the nearest name. Private names are free."""

    _open = True

    def __setattr__(self, name: str, value: Any) -> None:
        known = name in vars(self) or (hasattr(type(self), name) and _settable(type(self), name))
        if not (self._open or name.startswith("_") or known):
            names = {key for key in (*vars(self), *dir(type(self))) if not key.startswith("_")}
            checks.unknown_name(type(self).__name__, "attribute", name, {k for k in names if _settable(type(self), k)})
        super().__setattr__(name, value)

    @checked
    @contextmanager
    def open_attributes(self) -> Iterator[None]:
        """Let new attributes be set for a while: what a layer keeps when it is built."""
        before = self._open
        vars(self)["_open"] = True
        try:
            yield
        finally:
            vars(self)["_open"] = before


def _settable(kind: type, name: str) -> bool:
    """Whether a name stands for a value and not for a method or a property that is only read."""
    found = getattr(kind, name, None)
    return not callable(found) and not (isinstance(found, property) and found.fset is None)
