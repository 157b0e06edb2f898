"""What an explanation is asked with is looked at before the work: baselines, rules, targets."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain as E
from pellucid.errors import ArgumentError, PellucidError

WITH_BASELINE = {
    "occlusion": lambda network, x, b: E.occlusion(network, x, 1, value=b),
    "rise": lambda network, x, b: E.rise(network, x, masks=4, baseline=b),
    "score_cam": lambda network, x, b: E.score_cam(network, x, baseline=b),
    "integrated_gradients": lambda network, x, b: E.integrated_gradients(network, x, baseline=b),
    "integrated_gradients, several": lambda network, x, b: E.integrated_gradients(network, x, baseline=[0.0, b]),
    "deep_lift": lambda network, x, b: E.deep_lift(network, x, baseline=b),
    "shapley": lambda network, x, b: E.shapley(network, x, baseline=b, permutations=2),
    "deletion": lambda network, x, b: E.evaluate.deletion(network, E.saliency, x, baseline=b),
    "insertion": lambda network, x, b: E.evaluate.insertion(network, E.saliency, x, baseline=b),
    "sensitivity_n": lambda network, x, b: E.evaluate.sensitivity_n(network, E.saliency, x, baseline=b),
}


@pytest.mark.parametrize("method", WITH_BASELINE)
def test_a_baseline_that_is_not_finite_is_refused(method, cnn, x):
    hole = np.zeros(x.shape[1:])
    hole[3, 2] = np.nan
    for baseline in (np.nan, np.inf, -np.inf, hole):
        with pytest.raises(ArgumentError, match=r"(value|baseline) must be finite in float64, got"):
            WITH_BASELINE[method](cnn, x, baseline)


def test_a_baseline_too_large_for_the_networks_numbers_is_refused():
    network = pl.Sequential([pl.Affine(2)], input_shape=3)
    with pytest.raises(ArgumentError, match="baseline must be finite in float32, got 1e"):
        E.integrated_gradients(network, np.ones((1, 3)), baseline=1e300)


WRONG = [np.nan, np.inf, -1.0, "a", None, [], (1, 2, 3), Ellipsis, np.zeros(2), 1e300, True]
RULES = {
    "Epsilon": lambda v: E.Epsilon(v),
    "Gamma": lambda v: E.Gamma(v),
    "AlphaBeta, alpha": lambda v: E.AlphaBeta(v, 0.0),
    "AlphaBeta, beta": lambda v: E.AlphaBeta(1.0, v),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", WRONG, ids=str)
def test_a_rule_takes_a_number_from_0(rule, value):
    with pytest.raises(ArgumentError, match=rule.split(",")[0]):
        RULES[rule](value)


@pytest.mark.parametrize(
    "value", [v for v in WRONG if v is not None and not (isinstance(v, float) and v == -1)], ids=repr
)
def test_a_bound_is_a_finite_number(value):
    for low, high in ((value, 1.0), (-2.0, value)):
        with pytest.raises(ArgumentError, match="Bounded"):
            E.Bounded(low, high)


def test_bounds_are_in_order():
    for low, high in ((1.0, 0.0), (1.0, 1.0)):
        with pytest.raises(ArgumentError, match="Bounded: low must lie below high, got 1.0"):
            E.Bounded(low, high)
    assert E.Bounded(0, np.float32(1)).high == 1
    assert E.Bounded().low is None


NOT_WHOLE = [np.nan, 1.5, "a", None, [], [1, 2], Ellipsis, np.zeros(2), True, b"x"]


@pytest.mark.parametrize("value", NOT_WHOLE, ids=str)
def test_a_unit_and_a_channel_are_whole_numbers_and_a_layer_is_a_name(value):
    with pytest.raises(ArgumentError, match="Filter: channel must be a whole number, got"):
        E.Filter("conv2d1", value)
    for index in (value, (1, 2, value)):
        with pytest.raises(ArgumentError, match="Unit: index must be a whole number or a tuple of them, got"):
            E.Unit("conv2d1", index)
    for kind in (E.Unit, E.Filter):
        with pytest.raises(ArgumentError, match=f"{kind.__name__}: layer must be a layer's name"):
            kind(3 if isinstance(value, str) else value, 1)


def test_numpys_whole_numbers_are_whole_numbers(cnn, x):
    assert E.saliency(cnn, x, E.Filter("conv2", np.int64(1))).scalar == "mean of channel 1 of layer 'conv2'"
    assert E.saliency(cnn, x, E.Unit("conv2", (np.uint8(3), 2, 4))).values.any()


@pytest.mark.parametrize("value", [*WRONG, (np.zeros(3), "a"), ("a", "b"), (None, None)], ids=str)
def test_a_function_that_is_none_or_gives_no_two_arrays_is_refused(value, cnn, x):
    with pytest.raises(ArgumentError, match="Function: takes a function"):
        E.Function(value)
    with pytest.raises(PellucidError, match="Function"):
        E.saliency(cnn, x, E.Function(lambda y: value))


@pytest.mark.parametrize("value", [None, "a", 1.5, [], Ellipsis, np.nan, {}], ids=str)
def test_a_contrast_is_between_classes(value, cnn, x):
    for contrast in (E.Contrast(value, 1), E.Contrast(1, value)):
        with pytest.raises(PellucidError, match="saliency"):
            E.saliency(cnn, x, contrast)
