"""Frozen layers: nothing of them moves, on any path, and everything else trains as before."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError


def mlp() -> pl.Sequential:
    return pl.Sequential([pl.Affine(20), pl.ReLU(), pl.Affine(8), pl.Tanh(), pl.Affine(3)], input_shape=6)


def cnn() -> pl.Sequential:
    layers = [
        pl.Conv2D(4, 3),
        pl.ReLU(),
        pl.MaxPool2D(2),
        pl.BatchNorm(),
        pl.Residual([pl.Conv2D(4, 3, padding="same"), pl.BatchNorm()]),
        pl.Dropout(0.2),
        pl.Flatten(),
        pl.Affine(3),
    ]
    return pl.Sequential(layers, input_shape=(8, 8, 1))


def graph() -> pl.Graph:
    nodes: Any = {
        "conv": (pl.Conv2D(4, 3, padding="same"), "input"),
        "norm": (pl.BatchNorm(), "conv"),
        "sum": (pl.Add(), ["conv", "norm"]),
        "flat": (pl.Flatten(), "sum"),
        "out": (pl.Affine(3), "flat"),
    }
    return pl.Graph(nodes, input_shape=(8, 8, 1))


def samples(network: Any, n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.random((n, *network.input_shape), np.float32), rng.integers(0, 3, n)


def state(network: Any) -> dict[str, Any]:
    return {k: a.copy() for k, a in (*network.params.items(), *network.buffers.items())}


OPTIMIZERS: Any = {
    "sgd": lambda: pl.SGD(0.1),
    "decay": lambda: pl.SGD(0.1, weight_decay=0.1),
    "adam": lambda: pl.Adam(0.01),
    "adamw": lambda: pl.AdamW(0.01),
}
FROZEN = [
    (mlp, ["affine1"]), (mlp, ["affine2"]), (mlp, ["affine3"]), (mlp, ["affine1", "affine2"]),
    (cnn, ["conv2d1"]), (cnn, ["batchnorm1"]), (cnn, ["residual1"]), (cnn, ["residual1.branch.batchnorm1"]),
    (cnn, ["conv2d1", "batchnorm1", "residual1"]), (graph, ["conv"]), (graph, ["norm"]), (graph, ["out"]),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", ["sgd", "decay", "adam", "adamw"])
@pytest.mark.parametrize(("make", "names"), FROZEN)
@pytest.mark.parametrize("iterations", [10, 510], ids=["layers", "compiled"])
def test_frozen_layers_stand_still_and_the_rest_learns(make: Any, names: Any, optimizer: str, iterations: int) -> None:
    network = make()
    network.freeze(*names)
    before = state(network)
    steps = iterations if make is mlp else 10
    pl.fit(
        network, samples(network), iterations=steps, batch_size=10, optimizer=OPTIMIZERS[optimizer](), progress=False
    )

    for key, array in state(network).items():
        frozen = any(key.startswith(f"{name}.") for name in names)
        assert np.array_equal(array, before[key]) == frozen, key


@pytest.mark.parametrize(("make", "names"), FROZEN)
def test_gradients_of_what_is_not_frozen_are_those_without_freezing(make: Any, names: Any) -> None:
    network = make()
    x, _ = samples(network, 5)
    still = [layer for layer in network.walk() if isinstance(layer, pl.BatchNorm)]
    whole, part = copy.deepcopy(network), network
    part.freeze(*names)
    frozen_statistics = any(not layer.trainable for layer in still)
    train = not frozen_statistics  # a frozen BatchNorm normalises by what it knows: another function
    results = []
    for one in (whole, part):
        y, tape = one.forward(x, train=train, rng=np.random.default_rng(0))
        results.append(one.backward(np.ones_like(y), tape))
    (dx, grads), (part_dx, part_grads) = results

    np.testing.assert_array_equal(part_dx, dx)
    assert set(part_grads) == {k for k in grads if not any(k.startswith(f"{name}.") for name in names)}
    for key, gradient in part_grads.items():
        np.testing.assert_array_equal(gradient, grads[key])


def test_frozen_statistics_are_used_and_not_updated() -> None:
    network = pl.Sequential([pl.BatchNorm(), pl.Affine(2)], input_shape=3)
    x = 5 + np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    network.freeze("batchnorm1")
    y, _ = network.forward(x, train=True)
    np.testing.assert_array_equal(y, network(x))
    assert not network.buffers["batchnorm1.mean"].any()


def test_a_layer_frozen_in_one_network_is_frozen_in_all() -> None:
    body = mlp()
    head = pl.Sequential([*body.layers[:2], pl.Affine(2)], input_shape=6)
    body.layer("affine1").trainable = False
    before = state(body)
    x, _ = samples(body)
    pl.fit(head, (x, np.arange(len(x)) % 2), epochs=2, batch_size=10, progress=False)
    assert all(np.array_equal(before[k], a) for k, a in state(body).items())
    assert head.layer("affine1").trainable is False


def test_freezing_a_network_freezes_what_it_holds_and_unfreezing_undoes_it() -> None:
    network = cnn()
    network.trainable = False
    assert not any(layer.trainable for layer in network.walk())
    network.unfreeze("residual1")
    assert network.trainable
    assert network.layer("residual1.branch.conv2d1").trainable
    assert not network.layer("conv2d1").trainable
    network.unfreeze()
    assert all(layer.trainable for layer in network.walk())
    with pytest.raises(PellucidError, match="unknown layer 'conv1'. Did you mean 'conv2d1'"):
        network.freeze("conv1")


def test_layers_can_be_thawed_and_frozen_between_trainings() -> None:
    network, data = mlp(), samples(mlp())
    network.freeze("affine1")
    pl.fit(network, data, epochs=2, batch_size=10, optimizer=pl.Adam(0.01), progress=False)
    network.unfreeze("affine1")
    before = state(network)
    pl.fit(network, data, epochs=2, batch_size=10, optimizer=pl.Adam(0.01), progress=False)
    assert not any(np.array_equal(before[k], a) for k, a in state(network).items())


def test_freezing_lasts_in_copies_and_files(tmp_path: Path) -> None:
    network = cnn()
    network.freeze("conv2d1", "residual1")
    pl.save(network, tmp_path / "m.safetensors")
    for twin in (pl.load(tmp_path / "m.safetensors"), pl.copy_network(network), copy.deepcopy(network)):
        assert [a.trainable for a in twin.walk()] == [a.trainable for a in network.walk()]


def test_a_network_that_is_frozen_whole_is_not_trained() -> None:
    network = mlp()
    network.freeze()
    with pytest.raises(PellucidError, match="every layer is frozen"):
        pl.fit(network, samples(network), epochs=1, progress=False)


def test_the_summary_counts_what_is_frozen() -> None:
    network = mlp()
    network.freeze("affine1")
    table = pl.summary(network)
    assert (table.trainable, table.fixed) == (20 * 8 + 8 + 8 * 3 + 3, 6 * 20 + 20)
    assert "195 trainable parameters, 140 not trainable" in str(table)


def test_a_users_own_loop_moves_what_is_not_frozen() -> None:
    network = mlp()
    network.freeze("affine2")
    x, t = samples(network)
    before = state(network)
    loss = pl.SoftmaxCrossEntropy()
    y, tape = network.forward(x, train=True)
    _, grads = network.backward(loss.backward(loss.forward(y, t)[1]), tape, need_dx=False)
    for optimizer in (pl.SGD(0.1), pl.Adam(0.1)):
        optimizer.step(network.params, grads)
    assert np.array_equal(network.params["affine2.W"], before["affine2.W"])
    assert not np.array_equal(network.params["affine1.W"], before["affine1.W"])


@pytest.mark.parametrize("iterations", [600])
def test_a_callback_may_freeze_in_mid_training(iterations: int) -> None:
    class Freezes(pl.Callback):
        def on_epoch(self, network: Any, row: Any) -> None:
            network.freeze("affine1")
            self.kept = getattr(self, "kept", None) or state(network)

    network, watch = mlp(), Freezes()
    pl.fit(network, samples(network), iterations=iterations, batch_size=10, callbacks=[watch], progress=False)
    assert np.array_equal(watch.kept["affine1.W"], network.params["affine1.W"])
    assert not np.array_equal(watch.kept["affine3.W"], network.params["affine3.W"])
