"""One sample through several layers in one call: right for every shape, with the same bits whoever helps."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from kernels.processes import python
from kernels.shapes import Conv, convolutions, winograd_convolutions
from pellucid.kernels import Window, im2col, max_pool2d, set_num_threads
from pellucid.kernels.single import plan as single
from pellucid.kernels.single.plan import Convolution, Product

pytestmark = pytest.mark.usefixtures("needs_numba", "threads")


def wanted(step: single.Step, x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """The step in float64, by other kernels."""
    x, w, b = (None if a is None else a.astype(np.float64) for a in (x, w, b))
    if isinstance(step, Product):
        y = x.reshape(1, -1) @ w + (0 if b is None else b)
    else:
        y = im2col.conv2d(x, w, b, step.window, 1)
    y = np.maximum(y, 0) if step.relu else y
    return max_pool2d(y, (2, 2))[0] if isinstance(step, Convolution) and step.pooled else y


def agrees(steps: tuple[single.Step, ...], *, bias: bool = True) -> None:
    rng = np.random.default_rng(0)
    assert isinstance(steps[0], Convolution)
    x = rng.standard_normal((1, *steps[0].x_shape)).astype(np.float32)
    weights = []
    y = x.astype(np.float64)
    for step in steps:
        shape = step.w_shape if isinstance(step, Convolution) else (step.length, step.columns)
        w = rng.standard_normal(shape).astype(np.float32)
        b = rng.standard_normal(shape[-1]).astype(np.float32) if bias else None
        weights.append((w, b))
        y = wanted(step, y, w, b)
    got = single.run(steps, x, weights)

    assert got.shape == y.shape
    assert np.abs(got - y).max() <= 1e-4 * np.abs(y).max()


def step_of(case: Conv, relu: bool, pooled: bool) -> Convolution:
    window = Window(case.w_shape[:2], case.stride, case.padding, case.dilation)
    return Convolution(case.x_shape[1:], case.w_shape, window, relu or pooled, pooled)


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.booleans(), st.booleans(), st.integers(1, 40))
def test_direct_convolutions_and_products_agree_with_float64(case: Conv, relu: bool, bias: bool, units: int) -> None:
    step = step_of(case, relu, pooled=False)
    if step.kernel:
        agrees((step, Product(int(np.prod(step.y_shape)), units, relu)), bias=bias)


@settings(max_examples=60, deadline=None)
@given(winograd_convolutions(), st.booleans(), st.booleans(), st.integers(1, 200))
def test_winograd_convolutions_agree_with_float64(case: Conv, relu: bool, pooled: bool, units: int) -> None:
    c, oc = (max(16, channels) for channels in case.w_shape[2:])
    step = step_of(case._replace(x_shape=(1, *case.x_shape[1:3], c), w_shape=(3, 3, c, oc)), relu, pooled)
    if step.kernel == "winograd" and np.prod(step.y_shape):
        agrees((step, Product(int(np.prod(step.y_shape)), units)))


def test_an_image_too_large_for_one_strip_of_tiles() -> None:
    step = Convolution((150, 90, 24), (3, 3, 24, 40), Window((3, 3), padding=((1, 1), (1, 1))), True, True)
    assert step.kernel == "winograd"
    agrees((step, Convolution((75, 45, 40), (3, 3, 40, 20), Window((3, 3)), True)))


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of another test."""
    monkeypatch.setattr(single, "_local", threading.local())


@pytest.fixture
def cnn() -> pl.Sequential:
    return pl.models.mnist_cnn(seed=1)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((1, 28, 28, 1), np.float32)


def test_the_bits_do_not_depend_on_the_threads_or_the_turn(cnn: pl.Sequential, image: np.ndarray) -> None:
    outputs = []
    for count in (1, 2, 3, 2):
        set_num_threads(count)
        outputs += [cnn(image) for _ in range(100)]

    assert all(np.array_equal(outputs[0], y) for y in outputs)


def test_threads_at_once_get_what_each_gets_alone(cnn: pl.Sequential) -> None:
    set_num_threads(2)
    images = np.random.default_rng(1).random((4, 1, 28, 28, 1), np.float32)
    alone = [cnn(x) for x in images]
    same: list[bool] = []

    def ask(i: int) -> None:
        same.append(all(np.array_equal(cnn(images[i]), alone[i]) for _ in range(200)))

    callers = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)

    assert same == [True] * 4


def test_weights_are_read_anew_at_every_call(cnn: pl.Sequential, image: np.ndarray) -> None:
    first = cnn(image)
    w = cnn.layer("conv2d_2").params["W"]
    w *= 2
    second = cnn(image)
    w /= 2

    assert not np.allclose(first, second)
    assert np.array_equal(cnn(image), first)


def test_what_is_not_finite_stays_to_be_seen(cnn: pl.Sequential, image: np.ndarray) -> None:
    image[0, 14, 14] = np.nan
    assert np.isnan(cnn(image)).all()


def test_a_forked_child_predicts_too() -> None:
    code = """
import os, numpy as np, pellucid as pl
net = pl.models.mnist_cnn()
x = np.ones((1, 28, 28, 1), np.float32)
y = net(x)
child = os.fork()
if child == 0:
    os._exit(0 if all(np.array_equal(net(x), y) for _ in range(50)) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(code, PELLUCID_NUM_THREADS="2").strip() == "0"


def test_few_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "KEPT_BYTES", 0)
    for units in (3, 4, 5):
        rng = np.random.default_rng(0)
        weights = [(rng.random((30, 8), np.float32), None), (rng.random((8, units), np.float32), None)]
        single.run((Product(30, 8, True), Product(8, units)), rng.random((1, 30), np.float32), weights)

    kept: dict[Any, Any] = single._local.programs
    assert [steps[-1].columns for steps in kept] == [5]


STEPS = (Product(4000, 1000, True), Product(1000, 10))
WEIGHTS = [(np.zeros((4000, 1000), np.float32), None), (np.zeros((1000, 10), np.float32), np.zeros(10, np.float32))]


@pytest.mark.parametrize(
    ("index", "w", "b"),
    [
        (0, np.zeros((5, 1000), np.float32), None),
        (0, np.zeros((1000, 4000), np.float32).T, np.zeros(1, np.float32)),
        (1, np.zeros(1000, np.float32), None),
        (1, np.zeros((1000, 10)), None),
        (1, np.zeros((1000, 10), np.float32), np.zeros(9, np.float32)),
        (1, np.zeros((1000, 10), np.float32), np.zeros(10)),
    ],
)
def test_weights_of_other_steps_are_refused(index: int, w: np.ndarray, b: np.ndarray | None) -> None:
    weights = [(w, b) if i == index else pair for i, pair in enumerate(WEIGHTS)]
    with pytest.raises(pl.errors.ShapeError, match=f"step {index}"):
        single.run(STEPS, np.zeros((1, 4000), np.float32), weights)


@pytest.mark.parametrize(
    "x", [np.zeros((1, 5), np.float32), np.zeros((1, 4000)), np.zeros((1, 8000), np.float32)[:, ::2]]
)
def test_samples_of_other_steps_are_refused(x: np.ndarray) -> None:
    with pytest.raises(pl.errors.ShapeError, match="x must be"):
        single.run(STEPS, x, WEIGHTS)


def test_steps_that_cannot_follow_each_other_are_refused() -> None:
    with pytest.raises(pl.errors.ShapeError, match="cannot follow"):
        single.run((Product(4000, 1000), Product(999, 10)), np.zeros((1, 4000), np.float32), WEIGHTS)
