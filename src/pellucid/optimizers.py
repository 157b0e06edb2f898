"""Optimisers: from gradients to better parameters.

    optimizer.step(params, grads)        # params are changed in place; grads are read

Throughout, p is a parameter, g its gradient, η the learning rate of this iteration. The state lies in `state` as plain
named arrays ("affine1.W/momentum"), so that a run can be saved and resumed.

An optimiser belongs to one training: its moments and its count of steps are those of the arrays that it moves, and
`step` refuses others. `fit` therefore works with a `fresh()` one and leaves the one it is given as it is.

Weight decay acts on weights (arrays of two or more axes), not on biases or scales. Plain methods add λp to the
gradient, which is L2 regularisation; AdamW and Lion shrink the weights directly (Loshchilov & Hutter 2019,
arXiv:1711.05101).
"""

from __future__ import annotations

import copy
import math
import weakref
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.constructed import Constructed
from pellucid.errors import ArgumentError, ShapeError, StateError, UnknownNameError
from pellucid.kernels.elementwise.plan import inplace_adadelta, inplace_adam
from pellucid.schedules import Rate, Schedule, as_schedule
from pellucid.shown import came
from pellucid.typing import Array, Arrays, Config


class Optimizer(metaclass=Constructed):
    """What every optimiser has: a learning rate, weight decay, clipping, and named state.

    Parameters
    ----------
    learning_rate : float or Schedule
        η, or a schedule that gives it for each iteration.
    weight_decay : float, default=0
        λ, for arrays of two or more axes.
    clip_norm : float, optional
        Gradients whose joint Euclidean norm is larger are scaled down to it. Pascanu et al. (2013), arXiv:1211.5063.

    Examples
    --------
    >>> class SignDescent(pl.optimizers.Optimizer):
    ...     "Each parameter a step against the sign of its gradient."
    ...     def update(self, key, p, g, rate):
    ...         p -= rate * np.sign(g)
    >>> params = {"W": np.array([1.0, 1.0])}
    >>> SignDescent(0.1).step(params, {"W": np.array([5.0, -0.1])})
    >>> params["W"]
    array([0.9, 1.1])
    """

    set_first: ClassVar[str] = "schedule"
    decoupled: ClassVar[bool] = False
    """Whether weight decay shrinks the weights directly instead of joining the gradient."""

    def __init__(self, learning_rate: Rate, *, weight_decay: float = 0.0, clip_norm: float | None = None) -> None:
        who = type(self).__name__
        if not isinstance(learning_rate, Schedule):
            checks.expect_positive(who, "learning_rate", learning_rate)
        checks.expect_range(who, "weight_decay", weight_decay, 0, math.inf, open_high=True)
        if clip_norm is not None:
            checks.expect_positive(who, "clip_norm", clip_norm)
        self.schedule = as_schedule(learning_rate)
        self.weight_decay = float(weight_decay)
        self.clip_norm = clip_norm
        self._begin()

    def _begin(self) -> None:
        self.iteration = 0
        self.state: Arrays = {}
        self._scratch: Arrays = {}
        self._moves: dict[str, weakref.ref[Array]] = {}

    @checked
    def fresh(self) -> Self:
        """Return the same optimiser for another training: no step taken, no moments, its schedule at the beginning."""
        kept = {k: v for k, v in self.__getstate__().items() if k not in ("state", "schedule")}
        made = copy.copy(self)
        made.__dict__.update(copy.deepcopy(kept), schedule=self.schedule.fresh())
        made._begin()
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to the arrays in this process: a copy takes to the first ones that it is given."""
        return {k: v for k, v in vars(self).items() if k not in ("_moves", "_scratch")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, _moves={}, _scratch={})

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self.rate_at(self.iteration)

    def rate_at(self, iteration: int) -> float:
        """Return what the schedule says of an iteration; ArgumentError where that is no rate."""
        rate = self.schedule(iteration)
        if type(rate) is not float and isinstance(rate, (int, float, np.number)):
            rate = float(rate)
        if type(rate) is not float or not 0 <= rate < math.inf:
            raise ArgumentError(
                f"{type(self).__name__}: {type(self.schedule).__name__} must give a finite rate of at least 0, "
                f"got {came(rate)} for iteration {iteration}."
            )
        return rate

    @checked_late
    def take_to(self, params: Mapping[str, Array]) -> None:
        """Remember whose parameters these are; raise StateError where they are not those of the steps before.

        Parameters may come later or be left out, as when layers are frozen; an array in another's place is refused.
        """
        moves = self._moves
        strangers = [key for key, p in params.items() if key in moves and moves[key]() is not p]
        if moves and not strangers and moves.keys().isdisjoint(params):
            strangers = list(params)
        strangers += [key for key, p in params.items() if key not in moves and not self._has_room_for(key, p)]
        if strangers:
            raise StateError(
                f"{type(self).__name__}: {strangers[0]!r} is not the array of the steps before; its moments and the "
                f"count of {self.iteration} steps belong to another training. Take optimizer.fresh() for this one."
            )
        for key, p in params.items():
            if key not in moves:
                moves[key] = weakref.ref(p)

    def _has_room_for(self, key: str, p: Array) -> bool:
        """Whether the state under `key`, if there is any, is of p's shape."""
        own = [a for name, a in self.state.items() if name.rpartition("/")[0] == key]
        return all(a.shape == p.shape for a in own)

    @checked_late
    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array]) -> None:
        """Change every parameter in place by its gradient; those without one (frozen layers') stay as they are."""
        params = _with_gradient(type(self).__name__, params, grads)
        self.take_to(params)
        if self.clip_norm is not None:
            grads = clipped(grads, self.clip_norm)
        rate = self.rate_at(self.iteration)
        self.iteration += 1
        decay = self.weight_decay
        for key, p in params.items():
            g = grads[key]
            if decay and p.ndim > 1:
                if self.decoupled:
                    p *= 1 - rate * decay
                else:
                    g = g + decay * p
            self.update(key, p, g, rate)

    @abstractmethod
    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        """Change one parameter in place."""

    @checked_late
    def slot(self, key: str, name: str, p: Array) -> Array:
        """Return the state array `key/name`, zero at first, of the shape of p."""
        full = f"{key}/{name}"
        array = self.state.get(full)
        if array is None:
            array = self.state[full] = np.zeros_like(p)
        if (
            type(array) is not np.ndarray
            or (array.shape, array.dtype) != (p.shape, p.dtype)
            or not array.flags.writeable
        ):
            came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise StateError(
                f"{type(self).__name__}: state[{full!r}] must be a writable array of {p.dtype} {p.shape}, got {came}."
            )
        return array

    @checked_late
    def descend(self, key: str, p: Array, direction: Array, rate: float) -> None:
        """P ← p − rate · direction, through a buffer that is kept, so that nothing large is allocated."""
        buffer = self._scratch.get(key)
        if buffer is None or buffer.shape != p.shape or buffer.dtype != p.dtype:
            buffer = self._scratch[key] = np.empty_like(p)
        try:
            np.multiply(direction, rate, out=buffer)
        except ValueError:
            who = type(self).__name__
            raise ShapeError(f"{who}: a direction of {np.shape(direction)} does not fit {key!r} {p.shape}.") from None
        np.subtract(p, buffer, out=p)

    def config(self) -> Config:
        """Return the options that `__init__` took, apart from the learning rate's schedule."""
        return {"weight_decay": self.weight_decay, "clip_norm": self.clip_norm}

    def __repr__(self) -> str:
        rate = self.schedule
        options = {k: v for k, v in self.config().items() if v not in (0, None, False)}
        return f"{type(self).__name__}({', '.join([repr(rate), *(f'{k}={v!r}' for k, v in options.items())])})"


def _with_gradient(who: str, params: Mapping[str, Array], grads: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return the parameters that have a gradient; raise where a gradient has no parameter, or another shape."""
    for key, g in grads.items():
        if key not in params:
            checks.unknown_name(who, "parameter", key, params)
        if np.shape(g) != params[key].shape:
            raise ShapeError(f"{who}: the gradient of {key!r} must have shape {params[key].shape}, got {np.shape(g)}.")
    if params and not grads:
        raise ArgumentError(
            f"{who}: no parameter has a gradient. Is every layer frozen? network.unfreeze() thaws them."
        )
    return {key: p for key, p in params.items() if key in grads}


def _epsilon(who: str, epsilon: float) -> float:
    checks.expect_range(who, "epsilon", epsilon, 0, math.inf, open_high=True)
    return float(epsilon)


@checked
def clipped(grads: Mapping[str, Array], norm: float) -> Mapping[str, Array]:
    """Return the gradients, scaled so that their joint norm is at most `norm`.

    Examples
    --------
    >>> grads = pl.optimizers.clipped({"W": np.array([3.0, 4.0])}, 1.0)  # of length 5
    >>> grads["W"].round(4)
    array([0.6, 0.8])
    """
    total = math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    return grads if total <= norm else {k: g * (norm / total) for k, g in grads.items()}


class SGD(Optimizer):
    """Stochastic gradient descent: p ← p − η g.

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> pl.SGD(0.1).step(params, {"W": np.array([2.0])})
    >>> params["W"]  # 1 − 0.1 · 2
    array([0.8])
    """

    def __init__(self, learning_rate: Rate = 0.1, **options: Any) -> None:
        super().__init__(learning_rate, **options)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        self.descend(key, p, g, rate)


class Momentum(Optimizer):
    """v ← μ v − η g,  p ← p + v. Polyak (1964), "Some methods of speeding up the convergence of iteration methods".

    Examples
    --------
    >>> params, momentum = {"W": np.array([1.0])}, pl.Momentum(0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     momentum.step(params, {"W": np.array([1.0])})
    >>> params["W"].round(4), momentum.state["W/momentum"].round(4)  # 1 − 0.1 − 0.19
    (array([0.71]), array([-0.19]))
    """

    def __init__(self, learning_rate: Rate = 0.01, momentum: float = 0.9, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        checks.expect_range(type(self).__name__, "momentum", momentum, 0, 1, open_high=True)
        self.momentum = float(momentum)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        v = self.slot(key, "momentum", p)
        v *= self.momentum
        self.descend(key, v, g, rate)
        p += v

    def config(self) -> Config:
        return {"momentum": self.momentum, **super().config()}


class Nesterov(Momentum):
    """v ← μ v − η g,  p ← p + μ v − η g: the gradient seen one step ahead. Sutskever et al. (2013), §2, rewritten in
    the parameters where the gradient is taken (Bengio et al. 2012, arXiv:1212.0901, equation 7).

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> pl.Nesterov(0.1, momentum=0.9).step(params, {"W": np.array([1.0])})
    >>> params["W"].round(4)  # 1 − 0.1 (1 + 0.9)
    array([0.81])
    """

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        v = self.slot(key, "momentum", p)
        v *= self.momentum
        self.descend(key, v, g, rate)
        p += self.momentum * v
        self.descend(key, p, g, rate)


class AdaGrad(Optimizer):
    """h ← h + g²,  p ← p − η g / (√h + ε). Duchi, Hazan & Singer (2011).

    Examples
    --------
    >>> params, adagrad = {"W": np.array([1.0])}, pl.AdaGrad(0.1)
    >>> for _ in range(2):
    ...     adagrad.step(params, {"W": np.array([2.0])})
    >>> params["W"].round(4)  # 1 − 0.1 · 2/√4 − 0.1 · 2/√8
    array([0.8293])
    """

    def __init__(self, learning_rate: Rate = 0.01, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.epsilon = _epsilon(type(self).__name__, epsilon)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        h = self.slot(key, "squares", p)
        h += g * g
        self.descend(key, p, g / (np.sqrt(h) + self.epsilon), rate)

    def config(self) -> Config:
        return {"epsilon": self.epsilon, **super().config()}


class RMSProp(Optimizer):
    """h ← ρ h + (1 − ρ) g²,  p ← p − η g / (√h + ε). Tieleman & Hinton (2012), lecture 6.5.

    Examples
    --------
    >>> params = {"W": np.array([1.0])}
    >>> pl.RMSProp(0.01).step(params, {"W": np.array([2.0])})
    >>> params["W"].round(4)
    array([0.9684])
    """

    def __init__(self, learning_rate: Rate = 0.001, rho: float = 0.9, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        checks.expect_range(type(self).__name__, "rho", rho, 0, 1, open_high=True)
        self.rho, self.epsilon = float(rho), _epsilon(type(self).__name__, epsilon)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        h = self.slot(key, "squares", p)
        h *= self.rho
        h += (1 - self.rho) * (g * g)
        self.descend(key, p, g / (np.sqrt(h) + self.epsilon), rate)

    def config(self) -> Config:
        return {"rho": self.rho, "epsilon": self.epsilon, **super().config()}


class AdaDelta(Optimizer):
    """Steps in the units of the parameters: Zeiler (2012), arXiv:1212.5701, algorithm 1, times η (1 in the paper).

    h ← ρ h + (1 − ρ) g²,  d = g √(s + ε) / √(h + ε),  s ← ρ s + (1 − ρ) d²,  p ← p − η d

    Examples
    --------
    >>> params, adadelta = {"W": np.array([1.0])}, pl.AdaDelta()
    >>> for _ in range(100):
    ...     adadelta.step(params, {"W": 2 * params["W"]})  # the gradient of W²
    >>> params["W"].round(2)
    array([0.6])
    """

    def __init__(self, learning_rate: Rate = 1.0, rho: float = 0.95, epsilon: float = 1e-6, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        checks.expect_range(type(self).__name__, "rho", rho, 0, 1, open_high=True)
        self.rho, self.epsilon = float(rho), _epsilon(type(self).__name__, epsilon)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        inplace_adadelta(
            p,
            g,
            self.slot(key, "squares", p),
            self.slot(key, "steps", p),
            rate=rate,
            rho=self.rho,
            epsilon=self.epsilon,
        )

    def config(self) -> Config:
        return {"rho": self.rho, "epsilon": self.epsilon, **super().config()}


class Adam(Optimizer):
    """Moments of the gradient, corrected for their start. Kingma & Ba (2015), arXiv:1412.6980, algorithm 1.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  p ← p − η m̂ / (√v̂ + ε),
    m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

    Examples
    --------
    >>> params, adam = {"W": np.array([1.0])}, pl.Adam(0.1)
    >>> adam.step(params, {"W": np.array([1000.0])})
    >>> params["W"].round(4)  # the first step is the rate
    array([0.9])
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            checks.expect_range(type(self).__name__, name, beta, 0, 1, open_high=True)
        self.beta1, self.beta2 = float(beta1), float(beta2)
        self.epsilon = _epsilon(type(self).__name__, epsilon)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        inplace_adam(
            p,
            g,
            self.slot(key, "m", p),
            self.slot(key, "v", p),
            rate=rate,
            step=self.iteration,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
        )

    def config(self) -> Config:
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon, **super().config()}


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← (1 − ηλ) p before the step. Loshchilov & Hutter (2019), algorithm 2.

    Examples
    --------
    >>> params = {"W": np.array([[1.0]])}
    >>> pl.AdamW(0.1, weight_decay=0.5).step(params, {"W": np.array([[0.0]])})
    >>> params["W"]  # 1 · (1 − 0.1 · 0.5)
    array([[0.95]])
    """

    decoupled = True

    def __init__(self, learning_rate: Rate = 0.001, *, weight_decay: float = 0.01, **options: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)


class Lion(Optimizer):
    """Only the sign of a mixed momentum: Chen et al. (2023), arXiv:2302.06675, algorithm 2.

    p ← p − η sign(β₁ m + (1 − β₁) g),  m ← β₂ m + (1 − β₂) g

    Examples
    --------
    >>> params = {"W": np.array([1.0, 1.0])}
    >>> pl.Lion(0.01).step(params, {"W": np.array([1000.0, -0.001])})
    >>> params["W"]  # the sign alone counts
    array([0.99, 1.01])
    """

    decoupled = True

    def __init__(self, learning_rate: Rate = 1e-4, beta1: float = 0.9, beta2: float = 0.99, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            checks.expect_range("Lion", name, beta, 0, 1, open_high=True)
        self.beta1, self.beta2 = float(beta1), float(beta2)

    def update(self, key: str, p: Array, g: Array, rate: float) -> None:
        m = self.slot(key, "momentum", p)
        self.descend(key, p, np.sign(self.beta1 * m + (1 - self.beta1) * g), rate)
        m *= self.beta2
        m += (1 - self.beta2) * g

    def config(self) -> Config:
        return {"beta1": self.beta1, "beta2": self.beta2, **super().config()}


OPTIMIZERS: dict[str, type[Optimizer]] = {
    cls.__name__.lower(): cls for cls in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam, AdamW, Lion)
}
"""Every optimiser by its name in lower case."""

OptimizerLike: TypeAlias = "Optimizer | str"
"""What `fit` takes as `optimizer`; `as_optimizer` reads it."""


@checked_late
def as_optimizer(given: OptimizerLike, learning_rate: Rate | None = None, **options: Any) -> Optimizer:
    """Return an optimiser from itself or its name ("adam") with a rate and options; left out, its defaults.

    Examples
    --------
    >>> pl.optimizers.as_optimizer("adam", 0.01)
    Adam(Constant(learning_rate=0.01), beta1=0.9, beta2=0.999, epsilon=1e-08)
    """
    if isinstance(given, Optimizer):
        if learning_rate is not None or options:
            raise ArgumentError("Give the learning rate to the optimiser itself, or name the optimiser by a string.")
        return given
    name = getattr(given, "__name__", None)
    if name is not None:
        raise UnknownNameError(f"Optimizer: unknown name {name}, a class. Call it to make one: {name}(0.1).")
    if not isinstance(given, str) or given.lower() not in OPTIMIZERS:
        checks.unknown_name("Optimizer", "name", given, OPTIMIZERS)
    make: Any = OPTIMIZERS[given.lower()]
    rate = () if learning_rate is None else (learning_rate,)
    return make(*rate, **options)  # type: ignore[no-any-return]
