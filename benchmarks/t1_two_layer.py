"""T1: the book's net 784-50-10, ReLU, softmax cross-entropy, batch 100, SGD 0.1; time per training step.

All do the same arithmetic: gather of the batch by random indices, forward, loss gradient, backward, update.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl

TITLE = "T1 · two-layer net 784-50-10, batch 100, SGD: time per training step"
COUNTS = {"train": 1200}
UNIT, SCALE = "ms per step", 1e3
B, RATE, HIDDEN = 100, 0.1, 50
Laps = dict[str, Callable[[int], Any]]


def arrays() -> tuple[np.ndarray, np.ndarray]:
    (x, t), _ = pl.load_mnist()
    return x, t.astype(np.int64)


def order(steps: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60_000, (steps, B))


def weights() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return tuple((0.01 * rng.standard_normal(s)).astype(np.float32) for s in ((784, HIDDEN), (HIDDEN, 10)))  # type: ignore[return-value]


def pellucid() -> Laps:
    train, _ = pl.mnist()
    net = pl.TwoLayerNet(784, HIDDEN, 10)

    def lap(steps: int) -> None:
        pl.fit(
            net,
            train,
            iterations=steps,
            batch_size=B,
            sampling="replacement",
            optimizer=pl.SGD(RATE),
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
    """A lean loop by hand: what a NumPy library can aim at."""
    x_all, t_all = arrays()
    w1, w2 = weights()
    b1, b2, rows = np.zeros(HIDDEN, np.float32), np.zeros(10, np.float32), np.arange(B)

    def lap(steps: int) -> None:
        for o in order(steps):
            x, t = x_all.take(o, 0), t_all[o]
            h = x @ w1
            h += b1
            np.maximum(h, 0, out=h)
            z = h @ w2
            z += b2
            z -= z.max(1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(1, keepdims=True)
            z[rows, t] -= 1
            z *= np.float32(1 / B)
            dh = z @ w2.T
            dh *= h > 0
            w2[...] -= RATE * (h.T @ z)
            b2[...] -= RATE * z.sum(0)
            w1[...] -= RATE * (x.T @ dh)
            b1[...] -= RATE * dh.sum(0)

    return {"train": lap}


def torch() -> Laps:
    import torch
    from torch import nn

    x_all, t_all = (torch.tensor(a) for a in arrays())
    net = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    with torch.no_grad():
        for layer, w in zip((net[0], net[2]), weights(), strict=True):
            layer.weight.copy_(torch.tensor(w.T))
            layer.bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), RATE)

    def lap(steps: int) -> None:
        for o in torch.tensor(order(steps)):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(net(x_all[o]), t_all[o]).backward()
            optimizer.step()

    return {"train": lap}


def _jax() -> Any:
    import jax
    import jax.numpy as jnp

    x_all, t_all = (jnp.array(a) for a in arrays())
    w1, w2 = weights()
    start = {"w1": jnp.array(w1), "b1": jnp.zeros(HIDDEN), "w2": jnp.array(w2), "b2": jnp.zeros(10)}

    def loss(p: Any, x: Any, t: Any) -> Any:
        z = jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
        return -jnp.take_along_axis(jax.nn.log_softmax(z), t[:, None], 1).mean()

    def update(p: Any, o: Any) -> Any:
        return jax.tree.map(lambda a, g: a - RATE * g, p, jax.grad(loss)(p, x_all[o], t_all[o]))

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
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")
    x, t = arrays()

    def lap(steps: int) -> None:
        """Its loop cannot be entered for a number of steps: it is given that many batches of samples, once."""
        net = MLPClassifier(
            hidden_layer_sizes=(HIDDEN,),
            solver="sgd",
            learning_rate_init=RATE,
            momentum=0,
            batch_size=B,
            max_iter=1,
            alpha=0,
        )
        repeats = -(-steps * B // len(x))
        net.fit(np.concatenate([x] * repeats)[: steps * B], np.concatenate([t] * repeats)[: steps * B])

    return {"train": lap}


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    "pellucid": pellucid,
    "pellucid, layer by layer": pellucid_layers,
    "NumPy by hand": numpy_lean,
    "PyTorch": torch,
    "JAX, a call a step": jax_steps,
    "JAX, compiled loop": jax_loop,
    "scikit-learn": sklearn,
}
