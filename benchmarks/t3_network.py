"""T3: Nielsen's network [784, 30, 10], sigmoid, quadratic cost, mini-batches of 10, η 3.0; time per training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.t1_two_layer import Laps, arrays

TITLE = "T3 · Nielsen's network [784, 30, 10], batch 10, SGD: time per training step"
COUNTS = {"train": 5000}
UNIT, SCALE = "ms per step", 1e3
B, RATE = 10, 3.0


def order(steps: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 50_000, (steps, B))


def weights() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(s).astype(np.float32) for s in ((784, 30), (30,), (30, 10), (10,))]


def rows() -> np.ndarray:
    return np.eye(10, dtype=np.float32)[arrays()[1]]


def pellucid() -> Laps:
    train, _ = pl.mnist()
    net = pl.Network([784, 30, 10])

    def lap(steps: int) -> None:
        pl.fit(
            net,
            train,
            iterations=steps,
            batch_size=B,
            sampling="replacement",
            optimizer=pl.SGD(RATE),
            loss=net.cost,
            evaluate_every=steps,
            train_sample=0,
            progress=False,
        )

    return {"train": lap}


def pellucid_layers() -> Laps:
    """The same `fit`, with the compiled loop forbidden: NumPy, layer by layer."""
    import os

    os.environ["PELLUCID_NO_NUMBA"] = "1"
    return pellucid()


def numpy_lean() -> Laps:
    x_all, t_all = arrays()[0], rows()
    w1, b1, w2, b2 = weights()
    rate = np.float32(RATE / B)

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    def lap(steps: int) -> None:
        with np.errstate(over="ignore"):
            for o in order(steps):
                x = x_all.take(o, 0)
                h = sigmoid(x @ w1 + b1)
                y = sigmoid(h @ w2 + b2)
                d = (y - t_all[o]) * y * (1 - y)
                dh = (d @ w2.T) * h * (1 - h)
                w2[...] -= rate * (h.T @ d)
                b2[...] -= rate * d.sum(0)
                w1[...] -= rate * (x.T @ dh)
                b1[...] -= rate * dh.sum(0)

    return {"train": lap}


def torch() -> Laps:
    import torch
    from torch import nn

    x_all, t_all = torch.tensor(arrays()[0]), torch.tensor(rows())
    net = nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10), nn.Sigmoid())
    with torch.no_grad():
        for p, w in zip(net.parameters(), weights(), strict=True):
            p.copy_(torch.tensor(w.T))
    optimizer = torch.optim.SGD(net.parameters(), RATE)

    def lap(steps: int) -> None:
        for o in torch.tensor(order(steps)):
            optimizer.zero_grad(set_to_none=True)
            (0.5 * ((net(x_all[o]) - t_all[o]) ** 2).sum() / B).backward()
            optimizer.step()

    return {"train": lap}


def _jax() -> Any:
    import jax
    import jax.numpy as jnp

    x_all, t_all = jnp.array(arrays()[0]), jnp.array(rows())
    start = [jnp.array(w) for w in weights()]

    def loss(p: Any, o: Any) -> Any:
        y = jax.nn.sigmoid(jax.nn.sigmoid(x_all[o] @ p[0] + p[1]) @ p[2] + p[3])
        return 0.5 * ((y - t_all[o]) ** 2).sum() / B

    def update(p: Any, o: Any) -> Any:
        return [a - RATE * g for a, g in zip(p, jax.grad(loss)(p, o), strict=True)]

    return jax, jnp, start, update


def jax_steps() -> Laps:
    jax, jnp, start, update = _jax()
    step, state = jax.jit(update), [start]

    def lap(steps: int) -> None:
        p = state[0]
        for o in jnp.array(order(steps)):
            p = step(p, o)
        state[0] = jax.block_until_ready(p)

    return {"train": lap}


def jax_loop() -> Laps:
    jax, jnp, start, update = _jax()
    loop = jax.jit(lambda p, o: jax.lax.scan(lambda p, o: (update(p, o), None), p, o)[0])
    orders = {n: jnp.array(order(n)) for n in (COUNTS["train"],)}
    compiled = {n: loop.lower(start, o).compile() for n, o in orders.items()}
    state = [start]

    def lap(steps: int) -> None:
        state[0] = jax.block_until_ready(compiled[steps](state[0], orders[steps]))

    return {"train": lap}


def sklearn() -> Laps:
    """The nearest it offers: squared error with a *linear* output layer."""
    import warnings

    from sklearn.neural_network import MLPRegressor

    warnings.filterwarnings("ignore")
    x, t = arrays()[0], rows()

    def lap(steps: int) -> None:
        net = MLPRegressor(
            hidden_layer_sizes=(30,),
            activation="logistic",
            solver="sgd",
            learning_rate_init=0.1,
            momentum=0,
            batch_size=B,
            max_iter=1,
            alpha=0,
        )
        net.fit(x[: steps * B], t[: steps * B])

    return {"train": lap}


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    "pellucid": pellucid,
    "pellucid, layer by layer": pellucid_layers,
    "NumPy by hand": numpy_lean,
    "PyTorch": torch,
    "JAX, a call a step": jax_steps,
    "JAX, compiled loop": jax_loop,
    "scikit-learn (linear output)": sklearn,
}
