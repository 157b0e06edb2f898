"""A small network that learnt a little, its data under hostile names, and the page about both."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.explain import METHODS
from pellucid.report import html_report

HOSTILE = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b {{{script}}} {{/maps}}"]
QUICK = [METHODS[name] for name in ("saliency", "integrated-gradients", "grad-cam", "occlusion", "cam")]


@pytest.fixture(scope="session")
def blobs():
    """Bright squares in one of three corners, and some noise."""
    rng = np.random.default_rng(0)
    t = np.arange(90) % 3
    x = 0.4 * rng.random((90, 12, 12, 1))
    for i, k in enumerate(t):
        top, left = 7 * (k // 2), 7 * (k % 2)
        x[i, top : top + 4, left : left + 4] += 0.35
    return pl.Dataset(np.clip(x, 0, 1), t, class_names=HOSTILE)


@pytest.fixture(scope="session")
def run(blobs):
    network = pl.Sequential(
        [pl.Conv2D(4, 3, name="conv"), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(3, name="scores")],
        input_shape=(12, 12, 1),
        seed=1,
    )
    history = pl.fit(network, blobs, epochs=2, batch_size=30, optimizer="adam", validation=blobs, progress=False)
    return network, history


@pytest.fixture(scope="session")
def page(run, blobs) -> str:
    network, history = run
    return html_report(network, blobs, history=history, name=HOSTILE[0], methods=QUICK)
