"""What the pictures of a command are made of: a network, its data as far as they are known, and the chosen images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.cli.common import class_names, load_model, looked_at, rows_of, shaped_for
from pellucid.cli.prepare import Preparation
from pellucid.cli.sources import Source, data_of, read_for, tell
from pellucid.data import Dataset
from pellucid.data.incoming import as_written, read_inputs
from pellucid.errors import DataError
from pellucid.layers import Container
from pellucid.layers.door import has_door, inward
from pellucid.losses import Loss
from pellucid.outputs import hits_numbers, knows_chances
from pellucid.pictures import pixels
from pellucid.report import Sample
from pellucid.report.choose import is_index, read_samples, stack
from pellucid.shown import shown
from pellucid.specs import pictures_of
from pellucid.typing import Array


def model_file(run: Path) -> Path:
    """Return the model file of a run's directory, or the file itself."""
    path = run / "model.safetensors" if run.is_dir() else run
    if not path.is_file():
        raise DataError(f"{run}: no run is there. Give a run's directory or a model file; `pellucid train` makes one.")
    return path


def files_read(
    run: Path, source: Source, images: Sequence[str] = (), preparation: Preparation | None = None
) -> list[str | Path]:
    """Return the files that a command about a run reads."""
    path = run / "model.safetensors" if run.is_dir() else run
    return [*read_for(path, source), *images, *([] if preparation is None else preparation.files)]


class Desk:
    """A network, its data and the images that were chosen.

    `whole` is the network as its file has it; `network` is looked at behind its door, so that here all pictures have
    their channels last. `train` and `test` are None where nothing says which data there are, and none are needed.
    """

    def __init__(
        self,
        network: Container[Any],
        loss: Loss | None,
        data: tuple[Dataset, Dataset] | None,
        images: tuple[str, ...],
        source: Source,
    ) -> None:
        self.whole, self.loss, self.source = network, loss, source
        self.network = looked_at(network)
        self.train: Dataset | None = None if data is None else shaped_for(self.network, data[0])
        self.test: Dataset | None = None if data is None else shaped_for(self.network, data[1])
        self.samples: list[Sample] = read_samples(images, self.train, self.test, self._read)
        tell((sample.name, sample.notes) for sample in self.samples)
        self.names = class_names(self.network)
        if network.inputs is None and self.test is not None and self.test.class_names:
            self.names = list(self.test.class_names)
        self.classes = len(self.names)

    @classmethod
    def open(
        cls, run: Path, source: Source, images: tuple[str, ...], preparation: Preparation, *, needs_data: bool = False
    ) -> Desk:
        """Read everything, before anything is computed. Images that are files need no data beside them."""
        network, loss = load_model(model_file(run), preparation)
        needed = needs_data or source.path is not None or any(map(is_index, images))
        try:
            data = data_of(model_file(run), looked_at(network), source)
        except DataError:
            if needed:
                raise
            data = None
        return cls(network, loss, data, images, source)

    def _read(self, text: str) -> tuple[Array, tuple[str, ...]]:
        """Return what a file holds, as the network is looked at."""
        table = as_written(text, self.source.csv)
        shape, spec = self.whole.input_shape or (), self.whole.inputs
        found, notes = read_inputs(text, shape, spec, pictures=self.source.pictures, table=table)
        return (inward(found) if has_door(self.whole) else found), notes

    def need_test(self, what: str) -> Dataset:
        """Return the test data; raise DataError where there are none."""
        if self.test is None:
            raise DataError(f"{what}: needs data to look through. Give --data: IDX files, a CSV file, or mnist.")
        return self.test

    def pictures(self) -> Array:
        """Return the chosen images as a person sees them, (N, H, W) or (N, H, W, 3) in 0..1."""
        return pixels.shown_images("explain", pictures_of(stack(self.samples), self.network.inputs))

    def headings(self) -> list[str]:
        """Return for each image what the network says of it."""
        rows = rows_of(self.network, stack(self.samples), self.loss)
        if hits_numbers(self.network):
            said = [", ".join(f"{value:.4g}" for value in row) for row in rows]
        elif not knows_chances(self.network, self.loss):  # the scores say which class, and not how surely
            said = [self.names[k] for k in rows.argmax(axis=1)]
        else:
            said = [f"{self.names[k]} ({row[k]:.1%})" for k, row in zip(rows.argmax(axis=1), rows, strict=True)]
        lines = []
        for sample, answer in zip(self.samples, said, strict=True):
            truth = "" if sample.truth is None else f", truth {self.names[sample.truth]}"
            lines.append(shown(f"{sample.name}: predicted {answer}{truth}"))
        return lines
