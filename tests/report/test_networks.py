"""Reports about networks with branches: all that can be shown is, and what cannot says why."""

from __future__ import annotations

import html

import numpy as np
import pytest

import pellucid as pl
from pellucid.explain import METHODS
from pellucid.models import small_resnet
from pellucid.report import html_report

ASKED = [METHODS[name] for name in ("saliency", "grad-cam", "lrp", "occlusion", "cam")]


def graph(last) -> pl.Graph:
    return pl.Graph(
        {
            "conv1": (pl.Conv2D(4, 3, padding="same"), "input"),
            "norm1": (pl.BatchNorm(), "conv1"),
            "relu1": (pl.ReLU(), "norm1"),
            "conv2": (pl.Conv2D(4, 3, padding="same"), "relu1"),
            "sum": (pl.Add(), ["relu1", "conv2"]),
            "last": (last, "sum"),
            "flat": (pl.Flatten(), "last"),
            "scores": (pl.Affine(3), "flat"),
        },
        input_shape=(12, 12, 1),
    )


def texts(network, blobs) -> str:
    return html.unescape(html_report(network, blobs, methods=ASKED))


def test_a_graph_with_batch_normalisation_after_a_convolution(blobs):
    page = texts(graph(pl.ReLU()), blobs)

    assert ">LRP-ε</figcaption>" in page
    assert "conservation off by" in page
    assert [name in page for name in ('data-layer="conv1"', 'data-layer="conv2"', 'data-layer="scores"')] == [True] * 3
    assert "Layers with weights: 3 of 3 are shown." in page


def test_a_map_that_cannot_be_made_is_missing_with_its_reason_and_remedy(blobs):
    page = texts(graph(pl.BatchNorm()), blobs)

    assert "Without LRP-ε: lrp: BatchNorm 'last' cannot be folded" in page
    assert "or use integrated_gradients." in page
    assert ">Grad-CAM</figcaption>" in page


@pytest.fixture(scope="module")
def resnet_page(blobs):
    network = small_resnet(input_shape=(12, 12, 1), classes=3)
    pl.fit(network, blobs, iterations=2, batch_size=30, optimizer="adam", progress=False)
    return network, texts(network, blobs)


def test_layers_within_residual_blocks_are_shown_from_end_to_end(resnet_page):
    network, page = resnet_page

    assert all(f'data-layer="{name}"' in page for name in ("stem", "residual2.branch.conv2d2", "affine1"))
    assert "Layers with weights: 6 of 10 are shown." in page
    assert "Without" not in page
    assert all(np.isfinite(p).all() for p in network.params.values())
