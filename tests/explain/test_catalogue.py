"""The catalogue: every method has a line, keeps what the line promises, and is asked by that name."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from methods import METHODS
from pellucid import explain
from pellucid.errors import ArgumentError
from pellucid.explain.catalogue import chosen, explain_by_each

FILES = sorted(Path(explain.__file__).parent.joinpath("methods").glob("[!_]*.py"))
FORMS = {"squaregrad", "vargrad"}
"""Of SmoothGrad; asked for in code."""


def pooled(**options):
    """A network that CAM fits, on images of 0…1."""
    layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Conv2D(6, 3), pl.ReLU(), pl.GlobalAveragePool2D(), pl.Affine(3)]
    return pl.Sequential(layers, input_shape=(9, 8, 2), seed=2, dtype=np.float64)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 9, 8, 2))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_of_methods_has_its_functions_in_the_catalogue(path):
    calls = (method.call for method in explain.METHODS.values())
    listed = {(call.func if isinstance(call, partial) else call).__name__ for call in calls}
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    explaining = {node.name for node in functions if node.returns and ast.unparse(node.returns) == "Explanation"}
    assert explaining
    assert explaining - FORMS <= listed


@pytest.mark.parametrize("name", explain.METHODS)
def test_a_method_keeps_what_its_line_promises(name, images):
    said = METHODS[name](pooled(), images, 1)
    promise = explain.METHODS[name].promise
    if promise:
        assert said.proof.name == promise
        assert said.proof.holds.all()


@pytest.mark.parametrize("name", explain.METHODS)
def test_a_method_without_a_promise_proves_nothing_of_a_network_with_biases(name, images):
    network = pooled()
    network.params["affine1.b"][...] = [0.3, -0.2, 0.1]
    if not explain.METHODS[name].promise:
        assert METHODS[name](network, images, 1).proof is None


@pytest.mark.parametrize("name", explain.METHODS)
def test_only_what_takes_a_layer_is_told_one(name, images):
    method, asked = explain.METHODS[name], []

    def call(network, x, target, **options):
        asked.append(options)
        return explain.saliency(network, x, target)

    one = explain.Method(name, method.label, call, takes_layer=method.takes_layer)
    explain_by_each(pooled(), images, 1, [one], layer="relu1")
    assert asked == [{"layer": "relu1"} if method.takes_layer else {}]


def test_a_name_chooses_and_no_name_takes_what_is_not_slow():
    assert [m.name for m in chosen(["lrp", "saliency", "lrp"])] == ["lrp", "saliency"]
    assert [m.name for m in chosen([])] == [m.name for m in explain.METHODS.values() if not m.slow]
    assert len(chosen(["all"])) == len(explain.METHODS)
    with pytest.raises(ArgumentError, match="saliency"):
        chosen(["salience"])


def test_a_method_that_does_not_fit_is_refused_with_its_reason_or_raises():
    network = pl.Sequential([pl.Affine(4), pl.ReLU(), pl.Affine(3)], input_shape=5, seed=1)
    x, methods = np.ones((2, 5), np.float32), chosen(["saliency", "grad-cam"])
    found = explain_by_each(network, x, 0, methods)
    assert [method.name for method, _ in found.given] == ["saliency"]
    ((refused, reason),) = found.refused
    assert refused.name == "grad-cam"
    assert "grad_cam" in reason
    with pytest.raises(ArgumentError, match="grad_cam"):
        explain_by_each(network, x, 0, methods, strict=True)


def test_the_trust_card_calls_a_method_as_the_catalogue_does():
    network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)], input_shape=(8, 8, 1), seed=1)
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    card = explain.evaluate.trust_card(network, explain.METHODS["grad-cam"], x, images=2)
    assert card.method == "Grad-CAM"
    layered = explain.evaluate.trust_card(network, partial(explain.METHODS["grad-cam"], layer="relu1"), x, images=2)
    assert layered.method == "Grad-CAM(layer='relu1')"
