"""A chain of layers: a loop forward that keeps the tape, and a loop backward over it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.layers.container import AnyLayer, Container, Rules, learns, sample_shape, step_backward, step_forward
from pellucid.layers.fused import fuse
from pellucid.layers.nodes import INPUT, Node
from pellucid.layers.one_sample import Part, taken_together
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class Step(NamedTuple):
    """One layer's part of a forward pass.

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(4), pl.ReLU()], input_shape=3)
    >>> _, tape = network.forward(np.zeros((2, 3)))
    >>> tape[1].layer.name, tape[1].output.shape
    ('relu1', (2, 4))
    """

    layer: AnyLayer
    cache: Any
    output: Array
    name: str
    """What the container calls the layer."""


Tape: TypeAlias = Sequence[Step]
"""A forward pass, step by step: what `backward` walks, and what explanations read."""


class Sequential(Container[Tape]):
    """Layers one after the other; itself a layer.

    Forward     x₀ = x,  x_{i+1} = layer_i(x_i)
    Backward    dx_i = ∂layer_iᵀ dx_{i+1}, from the last to the first

    Parameters
    ----------
    layers : sequence of layers
        One that stands in another network too is shared, with its arrays; see `freeze`.
    input_shape : shape of one sample, or its size, optional
        Given, the network is built at once; left out, `fit` builds it for its data.
    seed : int, default=0
        The parameters follow from it alone.
    dtype : float32 or float64
    names : sequence of str, optional
        What this network calls its layers; by default their own names, or affine1, relu1, …

    Examples
    --------
    >>> network = pl.Sequential([pl.Affine(50), pl.ReLU(), pl.Affine(10)], input_shape=784)
    >>> scores, tape = network.forward(np.zeros((2, 784)))
    >>> scores.shape, [step.layer.name for step in tape]
    ((2, 10), ['affine1', 'relu1', 'affine2'])
    >>> dx, grads = network.backward(np.ones_like(scores), tape)
    >>> list(grads)
    ['affine2.W', 'affine2.b', 'affine1.W', 'affine1.b']
    """

    def __init__(
        self,
        layers: Sequence[AnyLayer],
        *,
        input_shape: Shape | int | None = None,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
        names: Sequence[str] | None = None,
        name: str = "",
    ) -> None:
        super().__init__(layers, names=names, name=name)
        self._nodes = _in_a_row(self.names, self.layers)
        self.dtype = checks.float_dtype("Sequential", dtype)
        self.seed = checks.seed("Sequential", seed)
        if input_shape is not None:
            self.build(sample_shape(self, input_shape), np.random.default_rng(self.seed), self.dtype)

    def infer_shape(self, input_shape: Shape) -> Shape:
        for layer in self.layers:
            input_shape = layer.infer_shape(input_shape)
        return input_shape

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The layers, each of which takes what the one above it gives."""
        return self._nodes

    def reach(self, input_shape: Shape) -> Iterator[tuple[AnyLayer, Shape]]:
        for layer in self.layers:
            yield layer, input_shape
            input_shape = layer.infer_shape(input_shape)

    def gather(self) -> None:
        super().gather()
        self._fused = fuse(self.named_layers())
        self._one_sample: list[Part] | None = None

    @checked
    def fused(self) -> Sequential:
        """Return the same network with layers taken together where a kernel does several at once.

        It shares every array, has the same parameter names, and gives the same outputs and gradients.
        """
        checks.expect_built(self.label, self.input_shape)
        twin = copy.copy(self)
        twin.names, twin.layers = zip(*self._fused, strict=True) if self._fused else ((), ())
        twin._nodes = _in_a_row(twin.names, twin.layers)
        return twin

    def __call__(self, x: ArrayLike) -> Array:
        y = self.accept(x)
        if len(y) == 1:
            for part in self._parts_for_one():
                y = part(y)
            return y
        for _, layer in self._fused:
            y = layer(y)
        return y

    def _parts_for_one(self) -> Sequence[Part]:
        """What a single sample goes through: layers, and programs of several, found when first needed."""
        if self._one_sample is None:
            self._one_sample = taken_together([layer for _, layer in self._fused], self.input_shape or ())
        return self._one_sample

    @checked_late
    def forward(
        self, x: ArrayLike, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, Tape]:
        y = self.accept(x)
        tape = []
        for name, layer in self.named_layers():
            y, cache = step_forward(layer, y, train, rng)
            tape.append(Step(layer, cache, y, name))
        return y, tape

    @checked_late
    def backward(
        self,
        dy: Array,
        tape: Tape,
        rules: Rules | None = None,
        *,
        need_dx: bool = True,
        need_grads: bool = True,
    ) -> tuple[Array | None, Arrays]:
        """Walk the tape backwards. A part of a tape is a tape: `tape[k + 1:]` gives the gradient at layer k's output.

        `rules` maps a layer type to the function that takes the place of its backward, for this call only.
        """
        grads: Arrays = {}
        last = 0 if need_dx else _first_that_learns(tape)
        dx: Array | None = dy
        for i in range(len(tape) - 1, last - 1, -1):
            layer, cache, _, name = tape[i]
            assert dx is not None  # noqa: S101  # every step but the last one gives dx
            dx, own = step_backward(layer, dx, cache, rules, need_dx or i > last, need_grads)
            for key, gradient in own.items():
                grads[f"{name}.{key}"] = gradient
        return (dx if need_dx else None), grads

    def config(self) -> Config:
        return {"layers": self.layers}


def _first_that_learns(tape: Tape) -> int:
    """The step before which nothing is learnt, so that no gradient is needed there."""
    return next((i for i, step in enumerate(tape) if learns(step.layer)), len(tape))


def _in_a_row(names: Sequence[str], layers: Sequence[AnyLayer]) -> tuple[Node, ...]:
    sources = (INPUT, *names[:-1])
    return tuple(Node(name, a, (source,)) for name, a, source in zip(names, layers, sources, strict=False))
