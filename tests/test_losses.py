"""Losses: numbers worked out by hand, PyTorch's numbers, and labels that must not be misunderstood."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pellucid as pl
from cases import LOSS_CASES, LossCase
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError, UnknownNameError
from pellucid.functions import one_hot, sigmoid, softmax
from pellucid.losses import (
    LOSSES,
    CrossEntropy,
    Hinge,
    Huber,
    Loss,
    MeanSquaredError,
    Quadratic,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SumOfSquares,
    as_loss,
    loss_config,
)

each_case = pytest.mark.parametrize("case", LOSS_CASES, ids=lambda case: case.id)
scores = arrays(np.float64, (4, 3), elements=st.floats(-30, 30))
labels = st.lists(st.integers(0, 2), min_size=4, max_size=4)


def value_and_gradient(loss: Loss, y: Any, t: Any) -> tuple[float, np.ndarray]:
    value, cache = loss.forward(np.asarray(y), t)
    return value, loss.backward(cache)


# By hand


def test_softmax_cross_entropy_by_hand() -> None:
    # softmax(0, ln 3) = (1/4, 3/4)
    value, dy = value_and_gradient(SoftmaxCrossEntropy(), [[0.0, math.log(3)]], [0])

    assert value == pytest.approx(math.log(4), rel=1e-15)
    np.testing.assert_allclose(dy, [[-3 / 4, 3 / 4]], rtol=1e-15)


def test_softmax_cross_entropy_of_equal_scores_is_ln_k() -> None:
    value, dy = value_and_gradient(SoftmaxCrossEntropy(), np.zeros((5, 10)), [0, 1, 2, 3, 4])

    assert value == pytest.approx(math.log(10), rel=1e-15)
    np.testing.assert_allclose(dy[0, 0], (0.1 - 1) / 5, rtol=1e-14)
    np.testing.assert_allclose(dy[0, 1:], 0.1 / 5, rtol=1e-14)


def test_label_smoothing_by_hand() -> None:
    # q = (0.9, 0.1), ln p = (−ln 2, −ln 2)
    value, dy = value_and_gradient(SoftmaxCrossEntropy(label_smoothing=0.2), [[0.0, 0.0]], [0])

    assert value == pytest.approx(math.log(2), rel=1e-15)
    np.testing.assert_allclose(dy, [[0.5 - 0.9, 0.5 - 0.1]], rtol=1e-14)


def test_class_weights_by_hand() -> None:
    # Both losses count by the weights of their classes: (1 · ln 4 + 3 · ln 2) / 4
    y = [[0.0, math.log(3)], [0.0, 0.0]]
    value, dy = value_and_gradient(SoftmaxCrossEntropy(class_weights=[1, 3]), y, [0, 1])

    assert value == pytest.approx((math.log(4) + 3 * math.log(2)) / 4, rel=1e-15)
    np.testing.assert_allclose(dy, [[-3 / 16, 3 / 16], [3 / 8, -3 / 8]], rtol=1e-14)


def test_sigmoid_cross_entropy_by_hand() -> None:
    # σ(ln 3) = 3/4, σ(0) = 1/2: summed over the outputs, averaged over the samples
    value, dy = value_and_gradient(SigmoidCrossEntropy(), [[math.log(3), 0.0], [0.0, 0.0]], [[1, 0], [0.5, 1]])

    assert value == pytest.approx((math.log(4 / 3) + 3 * math.log(2)) / 2, rel=1e-14)
    np.testing.assert_allclose(dy, [[-1 / 8, 1 / 4], [0, -1 / 4]], rtol=1e-14)


def test_cross_entropy_of_probabilities_by_hand() -> None:
    value, dy = value_and_gradient(CrossEntropy(), [[0.75, 0.5]], [[1, 0]])

    assert value == pytest.approx(math.log(4 / 3) + math.log(2), rel=1e-14)
    np.testing.assert_allclose(dy, [[-4 / 3, 2]], rtol=1e-14)


@pytest.mark.parametrize(
    ("loss", "value", "gradient"),
    [
        (Quadratic(), (1 + 4 + 9) / 4, [[0.5, -1], [1.5, 0]]),
        (SumOfSquares(), (1 + 4 + 9) / 2, [[1, -2], [3, 0]]),
        (MeanSquaredError(), (1 + 4 + 9) / 4, [[0.5, -1], [1.5, 0]]),
        (Huber(), (0.5 + 1.5 + 2.5) / 4, [[0.25, -0.25], [0.25, 0]]),
        (Huber(2.0), (0.5 + 2.0 + 4.0) / 4, [[0.25, -0.5], [0.5, 0]]),
    ],
    ids=repr,
)
def test_distances_by_hand(loss: Loss, value: float, gradient: Any) -> None:
    y, t = [[2.0, 0.0], [3.0, 1.0]], [[1.0, 2.0], [0.0, 1.0]]  # differences 1, −2, 3, 0

    got, dy = value_and_gradient(loss, y, t)

    assert got == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(dy, gradient, rtol=1e-15)


def test_hinge_by_hand() -> None:
    # Row 0 (class 0): margins 0.5 − 2 + 1 < 0 and 1.5 − 2 + 1 = 0.5; row 1 (class 2): 1 and 2 both violated
    value, dy = value_and_gradient(Hinge(), [[2.0, 0.5, 1.5], [0.0, 1.0, 0.0]], [0, 2])

    assert value == pytest.approx((0.5 + 1 + 2) / 2)
    np.testing.assert_array_equal(dy, [[-0.5, 0, 0.5], [0.5, 0.5, -1]])


# By another library


@given(scores, labels, st.sampled_from([0.0, 0.1, 0.7]))
def test_softmax_cross_entropy_agrees_with_pytorch(y: np.ndarray, t: list[int], smoothing: float) -> None:
    torch = pytest.importorskip("torch")
    expect_like_torch(
        SoftmaxCrossEntropy(label_smoothing=smoothing),
        torch.nn.CrossEntropyLoss(label_smoothing=smoothing),
        y,
        t,
    )


@given(scores, labels, st.sampled_from([0.0, 0.1, 0.7]), st.sampled_from([[0.2, 1.0, 3.5], [2.0, 0.5, 0.0]]))
def test_weighted_cross_entropy_agrees_with_pytorch(
    y: np.ndarray, t: list[int], smoothing: float, weights: list[float]
) -> None:
    torch = pytest.importorskip("torch")
    assume(any(weights[k] for k in t))  # PyTorch gives NaN there
    theirs = torch.nn.CrossEntropyLoss(torch.tensor(weights, dtype=torch.float64), label_smoothing=smoothing)
    expect_like_torch(SoftmaxCrossEntropy(class_weights=weights, label_smoothing=smoothing), theirs, y, t)


@pytest.mark.parametrize(
    ("loss", "theirs", "factor"),
    [
        (SigmoidCrossEntropy(), ("BCEWithLogitsLoss", {}), 3),  # summed over the 3 outputs, theirs averaged
        (MeanSquaredError(), ("MSELoss", {}), 1),
        (SumOfSquares(), ("MSELoss", {"reduction": "sum"}), 0.5),
        (Quadratic(), ("MSELoss", {}), 1.5),
        (Huber(0.7), ("HuberLoss", {"delta": 0.7}), 1),
    ],
    ids=lambda value: str(value),
)
def test_distances_agree_with_pytorch(
    loss: Loss, theirs: tuple[str, Any], factor: float, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    kind, options = theirs
    y, t = 3 * rng.standard_normal((4, 3)), rng.random((4, 3))
    expect_like_torch(loss, getattr(torch.nn, kind)(**options), y, t, factor)


@given(scores, labels)
def test_hinge_agrees_with_pytorch(y: np.ndarray, t: list[int]) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiMarginLoss(margin=0.8)  # divides by the number of classes
    y = y + np.linspace(0, 1e-3, y.size).reshape(y.shape)  # off the kinks
    expect_like_torch(Hinge(0.8), theirs, y, t, 3)


def expect_like_torch(loss: Loss, theirs: Any, y: np.ndarray, t: Any, factor: float = 1.0) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(y, requires_grad=True)
    expected = factor * theirs(tensor, torch.tensor(t))
    expected.backward()

    value, dy = value_and_gradient(loss, y, t)

    assert value == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(dy, tensor.grad.numpy(), rtol=1e-10, atol=1e-13)


# What they are for


@given(scores, labels)
def test_softmax_cross_entropy_does_not_see_a_shift(y: np.ndarray, t: list[int]) -> None:
    loss = SoftmaxCrossEntropy()

    assert loss.forward(y + 7.5, t)[0] == pytest.approx(loss.forward(y, t)[0], rel=1e-12, abs=1e-12)


@given(scores, labels)
def test_each_row_of_the_softmax_gradient_sums_to_zero(y: np.ndarray, t: list[int]) -> None:
    _, dy = value_and_gradient(SoftmaxCrossEntropy(label_smoothing=0.1), y, t)

    np.testing.assert_allclose(dy.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize("name", sorted(LOSSES))
@given(scores, labels)
def test_indices_and_one_hot_rows_mean_the_same(name: str, y: np.ndarray, t: list[int]) -> None:
    y = sigmoid(y) if name == "CrossEntropy" else y
    by_index = value_and_gradient(LOSSES[name](), y, t)
    by_row = value_and_gradient(LOSSES[name](), y, one_hot(t, 3))

    assert by_index[0] == by_row[0]
    np.testing.assert_array_equal(by_index[1], by_row[1])


@each_case
def test_a_batch_is_the_mean_of_its_samples(case: LossCase) -> None:
    loss = case.make()
    y, t = case.sample(6)
    singles = [loss.forward(y[i : i + 1], t[i : i + 1])[0] for i in range(6)]
    weights = np.ones(6)
    if isinstance(loss, SumOfSquares):
        weights /= 6
    elif isinstance(loss, SoftmaxCrossEntropy) and loss.class_weights is not None:
        weights = loss.class_weights[t.argmax(axis=1) if t.ndim == 2 else t]

    total = np.sum(weights) if not isinstance(loss, SumOfSquares) else 1 / 6
    assert loss.forward(y, t)[0] == pytest.approx(np.dot(weights, singles) / total, rel=1e-12)


@each_case
def test_the_mean_of_equal_halves_has_half_their_gradients(case: LossCase) -> None:
    loss = case.make()
    y, t = case.sample(4)
    _, once = value_and_gradient(loss, y, t)
    _, twice = value_and_gradient(loss, np.concatenate([y, y]), np.concatenate([t, t]))

    scale = 1.0 if isinstance(loss, SumOfSquares) else 0.5
    np.testing.assert_allclose(twice, scale * np.concatenate([once, once]), rtol=1e-12)


@each_case
def test_backward_scales_with_the_upstream_gradient(case: LossCase) -> None:
    loss = case.make()
    _, cache = loss.forward(*case.sample())

    np.testing.assert_array_equal(2.5 * loss.backward(cache), loss.backward(cache, 2.5))


@each_case
def test_backward_twice_gives_the_same_bits(case: LossCase) -> None:
    loss = case.make()
    _, cache = loss.forward(*case.sample())

    np.testing.assert_array_equal(loss.backward(cache, 3.0), loss.backward(cache, 3.0))
    np.testing.assert_array_equal(loss.backward(cache), loss.backward(cache))


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_has_the_dtype_of_the_outputs(case: LossCase, dtype: Any) -> None:
    y, t = case.sample()
    value, dy = value_and_gradient(case.make(), y.astype(dtype), t)

    assert isinstance(value, float)
    assert dy.dtype == dtype
    assert dy.shape == y.shape


@each_case
def test_outputs_and_targets_stay_as_they_were(case: LossCase) -> None:
    y, t = case.sample()
    y.flags.writeable = False
    t.flags.writeable = False

    value_and_gradient(case.make(), y, t)

    np.testing.assert_array_equal(case.sample()[0], y)
    np.testing.assert_array_equal(case.sample()[1], t)


@each_case
@pytest.mark.parametrize("far", [1e4, -1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_far_out_overflow_nothing(case: LossCase, far: float, dtype: Any) -> None:
    _, t = case.sample()
    y = np.zeros((4, 3), dtype)
    y[:, 1] = far if case.outputs == "scores" else float(far > 0)

    value, dy = value_and_gradient(case.make(), y, t)

    assert math.isfinite(value)
    assert np.isfinite(dy).all()


def test_integer_outputs_are_computed_with_as_floats() -> None:
    value, dy = value_and_gradient(Quadratic(), np.array([[1, 2]]), [[0.5, 2.0]])

    assert value == 0.125
    np.testing.assert_array_equal(dy, [[0.5, 0.0]])


def test_probabilities_say_what_the_outputs_mean() -> None:
    y = np.array([[0.0, math.log(3)]])

    np.testing.assert_allclose(SoftmaxCrossEntropy().probabilities(y), softmax(y))
    np.testing.assert_allclose(SigmoidCrossEntropy().probabilities(y), [[0.5, 0.75]])
    assert Quadratic().probabilities(y) is y


# Names and configurations


@each_case
def test_a_configuration_is_json_and_makes_the_same_loss(case: LossCase) -> None:
    loss = case.make()
    twin = as_loss(json.loads(json.dumps(loss_config(loss))))

    assert (type(loss), repr(loss)) == (type(twin), repr(twin))
    assert loss.forward(*case.sample())[0] == twin.forward(*case.sample())[0]


def test_a_loss_is_found_by_its_name() -> None:
    assert isinstance(as_loss("Hinge"), Hinge)
    huber = Huber(2.0)
    assert as_loss(huber) is huber
    assert repr(as_loss({"name": "Huber", "delta": 2.0})) == "Huber(delta=2.0)"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("SoftmaxCrossEntrpy", UnknownNameError, "Did you mean 'SoftmaxCrossEntropy'"),
        ({"name": "Huber", "dleta": 2}, ArgumentError, "Huber: .*dleta"),
        ({"delta": 2}, UnknownNameError, "unknown name None"),
        (Huber, UnknownNameError, r"Loss: unknown name Huber, a class\. Call it to make one: Huber\(\)"),
        (None, UnknownNameError, "Loss: unknown name None"),
        ({"name": ["Huber"]}, UnknownNameError, "Loss: unknown name"),
    ],
)
def test_what_is_no_loss_is_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_loss(given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftmaxCrossEntropy(label_smoothing=1.0), r"label_smoothing must lie in \[0, 1\), got 1.0"),
        (lambda: SoftmaxCrossEntropy(label_smoothing=-0.1), "label_smoothing must lie in"),
        (lambda: SoftmaxCrossEntropy(class_weights=[1, -1]), "class_weights must be finite and at least 0"),
        (lambda: SoftmaxCrossEntropy(class_weights=[1, np.nan]), "class_weights must be finite and at least 0"),
        (lambda: SoftmaxCrossEntropy(class_weights=[0, 0]), "class_weights are all 0"),
        (lambda: SoftmaxCrossEntropy(class_weights="equal"), "must not be 'equal'. Give \"balanced\""),
        (lambda: SoftmaxCrossEntropy(class_weights={"cat": 1}), "must map class indices to numbers"),
        (lambda: SoftmaxCrossEntropy(class_weights={0: np.inf}), "class_weights must be finite"),
        (lambda: SoftmaxCrossEntropy(class_weights=5), r"class_weights must have shape \(K,\), got \(\)"),
        (lambda: SoftmaxCrossEntropy(class_weights=["a"]), "class_weights must be numbers"),
        (lambda: Huber(0), "Huber: delta must be a number above 0, got 0"),
        (lambda: Hinge(-1), "Hinge: margin must be a number above 0, got -1"),
    ],
)
def test_impossible_options_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


# Bad labels


@pytest.mark.parametrize("y", [[[0.5, -0.1]], [[1.5, 0.2]]])
def test_scores_are_no_probabilities(y):
    with pytest.raises(DataError, match=r"CrossEntropy: outputs must be probabilities, got numbers .*SoftmaxCross"):
        CrossEntropy().forward(np.array(y), [1])


CLASSIFIERS = [SoftmaxCrossEntropy(), Hinge()]
ROWS = [SigmoidCrossEntropy(), CrossEntropy(), Quadratic(), SumOfSquares(), MeanSquaredError(), Huber()]


@pytest.mark.parametrize("loss", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize(
    ("t", "message"),
    [
        ([0.0, 1.0, np.nan], "the label of sample 2 is NaN"),
        ([0.0, 1.0, 2.0], r"class labels must be integers, got float64.*t\.astype\(int\)"),
        (["a", "b", "c"], "class labels must be integers"),
        ([0, 1, 4], r"class labels must lie in 0\.\.3, got 4\. Classes count from 0"),
        ([0, -1, 2], r"class labels must lie in 0\.\.3, got -1"),
        ([0, 1], "3 samples came with 2 labels"),
        (np.eye(4)[:2], "3 samples came with 2 labels"),
        (np.eye(5)[:3], r"labels must have shape \(N,\) or one-hot \(N, 4\), got \(3, 5\)"),
        (np.ones((3, 4)), "a one-hot row holds a single 1 and otherwise 0; row 0"),
        (np.full((3, 4), 0.25), "a one-hot row holds a single 1"),
        (np.zeros((3, 4, 1)), r"got \(3, 4, 1\)"),
        (1, r"labels must have shape .* got \(\)"),
    ],
)
def test_classifiers_refuse_wrong_labels(loss: Loss, t: Any, message: str) -> None:
    with pytest.raises(LabelError, match=f"{type(loss).__name__}: .*{message}"):
        loss.forward(np.zeros((3, 4)), t)


@pytest.mark.parametrize("loss", ROWS, ids=repr)
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ([[0], [1], [2]], LabelError, r"t must have shape \(3, 4\), got \(3, 1\)"),
        ([0.0, 1.0, 1.0], LabelError, r"t must have shape \(3, 4\), got \(3,\)"),
        ([0, 1, 4], LabelError, r"class labels must lie in 0\.\.3, got 4"),
        ([0, 1], LabelError, "3 samples came with 2 labels"),
        (np.full((3, 4), "1"), LabelError, "t must hold numbers"),
        (np.full((3, 4), np.nan), DataError, "t holds 12 NaN or infinite values, the first at index"),
    ],
)
def test_distances_refuse_wrong_targets(loss: Loss, t: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"{type(loss).__name__}: .*{message}"):
        loss.forward(np.full((3, 4), 0.5), t)


@pytest.mark.parametrize("loss", [SigmoidCrossEntropy(), CrossEntropy()], ids=repr)
def test_probabilities_outside_zero_and_one_are_no_targets(loss: Loss) -> None:
    with pytest.raises(LabelError, match=r"t must lie in \[0, 1\], got 0.0 to 1.5"):
        loss.forward(np.full((1, 2), 0.5), [[0.0, 1.5]])


@pytest.mark.parametrize("t", [[1.0, 0.0], [1, 0], [True, False], [[1.0], [0.0]], [[1], [0]]], ids=repr)
@pytest.mark.parametrize("loss", ROWS, ids=repr)
def test_one_output_takes_its_targets_flat_or_as_a_column(loss: Loss, t: Any) -> None:
    y = np.array([[0.5], [0.25]])

    assert loss.forward(y, t)[0] == loss.forward(y, np.array([[1.0], [0.0]]))[0]
    with pytest.raises(LabelError, match=r"t must have shape \(2, 1\), got \(3,\)"):
        loss.forward(y, [1.0, 0.0, 1.0])


@pytest.mark.parametrize("loss", CLASSIFIERS, ids=repr)
def test_a_loss_that_compares_outputs_needs_several(loss: Loss) -> None:
    with pytest.raises(ShapeError, match=r"an output for each class, got one.*SigmoidCrossEntropy"):
        loss.forward(np.zeros((2, 1)), [0, 0])


@pytest.mark.parametrize("loss", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize("t", [[[0], [1], [1]], [0.0, 1.0, 1.0], [False, True, True], np.eye(2)[[0, 1, 1]]], ids=repr)
def test_labels_mean_the_same_in_every_form(loss: Loss, t: Any) -> None:
    y = np.array([[0.5, 1.0], [2.0, 0.0], [0.0, 0.1]])

    assert loss.forward(y, t)[0] == loss.forward(y, [0, 1, 1])[0]


def test_class_weights_mean_the_same_as_a_dict_and_as_numbers() -> None:
    y, t = np.arange(8.0).reshape(4, 2) ** 0.5, [0, 1, 1, 1]
    value = SoftmaxCrossEntropy(class_weights=[1.0, 5.0]).forward(y, t)[0]

    assert SoftmaxCrossEntropy(class_weights={1: 5}).forward(y, t)[0] == value
    assert SoftmaxCrossEntropy(class_weights={np.int64(0): 1.0, 1: np.float32(5)}).forward(y, t)[0] == value


def test_balanced_weights_are_scikit_learns() -> None:
    t = np.array([0, 0, 0, 1, 2, 2])
    balanced = SoftmaxCrossEntropy(class_weights="balanced").for_data(t, 4)

    assert np.asarray(balanced.class_weights).tolist() == [6 / 9, 6 / 3, 6 / 6, 1.0]  # N / (3 classes · how many)
    y = np.arange(24.0).reshape(6, 4) ** 0.5
    assert SoftmaxCrossEntropy(class_weights="balanced").forward(y, t)[0] == balanced.forward(y, t)[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_class_of_weight_zero_is_left_out(smoothing: float) -> None:
    y, t = np.array([[1.0, 2.0, 0.5], [0.3, 0.1, 0.2], [3.0, 0.0, 1.0]]), np.array([0, 1, 2])
    loss = SoftmaxCrossEntropy(class_weights=[1, 0, 1], label_smoothing=smoothing)
    value, cache = loss.forward(y, t)

    if not smoothing:
        assert value == pytest.approx(SoftmaxCrossEntropy().forward(y[[0, 2]], [0, 2])[0], rel=1e-14)
        assert not cache.dy[1].any()
    nothing, cache = loss.forward(y[:2], [1, 1])
    assert nothing == 0.0
    assert not cache.dy.any()
    with pytest.raises(LabelError, match="0 for every class that occurs"):
        loss.for_data(np.array([1, 1]), 3)
    with pytest.raises(ArgumentError, match=r"names class 7; the classes are 0\.\.2"):
        SoftmaxCrossEntropy(class_weights={7: 1.0}).forward(y, t)


@pytest.mark.parametrize("y", [np.zeros(4), np.zeros((0, 4)), np.zeros((2, 3, 4))], ids=lambda y: str(y.shape))
@each_case
def test_outputs_must_be_a_batch_of_rows(case: LossCase, y: np.ndarray) -> None:
    with pytest.raises(ShapeError, match=r"y must have shape \(N, K\) with N, K ≥ 1, got \("):
        case.make().forward(y, [0])


def test_class_weights_must_fit_the_outputs() -> None:
    with pytest.raises(ShapeError, match=r"class_weights must hold 3 numbers, got shape \(2,\)"):
        SoftmaxCrossEntropy(class_weights=[1, 2]).forward(np.zeros((1, 3)), [0])


# One output with class weights


@pytest.mark.parametrize("weights", [[1.0, 5.0], {0: 1, 1: 5}, {1: 2.5}, "balanced", [0, 3]], ids=str)
def test_a_yes_or_no_may_count_more(weights):
    rng = np.random.default_rng(0)
    y, t = rng.standard_normal((9, 1)), np.array([0, 0, 1, 0, 0, 1, 0, 0, 0])
    loss = pl.SigmoidCrossEntropy(class_weights=weights)
    no, yes = loss.for_data(t[:, None].astype(float), 1).class_weights
    w = np.where(t == 1, yes, no)
    p = 1 / (1 + np.exp(-y[:, 0]))
    value, cache = loss.forward(y, t)
    assert value == pytest.approx(-(w * np.where(t == 1, np.log(p), np.log(1 - p))).sum() / w.sum())
    assert np.allclose(cache.dy[:, 0], w * (p - t) / w.sum())
    if weights == "balanced":
        assert np.allclose([no, yes], [9 / (2 * 7), 9 / (2 * 2)])


def test_class_weights_of_a_yes_or_no_are_trained_with_and_kept(tmp_path):
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    network = pl.Sequential([pl.Affine(1)])
    pl.fit(network, (x, x[:, 0] > 1), loss=pl.SigmoidCrossEntropy(class_weights="balanced"), progress=False)
    pl.save(network, tmp_path / "n.safetensors")
    kept = pl.load(tmp_path / "n.safetensors").outputs.loss
    assert np.allclose(kept.class_weights, network.outputs.loss.class_weights)
    loss = [pl.evaluate(network, (x, x[:, 0] > 1), batch_size=b).loss for b in (60, 7)]
    assert loss[0] == pytest.approx(loss[1], 1e-5)


def test_class_weights_of_several_answers_are_refused():
    loss = pl.SigmoidCrossEntropy(class_weights="balanced")
    with pytest.raises(ShapeError, match="class_weights are for one output, got 2"):
        loss.forward(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="must hold 2 numbers, got 3"):
        pl.SigmoidCrossEntropy(class_weights=[1, 2, 3]).forward(np.zeros((3, 1)), [0, 1, 1])
