"""T5: explanations of T2's CNN, 1,199,882 parameters, beside captum on PyTorch: the same weights, images and targets.

A lap explains `count` images, in batches of that many: 64, or fewer where a method asks the network hundreds of times.
Grad-CAM looks at the second convolution after its ReLU. Integrated gradients take 50 steps, no more and no fewer:
midpoints here, captum's Gauss-Legendre points there. `python -m benchmarks.t5_explain` compares the maps themselves.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.models import mnist_cnn

TITLE = "T5 · explanations of the CNN with 1,199,882 parameters, time per image"
COUNTS = {
    "saliency": 64,
    "guided backprop": 64,
    "Grad-CAM": 64,
    "integrated gradients, 50 steps": 8,
    "occlusion 4x4, stride 4": 64,
    "occlusion 4x4, stride 1": 4,
}
UNIT, SCALE = "ms", 1e3
GREY = 0.5
Laps = dict[str, Callable[[int], Any]]


def arrays(noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    _, test = pl.mnist(flatten=False)
    x = test.x[:64] + noise * np.random.default_rng(0).random(test.x[:64].shape)
    return x.astype(np.float32), np.asarray(test.t[:64]).astype(np.int64)


def pellucid(noise: float = 0.0) -> Laps:
    from pellucid import explain

    net = mnist_cnn()
    x, t = arrays(noise)

    def covered(n: int, stride: int) -> np.ndarray:
        return explain.occlusion(net, x[:n], t[:n], patch=4, stride=stride, value=GREY).values

    return {
        "saliency": lambda n: explain.saliency(net, x[:n], t[:n]).values,
        "guided backprop": lambda n: explain.saliency(net, x[:n], t[:n], rule="guided").values,
        "Grad-CAM": lambda n: explain.grad_cam(net, x[:n], t[:n]).values,
        "integrated gradients, 50 steps": lambda n: (
            explain.integrated_gradients(net, x[:n], t[:n], steps=50, tolerance=None).values
        ),
        "occlusion 4x4, stride 4": lambda n: covered(n, 4),
        "occlusion 4x4, stride 1": lambda n: covered(n, 1),
    }


def captum(channels_last: bool = False, noise: float = 0.0) -> Laps:
    import torch
    from torch import nn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum import attr
    warnings.filterwarnings("ignore")  # "setting backward hooks on ReLU activations", once a call
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip
    net.load_state_dict({name: torch.tensor(a.copy()) for name, a in weights().items()})
    net = net.eval().to(memory_format=layout)
    images, classes = arrays(noise)
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    t = torch.tensor(classes)

    def back(method: Any, n: int, **options: Any) -> Any:
        return method.attribute(x[:n].clone().requires_grad_(), target=t[:n], **options)

    def covered(n: int, stride: int, at_once: int) -> Any:
        with torch.no_grad():
            return attr.Occlusion(net).attribute(
                x[:n],
                target=t[:n],
                sliding_window_shapes=(1, 4, 4),
                strides=(1, stride, stride),
                baselines=GREY,
                perturbations_per_eval=at_once,
            )

    return {
        "saliency": lambda n: back(attr.Saliency(net), n, abs=False),
        "guided backprop": lambda n: back(attr.GuidedBackprop(net), n),
        "Grad-CAM": lambda n: attr.LayerGradCam(net, net[3]).attribute(x[:n], target=t[:n], relu_attributions=True),
        "integrated gradients, 50 steps": lambda n: back(attr.IntegratedGradients(net), n, n_steps=50),
        "occlusion 4x4, stride 4": lambda n: covered(n, 4, 1),
        "occlusion 4x4, stride 1": lambda n: covered(n, 1, 16),  # 64 images at once here too
    }


def weights() -> dict[str, np.ndarray]:
    """The network's weights in PyTorch's layout: channels first, and the dense layer's rows in that order."""
    p = mnist_cnn().params
    dense = p["dense_1.W"].reshape(12, 12, 64, 128).transpose(2, 0, 1, 3).reshape(9216, 128)
    arrays = {
        "0": p["conv2d_1.W"].transpose(3, 2, 0, 1),
        "2": p["conv2d_2.W"].transpose(3, 2, 0, 1),
        "7": dense.T,
        "10": p["preds.W"].T,
    }
    biases = {"0": "conv2d_1.b", "2": "conv2d_2.b", "7": "dense_1.b", "10": "preds.b"}
    return {f"{k}.weight": a for k, a in arrays.items()} | {f"{k}.bias": p[name] for k, name in biases.items()}


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    "pellucid": pellucid,
    "captum": captum,
    "captum, channels last": lambda: captum(channels_last=True),
}


def compare() -> None:
    """Print how far the maps of both sides are apart, as a share of their largest value.

    Of noisy images: on plain ground the four inputs of a pooling are equal, and rounding would say which gets the
    gradient.
    """
    ours, theirs = pellucid(noise=0.3), captum(noise=0.3)
    for name in COUNTS:
        a, b = ours[name](4), theirs[name](4).detach().numpy().transpose(0, 2, 3, 1)
        print(f"{name:32} {np.abs(a - b).max() / np.abs(b).max():.1e}")


if __name__ == "__main__":
    compare()
