"""`pellucid export`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from pellucid.cli.common import expect_file, load_model
from pellucid.cli.prepare import Preparation, preparation_options
from pellucid.cli.ranges import NAME, Whole
from pellucid.errors import ArgumentError
from pellucid.interop import save, save_keras, save_onnx
from pellucid.interop.onnx.save import NEWEST, OLDEST
from pellucid.shown import shown
from pellucid.specs import LAYOUTS


class Form(NamedTuple):
    """A kind of file: how messages call it, what writes it, and the options that it heeds."""

    words: str
    write: Callable[..., None]
    heeds: tuple[str, ...] = ()


FORMS = {
    ".onnx": Form("an ONNX file", save_onnx, ("opset", "layout", "probabilities")),
    ".keras": Form("a file of Keras", save_keras),
    ".safetensors": Form("a model file of ours", save, ("layout",)),
}
"""By the suffix of the file."""


@click.command("export")
@click.argument("model", type=NAME)
@click.option("--out", required=True, type=NAME, metavar="FILE", help=f"Where to; it ends in {' or '.join(FORMS)}.")
@click.option("--opset", type=Whole(OLDEST, NEWEST), help=f"ONNX: the version of the operators; {OLDEST} if left out.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="How images come and go; in ONNX channels-last if left out.",
)
@click.option("--probabilities", is_flag=True, default=None, help="ONNX: give probabilities in place of scores.")
@partial(preparation_options, own="layout")
def export_command(model: Path, out: Path, preparation: Preparation, **options: Any) -> None:
    """Write a MODEL file for other programs, as ONNX or for Keras; or what came from elsewhere as a file of ours.

    How pictures are prepared and what the classes are called is kept in either, as far as MODEL or the options say it.

    \b
    pellucid export runs/mnist-cnn/model.safetensors --out mnist-cnn.onnx
    pellucid export model.safetensors --out model.onnx --opset 17 --layout channels-first
    pellucid export model.safetensors --out model.keras
    pellucid export resnet.onnx --out resnet.safetensors --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    form = FORMS[expect_file(out, *FORMS, read=[model, *preparation.files]).suffix.lower()]
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in form.heeds:
            raise ArgumentError(f"--{name}: says nothing about {form.words}, {out.name!r}. Leave it out.")
    if form.write is save:  # there it says how the samples lie that the network takes
        preparation = replace(preparation, layout=given.pop("layout", None))
    network, _ = load_model(model, preparation)
    form.write(network, out, **given)
    click.echo(f"wrote {shown(out)}, {form.words} of {network.size:,} parameters")
