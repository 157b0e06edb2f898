"""Networks used in any order: built from shared and fresh layers, trained, frozen, copied, saved, loaded, explained.

Whatever was done, the numbers are those of `plain`, a model in float64 that is held beside every layer. A failure is
printed by Hypothesis as a program of a few lines that runs beneath `from test_random_use import *`.

    pytest tests/test_random_use.py                                   # 150 runs: what everybody runs
    PELLUCID_RUNS=2000 pytest tests/test_random_use.py                # what continuous integration runs
    PELLUCID_RUNS=50000 pytest tests/test_random_use.py
"""

from __future__ import annotations

import copy
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import pellucid as pl
import plain
from pellucid.errors import PellucidError
from pellucid.kernels.single import plan as single
from pellucid.layers import Container
from pellucid.outputs import ending
from pellucid.typing import Array, Arrays, Shape

SHAPES: tuple[Shape, ...] = ((5,), (3,), (6, 6, 2), (5, 4, 3))
VECTOR: tuple[Callable[[], Any], ...] = (
    lambda: pl.Affine(4), lambda: pl.Affine(5, bias=False), lambda: pl.Affine(3), pl.ReLU, pl.Tanh, pl.Sigmoid,
    lambda: pl.LeakyReLU(0.2), pl.ELU, pl.GELU, pl.Softplus, pl.BatchNorm, pl.LayerNorm, lambda: pl.Dropout(0.4),
    lambda: pl.Reshape((-1,)), pl.Flatten, lambda: pl.GroupNorm(1), pl.SELU, pl.Swish, pl.HardSigmoid, pl.HardSwish,
    lambda: pl.GELU(approximate=False), lambda: pl.Clip(-1, 0.5), pl.Erf, pl.Scale, lambda: pl.Shift((1,)), pl.PReLU,
    lambda: pl.Sequential([pl.Clip(-2, 1), pl.Exp()]), lambda: pl.Sequential([pl.Clip(0.5, 3), pl.Power(-0.5)]),
    pl.LogSoftmax, lambda: pl.Slice((1,), (-1,)), lambda: pl.Take((1, 0, 1)), lambda: pl.Pad(((1, -1),), "edge"),
    lambda: pl.MatMul((4, 5)), lambda: pl.MatMul((3, 4), left=True), lambda: pl.LocalResponseNorm(3, alpha=0.5),
)  # fmt: skip
IMAGE: tuple[Callable[[], Any], ...] = (
    lambda: pl.Conv2D(3, 3, padding="same"), lambda: pl.Conv2D(2, (2, 3), stride=(1, 2)), pl.ReLU, pl.MaxPool2D,
    lambda: pl.Conv2D(2, 2, dilation=2, padding=1), lambda: pl.Conv2D(4, 1, groups=1, bias=False), pl.Flatten,
    lambda: pl.DepthwiseConv2D(3, padding=1), lambda: pl.DepthwiseConv2D(2, 2), lambda: pl.MaxPool2D(3, 2, 1),
    lambda: pl.AveragePool2D(2, 1, "same"), lambda: pl.AveragePool2D(3, 2, 1, count_padding=True), pl.GlobalMaxPool2D,
    pl.GlobalAveragePool2D, pl.BatchNorm, pl.LayerNorm, lambda: pl.GroupNorm(1), lambda: pl.SpatialDropout2D(0.3),
    lambda: pl.ZeroPad2D(((1, 0), (0, 2))), lambda: pl.Upsample2D((1, 2)), pl.Tanh, pl.Softplus,
    lambda: pl.ConvTranspose2D(2, (2, 3), stride=(1, 2)), lambda: pl.Transpose((1, 0, 2)), lambda: pl.Softmax(1),
    lambda: pl.Scale((1, 1, 1)), pl.Shift, pl.PReLU, pl.HardSwish, lambda: pl.Mean((0, 2)), pl.InstanceNorm,
    lambda: pl.Pad(((1, 0), (1, 2), (0, 0)), "reflect"), lambda: pl.Slice((5, 0), (0, 2), (-2, 1), (0, 2)),
    lambda: pl.Take(-1, 0), lambda: pl.LayerNorm(1), lambda: pl.MaxPool2D(2, ceil=True), lambda: pl.MatMul((2, 3)),
    lambda: pl.Resize2D((4, 3), mode="linear", coordinates="align_corners"),
    lambda: pl.MaxPool2D(2, 1, dilation=2), lambda: pl.AveragePool2D(3, 2, 1, ceil=True, count_padding=True),
)  # fmt: skip
OPTIMISERS: tuple[Callable[[], Any], ...] = (
    lambda: pl.SGD(0.05),
    lambda: pl.Momentum(0.02),
    lambda: pl.Adam(0.01, epsilon=0.1),
    lambda: pl.Nesterov(0.02),
    lambda: pl.SGD(0.05, weight_decay=0.1),
    lambda: pl.RMSProp(0.01, epsilon=0.1),
    lambda: pl.SGD(0.1, clip_norm=0.5),
)
METHODS = ("saliency", "input_x_gradient", "grad_cam", "integrated_gradients", "occlusion")
LOSSES = ("SoftmaxCrossEntropy", "MeanSquaredError")
seeds = st.integers(0, 99)
which = st.integers(0, 30)


class Use(NamedTuple):
    """A network, and the shape and dtype that it was made for."""

    network: Any
    shape: Shape
    dtype: Any


class Data(NamedTuple):
    """A batch, targets, and the name of the loss that they are for."""

    x: Array
    t: Array
    loss: str

    def set_of(self, dtype: Any) -> pl.Dataset:
        task = "classification" if self.loss == LOSSES[0] else "regression"
        return pl.Dataset(self.x.astype(dtype), self.t, task=task, dtype=dtype)


def arrays_of(layer: Any) -> Arrays:
    return {**layer.params, **layer.buffers}


def leaves(layer: Any) -> list[Any]:
    """The layers that are no containers."""
    return [
        part
        for part in [layer, *(layer.walk() if isinstance(layer, Container) else ())]
        if not isinstance(part, Container)
    ]


def leaves_with_params(layers: list[Any]) -> list[Any]:
    return [part for layer in layers for part in leaves(layer) if part.params or part.input_shape is None]


class RandomUse(RuleBasedStateMachine):
    """A pool of layers that anybody may take, and the networks that were made of them."""

    @initialize(threads=st.integers(1, 3), compiled=st.booleans())
    def begin(self, threads: int, compiled: bool) -> None:
        self.before = pl.get_num_threads(), single.WORTHWHILE, _run().WORTH_COMPILING
        self.uses: list[Use] = []
        self.known: dict[int, tuple[Any, Arrays]] = {}
        self.folder = Path(tempfile.mkdtemp())
        self.settings(threads, compiled)

    def teardown(self) -> None:
        if hasattr(self, "before"):
            threads, single.WORTHWHILE, _run().WORTH_COMPILING = self.before
            pl.set_num_threads(threads)
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()

    @rule(threads=st.integers(1, 3), compiled=st.booleans())
    def settings(self, threads: int, compiled: bool) -> None:
        """Small networks take the compiled roads, or the layers' own."""
        pl.set_num_threads(threads)
        single.WORTHWHILE, _run().WORTH_COMPILING = (0, 1) if compiled else (500_000, 500)
        for use in self.uses:  # a network keeps the road that it once found worthwhile, and a copy looks anew
            for part in (use.network, *use.network.walk()):
                if isinstance(part, pl.Sequential):
                    part._stretches = None

    # Building

    @rule(
        shape=st.sampled_from(SHAPES),
        picks=st.lists(st.integers(-8, 60), min_size=1, max_size=5),
        form=st.sampled_from(["chain", "chain", "nested", "residual", "graph", "late"]),
        seed=seeds,
        double=st.integers(0, 7).map(lambda n: n == 0),
    )
    def build(self, shape: Shape, picks: list[int], form: str, seed: int, double: bool) -> None:
        """A network of fresh layers (from 0 on) and of layers or whole networks that are there already (below 0)."""
        dtype = np.float64 if double else np.float32
        layers, last = self.chosen(shape, picks)
        inside = [part for layer in layers for part in [layer, *getattr(layer, "walk", list)()]]
        others = any(p.dtype != dtype for part in inside for p in arrays_of(part).values()) or any(
            part.dtype != dtype for part in inside if isinstance(part, Container) and part.input_shape
        )
        twice = len({id(part) for part in inside}) < len(inside)
        try:
            network = _made(layers, form, shape, last, seed, dtype)
            if network.input_shape is None:  # built by its first training
                late = _data(shape, last, seed, 1, dtype).set_of(dtype)
                pl.fit(network, late, iterations=1, batch_size=4, optimizer=pl.SGD(1e-3), progress=False)
                self.learn(network)
        except PellucidError as error:
            refusal = str(error)
            still = form == "late" and not any(layer.trainable for layer in leaves_with_params(layers))
            if not (others or twice or "name" in refusal or (still and "frozen" in refusal)):
                raise  # else it has the name of another, or nothing to train
            return
        assert not others, "layers of another dtype were taken"
        assert not twice, "one layer stands there twice"
        self.take(network, shape, dtype)

    def chosen(self, shape: Shape, picks: list[int]) -> tuple[list[Any], Shape]:
        """The layers that the picks name and that fit one behind the other, and the shape that comes out."""
        layers: list[Any] = []
        for pick in picks:
            kinds = VECTOR if len(shape) == 1 else IMAGE
            pool = [layer for layer, _ in self.known.values()] + [use.network for use in self.uses]
            fits = [a for a in pool if a.input_shape == shape and a.output_shape]
            if pick < 0 and not fits:
                continue
            layer = fits[pick % len(fits)] if pick < 0 else kinds[pick % len(kinds)]()
            try:
                shape = layer.infer_shape(shape)
            except PellucidError:
                continue
            layers.append(layer)
        return layers, shape

    def take(self, network: Any, shape: Shape, dtype: Any) -> None:
        """Know the layers of a network that were not known; those that were keep their numbers."""
        for layer in leaves(network):
            self.known.setdefault(id(layer), (layer, {k: a.copy() for k, a in arrays_of(layer).items()}))
        self.uses.append(Use(network, shape, np.dtype(dtype)))

    def learn(self, network: Any) -> None:
        """The layers of a network have been changed on purpose."""
        for layer in leaves(network):
            self.known[id(layer)] = layer, {k: a.copy() for k, a in arrays_of(layer).items()}

    # What holds whatever was done

    @invariant()
    def nothing_moves_unasked(self) -> None:
        for layer, numbers in getattr(self, "known", {}).values():
            for key, array in arrays_of(layer).items():
                assert np.array_equal(array, numbers[key], equal_nan=True), f"{layer.label}: {key} has changed"

    @invariant()
    def networks_hold_the_arrays_of_their_layers(self) -> None:
        for use in getattr(self, "uses", ()):
            for container in (use.network, *use.network.walk()):
                if isinstance(container, Container):
                    for name, layer in container.named_layers():
                        for key, array in layer.params.items():
                            assert container.params[f"{name}.{key}"] is array
                        for key, array in layer.buffers.items():
                            assert container.buffers[f"{name}.{key}"] is array

    # Looking

    def plainly(self, use: Use, x: Array, train: bool = False) -> plain.Value:
        eps = float(np.finfo(use.dtype).eps)
        return plain.forward(use.network, plain.exact(x, eps), self.numbers, train)

    def numbers(self, layer: Any) -> Arrays:
        return {key: a.astype(np.float64) for key, a in self.known[id(layer)][1].items()}

    @precondition(lambda self: self.uses)
    @rule(i=which, samples=st.integers(0, 3), seed=seeds, kind=st.sampled_from(["f4", "f8", ">f4", "i8", "list"]))
    def predict(self, i: int, samples: int, seed: int, kind: str) -> None:
        """All ways to an output agree with the plain model, and one sample with the batch."""
        use = self.uses[i % len(self.uses)]
        x = np.random.default_rng(seed).normal(size=(samples, *use.shape)).astype("f4")
        x = np.round(x).astype(kind) if kind == "i8" else x if kind == "list" else x.astype(kind)
        given = x.tolist() if kind == "list" and samples else x
        right = self.plainly(use, x)
        ys = [use.network(given), use.network.forward(given)[0]]
        if samples:
            ys.append(pl.predict(use.network, given, batch_size=2))
            ys.append(np.concatenate([use.network(x[k : k + 1]) for k in range(samples)]))
        for y in ys:
            assert (y.dtype, y.shape) == (use.dtype, right.y.shape)
            assert within(y, right.y, right.error)

    @precondition(lambda self: self.uses)
    @rule(
        i=which,
        seed=seeds,
        method=st.sampled_from(["saliency", "input_x_gradient", "grad_cam", "integrated_gradients", "occlusion"]),
    )
    def explain(self, i: int, seed: int, method: str) -> None:
        """A gradient is the plain model's slope; nothing is changed."""
        use = self.uses[i % len(self.uses)]
        if len(use.network.output_shape) != 1:
            return
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2, *use.shape)).astype(use.dtype)
        try:
            found = getattr(pl.explain, method)(use.network, x, target=0)
        except PellucidError:
            assert method != "saliency" or any(isinstance(a, pl.Softmax) for a in leaves(use.network))
            return
        if method == "saliency" and use.dtype == np.float64 and not found.settings.get("before"):  # of the output
            d = rng.normal(size=x.shape)
            h = 1e-6
            slope = (self.plainly(use, x + h * d).y - self.plainly(use, x - h * d).y)[:, 0] / (2 * h)
            assert agree((found.values * d).sum(tuple(range(1, x.ndim))), slope), "saliency is not the slope"

    # Learning

    @precondition(lambda self: self.uses)
    @rule(i=which, j=which, frozen=st.booleans())
    def freeze(self, i: int, j: int, frozen: bool) -> None:
        """A layer, or a whole network, stands still from now on, or learns again."""
        network = self.uses[i % len(self.uses)].network
        names = [*network.names, None]
        chosen = names[j % len(names)]
        (network.freeze if frozen else network.unfreeze)(*([chosen] if chosen else []))

    def nothing_frozen_moved(self, network: Any) -> None:
        for layer in leaves(network):
            if not layer.trainable:
                for key, array in arrays_of(layer).items():
                    assert np.array_equal(array, self.known[id(layer)][1][key]), f"{layer.label} is frozen"

    @precondition(lambda self: self.uses)
    @rule(i=which, samples=st.integers(2, 4), seed=seeds, loss=st.integers(0, 1))
    def step_by_hand(self, i: int, samples: int, seed: int, loss: int) -> None:
        """A user's own loop: the gradient is the plain model's slope, and the parameters move by it."""
        use = self.uses[i % len(self.uses)]
        network, rate = use.network, 0.05
        if len(network.output_shape) != 1:
            return
        data = _data(use.shape, network.output_shape, seed, loss, use.dtype, samples)
        y, tape = network.forward(data.x, train=True, rng=np.random.default_rng(seed))
        criterion = getattr(pl, data.loss)()
        value, cache = criterion.forward(y, data.t)
        grads = network.backward(criterion.backward(cache), tape, need_dx=False)[1]
        if use.dtype == np.float64 and not network.stochastic:
            self.check_slope(use, data, grads, seed)
        before = {key: p.copy() for key, p in network.params.items()}
        for key in network.params:
            network.params[key] -= rate * grads[key] if key in grads else 0
        for key, p in network.params.items():
            moved = before[key] - rate * grads[key] if key in grads else before[key]
            assert np.array_equal(p, moved.astype(use.dtype)), f"{key} did not move by its gradient"
        assert np.isfinite(value)
        self.nothing_frozen_moved(network)
        self.learn(network)

    def check_slope(self, use: Use, data: Data, grads: Arrays, seed: int) -> None:
        """Compare the gradients with the slope of the plain model's loss along a random direction."""
        rng = np.random.default_rng(seed)
        d = {key: rng.normal(size=g.shape) for key, g in grads.items()}
        place = {id(a): key for key, a in use.network.params.items()}

        def value(h: float) -> float:
            def numbers(layer: Any) -> Arrays:
                own = self.numbers(layer)
                for key, a in layer.params.items():
                    own[key] = own[key] + h * d.get(place[id(a)], 0)
                return own

            v = plain.forward(use.network, plain.exact(data.x, 2e-16), numbers, train=True)
            return float(plain.loss(data.loss, v.y, data.t))

        h, mine = 1e-6, float(sum((grads[key] * d[key]).sum() for key in grads))
        here, above, below = value(0), value(h), value(-h)
        slope, wider = (above - below) / (2 * h), (value(3 * h) - value(-3 * h)) / (6 * h)
        if agree(np.array(mine), np.array(slope)):
            return
        # A ReLU at exactly 0 has another slope on each side, and a batch norm of two like numbers bends too sharply.
        bend = abs((above - here) - (here - below)) / h
        assert max(bend, 2 * abs(slope - wider)) >= abs(mine - slope), f"wrong gradient: {mine}, not {slope}"

    @precondition(lambda self: self.uses)
    @rule(
        i=which,
        seed=seeds,
        optimiser=st.integers(0, len(OPTIMISERS) - 1),
        loss=st.integers(0, 1),
        steps=st.integers(1, 4),
        batch_size=st.integers(2, 6),
    )
    def fit(self, i: int, seed: int, optimiser: int, loss: int, steps: int, batch_size: int) -> None:
        """Training gives what the same training of an independent copy in float64 gives, and reports its losses."""
        use = self.uses[i % len(self.uses)]
        network = use.network
        if len(network.output_shape) != 1:
            return
        data = _data(use.shape, network.output_shape, seed, loss, use.dtype, 6)
        how = {"iterations": steps, "batch_size": batch_size, "loss": data.loss, "seed": seed, "progress": False}
        # How much rounding can do is seen from numbers that were rounded otherwise, in float64 and in the dtype itself:
        # a batch norm of two like numbers magnifies the rounding of their mean, which only the dtype itself shows.
        exact = pl.copy_network(network, np.float64)
        others = [pl.copy_network(network, dtype) for dtype in (np.float64, np.float64, use.dtype, use.dtype)]
        rng = np.random.default_rng(seed)
        for other in others:
            for p in other.params.values():
                p *= (1 + np.finfo(use.dtype).eps * rng.choice([-1, 1], p.shape)).astype(p.dtype)
        if network.params and not network.trainable:
            with pytest.raises(PellucidError, match="frozen"):
                pl.fit(network, data.set_of(use.dtype), progress=False, batch_size=2)
            return
        if data.loss == LOSSES[0] and ending(network):
            with pytest.raises(PellucidError, match="takes scores"):
                pl.fit(network, data.set_of(use.dtype), **how)
            return
        try:
            history = pl.fit(network, data.set_of(use.dtype), optimizer=OPTIMISERS[optimiser](), **how)
        except PellucidError as error:  # a batch norm of vectors has nothing to say of a batch of one
            if "needs 2 values of a channel in each batch" not in str(error):
                raise
            self.learn(network)
            return
        assert len(history.iterations["loss"]) == steps
        near = data._replace(x=data.x * (1 + np.finfo(use.dtype).eps * rng.choice([-1, 1], data.x.shape)))
        for other, one in zip((exact, *others), (data, near, near, near, near), strict=True):
            pl.fit(other, one.set_of(other.dtype), optimizer=OPTIMISERS[optimiser](), **how)
        for key, p in network.params.items():
            right, *found = (other.params[key] for other in (exact, *others))
            moved = max(spread(right, *found[:2]), spread(*found[2:], p))
            eps, terms = float(np.finfo(use.dtype).eps), 8 * steps * (8 + network.size)
            scale = float(np.abs(right).max(initial=0)) + 1
            assert within(p, right, terms * (moved + eps * scale)), f"{key} was trained to something else"
        self.nothing_frozen_moved(network)
        self.learn(network)

    @precondition(lambda self: self.uses)
    @rule(i=which, seed=seeds)
    def set_by_hand(self, i: int, seed: int) -> None:
        """Numbers put in under a network's name are its layer's, in every network that it stands in."""
        use = self.uses[i % len(self.uses)]
        keys = list(use.network.params)
        if keys:
            key = keys[seed % len(keys)]
            value = np.random.default_rng(seed).normal(size=use.network.params[key].shape)
            use.network.params[key] = value
            assert np.array_equal(use.network.params[key], value.astype(use.dtype))
            self.learn(use.network)

    # Copies and files

    @precondition(lambda self: self.uses and len(self.uses) < 12)
    @rule(i=which, how=st.sampled_from(["deepcopy", "pickle", "copy_network", "file", "file"]), seed=seeds)
    def copied(self, i: int, how: str, seed: int) -> None:
        """A copy has the same bits and no array in common."""
        use = self.uses[i % len(self.uses)]
        if how == "file":
            path = self.folder / f"{seed}.safetensors"
            pl.save(use.network, path)
            twin = pl.load(path)
        else:
            twin = {"deepcopy": copy.deepcopy, "copy_network": pl.copy_network}.get(
                how, lambda n: pickle.loads(pickle.dumps(n))
            )(use.network)
        assert list(twin.params) == list(use.network.params)
        assert [a.trainable for a in leaves(twin)] == [a.trainable for a in leaves(use.network)]
        for key, a in arrays_of(use.network).items():
            b = arrays_of(twin)[key]
            assert np.array_equal(a, b, equal_nan=True)
            assert a.dtype == b.dtype
            assert not np.shares_memory(a, b)
        x = np.random.default_rng(seed).normal(size=(2, *use.shape)).astype(use.dtype)
        assert np.array_equal(twin(x), use.network(x), equal_nan=True)
        assert np.array_equal(twin(x[:1]), use.network(x[:1]), equal_nan=True)
        self.take(twin, use.shape, use.dtype)

    @precondition(lambda self: len(self.uses) > 1)
    @rule(i=which, j=which)
    def load_into(self, i: int, j: int) -> None:
        """A file goes into a network of the same form, or is refused and changes nothing."""
        source, target = self.uses[i % len(self.uses)].network, self.uses[j % len(self.uses)].network
        pl.save(source, self.folder / "other.safetensors")
        try:
            pl.load_into(target, self.folder / "other.safetensors")
        except PellucidError:
            return
        for key, a in arrays_of(source).items():
            assert np.array_equal(arrays_of(target)[key], a, equal_nan=True)
        self.learn(target)


def _run() -> Any:
    return sys.modules["pellucid.training.run"]


def _made(layers: list[Any], form: str, shape: Shape, last: Shape, seed: int, dtype: Any) -> Any:
    """A network of the layers in one of several forms; those that would need other shapes become chains."""
    how: dict[str, Any] = {"seed": seed, "dtype": dtype}
    if form != "late" or len(last) != 1:
        how["input_shape"] = shape
    if form == "nested" and len(layers) > 1:
        return pl.Sequential([layers[0], pl.Sequential(layers[1:])], **how)
    if form == "residual" and shape == last:
        return pl.Sequential([pl.Residual(layers)], **how)
    if form == "graph" and len(layers) > 1:
        nodes: dict[str, Any] = {f"n{k}": (a, f"n{k - 1}" if k else "input") for k, a in enumerate(layers)}
        merge = [pl.Add, pl.Subtract, pl.Multiply][seed % 3]() if shape == last else pl.Concat()
        if shape[:-1] == last[:-1]:
            nodes["sum"] = (merge, ["input", f"n{len(layers) - 1}"])
        return pl.Graph(nodes, **how)
    return pl.Sequential(layers, **how)


def _data(shape: Shape, last: Shape, seed: int, loss: int, dtype: Any, samples: int = 6) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, *shape)).astype(dtype)
    if loss == 0 and last[0] > 1:
        return Data(x, rng.permutation(np.arange(samples) % last[0]), LOSSES[0])  # never of one class alone
    return Data(x, rng.normal(size=(samples, *last)), LOSSES[1])


def spread(*arrays: Array) -> float:
    """How far arrays are from each other at most."""
    return max(float(np.abs(a - b).max(initial=0)) for a, b in combinations(arrays, 2))


def within(y: Array, right: Array, error: Array | float) -> bool:
    """Whether y differs from what is right by no more than rounding."""
    return bool(np.all(np.abs(y - right) <= error + np.finfo(y.dtype).tiny))


def agree(a: Array, b: Array) -> bool:
    """Whether a slope in float64 is what differences over 1e-6 make of it: 1e-16/1e-6 of rounding, much enlarged."""
    return bool(np.all(np.abs(a - b) <= 1e-6 * (1 + np.abs(a) + np.abs(b))))


TestRandomUse = RandomUse.TestCase
TestRandomUse.settings = settings(
    max_examples=int(os.environ.get("PELLUCID_RUNS", "150")),
    stateful_step_count=12,
    deadline=None,
    derandomize="PELLUCID_SEED" not in os.environ,
)
