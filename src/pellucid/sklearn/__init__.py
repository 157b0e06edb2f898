"""scikit-learn's estimators with Pellucid's networks inside: `PellucidClassifier` and `PellucidRegressor`."""

from pellucid.checks import require

require("sklearn", "pellucid.sklearn", "sklearn")

from pellucid.sklearn.classifier import PellucidClassifier as PellucidClassifier  # noqa: E402
from pellucid.sklearn.regressor import PellucidRegressor as PellucidRegressor  # noqa: E402
