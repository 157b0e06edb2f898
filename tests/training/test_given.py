"""What belongs to whom in a training: targets, losses, callbacks, signals; and what data say of themselves."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DataError, LabelError, PellucidError, ShapeError, StateError
from pellucid.layers import Parameters


def blobs(n: int = 60, classes: int = 3) -> pl.Dataset:
    t = np.arange(n) % classes
    return pl.Dataset(np.eye(3)[t] + 0.1 * np.random.default_rng(0).standard_normal((n, 3)), t)


def small(outputs: int = 3) -> pl.Sequential:
    return pl.Sequential([pl.Affine(8), pl.Tanh(), pl.Affine(outputs)], input_shape=3)


def quiet(network: Any, data: Any, **options: Any) -> pl.History:
    return pl.fit(network, data, **{"batch_size": 10, "progress": False, **options})


# Targets


@pytest.mark.parametrize("optimizer", [pl.SGD(0.1), pl.Adam(0.01)])
@pytest.mark.parametrize("iterations", [30, 600])
def test_labels_that_are_written_to_meanwhile_change_nothing(optimizer, iterations):
    class Spoiler(pl.Callback):
        def on_iteration(self, iteration, loss):
            data.t[:] = -1 if iteration % 2 else 7

    networks = [small(), small()]
    for network, callbacks in zip(networks, ([], [Spoiler()]), strict=True):
        data = blobs()
        quiet(network, data, iterations=iterations, optimizer=optimizer, callbacks=callbacks, validation=data)
    for key, p in networks[0].params.items():
        assert np.array_equal(p, networks[1].params[key])


# Losses


def test_balanced_weights_follow_the_data_of_each_training():
    x = np.random.default_rng(0).standard_normal((60, 3))
    many, few = (np.array([k] * 50 + [1 - k] * 10) for k in (0, 1))
    used, fresh = small(2), small(2)
    quiet(used, (x, many), loss=pl.SoftmaxCrossEntropy(class_weights="balanced"))
    for key, p in fresh.params.items():
        p[...] = used.params[key]
    for network in (used, fresh):
        quiet(network, (x, few))
    assert all(np.array_equal(p, fresh.params[key]) for key, p in used.params.items())
    assert used.outputs.loss.class_weights is None


def test_a_network_that_hit_numbers_may_learn_classes():
    x = np.random.default_rng(0).random((40, 3))
    network = small(1)
    quiet(network, (x, x[:, 0] * 10 - 3), loss="MeanSquaredError")
    quiet(network, (x, x[:, 0] * 10 - 3))  # numbers again
    assert network.outputs.classes is None
    history = quiet(network, (x, (x[:, 0] > 0.5).astype(int)))
    assert network.outputs.classes == 2
    assert history.last("train_accuracy") is not None


@pytest.mark.parametrize("batch_size", [1, 7, 10, 103])
def test_the_loss_of_all_samples_does_not_depend_on_the_batches(batch_size):
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((103, 3)).astype(np.float32), np.array([0, 1] * 51 + [2])
    network = small()
    loss = pl.SoftmaxCrossEntropy(class_weights={0: 0, 1: 0, 2: 1}, label_smoothing=0.2)
    y = network(x).astype(float)
    log_p = y - np.log(np.exp(y).sum(axis=1, keepdims=True))
    w = np.array([0, 0, 1.0])
    right = -((0.8 * w[t] * log_p[np.arange(103), t]).sum() + (0.2 / 3 * w * log_p).sum()) / w[t].sum()
    assert pl.evaluate(network, pl.Dataset(x, t), loss=loss, batch_size=batch_size).loss == pytest.approx(right, 1e-5)


# Callbacks


def test_a_callback_that_fails_at_the_end_takes_nothing_from_the_others():
    told = []

    class Bad(pl.Callback):
        def on_end(self, network, history):
            raise RuntimeError("of its own")

    class Good(pl.Callback):
        def on_end(self, network, history):
            told.append("end")

    class Late(pl.Callback):
        def on_start(self, network, history, iterations):
            raise RuntimeError("at the start")

    with pytest.raises(RuntimeError, match="of its own"):
        quiet(small(), blobs(), callbacks=[Bad(), Good()])
    with pytest.raises(RuntimeError, match="at the start"):
        quiet(small(), blobs(), callbacks=[Good(), Late()])
    assert told == ["end", "end"]


# Signals


class Press(pl.Callback):
    """Presses Ctrl-C after the third step, once for each training that hears it."""

    def on_iteration(self, iteration, loss):
        if iteration == 3:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def handler():
    """Sets the handler of Ctrl-C for a test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda chosen: signal.signal(signal.SIGINT, chosen)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_the_meaning_that_it_was_given(handler):
    heard = []
    handler(signal.SIG_IGN)
    assert quiet(small(), blobs(), callbacks=[Press()]).stopped == "finished"
    handler(lambda number, frame: heard.append(number))
    assert quiet(small(), blobs(), callbacks=[Press()]).stopped == "finished"
    assert heard == [signal.SIGINT]
    handler(signal.default_int_handler)
    assert quiet(small(), blobs(), callbacks=[Press()]).stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_inside_another_is_interrupted_with_it(handler):
    handler(signal.default_int_handler)
    inner = []

    class Nested(pl.Callback):
        def on_iteration(self, iteration, loss):
            if iteration == 2:
                inner.append(quiet(small(), blobs(), callbacks=[Press()]).stopped)

    assert quiet(small(), blobs(), callbacks=[Nested()]).stopped == "interrupted"
    assert inner == ["interrupted"]


def test_a_handler_that_a_callback_sets_stays(handler):
    handler(signal.default_int_handler)

    def mine(number, frame):
        pass

    class Sets(pl.Callback):
        def on_start(self, network, history, iterations):
            pass

        def on_iteration(self, iteration, loss):
            signal.signal(signal.SIGINT, mine)

    quiet(small(), blobs(), callbacks=[Sets()])
    assert signal.getsignal(signal.SIGINT) is mine


def test_warnings_of_numpy_made_errors_do_not_end_a_training():
    data = pl.Dataset(blobs().x * 200, blobs().t)
    with np.errstate(all="raise"):
        assert len(quiet(pl.Sequential([pl.Affine(4), pl.Sigmoid(), pl.Affine(3)], input_shape=3), data)) == 6


# Threads


def test_networks_built_at_once_around_a_layer_share_it():
    for _ in range(20):
        layer = pl.Affine(400)
        made: list[Any] = []
        barrier = threading.Barrier(4)

        def build(layer=layer, made=made, barrier=barrier):
            barrier.wait()
            made.append(pl.Sequential([layer, pl.ReLU(), pl.Affine(2)], input_shape=300))

        threads = [threading.Thread(target=build) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(network.params["affine1.W"] is layer.params["W"] for network in made)
        assert len(made) == 4


# What data say of themselves


def tables(tmp_path, **columns):
    rows = np.random.default_rng(0).normal(50, 20, (40, 2))
    for name, order in {"train": "ab", "swapped": "ba"}.items():
        lines = [",".join([*order, "kind"])]
        for a, b in rows:
            cells = {"a": f"{a:.3f}", "b": f"{b:.3f}"}
            lines.append(",".join([*(cells[c] for c in order), "yes" if a > b else "no"]))
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "train.csv", tmp_path / "swapped.csv"


def test_tables_of_other_columns_or_scales_are_refused_and_read_alike(tmp_path):
    file, swapped = tables(tmp_path)
    train = pl.load_csv(file, scale="standard")
    network = pl.Sequential([pl.Affine(2)])
    quiet(network, train, epochs=40, optimizer=pl.Adam(0.05))
    right = pl.evaluate(network, train).accuracy
    with pytest.raises(DataError, match=r"columns of the data are b, a, those of the training data a, b\. Load.*like="):
        pl.evaluate(network, pl.load_csv(swapped, scale="standard"))
    with pytest.raises(DataError, match="columns of validation are b, a"):
        quiet(network, train, validation=pl.load_csv(swapped, scale="standard"))
    with pytest.raises(DataError, match="scaled otherwise"):
        pl.evaluate(network, pl.load_csv(file))
    with pytest.raises(LabelError, match="classes of the data are called yes, no"):
        pl.evaluate(network, pl.Dataset(train.x, 1 - train.t, class_names=["yes", "no"]))
    assert pl.evaluate(network, pl.load_csv(swapped, like=train)).accuracy == right > 0.9


def test_nan_is_no_answer():
    network = small()
    network.params["affine2.b"] = [0, np.nan, 0]
    assert pl.evaluate(network, blobs()).accuracy == 0
    for answer in (pl.predict_classes, pl.predict_proba):
        with pytest.raises(DataError, match="gives NaN, which is no answer"):
            answer(network, blobs().x)


# Layers of a user's own


class Own(pl.Layer):
    """y = x W, and perhaps something amiss."""

    def __init__(self, fault: str = "", *, name: str = "") -> None:
        super().__init__(name=name)
        self.fault = fault

    def infer_shape(self, input_shape):
        return input_shape

    def create_params(self, input_shape, rng, dtype):
        self.params = Parameters(W=np.eye(input_shape[0], dtype=dtype), b=np.zeros(input_shape[0], dtype))
        if self.fault == "array":
            self.P = rng.standard_normal(3)

    def forward(self, x, *, train=False, rng=None):
        return x @ self.params["W"] + self.params["b"], x

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        grads = {"W": cache.T @ dy, "b": dy.sum(axis=0)}
        if self.fault == "missing":
            del grads["b"]
        return (None if self.fault == "no dx" else dy @ self.params["W"].T), None if self.fault == "none" else grads


@pytest.mark.parametrize("fault", ["missing", "none", "no dx"])
def test_a_backward_that_leaves_something_out_is_named(fault):
    network = pl.Sequential([pl.Affine(3), Own(fault, name="mine"), pl.Affine(3)])
    with pytest.raises(
        ShapeError, match=r"Own 'mine': backward must return dx and a gradient for each of \['W', 'b'\]"
    ):
        quiet(network, blobs())


def test_arrays_that_copies_would_leave_out_are_refused():
    network = pl.Sequential([Own("array"), pl.Affine(3)])
    with pytest.raises(StateError, match=r"keeps an array as P.*self\.buffers = Parameters\(P=\.\.\.\)"):
        quiet(network, blobs())
    assert network.input_shape is None
    sound = pl.Sequential([Own(), pl.Affine(3)])
    quiet(sound, blobs())


@pytest.mark.parametrize("view", [lambda W: W.T, lambda W: W[1:], lambda W: W.reshape(-1)])
def test_parameters_in_the_memory_of_others_are_refused(view):
    class Tied(Own):
        def create_params(self, input_shape, rng, dtype):
            W = np.eye(input_shape[0], dtype=dtype)
            self.params = Parameters(W=W, V=view(W))

    with pytest.raises(ArgumentError, match="V lies in the memory of W, and a step of one would move the other"):
        pl.Sequential([Tied()], input_shape=3)
    del pl.layers.LAYERS["Tied"]


def test_a_graph_that_is_refused_leaves_its_merges_free():
    held = pl.Affine(3)
    pl.Sequential([held], input_shape=4)
    add = pl.Add()
    nodes = {"a": (pl.Affine(3), "input"), "b": (pl.Affine(3), "input"), "c": (add, ["a", "b"])}
    inner = pl.Graph(nodes)
    with pytest.raises(PellucidError, match="stands in a network"):
        pl.Sequential([inner, pl.Affine(5), held], input_shape=6)
    again = {"a": (pl.Affine(7), "input"), "b": (pl.Affine(7), "input"), "c": (add, ["a", "b"])}
    assert pl.Graph(again, input_shape=2).output_shape == (7,)


@pytest.mark.filterwarnings("ignore::pellucid.data.ScaleWarning")
@pytest.mark.parametrize(("learnt", "given"), [("uint8", "int32"), ("sixteen", "uint8")])
def test_pixels_of_another_scale_are_refused(tmp_path, learnt, given):
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8))
    made = {"uint8": x.astype(np.uint8), "int32": x.astype(np.int32), "sixteen": (x / 16).astype(np.float32)}
    parts = {}
    for kind in (learnt, given):
        (tmp_path / kind).mkdir()
        for name in ("train", "t10k"):
            pl.write_idx(tmp_path / kind / f"{name}-images-idx3-ubyte", made[kind])
            pl.write_idx(tmp_path / kind / f"{name}-labels-idx1-ubyte", (np.arange(20) % 2).astype(np.uint8))
        parts[kind], _ = pl.load_directory(tmp_path / kind)
    network = pl.Sequential([pl.Affine(2)])
    pl.fit(network, parts[learnt], batch_size=5, progress=False)

    with pytest.raises(DataError, match="evaluate: the pixels of the data lie between"):
        pl.evaluate(network, parts[given])
    with pytest.raises(DataError, match="fit: the pixels of validation lie between"):
        pl.fit(network, parts[learnt], validation=parts[given], batch_size=5, progress=False)
