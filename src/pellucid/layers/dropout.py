"""Dropout: units fall silent at random while training, so that none can be relied on alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.base import Layer
from pellucid.layers.window import image_shape
from pellucid.typing import Array, Arrays, Config, Shape


class DropoutCache(NamedTuple):
    """The scaled mask, or None where nothing was dropped."""

    mask: Array | None


class _Dropout(Layer[DropoutCache]):
    """What both kinds share: a mask while training, and nothing in evaluation."""

    stochastic: ClassVar[bool] = True

    def __init__(self, drop_probability: float, *, name: str = "") -> None:
        super().__init__(name=name)
        checks.expect_range(type(self).__name__, "drop_probability", drop_probability, 0, 1, open_high=True)
        self.drop_probability = float(drop_probability)

    @abstractmethod
    def mask_shape(self, x_shape: Shape) -> Shape:
        """Return the shape of the mask, which broadcasts against x: one entry for each random decision."""

    def forward(
        self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, DropoutCache]:
        if not train or self.drop_probability == 0:
            return x, DropoutCache(None)
        if rng is None:
            raise ArgumentError(
                f"{self.label}: needs rng when train=True. Call forward(x, train=True, rng=np.random.default_rng(0))."
            )
        kept = rng.random(self.mask_shape(x.shape), dtype=np.float32) >= self.drop_probability
        mask = kept * x.dtype.type(1 / (1 - self.drop_probability))
        return x * mask, DropoutCache(mask)

    def backward(
        self, dy: Array, cache: DropoutCache, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        if not need_dx:
            return None, {}
        return (dy if cache.mask is None else dy * cache.mask), {}

    def config(self) -> Config:
        return {"drop_probability": self.drop_probability}


class Dropout(_Dropout):
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
    """

    def infer_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def mask_shape(self, x_shape: Shape) -> Shape:
        return x_shape


class SpatialDropout2D(_Dropout):
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
    """

    def infer_shape(self, input_shape: Shape) -> Shape:
        return image_shape(self.label, input_shape)

    def mask_shape(self, x_shape: Shape) -> Shape:
        return x_shape[0], 1, 1, x_shape[3]
