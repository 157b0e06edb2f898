"""Which public functions, classes and methods are called, and arguments that are right for them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import pellucid as pl
from fuzz import values
from pellucid.constructed import Constructed

ROOMS = (
    "pellucid", "explain", "explain.evaluate", "plots", "views", "kernels", "data", "interop", "models", "losses",
    "optimizers", "schedules", "initializers", "functions", "training", "report", "layers", "gradcheck", "testing",
)  # fmt: skip

# By parameter; more closely by room, and most closely by function, in `CLOSER`.
RIGHT: dict[str, tuple[str, ...]] = {
    "model": ("network()",), "network": ("network()", "unbuilt()"), "x": ("flat()",), "t": ("labels()",),
    "data": ("dataset()", "(flat(), labels())"), "loss": ("'SoftmaxCrossEntropy'", "pl.Hinge()"), "y": ("flat()",),
    "optimizer": ("pl.Adam()", "'Momentum'"), "validation": ("0.25", "dataset()"), "batch_size": ("2",),
    "epochs": ("2",), "iterations": ("3",), "seed": ("1",), "dtype": ("np.float64",), "input_shape": ("4", "(8, 8, 1)"),
    "name": ("'body'",), "units": ("3",), "filters": ("2",), "kernel_size": ("3", "(2, 3)"), "stride": ("2", "(1, 2)"),
    "padding": ("'same'", "1", "((0, 1), (1, 0))"), "dilation": ("2", "(1, 2)"), "groups": ("1", "2"),
    "weight": ("'xavier'", "he()"), "size": ("2", "(2, 3)"), "factor": ("2", "0.5"), "drop_probability": ("0.5",),
    "layers": ("[pl.Affine(3), pl.Tanh()]",), "nodes": ("{'a': (pl.Affine(3), 'input')}",), "output": ("'a'",),
    "branch": ("pl.Affine(4)",), "shortcut": ("[pl.Affine(4)]",), "shape": ("(2, 2)", "4"), "path": ("Path('new')",),
    "learning_rate": ("0.1", "schedules.Constant(0.1)"), "weight_decay": ("0.01",), "clip_norm": ("1.0",),
    "given": ("'he'", "'SGD'", "'Hinge'"), "classes": ("3",), "class_names": ("['a', 'b', 'c']",),
    "callbacks": ("[pl.EarlyStopping(2)]",), "metadata": ("{'a': 'b'}",), "array": ("np.arange(6)",),
    "target": ("0", "'predicted'", "[0, 1, 2]"), "layer": ("'relu1'", "'conv2d1'"), "scalar": ("'probability'",),
    "rule": ("'guided'",), "baseline": ("'blurred'", "0.5"), "steps": ("4",), "samples": ("3",), "masks": ("5",),
    "permutations": ("2",), "method": ("pl.explain.saliency",), "result": ("explanation()",), "images": ("pictures()",),
    "explanation": ("explanation()",), "history": ("history()",), "labels": ("labels()",), "predicted": ("labels()",),
    "probabilities": ("np.eye(3)",), "image": ("pictures(1)[0]",), "weights": ("np.ones((3, 3, 1, 2))",),
    "maps": ("pictures()",), "unit": ("1", "(1, 1)"), "sizes": ("[4, 5, 3]",), "rate": ("0.1",),
    "then": ("pl.SGD(0.1).schedule",),
    "every": ("2",), "value": ("0.5",), "std": ("0.1",), "f": ("square",), "h": ("1e-4",),
    "params": ("{'a': np.ones((2, 3))}",),
    "grads": ("{'a': np.ones((2, 3))}",), "threads": ("2",), "multiplier": ("2",), "hidden_size": ("4",),
    "input_size": ("4",), "output_size": ("3",), "convolved": ("pictures(1)[0]",), "pooled": ("pictures(1)[0]",),
    "window": ("window()",), "height": ("5",), "width": ("5",), "first_evaluation": ("1",), "evaluate_every": ("1",),
    "activation": ("pl.Tanh",), "indices": ("[0, 2]",),
    "drawing": ("pl.views.diagram(images_network())",), "shapes": ("()",),
    "found": ("pl.views.top_samples(images_network(), 'relu1', 0, images())",),
    "frame": ("__import__('pandas').DataFrame({'a': [1, 2, 3], 'label': [0, 1, 2]})",),
    "rng": ("np.random.default_rng(0)",),
    "index": ("1",), "batch": ("(flat(), labels())",), "eta": ("0.1",), "training_data": ("dataset()",),
    "mini_batch_size": ("3",), "test_data": ("dataset()",), "fraction": ("0.5",), "column": ("'loss'",),
    "region": ("4",), "patch": ("3",), "grid": ("3",), "card": ("explanation()",), "count": ("3",), "columns": ("3",),
}  # fmt: skip

IMAGES = {"model": ("images_network()",), "network": ("images_network()",), "x": ("pictures()",), "data": ("images()",)}
KERNELS = {
    "x": ("np.ones((2, 6, 6, 2), np.float32)", "np.ones((1, 7, 6, 2))"),
    "w": ("np.ones((3, 3, 2, 4), np.float32)",),
    "b": ("np.ones(4, np.float32)",),
    "dy": ("np.ones((2, 4, 4, 4), np.float32)",),
    "stride": ("(1, 1)", "(2, 1)"),
    "padding": ("((1, 1), (0, 0))",),
    "dilation": ("(1, 1)",),
    "size": ("(3, 3)", "(2, 2)"),
    "x_shape": ("(2, 6, 6, 2)",),
    "w_shape": ("(3, 3, 2, 4)",),
    "switch": ("np.zeros((2, 4, 4, 4), np.uint8)",),
    "output_padding": ("(0, 0)",),
}
CLOSER: dict[str, dict[str, tuple[str, ...]]] = {
    "explain": IMAGES, "plots": IMAGES, "views": IMAGES, "report": IMAGES, "kernels": KERNELS,
    "pl.explain.Contrast": {"a": ("0",), "b": ("1",)}, "pl.explain.Function": {"compute": ("square",)},
    "pl.plots.trust_card": {"card": ("card()",)},
    "pl.plots.class_maps": {"result": ("pl.explain.all_classes(images_network(), pictures(1))",)},
    "pl.plots.maximized": {"result": ("pl.explain.maximize(images_network(), [0, 1], steps=4)",)},
    "pl.plots.occlusion_maps": {"result": ("pl.explain.occlusion(images_network(), pictures(1))",)},
    "pl.explain.evaluate.pointing_game": {"masks": ("pictures() > 0.5",)},
    "pl.explain.evaluate.relevance_mass": {"masks": ("pictures() > 0.5",)},
    "pl.load": {"path": ("'model.safetensors'",)}, "pl.load_into": {"path": ("'model.safetensors'",)},
    "pl.read_metadata": {"path": ("'model.safetensors'",)}, "pl.load_nielsen": {"path": ("'nielsen.json'",)},
    "pl.load_book_params": {"path": ("'book.npz'",)}, "pl.read_idx": {"path": ("'data.idx'",)},
    "pl.load_csv": {"path": ("'table.csv'",), "target": ("'label'",)}, "pl.load_directory": {"path": ("'folder'",)},
    "pl.from_dataframe": {"target": ("'label'",)}, "pl.save_nielsen": {"network": ("sigmoids()",)},
    "pl.History.load": {"path": ("'history.json'",)}, "pl.explain.Explanation.load": {"path": ("'explanation.npz'",)},
    "pl.TruthTableNet": {"x": ("np.eye(2)",), "t": ("np.eye(2)",)}, "pl.recipe": {"name": ("'lenet'",)},
    "pl.models.recipe": {"name": ("'sprint'",)}, "pl.numerical_gradient": {"x": ("flat()",)},
    "pl.check_gradients": {"layer": ("network()", "pl.Affine(3)")}, "pl.set_num_threads": {"threads": ("1", "2")},
    "pl.SimpleCNN": {"activation": ("'relu'",)}, "pl.Reshape": {"shape": ("(2, 2)", "(-1,)")},
}  # fmt: skip

# Objects whose methods are called.
OBJECTS = (
    "network()", "images_network()", "unbuilt()", "dataset()", "images()", "numbers()", "history()", "explanation()",
    "built(pl.Affine(3), 4)", "built(pl.Conv2D(2, 3), 6, 6, 1)", "built(pl.MaxPool2D(), 6, 6, 1)",
    "built(pl.BatchNorm(), 4)", "built(pl.GroupNorm(2), 4)", "built(pl.Dropout(0.5), 4)", "built(pl.Softmax(), 4)",
    "built(pl.ConvTranspose2D(2, 3), 6, 6, 1)", "built(pl.Upsample2D(), 6, 6, 1)", "built(pl.Reshape((2, 2)), 4)",
    "pl.Residual([pl.Affine(4)])", "pl.Graph({'a': (pl.Affine(3), 'input')}, input_shape=4)", "pl.Adam()", "pl.SGD()",
    "pl.SoftmaxCrossEntropy()", "pl.SigmoidCrossEntropy()", "pl.MeanSquaredError()", "pl.Hinge()", "pl.Huber()",
    "schedules.Constant(0.1)", "schedules.OneCycle(0.1, 10)", "schedules.ReduceOnPlateau(0.1)", "pl.Network([4, 5, 3])",
    "pl.TwoLayerNet(4, 5, 3)", "pl.SimpleCNN(2, 3, hidden_size=4, classes=3, input_shape=(8, 8, 1))", "pl.History",
    "pl.explain.Explanation", "pl.summary(network())", "pl.TruthTableNet(np.eye(2), np.eye(2))", "he()",
    "pl.Add()", "pl.Concat()", "pl.EarlyStopping(2)", "pl.models.recipe('lenet')", "card()", "pl.data.CsvOptions()",
    "pl.explain.all_classes(images_network(), pictures(1))", "pl.explain.maximize(images_network(), [0, 1], steps=4)",
    "pl.views.top_samples(images_network(), 'relu1', 0, images())", "pl.check_gradients(pl.Affine(3), flat())",
    "pl.explain_kernels(images_network())", "network().params", "pl.data.RandomShift(1)", "dataset().described()",
    "pl.evaluate(network(), dataset())", "schedules.WarmUp(0.1, 3)", "pl.Adam().schedule",
)  # fmt: skip
METHODS = {"__call__"}
# What the package calls of its parts, with what it has checked. Users write these in classes of their own; where they
# call them, they get what Python says.
INNER: tuple[tuple[type, set[str]], ...] = (
    # What every step of a training calls; a look at each argument would be felt. `forward` looks at x.
    (pl.Layer, {"backward"}),
    (pl.Merge, {"backward"}),
    (pl.losses.Loss, {"compute", "divisor", "total", "each"}),
    (pl.optimizers.Optimizer, {"update"}),
    # Helpers of `build` and `forward`, which look first.
    (pl.Layer, {"create_params", "channels", "geometry", "window", "means", "check_input"}),
    # What `fit` calls; callbacks are written and not called.
    (pl.Callback, {"on_start", "on_iteration", "on_epoch", "on_end"}),
    # It compiles for a minute.
    (pl.models.Recipe, {"warm_up"}),
)


FAULTS = ("missing", "unknown", "many", "twice")


class Target(NamedTuple):
    """Something to call, written as Python, with expressions that are right for each parameter (perhaps none)."""

    name: str
    parameters: dict[str, tuple[str, ...]]
    needed: frozenset[str]
    positional: frozenset[str]
    door: bool
    """Whether it tells which arguments do not fit the call; what every step calls leaves that to Python."""


def targets() -> list[Target]:
    """Return what the rooms export and the methods of OBJECTS, each once, in a fixed order."""
    return [*functions(), *_methods()]


def functions() -> Iterator[Target]:
    """The functions and classes that the rooms export."""
    seen: set[int] = set()
    for room in ROOMS:
        module = importlib.import_module("pellucid" if room == "pellucid" else f"pellucid.{room}")
        for name, thing in sorted(vars(module).items()):
            if _ours(name, thing, module.__name__) and id(thing) not in seen and not _made_by_us(thing):
                seen.add(id(thing))
                full = f"pl.{name}" if room == "pellucid" else f"pl.{room}.{name}"
                yield _target(full, thing, room.split(".")[0])


def _ours(name: str, thing: Any, room: str) -> bool:
    """Whether a package's __init__ exports it, or a module defines it."""
    home = getattr(thing, "__module__", "")
    exported = home.startswith(room) if room.count(".") else home.startswith("pellucid.")
    return callable(thing) and not name.startswith("_") and exported


def _made_by_us(thing: Any) -> bool:
    """Errors and warnings: nobody makes them by hand."""
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def _methods() -> Iterator[Target]:
    for expression in OBJECTS:
        thing = evaluated(expression)
        inner = {name for kind, names in INNER if isinstance(thing, kind) for name in names}
        for name in sorted(dir(thing)):
            if name in inner or (name.startswith("_") and (name not in METHODS or inspect.isclass(thing))):
                continue
            bound = getattr(thing, name, None)
            if inspect.isclass(thing) and not inspect.ismethod(bound):  # of a class, its other ways to make one
                continue
            home = getattr(bound, "__module__", None) or ""
            if callable(bound) and home.startswith("pellucid") and not inspect.isclass(bound):
                yield _target(f"{expression}.{name}", bound, "images" if "8, 8" in expression else "pellucid")


def _target(full: str, thing: Callable[..., Any], room: str) -> Target:
    closer = {**CLOSER.get(room, {}), **CLOSER.get(full, {})}
    parameters = inspect.signature(thing).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Target(
        full,
        {p.name: closer.get(p.name, RIGHT.get(p.name, ())) for p in named},
        frozenset(p.name for p in named if p.default is p.empty),
        frozenset(p.name for p in named if p.kind == p.POSITIONAL_ONLY),
        has_door(thing),
    )


def has_door(thing: Any) -> bool:
    """Whether a function, method or class is `checked`."""
    if inspect.isclass(thing) and not isinstance(thing, Constructed):
        thing = thing.__new__ if issubclass(thing, tuple) else thing.__init__
    return isinstance(thing, Constructed) or hasattr(thing, "__wrapped__")


def evaluated(expression: str) -> Any:
    """The value of an expression of `values`."""
    return eval(expression, vars(values))


def call(target: Target, rng: np.random.Generator) -> str:
    """Return a call as Python: most arguments right or left out, one or two of them anything.

    One in eight does not fit: an argument is missing, unknown, or there are too many.
    """
    names = list(target.parameters)
    spoilt = set(rng.choice(names, min(len(names), int(rng.integers(1, 3))), replace=False)) if names else set()
    fault = FAULTS[rng.integers(len(FAULTS))] if target.door and rng.random() < 0.125 else ""
    left_out = rng.choice(sorted(target.needed)) if fault == "missing" and target.needed else ""
    words = [values.WRONG[rng.integers(len(values.WRONG))]] * (fault == "many") * (len(names) + 1)
    for name in names:
        right = target.parameters[name]
        if name == left_out:
            continue
        if name in spoilt or (name in target.needed and not right):
            value = values.WRONG[rng.integers(len(values.WRONG))]
        elif name in target.needed or (right and rng.random() < 0.3):
            value = right[rng.integers(len(right))]
        else:
            continue
        words.append(value if name in target.positional else f"{name}={value}")
    if fault == "unknown":
        words.append(f"{rng.choice(['nonsense', 'lr', 'Name', 'x_', '_'])}={values.WRONG[0]}")
    if fault == "twice" and names and names[0] not in target.positional:
        words = [values.WRONG[0], *words]
    return f"{target.name}({', '.join(words)})"
