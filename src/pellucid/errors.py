"""Every exception of the package.

PellucidError
├── ArgumentError (ValueError)        an argument that cannot be used
│   ├── ShapeError                    an array of the wrong rank or size
│   ├── LabelError                    targets that are not class indices or one-hot rows
│   └── UnknownNameError              a name that is not in the list; the nearest one is offered
├── DataError (ValueError)            a data set cannot be used, or a file not be found or written
├── FileFormatError (ValueError)      a file is damaged, or not what its name says
├── DivergenceError (ArithmeticError) the loss became NaN or infinite while training
├── StateError (RuntimeError)         a call that needs another call first (build, fit)
└── MissingDependencyError (ImportError)  an optional package is not installed

The messages say who, what was expected, what came, and the remedy; `checks` builds them.
"""

from __future__ import annotations

from pellucid.shown import shown


class PellucidError(Exception):
    """The root: `except PellucidError` catches whatever the package raises on purpose.

    A message is one line and harmless on a terminal, whatever names and values it repeats: an array's several lines
    are joined, and control characters shown as Python writes them.
    """

    def __str__(self) -> str:
        return shown(" ".join(super().__str__().split()))


class ArgumentError(PellucidError, ValueError):
    """An argument has a value that cannot be used."""


class ShapeError(ArgumentError):
    """An array has the wrong rank or size."""


class LabelError(ArgumentError):
    """Targets are neither class indices (N,) nor one-hot rows (N, K)."""


class UnknownNameError(ArgumentError):
    """A name is not known; the message offers the nearest one that is."""


class DataError(PellucidError, ValueError):
    """A data set is empty, inconsistent or holds NaN, or a file is missing or cannot be written."""


class FileFormatError(PellucidError, ValueError):
    """A file is truncated, damaged, or not of the expected format."""


class DivergenceError(PellucidError, ArithmeticError):
    """Training met a loss that is NaN or infinite; `history` holds the run up to there."""

    history: object = None


class StateError(PellucidError, RuntimeError):
    """A method was called before the one that it builds on."""


class MissingDependencyError(PellucidError, ImportError):
    """An optional package is needed and not installed."""
