from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from cases import CASES
from pellucid import views
from pellucid.models import mnist_cnn, small_resnet
from pellucid.views.flow import flow


@pytest.fixture(scope="module")
def table():
    return pl.summary(mnist_cnn())


def test_the_mnist_cnn_has_the_parameters_of_the_tutorial(table):
    counts = {row.name: row.parameters for row in table.rows if row.parameters}

    assert counts == {"conv2d_1": 320, "conv2d_2": 18_496, "dense_1": 1_179_776, "preds": 1_290}
    assert (table.trainable, table.fixed) == (1_199_882, 0)
    assert "1,199,882 trainable parameters, 0 not trainable" in str(table)


def test_fields_costs_and_memory_of_the_mnist_cnn(table):
    rows = {row.name: row for row in table.rows}

    assert rows["conv2d_2"].receptive_field == (5, 5)
    assert rows["max_pooling2d_1"].receptive_field == (6, 6)
    assert rows["dense_1"].receptive_field == (28, 28)
    assert rows["conv2d_1"].multiply_adds == 26 * 26 * 32 * 9
    assert rows["conv2d_2"].multiply_adds == 24 * 24 * 64 * 32 * 9
    assert rows["dense_1"].multiply_adds == 9216 * 128
    assert rows["conv2d_1"].activation_bytes == 26 * 26 * 32 * 4
    assert rows["flatten_1"].activation_bytes == 0
    assert table.multiply_adds == sum(row.multiply_adds for row in table.rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_output_shapes_and_memory_are_those_of_a_real_pass(case):
    network = pl.Sequential([case.make()], input_shape=case.shape)
    rng = np.random.default_rng(0)
    x = case.batch(2)

    table = pl.summary(network)
    maps = views.feature_maps(network, x[0])
    _, tape = network.forward(x, train=True, rng=rng)

    assert all(maps[row.name].shape == row.output_shape for row in table.rows)
    assert all(maps[row.name].nbytes == row.activation_bytes or not row.activation_bytes for row in table.rows)
    assert table.trainable == network.size
    assert table.fixed == sum(b.size for b in network.buffers.values())
    assert table.rows == () or table.rows[-1].output_shape == network(x).shape[1:]
    assert tape is not None


def test_memory_is_that_of_the_arrays_a_training_pass_makes():
    network = mnist_cnn()
    x = np.ones((2, 28, 28, 1), np.float32)

    _, tape = network.forward(x, train=True, rng=np.random.default_rng(0))
    arrays = {step.output.__array_interface__["data"][0]: step.output.nbytes for step in tape}

    assert 2 * pl.summary(network).activation_bytes == sum(arrays.values())


def counted_conv(conv, x):
    """The convolution of one image as the loops that define it, with a count of its products."""
    geometry = conv.geometry(x.shape)
    (top, bottom), (left, right) = geometry["padding"]
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    W, (sh, sw), (dh, dw), groups = conv.params["W"], *(geometry[k] for k in ("stride", "dilation", "groups"))
    oh, ow, oc = conv.infer_shape(x.shape)
    y, count, (kh, kw, c, _) = np.zeros((oh, ow, oc)), 0, W.shape
    for i, j, o, u, v, k in np.ndindex(oh, ow, oc, kh, kw, c):
        channel = o // (oc // groups) * c + k
        y[i, j, o] += W[u, v, k, o] * padded[i * sh + u * dh, j * sw + v * dw, channel]
        count += 1
    return y + conv.params.get("b", 0), count


def counted_stamps(layer, x):
    """A transposed convolution as stamps, with a count of their products."""
    W, count = layer.params["W"], 0
    for _ in np.ndindex(*x.shape, *W.shape[:-1]):  # the last axis is that of x's channels
        count += 1
    return layer(x[None])[0], count


def counted_affine(layer, x):
    y, count = layer.params.get("b", np.zeros(layer.units)).astype(float), 0
    for i, k in np.ndindex(layer.params["W"].shape):
        y[k] += x[i] * layer.params["W"][i, k]
        count += 1
    return y, count


COUNTED = {"conv": counted_conv, "depthwise": counted_conv, "conv-transpose": counted_stamps, "affine": counted_affine}


@pytest.mark.parametrize("case", [c for c in CASES if c.id.startswith(tuple(COUNTED))], ids=lambda case: case.id)
def test_multiply_adds_are_those_of_an_instrumented_loop(case):
    network = pl.Sequential([case.make()], input_shape=case.shape, dtype=np.float64)
    x = case.batch(1, np.float64)[0]
    count = next(COUNTED[key] for key in sorted(COUNTED, key=len, reverse=True) if case.id.startswith(key))

    y, products = count(network.layers[0], x)

    np.testing.assert_allclose(y, network(x[None])[0], atol=1e-12)
    assert pl.summary(network).multiply_adds == products


def test_arrays_that_layers_share_count_once():
    network = pl.Sequential([pl.Affine(6), pl.Tanh(), pl.Affine(6)], input_shape=6)
    first, _, last = network.layers
    dict.__setitem__(last.params, "W", first.params["W"].T)
    network.gather()

    table = pl.summary(network)

    assert [row.parameters for row in table.rows] == [42, 0, 42]
    assert table.trainable == 36 + 6 + 6


def test_residual_and_graph_are_opened():
    assert [op.inputs for op in flow(pl.Sequential([pl.Residual([pl.Tanh()])], input_shape=3))] == [
        ("input",),
        ("residual1.branch.tanh1", "input"),
    ]
    table = pl.summary(small_resnet())
    names = [row.name for row in table.rows]

    assert "residual2.shortcut.conv2d1" in names
    assert "residual2.add" in names
    assert (table.trainable, table.fixed) == (77_754, 672)


def test_a_layer_of_unknown_cost_says_so():
    class Twice(pl.ReLU):
        pass

    class Mystery(pl.Flatten):
        def forward(self, x, *, train=False, rng=None):
            return super().forward(x * 2, train=train, rng=rng)

    try:
        table = pl.summary(pl.Sequential([Twice(), Mystery()], input_shape=(2, 3)))
    finally:
        from pellucid.layers import LAYERS

        for name in ("Twice", "Mystery"):
            LAYERS.pop(name, None)

    assert [row.multiply_adds for row in table.rows] == [0, None]
    assert "and those of Mystery" in str(table)


def test_with_data_the_rows_say_how_the_layers_behave():
    network = pl.Sequential([pl.Affine(4), pl.ReLU(), pl.Affine(3)], input_shape=5, dtype=np.float64)
    network.params["affine1.b"] = np.array([0, 0, -1e3, 1e3])  # the third unit is dead, the fourth always on
    x = np.random.default_rng(0).standard_normal((600, 5))
    t = np.arange(600) % 3

    rows = {row.name: row.activity for row in pl.summary(network, x, t).rows}
    hidden = np.maximum(x @ network.params["affine1.W"] + network.params["affine1.b"], 0)
    y, tape = network.forward(x)
    loss = pl.SoftmaxCrossEntropy()
    _, grads = network.backward(loss.backward(loss.forward(y, t)[1]), tape)

    assert rows["relu1"].dead == 0.25
    assert rows["affine1"].dead is None
    np.testing.assert_allclose(rows["relu1"].mean, hidden.mean())
    np.testing.assert_allclose(rows["relu1"].sd, hidden.std())
    np.testing.assert_allclose(rows["relu1"].norm, np.linalg.norm(hidden, axis=1).mean())
    expected = np.sqrt(sum((grads[f"affine2.{k}"] ** 2).sum() for k in "Wb"))
    np.testing.assert_allclose(rows["affine2"].gradient_norm, expected)
    assert rows["relu1"].gradient_norm is None


def test_a_dead_channel_is_one_that_is_dead_everywhere():
    network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU()], input_shape=(6, 6, 1))
    network.params["conv2d1.b"] = np.array([-1e3, 0.1])
    x = np.zeros((3, 6, 6, 1))
    x[:, 2, 2] = 1

    assert pl.summary(network, x).rows[1].activity.dead == 0.5


def test_the_network_is_not_changed():
    network = small_resnet()
    before = {k: v.copy() for k, v in {**network.params, **network.buffers}.items()}

    pl.summary(network, np.random.default_rng(0).random((8, 28, 28, 1)), np.arange(8))

    after = {**network.params, **network.buffers}
    assert all(np.array_equal(before[k], after[k]) for k in before)


def test_no_form_cuts_a_long_name():
    name = "a_name_that_is_much_longer_than_any_terminal_would_like_it_to_be_" * 3
    table = pl.summary(pl.Sequential([pl.Affine(3, name=name)], input_shape=4))
    console = pytest.importorskip("rich.console").Console(width=60, record=True, file=io.StringIO())
    console.print(table.to_rich())

    assert name in str(table)
    assert name in table.to_markdown()
    assert json.loads(table.to_json())["rows"][0]["name"] == name
    shown = console.export_text()
    assert "…" not in shown
    assert "".join(line.split()[0] for line in shown.splitlines() if line.split()).find(name[:40]) >= 0


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("make", [mnist_cnn, small_resnet], ids=lambda make: make.__name__)
def test_the_text_is_the_golden_one(make):
    """PELLUCID_OVERWRITE=1 writes it anew."""
    file, text = GOLDEN / f"{make.__name__}.txt", str(pl.summary(make())) + "\n"
    if os.environ.get("PELLUCID_OVERWRITE"):
        file.write_text(text, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == text


def test_markdown_is_a_table():
    lines = pl.summary(mnist_cnn()).to_markdown().splitlines()

    assert lines[0].startswith("| layer | type | output shape | parameters |")
    assert {line.count("|") for line in lines[:13]} == {8}
    assert lines[-2].startswith("1,199,882 trainable parameters")


def test_json_holds_what_was_measured():
    network = pl.Sequential([pl.Affine(3), pl.ReLU()], input_shape=4)

    found = json.loads(pl.summary(network, np.ones((5, 4))).to_json())

    assert found["samples"] == 5
    assert found["trainable"] == 15
    assert len(found["rows"][1]["activity"]) == 6


def test_what_cannot_be_summarised_is_named():
    with pytest.raises(pl.PellucidError, match=r"summary: network must be a container such as Sequential, .*got 3"):
        pl.summary(3)
    with pytest.raises(pl.PellucidError, match=r"Sequential: not built yet"):
        pl.summary(pl.Sequential([pl.Affine(3)]))
    with pytest.raises(pl.PellucidError, match=r"summary: x must have shape \(N, 4\)"):
        pl.summary(pl.Sequential([pl.Affine(3)], input_shape=4), np.ones((2, 5)))
