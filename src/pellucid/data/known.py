"""The columns of a table that a network learnt from, or another table has: found by name, or by counting."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, NoReturn

from pellucid.data.columns import as_list, expect_different, left_out, named_target, position, suspects
from pellucid.data.csv_text import Column
from pellucid.errors import ArgumentError, DataError


class Known(NamedTuple):
    """Where the columns that are known stand, in their order; the target, if there is one; and the unused others."""

    wanted: list[int]
    goal: int | None
    unused: list[int]


def find_known(
    who: str,
    names: Sequence[str],
    headed: bool,
    known: Sequence[str],
    target: Column | None,
    index_col: Any,
    text: Collection[int] = (),
) -> Known:
    """Find the columns called `known` in a table: by their names, or by counting where it has no header.

    Without a header the target and the columns of index_col are taken away, and the others counted. More than are
    known must be of `text`, as labels are.

    Raises
    ------
    DataError
        If one is missing, or their number is another.
    ArgumentError
        If target or index_col names one that is known.
    """
    goal = None if target is None or _is_absent(names, target) else position(who, "target", names, target)
    listed = [column for column in as_list(index_col) if not _is_absent(names, column)]
    out = left_out(who, names, headed, listed, goal)
    if headed:
        for option, taken in (("target", [goal]), ("index_col", out)):
            for i in taken:
                if i is not None and names[i] in known:
                    _refuse_known(who, option, names[i])
        wanted = _by_name(who, names, known)
    else:
        rest = [i for i in range(len(names)) if i != goal and i not in out]
        wanted = rest if len(rest) == len(known) else [i for i in rest if names[i] in known]
        if len(wanted) != len(known) or not {*rest} <= {*wanted, *text}:
            raise DataError(
                f"{who}: holds {len(rest)} columns of features and no header, {len(known)} were learnt from. Name the "
                "column that holds the targets (target=), or columns to leave out (index_col=)."
            )
    return Known(wanted, goal, [i for i in range(len(names)) if i not in {*wanted, goal, *out}])


def find_known_and_target(
    who: str,
    names: Sequence[str],
    headed: bool,
    known: Sequence[str],
    target: Column | None,
    index_col: Any,
    text: Collection[int] = (),
) -> tuple[list[int], int]:
    """Where the columns called `known` stand, and the target: the one given, or called so, or the only other."""
    if target is not None:
        goal = position(who, "target", names, target)
        if names[goal] in known and (headed or not as_list(index_col)):
            _refuse_known(who, "target", names[goal])
        return find_known(who, names, headed, known, goal, index_col, text).wanted, goal
    out = left_out(who, names, headed, as_list(index_col), None)
    others = [i for i, name in enumerate(names) if name not in known and i not in out]
    usual = named_target(who, [names[i] for i in others], None)
    doubtful = suspects(names, index_col, [])
    goal = (
        others[usual]
        if usual is not None
        else only_other(who, names, [i for i in others if i not in doubtful] or others)
    )
    return find_known(who, names, headed, known, goal, index_col, text).wanted, goal


def _is_absent(names: Sequence[str], column: Any) -> bool:
    """Whether a column is given by a name that there is not: new samples need have no target and no numbers."""
    return isinstance(column, str) and column not in names


def _refuse_known(who: str, option: str, name: str) -> NoReturn:
    raise ArgumentError(f"{who}: {option} is {name!r}, a column of features that was learnt from. Name another column.")


def _by_name(who: str, names: Sequence[str], known: Sequence[str]) -> list[int]:
    places, learnt = {name: i for i, name in enumerate(names)}, set(known)
    missing = [name for name in known if name not in places]
    if missing:
        raise DataError(
            f"{who}: there is no column {missing[0]!r}, which the network learnt from"
            + (f" ({len(missing)} are missing)" if len(missing) > 1 else "")
            + f". The file has: {', '.join(names[:12])}."
        )
    expect_different(who, [name for name in names if name in learnt])
    return [places[name] for name in known]


def only_other(who: str, names: Sequence[str], others: Sequence[int]) -> int:
    """The target of a table of which the features are known."""
    if len(others) != 1:
        listed = ", ".join(repr(names[i]) for i in others) or "no column is left"
        raise ArgumentError(f"{who}: nothing says which column holds the targets: {listed}. Name it: target=.")
    return others[0]
