"""Networks that came as ONNX files, beside the programs that run such files: SqueezeNet and ResNet-50, time per image.

The graphs are those that the package `onnx` brings, with seeded random weights, since the weights that they come with
are one number each. Every program takes the same file and the same images, on as many threads as there are cores.
Grad-CAM looks at the last feature maps of ResNet-50, for one image; it is counted in predictions of one image.
"""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.race import Contestant, race, table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # whose graphs these are

NETWORKS = {"SqueezeNet": "squeezenet", "ResNet-50": "resnet50"}
BATCHES = (1, 8)
COUNTS = {f"{network}, batch {size}": size for network in NETWORKS for size in BATCHES}
ONE, GRAD_CAM = "ResNet-50, batch 1", "Grad-CAM on ResNet-50"
OURS, RUNTIME = "pellucid", "onnxruntime"
Laps = dict[str, Callable[[int], Any]]


def images() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((max(BATCHES), 3, 224, 224), dtype=np.float32)


def model(network: str) -> Any:
    from interop.onnx.light import weighted

    return weighted(NETWORKS[network])


def laps(runner: Callable[[Any], Callable[[np.ndarray], Any]], sizes: tuple[int, ...] = BATCHES) -> Laps:
    """One lap for each network and size of a batch, of what a program makes of a model: a function of images."""
    x, runners = images(), {network: runner(model(network)) for network in NETWORKS}
    return {
        f"{network}, batch {size}": functools.partial(lambda run, n: run(x[:n]), runners[network])
        for network in NETWORKS
        for size in sizes
    }


def pellucid() -> Laps:
    from pellucid import explain

    networks: list[pl.Graph] = []

    def runner(model: Any) -> Callable[[np.ndarray], Any]:
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            file.write(model.SerializeToString())
            file.flush()
            networks.append(pl.load_onnx(file.name))
        return networks[-1]

    x, predictions = images(), laps(runner)
    return {**predictions, GRAD_CAM: lambda n: explain.grad_cam(networks[-1], x[:n], 0)}


def onnxruntime() -> Laps:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.log_severity_level = 3

    def runner(model: Any) -> Callable[[np.ndarray], Any]:
        # The graphs say a batch of one; its name in place of the number leaves it open.
        session = onnxruntime.InferenceSession(opened(model).SerializeToString(), options)
        name = session.get_inputs()[0].name
        return lambda x: session.run(None, {name: x})

    return laps(runner)


def reference() -> Laps:
    import warnings

    from onnx.reference import ReferenceEvaluator

    warnings.filterwarnings("ignore")  # it calls what NumPy has deprecated

    def runner(model: Any) -> Callable[[np.ndarray], Any]:
        evaluator, constants = ReferenceEvaluator(model), {constant.name for constant in model.graph.initializer}
        (name,) = (door.name for door in model.graph.input if door.name not in constants)  # which old files list too
        return lambda x: evaluator.run(None, {name: x})

    return laps(runner, sizes=(1,))


def opened(model: Any) -> Any:
    """Let the batch be of any size: in the shapes at the doors, and where a Reshape names it."""
    from onnx import numpy_helper

    for door in (*model.graph.input, *model.graph.output):
        if door.type.tensor_type.shape.dim:
            door.type.tensor_type.shape.dim[0].dim_param = "batch"
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for constant in model.graph.initializer:
        if constant.name in shapes:
            shape = np.array(numpy_helper.to_array(constant))
            shape[0] = 0
            constant.CopyFrom(numpy_helper.from_array(shape, constant.name))
    return model


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    OURS: pellucid,
    RUNTIME: onnxruntime,
    "onnx's reference evaluator": reference,
}


def imported(rounds: int) -> str:
    found = {c.name: c for c in race(__name__, list(CONTESTANTS), {**COUNTS, GRAD_CAM: 1}, rounds)}
    tables = [table([*found.values()], what, f"{what}, ms per image", 1e3) for what in COUNTS]
    return "\n\n".join([*tables, _ratios(found)])


def _ratios(found: dict[str, Contestant]) -> str:
    """Ours by onnxruntime's, and Grad-CAM by a prediction, round by round: each pair stood side by side."""
    ours, runtime = found[OURS], found.get(RUNTIME)
    pairs = {f"{what}, by onnxruntime's": (ours.seconds[what], runtime.seconds[what]) for what in COUNTS if runtime}
    pairs[f"{GRAD_CAM}, in predictions"] = ours.seconds[GRAD_CAM], ours.seconds[ONE]
    lines = ["| time of ours | median | worst round |", "|---|---|---|"]
    for name, (mine, theirs) in pairs.items():
        ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
        lines.append(f"| {name} | {statistics.median(ratios):.2f} | {max(ratios):.2f} |")
    return "\n".join(lines)
