"""Your own data: a folder of IDX files, or a CSV file with one sample a line.

python examples/own_data.py                 # a folder made from MNIST, so that there is something to read
python examples/own_data.py FOLDER
python examples/own_data.py TABLE.csv       # the column label, target, class or y is what is learnt
"""

import argparse
from pathlib import Path

import pellucid as pl

PUBLISHED = "0.9687 test, the book's two-layer network on these digits"
RUNS = Path("runs")


def write_digits(folder: Path) -> Path:
    """Write MNIST as raw IDX files, as if they were your own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (x, t) in zip(("train", "t10k"), pl.load_mnist(normalize=False, flatten=False), strict=True):
        pl.write_idx(folder / f"{name}-images-idx3-ubyte", x[..., 0])
        pl.write_idx(folder / f"{name}-labels-idx1-ubyte", t)
    return folder


def read(path: Path) -> tuple[pl.Dataset, pl.Dataset]:
    """Return (train, test)."""
    if path.is_dir():
        return pl.load_directory(path)  # pixels are divided by 255
    table = pl.load_csv(path)  # of a DataFrame: pl.from_dataframe(frame, target="species")
    test, train = table.split(0.2, rng=0)  # shuffled, every class in proportion
    mean, std = train.x.mean(axis=0), train.x.std(axis=0) + 1e-7  # of the training samples only
    options = {"classes": table.classes, "class_names": table.class_names}
    return pl.Dataset((train.x - mean) / std, train.t, **options), pl.Dataset((test.x - mean) / std, test.t, **options)


def main(path: Path | None, epochs: int) -> None:
    train, test = read(path or write_digits(RUNS / "own_data"))
    print(train)
    network = pl.Sequential([pl.Affine(50), pl.ReLU(), pl.Affine(train.classes)])
    history = pl.fit(
        network,
        train,
        epochs=epochs,
        batch_size=min(100, max(1, len(train) // 10)),
        optimizer=pl.Adam(0.001),
        validation=0.1,
    )
    measured = pl.evaluate(network, test)
    if path is None:
        print(f"published  {PUBLISHED}")
    print(f"ours       {measured.accuracy:.4f} test")

    predicted = pl.predict_classes(network, test.x)
    RUNS.mkdir(exist_ok=True)
    pl.plots.confusion_matrix(test.t, predicted, test.class_names).savefig(RUNS / "own_data_confusion.png")
    pl.plots.learning_curves(history).savefig(RUNS / "own_data_curves.png")
    pl.save(network, RUNS / "own_data.safetensors")
    print(f"wrote {RUNS / 'own_data.safetensors'} and its pictures")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--quick", action="store_true", help="one epoch in place of ten")
    options = parser.parse_args()
    main(options.path, 1 if options.quick else 10)
