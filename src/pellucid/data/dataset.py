"""A data set: samples and their targets, checked once, then drawn from in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array
from pellucid.checked import checked, checked_late
from pellucid.data import batches, inputs, targets
from pellucid.data.batches import Batch
from pellucid.data.split import split_indices
from pellucid.data.targets import Task
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.specs import InputSpec
from pellucid.typing import Array, ArrayLike, DTypeLike, IntArray, Shape

ROUNDED = "Subtract its mean, or take dtype='float64'."


class Dataset:
    """Samples `x` (N, ...) with their targets `t`.

    Parameters
    ----------
    x : array_like (N, ...)
        Numbers, also a list or a DataFrame. Integers become floats and keep their scale; a ScaleWarning says
        when they look like pixels of 0–255. Held without a copy where it has the dtype already.
    t : array_like
        Classification: class indices (N,) or one-hot rows (N, K), held as indices (N,).
        Regression: (N,) or (N, M), held as (N, M).
    task : {"classification", "regression"}, default="classification"
    classes : int, optional
        The number of classes K. By default the columns of one-hot rows, or the largest index + 1.
    class_names : sequence of str, optional
        One name for each class.
    weights : array_like (N,), optional
        How often each sample counts in losses and accuracies, at least 0; once, where left out.
    dtype : float32 or float64, default=float32
        The dtype of `x`, and of the targets of a regression.

    Attributes
    ----------
    x, t : ndarray
    classes : int or None
        K, or None for a regression.
    class_names : tuple of str or None
    weights : ndarray (N,) or None
    inputs : InputSpec or None
        How the samples were made from what lay in files; None where they came as arrays.

    Raises
    ------
    DataError
        If the data is empty, or holds NaN, infinity or something other than numbers.
    LabelError
        If the targets do not fit the samples or the task.
    ShapeError
        If `x` has no batch axis.

    Examples
    --------
    >>> data = pl.Dataset(np.zeros((6, 28, 28, 1)), [0, 1, 2, 0, 1, 2])
    >>> data
    <Dataset: 6 samples of shape (28, 28, 1), 3 classes, float32>
    >>> part, rest = data.split(0.5, rng=0)
    >>> part.class_counts().tolist()
    [1, 1, 1]
    >>> [len(t) for x, t in data.batches(4)]
    [4, 2]
    """

    __slots__ = ("class_names", "classes", "inputs", "t", "weights", "x")
    __iter__ = None  # `for batch in data.batches(...)` is meant; a loop over samples would be slow

    @checked_late
    def __init__(
        self,
        x: Any,
        t: Any,
        *,
        task: Task = "classification",
        classes: int | None = None,
        class_names: Sequence[str] | None = None,
        weights: ArrayLike | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        dtype = checks.float_dtype("Dataset", dtype)
        checks.expect_known("Dataset", "task", task, targets.TASKS)
        self.x: Array = inputs.samples("Dataset", x, dtype)
        self.t: Array
        self.classes: int | None = None
        if task == "classification":
            count = None if classes is None else checks.size("Dataset", "classes", classes)
            self.t, self.classes = targets.class_targets("Dataset", t, count, len(self.x))
        elif classes is not None:
            raise ArgumentError(
                f"Dataset: classes belong to classification, got {classes} for a regression. Leave them out."
            )
        else:
            self.t = targets.regression_targets("Dataset", t, len(self.x), dtype)
            if getattr(t, "dtype", None) != dtype:
                inputs.warn_about_rounding("Dataset", self.t, "column {} of t".format, ROUNDED)
        self.class_names = targets.expect_class_names("Dataset", class_names, self.classes)
        self.weights = None if weights is None else targets.sample_weights("Dataset", weights, len(self.x))
        self.inputs: InputSpec | None = None
        inputs.warn_about_scale("Dataset", x, self.x)
        if self.x.ndim == 2 and getattr(x, "dtype", None) != dtype:
            inputs.warn_about_rounding("Dataset", self.x, "column {} of x".format, ROUNDED)

    @property
    def task(self) -> Task:
        """Either "classification" or "regression"."""
        return "regression" if self.classes is None else "classification"

    @property
    def sample_shape(self) -> Shape:
        """The shape of one sample, without N."""
        return self.x.shape[1:]

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        what = f"{self.classes} classes"
        if self.classes is None:
            what = "1 target each" if self.t.shape[1] == 1 else f"{self.t.shape[1]} targets each"
        return f"<Dataset: {len(self)} samples of shape {self.sample_shape}, {what}, {self.x.dtype}>"

    @checked_late
    def __getitem__(self, which: int | slice | ArrayLike) -> Dataset:
        """The data set of some samples: an index (one sample), a slice, a list of indices or a mask (N,).

        A slice without a step shares memory with this data set, everything else is a copy.
        """
        if isinstance(which, slice):
            if which.step in (None, 1):
                weights = None if self.weights is None else self.weights[which]
                return self._like(self.x[which], self.t[which], weights)
            which = np.arange(len(self))[which]  # copied, so that x stays in C order
        index = as_array("Dataset", "the index", which)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise ShapeError(f"Dataset: a mask must have shape ({len(self)},), got {index.shape}.")
            index = np.flatnonzero(index)
        return self._at(batches.valid_indices("Dataset", np.atleast_1d(index), len(self), negative=True))

    @checked
    def class_counts(self) -> IntArray:
        """How many samples each class has (K,)."""
        if self.classes is None:
            raise ArgumentError("Dataset.class_counts: a regression has no classes.")
        return np.bincount(self.t, minlength=self.classes)

    @checked
    def flattened(self) -> Dataset:
        """The same samples as vectors (N, D), in the same memory."""
        return self._like(self.x.reshape(len(self), -1), self.t, self.weights)

    @checked_late
    def as_images(self, shape: Shape) -> Dataset:
        """The same samples as images (N, *shape), in the same memory; (H, W) stands for (H, W, 1)."""
        image = (*shape, 1) if len(shape) == 2 else tuple(shape)
        if len(image) != 3 or min(image) < 1 or math.prod(image) != math.prod(self.sample_shape):
            raise ShapeError(
                f"Dataset.as_images: samples of shape {self.sample_shape} cannot become {tuple(shape)}. "
                f"Give (H, W, C) with a product of {math.prod(self.sample_shape)}."
            )
        made = self._like(self.x.reshape(len(self), *image), self.t, self.weights)
        if made.inputs is not None and made.inputs.shape != image:  # other pictures than those in the file
            made.inputs = InputSpec(
                "array", image, made.inputs.low, made.inputs.high, class_names=made.inputs.class_names
            )
        return made

    @checked_late
    def split(
        self, fraction: float, rng: int | np.random.Generator, *, stratify: bool = True
    ) -> tuple[Dataset, Dataset]:
        """Two data sets, shuffled: `fraction` of the samples, and the rest.

        `rng` is a seed or a generator. Stratified, both parts hold every class in the same proportion, to
        within one sample (a regression has no classes to stratify by).

        Raises
        ------
        ArgumentError
            If `fraction` is not between 0 and 1, or one part would be empty.
        """
        labels = self.t if stratify and self.classes is not None else None
        if not isinstance(rng, np.random.Generator):
            rng = np.random.default_rng(checks.seed("Dataset.split", rng, "rng"))
        first, rest = split_indices("Dataset.split", len(self), labels, fraction, rng)
        return self._at(first), self._at(rest)

    @checked_late
    def batches(self, batch_size: int, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One epoch: every sample exactly once, as `(x, t)` of `batch_size`, the last one perhaps smaller.

        With a generator the order is shuffled anew; without, the batches are views in the order of the data.
        """
        size = batches.valid_size("Dataset.batches", batch_size, len(self))
        if rng is None:
            return ((self.x[i : i + size], self.t[i : i + size]) for i in range(0, len(self), size))
        order = batches.generator("Dataset.batches", rng).permutation(len(self))
        return batches.shuffled(self.x, self.t, size, order)

    @checked_late
    def index_batches(self, batch_size: int, rng: np.random.Generator | None = None) -> Iterator[IntArray]:
        """The indices of one epoch's batches, for `gather`; shuffled as `batches` shuffles them."""
        who = "Dataset.index_batches"
        size = batches.valid_size(who, batch_size, len(self))
        order = np.arange(len(self)) if rng is None else batches.generator(who, rng).permutation(len(self))
        return (order[i : i + size] for i in range(0, len(order), size))

    @checked_late
    def random_batch(self, batch_size: int, rng: np.random.Generator, out: Batch | None = None) -> Batch:
        """`batch_size` samples drawn with replacement, as the book does; `out` as in `gather`."""
        who = "Dataset.random_batch"
        size = batches.valid_size(who, batch_size, len(self))
        return batches.take(self.x, self.t, batches.generator(who, rng).integers(0, len(self), size), out)

    @checked_late
    def gather(self, indices: ArrayLike, out: Batch | None = None) -> Batch:
        """The samples at `indices` (n,) as `(x, t)`.

        `out`, a pair from `buffers`, is filled and its first n rows are returned, so that a training loop
        allocates nothing; the next call overwrites them.
        """
        index = batches.valid_indices("Dataset.gather", as_array("Dataset.gather", "indices", indices), len(self))
        return batches.take(self.x, self.t, index, out)

    @checked_late
    def buffers(self, batch_size: int) -> Batch:
        """A pair of arrays for the `out` of `gather` and `random_batch`."""
        size = checks.size("Dataset.buffers", "batch_size", batch_size)
        checks.expect_memory("Dataset.buffers", (size, *self.x.shape[1:]), self.x.itemsize)
        return np.empty((size, *self.x.shape[1:]), self.x.dtype), np.empty((size, *self.t.shape[1:]), self.t.dtype)

    def _at(self, indices: IntArray) -> Dataset:
        weights = None if self.weights is None else self.weights[indices]
        return self._like(*batches.take(self.x, self.t, indices), weights)

    def _like(self, x: Array, t: Array, weights: Array | None) -> Dataset:
        if not len(x):
            raise DataError("Dataset: no samples were selected. Give a slice that holds at least one.")
        return Dataset._trusted(x, t, self.classes, self.class_names, self.inputs, weights)

    @checked
    def described(self) -> InputSpec:
        """Return how the samples were prepared, as far as it is known, with the names of the classes."""
        known = self.inputs or InputSpec("array", self.sample_shape, float(self.x.min()), float(self.x.max()))
        return known.replace(class_names=self.class_names)

    @classmethod
    def _trusted(
        cls,
        x: Array,
        t: Array,
        classes: int | None,
        class_names: tuple[str, ...] | None,
        inputs: InputSpec | None,
        weights: Array | None = None,
    ) -> Dataset:
        """A data set of arrays that are known to be sound: nothing is checked, converted or copied."""
        made = cls.__new__(cls)
        made.x, made.t, made.classes, made.class_names, made.inputs = x, t, classes, class_names, inputs
        made.weights = weights
        return made
