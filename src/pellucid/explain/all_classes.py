"""One input, every class: what a method says of each, in its three forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import checks
from pellucid.arrays import as_array, numbers
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.methods.saliency import saliency
from pellucid.explain.result import Explanation
from pellucid.explain.target import Reading
from pellucid.layers.container import network_of
from pellucid.typing import Array, ArrayLike, IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS = (None, "guided", "rectified")
MOST, HIGHEST = 20, 10  # classes that are all asked about; of more, so many


@checked_late
@dataclass(frozen=True, eq=False)
class AllClasses:
    """Explanations of one input, each sample of them asking about another class, which its `target` says.

    Attributes
    ----------
    forms : an `Explanation` of the classes for each form: "plain", "guided", "rectified"
    refused : the forms that the network does not allow, with the reason

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> found = pl.explain.all_classes(network, x[:1], pl.explain.grad_cam, rules=[None])
    >>> found.image.shape, found.refused
    ((8, 8, 1), {})
    """

    forms: dict[str, Explanation]
    refused: dict[str, str]

    def __getitem__(self, form: str) -> Explanation:
        return self.forms[form]

    def __iter__(self) -> Iterator[str]:
        return iter(self.forms)

    @property
    def classes(self) -> IntArray:
        """The classes asked about, in order."""
        first: Explanation = next(iter(self.forms.values()))
        return first.target

    @property
    def image(self) -> Array:
        """The input that is explained."""
        first: Explanation = next(iter(self.forms.values()))
        return np.asarray(first.inputs[0])

    def plot(self, **options: Any) -> Figure:
        """Return a row of maps for each form; `plots.class_maps` lists the options."""
        from pellucid.plots.class_maps import class_maps

        return class_maps(self, **options)


@checked
def all_classes(
    model: Any,
    x: ArrayLike,
    method: Callable[..., Explanation] = saliency,
    *,
    rules: Sequence[str | None] = FORMS,
    classes: Sequence[int] | None = None,
    **options: Any,
) -> AllClasses:
    """Return what a method says of every class for one input: plain, guided and rectified.

    Of more than 20 classes the ten that score highest are asked about.

    Parameters
    ----------
    model : network, or an object that holds one in `.network`
    x : one input (H, W, C) or (D,), or a batch of one
    method : `saliency` or `grad_cam`; any other method with `rules=[None]`
    rules : the forms; None is the plain one. A form that the network does not allow, as it holds another activation
        than ReLU, stands in `refused` with the reason; if none is left, that is an error
    classes : which ones, in place of all
    options : of the method, such as `layer` or `scalar`

    Examples
    --------
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> found = pl.explain.all_classes(network, x[0])
    >>> list(found.forms), found.forms["plain"].values.shape
    (['plain', 'guided', 'rectified'], (3, 8, 8, 1))
    """
    who = "all_classes"
    network = network_of(model, who, built=True)
    reading = Reading.of(network)
    shape = reading.network.output_shape or ()
    if len(shape) != 1:
        raise ShapeError(f"{who}: the network gives {shape} for a sample, which are no scores of classes.")
    given = numbers(who, "x", x)
    if given.shape == network.input_shape:
        given = given[None]
    if given.shape != (1, *(network.input_shape or ())):
        raise ShapeError(f"{who}: x must be one input {network.input_shape}, got {given.shape}. Take x[0], or x[0:1].")
    asked = _asked(who, classes, reading, given)
    batch = np.repeat(given, len(asked), axis=0)
    forms, refused = {}, {}
    for rule in rules:
        name = rule or "plain"
        try:
            forms[name] = method(network, batch, asked, **options, **({} if rule is None else {"rule": rule}))
        except ArgumentError as error:
            refused[name] = str(error)
            reason = error
    if not forms:
        raise reason
    return AllClasses(forms, refused)


def _asked(who: str, classes: Sequence[int] | None, reading: Reading, image: Array) -> IntArray:
    """Return the classes that are asked about; those that score highest where there are many."""
    count = reading.classes((reading.network.output_shape or (0,))[0])
    if classes is not None:
        given = as_array(who, "classes", classes)
        return checks.class_indices(f"{who} (classes)", given, count, given.size).astype(np.int64)
    if count <= MOST:
        return np.arange(count)
    return np.argsort(-reading.network(image)[0], kind="stable")[:HIGHEST]
