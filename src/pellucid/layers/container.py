"""What containers share: names for their layers, and the parameters of all of them in one place."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.base import Layer, Parameters
from pellucid.typing import Array, ArrayLike, Arrays, DTypeLike, Shape

CacheT = TypeVar("CacheT")
AnyLayer: TypeAlias = Layer[Any]

Rule: TypeAlias = Callable[[Any, Array, Any], tuple[Any, Arrays]]
"""Takes the place of one layer type's backward: (layer, dy, cache) → (dx, grads); for a merge, (list of dx, {})."""

Rules: TypeAlias = Mapping[type[Any], Rule]
"""The rules of one backward pass, by the type of layer or merge."""


class Container(Layer[CacheT]):
    """A layer made of layers. Its parameters are theirs, called `layer_name.parameter`.

    The outermost container is the door of a network: it brings x to the network's dtype, and builds everything from
    one seed.
    """

    dtype: np.dtype[Any]

    def __init__(self, layers: Sequence[AnyLayer], *, name: str = "") -> None:
        super().__init__(name=name)
        given: Sequence[object] = layers  # which may hold anything, whatever the annotation says
        for i, layer in enumerate(given):
            if not isinstance(layer, Layer):
                hint = " Call it to make one." if isinstance(layer, type) else ""
                raise ArgumentError(f"{type(self).__name__}: layer {i} is {layer!r}, which is not a Layer.{hint}")
        self.layers: tuple[AnyLayer, ...] = tuple(layers)
        inside = [id(layer) for layer in self.walk()]
        if len(set(inside)) != len(inside):
            raise ArgumentError(f"{type(self).__name__}: the same layer stands in it twice. Make two layers.")
        self.dtype = np.dtype(np.float32)
        _name_layers(self.layers)

    @property
    def stochastic(self) -> bool:  # type: ignore[override]  # a class attribute in leaves, theirs in containers
        """Whether any layer draws random numbers while training."""
        return any(layer.stochastic for layer in self.layers)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Shape:
        """Build every layer; those that have parameters for the shape that reaches them keep their values."""
        self.output_shape = self.infer_shape(input_shape)
        self.input_shape = input_shape
        self.create_params(input_shape, rng, dtype)
        return self.output_shape

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        """Build the layers one after the other from one generator, and gather what they made."""
        self.dtype = np.dtype(dtype)
        self.build_layers(input_shape, rng)
        self.gather()

    @abstractmethod
    def build_layers(self, input_shape: Shape, rng: np.random.Generator) -> None:
        """Build every layer for the shape that reaches it."""

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

    def gather(self) -> None:
        """Collect the arrays of the layers, shared and not copied."""
        self.params = Parameters({f"{a.name}.{k}": v for a in self.layers for k, v in a.params.items()})
        self.buffers = Parameters({f"{a.name}.{k}": v for a in self.layers for k, v in a.buffers.items()})

    def accept(self, x: ArrayLike) -> Array:
        """Return `x` as an array of the network's dtype; raise ShapeError unless it is (N, *input_shape)."""
        x = np.asarray(x, self.dtype)
        if self.input_shape is None:
            checks.expect_built(self.label, None)
        elif x.shape[1:] != self.input_shape or x.ndim == 0:
            checks.expect_batch(self.label, x, self.input_shape)
        return x

    def layer(self, name: str) -> AnyLayer:
        """Return the layer of that name; "block.conv1" looks inside a nested container."""
        first, _, rest = name.partition(".")
        for layer in self.layers:
            if layer.name == first:
                return layer.layer(rest) if rest and isinstance(layer, Container) else layer
        checks.unknown_name(self.label, "layer", name, [a.name for a in self.layers])

    def walk(self) -> Iterator[AnyLayer]:
        """Yield every layer, containers before what they hold."""
        for layer in self.layers:
            yield layer
            if isinstance(layer, Container):
                yield from layer.walk()


def _name_layers(layers: Sequence[AnyLayer]) -> None:
    """Give unnamed layers a name such as affine1, counted by kind; refuse names that stand twice."""
    taken = {layer.name for layer in layers if layer.name}
    count: Counter[str] = Counter()
    for layer in layers:
        kind = type(layer).__name__.lower()
        while not layer.name:
            count[kind] += 1
            if f"{kind}{count[kind]}" not in taken:
                layer.name = f"{kind}{count[kind]}"
    twice = [name for name, n in Counter(layer.name for layer in layers).items() if n > 1]
    if twice:
        raise ArgumentError(f"Container: two layers are named {twice[0]!r}. Choose different names.")
    for layer in layers:
        if "." in layer.name or "/" in layer.name:
            raise ArgumentError(f"Container: a layer's name may not hold '.' or '/', got {layer.name!r}.")
