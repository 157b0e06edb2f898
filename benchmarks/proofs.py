"""Do contributions add up? Completeness and conservation of ours beside captum's and shap's.

    python -m benchmarks proofs

For each network and baseline, the largest |Σ values − (S(x) − S(baseline))| over 16 images, beside the largest
|S(x) − S(baseline)|. Both networks have the same weights on both sides: T2's CNN, trained for an epoch, and a residual
network of PyTorch with BatchNorm and overlapping maxima, brought over by `pl.load_torch`. A residual of 0 says that
the books are kept, and nothing about use: docs/what-pictures-tell.md.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pellucid as pl
from pellucid import explain
from pellucid.models import mnist_cnn

IMAGES = 16
STEPS = 50


class Case(NamedTuple):
    """One network twice: ours, and how theirs is made anew, since some of the peers change what they explain."""

    name: str
    ours: Any
    theirs: Callable[[], Any]


def trained_cnn(train: Any, folder: Path) -> Case:
    import torch
    from safetensors.torch import load_file, save_file
    from torch import nn

    ours = mnist_cnn()
    pl.fit(ours, train[:10_000], epochs=1, batch_size=100, optimizer=pl.Adam(), progress=False)

    def theirs() -> Any:
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )
        save_file(net.state_dict(), folder / "names.safetensors")
        pl.save_torch(ours, folder / "cnn.safetensors", like=folder / "names.safetensors")
        net.load_state_dict(load_file(folder / "cnn.safetensors"))
        return net.eval()

    torch.manual_seed(0)
    return Case("the CNN of T2, trained", ours, theirs)


def imported_residual(train: Any, folder: Path) -> Case:
    import torch
    from safetensors.torch import save_file
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.relu = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()
            self.pool = nn.MaxPool2d(3, 2, 1)
            self.conv1, self.bn1, self.relu1 = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()
            self.conv2, self.bn2, self.relu2 = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()
            self.mean, self.flat, self.head = nn.AvgPool2d(14), nn.Flatten(), nn.Linear(16, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(self.relu(self.bn(self.conv(x))))
            x = self.relu2(x + self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))
            return self.head(self.flat(self.mean(x)))

    torch.manual_seed(0)
    made = Net()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.005)
    x, t = channels_first(train.x[:6000]), torch.tensor(train.t[:6000]).long()
    for rows in torch.randperm(len(x)).split(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(made(x[rows]), t[rows]).backward()
        optimizer.step()
    save_file(made.state_dict(), folder / "residual.safetensors")

    branch = [pl.Conv2D(16, 3, padding=1), pl.BatchNorm(), pl.ReLU(), pl.Conv2D(16, 3, padding=1), pl.BatchNorm()]
    ours = pl.Sequential(
        [
            pl.Conv2D(16, 3, padding=1),
            pl.BatchNorm(),
            pl.ReLU(),
            pl.MaxPool2D(3, 2, 1),
            pl.Residual(branch),
            pl.ReLU(),
            pl.GlobalAveragePool2D(),
            pl.Affine(10),
        ],
        input_shape=(28, 28, 1),
    )
    pl.load_torch(ours, folder / "residual.safetensors")

    def theirs() -> Any:
        net = Net()
        net.load_state_dict(made.state_dict())
        return net.eval()

    return Case("a residual network of PyTorch, imported", ours, theirs)


def channels_first(x: np.ndarray) -> Any:
    import torch

    return torch.tensor(np.asarray(x, np.float32)).permute(0, 3, 1, 2).contiguous()


def contributions(
    case: Case, x: np.ndarray, t: np.ndarray, baseline: np.ndarray
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yield the methods of all three, each as a function that gives the maps."""
    import shap
    import torch
    from captum import attr

    X, T, B = channels_first(x), torch.tensor(t), channels_first(baseline[None])

    def captum(method: Any, **options: Any) -> Callable[[], np.ndarray]:
        return lambda: method(case.theirs()).attribute(X, target=T, baselines=B, **options).detach().numpy()

    def deep_shap() -> np.ndarray:
        values = np.asarray(shap.DeepExplainer(case.theirs(), B).shap_values(X, check_additivity=False))
        return np.stack([values[i, ..., k] for i, k in enumerate(t)])

    steps = {"steps": STEPS, "tolerance": None}
    yield "DeepLIFT, pellucid", lambda: explain.deep_lift(case.ours, x, t, baseline=baseline).values
    yield "DeepLIFT, captum", captum(attr.DeepLift)
    yield "DeepLIFT, shap's DeepExplainer", deep_shap
    yield (
        f"integrated gradients, {STEPS} steps, pellucid",
        lambda: explain.integrated_gradients(case.ours, x, t, baseline=baseline, **steps).values,
    )
    yield f"integrated gradients, {STEPS} steps, captum", captum(attr.IntegratedGradients, n_steps=STEPS)


def rows(case: Case, x: np.ndarray, t: np.ndarray, baselines: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the lines of a table: the largest residual of each method, by baseline."""
    scores = np.take_along_axis(case.ours(x).astype(float), t[:, None], 1)[:, 0]
    promised = {name: scores - case.ours(b[None]).astype(float)[0, t] for name, b in baselines.items()}
    yield f"| {case.name} | {' | '.join(baselines)} |"
    yield "|---" * (1 + len(baselines)) + "|"
    found: dict[str, list[str]] = {}
    for name, baseline in baselines.items():
        for method, maps in contributions(case, x, t, baseline):
            found.setdefault(method, []).append(residual(maps, promised[name]))
    for method, cells in found.items():
        yield f"| {method} | {' | '.join(cells)} |"
    said = explain.lrp(case.ours, x, t).proof
    assert said is not None
    yield (
        f"| LRP ε, pellucid: of the score, {np.abs(scores).max():.1f} | {np.abs(said.residual).max():.1e} |"
        + " |" * (len(baselines) - 1)
    )
    yield "| largest change of a score | " + " | ".join(f"{np.abs(p).max():.1f}" for p in promised.values()) + " |"


def residual(maps: Callable[[], np.ndarray], promised: np.ndarray) -> str:
    try:
        sums = maps().astype(float).reshape(len(promised), -1).sum(axis=1)
    except Exception as error:  # a peer may not know a layer
        return f"refused: {type(error).__name__}"
    return f"{np.abs(sums - promised).max():.1e}"


def proofs() -> str:
    """The tables."""
    train, test = pl.mnist(flatten=False)
    x, t = np.asarray(test.x[:IMAGES], np.float32), np.asarray(test.t[:IMAGES], int)
    first = np.asarray(train.x[0], np.float32)
    baselines = {"black": np.zeros_like(first), "grey": np.full_like(first, 0.5), "another image": first}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        cases = [make(train, Path(folder)) for make in (trained_cnn, imported_residual)]
        return "\n\n".join("\n".join(rows(case, x, t, baselines)) for case in cases)


if __name__ == "__main__":
    print(proofs())
