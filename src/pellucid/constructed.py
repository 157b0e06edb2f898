"""Classes that tell in the package's words what is wrong with a call that should make one, and show how it is made."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from inspect import Signature
from typing import Any

from pellucid import calls
from pellucid.checked import look
from pellucid.errors import CallError, PellucidError


class Constructed(ABCMeta):
    """The metaclass of layers, losses, optimisers and the like. A call that fits pays nothing for it.

    >>> class Scale(metaclass=Constructed):
    ...     def __init__(self, factor, *, name=""): ...
    >>> Scale(2, nme="a")
    Traceback (most recent call last):
        ...
    pellucid.errors.CallError: Scale: unknown argument 'nme'. Did you mean 'name'? Known: factor, name.
    """

    set_first = "__class__"
    """What the `__init__` of the first class sets, and those of its subclasses must not leave out."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            made = super().__call__(*args, **kwargs)
        except PellucidError:
            raise
        except Exception:
            if inspect.isabstract(cls):
                raise CallError(f"{cls.__name__}: {_what_to_write(cls)}") from None
            look(cls.__name__, cls.__signature__, args, kwargs)
            raise  # the fault lies within
        if not hasattr(made, cls.set_first):
            raise CallError(f"{cls.__name__}: its __init__ leaves out that of the class above. Add super().__init__().")
        return made

    @property
    def __signature__(cls) -> Signature:
        """How it is made, for `help`, editors and `inspect.signature`: as `__init__` says, without self."""
        return calls.of_constructor(cls)


def _what_to_write(cls: type) -> str:
    missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
    return f"is a form for classes of your own and cannot be made; a subclass writes {missing}."
