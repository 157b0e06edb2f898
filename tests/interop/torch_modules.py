"""Modules of PyTorch, and the same networks of ours with names of our own: random weights, in evaluation mode."""

from __future__ import annotations

from typing import Any

import pytest

import pellucid as pl

torch = pytest.importorskip("torch")
nn = torch.nn


def drawn(module: Any, seed: int = 0) -> Any:
    """Give every tensor numbers that tell it apart; a variance is above zero."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.is_floating_point():
                tensor.normal_(0, 0.5 if tensor.ndim == 1 else (2 / tensor[0].numel()) ** 0.5)
    return module.eval()


class MnistCNN(nn.Module):
    """M4: one convolution, pooling, and two dense layers behind a Flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc1, self.fc2 = nn.Conv2d(1, 30, 5), nn.Linear(30 * 12 * 12, 100), nn.Linear(100, 10)

    def forward(self, x: Any) -> Any:
        x = torch.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def mnist_cnn() -> pl.Sequential:
    return pl.Sequential(
        [pl.Conv2D(30, 5), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(100), pl.ReLU(), pl.Affine(10)],
        input_shape=(28, 28, 1),
    )


class BasicBlock(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or channels != filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """He et al. (2015), with the modules and names that torchvision has."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        for number, (channels, filters) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), start=1):
            blocks = [BasicBlock(channels, filters, 1 if number == 1 else 2), BasicBlock(filters, filters, 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Any) -> Any:
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


def resnet18(size: int, classes: int = 10) -> pl.Sequential:
    """The same, of our own layers; the shortcut of a block is written before its branch where `Residual` wants it."""
    layers: list[Any] = [pl.Conv2D(64, 7, stride=2, padding=3, bias=False), pl.BatchNorm(), pl.ReLU()]
    layers.append(pl.MaxPool2D(3, 2, padding=1))
    for filters, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        branch = [
            pl.Conv2D(filters, 3, stride=stride, padding=1, bias=False),
            pl.BatchNorm(),
            pl.ReLU(),
            pl.Conv2D(filters, 3, padding=1, bias=False),
            pl.BatchNorm(),
        ]
        shortcut = [pl.Conv2D(filters, 1, stride=2, bias=False), pl.BatchNorm()] if stride == 2 else None
        layers += [pl.Residual(branch, shortcut), pl.ReLU()]
    return pl.Sequential([*layers, pl.GlobalAveragePool2D(), pl.Affine(classes)], input_shape=(size, size, 3))
