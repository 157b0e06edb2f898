"""A drafted graph as the message that an ONNX file holds."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pellucid
from pellucid.interop.onnx.write.draft import Value
from pellucid.interop.onnx.write.network import Drafted

BATCH = "batch"
"""What the batch axis is called, whose size stays open."""


def as_model(onnx: ModuleType, drafted: Drafted, name: str, metadata: Mapping[str, str]) -> Any:
    """Return the ModelProto, of the lowest IR version that knows the opset."""
    draft, helper = drafted.draft, onnx.helper
    opset = helper.make_opsetid("", draft.opset)
    kind = helper.np_dtype_to_tensor_dtype(draft.dtype)

    def door(value: Value) -> Any:
        return helper.make_tensor_value_info(value.name, kind, [BATCH, *value.stored])

    graph = helper.make_graph(
        [helper.make_node(n.operator, n.inputs, [n.output], name=n.output, **n.attributes) for n in draft.nodes],
        name,
        [door(drafted.input)],
        [door(drafted.output)],
        [onnx.numpy_helper.from_array(array, key) for key, array in draft.constants.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name="pellucid",
        producer_version=pellucid.__version__,
    )
    helper.set_model_props(model, dict(metadata))
    return model
