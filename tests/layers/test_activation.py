"""Activations: values and slopes worked out by hand, PyTorch's, and inputs far out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Clip,
    Erf,
    Exp,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSoftmax,
    Power,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Swish,
    Tanh,
    from_spec,
)
from pellucid.layers.activation import Activation
from pellucid.numerical import numerical_gradient
from pellucid.typing import Array

KINDS: list[Activation] = [
    ReLU(),
    LeakyReLU(),
    LeakyReLU(0.3),
    ELU(),
    ELU(0.5),
    GELU(),
    Sigmoid(),
    Tanh(),
    Softplus(),
    GELU(False),
    SELU(),
    Swish(),
    Erf(),
    Clip(-1, 2),
    Clip(high=6),
    HardSigmoid(),
    HardSigmoid(0.2),
    HardSwish(),
]
BENDS = {Clip: [-1, 2, 6], HardSigmoid: [-3, -2.5, 2.5, 3], HardSwish: [-3, 3]}
each = pytest.mark.parametrize("layer", KINDS, ids=repr)
E = math.e


def slopes(layer: Any, x: Array) -> Array:
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert grads == {}
    return dx


@pytest.mark.parametrize(
    ("layer", "x", "y", "slope"),
    [
        (ReLU(), [-2.0, 0.0, 3.0], [0, 0, 3], [0, 0, 1]),
        (LeakyReLU(0.1), [-2.0, 0.0, 3.0], [-0.2, 0, 3], [0.1, 0.1, 1]),
        (ELU(), [-1.0, 3.0], [1 / E - 1, 3], [1 / E, 1]),
        (ELU(0.5), [-1.0, 3.0], [0.5 / E - 0.5, 3], [0.5 / E, 1]),
        (Sigmoid(), [0.0, math.log(3), -math.log(3)], [0.5, 0.75, 0.25], [0.25, 3 / 16, 3 / 16]),
        (Tanh(), [0.0, math.log(2)], [0, 0.6], [1, 0.64]),  # tanh ln 2 = (4 − 1) / (4 + 1)
        (Softplus(), [0.0, math.log(3)], [math.log(2), math.log(4)], [0.5, 0.75]),
        (GELU(), [0.0], [0], [0.5]),
        (GELU(False), [0.0], [0], [0.5]),
        (Clip(-1, 2), [-2.0, -1.0, 0.5, 2.0, 3.0], [-1, -1, 0.5, 2, 2], [0, 0, 1, 0, 0]),
        (Clip(0), [-2.0, 3.0], [0, 3], [0, 1]),
        (HardSigmoid(0.5, 0.25), [-1.0, 0.5, 2.0], [0, 0.5, 1], [0, 0.5, 0]),
        (HardSwish(), [-4.0, -3.0, 0.0, 1.5, 3.0], [0, 0, 0, 1.125, 3], [0, 0, 0.5, 1, 1]),
        (SELU(1.5, 2), [-1.0, 3.0], [3 / E - 3, 6], [3 / E, 2]),
        (Swish(), [0.0, math.log(3)], [0, 0.75 * math.log(3)], [0.5, 0.75 + 3 / 16 * math.log(3)]),
        (Exp(), [0.0, 1.0], [1, E], [1, E]),
        (Erf(), [0.0, 1.0], [0, math.erf(1)], [2 / math.sqrt(math.pi), 2 / math.sqrt(math.pi) / E]),
        (Power(2), [-3.0, 0.5], [9, 0.25], [-6, 1]),
        (Power(-1), [-2.0, 4.0], [-0.5, 0.25], [-0.25, -0.0625]),
        (Power(0.5), [4.0, 9.0], [2, 3], [0.25, 1 / 6]),
    ],
    ids=lambda value: repr(value) if isinstance(value, Activation) else "",
)
def test_values_and_slopes_by_hand(layer: Activation, x: Any, y: Any, slope: Any) -> None:
    np.testing.assert_allclose(layer(np.array(x)), y, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(slopes(layer, np.array(x)), slope, rtol=1e-14)


@pytest.mark.parametrize(
    ("layer", "name", "options"),
    [
        (ReLU(), "relu", {}),
        (LeakyReLU(), "leaky_relu", {}),
        (LeakyReLU(0.3), "leaky_relu", {"negative_slope": 0.3}),
        (ELU(), "elu", {}),
        (ELU(0.5), "elu", {"alpha": 0.5}),
        (GELU(), "gelu", {"approximate": "tanh"}),
        (Sigmoid(), "sigmoid", {}),
        (Tanh(), "tanh", {}),
        (Softplus(), "softplus", {}),
        (Softmax(), "softmax", {"dim": -1}),
        (Softmax(0), "softmax", {"dim": 1}),
        (LogSoftmax(), "log_softmax", {"dim": -1}),
        (LogSoftmax(-2), "log_softmax", {"dim": 1}),
        (GELU(False), "gelu", {}),
        (SELU(), "selu", {}),
        (Swish(), "silu", {}),
        (Clip(-1, 1), "hardtanh", {}),
        (Clip(0, 6), "relu6", {}),
        (HardSwish(), "hardswish", {}),
        (Exp(), "exp", {}),
        (Erf(), "erf", {}),
        (Power(3), "pow", {"exponent": 3}),
    ],
    ids=repr,
)
def test_values_and_gradients_agree_with_pytorch(
    layer: Any, name: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    x, dy = 3 * rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 5, 4))
    tensor = torch.tensor(x, requires_grad=True)
    theirs = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    expected = theirs(tensor, **options)
    expected.backward(torch.tensor(dy))

    y, cache = layer.forward(x)

    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(layer.backward(dy, cache)[0], tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_the_tanh_form_of_gelu_is_near_the_exact_one() -> None:
    x = np.linspace(-6, 6, 241)
    exact = np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x])

    assert np.abs(GELU()(x) - exact).max() < 5e-4


def test_relu_backward_leaves_the_callers_gradient_alone() -> None:
    layer = ReLU()
    _, cache = layer.forward(np.array([[-1.0, 2.0]]))
    dy = np.array([[5.0, 7.0]])
    dx, _ = layer.backward(dy, cache)

    np.testing.assert_array_equal(dx, [[0, 7]])
    np.testing.assert_array_equal(dy, [[5, 7]])
    assert dx is not dy


def test_relu_passes_no_gradient_at_zero() -> None:
    np.testing.assert_array_equal(slopes(ReLU(), np.array([0.0, -0.0])), [0, 0])


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_nothing_overflows_and_slopes_stay_finite(layer: Activation, dtype: Any) -> None:
    x = np.array([-1e4, -100, 100, 1e4], dtype)

    assert np.isfinite(layer(x)).all()
    assert np.isfinite(slopes(layer, x)).all()
    assert layer(x).dtype == slopes(layer, x).dtype == dtype


def test_softmax_far_out_is_a_choice() -> None:
    x = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, -1e4]])

    np.testing.assert_array_equal(Softmax()(x), [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(slopes(Softmax(), x), np.zeros((2, 3)))


def test_softmax_backward_by_hand() -> None:
    # y = (1/4, 3/4), dy = (1, 0): dx = y (dy − Σ dy·y) = (1/4 · 3/4, −3/4 · 1/4)
    _, cache = Softmax().forward(np.array([[0.0, math.log(3)]]))
    dx, _ = Softmax().backward(np.array([[1.0, 0.0]]), cache)

    np.testing.assert_allclose(dx, [[3 / 16, -3 / 16]], rtol=1e-14)


@each
@given(x=arrays(np.float64, 3, elements=st.floats(-20, 20).filter(lambda v: abs(v) > 1e-3)))
def test_the_slope_is_the_derivative_everywhere(layer: Activation, x: Array) -> None:
    if np.isclose(x[:, None], BENDS.get(type(layer), [np.inf]), atol=1e-3).any():
        return
    np.testing.assert_allclose(
        slopes(layer, x), numerical_gradient(lambda v: float(layer(v).sum()), x), rtol=1e-5, atol=1e-8
    )


@each
@given(x=arrays(np.float64, 4, elements=st.floats(-20, 20)))
def test_all_but_those_that_dip_never_fall(layer: Activation, x: Array) -> None:
    y = layer(np.sort(x))

    assert isinstance(layer, (GELU, Swish, HardSwish)) or (np.diff(y) >= 0).all()


def test_erf_is_that_of_the_standard_library() -> None:
    x = np.linspace(-7, 7, 4001)
    right = np.array([math.erf(v) for v in x])

    assert np.abs(Erf()(x) - right).max() < 4e-16
    assert np.abs(Erf()(x.astype(np.float32)) - right).max() < 2e-7
    assert Erf()(np.array([np.inf, -np.inf, np.nan])).tolist()[:2] == [1, -1]


def test_softmax_over_another_axis_is_no_probability_of_classes() -> None:
    assert (Softmax().probabilities, Softmax(0).probabilities) == ("Softmax", "")


def test_bounds_that_cross_and_axes_that_are_not_there_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Clip: low must not lie above high, got 2 and 1"):
        Clip(2, 1)
    with pytest.raises(ShapeError, match=r"Softmax: a sample \(3,\) has no axis 1"):
        Softmax(1).forward(np.zeros((2, 3)))
    with pytest.raises(ArgumentError, match="Softmax: axis must be an axis of a sample, such as 0 or -1, got 0.5"):
        Softmax(0.5)


def test_options_stand_in_the_repr() -> None:
    assert repr(LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2)"
    assert repr(ELU(2.0, name="mine")) == "ELU(alpha=2.0, name='mine')"
    assert repr(ReLU()) == "ReLU()"


def test_an_unknown_activation_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown type 'Relu'. Did you mean 'ReLU'"):
        from_spec({"type": "Relu", "name": ""})


def test_a_slope_that_is_the_output_itself_leaves_the_cache_alone():
    class Exponential(Activation):
        def function(self, x):
            return np.exp(x)

        def slope(self, x, y):
            return y

    layer, x = Exponential(), np.array([[0.0, 1.0]])
    y, cache = layer.forward(x)
    for _ in range(2):
        assert np.allclose(layer.backward(np.full((1, 2), 2.0), cache)[0], 2 * np.exp(x))
    assert np.array_equal(cache.y, np.exp(x))
