"""docs/coming-from.md is true: both sides of each pair run, in the order of the page, and give the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

PAGE = (Path(__file__).parents[1] / "docs" / "coming-from.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
Names = dict[str, Any]


def pair(peer: str) -> tuple[str, str]:
    """The lines there and the lines here."""
    at = next(i for i, block in enumerate(BLOCKS) if block.startswith(f"# {peer}\n"))
    assert BLOCKS[at + 1].startswith("# pellucid\n")
    return BLOCKS[at], BLOCKS[at + 1]


def run(code: str, names: Names) -> Names:
    exec(compile(code, "docs/coming-from.md", "exec"), names)
    return names


@pytest.fixture(scope="module")
def data() -> Names:
    return run(BLOCKS[0], {})


@pytest.fixture
def both(data, tmp_path, monkeypatch):
    """Run a pair beginning with the page's data and more names; return those of both sides."""
    monkeypatch.chdir(tmp_path)

    def sides(peer: str, **more: Any) -> tuple[Names, Names]:
        there, here = pair(peer)
        theirs = run(there, {**data, **more})
        return theirs, run(here, {**theirs, **data, **more})

    return sides


def assert_both_learnt(theirs: Names, ours: Names) -> None:
    assert theirs["accuracy"] > 0.8
    assert ours["accuracy"] > theirs["accuracy"] - 0.03


def test_every_pair_of_the_page_has_a_test():
    heads = [block.split("\n")[0] for block in BLOCKS[1::2]]
    assert heads == ["# keras", "# torch", "# captum", "# sklearn", "# onnxruntime"]
    assert len(BLOCKS) == 1 + 2 * len(heads)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")
def test_keras(both, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    theirs, ours = both("keras")

    assert_both_learnt(theirs, ours)
    assert ours["probabilities"].shape == theirs["probabilities"].shape
    there = pl.load_keras("digits.keras")(ours["x_test"][:5])
    np.testing.assert_allclose(there, theirs["probabilities"], atol=1e-5)


def test_torch_and_captum(both):
    torch = pytest.importorskip("torch")
    theirs, ours = both("torch")
    assert_both_learnt(theirs, ours)

    pytest.importorskip("captum")
    model, twin = theirs["model"], ours["model"]
    for name, layer in (("affine1", model[1]), ("affine2", model[3])):  # the same weights on both sides
        twin.params[f"{name}.W"][...] = layer.weight.detach().numpy().T
        twin.params[f"{name}.b"][...] = layer.bias.detach().numpy()
    there, here = pair("captum")
    said = run(there, {**theirs, "torch": torch})
    mine = run(here, {**ours})
    np.testing.assert_allclose(mine["saliency"], said["saliency"].numpy(), atol=1e-5)
    scale = np.abs(said["contributions"].detach().numpy()).max()
    np.testing.assert_allclose(
        mine["contributions"].values, said["contributions"].detach().numpy(), atol=0.05 * scale
    )  # other points on the way
    assert mine["contributions"].proof.holds.all()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn(both):
    pytest.importorskip("sklearn")
    assert_both_learnt(*both("sklearn"))


def test_onnxruntime(both):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(10)], input_shape=(28, 28, 1))
    pl.save_onnx(model, "digits.onnx")
    theirs, ours = both("onnxruntime")

    np.testing.assert_allclose(ours["scores"], theirs["scores"], atol=1e-5)
    assert ours["maps"].shape == (5, 26, 26, 1)
