"""The nine graphs of well-known networks that the package `onnx` brings, with weights that say something.

    cd tests && python -m interop.onnx.light [name …]

imports each and compares it with onnxruntime, on seeded random images; then explains it in four ways. As shipped, all
weights of a tensor are one number, and whatever was computed with them, the outputs would be equal. So each constant
is replaced by seeded random numbers, scaled so that activations keep their size from layer to layer.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.interop.onnx import load_onnx

NAMES = (
    "squeezenet",
    "resnet50",
    "vgg19",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "shufflenet",
    "zfnet512",
    "bvlc_alexnet",
)


def weighted(name: str, seed: int = 0) -> Any:
    """Return the ModelProto of a light graph, its constants replaced; it ends before the softmax, which says less."""
    import onnx
    from onnx import numpy_helper

    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load(folder / f"light_{name}.onnx")
    graph, rng = model.graph, np.random.default_rng(seed)
    shapes = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    made = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
    users = {name: (node, list(node.input).index(name)) for node in graph.node for name in node.input if name in made}
    for output, node in made.items():
        shape = tuple(int(n) for n in shapes[node.input[0]])
        graph.initializer.append(numpy_helper.from_array(_drawn(*users[output], shape, rng), output))
        graph.node.remove(node)
    for node in graph.node:
        if node.op_type == "Softmax":
            graph.output[0].name = node.input[0]
    return model


def _drawn(user: Any, place: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights after He et al. (2015); statistics and factors near 1."""
    if user.op_type == "BatchNormalization" and place in (1, 4):
        array = rng.uniform(0.5, 1.5, shape)
    elif len(shape) > 1:
        fan = int(np.prod(shape[1:])) if user.op_type == "Conv" else max(shape)
        array = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(2 / fan)
    else:
        array = rng.standard_normal(shape) * 0.1
    return np.asarray(array, np.float32)


def difference(model: Any, network: pl.Graph, x: np.ndarray) -> float:
    """The largest difference to onnxruntime, beside the largest output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of the shapes of constants that are no longer asked for
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {session.get_inputs()[0].name: x})
    got = network(x)
    assert got.shape == wanted.shape
    assert np.isfinite(wanted).all()
    assert np.ptp(wanted) > 0
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def imported(model: Any) -> pl.Graph:
    """The network, by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(model.SerializeToString())
        return load_onnx(path)


def explained(network: pl.Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """The values of four methods for one image, with options that keep them short."""
    layer = _last_map(network)
    return {
        "saliency": pl.explain.saliency(network, x, 7).values,
        "integrated gradients": pl.explain.integrated_gradients(network, x, 7, steps=4, tolerance=None).values,
        "Grad-CAM": pl.explain.grad_cam(network, x, 7, layer=layer, relu=False).values,
        "occlusion": pl.explain.occlusion(network, x, 7, patch=75, stride=75).values,
    }


def _last_map(network: pl.Graph) -> str:
    """The last node whose output is an image of more than one pixel."""
    shapes = {row.name: row.output_shape for row in pl.summary(network).rows}
    return [name for name, shape in shapes.items() if len(shape) == 3 and shape[0] == shape[1] > 1][-1]


def main(names: list[str]) -> None:
    """Print a line for each network."""
    for name in names or NAMES:
        model = weighted(name)
        began = time.perf_counter()
        network = imported(model)
        read = time.perf_counter() - began
        shape = network.input_shape or ()
        x = np.random.default_rng(1).standard_normal((1, *shape), dtype=np.float32)
        far = difference(model, network, x)
        began = time.perf_counter()
        sound = all(np.isfinite(values).all() and values.any() for values in explained(network, x).values())
        print(
            f"{name:14}{len(network.nodes):5} nodes  read in {read:4.1f} s  difference {far:.1e}  "
            f"explained in {time.perf_counter() - began:5.1f} s{'' if sound else ', WITHOUT a result'}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
