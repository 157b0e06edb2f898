"""What activation maximisation gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.arrays import numbers
from pellucid.checked import checked_late
from pellucid.specs import InputSpec, pictures_of
from pellucid.typing import Array, Config, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Nearest(NamedTuple):
    """For each target the sample that is most like its best image: by the cosine, from the blank image."""

    indices: IntArray
    samples: Array
    likeness: Array
    labels: IntArray | None


@checked_late
@dataclass(frozen=True)
class Maximized:
    """Images that excite some units most.

    T targets, S starts, F frames; images are in the data's units.

    Attributes
    ----------
    layer : str
        The layer whose units these are: the one that makes the scores, where none was named.
    targets : (T,) the classes, units or filters
    images : (T, S, H, W, C), (T, S, C, H, W) as the network takes them, or (T, S, D) for a network of vectors
    scores : (T, S)
        What the network gives for these very images: the logit of the class, the unit, or the filter's mean.
    objectives : (T, S)
        The score less the penalties.
    probabilities : (T, S), or None for a layer within
    curve : (K, T, S) the objective while it rose, at `curve_steps`
    film : (F, T, H, W, C) the start that ended best, at `film_steps`
    nearest : Nearest, or None without data
    settings : dict
        Everything that makes the same images again, the chosen weights included.
    layout : "channels-last" or "channels-first", of the images
    spec : how the network's inputs were prepared, where it says so

    Examples
    --------
    >>> W, b = [[2.0, 0.0], [-1.0, 0.0]], [0.5, 0.0]
    >>> network = pl.Sequential([pl.Affine.from_arrays(W, b)], input_shape=2)
    >>> best = pl.explain.maximize(network, [0, 1], starts=2, steps=16)
    >>> best.images.shape, best.winners.shape, best.best.shape
    ((2, 2, 2), (2,), (2, 2))
    """

    layer: str
    targets: tuple[int, ...]
    images: Array
    scores: Array
    objectives: Array
    probabilities: Array | None
    curve: Array
    curve_steps: IntArray
    film: Array
    film_steps: IntArray
    nearest: Nearest | None
    settings: Config
    layout: str = "channels-last"
    spec: InputSpec | None = None

    @property
    def winners(self) -> IntArray:
        """For each target, the start with the highest objective (T,)."""
        return np.asarray(self.objectives.argmax(axis=1))

    @property
    def best(self) -> Array:
        """For each target, the image of that start (T, H, W, C)."""
        return np.asarray(self.images[np.arange(len(self.images)), self.winners])

    @property
    def image(self) -> Array:
        """The best image of the first target (H, W, C)."""
        return np.asarray(self.best[0])

    def pictures(self, images: Array) -> Array:
        """Return images (N, …) of this result as a person sees them: channels last, and no mean subtracted."""
        prepared = self.spec is not None and bool(self.spec.mean)  # else the bounds say what is white
        return pictures_of(numbers("Maximized", "images", images), self.spec if prepared else None, self.layout)

    def plot(self, **options: Any) -> Figure:
        """Draw it: `plots.maximized`."""
        from pellucid.plots import maximized

        return maximized(self, **options)
