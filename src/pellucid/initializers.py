"""How weights begin. Each initialiser is a small value: `Gaussian(0.01)(shape, rng, dtype)` draws an array.

The fans of a shape: a dense weight (D, K) has fan_in = D and fan_out = K; a convolution kernel (KH, KW, C, OC) has
fan_in = KH·KW·C and fan_out = KH·KW·OC. All draws are made in float64 and then rounded, so that a seed gives the same
network in either precision.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.constructed import Constructed
from pellucid.errors import ArgumentError
from pellucid.shown import came
from pellucid.typing import Array, Config, DTypeLike, Shape


@checked
def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight array.

    Examples
    --------
    >>> pl.initializers.fans((784, 50)), pl.initializers.fans((3, 3, 16, 32))
    ((784, 50), (144, 288))
    """
    if len(shape) < 2:
        return max(1, math.prod(shape)), max(1, math.prod(shape))
    if min(shape) < 0:
        raise ArgumentError(f"fans: shape must hold sizes of at least 0, got {came(shape)}.")
    receptive = math.prod(shape[:-2])
    return receptive * shape[-2], receptive * shape[-1]


class Initializer(metaclass=Constructed):
    """Draws the first values of a parameter.

    Examples
    --------
    >>> class Spike(pl.initializers.Initializer):
    ...     def draw(self, shape, rng):
    ...         return np.eye(*shape)
    >>> Spike()((2, 2), np.random.default_rng(0))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    @checked
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Array:
        """Return a new array of `shape`."""
        return np.array(self.draw(shape, rng), dtype=dtype, order="C")

    @abstractmethod
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Return the values in float64."""


@dataclass(frozen=True)
class Zeros(Initializer):
    """All zero: for biases; as weights they would keep every unit of a layer equal.

    Examples
    --------
    >>> pl.initializers.Zeros()((2, 2), np.random.default_rng(0))
    array([[0., 0.],
           [0., 0.]], dtype=float32)
    """

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """All `value`.

    Examples
    --------
    >>> pl.initializers.Constant(0.5)((2,), np.random.default_rng(0))
    array([0.5, 0.5], dtype=float32)
    """

    value: float

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Gaussian(Initializer):
    """Normal with mean 0 and standard deviation `std`, as the book's `weight_init_std`.

    Examples
    --------
    >>> W = pl.initializers.Gaussian(0.01)((784, 50), np.random.default_rng(0))
    >>> W.dtype, f"{W.std():.4f}"
    (dtype('float32'), '0.0100')
    """

    std: float = 0.01

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        return self.std * rng.standard_normal(shape)


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform in ±bound, or in low…bound; without a bound, in ±1/√fan_in.

    Examples
    --------
    >>> W = pl.initializers.Uniform()((100, 50), np.random.default_rng(0))
    >>> bool(np.abs(W).max() < 0.1)  # 1/√100
    True
    """

    bound: float | None = None
    low: float | None = None

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        bound = 1 / math.sqrt(max(1, fans(shape)[0])) if self.bound is None else self.bound
        return rng.uniform(-bound if self.low is None else self.low, bound, shape)


@dataclass(frozen=True)
class _Scaled(Initializer):
    """Normal or uniform values of a variance that the fans give."""

    distribution: str = "normal"

    def __post_init__(self) -> None:
        checks.expect_known(type(self).__name__, "distribution", self.distribution, ["normal", "uniform"])

    @abstractmethod
    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance of one weight."""

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        std = math.sqrt(self.variance(*(max(1, fan) for fan in fans(shape))))
        if self.distribution == "normal":
            return std * rng.standard_normal(shape)
        bound = math.sqrt(3) * std  # a uniform law in ±a has variance a²/3
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class Xavier(_Scaled):
    """Variance 2 / (fan_in + fan_out), for tanh and sigmoid. Glorot & Bengio (2010), equation 16.

    Examples
    --------
    >>> W = pl.initializers.Xavier()((300, 200), np.random.default_rng(0))
    >>> f"{W.var():.4f}"  # 2 / 500
    '0.0040'
    """

    @checked
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / (checks.size("Xavier", "fan_in", fan_in) + checks.size("Xavier", "fan_out", fan_out))


@dataclass(frozen=True)
class He(_Scaled):
    """Variance 2 / fan_in, for ReLU. He et al. (2015), arXiv:1502.01852, equation 10.

    Examples
    --------
    >>> W = pl.initializers.He("uniform")((200, 300), np.random.default_rng(0))
    >>> f"{W.var():.4f}"  # 2 / 200
    '0.0100'
    """

    @checked
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / checks.size("He", "fan_in", fan_in)


@dataclass(frozen=True)
class LeCun(_Scaled):
    """Variance 1 / fan_in. LeCun et al. (1998), "Efficient BackProp", §4.6.

    Examples
    --------
    >>> W = pl.initializers.LeCun()((200, 300), np.random.default_rng(0))
    >>> f"{W.var():.4f}"  # 1 / 200
    '0.0050'
    """

    @checked
    def variance(self, fan_in: int, fan_out: int) -> float:
        return 1 / checks.size("LeCun", "fan_in", fan_in)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Orthonormal rows or columns times `gain`. Saxe, McClelland & Ganguli (2014), arXiv:1312.6120.

    Examples
    --------
    >>> W = pl.initializers.Orthogonal()((5, 3), np.random.default_rng(0), np.float64)
    >>> np.allclose(W.T @ W, np.eye(3))
    True
    """

    gain: float = 1.0

    @checked
    def draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        checks.expect_memory(type(self).__name__, shape)
        rows, columns = (math.prod(shape[:-1]), shape[-1]) if len(shape) > 1 else (1, math.prod(shape))
        a = rng.standard_normal((max(rows, columns), min(rows, columns)))
        from pellucid.kernels.crew.blas import single_threaded  # a room that comes after this one

        with single_threaded():  # the bits of a product depend on its threads
            q, r = np.linalg.qr(a)
        q *= np.sign(np.diag(r))  # makes the draw uniform over orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "constant": Constant,
    "gaussian": Gaussian,
    "uniform": Uniform,
    "xavier": Xavier,
    "glorot": Xavier,
    "he": He,
    "lecun": LeCun,
    "orthogonal": Orthogonal,
}
"""Every initialiser by the name that a layer takes."""

InitializerLike: TypeAlias = "Initializer | str | Config"
"""What a layer takes as `weight`; `as_initializer` reads it."""


@checked_late
def as_initializer(given: InitializerLike) -> Initializer:
    """Return an initialiser from itself, its name ("he"), or its configuration ({"name": "gaussian", "std": 0.01}).

    Examples
    --------
    >>> pl.initializers.as_initializer("he")
    He(distribution='normal')
    >>> pl.initializers.as_initializer({"name": "gaussian", "std": 0.1})
    Gaussian(std=0.1)
    """
    if isinstance(given, Initializer):
        return given
    config: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"name": given}
    called = config.pop("name", "")
    name = called.lower() if isinstance(called, str) else ""
    if name not in INITIALIZERS:
        checks.unknown_name("Initializer", "name", called, INITIALIZERS)
    try:
        return INITIALIZERS[name](**config)
    except TypeError as error:
        raise ArgumentError(f"Initializer {name!r}: {error}.") from None


@checked
def initializer_config(initializer: Initializer) -> Config:
    """Return what `as_initializer` turns into the same initialiser again, fit for JSON.

    Examples
    --------
    >>> pl.initializers.initializer_config(pl.initializers.Gaussian(0.1))
    {'name': 'gaussian', 'std': 0.1}
    """
    return {"name": type(initializer).__name__.lower(), **asdict(initializer)}  # type: ignore[call-overload]
