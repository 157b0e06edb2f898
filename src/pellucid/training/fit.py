"""`fit`: everything is checked, then a network is trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.data.augment import Augment
from pellucid.data.dataset import Dataset
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers import Container
from pellucid.layers.container import CHANNELS_LAST, looks_channels_first, network_of
from pellucid.losses import LossLike
from pellucid.optimizers import SGD, OptimizerLike, as_optimizer
from pellucid.outputs import expect_several, expect_steady
from pellucid.specs import OutputSpec
from pellucid.training.callbacks import Callback
from pellucid.training.evaluation import choose_loss, usual_loss
from pellucid.training.given import (
    checked_targets,
    dataset,
    expect_callable,
    expect_several_classes,
    held_out,
    listeners,
    with_own_targets,
)
from pellucid.training.history import History
from pellucid.training.plan import Plan
from pellucid.training.progress import reporter
from pellucid.training.run import Part, Run, Training, fingerprint
from pellucid.typing import Array, Shape


@checked_late
def fit(
    model: Any,
    data: Dataset | tuple[Any, Any],
    *,
    epochs: int | None = None,
    iterations: int | None = None,
    batch_size: int | None = None,
    optimizer: OptimizerLike | None = None,
    loss: LossLike | None = None,
    validation: Dataset | tuple[Any, Any] | float | None = None,
    sampling: str = "shuffle",
    augment: Augment | None = None,
    seed: int = 0,
    evaluate_every: int | None = None,
    first_evaluation: int | None = None,
    train_sample: int | None = 10_000,
    callbacks: Callback | Sequence[Callback] = (),
    progress: bool | str = True,
    resume: History | None = None,
) -> History:
    """Train a network in place and return what happened.

    Parameters
    ----------
    model : Sequential, another container, or a model that holds one in `.network`
        A network without an input shape is built for the data.
    data : Dataset, or a pair (x, t)
        Where a Dataset has weights, a sample of weight 2 teaches as much as two of weight 1 in one batch.
    epochs, iterations : int, optional
        How long: passes over the data, or steps. One of the two; 1 epoch if neither is given.
    batch_size : int, default=100, or all samples where there are fewer
    optimizer : Optimizer or name, default=SGD(0.1)
        A training begins with a fresh one: what is given is left as it is, and may be given again.
    loss : Loss or name, optional
        By default softmax with cross-entropy for classes (sigmoid with cross-entropy where the network has one
        output, for the classes 0 and 1), mean squared error for numbers.
    validation : Dataset, pair or fraction, optional
        Measured at every evaluation. A fraction is split off the data, shuffled and with every class in proportion.
    sampling : {"shuffle", "replacement"}, default="shuffle"
        Every sample once an epoch, the last batch perhaps smaller; or each batch drawn at random, as the book does.
    augment : callable, optional
        (batch of samples, generator) → changed samples of the same shape and dtype, such as
        `pl.data.RandomShift(1)`: what the network sees of each training batch in its place.
    seed : int, default=0
        Of the order of the batches and of dropout. The same seed gives the same bits on the same machine.
    evaluate_every : int, optional
        Iterations between evaluations; an epoch by default.
    first_evaluation : int, optional
        The iteration, from 1, of the first one; `evaluate_every` by default. The book's is 1.
    train_sample : int or None, default=10,000
        Training loss and accuracy are measured on this many training samples, drawn once; None takes all, 0 none.
    callbacks : Callback or sequence of them
    progress : bool or {"bar", "lines"}, default=True
        A bar on a terminal, one line an evaluation elsewhere; False shows nothing.
    resume : History, optional
        Go on with the training of which this is the record: with its optimiser, loss, seed and random numbers, for
        `epochs` or `iterations` more. The new record begins with the old one. Two epochs and three more are five, to
        the last bit where all steps are taken by the layers.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If the loss becomes NaN or infinite: it names the layer where that began, and its `.history` holds the run.

    Notes
    -----
    Ctrl-C ends training after the step under way; what was learnt is kept, and `History.stopped` says so.
    A program that ignores Ctrl-C, or handles it itself, goes on doing so.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((200, 2), np.float32)
    >>> t = (x[:, 0] > x[:, 1]).astype(int)
    >>> network = pl.Sequential([pl.Affine(8), pl.ReLU(), pl.Affine(2)])
    >>> history = pl.fit(network, (x, t), epochs=50, batch_size=20, optimizer=pl.Adam(0.01), progress=False)
    >>> len(history), history.stopped, history.last("train_accuracy") > 0.9
    (500, 'finished', True)
    """
    seed = checks.seed("fit", seed)
    network = network_of(model)
    former = _former(resume, optimizer, network)
    if former is not None:
        seed, loss = former.seed, former.loss if loss is None else loss
    train, validated = held_out(validation, dataset("fit", data, network, loss), network, seed)
    train, validated = with_own_targets(train), validated and with_own_targets(validated)
    output_shape = _output_shape(network, train)
    sample = None if train_sample is None or train_sample == 0 else checks.size("fit", "train_sample", train_sample)
    plan = Plan.make(len(train), epochs, iterations, batch_size, sampling, evaluate_every, first_evaluation)
    plan.expect_batches(network.least_batch(train.sample_shape))
    if former is None:  # what a training goes on with may hold one class alone
        expect_several_classes(train)
    expect_several(network, (output_shape or (0,))[-1])
    loss = choose_loss(network, usual_loss(network, train, output_shape) if loss is None else loss)
    expect_steady(network, loss)
    t, criterion = checked_targets("fit", train, loss, output_shape)
    parts = [
        None if part is None else (part, _as_floats(checked_targets("fit", part, criterion, output_shape)[0], network))
        for part in (train, validated)
    ]
    measured = None if train_sample == 0 else _sample(train, _as_floats(t, network), sample, seed)
    expect_callable("augment", augment, "(batch, generator) → batch")
    columns = {
        f"{name}_{what}"
        for name, part in (("train", measured), ("validation", parts[1]))
        if part
        for what in (("loss", "accuracy") if part[0].classes else ("loss",))
    }
    heard = listeners(callbacks, columns, plan.first <= plan.iterations)
    shown = reporter(progress)

    if network.output_shape is None:
        network.build(train.sample_shape, np.random.default_rng(getattr(network, "seed", 0)), network.dtype)
    training = former or Training.begin(as_optimizer(SGD(0.1) if optimizer is None else optimizer), criterion, seed)
    training.loss = criterion
    training.optimizer.take_to(network.params)
    fixed = [key for key, p in network.params.items() if not p.flags.writeable]
    if fixed:
        raise StateError(
            f"fit: {fixed[0]} cannot be written to. Train a copy with arrays of its own: pl.copy_network(network)."
        )
    if network.params and not network.trainable:
        raise StateError("fit: every layer is frozen, so there is nothing to train. network.unfreeze() thaws them.")
    network.inputs, network.outputs = train.described(), OutputSpec(criterion, train.classes)
    history = _record(resume, training, plan, len(train), network, augment)
    assert parts[0] is not None  # noqa: S101  # the training data
    run = Run(network, parts[0], parts[1], measured, training, plan, augment, history)
    return run.go([*heard, *([shown] if shown else [])])


def _former(resume: History | None, optimizer: OptimizerLike | None, network: Container[Any]) -> Training | None:
    """Return a copy of where a training stands that is to go on."""
    if resume is None:
        return None
    if not isinstance(resume, History):
        raise ArgumentError(f"fit: resume must be the History that fit returned, got {type(resume).__name__}.")
    if optimizer is not None:
        raise ArgumentError("fit: give optimizer or resume, not both. A resumed training goes on with its own.")
    if resume.training is None:
        raise StateError("fit: resume needs the History that fit returned; one read from a file holds no optimiser.")
    if resume.training.left != fingerprint(network):
        raise StateError(
            "fit: resume goes on where that training ended, and the network holds other parameters now. Give the "
            "network as it was left (pl.load of what was saved then), or begin anew with optimizer=."
        )
    return copy.deepcopy(resume.training)  # type: ignore[no-any-return]


def _output_shape(network: Container[Any], data: Dataset) -> Shape:
    """Return the shape of an output sample, without building the network yet."""
    if network.output_shape is None:
        if looks_channels_first(network, data.sample_shape):
            raise ShapeError(
                f"fit: samples of shape {data.sample_shape} look like (C, H, W). {CHANNELS_LAST} If they are "
                f"(H, W, C) all the same, build the network with input_shape={data.sample_shape}."
            )
        return network.infer_shape(data.sample_shape)
    network.accept(data.x[:1])
    return network.output_shape


def _as_floats(t: Array, network: Container[Any]) -> Array:
    """Targets that are numbers, in the network's dtype."""
    return t.astype(network.dtype) if t.dtype.kind == "f" else t


def _sample(train: Dataset, t: Array, size: int | None, seed: int) -> Part:
    """Return the training samples that loss and accuracy are measured on."""
    if size is None or size >= len(train):
        return train, t
    chosen = np.sort(np.random.default_rng(seed).choice(len(train), size, replace=False))
    return train[chosen], t[chosen]


def _record(
    former: History | None,
    training: Training,
    plan: Plan,
    samples: int,
    network: Container[Any],
    augment: Augment | None,
) -> History:
    """Return the record that the run writes on: a new one, or a copy of that of the training that goes on."""
    settings: dict[str, Any] = {
        "seed": training.seed,
        "batch_size": plan.batch_size,
        "iterations": plan.iterations,
        "sampling": plan.sampling,
        "samples": samples,
        "optimizer": repr(training.optimizer),
        "loss": repr(training.loss),
        "parameters": network.size,
    }
    if augment is not None:
        settings["augment"] = repr(augment)
    if former is None:
        return History(settings=settings, training=training)
    settings["iterations"] += len(former)
    tables = copy.deepcopy((former.iterations, former.epochs))
    return History(*tables, settings=settings, training=training)
