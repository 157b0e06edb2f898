from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pellucid.cli.summary import summary_command
from pellucid.errors import ArgumentError


def run(*arguments):
    return CliRunner().invoke(summary_command, [str(a) for a in arguments], catch_exceptions=False).output


def test_every_form_has_the_total():
    assert "1,199,882 trainable parameters" in run("mnist-cnn")
    assert "1,199,882 trainable parameters" in run("mnist-cnn", "--format", "markdown")
    assert json.loads(run("mnist-cnn", "--format", "json"))["trainable"] == 1_199_882


def test_the_rich_table_is_not_cut():
    shown = run("resnet", "--format", "rich")

    assert "residual3.shortcut.batchnorm1" in shown
    assert "GlobalAveragePool2D" in shown


def test_measuring_adds_columns():
    assert "measured on 20 samples" in run("two-layer-net", "--measure", 20)


def test_the_diagram_is_written(tmp_path):
    run("two-layer-net", "--diagram", tmp_path / "a.svg")
    run("two-layer-net", "--diagram", tmp_path / "a.png")

    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ArgumentError, match=r"must end in .svg or .png"):
        run("two-layer-net", "--diagram", tmp_path / "a.gif")
