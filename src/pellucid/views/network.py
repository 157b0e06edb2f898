"""The network that a view looks at."""

from __future__ import annotations

from typing import Any

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers import Container


def network_of(who: str, model: Any) -> Container[Any]:
    """Return the built network in a network, or in a model that holds one in `.network`."""
    network = checks.network_in(model)
    if not isinstance(network, Container):
        raise ArgumentError(f"{who}: expected a network such as Sequential, got {type(model).__name__}.")
    checks.expect_built(type(network).__name__, network.output_shape)
    return network
