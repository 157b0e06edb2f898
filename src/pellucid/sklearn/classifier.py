"""`PellucidClassifier`: one class of two or more for each row, or several yes-or-no answers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d

from pellucid import checks
from pellucid.data import Dataset
from pellucid.layers import Container
from pellucid.losses import CrossEntropy, Loss, LossLike, SigmoidCrossEntropy, as_loss
from pellucid.optimizers import OptimizerLike
from pellucid.outputs import ending, knows_chances
from pellucid.schedules import Rate
from pellucid.sklearn.estimator import Estimator
from pellucid.sklearn.explained import mapped
from pellucid.sklearn.watch import Score
from pellucid.training import predict, predict_classes, predict_proba
from pellucid.training.evaluation import usual_loss
from pellucid.typing import Array


def _knows_chances(estimator: Any) -> bool:
    """Whether there are probabilities; a margin or a distance has none."""
    return not hasattr(estimator, "network_") or knows_chances(estimator.network_)


class PellucidClassifier(ClassifierMixin, Estimator):
    """A network that tells classes apart, with scikit-learn's interface.

    Rows that are equal are taken together and count as often as they stand, so that `sample_weight` is the same as
    repeating rows, and their order does not matter. Numbers and parameters are float32.

    Parameters
    ----------
    hidden_sizes : int or sequence of int, default=(100,)
        The units of each hidden layer.
    image_shape : (H, W), (H, W, C) or "signal", optional
        Makes pictures of the rows, and convolutions before the hidden layers the default. "signal" is for features
        that follow one another, a spectrum or a series: the convolutions run along them.
    filters : int or sequence of int, default=(16, 32)
        The filters of each convolution, which pooling by 2 follows; for pictures and signals.
    kernel_size : int or (KH, KW), default=3
    activation : str, default="relu"
        Any activation of the package, in lower case.
    dropout : float, default=0
        The share of hidden units that fall silent in each step.
    network : optional
        What takes the place of all this: a recipe's name (`pl.models.recipes.RECIPES`), a network, of which a copy is
        trained from the parameters that it has, a list of layers, or a function (input_shape, outputs) that makes one.
    loss : Loss or name, optional
        By default softmax with cross-entropy, for several labels at once sigmoid with cross-entropy.
    optimizer : name or Optimizer, default="adam"
    learning_rate : float or Schedule, optional
        By default the optimiser's own.
    schedule : "cosine", "one-cycle" or a function (learning_rate, iterations), optional
        How the rate falls over the iterations that are planned.
    alpha : float, optional
        Weight decay; by default the optimiser's own, which is 0 for most.
    epochs : int, default=100
    batch_size : int or "auto"
        "auto" makes batches of one size of at most 100.
    augment : callable, optional
        As in `pl.fit`.
    class_weight : "balanced" or dict, optional
    early_stopping : bool, default=False
        Whether to hold out samples, stop when the score on them gets no better, and give back the best parameters.
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=10
        Epochs without an improvement, of the score or else of the training loss, after which training ends.
    tol : float or None, default=1e-4
        Less than this is no improvement. None trains for all `epochs` where nothing is held out.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters of the last one.
    random_state : int, RandomState or None
        Of first parameters, order of batches, dropout, and what is held out.
    verbose : bool, default=False
        Whether each epoch prints a line.

    Attributes
    ----------
    network_ : the trained network, for `pl.save`, `pl.summary`, `pl.explain` and all else
    classes_ : (K,), n_classes_ : int, n_outputs_ : int
    n_features_in_ : int, feature_names_in_ : (D,) where X had names
    n_iter_ : int, epochs of the last training; t_ : int, samples taken in all
    loss_ : float, loss_curve_ : list, one mean loss for each epoch
    validation_scores_ : list of accuracies, best_validation_score_ : float; None without early stopping

    Examples
    --------
    >>> from pellucid.sklearn import PellucidClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = PellucidClassifier(learning_rate=0.01, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> model.explain(X[:2]).values.shape
    (2, 4)
    """

    def __init__(
        self,
        hidden_sizes: Any = (100,),
        *,
        image_shape: Any = None,
        filters: Any = (16, 32),
        kernel_size: Any = 3,
        activation: str = "relu",
        dropout: float = 0.0,
        network: Any = None,
        loss: LossLike | None = None,
        optimizer: OptimizerLike = "adam",
        learning_rate: Rate | None = None,
        schedule: Any = None,
        alpha: float | None = None,
        epochs: int = 100,
        batch_size: int | str = "auto",
        augment: Any = None,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float | None = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_sizes,
            image_shape=image_shape,
            filters=filters,
            kernel_size=kernel_size,
            activation=activation,
            dropout=dropout,
            network=network,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            schedule=schedule,
            alpha=alpha,
            epochs=epochs,
            batch_size=batch_size,
            augment=augment,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go through these rows once, with the optimiser as the rows before left it.

        `classes` names all that there will be; the first call needs it.
        """
        if self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' is not supported for partial_fit: give the weights themselves.")
        return self._learn(X, y, sample_weight, again=True, partial=True, classes=classes)

    def predict(self, X: Any) -> Array:
        """Return the class of each row (N,), or its yes-or-no answers (N, L)."""
        check_is_fitted(self)
        if self._multilabel:
            return np.asarray(self._ask(predict_proba, X) > 0.5, int)
        return np.asarray(self.classes_[self._ask(predict_classes, X)])

    @available_if(_knows_chances)
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class for rows X (N, K)."""
        return self._ask(predict_proba, X)

    @available_if(_knows_chances)
    def predict_log_proba(self, X: Any) -> Array:
        """Return their logarithms; −∞ where float32 has 0 for a probability."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def decision_function(self, X: Any) -> Array:
        """Return the scores that probabilities are made of (N, K); of two classes one, their difference (N,).

        They tell apart what float32 probabilities near 0 and 1 no longer do, as for an area under a curve.
        """
        y = self._ask(predict, X)
        kind = ending(self.network_)
        if kind:
            p = np.clip(y, np.finfo(y.dtype).tiny, 1 - np.finfo(y.dtype).epsneg)
            y = np.log(p) - (np.log1p(-p) if kind == "Sigmoid" else 0)
        if self._multilabel or self.n_classes_ > 2:
            return y
        if y.shape[1] == 2:
            return np.asarray(y[:, 1] - y[:, 0])
        return y[:, 0] if _knows_chances(self) else y[:, 0] - 0.5  # a distance has learnt the numbers 0 and 1

    def _targets(
        self, y: Any, weights: Array | None, first: bool, partial: bool, classes: Any
    ) -> tuple[Array, Array | None]:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Multioutput target data with several classes in a column is not supported. "
                "Take sklearn.multioutput.MultiOutputClassifier."
            )
        self._multilabel = kind == "multilabel-indicator"
        if self._multilabel:
            y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
            found = np.arange(y.shape[1])
        else:
            y = column_or_1d(y, warn=True)
            found = np.unique(y)
        self._learn_classes(found, first, partial, classes)
        t = y.astype(np.float32) if self._multilabel else np.searchsorted(self.classes_, y)
        counted = t if weights is None else t[weights > 0]
        if not (partial or self._multilabel or (counted != counted[0]).any()):
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, "
                f"but the data contains only one class: {self.classes_[counted[0]]!r}"
            )
        return t, self._weighed(y, t, weights)

    def _learn_classes(self, found: Array, first: bool, partial: bool, given: Any) -> None:
        """Set `classes_`, or see whether the classes of these targets are those of the training before."""
        if partial and first:
            if given is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(given)
        elif partial and given is not None and not np.array_equal(self.classes_, unique_labels(given)):
            raise ValueError(
                f"`classes={given!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        elif first:
            self.classes_ = found
        elif not partial and not np.array_equal(self.classes_, found):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {found}"
            )
        if np.setdiff1d(found, self.classes_).size:
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )
        self.n_classes_ = len(self.classes_)

    def _weighed(self, y: Array, t: Array, weights: Array | None) -> Array | None:
        """Return sample weights times class weights; "balanced" counts each row as often as it weighs."""
        if self.class_weight is None:
            return weights
        ones = np.ones(len(t)) if weights is None else weights
        if self._multilabel:
            return np.asarray(ones * compute_sample_weight(self.class_weight, y))
        if self.class_weight == "balanced":
            total = np.bincount(t, ones, self.n_classes_)
            by_class = total.sum() / (np.count_nonzero(total) * np.where(total, total, 1.0))
        else:
            by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        return np.asarray(ones * by_class[t])

    def _outputs(self, t: Array) -> tuple[int, ...]:
        return (2, 1) if self.n_classes_ == 2 and not self._multilabel else (self.n_classes_,)

    def _loss(self, network: Container[Any]) -> Loss:
        if self.loss is not None:
            return as_loss(self.loss)
        if self._multilabel:
            return CrossEntropy() if ending(network) == "Sigmoid" else SigmoidCrossEntropy()
        return usual_loss(network, None)

    def _class_names(self) -> list[str]:
        return [] if self._multilabel else [str(name) for name in self.classes_]

    def _score_on(self, held_out: Dataset) -> Score:
        if not self._multilabel:
            return lambda network, row: float(row["validation_accuracy"])
        return lambda network, row: float(
            accuracy_score(held_out.t > 0.5, predict_proba(network, held_out.x) > 0.5, sample_weight=held_out.weights)
        )

    def _aim(self, target: Any) -> Any:
        return target if isinstance(target, str) and target == "predicted" else mapped(target, self._index)

    def _index(self, label: Any) -> Any:
        """Return the index of a class of `classes_`, or of each of several."""
        labels = np.asarray(label)
        for one in labels.ravel().tolist():
            if one not in self.classes_:
                checks.unknown_name(type(self).__name__, "target", one, [str(name) for name in self.classes_])
        return np.searchsorted(self.classes_, labels)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
