"""Networks in pickles and skops files: as plain values and arrays, from which they are built again.

So skops needs to trust no class of a layer, and arrays that are mapped from a file are copied into ones to write to.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pellucid.layers import Container, from_spec, to_spec
from pellucid.specs import InputSpec, OutputSpec
from pellucid.typing import Config

State: TypeAlias = "Config | Any"
"""A network as plain values; or itself, where a class in it is not the package's own and comes along as it is."""


def plain(network: Any) -> State:
    """Return a network as plain values; whatever else it is, as it is."""
    if not isinstance(network, Container) or not _is_ours(network):
        return network
    inputs, outputs = network.inputs, network.outputs
    return {
        "spec": to_spec(network),
        "seed": getattr(network, "seed", 0),
        "dtype": str(network.dtype),
        "input_shape": network.input_shape,
        "arrays": {key: np.array(a) for key, a in [*network.params.items(), *network.buffers.items()]},
        "inputs": inputs and inputs.to_config(),
        "outputs": outputs and outputs.to_config(),
    }


def restored(state: State) -> Any:
    """Return the network that `plain` was given."""
    if not (isinstance(state, dict) and "spec" in state):
        return state
    network: Any = from_spec(state["spec"])
    network.dtype, network.seed = np.dtype(state["dtype"]), state["seed"]
    if state["input_shape"] is not None:
        network.build(tuple(state["input_shape"]), np.random.default_rng(0), network.dtype)
        for store in (network.params, network.buffers):
            store.update({key: state["arrays"][key] for key in store})
    network.inputs = state["inputs"] and InputSpec.from_config(state["inputs"])
    network.outputs = state["outputs"] and OutputSpec.from_config(state["outputs"])
    return network


def _is_ours(network: Container[Any]) -> bool:
    parts = [network, *network.walk(), *([network.outputs.loss] if network.outputs else [])]
    return all(type(part).__module__.startswith("pellucid.") for part in parts)
