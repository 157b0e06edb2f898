"""The options that say which data a command works on, and how they are read; what cannot be heeded is refused."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pellucid.cli.ranges import NAME
from pellucid.cli.sources import KINDS, Source
from pellucid.data import CsvOptions
from pellucid.data.incoming import kind_of
from pellucid.errors import ArgumentError
from pellucid.shown import shown

_CSV_OPTIONS = (
    click.option("--header/--no-header", "csv_header", default=None, help="CSV: whether line 1 names the columns."),
    click.option("--delimiter", "csv_delimiter", metavar="CHAR", help="CSV: what stands between cells."),
    click.option("--decimal", "csv_decimal", metavar="CHAR", default=".", help="CSV: ',' for numbers such as 1,5."),
    click.option("--encoding", "csv_encoding", metavar="NAME", help="CSV: UTF-8 if left out; such as latin-1, utf-16."),
    click.option(
        "--index-col",
        "csv_index_col",
        multiple=True,
        metavar="COLUMN",
        help="CSV: a column to leave out; may be given again. 'none' keeps all.",
    ),
)


_TEST = click.option(
    "--test",
    "test_path",
    metavar="FILE",
    type=NAME,
    help="CSV: the file of the test samples; a fifth of the rows if left out.",
)
_DIGITS = click.option(
    "--digits/--no-digits",
    default=None,
    help="Whether the images are digits prepared as MNIST's; seen from the images if left out.",
)
_PICTURES = click.option(
    "--pictures",
    type=click.Choice(["digits", "images"]),
    help="How a PNG or JPEG is prepared, in place of what the model file says: as MNIST's digits, or only resized.",
)


def _target_option(*names: str) -> Any:
    return click.option(*names, "csv_target", metavar="COLUMN", help="CSV: the column of the classes: name or number.")


def data_option(function: Any, target: Sequence[str] = ("--target", "--target-column"), pictures: bool = False) -> Any:
    """Add --data and the options that say how to read it; the command gets them as one `data_dir`."""

    @functools.wraps(function)
    def command(
        *args: Any,
        data_path: Path | None,
        test_path: Path | None,
        digits: bool | None,
        pictures: str | None = None,
        **rest: Any,
    ) -> Any:
        source = Source(data_path, test_path, digits, _csv(rest), pictures)
        _expect_heeded(rest["images"] if pictures else (), source)
        return function(*args, data_dir=source, **rest)

    data = click.option(
        "--data",
        "data_path",
        metavar="PATH",
        type=NAME,
        help="A folder of IDX files of your own (train-images…, train-labels…, t10k-…), a CSV file, or 'mnist'.",
    )
    options = (data, _TEST, _target_option(*target), *_CSV_OPTIONS, _DIGITS, *([_PICTURES] if pictures else []))
    return decorated(command, options)


def data_and_pictures(function: Any) -> Any:
    """`data_option` for commands that are also given files."""
    return data_option(function, pictures=True)


def data_beside_target(function: Any) -> Any:
    """`data_option` for commands whose --target is the class that is explained."""
    return data_option(function, ("--target-column",), pictures=True)


def table_option(function: Any) -> Any:
    """Add the options that say how a file given as input is read; the command gets `table` and `pictures`."""

    @functools.wraps(function)
    def command(*args: Any, **rest: Any) -> Any:
        table = _csv(rest)
        _expect_heeded(rest["files"])
        return function(*args, table=table, **rest)

    return decorated(command, (_target_option("--target", "--target-column"), *_CSV_OPTIONS, _PICTURES))


# Options that would be dropped without a word


def _expect_heeded(files: Iterable[str | Path], source: Source | None = None) -> None:
    """Raise ArgumentError for an option about a kind of data or file that is not read."""
    named = [file for file in map(str, files) if os.path.exists(file) or not re.match(r"(train|test):\d", file)]
    if (source is not None and source.kind == "nowhere") or not all(map(os.path.exists, named)):
        return  # which is told when it is opened
    read = {kind_of(file) for file in named if os.path.isfile(file)}
    kind = None if source is None else source.kind
    for name, option in _options_given():
        wanted = next((each for each, said in KINDS.items() if name.startswith(said.heeds)), None)
        if wanted is None:
            continue
        if kind != wanted and (name == "test_path" or wanted not in read):
            raise ArgumentError(f"{option}: is for {KINDS[wanted].words}, and {_instead(wanted, source)}")


def _options_given() -> Iterator[tuple[str, str]]:
    """Yield the parameters of this call that were written out, each as it was written."""
    context = click.get_current_context()
    for option in context.command.params:
        name = option.name or ""
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield name, option.secondary_opts[0] if context.params[name] is False else option.opts[0]


def _instead(wanted: str, source: Source | None) -> str:
    if source is None or wanted == "picture":
        return "none is named. Leave it out."
    if source.path is None:
        return f"--data names none. Add --data {'FILE.csv' if wanted == 'table' else 'DIR'}, or leave it out."
    return f"--data {shown(source.path)} is {KINDS[source.kind].words}. Leave it out."


def decorated(command: Any, options: tuple[Any, ...]) -> Any:
    """Return a command with options, in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def _csv(rest: dict[str, Any]) -> CsvOptions:
    """Take the CSV options out of a command's arguments; columns stay as written, until the names are known."""
    given = {key.removeprefix("csv_"): rest.pop(key) for key in list(rest) if key.startswith("csv_")}
    if given["encoding"] == "":
        raise ArgumentError("--encoding: a name is needed, and it is empty; leave it out for UTF-8.")
    columns = list(given["index_col"])
    given["index_col"] = False if columns == ["none"] else columns or None
    given["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(given["delimiter"], given["delimiter"])
    options = CsvOptions(**given)
    try:
        options.check("--")
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("--: ", "--", 1)) from None
    return options
