"""Training: it learns, repeats itself bit for bit, records what happened, and stops cleanly."""

from __future__ import annotations

import json
import math
import os
import signal
import threading

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DivergenceError, LabelError, ShapeError
from pellucid.training.stepper import CompiledDenseSteps, LayerSteps, compiled_plan


def blobs(n: int = 300, seed: int = 0) -> pl.Dataset:
    """Three clouds of points, easy to tell apart."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) % 3
    return pl.Dataset(np.eye(3)[t] + 0.1 * rng.standard_normal((n, 3)), t)


def small(seed: int = 0, **options: object) -> pl.Sequential:
    return pl.Sequential([pl.Affine(8), pl.ReLU(), pl.Affine(3)], input_shape=3, seed=seed, **options)  # type: ignore[arg-type]


def quiet(network: object, data: object, **options: object) -> pl.History:
    return pl.fit(network, data, **{"progress": False, "batch_size": 10, **options})  # type: ignore[arg-type]


def test_a_network_learns_what_can_be_learnt():
    network = small()
    quiet(network, blobs(), epochs=5)

    assert pl.evaluate(network, blobs(seed=1)).accuracy == 1.0


def test_a_network_without_an_input_shape_is_built_for_the_data():
    network = pl.Sequential([pl.Affine(3)])
    quiet(network, blobs())

    assert network.input_shape == (3,)


@pytest.mark.parametrize("layers", [[pl.Affine(3)], [pl.Affine(8), pl.Dropout(0.5), pl.Affine(3)]])
def test_the_same_seed_gives_the_same_bits(layers):
    def run(seed: int) -> bytes:
        network = pl.Sequential([type(a)(**a.config()) for a in layers], input_shape=3)
        quiet(network, blobs(), epochs=2, seed=seed)
        return b"".join(p.tobytes() for p in network.params.values())

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_history_counts_iterations_and_epochs():
    history = quiet(small(), blobs(95), epochs=3, validation=blobs(30, seed=1))

    assert history.iterations["iteration"] == list(range(1, 31))  # 95 samples in batches of 10: 9 and a half
    assert history.epochs["iteration"] == [10, 20, 30]
    assert history.epochs["epoch"] == [1.0, 2.0, 3.0]
    assert history.stopped == "finished"
    assert all(0 < a <= 1 for a in history.epochs["validation_accuracy"])
    assert all(math.isfinite(v) for v in history.iterations["loss"])


def test_the_books_seventeen_evaluations():
    history = quiet(
        small(),
        blobs(600),
        iterations=9602,
        batch_size=1,
        sampling="replacement",
        evaluate_every=600,
        first_evaluation=1,
    )

    assert history.epochs["iteration"] == [1 + 600 * k for k in range(17)]


def test_a_fraction_of_the_data_is_held_out_for_validation():
    history = quiet(small(), blobs(), validation=0.2)

    assert history.settings["samples"] == 240
    assert history.last("validation_accuracy") is not None


def test_the_recorded_loss_is_that_of_the_batch_before_the_step():
    data, network = blobs(10), small()
    before = pl.evaluate(network, data).loss
    history = quiet(network, data, iterations=1)

    assert history.iterations["loss"][0] == pytest.approx(before, rel=1e-6)


def test_train_accuracy_is_not_measured_when_no_sample_is_asked_for():
    assert quiet(small(), blobs(), train_sample=0).last("train_accuracy") is None


def test_regression_uses_the_mean_squared_error_and_has_no_accuracy(rng):
    x = rng.random((100, 2))
    data = pl.Dataset(x, x @ [[1.0], [2.0]], task="regression")
    network = pl.Sequential([pl.Affine(1)], input_shape=2)
    history = quiet(network, data, epochs=60)

    assert history.last("train_accuracy") is None
    assert history.last("train_loss") < 1e-3


# Stopping


class _Signal(pl.Callback):
    """Sends this process a Ctrl-C at an iteration."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_iteration(self, iteration: int, loss: float) -> None:
        if iteration == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_stops_after_the_step_and_keeps_what_was_learnt(capsys):
    network, start = small(), small()
    history = pl.fit(network, blobs(), epochs=100, batch_size=10, callbacks=[_Signal(7)], optimizer="adam")

    assert history.stopped == "interrupted"
    assert len(history) == 7
    assert not np.array_equal(network.params["affine1.W"], start.params["affine1.W"])
    assert "What was learnt is kept" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_stops_at_once():
    class Twice(_Signal):
        def on_iteration(self, iteration: int, loss: float) -> None:
            super().on_iteration(iteration, loss)
            super().on_iteration(iteration, loss)

    with pytest.raises(KeyboardInterrupt):
        quiet(small(), blobs(), epochs=100, callbacks=[Twice(3)], optimizer="adam")


def test_training_works_outside_the_main_thread():
    done = []
    thread = threading.Thread(target=lambda: done.append(quiet(small(), blobs()).stopped))
    thread.start()
    thread.join()

    assert done == ["finished"]


@pytest.mark.parametrize("optimizer", ["momentum", pl.SGD(1e30)])
def test_a_loss_that_is_no_number_names_the_layer(optimizer):
    if optimizer == "momentum":
        optimizer = pl.Momentum(1e30)
    with pytest.raises(
        DivergenceError, match=r"at iteration \d+\. It began in layer 'affine\d'.*Lower the learning rate"
    ) as e:
        quiet(small(), blobs(), epochs=100, optimizer=optimizer)

    assert e.value.history.stopped.startswith("diverged")
    assert len(e.value.history) < 600


def test_early_stopping_gives_back_the_best_parameters():
    class Spoil(pl.Callback):
        """After the second evaluation, ruins the network."""

        def on_epoch(self, network, row):
            if row["epoch"] == 2:
                self.best = row["validation_loss"]
                network.params["affine2.W"] = -10 * network.params["affine2.W"]

    network, spoil, held_out = small(), Spoil(), blobs(60, seed=1)
    stopping = pl.EarlyStopping(patience=2)
    history = quiet(
        network, blobs(), epochs=50, validation=held_out, callbacks=[stopping, spoil], optimizer=pl.Momentum(1e-6)
    )

    assert "has not improved for 2 evaluations" in history.stopped
    assert len(history.epochs["epoch"]) == 4
    assert pl.evaluate(network, held_out).loss == pytest.approx(spoil.best, rel=1e-6)


@pytest.mark.parametrize(
    ("monitor", "options", "message"),
    [
        ("validation_loss", {}, r"validation_loss is not measured\. Give fit validation data, such as validation=0\.1"),
        ("validation_accuracy", {}, "validation_accuracy is not measured"),
        ("train_loss", {"train_sample": 0}, r"train_loss is not measured\. Give fit train_sample=None"),
        ("train_loss", {"evaluate_every": 1000}, "nothing is evaluated in this training"),
    ],
)
def test_early_stopping_refuses_what_is_not_measured_before_the_first_step(monitor, options, message):
    network, before = small(), small()
    with pytest.raises(ArgumentError, match=f"EarlyStopping: {message}"):
        quiet(network, blobs(), callbacks=pl.EarlyStopping(monitor=monitor), **options)

    assert same(network, before)


def test_less_than_min_delta_is_no_improvement():
    stopping = pl.EarlyStopping(patience=2, monitor="train_loss", min_delta=10.0)
    history = quiet(small(), blobs(), epochs=50, callbacks=stopping)

    assert len(history.epochs["epoch"]) == 3
    assert "has not improved for 2 evaluations" in history.stopped


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": -1}, "EarlyStopping: patience must be a whole number of at least 1, got -1"),
        ({"monitor": "val_loss"}, "unknown monitor 'val_loss'"),
        ({"min_delta": -0.1}, r"min_delta must lie in \[0, inf\), got -0.1"),
    ],
)
def test_impossible_stopping_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        pl.EarlyStopping(**options)


# What belongs to one training


def same(a, b):
    return all(np.array_equal(p, b.params[k]) for k, p in a.params.items())


OPTIMIZERS = {
    "sgd": lambda: pl.SGD(0.1),
    "momentum": lambda: pl.Momentum(0.05),
    "adam": lambda: pl.Adam(0.01),
    "plateau": lambda: pl.Momentum(pl.schedules.ReduceOnPlateau(0.5, patience=0)),
    "warm plateau": lambda: pl.Adam(pl.schedules.WarmUp(pl.schedules.ReduceOnPlateau(0.5, patience=0), 5)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_was_given_to_one_training_gives_another_the_same_bits(name):
    def settings():
        return {
            "optimizer": OPTIMIZERS[name](),
            "loss": pl.losses.SoftmaxCrossEntropy(class_weights="balanced"),
            "callbacks": [pl.EarlyStopping(patience=2)],
            "validation": 0.3,
            "epochs": 6,
        }

    given, first, second, fresh = settings(), small(), small(), small()
    quiet(first, blobs(120)[:77], **given)
    quiet(pl.Sequential([pl.Affine(5), pl.ReLU(), pl.Affine(3)]), blobs(), **given)  # other shapes
    quiet(second, blobs(90), **given)
    quiet(fresh, blobs(90), **settings())

    assert same(second, fresh)
    assert given["optimizer"].iteration == 0
    assert given["optimizer"].state == {}
    assert given["loss"].class_weights == "balanced"


def test_two_trainings_at_once_share_nothing_of_what_both_were_given():
    def settings():
        return {"optimizer": pl.Momentum(0.05), "callbacks": [pl.EarlyStopping(patience=3)], "epochs": 8}

    given, networks = settings(), [small(seed) for seed in range(4)]
    data = [blobs(150, seed) for seed in range(4)]
    threads = [
        threading.Thread(target=lambda i=i: quiet(networks[i], data[i], validation=0.2, **given)) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for i in range(4):
        alone = small(i)
        quiet(alone, data[i], validation=0.2, **settings())
        assert same(networks[i], alone)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_training_goes_on_bit_for_bit(name):
    def network():
        layers = [pl.Affine(8), pl.ReLU(), pl.Dropout(0.2), pl.Affine(3)]
        return pl.Sequential(layers, input_shape=3)

    options = {"validation": 0.2, "augment": lambda x, rng: x + rng.normal(0, 0.1, x.shape).astype(x.dtype)}
    whole, parts = network(), network()
    five = quiet(whole, blobs(95), epochs=5, optimizer=OPTIMIZERS[name](), loss="Quadratic", seed=4, **options)
    two = quiet(parts, blobs(95), epochs=2, optimizer=OPTIMIZERS[name](), loss="Quadratic", seed=4, **options)
    three = quiet(parts, blobs(95), epochs=3, resume=two, **options)

    assert same(whole, parts)
    for column in ("iteration", "loss", "learning_rate"):
        assert three.iterations[column] == five.iterations[column]
    assert {k: v for k, v in three.epochs.items() if "second" not in k} == {
        k: v for k, v in five.epochs.items() if "second" not in k
    }
    assert three.settings == five.settings
    assert len(two) == 16  # the former record is left alone
    assert all(a <= b for a, b in zip(three.iterations["seconds"], three.iterations["seconds"][1:], strict=False))


def test_only_a_training_that_is_known_goes_on_and_on_its_own_network(tmp_path):
    network = small()
    history = quiet(network, blobs(), optimizer="adam")
    history.save(tmp_path / "history.json")
    with pytest.raises(pl.errors.StateError, match="one read from a file holds no optimiser"):
        quiet(network, blobs(), resume=pl.History.load(tmp_path / "history.json"))
    with pytest.raises(ArgumentError, match="give optimizer or resume, not both"):
        quiet(network, blobs(), resume=history, optimizer="adam")
    with pytest.raises(ArgumentError, match="resume must be the History"):
        quiet(network, blobs(), resume=history.training)
    other = pl.Sequential([pl.Affine(5), pl.Affine(3)], input_shape=3)
    before = pl.layers.copy_network(other)
    with pytest.raises(pl.errors.StateError, match="the network holds other parameters now"):
        quiet(other, blobs(), resume=history)
    assert same(other, before)


def test_a_training_goes_on_from_where_it_ended_and_nowhere_else(tmp_path):
    network = small()
    history = quiet(network, blobs(), optimizer="adam")
    pl.save(network, tmp_path / "then.safetensors")
    twin = small(seed=1)
    with pytest.raises(pl.errors.StateError, match="holds other parameters now"):
        quiet(twin, blobs(), resume=history)  # of equal shapes, and not the network of that training
    quiet(network, blobs(), resume=history)
    with pytest.raises(pl.errors.StateError, match="holds other parameters now"):
        quiet(network, blobs(), resume=history)  # which has gone on since
    again = pl.load(tmp_path / "then.safetensors")
    quiet(again, blobs(), resume=history)
    assert same(again, network)


def test_a_second_training_of_one_network_is_a_new_record():
    network = small()
    first, second = quiet(network, blobs()), quiet(network, blobs())

    assert first.iterations["iteration"] == second.iterations["iteration"]
    assert second.iterations["loss"][0] < first.iterations["loss"][0]


def test_reduce_on_plateau_hears_the_validation_loss():
    schedule = pl.schedules.ReduceOnPlateau(1e-9, patience=1)
    for loss in (1.0, 2.0, 2.0):
        schedule.observe(loss)

    assert schedule(0) == pytest.approx(5e-10)


# Bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 301}, ArgumentError, "batch_size must be at most the 300 samples"),
        ({"batch_size": 0}, ArgumentError, "batch_size must be a whole number of at least 1, got 0"),
        ({"epochs": -1}, ArgumentError, "epochs must be a whole number of at least 1, got -1"),
        ({"epochs": 1, "iterations": 1}, ArgumentError, "epochs or iterations, not both"),
        ({"optimizer": "adm"}, ArgumentError, "Did you mean 'adam'"),
        ({"loss": "Quadratc"}, ArgumentError, "Did you mean 'Quadratic'"),
        ({"sampling": "random"}, ArgumentError, "unknown sampling 'random'"),
        ({"evaluate_every": 0}, ArgumentError, "evaluate_every"),
        ({"sampling": ["shuffle"]}, ArgumentError, "unknown sampling"),
        ({"batch_size": 2.0}, ArgumentError, "batch_size must be a whole number of at least 1, got 2.0"),
        ({"batch_size": True}, ArgumentError, "batch_size must be a whole number"),
        ({"epochs": 1.5}, ArgumentError, "epochs must be a whole number of at least 1, got 1.5"),
        ({"seed": -1}, ArgumentError, "seed must be a whole number of at least 0, got -1"),
        ({"optimizer": pl.Adam}, ArgumentError, r"Call it to make one: Adam\(0.1\)"),
        ({"loss": pl.losses.Quadratic}, ArgumentError, r"Call it to make one: Quadratic\(\)"),
        ({"augment": 3}, ArgumentError, "augment must be a function"),
        ({"augment": pl.data.RandomShift}, ArgumentError, "augment must be a function .* Call it to make one"),
        ({"callbacks": print}, ArgumentError, "callbacks must be a Callback or a sequence of them"),
        ({"callbacks": [print]}, ArgumentError, "callbacks must be Callback objects.*Derive a class"),
        ({"callbacks": [pl.EarlyStopping]}, ArgumentError, "callbacks must be Callback objects.*Call it to make one"),
        ({"progress": "yes"}, ArgumentError, "progress must be True, False"),
        ({"train_sample": -5}, ArgumentError, "train_sample must be a whole number"),
        ({"validation": 1}, ArgumentError, "validation must be a Dataset, .* between 0 and 1, got 1"),
        ({"validation": True}, ArgumentError, "validation must be a Dataset"),
        ({"validation": 0.001}, ArgumentError, "leaves one part of 300 samples empty"),
        ({"validation": "test"}, ArgumentError, r"validation must be a Dataset or a pair \(x, t\), got 'test'"),
        ({"validation": pl.Dataset(np.eye(4), range(4))}, ShapeError, r"validation must have shape \(3,\)"),
        (
            {"validation": pl.Dataset(np.eye(3), np.eye(3), task="regression")},
            ArgumentError,
            "validation is a regression and the training data a classification",
        ),
    ],
)
def test_bad_settings_are_named(options, error, message):
    network, before = small(), small()
    with pytest.raises(error, match=message):
        quiet(network, blobs(), **options)

    assert all(np.array_equal(p, before.params[k]) for k, p in network.params.items())


def test_more_classes_than_outputs_is_an_error():
    with pytest.raises(LabelError, match=r"must lie in 0..1, got 2. Classes count from 0"):
        quiet(pl.Sequential([pl.Affine(2)], input_shape=3), blobs())


def test_samples_of_another_shape_name_the_remedy():
    images = pl.Dataset(np.zeros((20, 28, 28, 1)), np.zeros(20, int))
    with pytest.raises(ShapeError, match=r"must have shape \(N, 784\), got \(1, 28, 28, 1\).*reshape"):
        quiet(pl.Sequential([pl.Affine(2)], input_shape=784), images)


@pytest.mark.parametrize("loss", [None, "SoftmaxCrossEntropy"])
def test_a_softmax_layer_before_the_softmax_loss_is_refused(loss):
    network = pl.Sequential([pl.Affine(3), pl.Softmax()], input_shape=3)
    with pytest.raises(ArgumentError, match="applies it again"):
        quiet(network, blobs(), loss=loss)


def test_a_fraction_of_any_kind_of_number_is_held_out():
    assert quiet(small(), blobs(), validation=np.float32(0.2)).settings["samples"] == 240


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.eye(3), r"data must be a Dataset or a pair \(x, t\), got ndarray"),
        ((np.eye(3),), r"data must be a Dataset or a pair \(x, t\), got tuple"),
        (pd.DataFrame({"a": [1.0]}), r"got DataFrame\. From a DataFrame it is made by pl\.from_dataframe"),
        (None, "got None"),
    ],
    ids=["array", "one", "frame", "nothing"],
)
def test_what_is_no_data_is_refused_by_fit_and_evaluate(data, message):
    for function in (pl.fit, pl.evaluate):
        with pytest.raises(ArgumentError, match=f"{function.__name__}: .*{message}"):
            function(small(), data)


def test_frames_and_series_are_data():
    data = blobs()
    frame, network = pd.DataFrame(data.x, columns=list("abc")), small()
    quiet(network, (frame, pd.Series(data.t)), epochs=5)

    assert pl.evaluate(network, (frame, pd.DataFrame({"label": data.t}))).accuracy == 1.0
    np.testing.assert_array_equal(pl.predict(network, frame), pl.predict(network, data.x))


def test_data_of_a_single_class_is_refused():
    with pytest.raises(LabelError, match="all 20 samples have the class 1, so that there is nothing to tell apart"):
        quiet(small(), (np.random.default_rng(0).random((20, 3)), np.ones(20, int)))


def test_a_single_sample_and_small_data_are_trained_on():
    assert len(quiet(small(), blobs()[:1], batch_size=None)) == 1
    assert quiet(small(), blobs()[:7], batch_size=None).settings["batch_size"] == 7


def normalised(*before):
    return pl.Sequential([*before, pl.BatchNorm(), pl.Affine(3)])


@pytest.mark.parametrize("nested", [False, True])
def test_a_last_batch_too_small_to_normalise_is_refused_before_the_first_step(nested):
    network = pl.Sequential([pl.Sequential([pl.Affine(4), pl.BatchNorm()]), pl.Affine(3)]) if nested else normalised()
    with pytest.raises(ArgumentError, match=r"of 21 samples in batches of 10 one would hold 1\. Try batch_size=9\."):
        quiet(network, blobs()[:21], batch_size=10)
    assert network.input_shape is None
    assert len(quiet(network, blobs()[:21], batch_size=9)) == 3


@pytest.mark.parametrize(
    "how",
    [
        {"batch_size": 10, "iterations": 2},  # the last batch is not reached
        {"batch_size": 10, "sampling": "replacement"},
        {"batch_size": 20, "epochs": 2},
    ],
)
def test_batches_that_can_be_normalised_are_trained_on(how):
    assert len(quiet(normalised(), blobs()[: 21 if how["batch_size"] == 10 else 20], **how)) == 2


def test_images_and_frozen_statistics_can_do_with_one_sample():
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    images = pl.Sequential([pl.Conv2D(2, 3), pl.BatchNorm(), pl.Flatten(), pl.Affine(2)])
    assert len(quiet(images, (x, [0, 1, 0, 1, 0]), batch_size=2)) == 3
    frozen = normalised()
    frozen.layer("batchnorm1").trainable = False
    assert len(quiet(frozen, blobs()[:21], batch_size=10)) == 3


def test_one_sample_alone_cannot_be_normalised():
    with pytest.raises(ArgumentError, match=r"batches of 1 one would hold 1\. Take more samples\."):
        quiet(normalised(), blobs()[:1], batch_size=1)


def test_classes_called_otherwise_in_the_validation_data_are_refused():
    x, t = blobs().x, blobs().t
    train, other = (pl.Dataset(x, t, class_names=names) for names in (["a", "b", "c"], ["b", "a", "c"]))
    with pytest.raises(LabelError, match=r"Load them with class_names=train\.class_names"):
        quiet(small(), train, validation=other)


def test_a_network_that_is_refused_its_data_stays_unbuilt():
    network = pl.Sequential([pl.Affine(2)])
    with pytest.raises(LabelError):
        quiet(network, blobs())

    assert network.input_shape is None
    assert network.outputs is None


def test_pairs_are_held_in_the_dtype_of_the_network():
    x = np.random.default_rng(0).random((20, 3))
    networks = [small(dtype=np.float64) for _ in range(2)]
    quiet(networks[0], (x, np.arange(20) % 3))
    quiet(networks[1], pl.Dataset(x, np.arange(20) % 3, dtype=np.float64))

    assert same(*networks)


@pytest.mark.parametrize("form", ["fortran", "strided", "read-only"])
def test_how_the_samples_lie_does_not_matter(form):
    x, t = blobs().x, blobs().t
    laid = {"fortran": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=1)[:, ::2], "read-only": x.copy()}[form]
    laid.flags.writeable = form != "read-only"
    ours, theirs, before = small(), small(), laid.copy()
    quiet(ours, (laid, t))
    quiet(theirs, (x, t))

    assert same(ours, theirs)
    np.testing.assert_array_equal(laid, before)


def test_a_batch_that_weighs_nothing_teaches_nothing():
    network, start = small(), small()
    loss = pl.losses.SoftmaxCrossEntropy(class_weights={0: 0.0})
    data = blobs()
    order = np.argsort(data.t, kind="stable")
    history = quiet(network, data[order], loss=loss, batch_size=1, iterations=20)

    assert all(math.isfinite(v) for v in history.iterations["loss"])
    assert 0.0 in history.iterations["loss"]
    assert not same(network, start)


def test_something_that_is_no_network_is_refused():
    with pytest.raises(ArgumentError, match="network must be a container such as Sequential"):
        quiet("network", blobs())


# The compiled steps are the layers' steps


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        (lambda: [pl.Affine(7), pl.ReLU(), pl.Affine(3)], "SoftmaxCrossEntropy"),
        (lambda: [pl.Affine(7), pl.Sigmoid(), pl.Affine(3), pl.Sigmoid()], "Quadratic"),
        (
            lambda: [pl.Affine(7, bias=False), pl.Tanh(), pl.Affine(5), pl.ReLU(), pl.Affine(3), pl.Sigmoid()],
            "CrossEntropy",
        ),
        (lambda: [pl.Affine(3)], "SoftmaxCrossEntropy"),
    ],
)
@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_compiled_steps_equal_the_layers_steps(layers, loss, decay, rng):
    pytest.importorskip("numba")
    data, criterion = blobs(), pl.losses.as_loss(loss)
    t = criterion.targets(data.t, len(data), 3)
    t = t.astype(np.float32) if t.dtype.kind == "f" else t
    networks = [pl.Sequential(layers(), input_shape=3, seed=3) for _ in range(2)]
    optimizers = [pl.SGD(pl.schedules.StepDecay(0.5, every=10), weight_decay=decay) for _ in range(2)]
    plan = compiled_plan(networks[0], criterion, optimizers[0], data.x)
    assert plan is not None
    fast = CompiledDenseSteps(plan, LayerSteps(networks[0], criterion, optimizers[0], data.x, t, 10, rng))
    slow = LayerSteps(networks[1], criterion, optimizers[1], data.x, t, 10, rng)
    batches = [rng.integers(0, 300, 10) for _ in range(40)]

    fast_losses = fast.take(batches)
    slow_losses = [slow.take([b])[0] for b in batches]

    np.testing.assert_allclose(fast_losses, slow_losses, rtol=2e-4)
    for key, p in networks[0].params.items():
        np.testing.assert_allclose(p, networks[1].params[key], rtol=2e-3, atol=2e-5)
    assert optimizers[0].iteration == optimizers[1].iteration == 40


@pytest.mark.parametrize(
    ("network", "loss", "optimizer"),
    [
        (lambda: small(dtype=np.float64), pl.SoftmaxCrossEntropy(), pl.SGD()),
        (lambda: pl.Sequential([pl.Affine(3), pl.GELU()], input_shape=3), pl.SoftmaxCrossEntropy(), pl.SGD()),
        (lambda: pl.Sequential([pl.Affine(3), pl.Dropout(0.1)], input_shape=3), pl.SoftmaxCrossEntropy(), pl.SGD()),
        (small, pl.SoftmaxCrossEntropy(label_smoothing=0.1), pl.SGD()),
        (small, pl.SoftmaxCrossEntropy(class_weights=[1, 1, 2]), pl.SGD()),
        (small, pl.Hinge(), pl.SGD()),
        (small, pl.SoftmaxCrossEntropy(), pl.Momentum()),
        (small, pl.SoftmaxCrossEntropy(), pl.SGD(clip_norm=1.0)),
    ],
)
def test_what_the_compiled_steps_do_not_know_is_left_to_the_layers(network, loss, optimizer):
    assert compiled_plan(network(), loss, optimizer, blobs().x) is None


# Records


def test_a_history_saves_and_loads(tmp_path):
    history = quiet(small(), blobs(), epochs=2)
    history.save(tmp_path / "history.json")
    history.save(tmp_path / "history.csv")

    assert pl.History.load(tmp_path / "history.json") == history
    assert (tmp_path / "history.csv").read_text().splitlines()[0].startswith("iteration,epoch,train_loss")
    assert len((tmp_path / "history-iterations.csv").read_text().splitlines()) == 61


def test_a_history_that_diverged_saves(tmp_path):
    history = pl.History()
    history.add_epoch(iteration=1, epoch=1.0, train_loss=float("nan"))
    history.save(tmp_path / "history.json")

    assert pl.History.load(tmp_path / "history.json").last("train_loss") is None


def test_a_history_of_another_kind_is_refused(tmp_path):
    for i, text in enumerate(["", "[]", '{"iterations": {}}', json.dumps({"a": 1}), "[" * 100_000]):
        path = tmp_path / f"{i}.json"
        path.write_text(text)
        with pytest.raises(pl.errors.FileFormatError, match="not a history"):
            pl.History.load(path)
    with pytest.raises(ArgumentError, match=r"must end in \.json or \.csv"):
        pl.History().save(tmp_path / "history.txt")


def test_progress_is_one_plain_line_an_epoch_where_there_is_no_terminal(capsys):
    pl.fit(small(), blobs(), epochs=2, batch_size=10, validation=blobs(seed=1))
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 2
    assert lines[1].startswith("epoch  2.00  train loss 0.")
    assert "validation loss" in lines[1]


def test_the_bar_can_be_asked_for(capsys):
    pl.fit(small(), blobs(), epochs=2, batch_size=10, progress="bar")

    assert "epoch  2.00" in capsys.readouterr().out
