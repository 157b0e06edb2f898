"""T2: the CNN of the Keras tutorials, 1,199,882 parameters, batch 128, Adam: a training step, inference, latency.

Gather of the batch, forward with dropout, softmax cross-entropy, backward, Adam's update: the same for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl

TITLE = "T2 · the CNN with 1,199,882 parameters, batch 128, Adam"
COUNTS = {"training step": 25, "inference, 1000 images": 1, "one image": 50}
UNIT, SCALE = "ms", 1e3
B = 128
Laps = dict[str, Callable[[int], Any]]


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (x, t), (x_test, _) = pl.load_mnist(flatten=False)
    return x, t.astype(np.int64), x_test[:1000]


def order(steps: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 60_000, (steps, B))


def pellucid() -> Laps:
    from pellucid.models import mnist_cnn

    train, test = pl.mnist(flatten=False)
    net, optimizer, images = mnist_cnn(), pl.Adam(1e-3), test.x[:1000]

    def step(steps: int) -> None:
        pl.fit(
            net,
            train,
            iterations=steps,
            batch_size=B,
            sampling="replacement",
            optimizer=optimizer,
            evaluate_every=steps,
            train_sample=0,
            progress=False,
        )

    return {
        "training step": step,
        "inference, 1000 images": lambda n: [pl.predict(net, images) for _ in range(n)],
        "one image": lambda n: [pl.predict(net, images[i : i + 1]) for i in range(n)],
    }


def torch(channels_last: bool = True) -> Laps:
    import torch
    from torch import nn

    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, t, images = arrays()
    x_all = torch.tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    test, t_all = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=layout), torch.tensor(t)
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    ).to(memory_format=layout)  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def step(steps: int) -> None:
        net.train()
        for o in torch.tensor(order(steps)):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(net(x_all[o]), t_all[o]).backward()
            optimizer.step()

    def infer(part: Any, n: int) -> None:
        net.eval()
        with torch.inference_mode():
            for _ in range(n):
                net(part)

    return {
        "training step": step,
        "inference, 1000 images": lambda n: infer(test, n),
        "one image": lambda n: infer(test[:1], n),
    }


def keras() -> Laps:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    from keras import layers

    x, t, images = arrays()
    net = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    net.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(x[: 3 * B], t[: 3 * B], batch_size=B, verbose=0)

    def latency(n: int) -> None:
        for i in range(n):
            net(images[i : i + 1], training=False)

    return {
        "training step": lambda n: net.fit(x[: n * B], t[: n * B], batch_size=B, epochs=1, verbose=0),
        "inference, 1000 images": lambda n: [net.predict(images, batch_size=1000, verbose=0) for _ in range(n)],
        "one image": latency,
    }


def jax() -> Laps:
    import jax
    import jax.numpy as jnp
    import optax

    x, t, images = arrays()
    x_all, t_all, test = jnp.array(x), jnp.array(t), jnp.array(images)
    keys, begin = jax.random.split(jax.random.PRNGKey(0), 8), jax.nn.initializers.glorot_uniform()
    shapes = {"c1": (3, 3, 1, 32), "c2": (3, 3, 32, 64), "w3": (9216, 128), "w4": (128, 10)}
    start = {name: begin(k, s) for k, (name, s) in zip(keys, shapes.items(), strict=False)}
    start |= {f"b{name[1]}": jnp.zeros(s[-1]) for name, s in shapes.items()}

    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def drop(x: Any, key: Any, keep: float) -> Any:
        return x if key is None else x * jax.random.bernoulli(key, keep, x.shape) / keep

    def forward(p: Any, x: Any, key: Any = None) -> Any:
        x = jax.nn.relu(conv(jax.nn.relu(conv(x, p["c1"]) + p["b1"]), p["c2"]) + p["b2"])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = drop(x, key, 0.75)
        x = drop(jax.nn.relu(x.reshape(x.shape[0], -1) @ p["w3"] + p["b3"]), key, 0.5)
        return x @ p["w4"] + p["b4"]

    optimizer = optax.adam(1e-3)

    @jax.jit
    def update(p: Any, s: Any, o: Any, key: Any) -> Any:
        def loss(p: Any) -> Any:
            scores = jax.nn.log_softmax(forward(p, x_all[o], key))
            return -jnp.take_along_axis(scores, t_all[o][:, None], 1).mean()

        u, s = optimizer.update(jax.grad(loss)(p), s)
        return optax.apply_updates(p, u), s

    state = [start, optimizer.init(start)]
    predict = jax.jit(forward)

    def step(steps: int) -> None:
        for i, o in enumerate(order(steps)):
            state[:] = update(*state, o, jax.random.PRNGKey(i))
        jax.block_until_ready(state[0])

    return {
        "training step": step,
        "inference, 1000 images": lambda n: [predict(state[0], test).block_until_ready() for _ in range(n)],
        "one image": lambda n: [predict(state[0], test[i : i + 1]).block_until_ready() for i in range(n)],
    }


CONTESTANTS: dict[str, Callable[[], Laps]] = {
    "pellucid": pellucid,
    "PyTorch, channels last": torch,
    "PyTorch, channels first": lambda: torch(channels_last=False),
    "Keras/TensorFlow": keras,
    "JAX": jax,
}
