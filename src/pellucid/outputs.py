"""What the outputs of a network mean: scores or probabilities already, of classes or numbers.

The one place that looks: `fit`, `predict_proba`, explanations and the command line ask here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.errors import ArgumentError, ShapeError
from pellucid.functions import sigmoid, softmax
from pellucid.layers import Container, Layer, Merge, Node
from pellucid.layers.container import INPUT
from pellucid.layers.walk import is_open, nodes_of
from pellucid.losses import Loss, ShareLoss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pellucid.typing import Array, IntArray

GIVEN = "given"
"""Outputs that are probabilities already."""
OWN = "own"
"""Outputs that a loss of the user's own turns into probabilities."""


def ending(network: Any) -> str:
    """Return "Softmax" or "Sigmoid" where a network's numbers come out of one, "" where they are scores.

    Nested networks and graphs are looked into; dropout, changes of shape and pooling behind it pass them on. Parts
    that are put side by side count where all are probabilities.
    """
    return _ending(network) or ""


def noise_behind(network: Any) -> tuple[str, Any] | None:
    """Return "Softmax" or "Sigmoid" and the first layer behind it, from the end, that changes numbers at random."""
    noisy: list[Any] = []
    kind = _ending(network, noisy)
    return (kind, noisy[0]) if kind and noisy else None


def _ending(layer: Any, noisy: list[Any] | None = None) -> str | None:
    """The same, and None for what only passes on the numbers that it is given.

    With a list, which takes them, layers that draw at random pass on too: in evaluation mode most change nothing.
    """
    if is_open(layer):
        return _ending_at({node.name: node for node in nodes_of(layer)}, layer.output, noisy)
    if noisy is not None and _draws(layer):
        noisy += [layer] if getattr(layer, "drop_probability", 1) else []
        return None
    if isinstance(layer, Container):  # what it does is not known; but in the end it does what its last layer does
        kinds = (_ending(inner, noisy) for inner in reversed(layer.layers))
        return next((kind for kind in kinds if kind is not None), None)
    return None if layer.facts.keeps_range else layer.probabilities


def _draws(layer: Any) -> bool:
    """Whether a layer does in training what Dropout does: it draws at random, and has nothing to learn."""
    leaf = isinstance(layer, Layer) and not isinstance(layer, Container)
    return leaf and layer.stochastic and type(layer).create_params is Layer.create_params


def _ending_at(nodes: Mapping[str, Node], name: str, noisy: list[Any] | None) -> str | None:
    if name == INPUT:
        return None
    _, operation, inputs = nodes[name]
    if isinstance(operation, Merge):
        kinds = {_ending_at(nodes, source, noisy) for source in inputs} if operation.facts.moves else {""}
        return kinds.pop() if len(kinds) == 1 else "Sigmoid" if kinds == {"Softmax", "Sigmoid"} else ""
    own = _ending(operation, noisy)
    return _ending_at(nodes, inputs[0], noisy) if own is None else own


def expect_scores(network: Any, loss: Loss) -> None:
    """Raise ArgumentError where a loss on scores would be given probabilities."""
    kind = ending(network)
    if kind and isinstance(loss, (SoftmaxCrossEntropy, SigmoidCrossEntropy)):
        name, needless = type(loss).__name__, type(loss).__name__.startswith(kind)
        other = ', or give loss="CrossEntropy", which takes probabilities' if kind == "Sigmoid" else ""
        raise ArgumentError(
            f"The network ends in {kind}, and the loss {name} "
            f"{'applies it again' if needless else 'takes scores and not probabilities'}. "
            f"Take the {kind} away{other}: predict_proba gives the probabilities."
        )


def expect_steady(network: Any, loss: Loss) -> None:
    """Raise ArgumentError where a training pass would change the probabilities at the end, except for a distance.

    Dropout divides what it keeps by 1 − p: behind a sigmoid it gives numbers beyond 1.
    """
    found = noise_behind(network)
    if found and _made_by(loss):
        kind, layer = found
        raise ArgumentError(
            f"{layer.label}: stands behind the {kind} that the network ends in and changes its probabilities in "
            f"training, which {type(loss).__name__} cannot take. Put it before the {kind}."
        )


def makes(network: Any, outputs: int, loss: Loss | None = None) -> str:
    """Return what makes probabilities of that many outputs: the one reading of `predict_proba` and explanations.

    `GIVEN` where they are probabilities, "Softmax" or "Sigmoid" of scores, `OWN` where a loss of the user's own has a
    function for it, and "" where there are none: distances and margins say which class, not how surely.
    """
    expect_several(network, outputs)
    kind = ending(network)
    loss = loss or usual(network, outputs)
    return GIVEN if kind else _made_by(loss)


def _made_by(loss: Loss) -> str:
    own = type(loss).probabilities
    for known in (SoftmaxCrossEntropy, SigmoidCrossEntropy):
        if own is known.probabilities:
            return known.__name__.removesuffix("CrossEntropy")
    if own is not Loss.probabilities:
        return OWN
    return GIVEN if isinstance(loss, ShareLoss) else ""


def knows_chances(network: Any, loss: Loss | None = None) -> bool:
    """Whether `predict_proba` has probabilities to give."""
    return bool(makes(network, (network.output_shape or (0,))[-1], loss))


def turned(y: Array, how: str, loss: Loss) -> Array:
    """Return outputs y (N, K) turned to probabilities as `makes` says; "" and `GIVEN` leave them."""
    if how == OWN:
        return loss.probabilities(y)
    return softmax(y) if how == "Softmax" else sigmoid(y) if how == "Sigmoid" else y


def both(p: Array) -> Array:
    """Return what one output (N, 1) says of yes as what it says of no and yes (N, 2); several as they are."""
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p


def probabilities(who: str, network: Any, y: Array, loss: Loss | None = None) -> Array:
    """Return outputs y (N, K) as probabilities of K classes; of one output those of no and yes, (N, 2)."""
    loss = loss or usual(network, y.shape[1])
    how = makes(network, y.shape[1], loss)
    if not how:
        raise ArgumentError(
            f"{who}: outputs that {type(loss).__name__} trains are no probabilities. predict_classes gives the "
            "classes, predict the outputs."
        )
    return both(turned(y, how, loss))


def predicted(network: Any, y: Array, loss: Loss | None = None) -> IntArray:
    """Return the class of each row of outputs y (N, K): the largest; of one output 1 where p > ½, or y > ½ of 0 and 1.

    A distance has learnt the numbers 0 and 1 for no and yes.
    """
    if y.shape[1] > 1:
        return np.asarray(y.argmax(axis=1))
    loss = loss or usual(network, 1)
    return np.asarray(turned(y, makes(network, 1, loss), loss)[:, 0] > 0.5, np.intp)


def says_yes_or_no(network: Any, outputs: int) -> bool:
    """Whether one output tells class 1 from class 0; not where it hits a number."""
    return outputs == 1 and not hits_numbers(network)


def expect_several(network: Any, outputs: int) -> None:
    """Raise ShapeError for a softmax over one output, which is always 1."""
    if outputs == 1 and ending(network) == "Softmax":
        raise ShapeError(
            f"{network.label}: ends in Softmax over one output, which is 1 whatever comes in. Take Affine(2), or "
            "Sigmoid() in place of the Softmax."
        )


def expect_classes(who: str, network: Any, remedy: str) -> None:
    """Raise ArgumentError for a network that was trained to hit numbers, of which none is a class."""
    known = network.outputs
    if known is not None and known.classes is None:
        raise ArgumentError(f"{who}: the network was trained to hit numbers ({type(known.loss).__name__}). {remedy}")


def hits_numbers(network: Any) -> bool:
    """Whether a network was trained to hit numbers, of which none is a class."""
    known = network.outputs
    return known is not None and known.classes is None and not answers(network)


def answers(network: Any) -> bool:
    """Whether a network was trained on several yes-or-no questions at once, or on shares."""
    known = network.outputs
    return known is not None and known.classes is None and isinstance(known.loss, ShareLoss)


def usual(network: Any, outputs: int) -> Loss:
    """Return the loss that the network was trained with, or the usual one for scores of classes."""
    if network.outputs is not None:
        loss: Loss = network.outputs.loss
        return loss
    return SigmoidCrossEntropy() if outputs == 1 else SoftmaxCrossEntropy()
