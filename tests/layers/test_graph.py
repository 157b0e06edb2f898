"""Graphs: branches, nodes used twice, what is not needed, and descriptions that make no sense."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, normal, torch_pass
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.gradcheck import check_gradients
from pellucid.layers import (
    Add,
    Affine,
    BatchNorm,
    Concat,
    Conv2D,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Graph,
    Layer,
    MaxPool2D,
    Merge,
    ReLU,
    Residual,
    Sequential,
    Tanh,
    copy_network,
    from_spec,
    to_spec,
)
from pellucid.layers.fused import fuse_nodes
from pellucid.typing import Array, Arrays


def inception(seed: int = 0) -> Graph:
    """Two ways of convolution and one of pooling, side by side."""
    return Graph(
        {
            "stem": (Conv2D(4, 3, padding="same"), "input"),
            "one": (Conv2D(2, 1), "stem"),
            "three": (Conv2D(3, 3, padding="same"), "stem"),
            "pool": (MaxPool2D(3, 1, "same"), "stem"),
            "all": (Concat(), ["one", "three", "pool"]),
            "mean": (GlobalAveragePool2D(), "all"),
            "scores": (Affine(5), "mean"),
        },
        input_shape=(6, 6, 2),
        seed=seed,
    )


# By hand


def test_a_node_that_is_used_twice_gets_the_sum_of_its_gradients() -> None:
    graph = Graph({"a": (ReLU(), "input"), "sum": (Add(), ["a", "a", "input"])}, input_shape=3)
    y, tape = graph.forward(np.array([[1.0, -2.0, 3.0]]))
    dx, _ = graph.backward(np.array([[1, 10, 100]], np.float32), tape)

    np.testing.assert_array_equal(y, [[3, -2, 9]])
    np.testing.assert_array_equal(dx, [[3, 10, 300]])


def test_concat_puts_channels_side_by_side_and_parts_the_gradient() -> None:
    graph = Graph({"a": (ReLU(), "input"), "both": (Concat(), ["a", "input"])}, input_shape=2)
    y, tape = graph.forward(np.array([[1.0, -2.0]]))
    dx, _ = graph.backward(np.array([[1, 10, 100, 1000]], np.float32), tape)

    np.testing.assert_array_equal(y, [[1, 0, 1, -2]])
    np.testing.assert_array_equal(dx, [[101, 1000]])


def test_an_empty_graph_is_the_identity() -> None:
    graph = Graph({}, input_shape=2)
    y, tape = graph.forward(np.array([[1.0, 2.0]]))

    np.testing.assert_array_equal(y, [[1, 2]])
    np.testing.assert_array_equal(graph.backward(y, tape)[0], [[1, 2]])


def test_any_node_may_be_the_output_if_all_others_lead_to_it() -> None:
    graph = Graph([("b", ReLU(), ["input"]), ("c", Tanh(), "b")], output="c", input_shape=2)

    assert graph.output == "c"
    assert graph.node("c").inputs == ("b",)
    assert graph.layer("b") is graph.node("b").operation


# Against others


def test_a_chain_is_a_sequential() -> None:
    chain = Sequential([Affine(4, name="a"), Tanh(name="b"), Affine(3, name="c")], input_shape=5, seed=7)
    graph = Graph({"a": (Affine(4), "input"), "b": (Tanh(), "a"), "c": (Affine(3), "b")}, input_shape=5, seed=7)
    x, dy = normal((6, 5)), normal((6, 3), seed=2)
    y, tape = graph.forward(x)
    expected, chain_tape = chain.forward(x)
    dx, grads = graph.backward(dy, tape)
    expected_dx, expected_grads = chain.backward(dy, chain_tape)

    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(dx, expected_dx)
    assert list(grads) == list(graph.params) == list(chain.params)
    for key, g in grads.items():
        np.testing.assert_array_equal(g, expected_grads[key])


def test_a_skip_is_a_residual() -> None:
    graph = Graph({"f": (Affine(3), "input"), "sum": (Add(), ["f", "input"])}, input_shape=3, seed=1)
    block = Residual(Affine(3))
    block.build((3,), np.random.default_rng(1))
    x, dy = normal((4, 3)), normal((4, 3), seed=2)
    y, tape = graph.forward(x)
    expected, cache = block.forward(x)

    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(graph.backward(dy, tape)[0], block.backward(dy, cache)[0])


@both_dtypes
def test_branches_are_those_of_pytorch(dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    graph = Graph(
        {
            "a": (Affine(6), "input"),
            "b": (Tanh(), "a"),
            "c": (Affine(6), "b"),
            "d": (Add(), ["a", "c", "b"]),
            "e": (Concat(), ["d", "input", "b"]),
            "f": (Affine(2, bias=False), "e"),
        },
        input_shape=4,
        dtype=dtype,
    )
    x = normal((5, 4), dtype)
    y, tape = graph.forward(x)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = graph.backward(dy, tape)

    def f(x: Any, aW: Any, ab: Any, cW: Any, cb: Any, fW: Any) -> Any:
        a = x @ aW + ab
        b = torch.tanh(a)
        d = a + (b @ cW + cb) + b
        return torch.cat([d, x, b], dim=1) @ fW

    names = {key.replace(".", ""): key for key in graph.params}
    expected, expected_dx, expected_grads = torch_pass(f, x, {s: graph.params[k] for s, k in names.items()}, dy)

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for s, key in names.items():
        assert_close(grads[key], expected_grads[s])


def test_gradients_of_a_network_with_branches_are_right() -> None:
    report = check_gradients(inception(), normal((3, 6, 6, 2), np.float64), np.arange(3))

    assert report.passed, report


# The tape, and what is read off it


def test_the_tape_names_every_node() -> None:
    graph = inception()
    _, tape = graph.forward(normal((2, 6, 6, 2)))

    assert [step.layer.name for step in tape] == ["stem", "one", "three", "pool", "all", "mean", "scores"]
    assert tape[4].output.shape == (2, 6, 6, 9)
    assert tape[4].layer.output_shape == (6, 6, 9)


def test_output_gradients_are_those_of_differences() -> None:
    graph = Graph({"a": (Tanh(), "input"), "b": (Tanh(), "a"), "sum": (Add(), ["a", "b", "a"])}, input_shape=3)
    x, dy = normal((2, 3)), normal((2, 3), seed=2)
    _, tape = graph.forward(x)
    gradients = graph.output_gradients(dy, tape)
    a = np.tanh(x)

    assert set(gradients) == {"input", "a", "b", "sum"}
    np.testing.assert_allclose(gradients["a"], dy * (2 + (1 - np.tanh(a) ** 2)), rtol=1e-5)
    np.testing.assert_array_equal(gradients["input"], graph.backward(dy, tape)[0])


def test_rules_replace_layers_and_merges_also_in_containers_within() -> None:
    graph = Graph({"block": (Sequential([ReLU()]), "input"), "sum": (Add(), ["block", "input"])}, input_shape=2)
    _, tape = graph.forward(np.array([[-1.0, 1.0]]))
    dy = np.array([[1.0, 1.0]], np.float32)

    def straight(layer: ReLU, dy: Array, cache: Any) -> tuple[Array, Arrays]:
        return dy, {}

    def by_value(layer: Add, dy: Array, cache: Any) -> tuple[list[Array], Arrays]:
        return [dy * x for x in cache.xs], {}

    np.testing.assert_array_equal(graph.backward(dy, tape)[0], [[1, 2]])
    np.testing.assert_array_equal(graph.backward(dy, tape, {ReLU: straight})[0], [[2, 2]])
    np.testing.assert_array_equal(graph.backward(dy, tape, {Add: by_value})[0], [[-1, 2]])


def test_what_is_not_needed_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(
        {
            "plain": (Tanh(), "input"),
            "learnt": (Affine(3), "input"),
            "sum": (Add(), ["plain", "learnt"]),
        },
        input_shape=3,
    )
    asked: list[tuple[str, bool, bool]] = []
    for kind in (Tanh, Affine):
        original = kind.backward

        def watched(self: Any, *args: Any, original: Any = original, **needs: Any) -> Any:
            asked.append((self.name, needs["need_dx"], needs["need_grads"]))
            return original(self, *args, **needs)

        monkeypatch.setattr(kind, "backward", watched)
    y, tape = graph.forward(normal((2, 3)))

    graph.backward(y, tape, need_dx=False)
    assert asked == [("learnt", False, True)]
    asked.clear()
    graph.backward(y, tape, need_grads=False)
    assert asked == [("learnt", True, False), ("plain", True, False)]


def test_dropout_and_batch_statistics_work_within() -> None:
    graph = Graph(
        {"drop": (Dropout(0.5), "input"), "norm": (BatchNorm(), "drop"), "sum": (Add(), ["norm", "input"])},
        input_shape=4,
    )

    assert graph.stochastic
    assert list(graph.buffers) == ["norm.mean", "norm.variance"]
    with pytest.raises(ArgumentError, match="Dropout 'drop': needs rng"):
        graph.forward(normal((3, 4)), train=True)
    graph.forward(normal((3, 4)), train=True, rng=np.random.default_rng(0))
    assert graph.buffers["norm.mean"].any()


def test_predicting_keeps_no_more_arrays_than_are_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    import weakref

    alive: list[Any] = []
    counts: list[int] = []

    class Seen(np.ndarray):
        pass

    def watched(self: Tanh, x: Array) -> Array:
        counts.append(sum(ref() is not None for ref in alive))
        y = np.tanh(x).view(Seen)
        alive.append(weakref.ref(y))
        return y

    monkeypatch.setattr(Tanh, "__call__", watched)
    graph = Graph({f"t{i}": (Tanh(), "input" if i == 0 else f"t{i - 1}") for i in range(6)}, input_shape=2)
    graph(np.ones((1, 2)))

    assert max(counts) == 1


# As text and data


def test_a_graph_survives_json() -> None:
    graph = inception()
    twin = from_spec(json.loads(json.dumps(to_spec(graph))))
    twin.build((6, 6, 2), np.random.default_rng(0))
    x = normal((2, 6, 6, 2))

    np.testing.assert_array_equal(twin(x), graph(x))


def test_nodes_may_have_any_name() -> None:
    graph = Graph(
        {"type": (Affine(3), "input"), "initializer": (ReLU(), "type"), "name": (Add(), ["type", "initializer"])},
        input_shape=3,
    )
    twin = copy_network(graph)

    np.testing.assert_array_equal(twin(np.ones((1, 3))), graph(np.ones((1, 3))))


def test_merges_are_no_layers_and_no_file_can_make_one_by_itself() -> None:
    assert not isinstance(Add(), Layer)
    with pytest.raises(UnknownNameError, match="unknown type 'Add'"):
        from_spec({"type": "Add"})
    with pytest.raises(ArgumentError, match=r"layer 1 is Concat\(axis=-1\), which is not a Layer"):
        Sequential([ReLU(), Concat()])  # type: ignore[list-item]


def test_a_merge_of_ones_own_can_be_used() -> None:
    class Product(Merge[tuple[Array, ...]]):
        def infer_shape(self, shapes: Any) -> Any:
            return shapes[0]

        def forward(self, xs: Any) -> Any:
            return xs[0] * xs[1], tuple(xs)

        def backward(self, dy: Array, cache: Any) -> list[Array]:
            return [dy * cache[1], dy * cache[0]]

    graph = Graph({"f": (Affine(3), "input"), "gate": (Product(), ["f", "input"])}, input_shape=3)

    assert check_gradients(graph, normal((4, 3), np.float64)).passed


# What it says


def refused(
    nodes: Mapping[str, Any] | list[Any], match: str, kind: type[Exception] = ArgumentError, **options: Any
) -> None:
    with pytest.raises(kind, match=match):
        Graph(nodes, **options)


def test_unknown_inputs_are_refused_and_the_nearest_name_offered() -> None:
    refused(
        {"conv1": (ReLU(), "input"), "b": (ReLU(), "conv")},
        "Graph: node 'b': unknown input 'conv'. Did you mean 'conv1'",
        UnknownNameError,
    )


def test_cycles_are_refused() -> None:
    refused(
        {"a": (ReLU(), "b"), "b": (ReLU(), "a")}, "node 'a' takes 'b', which does not stand above it. .* a cycle has"
    )
    refused({"a": (ReLU(), "a")}, "node 'a' takes 'a', which does not stand above it")


def test_nodes_that_lead_nowhere_are_refused() -> None:
    refused({"a": (ReLU(), "input"), "b": (ReLU(), "input")}, "node 'a' does not lead to the output 'b'")
    refused({"a": (ReLU(), "input")}, "unknown output 'c'", UnknownNameError, output="c")


def test_names_that_cannot_be_used_are_refused() -> None:
    refused({"input": (ReLU(), "input")}, "two nodes are named 'input'")
    refused([("a", ReLU(), "input"), ("a", ReLU(), "a")], "two nodes are named 'a'")
    refused({"a.b": (ReLU(), "input")}, "must be a string without '.' and '/', got 'a.b'")


def test_nodes_that_are_none_are_refused() -> None:
    refused({"a": (ReLU, "input")}, "neither a layer nor a merge. Call it to make one")
    refused([("a", ReLU())], r"a node is \(name, layer, inputs\)")
    refused([5], r"a node is \(name, layer, inputs\), got 5")


def test_a_dtype_that_is_no_float_is_refused() -> None:
    refused({"a": (ReLU(), "input")}, "Graph: dtype must be float32 or float64, got int64", dtype=int)


def test_layers_take_one_input_and_merges_several() -> None:
    refused({"a": (ReLU(), "input"), "b": (Affine(3), ["a", "input"])}, "node 'b' is a layer and takes one input")
    refused({"sum": (Add(), "input")}, "Add 'sum': needs at least two inputs, got 1", input_shape=3)


def test_shapes_that_do_not_meet_are_refused_by_name() -> None:
    nodes = {"a": (Affine(4), "input"), "sum": (Add(), ["a", "input"])}
    refused(nodes, r"Add 'sum': its inputs must have one shape, .* got \(4,\) and \(3,\)", ShapeError, input_shape=3)
    nodes = {"a": (Conv2D(4, 3), "input"), "both": (Concat(), ["a", "input"])}
    refused(
        nodes,
        r"Concat 'both': its inputs must agree in all axes but the last, got \(4, 4, 4\) and \(6, 6, 1\)",
        ShapeError,
        input_shape=(6, 6, 1),
    )


def test_one_layer_in_two_places_is_refused() -> None:
    shared = Affine(3, name="a")
    refused({"a": (shared, "input"), "b": (Sequential([shared]), "a")}, "the same layer stands in it twice")


def test_an_unknown_node_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown node 'steam'. Did you mean 'stem'"):
        inception().node("steam")


def test_x_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Graph: x must have shape \(N, 6, 6, 2\), got \(1, 2, 6, 6\)"):
        inception()(np.zeros((1, 2, 6, 6)))


def test_a_graph_in_a_network_trains_like_any_layer() -> None:
    branch = {"left": (Affine(4), "input"), "right": (Affine(4), "input"), "sum": (Add(), ["left", "right"])}
    network = Sequential([Flatten(), Graph(branch, name="fork"), Affine(2)], input_shape=(2, 3))

    assert list(network.params)[:2] == ["fork.left.W", "fork.left.b"]
    assert check_gradients(network, normal((4, 2, 3), np.float64), np.array([0, 1, 1, 0])).passed


def test_predictions_take_neighbours_together_where_nobody_looks_between_them(rng) -> None:
    nodes = {
        "conv1": (Conv2D(8, 3, padding=1), "input"),
        "relu1": (ReLU(), "conv1"),
        "conv2": (Conv2D(8, 3, padding=1), "relu1"),
        "relu2": (ReLU(), "conv2"),
        "sum": (Add(), ["conv2", "relu2"]),  # looks at conv2 itself
        "conv3": (Conv2D(4, 3), "sum"),
        "relu3": (ReLU(), "conv3"),
        "pool": (MaxPool2D(2), "relu3"),
    }
    graph = Graph(nodes, input_shape=(12, 12, 3))
    x = rng.standard_normal((3, 12, 12, 3)).astype(np.float32)

    assert [node.name for node in fuse_nodes(graph.nodes, graph.output)] == ["relu1", "conv2", "relu2", "sum", "pool"]
    np.testing.assert_array_equal(graph(x), graph.forward(x)[0])
