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

A layer may stand in several networks: the features of a trained body, a new head, a look at the middle. All of them
share its arrays. They are made once, for one shape and dtype, and from then on written in place and never replaced;
a network that would need others is refused.

What else is true of a layer, it says itself: its window, its cost, what kind of function it is. See `facts`.
"""

from __future__ import annotations

import copy
import inspect
import os
import threading
from abc import abstractmethod
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from pellucid import arrays, checks
from pellucid.checked import checked, checked_late
from pellucid.errors import ArgumentError, ShapeError, StateError
from pellucid.initializers import Initializer
from pellucid.layers.attributes import KnownAttributes
from pellucid.layers.facts import Answers, Facts, forgotten
from pellucid.layers.parameters import Parameters, settled
from pellucid.layers.plain import FACTS
from pellucid.shown import came
from pellucid.typing import Array, ArrayLike, Arrays, Config, DTypeLike, Shape

CacheT = TypeVar("CacheT")

BUILDING = threading.RLock()
"""A layer may stand in networks that several threads build at once."""
if hasattr(os, "register_at_fork"):  # a child would wait for a thread that it does not have
    os.register_at_fork(before=BUILDING.acquire, after_in_parent=BUILDING.release, after_in_child=BUILDING.release)

LAYERS: dict[str, type[Layer[Any]]] = {}
"""Every layer class by its name: the only names that a model file may use."""


def register(kinds: dict[str, type[Any]], cls: type[Any]) -> None:
    """Let files name a class: the package's own names stay its own, and of those defined twice the last one holds."""
    taken = kinds.get(cls.__name__)
    own = taken is not None and taken.__module__.startswith("pellucid.") and not cls.__module__.startswith("pellucid.")
    if not (own or cls.__name__.startswith("_")):
        kinds[cls.__name__] = cls


class Layer(KnownAttributes, Answers, Generic[CacheT]):
    """One differentiable step with named parameters.

    A layer is told what it makes (`Affine(10)`); `build` gives it the shape of one input sample, and it then
    creates its parameters. Subclasses set their options in `__init__` and report them in `config`.

    Attributes
    ----------
    params : Parameters
        What training changes, in a fixed order. Empty before `build` and for layers without parameters.
    buffers : Parameters
        What a training-mode forward may update besides (running statistics).
    trainable : bool
        False freezes the layer, in every network it stands in: no gradients, no steps, no new running statistics.
        A container's is its layers' together.
    name : str
        What messages call it: as chosen, or as the first container named it (`affine1`).

    Examples
    --------
    >>> class Stretch(pl.Layer):
    ...     "y = k x: one factor, learnt."
    ...     def infer_shape(self, input_shape):
    ...         return input_shape
    ...     def create_params(self, input_shape, rng, dtype):
    ...         self.params = pl.layers.Parameters(k=np.ones(1, dtype))
    ...     def forward(self, x, *, train=False, rng=None):
    ...         return x * self.params["k"], x
    ...     def backward(self, dy, cache, *, need_dx=True, need_grads=True):
    ...         return dy * self.params["k"], {"k": np.array([(dy * cache).sum()])}
    >>> pl.check_gradients(Stretch(), np.random.default_rng(0).standard_normal((4, 3))).passed
    True
    """

    input_shape: Shape | None = None
    output_shape: Shape | None = None
    set_first: ClassVar[str] = "params"
    stochastic: ClassVar[bool] = False
    """True where a training-mode forward draws random numbers and so needs `rng`."""
    takes_images: ClassVar[bool] = False
    """True where x must be (N, H, W, C)."""
    in_files: ClassVar[bool] = True
    """Whether a model file may name the class."""
    probabilities: str = ""
    """"Softmax" or "Sigmoid" where the outputs are probabilities: of one class among several, or of each by itself."""
    fixed: ClassVar[tuple[str, ...]] = ("input_shape", "output_shape")
    """What no one may set while a network relies on it, beside the arguments of `__init__`."""
    _shared = False
    """Whether a container holds it, so that its arrays are no longer its own."""
    _counted = False
    """Whether a container gave it its name, and not its maker."""
    _built: tuple[Parameters, Parameters] | None = None
    """The parameters and buffers that `build` made."""

    def __init__(self, *, name: str = "") -> None:
        if not isinstance(name, str):
            raise ArgumentError(f"{type(self).__name__}: name must be a string, got {came(name)}.")
        self.name = name
        self.trainable = True
        self.params = Parameters()
        self.buffers = Parameters()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "infer_shape" in vars(cls):
            cls.infer_shape = checked_late(cls.infer_shape)  # type: ignore[method-assign]
        shorter = cls.__call__ is not Layer.__call__  # a shorter way of the class above is not its own
        if shorter and "forward" in vars(cls) and "__call__" not in vars(cls):
            cls.__call__ = Layer.__call__  # type: ignore[method-assign]
        if cls.in_files:
            register(LAYERS, cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("params", "buffers") and self._shared and self._built and getattr(self, name).takes(value):
            getattr(self, name).update(value)  # the arrays that are there are those that networks share
        elif name == "trainable" and not isinstance(value, (bool, np.bool_)):
            raise ArgumentError(f"{self.label}: trainable must be True or False, got {came(value)}.")
        elif name in FACTS:
            self._state(name, value)
        elif name in ("forward", "backward") and self._open:  # this object's own, of which nothing is known
            vars(self).update({**forgotten(self, Answers), name: value})
        elif not self._open and self._is_fixed(name):
            raise StateError(
                f"{self.label}: {name} is fixed once the layer stands in a network, whose shapes and kernels follow "
                f"from it. Make another {type(self).__name__}."
            )
        else:
            super().__setattr__(name, value)

    def _state(self, name: str, value: Any) -> None:
        """Keep the facts of this object, which follow from its options; the other answers are methods of the class."""
        if name != "facts" or not isinstance(value, Facts):
            raise ArgumentError(
                f"{self.label}: {name} is what a layer says of itself, as layers.facts tells, and not an attribute for "
                f"{came(value)}. Choose another name."
            )
        vars(self)[name] = value

    def _is_fixed(self, name: str) -> bool:
        """Whether a network relies on an attribute."""
        return self._shared and name in _options(type(self))

    def __getstate__(self) -> dict[str, Any]:
        """Copied or pickled alone, a layer stands in no network; one that is copied with its network does."""
        return {k: v for k, v in vars(self).items() if k != "_shared"}

    def __copy__(self) -> Self:
        """A layer of its own, which begins with the same arrays and stands in no network."""
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self), _shared=False)
        return twin

    @checked
    def with_arrays(self, params: Arrays, **options: Any) -> Self:
        """Return a layer with other parameters, and perhaps other options; this one is left alone."""
        for name in options:
            if name not in vars(self):
                checks.unknown_name(self.label, "option", name, [*self.config()])
        twin = copy.copy(self)
        twin._built = None
        vars(twin).update(options, params=Parameters(params))
        twin._built = twin.params, twin.buffers
        return twin

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

    @checked
    def least_batch(self, input_shape: Shape) -> int:
        """Return how few samples of `input_shape` a training batch may hold."""
        return 1

    # What every layer has

    def __call__(self, x: Array) -> Array:
        """Return the output in evaluation mode, without a cache."""
        return self.forward(x)[0]

    @checked
    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Shape:
        """Create the parameters for samples of `input_shape` and return the shape of an output sample.

        A layer that has parameters for this shape already, such as one made `from_arrays` or one that stands in
        another network, keeps them.
        """
        dtype, rng = checks.float_dtype(self.label, dtype), checks.generator(self.label, rng)
        input_shape = checks.shape(self.label, "input_shape", input_shape)
        with BUILDING:
            return self._build(input_shape, rng, dtype)

    def _build(self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Shape:
        self.expect_fit(input_shape, dtype)
        output_shape = self.infer_shape(input_shape)
        for shape in (input_shape, output_shape):
            checks.expect_memory(self.label, shape)
        if self.input_shape != input_shape or self._built is None:
            self._create(input_shape, output_shape, rng, dtype)
        elif self._has_other_dtype(dtype):
            self._keep(dtype)
        return output_shape

    @checked
    def expect_fit(self, input_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Raise StateError where a container holds this layer for samples of another shape, or for another dtype."""
        if not self._shared or self._built is None:
            return
        if self.input_shape != input_shape:
            kind = type(self).__name__
            raise StateError(
                f"{self.label}: stands in a network for samples of shape {self.input_shape} already; here they would "
                f"have {input_shape}. "
                + (f"Make another {kind} for them." if self.params else f"It has no parameters: make another {kind}.")
            )
        if self._has_other_dtype(dtype):
            raise StateError(
                f"{self.label}: stands in a network of another dtype already, which shares its arrays; a network of "
                f"{dtype} needs its own. Take the layer from a copy: pl.copy_network(network, np.{dtype})."
            )

    def _create(self, input_shape: Shape, output_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._forget()
        before = dict(vars(self))
        try:
            with self.open_attributes():
                self.input_shape, self.output_shape = input_shape, output_shape
                self.create_params(input_shape, rng, dtype)
            self._expect_no_other_arrays(before)
            # What a class of the user's puts there may be an array that others hold: of the class, or given to it.
            self._keep(dtype, copied=not str(type(self).create_params.__module__).startswith("pellucid."))
        except BaseException:
            self._forget()
            raise

    def _expect_no_other_arrays(self, before: dict[str, Any]) -> None:
        """Raise StateError for an array that `create_params` put where copies and files miss it."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value is not before.get(name):
                raise StateError(
                    f"{self.label}: create_params keeps an array as {name}, which copies and files leave out. "
                    f"Put it into self.buffers = Parameters({name}=...)."
                )

    def _keep(self, dtype: np.dtype[Any], *, copied: bool = False) -> None:
        """Hold the arrays that are there, in the form that every kernel reads."""
        twice = sorted(self.params.keys() & self.buffers.keys())
        if twice:
            raise ArgumentError(f"{self.label}: {twice[0]!r} names a parameter and a buffer. Give one another name.")
        self._built = None
        self.params = settled(self.label, self.params, dtype, copied=copied)
        self.buffers = settled(self.label, self.buffers, dtype, "fiub", copied=copied)
        self._built = self.params, self.buffers

    def _forget(self) -> None:
        """Undo `build`, as long as no network relies on it."""
        with self.open_attributes():
            self._built = self.input_shape = self.output_shape = None
            self.params, self.buffers = Parameters(), Parameters()

    @checked
    def drawn(self, initializer: Initializer, shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> Array:
        """Return the first values of a parameter, a new array of just that shape and dtype."""
        plain = type(initializer).__call__ is Initializer.__call__  # gives a new array
        if plain:
            checks.expect_memory(self.label, shape)
        array = initializer(shape, rng, dtype)
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
            came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise ShapeError(
                f"{self.label}: {type(initializer).__name__} must return an array of {np.dtype(dtype)} {shape}, "
                f"got {came}."
            )
        return array if plain or 0 in array.strides else array.copy()  # zero strides: a blank, which is not kept

    def _has_other_dtype(self, dtype: np.dtype[Any]) -> bool:
        held = (*self.params.values(), *self.buffers.values())
        return any(array.dtype.kind == "f" and array.dtype != dtype for array in held)

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(p.size for p in self.params.values())

    @property
    def label(self) -> str:
        """How messages call this layer: its class, and its name where it has one."""
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if self.name else kind

    def as_batch(self, x: ArrayLike) -> Array:
        """Return `x` as an array of numbers whose first axis is that of the batch."""
        if type(x) is not np.ndarray or x.dtype.kind not in "fiub":
            x = arrays.numbers(self.label, "x", x)
        if x.ndim == 0:
            raise ShapeError(f"{self.label}: x must be a batch (N, …), got (). For one sample write x[None].")
        return x

    def check_input(self, x: ArrayLike) -> Array:
        """Return `x` in the dtype of the parameters; raise ShapeError unless it is (N, *input_shape).

        Where there are no parameters, floats keep their dtype and whole numbers become float32.
        """
        x = self.as_batch(x)
        if self._built is None:
            checks.expect_built(self.label, None)
        elif x.shape[1:] != self.input_shape:
            checks.expect_batch(self.label, x, self.input_shape or ())
        self.expect_arrays()
        for p in self.params.values():
            return x if x.dtype == p.dtype else x.astype(p.dtype)
        return x if x.dtype.kind == "f" else x.astype(np.float32)

    def expect_arrays(self) -> None:
        """Raise ShapeError where others were put in the place of the arrays that `build` made."""
        if self._built is None or (self.params is self._built[0] and self.buffers is self._built[1]):
            return
        built = {k: a.shape for store in self._built for k, a in store.items()}
        came = {k: np.shape(a) for store in (self.params, self.buffers) for k, a in store.items()}
        raise ShapeError(
            f"{self.label}: its arrays must have the shapes {built}, got {came}. Other values are written into them: "
            "layer.params[name] = values; another size needs another layer."
        )

    def __repr__(self) -> str:
        arguments = [f"{k}={v!r}" for k, v in self.config().items()]
        if self.name:
            arguments.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(arguments)})"


@cache
def _options(kind: type[Layer[Any]]) -> frozenset[str]:
    """The attributes that shapes and kernels follow from."""
    makers = (cls.__init__ for cls in kind.__mro__ if issubclass(cls, Layer))
    told = (name for maker in makers for name in inspect.signature(maker).parameters)
    return frozenset({*told, *kind.fixed} - {"name"})
