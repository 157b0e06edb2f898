"""The variables of every layer, as the two forms of files keep them.

.keras    layers/conv2d_1/vars/0        by the class of the layer, counted, and the number of the variable
.h5       model_weights/conv2d_7        by the layer's name; `weight_names` has their order, and of a model
within the model all trained ones come first, then the others
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, TypeAlias

from pellucid.errors import FileFormatError
from pellucid.interop.hdf5 import Group
from pellucid.interop.keras.kinds import KINDS, Variables
from pellucid.interop.keras.options import Options
from pellucid.interop.keras.topology import Topology
from pellucid.interop.strict_json import AGAIN
from pellucid.typing import Array, Arrays

Tree: TypeAlias = "dict[str, Arrays | Tree]"
"""The variables of each layer by name; of a model, its layers' by theirs."""


def from_archive(model: Topology, file: Group) -> Tree:
    """Return the variables that the `model.weights.h5` of an archive holds."""
    layers = "layers" if "layers" in file else "_layer_checkpoint_dependencies"
    return _by_place(model, file, layers if layers in file else "")


def _by_place(model: Topology, group: Group, layers: str) -> Tree:
    inside = group.group(layers) if layers else group
    counted: Counter[str] = Counter()
    tree: Tree = {}
    for name, options in model.layers.items():
        key = snake_case(options.kind)
        number = counted[key]
        counted[key] += 1
        place = f"{key}_{number}" if number else key
        if name in model.models:
            tree[name] = _by_place(model.models[name], inside.group(place), layers)
        else:
            variables = variables_of(options)
            names = (*variables.trained, *variables.fixed)
            tree[name] = {variable: _read(inside, f"{place}/vars/{i}") for i, variable in enumerate(names)}
    return tree


def snake_case(name: str) -> str:
    """Return a class name as paths within archives have it: max_pooling2d."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def from_whole(model: Topology, file: Group) -> Tree:
    """Return the variables that the group `model_weights` of an `.h5` file holds."""
    tree: Tree = {}
    for name, options in model.layers.items():
        if name in model.models:
            inner = model.models[name]
            tree[name] = _dealt(inner, _listed(file, name), options)
        else:
            variables = variables_of(options)
            names = (*variables.trained, *variables.fixed)
            tree[name] = dict(zip(names, _listed(file, name, options, len(names)), strict=True)) if names else {}
    return tree


def _listed(file: Group, name: str, options: Options | None = None, count: int = 0) -> list[Array]:
    group = file.group(name)
    names = list(texts(group, "weight_names"))
    if options is not None and len(names) != count:
        raise FileFormatError(f"{options.who}: has {count} variables, and the file holds {len(names)} for it. {AGAIN}")
    return [_read(group, name) for name in names]


def texts(group: Group, key: str) -> list[str]:
    """Return a list of texts, which may go on in attributes with numbers where it is long."""
    attributes = group.attributes
    keys = [key] if key in attributes else [f"{key}{i}" for i in range(len(attributes)) if f"{key}{i}" in attributes]
    return [text for part in keys for text in attributes[part] if isinstance(text, str)]


def _dealt(model: Topology, arrays: list[Array], options: Options) -> Tree:
    """Deal the variables of a model within the model out to its layers."""
    trained, fixed = _counts(model, options.config.get("trainable", True) is not False)
    if len(arrays) != trained + fixed:
        raise FileFormatError(
            f"{options.who}: has {trained + fixed} variables, and the file holds {len(arrays)} for it. {AGAIN}"
        )
    return _deal(model, iter(arrays[:trained]), iter(arrays[trained:]), True)


def _counts(model: Topology, trainable: bool) -> tuple[int, int]:
    trained = fixed = 0
    trainable = trainable and model.trainable
    for name, options in model.layers.items():
        inner = model.models.get(name)
        more = _counts(inner, trainable) if inner else _split(options, trainable)
        trained, fixed = trained + more[0], fixed + more[1]
    return trained, fixed


def _split(options: Options, trainable: bool) -> tuple[int, int]:
    """How many variables of a layer stand among the trained ones, and how many among the others."""
    variables = variables_of(options)
    if trainable and options.config.get("trainable", True) is not False:
        return len(variables.trained), len(variables.fixed)
    return 0, len(variables.trained) + len(variables.fixed)


def _deal(model: Topology, trained: Any, fixed: Any, trainable: bool) -> Tree:
    tree: Tree = {}
    trainable = trainable and model.trainable
    for name, options in model.layers.items():
        if name in model.models:
            tree[name] = _deal(model.models[name], trained, fixed, trainable)
        else:
            variables = variables_of(options)
            first, last = _split(options, trainable)
            arrays = [next(trained) for _ in range(first)] + [next(fixed) for _ in range(last)]
            tree[name] = dict(zip((*variables.trained, *variables.fixed), arrays, strict=True))
    return tree


def variables_of(options: Options) -> Variables:
    """Return the variables that a layer has by its options; raise FileFormatError where its class is not known."""
    if options.kind == "InputLayer":
        return Variables()
    if options.kind not in KINDS:
        code = " It holds code, which is never run." if options.kind == "Lambda" else ""
        options.refuse("this class of layers", f"{code.strip()} Read are {', '.join(sorted(KINDS))}.".strip())
    return KINDS[options.kind].variables(options)


def _read(group: Group, path: str) -> Array:
    return group.dataset(path).read()
