"""`pellucid export`: a model file becomes a file of another program, or one line says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import pellucid as pl
from pellucid.cli import export

onnx = pytest.importorskip("onnx")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def model(run: Run) -> None:
    """The folder in which commands run holds a model file."""
    pl.save(pl.Sequential([pl.Conv2D(2, 3), pl.Flatten(), pl.Affine(3)], input_shape=(5, 5, 1)), "m.safetensors")


def test_a_model_is_written_and_said_so(run):
    code, out, err = run("export", "m.safetensors", "--out", "m.onnx")

    assert (code, out, err) == (0, "wrote m.onnx, an ONNX file of 77 parameters\n", "")
    assert onnx.load("m.onnx").opset_import[0].version == 13


def test_options_reach_the_file(run):
    run("export", "m.safetensors", "--out", "m.onnx", "--opset", 17, "--layout", "channels-first", "--probabilities")

    graph = onnx.load("m.onnx")
    assert graph.opset_import[0].version == 17
    assert [size.dim_value for size in graph.graph.input[0].type.tensor_type.shape.dim] == [0, 1, 5, 5]
    assert graph.graph.node[-1].op_type == "Softmax"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["m.safetensors", "--out", "m.h5"],
            r"--out: the file must end in \.onnx or \.keras or \.safetensors, got 'm\.h5'",
        ),
        (["m.safetensors", "--out", "m.keras", "--opset", "13"], r"--opset: says nothing about a file of Keras"),
        (["m.safetensors"], "Missing option '--out'"),
        (["m.safetensors", "--out", "m.onnx", "--opset", "12"], "12 is not in the range 13<=x<=26"),
        (["m.safetensors", "--out", "m.onnx", "--layout", "nchw"], "'nchw' is not one of"),
        (["absent.safetensors", "--out", "m.onnx"], "there is no file absent.safetensors"),
        (["m.safetensors", "--out", "there/m.onnx"], "there is no folder"),
    ],
)
def test_bad_arguments_take_one_line_and_write_nothing(run, arguments, message):
    before = sorted(Path().iterdir())
    code, out, err = run("export", *arguments)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(message, err)
    assert sorted(Path().iterdir()) == before


def test_an_option_that_says_nothing_of_the_file_is_refused(run, monkeypatch):
    monkeypatch.setitem(export.FORMS, ".odd", export.Form("an odd file", lambda *_: None))
    code, _, err = run("export", "m.safetensors", "--out", "m.odd", "--opset", 13)

    assert code == 2
    assert err == "pellucid: --opset: says nothing about an odd file, 'm.odd'. Leave it out.\n"
