"""A chain of layers: a loop forward that keeps the tape, and a loop backward over it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.errors import ArgumentError
from pellucid.layers.container import AnyLayer, Container, Rules
from pellucid.layers.fused import fuse
from pellucid.layers.stretch import Part, stretches
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape


class Step(NamedTuple):
    """One layer's part of a forward pass."""

    layer: AnyLayer
    cache: Any
    output: Array


Tape: TypeAlias = Sequence[Step]
"""A forward pass, step by step: what `backward` walks, and what explanations read."""


class Sequential(Container[Tape]):
    """Layers one after the other; itself a layer.

    Forward     x₀ = x,  x_{i+1} = layer_i(x_i)
    Backward    dx_i = ∂layer_iᵀ dx_{i+1}, from the last to the first

    Parameters
    ----------
    layers : sequence of layers
    input_shape : shape of one sample, or its size, optional
        Given, the network is built at once; left out, `fit` builds it for its data.
    seed : int, default=0
        The parameters follow from it alone.
    dtype : float32 or float64

    Examples
    --------
    >>> import numpy as np
    >>> network = Sequential([Affine(50), ReLU(), Affine(10)], input_shape=784)
    >>> scores, tape = network.forward(np.zeros((2, 784)))
    >>> scores.shape, [step.layer.name for step in tape]
    ((2, 10), ['affine1', 'relu1', 'affine2'])
    """

    def __init__(
        self,
        layers: Sequence[AnyLayer],
        *,
        input_shape: Shape | int | None = None,
        seed: int = 0,
        dtype: DTypeLike = np.float32,
        name: str = "",
    ) -> None:
        super().__init__(layers, name=name)
        if np.dtype(dtype).kind != "f":
            raise ArgumentError(f"Sequential: dtype must be float32 or float64, got {np.dtype(dtype)}.")
        self.dtype = np.dtype(dtype)
        self.seed = seed
        if input_shape is not None:
            shape = input_shape if isinstance(input_shape, Sequence) else (input_shape,)
            shape = tuple(checks.size("Sequential", "input_shape", s) for s in shape)
            self.build(shape, np.random.default_rng(seed), self.dtype)

    def infer_shape(self, input_shape: Shape) -> Shape:
        for layer in self.layers:
            input_shape = layer.infer_shape(input_shape)
        return input_shape

    def build_layers(self, input_shape: Shape, rng: np.random.Generator) -> None:
        for layer in self.layers:
            input_shape = layer.build(input_shape, rng, self.dtype)

    def gather(self) -> None:
        super().gather()
        self._fused = fuse(self.layers)
        self._stretches: list[Part] | None = None

    def fused(self) -> Sequential:
        """Return the same network with layers taken together where a kernel does several at once.

        It shares every array, has the same parameter names, and gives the same outputs and gradients.
        """
        twin = copy.copy(self)
        twin.layers = tuple(self._fused)
        return twin

    def __call__(self, x: ArrayLike) -> Array:
        y = self.accept(x)
        for part in self._parts_for_one() if len(y) == 1 else self._fused:
            y = part(y)
        return y

    def _parts_for_one(self) -> Sequence[Part]:
        """What a single sample goes through: layers and stretches of layers, found when first needed."""
        if self._stretches is None:
            self._stretches = stretches(self._fused, self.input_shape or ())
        return self._stretches

    def forward(
        self, x: ArrayLike, *, train: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[Array, Tape]:
        y = self.accept(x)
        tape = []
        for layer in self.layers:
            y, cache = layer.forward(y, train=train, rng=rng)
            tape.append(Step(layer, cache, y))
        return y, tape

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
        last = 0 if need_dx else _first_with_params(tape)
        dx: Array | None = dy
        for i in range(len(tape) - 1, last - 1, -1):
            layer, cache, _ = tape[i]
            assert dx is not None  # noqa: S101  # every step but the last one gives dx
            dx, own = step_backward(layer, dx, cache, rules, need_dx or i > last, need_grads)
            for key, gradient in own.items():
                grads[f"{layer.name}.{key}"] = gradient
        return (dx if need_dx else None), grads

    def config(self) -> Config:
        return {"layers": self.layers}


def _first_with_params(tape: Tape) -> int:
    """The step before which nothing is learnt, so that no gradient is needed there."""
    return next((i for i, step in enumerate(tape) if step.layer.params), len(tape))


def step_backward(
    layer: AnyLayer, dy: Array, cache: Any, rules: Rules | None, need_dx: bool, need_grads: bool
) -> tuple[Array | None, Arrays]:
    """The backward pass of one layer, or of the rule that takes its place."""
    if rules:
        if isinstance(layer, Container):
            return layer.backward(dy, cache, rules, need_dx=need_dx, need_grads=need_grads)
        rule = rules.get(type(layer))
        if rule is not None:
            return rule(layer, dy, cache)
    return layer.backward(dy, cache, need_dx=need_dx, need_grads=need_grads)
