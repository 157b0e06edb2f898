"""One input, every class: what a method says of each, in its three forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import numbers
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.methods.saliency import saliency
from pellucid.explain.result import Explanation
from pellucid.explain.target import Reading
from pellucid.layers.container import network_of
from pellucid.typing import Array, ArrayLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS = (None, "guided", "rectified")


@checked_late
@dataclass(frozen=True, eq=False)
class AllClasses:
    """Explanations of one input, sample k of each asking about class k.

    Attributes
    ----------
    forms : an `Explanation` of every class for each form: "plain", "guided", "rectified"
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
    **options: Any,
) -> AllClasses:
    """Return what a method says of every class for one input: plain, guided and rectified.

    Parameters
    ----------
    model : network, or an object that holds one in `.network`
    x : one input (H, W, C) or (D,), or a batch of one
    method : `saliency` or `grad_cam`; any other method with `rules=[None]`
    rules : the forms; None is the plain one. A form that the network does not allow, as it holds another activation
        than ReLU, stands in `refused` with the reason; if none is left, that is an error
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
    classes = np.arange(reading.classes(shape[0]))
    batch = np.repeat(given, len(classes), axis=0)
    forms, refused = {}, {}
    for rule in rules:
        name = rule or "plain"
        try:
            forms[name] = method(network, batch, classes, **options, **({} if rule is None else {"rule": rule}))
        except ArgumentError as error:
            refused[name] = str(error)
            reason = error
    if not forms:
        raise reason
    return AllClasses(forms, refused)
