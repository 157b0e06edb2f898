"""The gradient checker: it passes what is right, names what is wrong, and refuses what it could not judge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError
from pellucid.gradcheck import GradientReport, check_gradients, numerical_gradient
from pellucid.initializers import Gaussian
from pellucid.layers import (
    ELU,
    LAYERS,
    Affine,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalMaxPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from pellucid.layers.activation import Activation
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.typing import Array, Arrays


def sum_of_squares(x: Array) -> float:
    return float((x**2).sum())


# numerical_gradient


@pytest.mark.parametrize("dtype", [int, np.uint8, np.float32, np.float64])
def test_the_books_example_also_on_integers(dtype: Any) -> None:
    gradient = numerical_gradient(lambda x: x[0] ** 2 + x[1] ** 2, np.array([3, 4], dtype))

    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, [6, 8], rtol=1e-3 if dtype is np.float32 else 1e-9)


@given(arrays(np.float64, st.sampled_from([(), (3,), (2, 3), (2, 1, 2, 2)]), elements=st.floats(-100, 100)))
def test_any_shape_and_size_of_numbers(x: Array) -> None:
    kept = x.copy()
    gradient = numerical_gradient(sum_of_squares, x)

    assert gradient.shape == x.shape
    np.testing.assert_allclose(gradient, 2 * x, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(kept, x)


def test_lists_and_numbers_are_arrays_too() -> None:
    np.testing.assert_allclose(numerical_gradient(sum_of_squares, [1, 2]), [2, 4], rtol=1e-9)
    np.testing.assert_allclose(numerical_gradient(lambda x: 3 * x, 5), 3, rtol=1e-9)
    assert numerical_gradient(sum_of_squares, np.zeros((0, 3))).shape == (0, 3)


def test_f_may_ignore_its_argument_and_read_the_array_where_it_lies() -> None:
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.array([1.0, -1.0])

    np.testing.assert_allclose(numerical_gradient(lambda _: float((x @ W).sum()), W), [[1, 1], [-1, -1]])


def test_a_view_is_stepped_where_it_lies() -> None:
    W = np.arange(6.0).reshape(2, 3)
    kept = W.copy()

    np.testing.assert_allclose(numerical_gradient(lambda _: sum_of_squares(W), W.T), 2 * W.T, atol=1e-9)
    np.testing.assert_array_equal(kept, W)


def test_the_array_comes_back_exactly_even_if_f_raises() -> None:
    x = np.array([0.1, -0.0, 1e300, 5e-324])
    kept = x.tobytes()

    def fails(x: Array) -> float:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        numerical_gradient(fails, x)
    assert kept == x.tobytes()

    numerical_gradient(lambda x: 0.0, x)
    assert kept == x.tobytes()


def test_an_integer_or_read_only_array_is_not_written_to() -> None:
    whole, frozen = np.array([3, 4]), np.array([3.0, 4.0])
    frozen.flags.writeable = False

    numerical_gradient(sum_of_squares, whole)

    np.testing.assert_array_equal([3, 4], whole)
    np.testing.assert_allclose(numerical_gradient(sum_of_squares, frozen), [6, 8])


def test_a_given_step_is_used_as_it_is() -> None:
    seen: list[float] = []
    numerical_gradient(lambda x: seen.append(float(x[0])) or 0.0, np.array([1.0]), h=0.25)

    assert seen == [1.25, 0.75]


@pytest.mark.parametrize(
    ("f", "x", "h", "message"),
    [
        (sum_of_squares, [1.0], 0, "h must be a number above 0, got 0"),
        (sum_of_squares, [1.0], -1e-4, "h must be a number above 0, got -0.0001"),
        (lambda x: x, [1.0, 2.0], None, r"f must return one number, got shape \(2,\)"),
        (sum_of_squares, ["a"], None, "x must hold real numbers, got <U1"),
        (sum_of_squares, [1j], None, "x must hold real numbers, got complex128"),
        (sum_of_squares, [1.0, 1e20], 1e-4, r"step 0\.0001 is lost beside x\[1\] = 1e\+20\. Scale x, or leave h out"),
        (sum_of_squares, np.float16(60000), 1e4, r"step 10000 is lost beside x\[\(\)\]"),
        (sum_of_squares, [1.0, 2.0], np.nan, "h must be a number above 0, got nan"),
        (sum_of_squares, [1.0, 2.0], "0.1", "h must be a number above 0, got '0.1'"),
        (lambda x: x[0] * 1j, [1.0], None, "f must return a real number, got complex128"),
        (lambda x: None, [1.0], None, "f must return a real number, got None"),
        (lambda x: "1", [1.0], None, "f must return a real number, got <U1"),
        (lambda x: [], [1.0], None, r"f must return one number, got shape \(0,\)"),
        (lambda x: np.nan if x[1] > 2 else 0.0, [1.0, 2.0], None, r"f returns nan where x\[1\] = 2.0000"),
        (lambda x: np.inf, [[1.0]], None, r"f returns inf where x\[0, 0\]"),
    ],
)
def test_what_has_no_numerical_gradient(f: Any, x: Any, h: float | None, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        numerical_gradient(f, np.array(x), h)


def test_what_is_no_array_of_finite_numbers() -> None:
    with pytest.raises(DataError, match="x cannot become an array .* Give every sample the same shape"):
        numerical_gradient(sum_of_squares, [[1.0], [1.0, 2.0]])
    with pytest.raises(DataError, match=r"x holds 1 NaN or infinite values, the first at index \(1,\)"):
        numerical_gradient(sum_of_squares, [1.0, np.inf])


# A report on what is right


@pytest.fixture
def network() -> Sequential:
    return Sequential([Affine(6), ReLU(), Dropout(0.3), Affine(3)], input_shape=5, seed=3)


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.standard_normal((4, 5)), np.array([0, 2, 1, 1])


def test_a_right_network_passes(network: Sequential, batch: tuple[Array, Array]) -> None:
    report = check_gradients(network, *batch)

    assert report.passed
    assert [row.name for row in report.rows] == ["x", *network.params]
    assert [row.shape for row in report.rows] == [(4, 5), *(p.shape for p in network.params.values())]
    assert all(row.checked == min(40, int(np.prod(row.shape))) for row in report.rows)
    assert all(row.error < 1e-6 and row.direction_error < 1e-6 for row in report.rows)
    assert (report.problems, report.kinks) == ((), 0)


def test_the_report_is_a_table(network: Sequential, batch: tuple[Array, Array]) -> None:
    report = check_gradients(network, *batch, train=False)
    lines = str(report).splitlines()

    assert lines[0] == "Gradients of Sequential, evaluation mode, 4 samples, float64: passed"
    assert lines[1].split() == ["gradient", "shape", "checked", "kinks", "direction", "worst", "verdict"]
    assert [line.split()[0] for line in lines[2:-2]] == ["x", *network.params]
    assert all(line.endswith("ok") for line in lines[2:-2])
    assert lines[-2] == f"{report.checked} coordinates checked, 0 left out because of kinks"
    assert lines[-1].startswith("worst: ")
    assert repr(report) == str(report)


def test_the_same_seed_gives_the_same_report(network: Sequential, batch: tuple[Array, Array]) -> None:
    assert check_gradients(network, *batch, seed=4) == check_gradients(network, *batch, seed=4)
    assert check_gradients(network, *batch, seed=4) != check_gradients(network, *batch, seed=5)


def test_everything_stays_as_it_was_bit_for_bit(network: Sequential, batch: tuple[Array, Array]) -> None:
    x, t = batch[0].astype(np.float32), batch[1]
    before = [a.tobytes() for a in (x, t, *network.params.values())]
    for array in (x, t, *network.params.values()):
        array.flags.writeable = False
    arrays_before = [id(p) for p in network.params.values()]

    check_gradients(network, x, t)

    assert before == [a.tobytes() for a in (x, t, *network.params.values())]
    assert arrays_before == [id(p) for p in network.params.values()]
    assert {p.dtype for p in network.params.values()} == {np.dtype(np.float32)}


def test_the_parameters_are_the_networks_own(batch: tuple[Array, Array]) -> None:
    layer = Affine.from_arrays([[2.0], [3.0]])
    report = check_gradients(layer, np.ones((1, 2)), np.zeros((1, 1)), loss="SumOfSquares")
    (row,) = [row for row in report.rows if row.name == "W"]

    # y = 5, so dW = 5 for both: the numbers of these weights, and of no others
    assert (row.analytic, row.numerical) == (5.0, pytest.approx(5.0))


def test_a_layer_that_is_not_built_yet_is_built_for_the_check() -> None:
    layer = Affine(3)
    report = check_gradients(layer, np.arange(8.0).reshape(2, 4))

    assert report.passed
    assert layer.input_shape is None
    assert layer.params == {}


def test_an_unbuilt_network_is_built_for_the_check(batch: tuple[Array, Array]) -> None:
    assert check_gradients(Sequential([Affine(4), Tanh(), Affine(3)]), *batch).passed


def test_integer_and_image_inputs(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (3, 4, 4, 1))
    network = Sequential([Flatten(), Affine(5, weight=Gaussian(0.001)), Sigmoid(), Affine(2)])

    assert check_gradients(network, images, [0, 1, 1]).passed


@pytest.mark.parametrize("loss", ["SoftmaxCrossEntropy", "Hinge", {"name": "Huber", "delta": 0.5}])
def test_any_loss_can_be_named(loss: Any, network: Sequential, batch: tuple[Array, Array]) -> None:
    assert check_gradients(network, *batch, loss=loss).passed


def test_the_two_layer_network_of_the_book_takes_well_under_two_seconds(rng: np.random.Generator) -> None:
    weight = Gaussian(0.01)
    network = Sequential([Affine(50, weight=weight), ReLU(), Affine(10, weight=weight)], input_shape=784)
    x = np.where(rng.random((5, 784)) < 0.7, 0, rng.random((5, 784)))  # most pixels are black

    start = time.perf_counter()
    report = check_gradients(network, x, rng.integers(0, 10, 5))
    duration = time.perf_counter() - start

    assert report.passed, report
    assert duration < 2


# Dropout, kinks


def test_the_dropout_mask_is_the_same_in_every_evaluation(rng: np.random.Generator) -> None:
    layer = Dropout(0.5)

    assert check_gradients(layer, rng.standard_normal((6, 7)), train=True).passed
    assert check_gradients(layer, rng.standard_normal((6, 7)), train=False).passed


def test_a_relu_exactly_at_zero_is_counted_and_not_failed(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5))
    x[1, 2] = x[3, 0] = 0
    report = check_gradients(ReLU(), x)

    assert report.passed, report
    assert report.kinks == report.rows[0].kinks == 2
    assert (report.checked, report.left_out) == (20, 0)
    assert "20 coordinates checked, 2 of them beside a kink, 0 left out" in str(report)


@pytest.mark.parametrize("distance", [1e-6, -1e-6, 3e-7, -1e-7])
def test_a_relu_within_a_step_of_zero_is_counted_and_not_failed(distance: float, rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5))
    x[1, 2] = distance
    report = check_gradients(ReLU(), x)

    assert report.passed, report
    assert report.kinks == 1


def test_kinks_inside_a_network_are_counted(batch: tuple[Array, Array]) -> None:
    network = Sequential([Affine(6), ReLU(), Affine(3)], input_shape=5, seed=1)
    network.params["affine1.b"][2:] = 0.1
    x, t = batch
    x[0] = 0  # a black image: the units whose bias is still zero stand exactly on their kink
    report = check_gradients(network, x, t)

    assert report.passed, report
    assert report.kinks > 0


def test_a_wrong_slope_beside_a_kink_is_no_kink(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.setattr(LeakyReLU, "slope", lambda self, x, y: np.where(x > 0, 1.0, 0.01 + 1e-5))
    layer, x = Sequential([Affine(3), LeakyReLU(), Affine(2)], input_shape=4), np.zeros((4, 4))
    report = check_gradients(layer, x)

    assert report.verdict == "failed"
    assert [row.name for row in report.rows if not row.passed] == ["x", "affine1.b"]


# What is wrong


def broken(monkeypatch: pytest.MonkeyPatch, kind: type[Layer[Any]], change: Any) -> None:
    original = kind.backward

    def backward(self: Any, dy: Array, cache: Any, **options: Any) -> tuple[Array | None, Arrays]:
        return change(*original(self, dy, cache, **options))

    monkeypatch.setattr(kind, "backward", backward)


def test_the_worst_parameter_index_and_both_values_are_named(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    def change(dx: Array, grads: Arrays) -> tuple[Array, Arrays]:
        grads["W"][2, 1] *= 1.001
        return dx, grads

    broken(monkeypatch, Affine, change)
    report = check_gradients(Affine(3), rng.standard_normal((4, 5)))
    worst = report.worst

    assert not report.passed
    assert [row.name for row in report.rows if not row.passed] == ["W"]
    assert worst is not None
    assert (worst.name, worst.index) == ("W", (2, 1))
    assert worst.analytic == pytest.approx(1.001 * worst.numerical, rel=1e-6)
    assert worst.error == pytest.approx(0.001 / 2.001, rel=1e-3)
    assert "FAILED" in str(report)
    assert "WRONG" in str(report)
    assert f"worst: W[2, 1]: backward {worst.analytic:.9g}, differences {worst.numerical:.9g}" in str(report)
    assert "relative error 5.0e-04 (tolerance 1e-06)" in str(report)


def test_one_wrong_number_among_many_is_found_although_few_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    def change(dx: Array, grads: Arrays) -> tuple[Array, Arrays]:
        grads["W"][123, 17] *= -1
        return dx, grads

    broken(monkeypatch, Affine, change)
    report = check_gradients(Affine(30), rng.standard_normal((4, 200)), samples=2)

    assert report.worst is not None
    assert (report.passed, report.worst.name, report.worst.index) == (False, "W", (123, 17))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda dx, g: (dx, {"W": g["W"]}), "backward returns no gradient for b"),
        (lambda dx, g: (dx, {**g, "c": dx}), "backward returns gradients for c, which are no parameters"),
        (lambda dx, g: (None, g), "the gradient of x is NoneType, not an array"),
        (lambda dx, g: (dx, {**g, "b": g["b"][None]}), r"the gradient of b has shape \(1, 3\), not \(3,\)"),
        (lambda dx, g: (dx.astype(np.float32), g), "the gradient of x is float32, not float64"),
        (lambda dx, g: (dx * np.inf, g), "the gradient of x holds NaN or infinity"),
    ],
)
def test_gradients_of_the_wrong_kind_are_problems(
    change: Any, problem: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    broken(monkeypatch, Affine, change)
    report = check_gradients(Affine(3), rng.standard_normal((4, 5)))

    assert not report.passed
    with pytest.raises(AssertionError, match=f"problem: {problem}"):
        raise AssertionError(str(report))


def test_a_backward_that_overwrites_its_cache_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    def backward(self: Tanh, dy: Array, cache: Any, **options: Any) -> tuple[Array, Arrays]:
        np.multiply(cache.y, cache.y, out=cache.y)
        return dy * (1 - cache.y), {}

    monkeypatch.setattr(Tanh, "backward", backward)
    report = check_gradients(Tanh(), rng.standard_normal((3, 2)))

    assert report.problems == ("the gradient of x differs when backward runs a second time on the same cache.",)


def test_randomness_that_ignores_rng_is_a_problem(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    original = Dropout.forward
    monkeypatch.setattr(Dropout, "forward", lambda self, x, *, train, rng: original(self, x, train=train, rng=own))
    own = np.random.default_rng(0)
    report = check_gradients(Dropout(0.5), rng.standard_normal((5, 6)))

    assert "forward gives other outputs for the same input, parameters and rng." in report.problems


# What cannot be judged


def test_a_gradient_that_is_zero_everywhere_says_nothing(batch: tuple[Array, Array]) -> None:
    network = Sequential([Affine(6), ReLU(), Affine(3)], input_shape=5)
    network.params["affine1.b"][...] = -1e3  # no unit ever fires
    report = check_gradients(network, *batch)

    assert (report.verdict, report.passed) == ("inconclusive", False)
    assert [row.name for row in report.rows if row.doubt] == ["x", "affine1.W", "affine1.b", "affine2.W"]
    assert "inconclusive: the gradient of x is zero everywhere, so the check could not fail" in str(report)


def test_kinks_everywhere_are_judged_beside() -> None:
    report = check_gradients(ReLU(), np.zeros((3, 4)))

    assert report.passed, report
    assert report.kinks == report.checked == 12


class CentredByBatch(Layer[Any]):
    """The least layer with batch statistics: x minus the mean of its batch."""

    def infer_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def create_params(self, input_shape: tuple[int, ...], rng: Any, dtype: Any) -> None:
        self.buffers = type(self.buffers)(mean=np.zeros(input_shape, dtype))

    def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, bool]:
        if not train:
            return x - self.buffers["mean"], train
        self.buffers["mean"] = 0.9 * self.buffers["mean"] + 0.1 * x.mean(axis=0)
        return x - x.mean(axis=0), train

    def backward(
        self, dy: Array, cache: bool, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array, Arrays]:
        return dy - dy.mean(axis=0) if cache else dy.copy(), {}


@pytest.fixture
def centred() -> Any:
    yield CentredByBatch
    LAYERS.pop("CentredByBatch")


def test_batch_statistics_of_one_sample_say_nothing(centred: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 3))
    inside = Sequential([Affine(3), centred(), Affine(2)], input_shape=3)

    for layer in (centred(), inside):
        assert check_gradients(layer, x).passed
        assert check_gradients(layer, x[:1], train=False).passed
        assert check_gradients(layer, x[:1]).verdict == "inconclusive"

    # The bias in front of the statistics has a gradient of rounding only: noted, and not failed.
    assert "zero but for rounding" in str(check_gradients(inside, x))


def test_a_uniform_upstream_gradient_would_have_hidden_this(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    # Behind a softmax Σ y is constant: with dy = 1 even a gradient of nothing but zeros would do.
    broken(monkeypatch, Softmax, lambda dx, grads: (np.zeros_like(dx), grads))

    assert not check_gradients(Softmax(), rng.standard_normal((3, 4))).passed


# Bad arguments


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (
            (ReLU, np.ones((1, 2))),
            {},
            ArgumentError,
            "a layer or a network is needed, got .*ReLU.*Call it to make",
        ),
        (("relu", np.ones((1, 2))), {}, ArgumentError, "a layer or a network is needed, got 'relu'"),
        ((SimpleNamespace(network=ReLU()), np.ones((1, 2))), {}, ArgumentError, r"Give its \.network"),
        ((ReLU(), np.ones((1, 2))), {"loss": "Hinge"}, ArgumentError, "a loss needs targets. Give t as well"),
        ((ReLU(), np.ones((1, 2))), {"tolerance": 0}, ArgumentError, "tolerance must lie in"),
        (
            (ReLU(), np.ones((1, 2))),
            {"samples": 0},
            ArgumentError,
            "samples must be a whole number of at least 1",
        ),
        ((ReLU(), np.ones((0, 2))), {}, ShapeError, r"x must be a batch .*got shape \(0, 2\)"),
        ((ReLU(), 3.0), {}, ShapeError, r"x must be a batch .*got shape \(\)"),
        (
            (ReLU(), [[1.0, np.nan]]),
            {},
            DataError,
            r"x holds 1 NaN or infinite values, the first at index \(0, 1\)",
        ),
        ((Flatten(), np.ones((2, 3)), [[0], [7]]), {}, LabelError, r"must lie in 0\.\.2, got 7"),
        (
            (Sequential([Affine(2)], input_shape=3), np.ones((2, 4))),
            {},
            ShapeError,
            r"must have shape \(N, 3\)",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_gradients(*arguments, **options)


def test_an_empty_report_has_no_worst_row() -> None:
    report = GradientReport("Nothing", True, 1, 1e-6, (), ("it is empty.",))

    assert report.worst is None
    assert str(report).splitlines() == [
        "Gradients of Nothing, training mode, 1 samples, float64: FAILED",
        "problem: it is empty.",
    ]


# Images: flat backgrounds, where pooling ties and ReLU stands on its kink


def images(kind: str, n: int) -> Array:
    """Pictures of 9 by 9 with all the ties that real ones have."""
    rng = np.random.default_rng(4)
    x = np.zeros((n, 9, 9, 1))
    x[:, 2:6, 3:7] = rng.random((n, 4, 4, 1))  # a drawing on black ground
    kinds = {
        "drawing": x,
        "bytes": (255 * x).astype(np.uint8),
        "black and white": (x > 0.5).astype(float),
        "black": np.zeros_like(x),
        "grey": np.full_like(x, 0.5),
        "grey bytes": np.full(x.shape, 200, np.uint8),
        "copies": np.repeat(x[:1], n, axis=0),
        "random": rng.random(x.shape),
    }
    return kinds[kind]


class Abs(Activation):
    """A layer with a kink of its own, of which the package knows nothing."""

    def function(self, x: Array) -> Array:
        return np.abs(x)

    def slope(self, x: Array, y: Array) -> Array:
        return np.sign(x)


class SharedMax(Layer[Any]):
    """The maximum of each channel, whose gradient all the tied pixels share."""

    def infer_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape[-1:]

    def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
        y = x.max(axis=(1, 2))
        return y, x == y[:, None, None]

    def backward(self, dy: Array, cache: Any, *, need_dx: bool = True, need_grads: bool = True) -> tuple[Array, Arrays]:
        return cache * (dy / cache.sum(axis=(1, 2)))[:, None, None], {}


def own_layers() -> list[Layer[Any]]:
    return [Conv2D(3, 3), Abs(), MaxPool2D(2), Conv2D(3, 2), SharedMax(), Affine(3)]


NETWORKS = {
    "tanh, pooling": lambda: [Conv2D(3, 3), Tanh(), MaxPool2D(2), Flatten(), Affine(3)],
    "relu, pooling twice": lambda: [Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(3, 2), ReLU(), Flatten(), Affine(3)],
    "overlapping, padded": lambda: [
        Conv2D(3, 3), LeakyReLU(0.1), MaxPool2D(3, 2, 1), Conv2D(3, 2), ELU(2.0), GlobalMaxPool2D(), Affine(3),
    ],
    "batch normalisation": lambda: [Conv2D(3, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Affine(3)],
    "layer normalisation": lambda: [Conv2D(3, 3), LayerNorm(), ReLU(), MaxPool2D(2), Flatten(), Affine(3)],
    "residual, dropout": lambda: [
        Conv2D(3, 3), ReLU(), Residual([Conv2D(3, 3, padding="same"), ReLU()]), MaxPool2D(3), Dropout(0.4), Flatten(),
        Affine(3),
    ],
    "depthwise, transposed": lambda: [
        DepthwiseConv2D(3, 2), ReLU(), AveragePool2D(2), ConvTranspose2D(2, 3, stride=2), ReLU(), GlobalMaxPool2D(),
        Affine(3),
    ],
    "layers of one's own": own_layers,
}  # fmt: skip


@pytest.fixture
def registered() -> Iterator[None]:
    LAYERS.update(Abs=Abs, SharedMax=SharedMax)
    yield
    for name in ("Abs", "SharedMax"):
        LAYERS.pop(name)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("kind", ["drawing", "bytes", "black and white", "black", "grey", "grey bytes", "copies"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_right_network_never_fails_on_flat_images(name: str, kind: str) -> None:
    for n, loss in ((1, "Hinge"), (2, "SoftmaxCrossEntropy"), (3, "Huber")):
        network = Sequential(NETWORKS[name](), input_shape=(9, 9, 1), seed=n)
        report = check_gradients(network, images(kind, n), np.arange(n), loss=loss, samples=8)

        assert report.verdict != "failed", report
        assert report.verdict == "passed" or any(row.doubt for row in report.rows)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("kind", ["drawing", "black and white", "grey"])
@pytest.mark.parametrize("name", ["tanh, pooling", "overlapping, padded", "layers of one's own"])
def test_flat_images_have_a_verdict(name: str, kind: str) -> None:
    network = Sequential(NETWORKS[name](), input_shape=(9, 9, 1), seed=1)
    report = check_gradients(network, images(kind, 3), np.arange(3), samples=60)

    assert report.passed, report
    assert report.kinks > 0 or (name, kind) != ("tanh, pooling", "drawing")


def test_a_network_of_zeros_is_not_failed() -> None:
    network = Sequential(NETWORKS["relu, pooling twice"](), input_shape=(9, 9, 1))
    for p in network.params.values():
        p[...] = 0
    report = check_gradients(network, images("drawing", 2), [0, 1], samples=8)

    assert report.verdict == "inconclusive"
    assert "the gradient of conv2d1.W is zero everywhere" in str(report)


def test_frozen_layers_are_checked_too(network: Sequential, batch: tuple[Array, Array]) -> None:
    network.layers[0].trainable = False
    report = check_gradients(network, *batch)

    assert report.passed, report
    assert [row.name for row in report.rows] == ["x", *network.params]
    assert not network.layers[0].trainable


def test_too_many_places_left_out_give_no_verdict(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    # A gradient that jumps wherever one looks: nothing can be said of it.
    monkeypatch.setattr(Tanh, "slope", lambda self, x, y: 2 * (1 - y * y) * (np.floor(1e11 * x) % 2))
    report = check_gradients(Tanh(), rng.standard_normal((3, 4)))

    assert report.verdict == "inconclusive"
    assert report.left_out > 3
    assert f"{report.left_out} of 12 places of x lie among kinks. Use other inputs" in str(report)
    assert f"{report.checked} coordinates checked, {report.left_out} left out because of kinks" in str(report)


# An outside judge


@pytest.mark.parametrize("kind", ["drawing", "random"])
def test_a_network_that_passes_has_the_gradients_of_pytorch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    network = Sequential(NETWORKS["tanh, pooling"](), input_shape=(9, 9, 1), dtype=np.float64)
    x, t = images(kind, 3), np.arange(3)
    y, tape = network.forward(x)
    loss = SoftmaxCrossEntropy()
    _, grads = network.backward(loss.backward(loss.forward(y, t)[1]), tape)

    theirs = {k: torch.tensor(p, requires_grad=True) for k, p in network.params.items()}
    z = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2), theirs["conv2d1.W"].permute(3, 2, 0, 1), theirs["conv2d1.b"]
    )
    z = torch.nn.functional.max_pool2d(torch.tanh(z), 2).permute(0, 2, 3, 1).flatten(1)
    torch.nn.functional.cross_entropy(z @ theirs["affine1.W"] + theirs["affine1.b"], torch.tensor(t)).backward()

    assert check_gradients(network, x, t).passed
    for key, gradient in grads.items():
        np.testing.assert_allclose(gradient, theirs[key].grad.numpy(), rtol=1e-10, atol=1e-14)
