"""What is wrong with a call whose arguments do not fit, in words that name the argument and the nearest known one."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

from pellucid.errors import CallError
from pellucid.shown import came

_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def bound(who: str, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by the names of a signature without `self`; raise CallError where they do not fit it."""
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        reason = _reason(list(signature.parameters.values()), args, kwargs) or f"{error}."
        raise CallError(f"{who}: {reason}") from None


def _reason(parameters: list[Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    placed = [p.name for p in parameters if p.kind in _PLACED]
    known = [p.name for p in parameters if p.kind in _NAMED]
    kinds = {p.kind for p in parameters}
    if Parameter.VAR_KEYWORD not in kinds:
        for name in kwargs:
            if name not in known:
                return _unknown(name, known)
    if len(args) > len(placed) and Parameter.VAR_POSITIONAL not in kinds:
        named = [name for name in known if name not in placed]
        hint = f" These are given by name: {', '.join(named)}." if named else ""
        return f"takes {_count(len(placed))} by place, got {len(args)}, the last one {came(args[-1])}.{hint}"
    for name in placed[: len(args)]:
        if name in kwargs:
            return f"{name} was given twice, by its place and by its name."
    missing = [p.name for p in parameters if p.default is p.empty and p.kind in (*_PLACED, Parameter.KEYWORD_ONLY)]
    missing = [name for name in missing if name not in (*placed[: len(args)], *kwargs)]
    return f"{' and '.join(missing)} must be given: ({_form(parameters)})." if missing else None


def _unknown(name: str, known: Sequence[str]) -> str:
    if not known:
        return f"unknown argument {came(name)}. It takes none by name."
    near = _nearest(name, known)
    hint = f"Did you mean {near!r}? " if near else ""
    return f"unknown argument {came(name)}. {hint}Known: {', '.join(known)}."


def _nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name of those initials (lr: learning_rate), or the one most like it, or one that holds it."""
    for own in known:
        if len(name) > 1 and "".join(word[0] for word in own.split("_") if word) == name:
            return own
    alike = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.5)
    return alike[0] if alike else next((own for own in known if own in name or (len(name) > 2 and name in own)), None)


def _count(number: int) -> str:
    return f"at most {number} argument{'' if number == 1 else 's'}" if number else "no arguments"


def _form(parameters: Sequence[Parameter]) -> str:
    """The parameters as they stand in a call: `units, *, bias=…`."""
    words = str(Signature([p.replace(annotation=p.empty, default=_dots(p)) for p in parameters]))
    return words[1:-1]


def _dots(parameter: Parameter) -> Any:
    return parameter.empty if parameter.default is parameter.empty else _Dots()


class _Dots:
    def __repr__(self) -> str:
        return "…"


def without_self(signature: Signature) -> Signature:
    """The signature of a method as its callers see it."""
    first, *rest = signature.parameters.values()
    return signature.replace(parameters=rest) if first.kind in _PLACED else signature


def of_constructor(cls: type) -> Signature:
    """The signature of a class: that of its `__init__`, whose `**options` are those of the class above.

    >>> class Above:
    ...     def __init__(self, *, name=""): ...
    >>> class Below(Above):
    ...     def __init__(self, units, **options): ...
    >>> print(of_constructor(Below))
    (units, *, name='')
    """
    at = next((k for k in cls.__mro__ if "__init__" in vars(k)), object)
    if at is object:
        return Signature()
    signature = without_self(inspect.signature(at.__init__))  # type: ignore[misc]
    own = list(signature.parameters.values())
    if own and own[-1].kind is Parameter.VAR_KEYWORD:
        above = next((k for k in cls.__mro__[cls.__mro__.index(at) + 1 :] if "__init__" in vars(k)), object)
        if above is not object:
            own[-1:] = _options(above, {p.name for p in own})
    return signature.replace(parameters=own)


def _options(above: type, taken: set[str]) -> list[Parameter]:
    """What a class above takes by name, apart from the names that are taken."""
    parameters = of_constructor(above).parameters.values()
    named = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in parameters if p.kind in _NAMED]
    rest = [p for p in parameters if p.kind is Parameter.VAR_KEYWORD]
    return [p for p in (*named, *rest) if p.name not in taken]
