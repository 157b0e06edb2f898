"""`PellucidRegressor`: numbers to hit, one or several for each row."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from pellucid.data import Dataset
from pellucid.layers import Container
from pellucid.losses import Loss, MeanSquaredError, as_loss
from pellucid.sklearn.estimator import Estimator
from pellucid.sklearn.watch import Score
from pellucid.training import predict
from pellucid.typing import Array


class PellucidRegressor(RegressorMixin, Estimator):
    """A network that hits numbers, one or several for each row, with scikit-learn's interface.

    Parameters and attributes are those of `PellucidClassifier` without classes; `validation_scores_` are R². The loss
    is the mean squared error by default. Numbers of another scale than about 1 are learnt best through
    `sklearn.compose.TransformedTargetRegressor`.

    Examples
    --------
    >>> from pellucid.sklearn import PellucidRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = PellucidRegressor(learning_rate=0.01, random_state=0).fit(X, X[:, 0] ** 2)
    >>> model.score(X, X[:, 0] ** 2) > 0.95
    True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through these rows once, with the optimiser as the rows before left it."""
        return self._learn(X, y, sample_weight, again=True, partial=True)

    def predict(self, X: Any) -> Array:
        """Return the numbers for rows X: (N,), or (N, M) where there are several."""
        y = self._ask(predict, X).astype(np.float64)
        return y[:, 0] if y.shape[1] == 1 else y

    def _targets(
        self, y: Any, weights: Array | None, first: bool, partial: bool, classes: Any
    ) -> tuple[Array, Array | None]:
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        t = np.asarray(y, np.float64).reshape(len(y), -1)
        if not first and t.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {t.shape[1]} outputs, and the network was trained for {self.n_outputs_}.")
        return t, weights

    def _outputs(self, t: Array) -> tuple[int, ...]:
        return (t.shape[1],)

    def _loss(self, network: Container[Any]) -> Loss:
        return MeanSquaredError() if self.loss is None else as_loss(self.loss)

    def _class_names(self) -> list[str]:
        return []

    def _score_on(self, held_out: Dataset) -> Score:
        def score(network: Container[Any], row: dict[str, Any]) -> float:
            return float(r2_score(held_out.t, predict(network, held_out.x), sample_weight=held_out.weights))

        return score

    def _aim(self, target: Any) -> Any:
        return 0 if isinstance(target, str) and target == "predicted" and self.n_outputs_ == 1 else target

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
