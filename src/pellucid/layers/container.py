"""What containers share: names for their layers, and the parameters of all of them in one place."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from pellucid import arrays, checks
from pellucid.checked import checked
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.layers.base import Layer
from pellucid.layers.parameters import Parameters
from pellucid.layers.plain import is_plain
from pellucid.shown import came
from pellucid.specs import InputSpec, OutputSpec
from pellucid.typing import Array, ArrayLike, Arrays, DTypeLike, Shape

if TYPE_CHECKING:
    from pellucid.layers.nodes import Node

CacheT = TypeVar("CacheT")
AnyLayer: TypeAlias = Layer[Any]

INPUT = "input"
"""What nodes call the input of their container."""

Rule: TypeAlias = Callable[[Any, Array, Any], tuple[Any, Arrays]]
"""Takes the place of one layer type's backward: (layer, dy, cache) → (dx, grads); for a merge, (list of dx, {})."""

Rules: TypeAlias = Mapping[type[Any], Rule] | Callable[[Any], Rule | None]
"""The rules of one backward pass: by the type of layer or merge, or a function of it that gives its rule or None."""


class Container(Layer[CacheT]):
    """A layer made of layers. Its parameters are theirs, called `layer_name.parameter`.

    The outermost container is the door of a network: it brings x to the network's dtype, and builds everything from
    one seed. The names belong to the container: a layer may be called otherwise in another one.

    Attributes
    ----------
    layers : tuple of layers
    names : tuple of str
        What this container calls them.

    Examples
    --------
    >>> block = pl.Sequential([pl.Affine(4), pl.ReLU()], name="block")
    >>> network = pl.Sequential([block, pl.Affine(2)], input_shape=3)
    >>> list(network.params)
    ['block.affine1.W', 'block.affine1.b', 'affine1.W', 'affine1.b']
    >>> network.layer("block.affine1").size  # 3 · 4 + 4
    16
    """

    dtype: np.dtype[Any]
    inputs: InputSpec | None = None
    """How the samples that it learnt from were prepared, as `fit` found them; a model file keeps it."""

    outputs: OutputSpec | None = None
    """What its outputs mean, as `fit` taught them; a model file keeps it."""

    def __init__(self, layers: Sequence[AnyLayer], *, names: Sequence[str] | None = None, name: str = "") -> None:
        super().__init__(name=name)
        given: Sequence[object] = layers  # which may hold anything, whatever the annotation says
        for i, layer in enumerate(given):
            if not isinstance(layer, Layer):
                hint = " Call it to make one." if isinstance(layer, type) else ""
                raise ArgumentError(f"{type(self).__name__}: layer {i} is {came(layer)}, which is not a Layer.{hint}")
        self.layers: tuple[AnyLayer, ...] = tuple(layers)
        inside = [id(layer) for layer in self.walk()]
        if len(set(inside)) != len(inside):
            raise ArgumentError(f"{type(self).__name__}: the same layer stands in it twice. Make two layers.")
        self.dtype = np.dtype(np.float32)
        self._shared = True  # its arrays are its layers'
        self.names = choose_names(type(self).__name__, self.layers, names)
        for chosen, layer in self.named_layers():
            if not layer.name:
                layer.name, layer._counted = chosen, True

    def _is_fixed(self, name: str) -> bool:
        return super()._is_fixed(name) and (self._built is not None or name not in ("dtype", "seed"))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _shared=True)
        for layer in self.layers:
            layer._shared = self._built is not None or isinstance(layer, Container)
        if self._built is not None:
            with self.open_attributes():
                self.gather()

    @property
    def nodes(self) -> tuple[Node, ...] | None:
        """What the passes consist of, in the order of computing: layers and merges, and what each of them takes.

        None of a container with passes of its own: what happens within it is not known, and it is looked at as one
        layer. A container of your own that says its nodes gives a tape with a `Step` for each of them.
        """
        return None

    @property
    def output(self) -> str:
        """The node that gives the output."""
        return self.nodes[-1].name if self.nodes else INPUT

    @checked
    def fused(self) -> Container[Any]:
        """Return the same network with layers taken together where a kernel does several at once, or itself."""
        checks.expect_built(self.label, self.input_shape)
        return self

    @property
    def stochastic(self) -> bool:  # type: ignore[override]  # a class attribute in leaves, theirs in containers
        """Whether any layer draws random numbers while training."""
        return any(layer.stochastic for layer in self.layers)

    @property
    def trainable(self) -> bool:
        """Whether any layer with parameters is trained; setting it sets it for every layer inside."""
        leaves = [layer for layer in self.walk() if not isinstance(layer, Container)]
        return any(layer.trainable for layer in leaves if layer.params or not self.params)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in getattr(self, "layers", ()):  # none yet while `__init__` begins
            layer.trainable = value

    @checked
    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Shape:
        """Build every layer; those that have parameters for the shape that reaches them keep them.

        Where a layer refuses, nothing is built.
        """
        return super().build(input_shape, rng, dtype)

    def _build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Shape:
        output_shape = self.infer_shape(input_shape)
        self.expect_fit(input_shape, dtype)
        fresh = [layer for layer in (self, *self.walk()) if layer.input_shape is None]
        try:
            for layer, shape in self.reach(input_shape):
                layer.build(shape, rng, dtype)
                layer._shared = True
            with self.open_attributes():
                self.dtype, self.input_shape = dtype, input_shape
                self.gather()
                self.output_shape = output_shape  # last: other threads see by it that all is there
        except BaseException:
            for layer in fresh:
                layer._forget()
            raise
        return output_shape

    @checked
    def expect_fit(self, input_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Raise StateError where a layer stands in another container for other shapes, or for another dtype."""
        if self._shared and self._built is not None and (self.input_shape, self.dtype) != (input_shape, dtype):
            raise StateError(
                f"{self.label}: stands in a network for samples of shape {self.input_shape} in {self.dtype} already; "
                f"here they would have {input_shape} in {dtype}. Take a copy: pl.copy_network(network, np.{dtype})."
            )
        for layer, shape in self.reach(input_shape):
            layer.expect_fit(shape, dtype)

    @checked
    def least_batch(self, input_shape: Shape) -> int:
        return max((layer.least_batch(shape) for layer, shape in self.reach(input_shape)), default=1)

    @abstractmethod
    def reach(self, input_shape: Shape) -> Iterator[tuple[AnyLayer, Shape]]:
        """Yield every layer with the shape of a sample that reaches it, for samples of `input_shape`."""

    @abstractmethod
    def backward(
        self,
        dy: Array,
        cache: CacheT,
        rules: Rules | None = None,
        *,
        need_dx: bool = True,
        need_grads: bool = True,
    ) -> tuple[Array | None, Arrays]:
        """Walk back through the layers; `rules` replace the backward of their layer types, for this call only."""

    def pull(self, dy: Array, tape: CacheT, rules: Rules | None = None) -> Array:
        """Return dx alone, or what `rules` make of it."""
        dx, _ = self.backward(dy, tape, rules, need_grads=False)
        if dx is None:
            raise ShapeError(f"{self.label}: backward must return dx where it is asked for, got None.")
        return dx

    def gather(self) -> None:
        """Collect the arrays of the layers, shared and not copied."""
        self._built = None
        self.params = Parameters({f"{n}.{k}": v for n, a in self.named_layers() for k, v in a.params.items()})
        self.buffers = Parameters({f"{n}.{k}": v for n, a in self.named_layers() for k, v in a.buffers.items()})
        self._built = self.params, self.buffers

    def accept(self, x: ArrayLike) -> Array:
        """Return `x` as an array of the network's dtype; raise ShapeError unless it is (N, *input_shape)."""
        if type(x) is not np.ndarray or x.dtype != self.dtype:
            x = arrays.numbers(self.label, "x", x, self.dtype)
        if self.input_shape is None:
            checks.expect_built(self.label, None)
        elif x.shape[1:] != self.input_shape or x.ndim == 0:
            checks.expect_batch(self.label, x, self.input_shape)
        self.expect_arrays()
        return x

    @checked
    def named_layers(self) -> Iterator[tuple[str, AnyLayer]]:
        """Yield (name, layer) of every layer that this container holds itself."""
        return zip(self.names, self.layers, strict=True)

    @checked
    def layer(self, name: str) -> AnyLayer:
        """Return the layer of that name; "block.conv1" looks inside a nested container."""
        first, _, rest = str(name).partition(".")
        for own, layer in self.named_layers():
            if own == first:
                return layer.layer(rest) if rest and isinstance(layer, Container) else layer
        checks.unknown_name(self.label, "layer", name, self.names)

    @checked
    def freeze(self, *names: str) -> None:
        """Keep the layers of these names, or all, as they are from now on: `layer(name).trainable = False`.

        A frozen layer stands still in every network that holds it, whoever trains it: its gradients are left out, and
        running statistics are read and not updated. `unfreeze` undoes it.
        """
        for layer in [self.layer(name) for name in names] or [self]:
            layer.trainable = False

    @checked
    def unfreeze(self, *names: str) -> None:
        """Train the layers of these names, or all, again."""
        for layer in [self.layer(name) for name in names] or [self]:
            layer.trainable = True

    @checked
    def walk(self) -> Iterator[AnyLayer]:
        """Yield every layer, containers before what they hold."""
        for layer in self.layers:
            yield layer
            if isinstance(layer, Container):
                yield from layer.walk()


@checked
def network_of(model: Any, who: str = "network_of", *, built: bool = False) -> Container[Any]:
    """Return the network itself, from a network or from a model that holds one in `.network`.

    Raises
    ------
    ArgumentError
        If it is neither.
    StateError
        If it must be built and is not.

    Examples
    --------
    >>> net = pl.TwoLayerNet(784, 50, 10)
    >>> pl.training.network_of(net) is net.network
    True
    """
    network = checks.network_in(model)
    if not isinstance(network, Container):
        raise ArgumentError(
            f"{who}: network must be a container such as Sequential, or hold one in .network, got {came(model)}."
        )
    if built:
        checks.expect_built(f"{who}: {network.label}", network.input_shape)
    return network


def choose_names(who: str, layers: Sequence[AnyLayer], names: Sequence[str] | None) -> tuple[str, ...]:
    """What a container calls its layers: the names given, or their own, or such as affine1, counted by kind.

    A name that another container counted is counted anew where it stands twice; one that was chosen is refused.
    """
    if names is not None and len(names) != len(layers):
        raise ArgumentError(f"{who}: names must name each of the {len(layers)} layers, got {len(names)}.")
    wanted = [str(name) for name in names] if names is not None else [layer.name for layer in layers]
    twice = {name for name, n in Counter(wanted).items() if name and n > 1}
    for i, layer in enumerate(layers):
        if wanted[i] in twice and names is None and layer._counted and wanted[i] in wanted[:i]:
            wanted[i] = ""
    count: Counter[str] = Counter()
    for i, layer in enumerate(layers):
        kind = type(layer).__name__.lower()
        while not wanted[i]:
            count[kind] += 1
            if f"{kind}{count[kind]}" not in wanted:
                wanted[i] = f"{kind}{count[kind]}"
    for name, n in Counter(wanted).items():
        if n > 1:
            raise ArgumentError(f"{who}: two layers are named {name!r}. Choose different names, or give names=[...].")
        if "." in name or "/" in name:
            raise ArgumentError(f"{who}: a layer's name may not hold '.' or '/', got {came(name)}.")
    return tuple(wanted)


def sample_shape(container: AnyLayer, given: Shape | int) -> Shape:
    """The `input_shape` that a container was given, as a tuple of sizes."""
    who = type(container).__name__
    shape = checks.shape(who, "input_shape", given)
    if looks_channels_first(container, shape):
        checks.warn(f"{who}: input_shape {shape} looks like (C, H, W). {CHANNELS_LAST}")
    return shape


CHANNELS_LAST = "The channel axis comes last: x.transpose(0, 2, 3, 1)."


DOOR = (1, 2, 0)
"""The axes of a layer that puts the channels of (C, H, W) last."""


def is_door(operation: Any) -> bool:
    """Whether a layer puts the channels of (C, H, W) last, and does nothing else."""
    return bool(operation.facts.moves) and getattr(operation, "axes", None) == DOOR


def has_door(container: AnyLayer) -> bool:
    """Whether all that takes the input of a container puts its channels last: it takes pictures channels-first."""
    nodes = container.nodes if isinstance(container, Container) else None
    takers = [node.operation for node in nodes or () if INPUT in node.inputs]
    return bool(takers) and all(is_door(one) or has_door(one) for one in takers)  # type: ignore[arg-type]


def looks_channels_first(container: AnyLayer, shape: Shape) -> bool:
    """Whether a container of image layers would take the channels of (C, H, W) for rows, and rows for channels."""
    if len(shape) != 3 or shape[0] not in (1, 3, 4) or min(shape[1:]) < 8 or has_door(container):
        return False
    square_or_colour = shape[1] == shape[2] or shape[0] == 3  # else (1, W, C) is a signal of several channels
    return square_or_colour and isinstance(container, Container) and any(a.takes_images for a in container.walk())


def step_forward(layer: AnyLayer, x: Array, train: bool, rng: np.random.Generator | None) -> tuple[Array, Any]:
    """The forward pass of one layer; a frozen one that keeps statistics uses them as they are."""
    statistics = layer.buffers and not isinstance(layer, Container)
    return layer.forward(x, train=train and (layer.trainable or not statistics), rng=rng)


def step_backward(
    layer: AnyLayer, dy: Array, cache: Any, rules: Rules | None, need_dx: bool, need_grads: bool
) -> tuple[Array | None, Arrays]:
    """The backward pass of one layer, or of the rule that takes its place; a frozen layer gives no gradients."""
    if isinstance(layer, Container):
        return layer.backward(dy, cache, rules, need_dx=need_dx, need_grads=need_grads)
    rule = rule_for(layer, rules)
    if rule is not None:
        return rule(layer, dy, cache)
    wanted = need_grads and layer.trainable
    dx, grads = layer.backward(dy, cache, need_dx=need_dx, need_grads=wanted)
    if (need_dx and dx is None) or (wanted and (not isinstance(grads, dict) or grads.keys() != layer.params.keys())):
        got = f"dx {None if dx is None else dx.shape}, {sorted(grads) if isinstance(grads, dict) else grads}"
        raise ShapeError(
            f"{layer.label}: backward must return dx and a gradient for each of {sorted(layer.params)}, got {got}."
        )
    return dx, grads


def rule_for(operation: Any, rules: Rules | None) -> Rule | None:
    """Return the rule for a layer or merge: that of its type, or of the kind whose passes it inherits."""
    if not rules:
        return None
    if callable(rules):
        return rules(operation)
    return rules.get(type(operation)) or next((rules[kind] for kind in rules if is_plain(operation, kind)), None)


def learns(operation: Any) -> bool:
    """Whether training changes a layer; a merge has nothing to learn."""
    return bool(operation.params) and operation.trainable
