"""What `fit` and `evaluate` are given, brought into one form, or refused before the first step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pellucid.arrays import as_array
from pellucid.data.dataset import Dataset
from pellucid.data.targets import Task, class_targets
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError
from pellucid.layers import Container
from pellucid.losses import Loss, LossLike, RowLoss, as_loss
from pellucid.shown import came
from pellucid.specs import InputSpec
from pellucid.training.callbacks import Callback
from pellucid.typing import Array, Shape


def dataset(
    who: str, data: Any, network: Container[Any], loss: LossLike | None, name: str = "data", like: Dataset | None = None
) -> Dataset:
    """Return a Dataset from itself or from a pair (x, t), whose targets are read as those of `like`."""
    if isinstance(data, Dataset):
        return data
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        frame = (
            " From a DataFrame it is made by pl.from_dataframe(frame, target)."
            if type(data).__name__ == "DataFrame"
            else ""
        )
        raise ArgumentError(f"{who}: {name} must be a Dataset or a pair (x, t), got {_shown(data)}.{frame}")
    x, t = data
    if like is not None:
        return Dataset(x, t, task=like.task, classes=like.classes, dtype=network.dtype)
    return Dataset(x, t, task=_task(who, x, t, network, loss), dtype=network.dtype)


def _task(who: str, x: Any, t: Any, network: Container[Any], loss: LossLike | None) -> Task:
    """Numbers to hit where the loss compares numbers and the targets do not read as classes of these outputs."""
    known = network.outputs
    if loss is None and known is not None and (who == "evaluate" or known.classes is not None):
        return "regression" if known.classes is None else "classification"
    numbers = isinstance(as_loss(loss), RowLoss) if loss is not None else known is not None
    if not numbers:
        return "classification"
    values = as_array(who, "t", t)
    try:
        classes = class_targets(who, values, None, len(values))[1]
    except (LabelError, TypeError, ValueError):
        return "regression" if values.dtype.kind in "biuf" else "classification"
    outputs = (network.output_shape or network.infer_shape(np.shape(x)[1:]))[-1:]
    return "regression" if outputs == (1,) and classes > 2 else "classification"


def held_out(validation: Any, train: Dataset, network: Container[Any], seed: int) -> tuple[Dataset, Dataset | None]:
    """Return (training data, validation data or None) from what `validation` is: data, a fraction, or None."""
    if validation is None:
        return train, None
    if isinstance(validation, (int, float, np.number)):
        if isinstance(validation, bool) or not 0 < validation < 1:
            raise ArgumentError(
                "fit: validation must be a Dataset, a pair (x, t) or a fraction between 0 and 1, "
                f"got {came(validation)}. 0.1 holds a tenth of the data out."
            )
        part, rest = train.split(float(validation), np.random.default_rng(seed))
        return rest, part
    part = dataset("fit", validation, network, None, "validation", train)
    if part.task != train.task:
        raise ArgumentError(f"fit: validation is a {part.task} and the training data a {train.task}. Make them alike.")
    if part.sample_shape != train.sample_shape:
        raise ShapeError(
            f"fit: samples of validation must have shape {train.sample_shape} as those of the training data, "
            f"got {part.sample_shape}."
        )
    expect_alike("fit", "validation", part, train.described())
    return train, part


def expect_alike(who: str, name: str, data: Dataset, learnt: InputSpec | None) -> None:
    """Raise DataError or LabelError where data say of themselves that they mean something else than those learnt."""
    if learnt is None:
        return
    if data.class_names and learnt.class_names and tuple(data.class_names) != tuple(learnt.class_names):
        raise LabelError(
            f"{who}: the classes of {name} are called {', '.join(data.class_names)}, those of the training data "
            f"{', '.join(learnt.class_names)}. Load them with class_names=train.class_names."
        )
    spec = data.inputs
    if spec is None:
        return
    if {spec.kind, learnt.kind} <= {"digits", "images"}:
        _expect_scale(who, name, spec, learnt)
    if spec.kind != "table" or learnt.kind != "table":
        return
    if spec.columns != learnt.columns:
        raise DataError(
            f"{who}: the columns of {name} are {', '.join(spec.columns)}, those of the training data "
            f"{', '.join(learnt.columns)}. Load them with like=train, which brings them into that order."
        )
    if (spec.mean, spec.deviation) != (learnt.mean, learnt.deviation):
        raise DataError(
            f"{who}: the columns of {name} are scaled otherwise than the training data. Load with like=train."
        )


def _expect_scale(who: str, name: str, spec: InputSpec, learnt: InputSpec) -> None:
    """Raise DataError where the pixels of one are of 0 to 1, and those of the other are not."""
    ends = [(s.low, s.high) for s in (spec, learnt) if s.low is not None and s.high is not None]
    if len(ends) < 2:
        return
    unit = [low >= 0 and high <= 1 for low, high in ends]
    far = [low < -1 or high > 2 for low, high in ends]  # a little beyond is what resizing and noise do
    if (unit[0] and far[1]) or (unit[1] and far[0]):
        (low, high), (least, most) = ends
        raise DataError(
            f"{who}: the pixels of {name} lie between {low:g} and {high:g}, those of the training data between "
            f"{least:g} and {most:g}. Scale them alike; load_directory(like=) does."
        )


def with_own_targets(data: Dataset) -> Dataset:
    """Return the same samples with targets that no one else can write to: compiled loops and losses trust them."""
    twin = copy.copy(data)
    twin.t = data.t.copy()
    return twin


def expect_several_classes(train: Dataset) -> None:
    """Raise LabelError where all samples have one class, so that there is nothing to tell apart."""
    if train.classes and len(train) > 1 and (train.t == train.t[0]).all():
        raise LabelError(
            f"fit: all {len(train)} samples have the class {train.t[0]}, so that there is nothing to tell apart. "
            "Take samples of at least two classes; data sorted by class are shuffled first."
        )


def checked_targets(who: str, data: Dataset, loss: Loss, output_shape: Shape) -> tuple[Array, Loss]:
    """Return the targets as the loss takes them for these outputs, and the loss with its weights settled."""
    if len(output_shape) != 1:
        raise ShapeError(
            f"{who}: the network gives {output_shape} for a sample, and a loss takes a row (K,). End it in Flatten()."
        )
    (outputs,) = output_shape
    if outputs == 1 and (data.classes or 0) > 2:
        raise LabelError(
            f"{who}: one output tells two classes apart, the data have {data.classes}. Give the last layer an output "
            'for each class; numbers to predict need Dataset(x, t, task="regression").'
        )
    t = loss.targets(data.t, len(data), outputs)
    return t, loss.for_data(t, outputs)


def listeners(callbacks: Any, measured: set[str], evaluated: bool) -> list[Callback]:
    """Return the callbacks of one training; raise where one is none, or waits for what is not measured."""
    given = [callbacks] if isinstance(callbacks, (Callback, type)) else callbacks
    if not isinstance(given, Iterable) or isinstance(given, (str, dict)):
        raise ArgumentError(f"fit: callbacks must be a Callback or a sequence of them, got {_shown(callbacks)}.")
    heard: list[Any] = list(given)
    for callback in heard:
        if not isinstance(callback, Callback):
            hint = " Call it to make one." if isinstance(callback, type) else " Derive a class from pl.Callback."
            raise ArgumentError(f"fit: callbacks must be Callback objects, got {came(callback)}.{hint}")
        who = type(callback).__name__
        for column in callback.needs:
            if column not in measured:
                raise ArgumentError(f"{who}: {column} is not measured. {_remedy(column)}")
        if callback.needs and not evaluated:
            raise ArgumentError(f"{who}: nothing is evaluated in this training. Give a smaller evaluate_every.")
    return [callback.fresh() for callback in heard]


def _remedy(column: str) -> str:
    if column.endswith("accuracy"):
        return "Only classes have an accuracy, of data that are measured: monitor a loss, or give fit such data."
    if column.startswith("validation"):
        return "Give fit validation data, such as validation=0.1."
    return "Give fit train_sample=None."


def expect_callable(name: str, value: object, form: str) -> Callable[..., Any] | None:
    """Return `value` if it can be called or is None."""
    if value is not None and (isinstance(value, type) or not callable(value)):
        hint = " Call it to make one." if isinstance(value, type) else ""
        raise ArgumentError(f"fit: {name} must be a function {form}, got {came(value)}.{hint}")
    return value


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, (str, int, float, type(None))) else type(value).__name__
