"""A layer in several networks: all share its arrays, whatever is built, trained, copied or saved first."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, PellucidError, ShapeError, StateError, UnknownNameError
from pellucid.layers import Parameters

Nets = dict[str, Any]


def mlp(**options: Any) -> pl.Sequential:
    return pl.Sequential([pl.Affine(20), pl.ReLU(), pl.Affine(3)], input_shape=6, **options)


def cnn() -> pl.Sequential:
    layers = [
        pl.Conv2D(4, 3),
        pl.ReLU(),
        pl.MaxPool2D(2),
        pl.BatchNorm(),
        pl.Residual([pl.Conv2D(4, 3, padding="same")]),
        pl.Flatten(),
        pl.Affine(3),
    ]
    return pl.Sequential(layers, input_shape=(8, 8, 1))


def samples(network: pl.Sequential, n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.random((n, *(network.input_shape or ())), np.float32), rng.integers(0, 3, n)


def train(network: Any, data: Any, **options: Any) -> None:
    pl.fit(network, data, epochs=2, batch_size=10, progress=False, **options)


def shares(one: Any, other: Any) -> bool:
    return all(one.params[k] is other.params[k] for k in one.params)


USES = {
    "the body": lambda a: pl.Sequential(a.layers[:2], input_shape=a.input_shape),
    "a new head": lambda a: pl.Sequential([*a.layers[:-1], pl.Affine(5)], input_shape=a.input_shape),
    "the whole in another": lambda a: pl.Sequential([a, pl.Affine(2)], input_shape=a.input_shape),
    "a branch": lambda a: pl.Residual(
        [a.layers[0], a.layers[1]],
        [pl.Conv2D(4, 3)] if a.layers[-2:-1] and len(a.input_shape) == 3 else [pl.Affine(20)],
    ).build(a.input_shape, np.random.default_rng(0)),
    "a graph": lambda a: pl.Graph(
        {"first": (a.layers[0], "input"), "b": (a.layers[1], "first"), "c": (pl.Add(), ["first", "b"])},
        input_shape=a.input_shape,
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("make", [mlp, cnn])
@pytest.mark.parametrize("iterations", [60, 600], ids=["layers", "compiled"])
def test_another_network_of_the_same_layers_changes_nothing(make: Any, use: str, iterations: int) -> None:
    alone, shared = make(), make()
    data = samples(alone)
    USES[use](shared)
    for network in (alone, shared):
        pl.fit(network, data, iterations=iterations if make is mlp else 20, batch_size=10, progress=False)

    assert all(np.array_equal(alone.params[k], shared.params[k]) for k in alone.params)
    assert np.array_equal(alone(data[0]), shared(data[0]))
    assert np.array_equal(alone(data[0][:1]), shared(data[0][:1]))
    for name, layer in shared.named_layers():
        assert all(shared.params[f"{name}.{k}"] is p for k, p in layer.params.items())


def test_features_of_a_trained_body_follow_its_training() -> None:
    network = mlp()
    data = samples(network)
    body = pl.Sequential(network.layers[:2], input_shape=6)
    head = pl.Sequential([*network.layers[:2], pl.Affine(2)], input_shape=6)
    before = body(data[0])
    train(network, data)

    hidden = np.maximum(data[0] @ network.params["affine1.W"] + network.params["affine1.b"], 0)
    assert not np.allclose(body(data[0]), before)
    np.testing.assert_allclose(body(data[0]), hidden, rtol=1e-5, atol=1e-6)
    assert body.params["affine1.W"] is head.params["affine1.W"] is network.layers[0].params["W"]


def test_training_the_head_trains_the_shared_body_too() -> None:
    network = mlp()
    x, _ = samples(network)
    head = pl.Sequential([*network.layers[:2], pl.Affine(2)], input_shape=6)
    before = network(x)
    train(head, (x, np.arange(len(x)) % 2))
    assert not np.allclose(network(x), before)
    assert head.params["affine1.W"] is network.params["affine1.W"]


def test_networks_may_be_built_in_any_order() -> None:
    first = pl.Affine(20)
    late = pl.Sequential([first, pl.ReLU(), pl.Affine(3)], seed=4)
    early = pl.Sequential([first, pl.Tanh()], input_shape=6, seed=9)
    W = first.params["W"].copy()
    data = (np.random.default_rng(0).random((20, 6), np.float32), np.arange(20) % 3)
    train(late, data, optimizer=pl.SGD(1e-9))

    np.testing.assert_allclose(first.params["W"], W, atol=1e-6)  # the seed of who built it first
    assert late.params["affine1.W"] is early.params["affine1.W"] is first.params["W"]


def test_a_network_built_twice_keeps_its_arrays() -> None:
    network = mlp()
    W = network.params["affine1.W"]
    network.build((6,), np.random.default_rng(5))
    assert network.params["affine1.W"] is network.layers[0].params["W"] is W


@pytest.mark.parametrize(
    "other",
    [
        lambda a: pl.Sequential(a.layers, input_shape=6, dtype=np.float64),
        lambda a: pl.Sequential([a], input_shape=6, dtype=np.float64),
        lambda a: pl.Graph({"x": (a.layers[0], "input")}, input_shape=6, dtype=np.float64),
        lambda a: a.build((6,), np.random.default_rng(0), np.float64) if pl.Sequential([a], input_shape=6) else None,
        lambda a: a.layers[0].build((6,), np.random.default_rng(0), np.float64),
    ],
)
def test_another_dtype_is_refused_and_the_way_named(other: Any) -> None:
    network = mlp()
    before = {k: p.copy() for k, p in network.params.items()}
    with pytest.raises(StateError, match=r"(Affine 'affine1'|Sequential).*copy_network\(network, np.float64\)"):
        other(network)
    assert network(np.ones((2, 6))).dtype == np.float32
    assert all(np.array_equal(before[k], p) and p.dtype == np.float32 for k, p in network.params.items())


def test_another_shape_is_refused_by_name_and_nothing_is_built() -> None:
    network = mlp()
    fresh = pl.Affine(6)
    with pytest.raises(StateError, match=r"Affine 'affine1': stands in a network for samples of shape \(6,\)"):
        pl.Sequential([fresh, pl.Affine(7), network.layers[0]], input_shape=5)
    assert fresh.input_shape is None
    assert not fresh.params
    assert pl.Sequential([fresh], input_shape=3).layers[0].params["W"].shape == (3, 6)
    with pytest.raises(StateError, match="ReLU 'relu1'.*make another ReLU"):
        pl.Sequential([pl.Affine(5), network.layers[1]], input_shape=5)
    np.testing.assert_array_equal(network(np.ones((1, 6))).shape, (1, 3))


def test_a_merge_of_two_graphs_has_one_shape() -> None:
    add = pl.Add()

    def graph(size: int) -> pl.Graph:
        nodes = {"a": (pl.Affine(size), "input"), "b": (pl.Affine(size), "input"), "sum": (add, ["a", "b"])}
        return pl.Graph(nodes, input_shape=4)

    first = graph(3)
    with pytest.raises(StateError, match="Add 'sum'"):
        graph(5)
    assert first.node("sum").operation.output_shape == (3,)


def test_layers_that_two_networks_counted_alike_are_counted_anew() -> None:
    one, two = mlp(seed=1), pl.Sequential([pl.Affine(4)], input_shape=20, seed=2)
    joined = pl.Sequential([*one.layers[:2], *two.layers], input_shape=6)
    assert joined.names == ("affine1", "relu1", "affine2")
    assert list(joined.params) == ["affine1.W", "affine1.b", "affine2.W", "affine2.b"]
    assert two.layers[0].name == "affine1"

    x, _ = samples(one)
    train(joined, (x, np.arange(len(x)) % 4))
    assert joined.params["affine2.W"] is two.params["affine1.W"]
    seen = pl.explain.saliency(joined, x[:1], target=1)
    assert np.isfinite(seen.values).all()
    assert pl.summary(joined).rows[2].name == "affine2"


def test_joined_networks_are_saved_under_their_own_names(tmp_path: Path) -> None:
    one, two = mlp(seed=1), pl.Sequential([pl.Affine(4)], input_shape=20, seed=2)
    joined = pl.Sequential([*one.layers[:2], *two.layers], input_shape=6)
    x, _ = samples(one)
    for read in (_saved(tmp_path), pl.copy_network, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))):
        twin = read(joined)
        assert twin.names == joined.names
        assert np.array_equal(twin(x), joined(x))
        assert not np.shares_memory(twin.params["affine2.W"], joined.params["affine2.W"])
    again = pl.Sequential([*_saved(tmp_path)(one).layers[:2], *_saved(tmp_path)(two).layers], input_shape=6)
    assert again.names == joined.names


def _saved(folder: Path) -> Any:
    def read(network: Any) -> Any:
        pl.save(network, folder / "model.safetensors")
        return pl.load(folder / "model.safetensors")

    return read


def test_names_belong_to_the_container() -> None:
    body = mlp()
    network = pl.Sequential([body.layers[0], pl.Affine(2)], input_shape=6, names=["features", "head"])
    assert list(network.params) == ["features.W", "features.b", "head.W", "head.b"]
    assert [step.name for step in network.forward(np.ones((1, 6)))[1]] == ["features", "head"]
    assert network.layer("features") is body.layer("affine1")
    with pytest.raises(ArgumentError, match="names must name each of the 1 layers, got 2"):
        pl.Sequential([pl.Affine(2)], names=["a", "b"])
    with pytest.raises(ArgumentError, match="two layers are named 'a'"):
        pl.Sequential([pl.Affine(2), pl.ReLU()], names=["a", "a"])


def test_networks_pickled_together_still_share() -> None:
    a = mlp()
    b = pl.Sequential(a.layers[:2], input_shape=6)
    c, d = pickle.loads(pickle.dumps((a, b)))
    assert c.params["affine1.W"] is d.params["affine1.W"] is c.layers[0].params["W"]
    c.layers[0].params["W"] = np.ones((6, 20))
    assert (d.params["affine1.W"] == 1).all()
    assert (a.params["affine1.W"] != 1).any()


# Arrays that somebody replaces


COPIES = [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer)), copy.copy]


@pytest.mark.parametrize("made", COPIES)
def test_a_layer_that_is_copied_alone_stands_in_no_network(made: Any) -> None:
    network = mlp()
    twin = made(network.layers[0])
    assert np.array_equal(twin.params["W"], network.params["affine1.W"])

    other = pl.Sequential([twin], input_shape=7, dtype=np.float64)
    assert other.params["affine1.W"].shape == (7, 20)
    assert network.params["affine1.W"] is network.layers[0].params["W"]


@pytest.mark.parametrize("made", COPIES[:2])
@pytest.mark.parametrize("make", [mlp, cnn])
def test_the_layers_of_a_copied_network_stand_in_it(made: Any, make: Any) -> None:
    network = made(make())
    for layer in network.layers:
        if isinstance(layer, (pl.Residual, pl.Affine)):
            continue  # which take no such shape anyway
        with pytest.raises(StateError, match="stands in a network"):
            pl.Sequential([layer], input_shape=(9, 9, 2) if len(network.input_shape) == 3 else 9)
    assert all(network.params[f"{n}.{k}"] is a for n, layer in network.named_layers() for k, a in layer.params.items())


@pytest.mark.parametrize(
    ("place", "option", "value"),
    [
        (0, "dilation", (2, 2)), (0, "filters", 7), (2, "pool_size", (3, 3)), (2, "padding", "same"),
        (3, "epsilon", 1.0), (0, "input_shape", (9, 9, 1)), (0, "output_shape", (1, 1, 1)), (4, "branch", pl.ReLU()),
        (None, "layers", ()), (None, "names", ()), (None, "dtype", np.float64), (None, "input_shape", (9, 9, 1)),
    ],
)  # fmt: skip
def test_what_a_networks_shapes_and_kernels_follow_from_is_fixed(place: Any, option: str, value: Any) -> None:
    network = cnn()
    x, _ = samples(network)
    before = network(x)
    with pytest.raises(StateError, match=f"{option} is fixed once the layer stands in a network"):
        setattr(network if place is None else network.layers[place], option, value)
    for y in (network(x), network.forward(x)[0], np.concatenate([network(x[i : i + 1]) for i in range(len(x))])):
        assert np.allclose(y, before, atol=1e-5)


def test_a_layer_of_its_own_may_still_be_changed() -> None:
    layer = pl.MaxPool2D(2)
    layer.pool_size = layer.stride = (3, 3)
    assert pl.Sequential([layer], input_shape=(9, 9, 1)).output_shape == (3, 3, 1)


def test_parameters_of_the_same_shapes_are_written_into_the_arrays_that_are_shared() -> None:
    network = mlp()
    body = pl.Sequential(network.layers[:2], input_shape=6)
    W = network.params["affine1.W"]
    network.layers[0].params = Parameters(W=np.full((6, 20), 2.0), b=np.zeros(20))
    assert network.params["affine1.W"] is body.params["affine1.W"] is network.layers[0].params["W"] is W
    assert (W == 2).all()
    network.params = {k: np.zeros_like(p) for k, p in network.params.items()}
    assert (W == 0).all()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("width", [1000, 4])
def test_parameters_of_another_shape_are_refused_for_one_sample_as_for_many(n: int, width: int) -> None:
    network = pl.Sequential([pl.Affine(width), pl.ReLU(), pl.Affine(600)], input_shape=1000)
    x = np.ones((n, 1000), np.float32)
    network(x)  # the one-sample program is made
    network.layers[0].params = Parameters(W=np.ones((1000, 10), np.float32), b=np.ones(10, np.float32))
    with pytest.raises(ShapeError, match="Affine 'affine1': its arrays must have the shapes"):
        network(x)


def test_no_array_can_be_taken_away() -> None:
    params = mlp().layers[0].params
    for action in (
        lambda: params.pop("W"),
        lambda: params.clear(),
        lambda: params.popitem(),
        lambda: params.__delitem__("W"),
        lambda: params.setdefault("V", np.ones(3)),
    ):
        with pytest.raises(StateError, match="stay"):
            action()
    with pytest.raises(UnknownNameError):
        params.update(V=np.ones(3))
    W = params["W"]
    params |= {"W": np.zeros((6, 20))}
    assert params["W"] is W
    assert not W.any()
    with pytest.raises(ArgumentError, match="real numbers"):
        params["W"] = np.zeros((6, 20), complex)


class _Crooked(pl.initializers.Initializer):
    """An initialiser of a user's own: `draw` or `__call__` gives something else than was asked for."""

    def __init__(self, gives: Any, whole: bool) -> None:
        self.gives, self.whole = gives, whole

    def __call__(self, shape: Any, rng: Any, dtype: Any = np.float32) -> Any:
        return self.gives(shape) if self.whole else super().__call__(shape, rng, dtype)

    def draw(self, shape: Any, rng: Any) -> Any:
        return self.gives(shape)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        lambda weight: (pl.Affine(4, weight=weight), (6,)),
        lambda weight: (pl.Conv2D(4, 3, weight=weight), (8, 8, 2)),
        lambda weight: (pl.DepthwiseConv2D(3, weight=weight), (8, 8, 2)),
        lambda weight: (pl.ConvTranspose2D(4, 3, weight=weight), (8, 8, 2)),
    ],
)
def test_an_initializer_of_another_shape_is_refused_where_it_enters(layer: Any, whole: bool) -> None:
    made, shape = layer(_Crooked(lambda s: np.ones(s[-1], np.float32), whole))
    with pytest.raises(ShapeError, match=rf"{type(made).__name__} '.*1': _Crooked must return an array of float32"):
        pl.Sequential([made], input_shape=shape)
    assert not made.params


def test_an_initializer_that_returns_one_array_twice_ties_nothing() -> None:
    kept = np.ones((6, 6), np.float32)
    for whole in (True, False):
        weight = _Crooked(lambda shape: kept, whole)
        network = pl.Sequential([pl.Affine(6, weight=weight), pl.Affine(6, weight=weight)], input_shape=6)
        network.params["affine1.W"] = np.zeros((6, 6))
        assert (network.params["affine2.W"] == 1).all()
        assert (kept == 1).all()


class _Odd(pl.Layer):  # type: ignore[type-arg]
    """A layer of a user's own whose arrays are as the user made them."""

    def __init__(self, array: Any, name: str = "") -> None:
        super().__init__(name=name)
        self.array = array

    def infer_shape(self, input_shape: Any) -> Any:
        return input_shape

    def create_params(self, input_shape: Any, rng: Any, dtype: Any) -> None:
        self.params = Parameters(scale=self.array)
        self.kept = len(input_shape)  # new attributes may be set here

    def forward(self, x: Any, *, train: bool = False, rng: Any = None) -> Any:
        x = self.check_input(x)
        return x * self.params["scale"], x

    def backward(self, dy: Any, cache: Any, *, need_dx: bool = True, need_grads: bool = True) -> Any:
        return dy * self.params["scale"], {"scale": (dy * cache).sum(axis=0)}


@pytest.mark.parametrize(
    "array",
    [
        np.ones(6),
        np.ones(6, ">f4"),
        np.ones(12, np.float32)[::2],
        np.broadcast_to(np.float32(1), (6,)),
    ],
    ids=["float64", "big-endian", "strided", "read-only"],
)
def test_arrays_of_a_users_own_layer_are_brought_into_the_form_that_kernels_read(array: Any) -> None:
    network = pl.Sequential([_Odd(array), pl.Affine(3)], input_shape=6)
    scale = network.params["_odd1.scale"]
    assert scale.dtype == np.float32
    assert scale.dtype.isnative
    assert scale.flags.c_contiguous
    assert scale.flags.writeable
    train(network, samples(network))


def test_arrays_that_are_no_numbers_are_refused_by_name() -> None:
    with pytest.raises(ArgumentError, match="_Odd '_odd1': create_params must make scale an array of float32, got"):
        pl.Sequential([_Odd(np.array(["a"] * 6))], input_shape=6)
    with pytest.raises(ArgumentError, match="got list"):
        pl.Sequential([_Odd([1.0] * 6)], input_shape=6)


# dtypes, attributes


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.int32, complex, "text", None, object, ">f4"])
def test_networks_compute_in_float32_or_float64(dtype: Any) -> None:
    nodes: Any = {"a": (pl.Affine(2), "input")}
    for make in (
        lambda: pl.Sequential([pl.Affine(2)], dtype=dtype),
        lambda: pl.Graph(nodes, dtype=dtype),
        lambda: pl.Affine(2).build((3,), np.random.default_rng(0), dtype),
        lambda: pl.TwoLayerNet(3, 4, 2, dtype=dtype),
        lambda: pl.Residual([pl.Affine(3)]).build((3,), np.random.default_rng(0), dtype),
    ):
        with pytest.raises(ArgumentError, match="dtype must be (float32 or float64|a dtype such as)"):
            make()
    if dtype is not None:
        with pytest.raises(ArgumentError, match="dtype must be float32 or float64"):
            pl.copy_network(mlp(), dtype)


def test_a_slip_in_an_attribute_is_an_error_with_the_nearest_name() -> None:
    network = mlp()
    with pytest.raises(UnknownNameError, match="unknown attribute 'trainble'. Did you mean 'trainable'"):
        network.layers[0].trainble = False  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError, match="Did you mean 'dtype'"):
        network.dtyp = np.float64  # type: ignore[attr-defined]
    with pytest.raises(ArgumentError, match="trainable must be True or False, got 'no'"):
        network.layers[0].trainable = "no"  # type: ignore[assignment]
    network.layers[0].name = "other"  # names of one's own are free


@pytest.mark.parametrize("size", [2**31, 2**40, 2**63, 10**30])
def test_sizes_beyond_memory_are_refused_before_anything_is_allocated(size: int) -> None:
    for make in (
        lambda: pl.Sequential([pl.Affine(size)], input_shape=1000),
        lambda: pl.Sequential([pl.Affine(10)], input_shape=size),
        lambda: pl.Sequential([pl.Conv2D(size, 3)], input_shape=(8, 8, 3)),
        lambda: pl.Sequential([pl.Conv2D(8, 3)], input_shape=(8, 8, size)),
        lambda: pl.Sequential([pl.BatchNorm()], input_shape=(8, 8, size)),
    ):
        with pytest.raises(PellucidError):
            make()


# Channels first


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 16, 16), (3, 24, 40)])
def test_channels_first_is_not_taken_for_rows(shape: Any) -> None:
    x, t = np.ones((8, *shape), np.float32), np.arange(8) % 2

    def layers() -> list[Any]:
        return [pl.Conv2D(4, 1), pl.ReLU(), pl.Flatten(), pl.Affine(2)]

    for network in (pl.Sequential(layers()), pl.Sequential([pl.Residual(layers(), [pl.Flatten(), pl.Affine(2)])])):
        with pytest.raises(ShapeError, match=r"look like \(C, H, W\).*x.transpose\(0, 2, 3, 1\)"):
            pl.fit(network, (x, t), epochs=1, batch_size=4, progress=False)
        assert network.input_shape is None
    with pytest.warns(UserWarning, match="looks like"):
        pl.Sequential(layers(), input_shape=shape)


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (1, 100, 12), (3, 5, 5), (8, 32, 32)])
def test_channels_last_and_signals_are_as_they_are(shape: Any) -> None:
    x, t = np.ones((8, *shape), np.float32), np.arange(8) % 2
    network = pl.Sequential([pl.Conv2D(4, 1), pl.Flatten(), pl.Affine(2)])
    pl.fit(network, (x, t), epochs=1, batch_size=4, progress=False)
    vectors = pl.Sequential([pl.Flatten(), pl.Affine(2)])
    pl.fit(vectors, (np.ones((8, 3, 32, 32)), t), epochs=1, batch_size=4, progress=False)  # no images: any order


def test_arrays_mapped_from_a_file_can_be_trained_after_unpickling(tmp_path: Path) -> None:
    network = mlp()
    data = samples(network)

    locked = copy.deepcopy(network)
    for layer in locked.walk():
        for store in (layer.params, layer.buffers):
            for array in store.values():
                array.flags.writeable = False
    with pytest.raises(StateError, match="affine1.W cannot be written to. Train a copy"):
        train(locked, data)
    free = pickle.loads(pickle.dumps(locked))  # as joblib's workers get networks: mapped, read-only
    assert all(a.flags.writeable for a in free.params.values())
    assert all(free.params[f"{n}.{k}"] is a for n, layer in free.named_layers() for k, a in layer.params.items())
    for one in (network, free, pl.copy_network(locked)):
        train(one, data)
    assert all(np.array_equal(p, network.params[key]) for key, p in free.params.items())


@pytest.mark.parametrize("name", ["slope", "label", "size", "forward"])
def test_methods_and_what_is_only_read_are_not_set(name: str) -> None:
    layer = pl.LeakyReLU(0.1)
    with pytest.raises(UnknownNameError, match=f"unknown attribute '{name}'"):
        setattr(layer, name, 0.3)


# Arrays that create_params did not make


def scaled_by(arrays: Any, counts: Any = None) -> type[pl.Layer[Any]]:
    """A layer class x·k whose `create_params` takes k, and what else there is, from elsewhere."""

    class Stretch(pl.Layer[Any]):
        def infer_shape(self, input_shape: Any) -> Any:
            return input_shape

        def create_params(self, input_shape: Any, rng: Any, dtype: Any) -> None:
            self.params, self.buffers = Parameters(**arrays), Parameters(**(counts or {}))

        def forward(self, x: Any, *, train: bool = False, rng: Any = None) -> Any:
            return x * self.params["k"], x

        def backward(self, dy: Any, cache: Any, *, need_dx: bool = True, need_grads: bool = True) -> Any:
            return dy * self.params["k"], {name: (dy * cache).sum(axis=0) for name in self.params}

    return Stretch


def test_an_array_of_a_class_is_nobodys_parameter() -> None:
    begin = np.ones(6, np.float32)
    kind = scaled_by({"k": begin})
    network = pl.Sequential([kind(), pl.Affine(3)], input_shape=6)
    copied, data = pl.copy_network(network), samples(network)
    before = pl.predict(copied, data[0])
    train(network, data)
    assert not np.array_equal(network.params["stretch1.k"], begin)
    assert (begin == 1).all()
    assert np.array_equal(pl.predict(copied, data[0]), before)
    assert (pl.Sequential([kind()], input_shape=6).params["stretch1.k"] == 1).all()


def test_two_names_of_one_array_stay_so() -> None:
    begin = np.ones(6)  # converted to float32, once
    layer = scaled_by({"k": begin, "again": begin})()
    layer.build((6,), np.random.default_rng(0))
    assert layer.params["k"] is layer.params["again"]
    assert layer.params["k"].dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "counts", "message"),
    [
        ({"k": np.ones(6, np.float32)}, {"k": np.zeros(6, np.float32)}, "'k' names a parameter and a buffer"),
        (
            {"k": np.ones(6, np.int64)},
            {},
            "must make k an array of float32, got int64. Counts belong",
        ),
        ({"k": np.ones(6, bool)}, {}, "must make k an array of float32, got bool"),
    ],
)
def test_what_no_training_could_move_is_refused(arrays: Any, counts: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        pl.Sequential([scaled_by(arrays, counts)()], input_shape=6)
