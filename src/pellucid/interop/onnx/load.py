"""Networks from ONNX files, which other programs wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pellucid import checks
from pellucid.checked import checked
from pellucid.errors import UnsupportedError
from pellucid.files import PathLike
from pellucid.interop.architecture import expect_names_fit, read_meanings
from pellucid.typing import ArrayLike, Shape

if TYPE_CHECKING:
    from pellucid.layers import Graph


@checked
@checks.within_memory
def load_onnx(
    path: PathLike,
    *,
    output: str | None = None,
    inputs: Mapping[str, ArrayLike] | None = None,
    input_shape: Shape | None = None,
) -> Graph:
    """Return the network that an ONNX file describes, to be run, explained and trained further.

    Needs ``pip install "pellucid[onnx]"``. Samples, outputs and maps keep the order in which the file writes them;
    within, images lie channels-last, behind the network's first node. The batch is open, also where the file says 1,
    unless a node works along it: then one sample is the whole tensor. Weights become parameters, and running
    statistics buffers. A file of float64 gives a network of float64, any other one of float32.

    Parameters
    ----------
    path
    output : str, optional
        Which output of the graph, or which value within it, the network gives; the first output by default.
    inputs : mapping of name to array, optional
        Constants for further inputs of the graph. The first input of floats that is not named here takes the data.
    input_shape : tuple of int, optional
        The shape of one sample as the file writes it, such as (3, 224, 224), where the file leaves sizes open.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is no ONNX file, is damaged, or keeps its numbers in other files, which are not opened.
    UnsupportedError
        If it asks for operators, or options of them, that there are no layers for. All such operators are named, and
        the error's `table` shows the nodes.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(8, 3), pl.ReLU(), pl.GlobalAveragePool2D()], input_shape=(28, 28, 1))
    >>> pl.save_onnx(network, "model.onnx", layout="channels-first")
    >>> imported = pl.load_onnx("model.onnx")
    >>> imported.input_shape, [node.name for node in imported.nodes]
    ((1, 28, 28), ['input_transpose', 'conv2d1', 'relu1', 'globalaveragepool2d1_globalaveragepool'])
    >>> x = np.ones((2, 28, 28, 1), np.float32)
    >>> np.allclose(imported(x.transpose(0, 3, 1, 2)), network(x))
    True
    """
    from pellucid.interop.onnx.read.convert import convert
    from pellucid.interop.onnx.read.file import read_model
    from pellucid.interop.onnx.read.question import ask
    from pellucid.interop.onnx.table import onnx_table

    model = read_model(path, "load_onnx")
    try:
        network = convert(ask(model, output, inputs or {}, input_shape))
    except UnsupportedError as error:
        error.table = onnx_table(path)
        raise
    said, meant = read_meanings(model.metadata, network.input_shape or (), model.label)
    if output in (None, model.outputs[0]):
        network.inputs, network.outputs = said, meant
        expect_names_fit(network, model.label)
    elif said is not None:  # which it gives for samples prepared alike, and not for the classes
        network.inputs = said.replace(class_names=None)
    return network
