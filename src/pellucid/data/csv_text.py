"""The text of a CSV file: its encoding, its delimiter, its rows of cells."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError, FileFormatError
from pellucid.shown import came

Row = tuple[int, list[str]]
"""The line on which a row ends, and its cells."""

Column = str | int

_MARK = "\ufeff"
"""The byte order mark, which is no text: Python's codecs leave it in place where an encoding names the order."""

_LOOKED_AT = 1 << 16  # characters from which the delimiter is found
_QUOTED = re.compile(r'"[^"]*("|\Z)')


@checked_late
@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is to be read; None where the file itself shows it. `load_csv` says what each means.

    Examples
    --------
    >>> pl.data.CsvOptions(delimiter=";", decimal=",").decimal
    ','
    """

    target: Column | None = None
    header: bool | None = None
    delimiter: str | None = None
    decimal: str = "."
    encoding: str | None = None
    index_col: Column | Sequence[Column] | bool | None = None

    def check(self, who: str) -> None:
        """Raise ArgumentError where an option has a value that cannot be used."""
        for option, kind, words in (("delimiter", str, "text"), ("encoding", str, "text"), ("header", bool, "a bool")):
            value = getattr(self, option)
            if value is not None and not isinstance(value, kind):
                raise ArgumentError(f"{who}: {option} must be {words}, got {str(value)[:40]!r}.")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ArgumentError(f"{who}: delimiter must be one character, got {came(self.delimiter)}. A tab is '\\t'.")
        if self.encoding == "":
            raise ArgumentError(f"{who}: encoding must be a name such as 'latin-1', got ''. Leave it out for UTF-8.")
        if self.decimal not in (".", ","):
            raise ArgumentError(f"{who}: decimal must be '.' or ',', got {came(self.decimal)}.")
        if self.decimal == self.delimiter:
            raise ArgumentError(
                f"{who}: decimal and delimiter cannot both be {self.decimal!r}. Give another delimiter."
            )
        if self.index_col is True:
            raise ArgumentError(f"{who}: index_col must name columns, or be False to keep all, got True.")


def text_rows(who: str, path: str | os.PathLike[str], options: CsvOptions) -> Iterator[Row]:
    """Yield the rows that are not blank.

    Raises
    ------
    DataError
        If there is no such file.
    FileFormatError
        If it is not text in this encoding, or its quotes do not close.
    ArgumentError
        If two delimiters are possible, or there is no such encoding.
    """
    with checks.open_file(who.partition(":")[0], path) as file:
        start = file.peek(4)[:4]
        _expect_as_marked(who, start, options.encoding)
        try:
            text = io.TextIOWrapper(file, encoding=options.encoding or "utf-8-sig", newline="")
        except (LookupError, ValueError, UnicodeError):
            raise ArgumentError(f"{who}: there is no encoding {options.encoding!r}. Try 'latin-1', 'utf-16'.") from None
        try:
            yield from _parsed(who, text, options)
        except UnicodeError as error:
            raise FileFormatError(f"{who}: {_not_text(start, options.encoding, error)}") from error
        except csv.Error as error:
            raise FileFormatError(f"{who}: not a CSV file ({error}). Check the quotes.") from error


def _expect_as_marked(who: str, start: bytes, encoding: str | None) -> None:
    """Raise ArgumentError where a file begins with the mark of UTF-8, and is to be read as something else."""
    if encoding is not None and start[:3] == codecs.BOM_UTF8 and not re.match(r"(?i)u(tf)?[-_ ]?8", encoding):
        raise ArgumentError(f"{who}: begins as UTF-8 does, and encoding={encoding!r} reads it otherwise. Leave it out.")


def _parsed(who: str, text: TextIO, options: CsvOptions) -> Iterator[Row]:
    sample = text.read(_LOOKED_AT)
    marks = len(sample) - len(sample := sample.lstrip(_MARK))
    if "\0" in sample:
        raise FileFormatError(
            f"{who}: holds null characters, as UTF-16 read as {text.encoding} does: encoding='utf-16'."
        )
    hint = re.match(r"sep=(.)\r?\n", sample)  # as Excel writes it
    delimiter = options.delimiter or (hint[1] if hint else _delimiter(who, sample, options.decimal))
    text.seek(0)
    text.read(marks)
    if hint:
        text.readline()
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num + bool(hint), row


def _delimiter(who: str, sample: str, decimal: str) -> str:
    """The one of comma, semicolon and tab of which every line holds equally many; else the first line's usual one."""
    lines = [line for line in _QUOTED.sub("", sample).splitlines() if line.strip()]
    if len(sample) == _LOOKED_AT and len(lines) > 1:
        lines.pop()  # it may be cut
    known = [mark for mark in ",;\t" if mark != decimal]
    counts = {mark: [line.count(mark) for line in lines[:50]] for mark in known}
    even = [mark for mark, count in counts.items() if count and count[0] and len(set(count)) == 1]
    if len(even) > 1:
        marks = " and ".join(map(repr, even))
        raise ArgumentError(
            f"{who}: {marks} could both be the delimiter. Say which: delimiter={even[-1]!r}"
            + (", decimal=','." if even[0] == "," else ".")
        )
    return even[0] if even else max(known, key=lambda mark: counts[mark][0] if counts[mark] else 0)


def _not_text(start: bytes, encoding: str | None, error: UnicodeError) -> str:
    if encoding is not None:
        return f"not text in {encoding} ({getattr(error, 'reason', error)}). Give another encoding."
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "not text in UTF-8; it begins as UTF-16 does: encoding='utf-16'."
    return (
        f"not text in UTF-8 ({getattr(error, 'reason', error)}). Name its encoding: encoding='latin-1' of older "
        "European files, 'cp1252' of Windows, 'utf-16' of Excel's Unicode text."
    )
