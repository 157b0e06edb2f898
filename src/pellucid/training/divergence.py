"""Finding where a number stopped being one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.layers import Container
from pellucid.layers.sequential import Step
from pellucid.typing import Array


def diagnose(network: Container[Any], x: Array, tape: Sequence[Any]) -> str:
    """Say which layer first gives, or holds, NaN or infinity."""
    if not np.isfinite(x).all():
        return "The input of the batch holds NaN or infinity."
    for layer in network.walk():
        for key, p in layer.params.items():
            if not isinstance(layer, Container) and not np.isfinite(p).all():
                return f"It began in layer {layer.name!r}: its parameter {key} holds NaN or infinity."
    for step in tape:
        if isinstance(step, Step) and not np.isfinite(step.output).all():
            return f"It began in layer {step.name!r}: its output holds NaN or infinity."
    return "The outputs are finite and the loss itself overflows."
