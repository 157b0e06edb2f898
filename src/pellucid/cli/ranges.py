"""What a number or a name given on the command line may be. Every option has one of these types; a test sees to it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import click

LARGEST = 10**9


class Whole(click.IntRange):
    """A whole number from `min` to `max`, both named."""

    def __init__(self, min: int, max: int = LARGEST) -> None:  # noqa: A002  # as click calls them
        super().__init__(min, max)


class Real(click.FloatRange):
    """A finite number between `min` and `max`; click by itself lets NaN through every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail with the range in the message."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Numbers(Real):
    """Several such numbers, with commas between them: one for each channel, or one for all."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return them as a tuple, or fail with what is wrong with one of them."""
        if isinstance(value, tuple):
            return value
        return tuple(float(super(Numbers, self).convert(one.strip(), param, ctx)) for one in str(value).split(","))


class Name(click.Path):
    """The name of a file or folder, which is not empty: that would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail."""
        if not os.fspath(value):
            self.fail("a name is needed, and it is empty; the current folder is '.'.", param, ctx)
        return super().convert(value, param, ctx)


NAME = Name(path_type=Path)
COUNT = Whole(1)
SEED = Whole(0, 2**63 - 1)
RATE = Real(0, 3e38, min_open=True)  # float32 holds no more
