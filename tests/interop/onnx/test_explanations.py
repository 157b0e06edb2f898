"""Imported networks are explained as captum explains the same networks in PyTorch, to 1e-4, in the file's order."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from interop.onnx.graphs import load, model, node
from pellucid import explain

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    captum = pytest.importorskip("captum.attr")

pytestmark = pytest.mark.filterwarnings("ignore")

T = [0, 2, 1]


class Plain(torch.nn.Module):
    """Convolutions, pooling and two dense layers, in a row."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 6, 3, padding=1, stride=2)
        self.fc1, self.fc2 = torch.nn.Linear(6 * 2 * 2, 8), torch.nn.Linear(8, 3)
        self.relu1, self.relu2, self.relu3 = (torch.nn.ReLU() for _ in range(3))
        self.pool, self.flatten = torch.nn.MaxPool2d(2), torch.nn.Flatten()

    def forward(self, x):
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.relu2(self.conv2(x))
        return self.fc2(self.relu3(self.fc1(self.flatten(x))))

    nodes = (
        node("Conv", "x conv1.weight conv1.bias", "a", "conv1"),
        node("Relu", "a", "b", "relu1"),
        node("MaxPool", "b", "c", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "c conv2.weight conv2.bias", "d", "conv2", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "d", "e", "relu2"),
        node("Flatten", "e", "f", "flatten"),
        node("Gemm", "f fc1.weight fc1.bias", "g", "fc1", transB=1),
        node("Relu", "g", "h", "relu3"),
        node("Gemm", "h fc2.weight fc2.bias", "y", "fc2", transB=1),
    )


class Branched(torch.nn.Module):
    """A shortcut past a normalised convolution, and a mean over all pixels."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm, self.fc = torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 3)
        self.relu1, self.relu2 = torch.nn.ReLU(), torch.nn.ReLU()
        torch.nn.init.uniform_(self.norm.weight, 0.5, 2)
        self.norm.running_mean.uniform_(-1, 1)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.norm(self.conv2(x)) + x)
        return self.fc(x.mean(dim=(2, 3)))

    nodes = (
        node("Conv", "x conv1.weight conv1.bias", "a", "conv1", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b", "relu1"),
        node("Conv", "b conv2.weight", "c", "conv2", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c norm.weight norm.bias norm.running_mean norm.running_var", "d", "norm"),
        node("Add", "d b", "e", "add"),
        node("Relu", "e", "f", "relu2"),
        node("ReduceMean", "f", "g", "mean", axes=[2, 3], keepdims=0),
        node("Gemm", "g fc.weight fc.bias", "y", "fc", transB=1),
    )


@pytest.fixture(params=[Plain, Branched], ids=["plain", "branched"])
def twins(request, tmp_path):
    """An imported network, the module that it is, and images."""
    torch.manual_seed(3)
    twin = request.param().double().eval()
    weights = {name: a.numpy() for name, a in twin.state_dict().items() if a.is_floating_point()}
    network = load(model(twin.nodes, weights, shape=("N", 3, 10, 9), kind=11), tmp_path)
    x = np.random.default_rng(5).standard_normal((3, 3, 10, 9))
    return network, twin, x


def compare(ours, theirs, atol=1e-4):
    theirs = theirs.detach().numpy()
    scale = max(1.0, np.abs(theirs).max())

    assert theirs.any()
    np.testing.assert_allclose(ours / scale, theirs / scale, atol=atol)


@pytest.fixture
def there(twins):
    return torch.tensor(twins[2], requires_grad=True)


def test_outputs(twins, there):
    compare(twins[0](twins[2]), twins[1](there))


def test_saliency(twins, there):
    theirs = captum.Saliency(twins[1]).attribute(there, target=T, abs=False)
    compare(explain.saliency(twins[0], twins[2], T).values, theirs)


def test_guided_backpropagation(twins, there):
    theirs = captum.GuidedBackprop(twins[1]).attribute(there, target=T)
    compare(explain.saliency(twins[0], twins[2], T, rule="guided").values, theirs)


def test_integrated_gradients(twins, there):
    theirs = captum.IntegratedGradients(twins[1]).attribute(there, target=T, n_steps=32, method="riemann_middle")
    compare(explain.integrated_gradients(twins[0], twins[2], T, steps=32, tolerance=None).values, theirs)


def test_grad_cam(twins, there):
    for name in ("relu1", "relu2"):
        theirs = captum.LayerGradCam(twins[1], getattr(twins[1], name)).attribute(there, target=T)
        ours = explain.grad_cam(twins[0], twins[2], T, layer=name, relu=False).values
        compare(ours.reshape(theirs.shape), theirs)


def test_occlusion(twins, there):
    theirs = captum.Occlusion(twins[1]).attribute(there, target=T, sliding_window_shapes=(3, 4, 3), baselines=0.5)
    ours = explain.occlusion(twins[0], twins[2], T, patch=(4, 3), value=0.5).values
    compare(np.broadcast_to(ours, twins[2].shape), theirs)
