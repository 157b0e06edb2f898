"""What a model of Keras says of itself: its layers, and which calls of them lead from its input to its output.

A Sequential is a list of layers. A functional model lists for every layer the calls that were made of it, each with
the outputs that it took: by the layer's name, the number of the call and the number of the output.

    Keras 3     {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["conv", 0, 0]}}], …}
    Keras 2     [["conv", 0, 0, {}]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from pellucid.errors import FileFormatError
from pellucid.interop.keras.options import MAX_SIZE, Options, is_number
from pellucid.interop.strict_json import AGAIN
from pellucid.shown import came
from pellucid.typing import Config, Shape

MODELS = ("Sequential", "Functional", "Model")
"""Keras 2 calls a functional model Model at times; of a subclass no file says what it does."""

OPERATIONS = ("Add", "Subtract", "Multiply")
"""What x + y and the like become in Keras 3, and what else of keras.ops is read."""

MAX_LAYERS = 10_000
MAX_DEPTH = 16
"""Of models in models."""

Call: TypeAlias = tuple[str, int]
"""The name of a layer, and which call of it."""


class Topology(NamedTuple):
    """A model: its layers by name, in Keras' order, those of them that are models, and the calls.

    `numbers` has, for a call such as x + 3, what it took in order: None for x, and the number.
    """

    layers: dict[str, Options]
    models: dict[str, Topology]
    calls: dict[Call, list[Call]]
    numbers: dict[Call, list[float | None]]
    inputs: list[str]
    outputs: list[Call]
    input_shape: Shape | None
    trainable: bool


class Reader(NamedTuple):
    """What all models of a file share."""

    label: str
    keras: int

    def damaged(self, what: str) -> FileFormatError:
        """Return the error for a description that Keras would not write."""
        return FileFormatError(f"{self.label}: {what}. {AGAIN}")

    def model(self, entry: Any, depth: int = 0) -> Topology:
        """Return what a model's entry says."""
        kind, config = self._kind_and_config(entry)
        if depth > MAX_DEPTH:
            raise self.damaged(f"models stand in each other more than {MAX_DEPTH} deep")
        if kind not in MODELS:
            raise FileFormatError(
                f"{self.label}: the model is a {came(kind)}, whose code no file holds. Only Sequential and functional "
                "models can be read."
            )
        if isinstance(config, list):  # as Keras 1 and early Keras 2 wrote a Sequential
            config = {"layers": config}
        entries = config.get("layers")
        if not isinstance(entries, list) or not 0 < len(entries) <= MAX_LAYERS:
            raise self.damaged(f"a model must have 1 to {MAX_LAYERS} layers, got {came(entries)}")
        layers, models = self._layers(entries, depth)
        shape = self._shape_of(entry, config, layers, models)
        trainable = config.get("trainable", True) is not False
        if kind == "Sequential":
            return self._in_a_row(layers, models, shape, trainable)
        calls: dict[Call, list[Call]] = {}
        numbers: dict[Call, list[float | None]] = {}
        for name, given in zip(layers, entries, strict=True):
            for count, (inputs, more) in enumerate(
                self._calls(given, layers[name]), self._first_call(models.get(name))
            ):
                calls[name, count] = inputs
                if more:
                    numbers[name, count] = more
        inputs, outputs = (list(self._ends(config.get(key))) for key in ("input_layers", "output_layers"))
        return Topology(layers, models, calls, numbers, [name for name, _ in inputs], outputs, shape, trainable)

    def _layers(self, entries: list[Any], depth: int) -> tuple[dict[str, Options], dict[str, Topology]]:
        layers: dict[str, Options] = {}
        models: dict[str, Topology] = {}
        for number, entry in enumerate(entries):
            kind, config = self._kind_and_config(entry)
            own = {"layers": config} if isinstance(config, list) else config
            name = own.get("name", entry.get("name", f"{kind.lower()}_{number}"))
            if not isinstance(name, str) or not name or name in layers:
                raise self.damaged(f"layers must have names of their own, got {came(name)}")
            layers[name] = Options(kind, {**own, "name": name}, self.keras, self.label)
            self._expect_own(entry, layers[name])
            if kind in MODELS:
                models[name] = self.model(entry, depth + 1)
        return layers, models

    def _kind_and_config(self, entry: Any) -> tuple[str, Any]:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise self.damaged(f"a layer must be an object with a class_name, got {came(entry)}")
        if not isinstance(entry.get("config"), (dict, list)):
            raise self.damaged(f"a {came(entry['class_name'])} must have a config, got {came(entry.get('config'))}")
        return entry["class_name"], entry["config"]

    def _expect_own(self, entry: Config, options: Options) -> None:
        """Refuse a class that is not Keras' own, whatever it is called."""
        module, registered = entry.get("module"), entry.get("registered_name")
        package = module.partition(".")[0] if isinstance(module, str) else module
        if _is_operation(options) and options.kind not in OPERATIONS:
            options.refuse(f"the operation {options.kind} of keras.ops", "Use a layer of Keras in its place.")
        if package not in (None, "keras", "tf_keras") or registered not in (None, options.kind):
            options.refuse(f"a layer of {came(registered or module)}, whose code no file holds,")

    def _shape_of(self, entry: Config, config: Config, layers: Any, models: dict[str, Topology]) -> Shape | None:
        """The shape of a sample, where the model says it; None where the sizes are left open."""
        first = next(iter(layers.values()))
        told = (
            *(first.config.get(key) for key in ("batch_shape", "batch_input_shape")),
            config.get("build_input_shape"),
            (entry.get("build_config") or {}).get("input_shape")
            if isinstance(entry.get("build_config"), dict)
            else None,
        )
        shape = next((given for given in told if given is not None), None)
        if shape is None:
            return models[first.name].input_shape if first.name in models else None
        if not isinstance(shape, list) or not all(n is None or type(n) is int for n in shape):
            raise self.damaged(f"the shape of the input must be sizes, got {came(shape)}")
        if any(n is None for n in shape[1:]):
            return None
        if not all(0 < n <= MAX_SIZE for n in shape[1:]) or len(shape) > 9:
            raise self.damaged(f"the shape of the input must be at most 8 sizes up to {MAX_SIZE}, got {came(shape)}")
        return tuple(shape[1:])

    def _in_a_row(self, layers: Any, models: Any, shape: Shape | None, trainable: bool) -> Topology:
        names = list(layers)
        first = [] if layers[names[0]].kind == "InputLayer" else [""]
        row = [*first, *names]
        calls: dict[Call, list[Call]] = {(name, 0): [(above, 0)] for above, name in zip(row, row[1:], strict=False)}
        return Topology(layers, models, calls, {}, [row[0]], [(names[-1], 0)], shape, trainable)

    def _calls(self, entry: Config, options: Options) -> Iterator[tuple[list[Call], list[float | None]]]:
        """Yield what each call of a layer took: outputs of others, and what `Topology.numbers` has of it, if any."""
        nodes = entry.get("inbound_nodes", [])
        if not isinstance(nodes, list) or len(nodes) > MAX_LAYERS:
            raise self.damaged(f"layer {came(options.name)}: its calls must be a list, got {came(nodes)}")
        for node in nodes:
            if isinstance(node, dict):
                self._expect_plain(node.get("kwargs"), options)
                arguments = node.get("args")
                if _is_operation(options) and isinstance(arguments, list) and any(map(is_number, arguments)):
                    told = [a if is_number(a) else None for a in arguments]
                    yield list(self._tensors([a for a in arguments if not is_number(a)], options)), told
                else:
                    yield list(self._tensors(arguments, options)), []
            else:
                for told in node if isinstance(node, list) else ():
                    if isinstance(told, list) and len(told) > 3:
                        self._expect_plain(told[3], options)
                yield list(self._ends(node)), []

    def _first_call(self, inner: Topology | None) -> int:
        """The number of a layer's first call: in Keras 2, making a model from its inputs was one already."""
        return int(self.keras < 3 and inner is not None and any(a.kind == "InputLayer" for a in inner.layers.values()))

    def _expect_plain(self, given: Any, options: Options) -> None:
        """Refuse a call with more arguments than its inputs; whether it trains does not matter here."""
        more = {k: v for k, v in given.items() if k not in ("training", "mask") and v is not None} if given else {}
        if more:
            options.refuse(f"a call with {came(more)}")

    def _tensors(self, value: Any, options: Options) -> Iterator[Call]:
        """Yield the outputs that the arguments of a call name."""
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            config = value.get("config")
            yield self._call(config.get("keras_history") if isinstance(config, dict) else None)
        elif isinstance(value, list):
            for inner in value:
                yield from self._tensors(inner, options)
        elif value is not None:
            options.refuse(f"a call with {came(value)}")

    def _ends(self, value: Any) -> Iterator[Call]:
        """Yield the outputs that a list names; a single one may stand without a list around it."""
        if isinstance(value, list) and value and isinstance(value[0], str):
            yield self._call(value)
        elif isinstance(value, list):
            for inner in value:
                yield from self._ends(inner)
        elif isinstance(value, dict):
            for inner in value.values():
                yield from self._ends(inner)
        else:
            raise self.damaged(f"an output must be named by a layer and two numbers, got {came(value)}")

    def _call(self, value: Any) -> Call:
        sound = isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str)
        if not sound or type(value[1]) is not int or value[2] != 0:
            raise self.damaged(f"an output must be named by a layer and two numbers, got {came(value)}")
        return value[0], value[1]


def _is_operation(options: Options) -> bool:
    """Whether this is a function of keras.ops and no layer: layers say their dtype, and whether they are trained."""
    return options.kind not in MODELS and not {"dtype", "trainable"} & options.config.keys()
