"""What both estimators share: parameters, training, and what is asked of the trained network."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid.data import Dataset
from pellucid.explain import Explanation
from pellucid.layers import Container
from pellucid.losses import Loss, LossLike
from pellucid.optimizers import OptimizerLike
from pellucid.schedules import Rate, Schedule
from pellucid.sklearn.explained import explained
from pellucid.sklearn.rows import merged
from pellucid.sklearn.settings import Settings
from pellucid.sklearn.sparse import SparseSamples
from pellucid.sklearn.state import plain, restored
from pellucid.sklearn.watch import Score, Watch
from pellucid.specs import InputSpec
from pellucid.training import History, fit
from pellucid.training.run import Training
from pellucid.typing import Array

BLOCK = 250
"""Sparse rows that are made dense at once, when something is asked about them."""
NETWORKS = ("network", "network_")
"""The attributes that may hold networks."""


class Estimator(BaseEstimator):
    """A network with scikit-learn's interface; `PellucidClassifier` says what the parameters are."""

    network_: Container[Any]
    n_outputs_: int
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _training: Training

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
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float | None = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.image_shape = image_shape
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = activation
        self.dropout = dropout
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.alpha = alpha
        self.epochs = epochs
        self.batch_size = batch_size
        self.augment = augment
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows X and targets y; with `warm_start`, from where the last training ended.

        Parameters
        ----------
        X : array, frame of pandas or polars, or sparse matrix (N, D)
        y : array (N,) or (N, M)
        sample_weight : array (N,), optional
            How often each row counts.
        """
        return self._learn(X, y, sample_weight, again=self.warm_start)

    def explain(
        self, X: Any, method: str = "integrated-gradients", target: Any = "predicted", **options: Any
    ) -> Explanation:
        """Return what a method of `pl.explain.METHODS` says of the answers for rows X.

        Its values are in the form of X, (N, D), with the names of the columns in `settings["features"]`; pictures and
        the maps of inner layers stay (N, H, W, C).

        Parameters
        ----------
        target : "predicted", a class of `classes_`, one for each row, or what `pl.explain` takes besides
            Of a regressor, the index of an output.
        options
            Those of the method.
        """
        x = self._validated(X)
        x = x if isinstance(x, np.ndarray) else x.toarray()
        names = getattr(self, "feature_names_in_", ())
        return explained(type(self).__name__, self.network_, x, method, self._aim(target), options, names)

    def _learn(
        self, X: Any, y: Any, sample_weight: Any, *, again: bool, partial: bool = False, classes: Any = None
    ) -> Self:
        """Train; `again` goes on with the network that there is, a `partial` training for one epoch, as it was left."""
        settings, first = Settings(self), not (again and hasattr(self, "network_"))
        if partial and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and scikit-learn says so
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse="csr",
                dtype=np.float32,
                multi_output=True,
                y_numeric=is_regressor(self),
                reset=first,
            )
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if weights is not None and not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        t, weights = self._targets(y, weights, first, partial, classes)
        x, t, weights = merged(X, t, weights)
        if first:
            self._begin(settings.network(x.shape[1], self._outputs(t)))
        data, held_out = settings.split(self._dataset(x, t, weights))
        if first or not partial:
            self._training = settings.training(self.network_, self._loss(self.network_), len(data))
        return self._train(data, held_out, settings.batch_size(len(data)), 1 if partial else self.epochs)

    def _begin(self, network: Container[Any]) -> None:
        self.network_, self.n_outputs_ = network, (network.output_shape or (0,))[0]
        self.t_, self.loss_curve_ = 0, []
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = None

    def _dataset(self, x: Any, t: Array, weights: Array | None) -> Dataset:
        """Return the samples as the network takes them, with the names of features and classes."""
        shape, names, sparse = self.network_.input_shape or (), self._class_names(), not isinstance(x, np.ndarray)
        data = Dataset(
            np.zeros((len(t), 1)) if sparse else x.reshape(len(t), *shape),
            t,
            weights=weights,
            task="classification" if names else "regression",
            classes=len(names) or None,
            class_names=names or None,
        )
        columns = tuple(str(name) for name in getattr(self, "feature_names_in_", ()))
        if sparse:
            samples: Any = SparseSamples(x, shape)
            data.x, data.inputs = samples, InputSpec("array", shape)
        elif columns and len(shape) == 1:
            data.inputs = InputSpec("table", shape, columns=columns)
        return data

    def _train(self, data: Dataset, held_out: Dataset | None, batch_size: int, epochs: int) -> Self:
        score = None if held_out is None else self._score_on(held_out)
        watch = Watch(self.tol, self.n_iter_no_change, score=score, verbose=self.verbose)
        listens = type(self._training.optimizer.schedule).observe is not Schedule.observe
        history = fit(
            self.network_,
            data,
            epochs=epochs,
            batch_size=batch_size,
            validation=held_out,
            augment=self.augment,
            train_sample=None if listens and held_out is None else 0,
            callbacks=[watch],
            progress=False,
            resume=History(training=self._training),
        )
        if history.stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._training = history.training
        self.n_iter_, self.t_ = len(watch.losses), self.t_ + len(watch.losses) * len(data)
        self.loss_curve_ += watch.losses
        self.loss_ = self.loss_curve_[-1]
        if score is not None:
            self.validation_scores_ = [*(self.validation_scores_ or ()), *watch.scores]
            self.best_validation_score_ = -watch.best.best
        return self

    def _ask(self, function: Callable[[Container[Any], Array], Array], X: Any) -> Array:
        """Return what a function of the network and samples says of rows X, sparse ones made dense part by part."""
        x = self._validated(X)
        parts = [x] if isinstance(x, np.ndarray) else (x[i : i + BLOCK].toarray() for i in range(0, x.shape[0], BLOCK))
        shape = self.network_.input_shape or ()
        return np.concatenate([function(self.network_, part.reshape(len(part), *shape)) for part in parts])

    def _validated(self, X: Any) -> Any:
        """Return rows to ask about, checked as scikit-learn does."""
        check_is_fitted(self)
        with np.errstate(over="ignore"):
            return validate_data(self, X, accept_sparse="csr", dtype=np.float32, reset=False)

    @abstractmethod
    def _targets(
        self, y: Any, weights: Array | None, first: bool, partial: bool, classes: Any
    ) -> tuple[Array, Array | None]:
        """Return targets as `Dataset` takes them, and what each row weighs."""

    @abstractmethod
    def _outputs(self, t: Array) -> tuple[int, ...]:
        """Return how many outputs the network may have; the first is what a new one gets."""

    @abstractmethod
    def _loss(self, network: Container[Any]) -> Loss:
        """Return the loss to train with."""

    @abstractmethod
    def _class_names(self) -> list[str]:
        """Return the names of the classes of which each row has one; none where rows have numbers."""

    @abstractmethod
    def _score_on(self, held_out: Dataset) -> Score:
        """Return the function that scores the network on samples held out."""

    @abstractmethod
    def _aim(self, target: Any) -> Any:
        """Return what is to be explained as `pl.explain` takes it."""

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {**state, **{key: plain(state[key]) for key in NETWORKS if key in state}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, **{key: restored(state[key]) for key in NETWORKS if key in state}})

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
