"""Agreement with captum on the same weights, where PyTorch and captum are installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def twins(make_chain):
    """The same network twice, with the dense layer's rows in PyTorch's order of channel, row, column."""
    network = make_chain()
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3, padding=1), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Dropout(0.3), torch.nn.Flatten(),
        torch.nn.Linear(60, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3),
    ).double().eval()  # fmt: skip
    p = network.params
    dense = p["dense.W"].reshape(4, 3, 5, 7).transpose(2, 0, 1, 3).reshape(60, 7)
    weights = {
        "0": (p["conv1.W"].transpose(3, 2, 0, 1), p["conv1.b"]),
        "2": (p["conv2.W"].transpose(3, 2, 0, 1), p["conv2.b"]),
        "7": (dense.T, p["dense.b"]),
        "9": (p["scores.W"].T, p["scores.b"]),
    }
    for name, (W, b) in weights.items():
        layer = getattr(twin, name)
        layer.weight.data, layer.bias.data = torch.tensor(W.copy()), torch.tensor(b.copy())
    return network, twin


T = [0, 2, 1, 1]


def compare(ours, theirs, atol=1e-4):
    theirs = theirs.detach().numpy().transpose(0, 2, 3, 1)
    scale = max(1.0, np.abs(theirs).max())

    assert theirs.any()
    np.testing.assert_allclose(ours / scale, theirs / scale, atol=atol)


@pytest.fixture
def there(x):
    return torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)


def test_the_networks_are_the_same(twins, x, there):
    np.testing.assert_allclose(twins[0](x), twins[1](there).detach().numpy())


def test_saliency(twins, x, there):
    compare(explain.saliency(twins[0], x, T).values, captum.Saliency(twins[1]).attribute(there, target=T, abs=False))


def test_guided_backpropagation(twins, x, there):
    compare(
        explain.saliency(twins[0], x, T, rule="guided").values,
        captum.GuidedBackprop(twins[1]).attribute(there, target=T),
    )


def test_deconvnet(twins, x, there):
    compare(
        explain.saliency(twins[0], x, T, rule="rectified").values,
        captum.Deconvolution(twins[1]).attribute(there, target=T),
    )


def test_input_x_gradient(twins, x, there):
    compare(explain.input_x_gradient(twins[0], x, T).values, captum.InputXGradient(twins[1]).attribute(there, target=T))


def test_integrated_gradients(twins, x, there):
    theirs = captum.IntegratedGradients(twins[1]).attribute(there, target=T, n_steps=64, method="riemann_middle")
    compare(explain.integrated_gradients(twins[0], x, T, steps=64, tolerance=None).values, theirs)


def test_grad_cam(twins, x, there):
    for layer, k in (("relu2", 3), ("conv1", 0)):
        theirs = captum.LayerGradCam(twins[1], twins[1][k]).attribute(there, target=T)
        compare(explain.grad_cam(twins[0], x, T, layer=layer, relu=False).values, theirs)


def test_occlusion(twins, x, there):
    theirs = captum.Occlusion(twins[1]).attribute(there, target=T, sliding_window_shapes=(2, 4, 3), baselines=0.5)
    ours = explain.occlusion(twins[0], x, T, patch=(4, 3), value=0.5).values
    compare(np.broadcast_to(ours, x.shape), theirs)


@pytest.mark.parametrize("middle", ["relu", "pool", "tanh"])
def test_deep_lift(x, there, rng, middle):
    # One kind at a time: where captum 0.9 meets ReLU and MaxPool in one network its own convergence delta is not 0.
    ours = {"relu": pl.ReLU, "pool": pl.MaxPool2D, "tanh": pl.Tanh}[middle]()
    theirs = {"relu": torch.nn.ReLU(), "pool": torch.nn.MaxPool2d(2), "tanh": torch.nn.Tanh()}[middle]
    h, w = (4, 3) if middle == "pool" else (8, 6)
    network = pl.Sequential(
        [pl.Conv2D(4, 3), ours, pl.Flatten(), pl.Affine(3)], input_shape=x.shape[1:], dtype=np.float64
    )
    twin = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), theirs, torch.nn.Flatten(), torch.nn.Linear(h * w * 4, 3))
    W = network.params["affine1.W"].reshape(h, w, 4, 3).transpose(3, 2, 0, 1).reshape(3, -1)
    twin = twin.double()
    twin[0].weight.data = torch.tensor(network.params["conv2d1.W"].transpose(3, 2, 0, 1).copy())
    twin[-1].weight.data = torch.tensor(W.copy())
    twin[0].bias.data[:], twin[-1].bias.data[:] = 0, 0
    start = rng.standard_normal(x.shape)  # not a constant: under one the winners of a pooling are a matter of rounding

    there_start = torch.tensor(start.transpose(0, 3, 1, 2).copy())
    attributed, delta = captum.DeepLift(twin).attribute(there, there_start, target=T, return_convergence_delta=True)
    assert delta.abs().max() < 1e-9
    compare(explain.deep_lift(network, x, T, baseline=start).values, attributed)


def test_lrp_epsilon(twins, x, there):
    from captum.attr._utils.lrp_rules import EpsilonRule

    for layer in twins[1]:
        layer.rule = EpsilonRule(epsilon=0.1 if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)) else 1e-9)
    theirs = captum.LRP(twins[1]).attribute(there, target=T)
    compare(explain.lrp(twins[0], x, T, rule=explain.Epsilon(0.1)).values, theirs)


def test_shapley_values_of_quarters_by_every_order(twins, x, there):
    mask = torch.tensor(np.arange(10)[:, None] // 5 * 2 + np.arange(8) // 4)[None, None]
    theirs = captum.ShapleyValues(twins[1]).attribute(there[:1], target=T[:1], feature_mask=mask)
    ours = explain.shapley(twins[0], x[:1], T[:1], region=mask[0, 0].numpy(), permutations=600)
    spread = theirs.detach().numpy().transpose(0, 2, 3, 1) / 40  # captum gives every pixel its region's whole value

    assert (np.abs(ours.values - spread) <= 4 * ours.extras["standard_error"] + 1e-9).all()
    assert pl.Sequential is type(twins[0])
