"""The layer contract. Every layer, container and loss of the package is written against this page.

    y, cache  = layer.forward(x, train=False, rng=None)
    dx, grads = layer.backward(dy, cache)

Five laws, each run over every layer by `tests/layers/test_contract.py`:

1. `forward` with train=False writes nothing to the layer; with train=True it may update `buffers` only.
2. `backward` writes nothing: it returns dx and the gradients, with exactly the keys of `params`.
3. Neither changes x, dy or the cache.
4. `backward` works on a cache of evaluation mode, on a batch of one, and twice on one cache.
5. Interleaved passes, also from several threads, do not disturb each other.

There is no mode to forget: `train` is an argument of the call, and randomness is an explicit Generator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from pellucid import checks
from pellucid.errors import ShapeError
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape

CacheT = TypeVar("CacheT")

LAYERS: dict[str, type[Layer[Any]]] = {}
"""Every layer class by its name: the only names that a model file may use."""


class Parameters(dict[str, "Array"]):
    """Named arrays that are written in place.

    `params["W"] = value` copies the value into the array that is there, so that a network and its layers, which
    share their arrays, never part company. A name that is not there, or a value of another shape, raises.
    """

    def __setitem__(self, key: str, value: Array) -> None:
        if key not in self:
            checks.unknown_name("Parameters", "array", key, self)
        array = self[key]
        if value is array:  # what `params[key] -= step` ends with
            return
        value = np.asarray(value)
        if value.shape != array.shape:
            raise ShapeError(f"Parameters: {key} must have shape {array.shape}, got {value.shape}.")
        array[...] = value

    def __reduce__(self) -> tuple[type[Parameters], tuple[dict[str, Array]]]:
        """Copy and pickle as a whole: item by item there would be nothing to write into."""
        return type(self), (dict(self),)


class Layer(ABC, Generic[CacheT]):
    """One differentiable step with named parameters.

    A layer is told what it makes (`Affine(10)`); `build` gives it the shape of one input sample, and it then
    creates its parameters. Subclasses set their options in `__init__` and report them in `config`.

    Attributes
    ----------
    params : Parameters
        What training changes, in a fixed order. Empty before `build` and for layers without parameters.
    buffers : Parameters
        What a training-mode forward may update besides (running statistics).
    name : str
        Unique within a container, which gives one (`affine1`) where none was chosen.
    """

    input_shape: Shape | None = None
    output_shape: Shape | None = None
    stochastic: ClassVar[bool] = False
    """True where a training-mode forward draws random numbers and so needs `rng`."""

    def __init__(self, *, name: str = "") -> None:
        self.name = name
        self.params = Parameters()
        self.buffers = Parameters()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            LAYERS[cls.__name__] = cls

    # What a subclass writes

    @abstractmethod
    def infer_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output sample for one input sample; raise ShapeError where it cannot be."""

    @abstractmethod
    def forward(self, x: Array, *, train: bool = False, rng: np.random.Generator | None = None) -> tuple[Array, CacheT]:
        """Return the output and the cache that `backward` needs."""

    @abstractmethod
    def backward(
        self, dy: Array, cache: CacheT, *, need_dx: bool = True, need_grads: bool = True
    ) -> tuple[Array | None, Arrays]:
        """Return dx and the gradients of the parameters; what is not needed is not computed (None, {})."""

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        """Fill `params` and `buffers`; layers without any keep this empty body."""

    def config(self) -> Config:
        """Return the keyword arguments that make this layer again, fit for JSON."""
        return {}

    # What every layer has

    def __call__(self, x: Array) -> Array:
        """Return the output in evaluation mode, without a cache."""
        return self.forward(x)[0]

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Shape:
        """Create the parameters for samples of `input_shape` and return the shape of an output sample.

        A layer that has parameters for this shape already, such as one made `from_arrays`, keeps their values.
        """
        self.output_shape = self.infer_shape(input_shape)
        if self.params and self.input_shape == input_shape:
            self.params = Parameters({k: p.astype(dtype) for k, p in self.params.items()})
            self.buffers = Parameters({k: b.astype(dtype) for k, b in self.buffers.items()})
        else:
            self.input_shape = input_shape
            self.create_params(input_shape, rng, dtype)
        return self.output_shape

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(p.size for p in self.params.values())

    @property
    def label(self) -> str:
        """How messages call this layer: its class, and its name where it has one."""
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if self.name else kind

    def check_input(self, x: Array) -> Array:
        """Return `x` in the dtype of the parameters; raise ShapeError unless it is (N, *input_shape).

        Where there are no parameters, floats keep their dtype and whole numbers become float32.
        """
        if self.input_shape is None:
            checks.expect_built(self.label, None)
        elif x.shape[1:] != self.input_shape or x.ndim == 0:
            checks.expect_batch(self.label, x, self.input_shape)
        for p in self.params.values():
            return x if x.dtype == p.dtype else x.astype(p.dtype)
        return x if x.dtype.kind == "f" else x.astype(np.float32)

    def __repr__(self) -> str:
        arguments = [f"{k}={v!r}" for k, v in self.config().items()]
        if self.name:
            arguments.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(arguments)})"
