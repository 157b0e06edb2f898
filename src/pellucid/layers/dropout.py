"""Dropout: units fall silent at random while training, so that none can be relied on alone."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import ArgumentError
from pellucid.kernels.elementwise.plan import DropoutKey, dropout, dropout_key
from pellucid.layers.base import CacheT, Layer
from pellucid.layers.facts import MOVES
from pellucid.layers.window import image_shape
from pellucid.typing import Array, Arrays, Config, Shape


class DropoutCache(NamedTuple):
    """The key that the mask follows from, so that it need not be stored; None where nothing was dropped."""

    key: DropoutKey | None


class SpatialDropoutCache(NamedTuple):
    """The scaled mask (N, 1, 1, C); None where nothing was dropped."""

    mask: Array | None


class _Dropout(Layer[CacheT]):
    """What both kinds share: a share of units to drop, and a generator to draw them with."""

    stochastic: ClassVar[bool] = True
    facts = MOVES._replace(in_order=True, keeps_sums=True)

    def __init__(self, drop_probability: float, *, name: str = "") -> None:
        super().__init__(name=name)
        checks.expect_range(type(self).__name__, "drop_probability", drop_probability, 0, 1, open_high=True)
        self.drop_probability = float(drop_probability)

    @checked_late
    def generator(self, train: bool, rng: np.random.Generator | None) -> np.random.Generator | None:
        """Return what to draw from, or None where nothing is to be dropped."""
        if not train or self.drop_probability == 0:
            return None
        if rng is None:
            raise ArgumentError(
                f"{self.label}: needs rng when train=True. Call forward(x, train=True, rng=np.random.default_rng(0))."
            )
        return checks.generator(self.label, rng)

    def config(self) -> Config:
        return {"drop_probability": self.drop_probability}


class Dropout(_Dropout[DropoutCache]):
    """Inverted dropout.

    Forward     train: y = x · m,  m = 0 with probability p, else 1/(1 − p);  evaluation: y = x
    Backward    dx = dy · m

    Parameters
    ----------
    drop_probability : float
        p, the share of units that is dropped (not the share that is kept), 0 ≤ p < 1.

    References
    ----------
    Srivastava et al. (2014), "Dropout", Journal of Machine Learning Research 15.

    Examples
    --------
    >>> layer = pl.Dropout(0.5)
    >>> x = np.ones((1, 8))
    >>> y, _ = layer.forward(x, train=True, rng=np.random.default_rng(0))
    >>> sorted(set(y.ravel().tolist()))  # dropped, or doubled
    [0.0, 2.0]
    >>> np.array_equal(layer(x), x)  # evaluation changes nothing
    True
    """

    def infer_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, DropoutCache]:
        x, drawn_from = self.as_batch(x), self.generator(train, rng)
        if drawn_from is None:
            return x, DropoutCache(None)
        key = dropout_key(drawn_from)
        return dropout(x, key, self.drop_probability), DropoutCache(key)

    def backward(
        self, dy: Array, cache: DropoutCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        return (dy if cache.key is None else dropout(dy, cache.key, self.drop_probability)), {}


class SpatialDropout2D(_Dropout[SpatialDropoutCache]):
    """Inverted dropout of whole channels: neighbouring pixels tell much the same, so dropping single ones hides little.

    Forward     train: y[n,:,:,c] = x[n,:,:,c] · m[n,c],  m = 0 with probability p, else 1/(1 − p);  evaluation: y = x
    Backward    dx[n,:,:,c] = dy[n,:,:,c] · m[n,c]

    Parameters
    ----------
    drop_probability : float
        p, the share of channels that is dropped (not the share that is kept), 0 ≤ p < 1.

    Shapes
    ------
    x (N, H, W, C) → y (N, H, W, C)

    References
    ----------
    Tompson et al. (2015), "Efficient object localization using convolutional networks", arXiv:1411.4280, §3.2.

    Examples
    --------
    >>> x = np.ones((1, 4, 4, 6))
    >>> y, _ = pl.SpatialDropout2D(0.5).forward(x, train=True, rng=np.random.default_rng(0))
    >>> np.array_equal(y.min(axis=(1, 2)), y.max(axis=(1, 2)))  # a channel goes, or stays, as a whole
    True
    """

    takes_images = True

    def infer_shape(self, input_shape: Shape) -> Shape:
        return image_shape(self.label, input_shape)

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, SpatialDropoutCache]:
        x, drawn_from = self.as_batch(x), self.generator(train, rng)
        if drawn_from is None:
            return x, SpatialDropoutCache(None)
        kept = drawn_from.random((x.shape[0], 1, 1, x.shape[3]), dtype=np.float32) >= self.drop_probability
        mask = kept * x.dtype.type(1 / (1 - self.drop_probability))
        return x * mask, SpatialDropoutCache(mask)

    def backward(
        self, dy: Array, cache: SpatialDropoutCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        return (dy if cache.mask is None else dy * cache.mask), {}
