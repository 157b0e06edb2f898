"""Every exception of the package.

PellucidError
├── ArgumentError (ValueError)        an argument that cannot be used
│   ├── ShapeError                    an array of the wrong rank or size
│   ├── LabelError                    targets that are not class indices or one-hot rows
│   ├── CallError (TypeError)         arguments that do not fit the call: missing, unknown, too many
│   └── UnknownNameError              a name that is not in the list; the nearest one is offered
├── DataError (ValueError)            a data set cannot be used, or a file not be found or written
├── FileFormatError (ValueError)      a file is damaged, or not what its name says
│   └── UnsupportedError              a file asks for what there is no layer for
├── DivergenceError (ArithmeticError) the loss became NaN or infinite while training
├── StateError (RuntimeError)         a call that needs another call first (build, fit)
└── MissingDependencyError (ImportError)  an optional package is not installed

The messages say who, what was expected, what came, and the remedy; `checks` builds them.
"""

from __future__ import annotations

from pellucid.shown import bounded, shown

LONGEST = 1000
"""A message holds no more signs; the middle is left out."""


class PellucidError(Exception):
    """The root: `except PellucidError` catches whatever the package raises on purpose.

    A message is one line and harmless on a terminal, whatever names and values it repeats: an array's several lines
    are joined, control characters shown as Python writes them, and what is too long is cut.

    Examples
    --------
    >>> try:
    ...     pl.Affine(0)
    ... except pl.PellucidError as error:
    ...     print(type(error).__name__)
    ArgumentError
    """

    def __str__(self) -> str:
        lines = super().__str__().replace("\r", "\n").split("\n")
        return bounded(shown(" ".join(line.strip() for line in lines if line.strip())), LONGEST)


class ArgumentError(PellucidError, ValueError):
    """An argument has a value that cannot be used.

    Examples
    --------
    >>> pl.Dropout(1.5)
    Traceback (most recent call last):
        ...
    pellucid.errors.ArgumentError: Dropout: drop_probability must lie in [0, 1), got 1.5.
    """


class ShapeError(ArgumentError):
    """An array has the wrong rank or size.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(10)], input_shape=784)
    >>> network(np.zeros((2, 28, 28)))
    Traceback (most recent call last):
        ...
    pellucid.errors.ShapeError: Sequential: x must have shape (N, 784), got (2, 28, 28). The sizes
    agree: x.reshape(len(x), -1).
    """


class LabelError(ArgumentError):
    """Targets are neither class indices (N,) nor one-hot rows (N, K).

    Examples
    --------
    >>> pl.SoftmaxCrossEntropy().forward(np.zeros((2, 3)), [0, 7])
    Traceback (most recent call last):
        ...
    pellucid.errors.LabelError: SoftmaxCrossEntropy: class labels must lie in 0..2, got 7. Classes count
    from 0; the last layer needs an output for each.
    """


class CallError(ArgumentError, TypeError):
    """The arguments do not fit the call: one is missing, unknown, given twice, or there are too many.

    Examples
    --------
    >>> pl.SGD(lr=0.1)
    Traceback (most recent call last):
        ...
    pellucid.errors.CallError: SGD: unknown argument 'lr'. Did you mean 'learning_rate'? Known:
    learning_rate, weight_decay, clip_norm.
    """


class UnknownNameError(ArgumentError):
    """A name is not known; the message offers the nearest one that is.

    Examples
    --------
    >>> pl.losses.as_loss("Hinges")
    Traceback (most recent call last):
        ...
    pellucid.errors.UnknownNameError: Loss: unknown name 'Hinges'. Did you mean 'Hinge'? Known: ...
    """


class DataError(PellucidError, ValueError):
    """A data set is empty, inconsistent or holds NaN, or a file is missing or cannot be written.

    Examples
    --------
    >>> pl.Dataset([[1.0, float("nan")]], [0])
    Traceback (most recent call last):
        ...
    pellucid.errors.DataError: Dataset: x holds 1 NaN or infinite values, the first at index (0, 1).
    Remove or fill those samples, for example with np.nan_to_num.
    """


class FileFormatError(PellucidError, ValueError):
    """A file is truncated, damaged, or not of the expected format.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("page.idx").write_text("<html>not found</html>")
    >>> pl.read_idx("page.idx")
    Traceback (most recent call last):
        ...
    pellucid.errors.FileFormatError: read_idx: page.idx: ...
    """


class UnsupportedError(FileFormatError):
    """A file is sound, and asks for what this package has not: an operator of ONNX's, or an option of one.

    `table` shows what the file holds all the same, where that is known.

    Examples
    --------
    >>> issubclass(pl.errors.UnsupportedError, pl.errors.FileFormatError)
    True
    """

    table: object = None


class DivergenceError(PellucidError, ArithmeticError):
    """Training met a loss that is NaN or infinite; `history` holds the run up to there.

    Examples
    --------
    >>> data = pl.Dataset([[1e3], [2e3]], [[1.0], [2.0]], task="regression")  # not scaled
    >>> try:
    ...     pl.fit(pl.Sequential([pl.Affine(1)]), data, epochs=200, batch_size=2, progress=False)
    ... except pl.errors.DivergenceError as error:
    ...     print(len(error.history) < 200)
    True
    """

    history: object = None


class StateError(PellucidError, RuntimeError):
    """A method was called before the one that it builds on.

    Examples
    --------
    >>> pl.save(pl.Sequential([pl.Affine(10)]), "model.safetensors")
    Traceback (most recent call last):
        ...
    pellucid.errors.StateError: save: Sequential: not built yet. Give the container input_shape=..., or
    call build(input_shape, rng).
    """


class MissingDependencyError(PellucidError, ImportError):
    """An optional package is needed and not installed.

    Examples
    --------
    >>> try:
    ...     import pandas
    ... except ImportError:
    ...     print("pip install 'pellucid[tables]'")
    >>> issubclass(pl.errors.MissingDependencyError, ImportError)
    True
    """
