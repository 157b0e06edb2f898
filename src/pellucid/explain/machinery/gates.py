"""Products of branches in which all factors but one are gates: numbers from 0 to 1 that let a signal through."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.layers import Layer
from pellucid.layers.container import INPUT
from pellucid.layers.parts import AnyContainer
from pellucid.layers.walk import Computed, opened

GATES = ("sigmoid", "hard_sigmoid", "softmax")
"""The functions that a gate comes out of."""


class Gated(NamedTuple):
    """Layers and merges by their ids."""

    signals: dict[int, int]
    """Of every product with one signal, which of its inputs that is."""
    silent: set[int]
    """What leads to gates alone, and so has no part in what the signals say."""


def gated(network: AnyContainer) -> Gated:
    """Return what is signal and what is gate in the products of a network."""
    known = {computed[0]: computed for computed in opened(network)}
    signals: dict[int, int] = {}
    heard = {next(reversed(known), INPUT)}  # the output is what is computed last
    silent = set()
    for path, operation, inputs in reversed(known.values()):
        if path not in heard:
            silent.add(id(operation))
            continue
        speaking = range(len(inputs))
        if operation.facts.function == "multiply":
            loud = [k for k in speaking if not _is_gate(inputs[k], known)]
            if len(loud) == 1:
                signals[id(operation)], speaking = loud[0], range(loud[0], loud[0] + 1)
        heard.update(inputs[k] for k in speaking)
    return Gated(signals, silent)


def _is_gate(path: str, known: dict[str, Computed]) -> bool:
    """Whether numbers come out of a sigmoid or the like; layers that move them are passed."""
    while path in known:
        _, operation, inputs = known[path]
        if not (isinstance(operation, Layer) and operation.facts.moves):
            return operation.facts.function in GATES
        path = inputs[0]
    return False
