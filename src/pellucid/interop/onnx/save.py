"""Networks as ONNX files, which other programs run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid import checks
from pellucid.checked import checked_late
from pellucid.errors import DataError
from pellucid.files import PathLike, atomic_write
from pellucid.interop.architecture import own_texts
from pellucid.interop.safetensors import LEAVE, Model
from pellucid.interop.tensors import expect_finite
from pellucid.layers import Container
from pellucid.layers.container import network_of
from pellucid.layers.door import has_door
from pellucid.specs import LAYOUTS

OLDEST, NEWEST = 13, 26
LARGEST = (1 << 31) - (1 << 20)  # bytes of a message, with room for what is no weight


@checked_late
def save_onnx(
    network: Container[Any] | Model,
    path: PathLike,
    *,
    opset: int = 13,
    layout: str = "channels-last",
    probabilities: bool = False,
    metadata: Mapping[str, str] | None = None,
    allow_nonfinite: bool = False,
) -> None:
    """Write a network as an ONNX file, whole or not at all; needs ``pip install "pellucid[onnx]"``.

    The graph predicts as the network does, for batches of any size. Its nodes have the names of the layers, its weights
    those of the parameters, and the same network gives the same bytes. It is channels-first between the layers that
    slide over images, as ONNX computes them, and its images are transposed once, at the door.

    Parameters
    ----------
    network : a container, or an object that holds one in `.network`
    path : where to; an existing file is replaced
    opset : the version of the operators, 13 to 26: what the program that runs the file must know
    layout : "channels-last" or "channels-first"
        How images come and go: (N, H, W, C), as here, or (N, C, H, W). A network that begins with
        ``Transpose((1, 2, 0))``, as imported ones do, takes (N, C, H, W) in either case.
    probabilities : whether the graph ends in the softmax or sigmoid that `predict_proba` applies
        Otherwise it gives what ``network(x)`` gives: scores, most often.
    metadata : texts of your own
        How samples were prepared and what the classes are called goes into the file by itself, where `fit` found it:
        under pellucid.inputs and pellucid.outputs, and in words under description.
    allow_nonfinite : whether NaN and infinite weights may be saved

    Raises
    ------
    StateError
        If the network is not built.
    ArgumentError
        If a layer has no form in ONNX, being a kind of your own.
    DataError
        If a weight is NaN or infinite, the network is too large, or the file cannot be written.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(8, 3), pl.ReLU(), pl.GlobalAveragePool2D()], input_shape=(28, 28, 1))
    >>> pl.save_onnx(network, "model.onnx")
    >>> import onnx
    >>> [node.name for node in onnx.load("model.onnx").graph.node]
    ['conv2d1/transpose', 'conv2d1', 'relu1', 'globalaveragepool2d1/globalaveragepool', 'globalaveragepool2d1']
    """
    network = network_of(network, "save_onnx", built=True)
    checks.expect_range("save_onnx", "opset", opset, OLDEST, NEWEST)
    checks.expect_known("save_onnx", "layout", layout, LAYOUTS)
    own = own_texts(metadata or {}, "save_onnx")
    onnx = checks.require("onnx", "Writing ONNX files", "onnx")
    from pellucid.interop.onnx.write.metadata import texts
    from pellucid.interop.onnx.write.model import as_model
    from pellucid.interop.onnx.write.network import drafted

    turned = layout == "channels-first" and not has_door(network)  # which takes them so by itself
    how = {"channels_first": turned, "probabilities": probabilities}
    graph = drafted("save_onnx", network, opset, **how)
    weights = graph.draft.constants
    if not allow_nonfinite:
        expect_finite(weights, "save_onnx", DataError, LEAVE)
    if sum(array.nbytes for array in weights.values()) > LARGEST:
        raise DataError(
            "save_onnx: an ONNX file holds at most 2 GB, and the weights take more. Save them with pl.save."
        )
    model = as_model(onnx, graph, network.name or "network", own | texts(network, **how))
    atomic_write(path, model.SerializeToString(deterministic=True), who="save_onnx")
