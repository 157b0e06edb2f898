"""Layers, containers and merges of a user's own, written here as if outside the package: they work everywhere.

Nothing but this file knows them. What they say of themselves is enough for summary, receptive fields, costs, kernels,
diagram, explanations, files, copies, gradient checks and fusion; where they say nothing, that is told by their name.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import pellucid as pl
from methods import EVERYWHERE
from pellucid import explain, views
from pellucid.errors import ArgumentError, ShapeError
from pellucid.kernels.single.plan import Product
from pellucid.layers import LAYERS, Facts, Node, Parameters, Sees, Sliding, Step
from pellucid.layers.merge import MERGES
from pellucid.layers.one_sample import OneSample, taken_together
from pellucid.testing import assert_facts, assert_gradients
from pellucid.training.stepper import compiled_plan

SHAPE = (10, 8, 2)


@pytest.fixture(autouse=True)
def known_only_here():
    """The classes of this file, and nothing that its tests add, enter the registers for the time of a test."""
    held = [(kinds, dict(kinds)) for kinds in (LAYERS, MERGES)]
    LAYERS.update({kind.__name__: kind for kind in OWN_LAYERS})
    MERGES.update({kind.__name__: kind for kind in OWN_MERGES})
    yield
    for kinds, before in held:
        kinds.clear()
        kinds.update(before)


class Local2D(pl.Layer):
    """A convolution without weight sharing: each place has weights of its own.

    y[n,i,j,o] = b[i,j,o] + Σ_{u,v,c} W[i,j,u,v,c,o] · x[n,i+u,j+v,c]
    """

    takes_images = True
    facts = Facts(linear=True, weights=("W",))

    def __init__(self, filters, extent, *, name=""):
        super().__init__(name=name)
        self.filters, self.extent = filters, extent

    def config(self):
        return {"filters": self.filters, "extent": self.extent}

    def infer_shape(self, input_shape):
        h, w, _ = input_shape
        return h - self.extent + 1, w - self.extent + 1, self.filters

    def create_params(self, input_shape, rng, dtype):
        oh, ow, f = self.infer_shape(input_shape)
        shape = (oh, ow, self.extent, self.extent, input_shape[2], f)
        W = self.drawn(pl.initializers.Gaussian(0.3), shape, rng, dtype)
        self.params = Parameters(W=W, b=np.zeros((oh, ow, f), dtype))

    def window(self, input_shape):
        return pl.kernels.Window((self.extent, self.extent))

    def multiply_adds(self, input_shape):
        return int(np.prod(self.infer_shape(input_shape))) * self.extent**2 * input_shape[2]

    def absorb(self, after):
        W, b = self.params["W"] * after.scale, (self.params["b"] - after.mean) * after.scale + after.shift
        return self.with_arrays({"W": W, "b": b})

    def fuse_with(self, following):
        return (LocalReLU(self), 1) if following and following[0].facts.function == "relu" else None

    def _windows(self, x):
        return sliding_window_view(x, (self.extent, self.extent), axis=(1, 2))  # (N, OH, OW, C, K, K)

    def forward(self, x, *, train=False, rng=None):
        x = self.check_input(x)
        return np.einsum("nijcuv,ijuvco->nijo", self._windows(x), self.params["W"]) + self.params["b"], x

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        dx = np.zeros_like(cache)
        for u in range(self.extent):
            for v in range(self.extent):
                seen = dx[:, u : u + dy.shape[1], v : v + dy.shape[2]]
                seen += np.einsum("nijo,ijco->nijc", dy, self.params["W"][:, :, u, v])
        if not need_grads:
            return dx, {}
        dW = np.einsum("nijcuv,nijo->ijuvco", self._windows(cache), dy)
        return dx, {"W": dW.astype(dy.dtype), "b": dy.sum(axis=0)}


class LocalReLU(pl.layers.Fused):
    gated = True

    def forward(self, x, *, train=False, rng=None):
        y, cache = self.first.forward(x)
        return np.maximum(y, 0), (cache, y > 0)

    def backward(self, dy, cache, **needs):
        return self.first.backward(dy * cache[1], cache[0], **needs)


class Blur2D(pl.Layer):
    """The mean of four pixels that lie two apart: a dilated window without weights."""

    takes_images = True
    facts = Facts(linear=True, weights=(), keeps_range=True)

    def infer_shape(self, input_shape):
        return input_shape[0] - 2, input_shape[1] - 2, input_shape[2]

    def window(self, input_shape):
        return pl.kernels.Window((2, 2), dilation=(2, 2))

    def multiply_adds(self, input_shape):
        return 0

    def sliding(self):
        return Sliding(0.0, self._mean)

    def _mean(self, x):
        return (x[:, :-2, :-2] + x[:, 2:, :-2] + x[:, :-2, 2:] + x[:, 2:, 2:]) / 4

    def forward(self, x, *, train=False, rng=None):
        x = self.check_input(x)
        return self._mean(x), x.shape

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        dx = np.zeros(cache, dy.dtype)
        for rows in (slice(None, -2), slice(2, None)):
            for columns in (slice(None, -2), slice(2, None)):
                dx[:, rows, columns] += dy / 4
        return dx, {}


class Dense(pl.Layer):
    """y = x W + b, written anew; it says which function that is, and its step of a program."""

    facts = Facts(linear=True, weights=("W",), function="affine")

    def __init__(self, units, *, name=""):
        super().__init__(name=name)
        self.units = units

    def config(self):
        return {"units": self.units}

    def infer_shape(self, input_shape):
        return (self.units,)

    def create_params(self, input_shape, rng, dtype):
        W = self.drawn(pl.initializers.He(), (input_shape[0], self.units), rng, dtype)
        self.params = Parameters(W=W, b=np.zeros(self.units, dtype))

    def window(self, input_shape):
        return Sees.ALL

    def multiply_adds(self, input_shape):
        return input_shape[0] * self.units

    def filter_weights(self):
        return self.params["W"]

    def one_sample(self, steps, input_shape):
        return [*steps, Product(input_shape[0], self.units)]

    def forward(self, x, *, train=False, rng=None):
        x = self.check_input(x)
        return x @ self.params["W"] + self.params["b"], x

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        dx = dy @ self.params["W"].T
        return dx, {"W": cache.T @ dy, "b": dy.sum(axis=0)} if need_grads else {}


class Silent2D(Blur2D):
    """The same blur with passes of its own, so that nothing that the blur said is true of it."""

    def forward(self, x, *, train=False, rng=None):
        return super().forward(x, train=train, rng=rng)


class Times(pl.Merge):
    """y = x_1 · x_2, element by element; it is no sum."""

    facts = Facts(elementwise=True)

    def infer_shape(self, shapes):
        self.expect_several(shapes)
        return tuple(shapes[0])

    def multiply_adds(self, shapes):
        return int(np.prod(shapes[0]))

    def forward(self, xs):
        return xs[0] * xs[1], tuple(xs)

    def backward(self, dy, cache):
        return [dy * cache[1], dy * cache[0]]


class Halfway(pl.Merge):
    """y = (x_1 + x_2) / 2."""

    facts = Facts(elementwise=True, linear=True, homogeneous=True)
    symbol = "+"

    def infer_shape(self, shapes):
        self.expect_several(shapes)
        return tuple(shapes[0])

    def multiply_adds(self, shapes):
        return 0

    def forward(self, xs):
        return (xs[0] + xs[1]) / 2, None

    def backward(self, dy, cache):
        return [dy / 2, dy / 2]


class Between(pl.Container):
    """The mean of x and what a body makes of it, with a forward and a backward of its own."""

    def __init__(self, body, *, name=""):
        super().__init__(body, name=name)
        self.body = pl.Sequential(body)
        self.mean = Halfway(name="mean")

    def config(self):
        return {"body": self.layers}

    def infer_shape(self, input_shape):
        return self.body.infer_shape(input_shape)

    def reach(self, input_shape):
        return self.body.reach(input_shape)

    @property
    def nodes(self):
        return (*self.body.nodes, Node("mean", self.mean, (self.names[-1], "input")))

    def forward(self, x, *, train=False, rng=None):
        y, tape = x, []
        for name, layer in self.named_layers():
            y, cache = layer.forward(y, train=train, rng=rng)
            tape.append(Step(layer, cache, y, name))
        y, cache = self.mean.forward([y, x])
        return y, [*tape, Step(self.mean, cache, y, "mean")]

    def backward(self, dy, cache, rules=None, *, need_dx=True, need_grads=True):
        from pellucid.layers.container import step_backward
        from pellucid.layers.merge import merge_backward

        (dx, shortcut), grads = merge_backward(self.mean, dy, cache[-1].cache, rules), {}
        for layer, own, _, name in reversed(cache[:-1]):
            dx, of_layer = step_backward(layer, dx, own, rules, True, need_grads)
            grads |= {f"{name}.{key}": g for key, g in of_layer.items()}
        return dx + shortcut, grads


class Gate(pl.Graph):
    """x · sigmoid(x W): a graph, put together for its user."""

    def __init__(self, channels, *, name=""):
        gate = [pl.Conv2D(channels, 1), pl.Sigmoid()]
        super().__init__({"gate": (pl.Sequential(gate), "input"), "y": (Times(), ["input", "gate"])}, name=name)
        self.channels = channels

    def config(self):
        return {"channels": self.channels}


class Sealed(pl.Sequential):
    """A chain whose passes are its own: what happens within is not told."""

    def forward(self, x, *, train=False, rng=None):
        y, tape = super().forward(x, train=train, rng=rng)
        return 2 * y, tape

    def backward(self, dy, tape, rules=None, **needs):
        return super().backward(2 * dy, tape, rules, **needs)


OWN_LAYERS = (Local2D, Blur2D, Dense, Silent2D, Between, Gate, Sealed)
OWN_MERGES = (Times, Halfway)

every = pytest.mark.parametrize("method", EVERYWHERE.values(), ids=EVERYWHERE)


def network(*layers, dtype=np.float64, shape=SHAPE):
    return pl.Sequential(list(layers), input_shape=shape, seed=3, dtype=dtype)


def twins():
    """A network of own layers, and the package's that computes the same."""
    rest = [pl.ReLU(name="relu1"), pl.MaxPool2D(2), pl.Flatten()]
    own = network(Local2D(4, 3, name="first"), pl.BatchNorm(), *rest, Dense(3))
    usual = network(pl.Conv2D(4, 3, name="first"), pl.BatchNorm(), *copy.deepcopy(rest), pl.Affine(3))
    rng = np.random.default_rng(4)
    for key, array in usual.buffers.items():
        array += 0.3 * rng.random(array.shape)
        own.buffers[key] = array
    for (key, p), q in zip(usual.params.items(), own.params.values(), strict=True):
        p += 0.1 * rng.random(p.shape)
        q[...] = p if key != "first.W" else np.broadcast_to(p, q.shape)
    return own, usual


@pytest.fixture
def x():
    return np.random.default_rng(1).random((3, *SHAPE))


@every
def test_an_own_layer_is_explained_as_the_packages_that_computes_the_same(method, x):
    own, usual = twins()
    one, other = method(own, x, 1), method(usual, x, 1)
    np.testing.assert_allclose(one.values, other.values, atol=1e-10)
    assert one.layer == other.layer
    assert (one.proof is None) == (other.proof is None)
    if one.proof is not None:
        np.testing.assert_array_equal(one.proof.holds, other.proof.holds)


def test_its_patches_spread_no_further_than_its_window(x):
    from pellucid.explain.machinery.cone import Cone

    own = network(Blur2D(), pl.ReLU(), Blur2D(), pl.Flatten(), Dense(3))
    assert len(Cone(own, x).local) == 3
    grey = explain.occlusion(own, x, 1, patch=2, stride=2, value=0.5)
    covered = x.copy()
    covered[:, 2:4, 4:6] = 0.5
    np.testing.assert_allclose(grey.extras["drop"][:, 1, 2], (own(x) - own(covered))[:, 1], atol=1e-12)


def test_views_know_its_window_cost_and_kernel():
    own = network(Local2D(4, 3), pl.ReLU(), Blur2D(), pl.Flatten(), Dense(3))
    rows = pl.summary(own).rows
    assert [row.receptive_field for row in rows] == [(3, 3), (3, 3), (5, 5), (5, 5), (10, 8)]
    assert [row.multiply_adds for row in rows] == [8 * 6 * 4 * 18, 0, 0, 0, 6 * 4 * 4 * 3]
    assert not any(row.sees_at_most for row in rows)
    assert "≤" not in str(pl.summary(own))
    assert "?" not in str(pl.summary(own))
    assert views.receptive_field(own, "blur2d1", (1, 2)) == (1, 2, 6, 7)
    kernels = {row.layer: row for row in pl.explain_kernels(own, 10).rows}
    assert kernels["local2d1"][1:4] == (
        "own",
        "its own forward; what follows in the same pass",
        2 * 10 * 8 * 6 * 4 * 18,
    )
    assert kernels["dense1"].flops == 2 * 10 * 96 * 3
    drawn = views.diagram(own).svg()
    assert all(name in drawn for name in ("Local2D", "Blur2D", "Dense"))
    assert set(views.feature_maps(own, np.zeros(SHAPE))) == {row.name for row in rows}


@pytest.mark.parametrize("layer", [Local2D(3, 2), Blur2D(), Silent2D()], ids=lambda a: type(a).__name__)
def test_its_gradients_and_its_facts_are_checked(layer):
    assert_gradients(layer, input_shape=(4, 4, 2))
    assert_facts(layer, input_shape=(4, 4, 2))


@pytest.mark.parametrize("layer", [Between([Dense(4), pl.Tanh()]), Dense(3)], ids=lambda a: type(a).__name__)
def test_so_are_those_of_vectors_and_containers(layer):
    assert_gradients(layer, input_shape=(4,))
    assert_facts(layer, input_shape=(4,))


def test_a_graph_of_its_own_is_checked_too():
    assert_gradients(Gate(2), input_shape=(3, 3, 2))
    assert_facts(Gate(2), input_shape=(3, 3, 2))


def everything(dtype=np.float32):
    layers = [Local2D(4, 3), pl.ReLU(), Between([Local2D(4, 1), pl.Tanh()]), Gate(4), Blur2D(), pl.Flatten(), Dense(3)]
    return network(*layers, dtype=dtype)


def test_it_is_saved_loaded_and_copied(x, tmp_path):
    own = everything()
    x = x.astype(np.float32)
    pl.save(own, tmp_path / "own.safetensors")
    for twin in (pl.load(tmp_path / "own.safetensors"), pl.copy_network(own), copy.deepcopy(own)):
        assert [type(layer) for layer in twin.walk()] == [type(layer) for layer in own.walk()]
        np.testing.assert_array_equal(twin(x), own(x))
    twin.params["local2d1.W"][...] = 0
    assert own.params["local2d1.W"].any()


def test_it_is_trained(x):
    own = everything()
    t = np.array([0, 1, 2])
    history = pl.fit(own, (x.astype(np.float32), t), epochs=60, batch_size=3, optimizer=pl.Adam(0.02), progress=False)
    assert history.last("train_accuracy") == 1


def test_it_is_fused_where_it_says_how(x):
    own, _ = twins()
    plain = network(Local2D(4, 3), pl.ReLU(), pl.Flatten(), Dense(3))
    assert [type(layer) for layer in plain.fused().layers] == [LocalReLU, pl.Flatten, Dense]
    y, tape = plain.forward(x)
    fused_y, fused_tape = plain.fused().forward(x)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    np.testing.assert_allclose(fused_y, y, atol=1e-12)
    dx, grads = plain.backward(dy, tape)
    fused_dx, fused_grads = plain.fused().backward(dy, fused_tape)
    np.testing.assert_allclose(fused_dx, dx, atol=1e-12)
    for key, gradient in grads.items():
        np.testing.assert_allclose(fused_grads[key], gradient, atol=1e-12)
    assert type(own.fused().layers[0]) is Local2D  # a BatchNorm stands between


def test_a_fused_layer_without_a_gate_is_not_explained_by_the_guided_rule(x):
    class Together(pl.layers.Fused):
        def forward(self, x, **options):
            return self.first.forward(x, **options)

        def backward(self, dy, cache, **needs):
            return self.first.backward(dy, cache, **needs)

    class Paired(Dense):
        def fuse_with(self, following):
            return (Together(self), 1) if following and following[0].facts.in_order else None

    layers = lambda kind: [pl.Flatten(), kind(6), pl.Dropout(0.5), pl.ReLU(), kind(3)]  # noqa: E731
    own, usual = network(*layers(Paired)), network(*layers(pl.Affine))
    for p, q in zip(own.params.values(), usual.params.values(), strict=True):
        p[...] = q
    assert type(own.fused().layers[1]) is Together
    one, other = (explain.saliency(a, x, 1, rule="guided").values for a in (own, usual))
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_it_joins_the_program_of_one_sample_and_the_compiled_steps():
    own = network(pl.Flatten(), Dense(400), pl.ReLU(), Dense(3), dtype=np.float32, shape=(60, 60, 1))
    usual = network(pl.Flatten(), pl.Affine(400), pl.ReLU(), pl.Affine(3), dtype=np.float32, shape=(60, 60, 1))
    for p, q in zip(own.params.values(), usual.params.values(), strict=True):
        p[...] = q
    one = np.random.default_rng(0).random((1, 60, 60, 1), np.float32)
    np.testing.assert_allclose(own(one), usual(one), rtol=1e-6)
    if pl.kernels.jit.available():
        np.testing.assert_array_equal(own(one), usual(one))  # both go through the same program
        (part,) = taken_together(own.fused().layers, (60, 60, 1))
        assert isinstance(part, OneSample)
        flat = network(Dense(8), pl.ReLU(), Dense(3), dtype=np.float32, shape=(4,))
        plan = compiled_plan(flat, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), np.zeros((5, 4), np.float32))
        assert plan is None or len(plan.affine) == 2  # None without a BLAS that can be called


def test_steps_that_do_not_fit_are_refused_by_name():
    class Short(Dense):
        def one_sample(self, steps, input_shape):
            return [*steps, Product(input_shape[0], self.units + 1)]

    own = network(Short(4), shape=(3,))
    with pytest.raises(ShapeError, match=r"Short 'short1': one_sample must return steps that hand on \[4\] numbers"):
        own(np.zeros((1, 3)))


# Containers and merges


@every
def test_a_container_of_ones_own_is_looked_into(method, x):
    own = network(Between([Local2D(2, 1, name="in"), pl.ReLU()], name="block"), pl.ReLU(), pl.Flatten(), Dense(3))
    inner = {"in": (Local2D(2, 1), "input"), "relu": (pl.ReLU(), "in"), "mean": (Halfway(), ["relu", "input"])}
    usual = network(pl.Graph(inner, name="block"), pl.ReLU(), pl.Flatten(), Dense(3))
    for p, q in zip(own.params.values(), usual.params.values(), strict=True):
        p[...] = q
    np.testing.assert_allclose(method(own, x, 1).values, method(usual, x, 1).values, atol=1e-10)


def test_what_stands_within_is_found_by_its_path(x):
    own = network(Between([Local2D(2, 1, name="in"), pl.ReLU()], name="block"), pl.Flatten(), Dense(3))
    assert [row.name for row in pl.summary(own).rows] == ["block.in", "block.relu1", "block.mean", "flatten1", "dense1"]
    assert explain.grad_cam(own, x, 1, layer="block.relu1").layer == "block.relu1"
    assert explain.saliency(own, x, explain.Unit("block.in", (1, 1, 0))).values.shape == x.shape
    assert explain.lrp(own, x, 1).proof.holds.all()
    assert explain.deep_lift(own, x, 1).proof.holds.all()


def test_a_merge_that_is_a_sum_hands_relevance_on_in_proportion():
    graph = pl.Graph(
        {"a": (pl.ReLU(), "input"), "m": (Halfway(), ["a", "input"]), "d": (pl.Affine(1), "m")}, input_shape=2
    )
    graph.params["d.W"] = np.ones((2, 1))
    assert explain.lrp(graph, [[3.0, 1.0]], 1, rule="0").values.tolist() == [[3.0, 1.0]]


class Squashed(pl.Layer):
    """tanh, which keeps its output: the very array that the next layer keeps as its input."""

    facts = Facts(elementwise=True)

    def infer_shape(self, input_shape):
        return input_shape

    def forward(self, x, *, train=False, rng=None):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, cache, **needs):
        return dy * (1 - cache**2), {}


class Gated(pl.Layer):
    """A ReLU written anew, with a cache of its own."""

    facts = Facts(elementwise=True, homogeneous=True, function="relu")

    def infer_shape(self, input_shape):
        return input_shape

    def forward(self, x, *, train=False, rng=None):
        return np.maximum(x, 0), x > 0

    def backward(self, dy, cache, **needs):
        return dy * cache, {}


@every
def test_a_relu_of_ones_own_is_one_for_every_rule(method, x):
    own = network(pl.Conv2D(4, 3), Gated(name="a"), pl.MaxPool2D(2), pl.Flatten(), Dense(6), Gated(name="b"), Dense(3))
    usual = network(
        pl.Conv2D(4, 3), pl.ReLU(name="a"), pl.MaxPool2D(2), pl.Flatten(), Dense(6), pl.ReLU(name="b"), Dense(3)
    )
    for p, q in zip(own.params.values(), usual.params.values(), strict=True):
        p[...] = q
    assert isinstance(own.fused().layers[0], pl.layers.Fused)
    np.testing.assert_allclose(method(own, x, 1).values, method(usual, x, 1).values, atol=1e-12)


def test_layers_may_keep_one_array_or_nothing_as_their_caches(x):
    own = network(Dense(6), Squashed(), Squashed(), Dense(3), shape=(5,))
    usual = network(pl.Affine(6), pl.Tanh(), pl.Tanh(), pl.Affine(3), shape=(5,))
    for p, q in zip(own.params.values(), usual.params.values(), strict=True):
        p[...] = q
    one, other = (explain.deep_lift(a, x[:, 0, :5, 0], 1).values for a in (own, usual))
    np.testing.assert_allclose(one, other, atol=1e-12)

    sums = {
        "a": (pl.ReLU(), "input"),
        "m": (Halfway(), ["a", "input"]),
        "n": (Halfway(), ["m", "a"]),
        "d": (Dense(2), "n"),
    }
    graph = pl.Graph(sums, input_shape=5, dtype=np.float64)
    assert explain.lrp(graph, x[:, 0, :5, 0], 1, rule="0").proof.holds.all()


def test_a_merge_that_is_no_sum_is_refused_by_rules_for_sums(x):
    own = network(Gate(2), pl.Flatten(), Dense(3))
    with pytest.raises(ArgumentError, match=r"does not cover the activation Sigmoid 'gate1\.gate\.sigmoid1'"):
        explain.lrp(own, x, 1)
    with pytest.raises(ArgumentError, match=r"does not cover the merge Times 'gate1\.y'"):
        explain.deep_lift(own, x, 1)
    assert pl.summary(own).rows[2].multiply_adds == 160
    assert pl.summary(own).rows[2].receptive_field == (1, 1)


def test_a_sealed_container_is_one_step(x):
    own = network(Sealed([Local2D(2, 3), pl.ReLU()]), pl.Flatten(), Dense(3))
    rows = pl.summary(own).rows
    assert [row.kind for row in rows] == ["Sealed", "Flatten", "Dense"]
    assert rows[0].multiply_adds is None
    assert explain.saliency(own, x, 1).values.shape == x.shape
    with pytest.raises(ArgumentError, match="does not cover the layer Sealed 'sealed1', which states no facts"):
        explain.lrp(own, x, 1)


# A layer that says nothing

ASKS_NO_FACTS = {
    *("saliency", "input-x-gradient", "smoothgrad", "squaregrad", "vargrad", "integrated-gradients"),
    *("occlusion", "rise", "shapley"),
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_where_a_layer_says_nothing_a_method_works_or_names_it(name, x):
    own = network(Local2D(3, 3), Silent2D(), pl.Flatten(), Dense(3))
    if name in ASKS_NO_FACTS:
        found = EVERYWHERE[name](own, x, 1)
        assert found.values.shape[:3] == x.shape[:3]
        assert found.proof is None or explain.METHODS[name].promise
        return
    with pytest.raises(ArgumentError, match=r"[Ss]ilent2[Dd].*(states no facts|state its facts)") as caught:
        EVERYWHERE[name](own, x, 1)
    assert "\n" not in str(caught.value)


def test_what_is_not_known_is_shown_as_not_known():
    own = network(Local2D(3, 3), Silent2D(), pl.ReLU(), pl.Flatten(), Dense(3))
    table = pl.summary(own)
    assert [row.sees_at_most for row in table.rows] == [False, True, True, True, True]
    assert table.rows[1].multiply_adds is None
    line = str(table).splitlines()[3]
    assert "≤ 10 × 8" in line
    assert "?" in line
    assert "and those of Silent2D" in str(table)
    (row,) = [row for row in pl.explain_kernels(own, 4).rows if row.layer == "silent2d1"]
    assert (row.kernel, row.flops) == ("own", 0)


def test_a_linear_layer_that_does_not_say_its_weights_is_told_so(x):
    class Vague(Local2D):
        facts = Facts(linear=True)

    own = network(Vague(3, 3), pl.Flatten(), Dense(3))
    with pytest.raises(ArgumentError, match=r"lrp: Vague 'vague1' is linear and does not say by which parameters"):
        explain.lrp(own, x, 1)
    assert explain.deep_lift(own, x, 1).proof.holds.all()
    assert explain.input_x_gradient(own, x, 1).proof is None


class Subsample(pl.Layer):
    """LeNet-5's: y = a · (mean of SxS pixels), a factor for each channel. It multiplies after it has added."""

    takes_images = True
    facts = Facts(linear=True, weights=("a",))

    def __init__(self, size, *, name=""):
        super().__init__(name=name)
        self.extent = size

    def config(self):
        return {"size": self.extent}

    def infer_shape(self, input_shape):
        h, w, c = input_shape
        return h // self.extent, w // self.extent, c

    def window(self, input_shape):
        return pl.kernels.Window((self.extent,) * 2, (self.extent,) * 2)

    def multiply_adds(self, input_shape):
        return math.prod(self.infer_shape(input_shape))

    def create_params(self, input_shape, rng, dtype):
        self.params = Parameters(a=rng.standard_normal(input_shape[2]).astype(dtype))

    def forward(self, x, *, train=False, rng=None):
        h, w, c = self.infer_shape(x.shape[1:])
        s = self.extent
        means = x[:, : h * s, : w * s].reshape(len(x), h, s, w, s, c).mean((2, 4))
        return means * self.params["a"], (x.shape, means)

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        shape, means = cache
        s, (h, w) = self.extent, dy.shape[1:3]
        dx = np.zeros(shape, dy.dtype)
        dx[:, : h * s, : w * s] = (dy * self.params["a"]).repeat(s, 1).repeat(s, 2) / s**2
        return dx, {"a": (dy * means).sum((0, 1, 2))}


def test_an_argument_may_be_called_size_and_a_linear_layer_may_multiply_after_adding(monkeypatch):
    monkeypatch.setitem(LAYERS, "Subsample", Subsample)
    assert_facts(Subsample(2), input_shape=(5, 4, 3))
    assert_gradients(Subsample(2), input_shape=(5, 4, 3))
    copied = copy.deepcopy(network(Subsample(2), pl.Flatten(), Dense(3)))
    assert copied.layers[0].extent == 2


def test_too_few_products_are_caught_in_layers_without_filters(monkeypatch):
    monkeypatch.setattr(Subsample, "multiply_adds", lambda self, shape: 11)
    with pytest.raises(AssertionError, match="multiply_adds: 11 are fewer than the 12 products of its weights"):
        assert_facts(Subsample(2), input_shape=(5, 4, 3))
    monkeypatch.setattr(Local2D, "multiply_adds", lambda self, shape: 6 * 5 * 18 * 2 - 1)
    with pytest.raises(AssertionError, match="fewer than the 1080 products of its weights"):
        assert_facts(Local2D(2, 3), input_shape=(8, 7, 2))
