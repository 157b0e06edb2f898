"""Run scikit-learn's checks over our estimators, each of its name; print what was not passed, as JSON."""

import json
import sys
import warnings

from sklearn.utils.estimator_checks import check_estimator

from pellucid.sklearn import PellucidClassifier, PellucidRegressor

ESTIMATORS = {
    "classifier": PellucidClassifier(),
    "regressor": PellucidRegressor(),
    "convolutional-classifier": PellucidClassifier(image_shape="signal", filters=8, epochs=30, learning_rate=0.01),
    "convolutional-regressor": PellucidRegressor(image_shape="signal", filters=8, epochs=30, learning_rate=0.01),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    said = {}
    for name, estimator in ESTIMATORS.items():
        records = check_estimator(estimator, on_fail=None, on_skip=None)
        missed = [f"{r['check_name']} {r['status']}: {r['exception']}" for r in records if r["status"] != "passed"]
        said[name] = {"checks": len(records), "missed": missed}
    json.dump(said, sys.stdout)
