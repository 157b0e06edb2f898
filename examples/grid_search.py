"""A grid search over digits of 8x8 pixels: PellucidClassifier beside scikit-learn's MLPClassifier.

python examples/grid_search.py [--quick]

Both are searched in the same pipeline, over as many candidates, on the same folds, one after the other on one machine
and on one thread each. A third of the digits is kept from the searches, and the candidate that a search chose is scored
on it, once. All is repeated with other splits.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

import pellucid as pl
from pellucid.sklearn import PellucidClassifier

SEARCHED = {
    "MLPClassifier": (
        MLPClassifier(),
        {"model__hidden_layer_sizes": [(100,), (100, 50)], "model__alpha": [1e-4, 1e-2]},
    ),
    "PellucidClassifier": (
        PellucidClassifier(image_shape=(8, 8), epochs=10, batch_size=32, schedule="one-cycle", learning_rate=0.01),
        {"model__filters": [(16, 32), (32, 32)], "model__dropout": [0.0, 0.25]},
    ),
}


def searched(name: str, seed: int, folds: int, quick: bool) -> tuple[float, float]:
    """Return the accuracy on digits that the search has not seen, and the seconds that it took."""
    digits, labels = load_digits(return_X_y=True)
    train, test, t, held_out = train_test_split(digits, labels, test_size=1 / 3, stratify=labels, random_state=seed)
    model, grid = SEARCHED[name]
    pipeline = Pipeline([("scale", MinMaxScaler()), ("model", model.set_params(random_state=seed))])
    grid = {key: values[:1] for key, values in grid.items()} if quick else grid
    search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
    started = time.perf_counter()
    search.fit(train, t)
    seconds = time.perf_counter() - started
    return float(search.score(test, held_out)), seconds


def main(splits: int, folds: int, quick: bool) -> None:
    pl.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)  # 200 epochs are what MLPClassifier takes
    SEARCHED["PellucidClassifier"][0].fit(np.random.default_rng(0).random((20, 64)), np.arange(20) % 2)  # loads kernels
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SEARCHED}
    print("split" + "".join(f"{name:>30}" for name in SEARCHED))
    for seed in range(splits):
        for name in list(SEARCHED)[:: 1 if seed % 2 else -1]:  # each goes first in turn
            found[name].append(searched(name, seed, folds, quick))
        print(f"{seed:5}" + "".join("{:19.4f} {:8.2f} s".format(*found[name][-1]) for name in SEARCHED))
    for word, (name, results) in zip(("published  none; beside it", "ours      "), found.items(), strict=True):
        (accuracy, seconds), (spread, more) = np.mean(results, axis=0), np.std(results, axis=0)
        print(f"{word} {name} {accuracy:.4f} ± {spread:.4f} of the digits kept, {seconds:.2f} ± {more:.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one split, two folds, one candidate each")
    quick = parser.parse_args().quick
    with threadpool_limits(1):
        main(*((1, 2, True) if quick else (5, 3, False)))
