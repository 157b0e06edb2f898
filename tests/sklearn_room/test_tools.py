"""The estimators work in scikit-learn's tools: pipelines, searches in several processes, calibration, importances."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid as pl
from pellucid.sklearn import PellucidClassifier, PellucidRegressor

X, Y = load_iris(return_X_y=True)
MODEL = PellucidClassifier(8, epochs=40, learning_rate=0.01, random_state=0)
GRID = {"pellucidclassifier__hidden_sizes": [4, (8, 8)], "pellucidclassifier__alpha": [None, 0.01]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # joblib's own
def test_a_search_in_two_processes_finds_what_one_finds():
    pipeline = make_pipeline(StandardScaler(), MODEL)
    one, two = (GridSearchCV(pipeline, GRID, cv=2, n_jobs=jobs).fit(X, Y) for jobs in (1, 2))

    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])
    assert one.best_score_ > 0.8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_processes_share_the_cores():
    from joblib import Parallel, cpu_count, delayed

    told = Parallel(n_jobs=2)(delayed(pl.get_num_threads)() for _ in range(2))
    assert max(told) <= max(1, cpu_count() // 2)


def test_successive_halving_gives_epochs_to_the_promising():
    search = HalvingGridSearchCV(
        MODEL, {"learning_rate": [0.1, 0.01, 0.001]}, resource="epochs", max_resources=9, cv=2, random_state=0
    ).fit(X, Y)

    assert search.n_resources_ == [3, 9]


def test_cross_validation_calibration_and_importances():
    assert cross_val_score(MODEL, X, Y, cv=2).mean() > 0.8
    assert CalibratedClassifierCV(MODEL, cv=2).fit(X, Y).score(X, Y) > 0.8
    found = permutation_importance(MODEL.fit(X, Y), X, Y, n_repeats=2, random_state=0)
    assert found.importances_mean.argmax() in (2, 3)  # the petals, as everybody finds


def test_a_regressor_in_a_pipeline():
    model = make_pipeline(StandardScaler(), PellucidRegressor(8, epochs=60, learning_rate=0.01, random_state=0))
    assert cross_val_score(model, X[:, :3], X[:, 3], cv=3).shape == (3,)
