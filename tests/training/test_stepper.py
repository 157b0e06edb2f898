"""The compiled steps: the same bits whoever computes beside them, and every array looked at before each call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from kernels.processes import python
from pellucid.training.stepper import CompiledDenseSteps, LayerSteps, compiled_plan

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 6)).astype(np.float32)
T = RNG.integers(0, 3, 200)

HASH = """
import hashlib, sys, threading
import numpy as np, pellucid as pl
rng = np.random.default_rng(0)
x, t = rng.random((400, 300), np.float32), rng.integers(0, 10, 400)
def network(units, seed):
    return pl.Sequential([pl.Affine(units), pl.ReLU(), pl.Affine(10)], input_shape=300, seed=seed)
def train(optimizer):
    net = network(120, 1)
    pl.fit(net, (x, t), iterations=500, batch_size=100, optimizer=optimizer, progress=False, train_sample=0)
    return hashlib.sha256(b"".join(p.tobytes() for p in net.params.values())).hexdigest()
stop, other = threading.Event(), network(400, 2)
def predict():
    while not stop.is_set():
        other(x[:200])
thread = threading.Thread(target=predict)
if sys.argv[0] == "-c" and BESIDE:
    thread.start()
print(*{train(pl.SGD(0.1)) for _ in range(TIMES)})
stop.set()
"""


@pytest.fixture(scope="module")
def alone() -> str:
    return python(HASH.replace("BESIDE", "False").replace("TIMES", "1"))


@pytest.mark.parametrize(
    "environment",
    [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "8"}, {"PELLUCID_NUM_THREADS": "3"}],
    ids=str,
)
def test_a_seeded_training_has_the_same_bits_with_any_threads(alone: str, environment: dict[str, str]) -> None:
    assert python(HASH.replace("BESIDE", "False").replace("TIMES", "1"), **environment) == alone


def test_a_seeded_training_has_the_same_bits_while_others_predict(alone: str) -> None:
    assert python(HASH.replace("BESIDE", "True").replace("TIMES", "3"), OPENBLAS_NUM_THREADS="2") == alone


def test_a_seeded_training_has_the_same_bits_on_one_core(alone: str) -> None:
    pin = "import os\nif hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    assert python(pin + HASH.replace("BESIDE", "False").replace("TIMES", "1")) == alone


def stepper(network: pl.Sequential) -> CompiledDenseSteps:
    criterion, optimizer = pl.losses.as_loss("SoftmaxCrossEntropy"), pl.SGD(0.1)
    plan = compiled_plan(network, criterion, optimizer, X)
    assert plan is not None
    return CompiledDenseSteps(plan, LayerSteps(network, criterion, optimizer, X, T, 10, np.random.default_rng(0)))


def network() -> pl.Sequential:
    return pl.Sequential([pl.Affine(5), pl.ReLU(), pl.Affine(3)], input_shape=6, seed=0)


def batches(count: int = 3) -> list[Any]:
    return [np.arange(10) + 10 * i for i in range(count)]


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize(
    "other",
    [
        lambda W: W[0].copy(),
        lambda W: W[:, :-1].copy(),
        lambda W: np.zeros((7, 5), np.float32),
        lambda W: W.astype(np.float64),
        lambda W: np.asfortranarray(W),
        lambda W: np.repeat(W, 2, axis=1)[:, ::2],
        lambda W: W.astype(W.dtype.newbyteorder()),
        read_only,
    ],
)
def test_arrays_that_are_not_as_planned_are_refused_by_name(other: Any) -> None:
    pytest.importorskip("numba")
    steps = stepper(network())
    steps.take(batches())
    layer = steps.plan.affine[0]
    dict.__setitem__(layer.params, "W", other(layer.params["W"]))
    with pytest.raises(pl.errors.ShapeError, match="Affine 'affine1': W"):
        steps.take(batches())


def test_a_bias_that_would_be_read_past_its_end_is_refused() -> None:
    pytest.importorskip("numba")
    steps = stepper(network())
    layer = steps.plan.affine[1]
    dict.__setitem__(layer.params, "b", np.zeros(1, np.float32))
    with pytest.raises(pl.errors.ShapeError, match="Affine 'affine2': b"):
        steps.take(batches())


def test_arrays_that_a_callback_put_in_place_are_those_that_are_trained() -> None:
    pytest.importorskip("numba")
    net, twin = network(), network()
    steps, plain = stepper(net), stepper(twin)
    for layer in net.layers:
        for key, array in layer.params.items():
            dict.__setitem__(layer.params, key, array.copy())
    steps.take(batches())
    plain.take(batches())
    for layer, other in zip(net.layers, twin.layers, strict=True):
        assert all(np.array_equal(layer.params[key], other.params[key]) for key in layer.params)


def test_batches_beyond_the_samples_are_refused() -> None:
    pytest.importorskip("numba")
    for bad in (np.arange(10) + 191, np.arange(10) - 1, np.arange(11)):
        with pytest.raises(pl.errors.ShapeError):
            stepper(network()).take([bad])


def test_what_the_plan_no_longer_describes_goes_on_layer_by_layer() -> None:
    pytest.importorskip("numba")
    steps, plain = stepper(network()), stepper(network()).plain
    for each in (steps.plain.optimizer, plain.optimizer):
        each.clip_norm = 0.01
    losses = steps.take(batches())

    assert losses == [plain.take([batch])[0] for batch in batches()]


def test_large_products_are_left_to_all_threads() -> None:
    wide = pl.Sequential([pl.Affine(4000), pl.ReLU(), pl.Affine(3)], input_shape=6)
    assert compiled_plan(wide, pl.losses.as_loss("SoftmaxCrossEntropy"), pl.SGD(0.1), X, 1000) is None
