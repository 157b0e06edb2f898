"""Normalisation: by hand, against PyTorch and ONNX, running statistics, and numbers far from zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peers import assert_close, both_dtypes, built, first, last, normal, onnx_run, torch_pass
from pellucid.errors import ArgumentError, ShapeError
from pellucid.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, Sequential
from pellucid.typing import Array, Shape

shapes = pytest.mark.parametrize("shape", [(8, 5), (4, 3, 5, 6), (2, 9, 8, 1), (32, 12, 12, 16)], ids=str)


def image_stats(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel, in float64."""
    axes = tuple(range(x.ndim - 1))
    return x.mean(axis=axes, dtype=np.float64), x.var(axis=axes, dtype=np.float64)


def plain(layer: BatchNorm, shape: Shape, dtype: Any = np.float32) -> BatchNorm:
    """Built, and nothing more: gamma 1, beta 0, running mean 0 and variance 1."""
    layer.build(shape, np.random.default_rng(0), dtype)
    return layer


# Batch normalisation


def test_a_batch_by_hand() -> None:
    layer = plain(BatchNorm(epsilon=1e-12), (1,), np.float64)
    layer.params["gamma"], layer.params["beta"] = np.array([10.0]), np.array([1.0])

    y, _ = layer.forward(np.array([[1.0], [3.0]]), train=True)

    np.testing.assert_allclose(y, [[-9], [11]])


def test_images_are_normalised_channel_by_channel() -> None:
    x = (normal((6, 5, 4, 3)) * [1, 10, 100] + [0, -5, 50]).astype(np.float32)

    y, _ = plain(BatchNorm(), (5, 4, 3)).forward(x, train=True)

    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, atol=1e-5)


def test_running_statistics_move_by_the_share_that_momentum_leaves() -> None:
    layer = plain(BatchNorm(momentum=0.75), (1,), np.float64)

    layer.forward(np.array([[2.0], [6.0]]), train=True)

    np.testing.assert_allclose(layer.buffers["mean"], [0.25 * 4])
    np.testing.assert_allclose(layer.buffers["variance"], [0.75 * 1 + 0.25 * 8])  # unbiased: (4 + 4) / (2 - 1)


def test_evaluation_uses_and_keeps_the_running_statistics() -> None:
    layer = plain(BatchNorm(epsilon=1e-12), (1,), np.float64)
    layer.buffers["mean"], layer.buffers["variance"] = np.array([5.0]), np.array([4.0])

    y = layer(np.array([[5.0], [9.0]]))

    np.testing.assert_allclose(y, [[0], [2]])
    np.testing.assert_array_equal(layer.buffers["mean"], [5])
    np.testing.assert_array_equal(layer.buffers["variance"], [4])


def test_the_gradient_in_evaluation_is_that_of_a_scale() -> None:
    layer = built(BatchNorm(), (4, 4, 3), np.float64)
    x = normal((2, 4, 4, 3), np.float64)
    y, cache = layer.forward(x)
    dy = normal(y.shape, np.float64, seed=2)
    dx, _ = layer.backward(dy, cache)

    np.testing.assert_allclose(dx, dy * layer.params["gamma"] / np.sqrt(layer.buffers["variance"] + 1e-5))


def test_a_cache_of_evaluation_outlives_later_training_steps() -> None:
    layer = built(BatchNorm(), (5,), np.float64)
    x, dy = normal((8, 5), np.float64), normal((8, 5), np.float64, seed=2)
    _, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

    layer.forward(3 + x, train=True)
    dx_later, grads_later = layer.backward(dy, cache)

    np.testing.assert_array_equal(dx_later, dx)
    np.testing.assert_array_equal(grads_later["gamma"], grads["gamma"])


@both_dtypes
@shapes
def test_batch_norm_in_training_is_that_of_pytorch(shape: Shape, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(BatchNorm(momentum=0.8), shape[1:], dtype)
    x = 2 + normal(shape, dtype)
    mean, variance = (torch.from_numpy(layer.buffers[k].copy()) for k in ("mean", "variance"))
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    expected, expected_dx, expected_grads = torch_pass(
        lambda x, gamma, beta: torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, True, 0.2, 1e-5),
        x,
        layer.params,
        dy,
    )

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for key in ("gamma", "beta"):
        assert_close(grads[key], expected_grads[key])
    assert_close(layer.buffers["mean"], mean.numpy())
    assert_close(layer.buffers["variance"], variance.numpy())


@both_dtypes
@shapes
def test_batch_norm_in_evaluation_is_that_of_pytorch(shape: Shape, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(BatchNorm(), shape[1:], dtype)
    mean, variance = (torch.from_numpy(layer.buffers[k].copy()) for k in ("mean", "variance"))
    x = normal(shape, dtype)
    y, cache = layer.forward(x)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    expected, expected_dx, expected_grads = torch_pass(
        lambda x, gamma, beta: torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, False, 0.1, 1e-5),
        x,
        layer.params,
        dy,
    )

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for key in ("gamma", "beta"):
        assert_close(grads[key], expected_grads[key])


@pytest.mark.parametrize("shape", [(8, 5), (4, 3, 5, 6)], ids=str)
def test_batch_norm_is_that_of_onnx(shape: Shape) -> None:
    layer = built(BatchNorm(momentum=0.75), shape[1:], np.float64)
    x = normal(shape, np.float64)
    inputs = [first(x), *layer.params.values(), *(b.copy() for b in layer.buffers.values())]
    running, values = layer.buffers["variance"].copy(), x.size / x.shape[-1]
    [evaluation] = onnx_run("BatchNormalization", inputs, epsilon=1e-5)
    training = onnx_run("BatchNormalization", inputs, 3, epsilon=1e-5, momentum=0.75, training_mode=1)

    assert_close(layer(x), last(evaluation))
    assert_close(layer.forward(x, train=True)[0], last(training[0]))
    assert_close(layer.buffers["mean"], training[1])
    # ONNX takes the biased variance: what it added, times M / (M - 1).
    assert_close(layer.buffers["variance"], 0.75 * running + (training[2] - 0.75 * running) * values / (values - 1))


@pytest.mark.parametrize("offset", [0, 100, 10_000])
def test_numbers_far_from_zero_keep_their_spread(offset: float) -> None:
    x = (offset + normal((16, 14, 14, 8))).astype(np.float32)
    mean, variance = image_stats(x)
    layer = plain(BatchNorm(), (14, 14, 8))

    y, _ = layer.forward(x, train=True)

    # One float32 at 10,000 is exact to 5e-4 at best.
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-5), atol=max(1e-5, offset * 1e-6))


def test_a_constant_channel_becomes_beta_and_has_a_finite_gradient() -> None:
    layer = plain(BatchNorm(), (3,))
    y, cache = layer.forward(np.full((4, 3), 7, np.float32), train=True)
    dx, _ = layer.backward(normal(y.shape), cache)

    np.testing.assert_array_equal(y, 0)
    assert np.isfinite(dx).all()


def test_the_input_gradient_has_no_mean_and_no_part_along_the_input() -> None:
    layer = built(BatchNorm(epsilon=1e-12), (6,), np.float64)
    x = normal((10, 6), np.float64)
    _, cache = layer.forward(x, train=True)
    dx, _ = layer.backward(normal((10, 6), np.float64, seed=2), cache)

    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((dx * x).sum(axis=0), 0, atol=1e-9)


def test_a_single_value_has_no_statistics() -> None:
    dense, image = plain(BatchNorm(name="bn"), (5,)), plain(BatchNorm(), (1, 1, 5))

    with pytest.raises(ShapeError, match=r"BatchNorm 'bn': needs at least 2 values .* got x of shape \(1, 5\)"):
        dense.forward(np.zeros((1, 5), np.float32), train=True)
    with pytest.raises(ShapeError, match="needs at least 2 values for each channel when train=True"):
        image.forward(np.zeros((1, 1, 1, 5), np.float32), train=True)
    assert dense(np.zeros((1, 5), np.float32)).shape == (1, 5)
    plain(BatchNorm(), (2, 1, 5)).forward(np.zeros((1, 2, 1, 5), np.float32), train=True)


def test_running_statistics_of_a_network_are_its_buffers_and_not_trained() -> None:
    network = Sequential([BatchNorm(name="bn")], input_shape=5)

    assert list(network.params) == ["bn.gamma", "bn.beta"]
    assert list(network.buffers) == ["bn.mean", "bn.variance"]
    assert network.size == 10
    assert all(p.ndim == 1 for p in network.params.values())  # optimisers decay matrices only


def test_batch_norm_options_are_checked() -> None:
    with pytest.raises(ArgumentError, match=r"momentum must lie in \[0, 1\], got 1.5"):
        BatchNorm(momentum=1.5)
    with pytest.raises(ArgumentError, match="epsilon must be a number above 0, got 0"):
        BatchNorm(epsilon=0)
    with pytest.raises(ShapeError, match="must have a channel axis"):
        BatchNorm().infer_shape(())


# Layer and group normalisation


def test_a_row_by_hand() -> None:
    layer = LayerNorm(epsilon=1e-12)
    layer.build((4,), np.random.default_rng(0), np.float64)
    layer.params["gamma"], layer.params["beta"] = np.array([1.0, 2, 3, 4]), np.array([0.0, 0, 0, 10])

    y, _ = layer.forward(np.array([[1.0, 1, 3, 3], [7, 5, 7, 5]]))

    np.testing.assert_allclose(y, [[-1, -2, 3, 14], [1, -2, 3, 6]])


def test_a_group_by_hand() -> None:
    layer = GroupNorm(2, epsilon=1e-12)
    layer.build((1, 2, 4), np.random.default_rng(0), np.float64)

    y, _ = layer.forward(np.array([[[[1.0, 1, 10, 30], [3, 3, 30, 10]]]]))

    np.testing.assert_allclose(y, [[[[-1, -1, -1, 1], [1, 1, 1, -1]]]])


@both_dtypes
@pytest.mark.parametrize("shape", [(8, 5), (4, 3, 5, 6), (3, 7, 4)], ids=str)
def test_layer_norm_is_that_of_pytorch(shape: Shape, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(LayerNorm(epsilon=1e-4), shape[1:], dtype)
    x = 3 + normal(shape, dtype)
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    def f(x: Any, gamma: Any, beta: Any) -> Any:
        pixels = x.movedim(1, -1) if x.ndim == 4 else x
        z = torch.nn.functional.layer_norm(pixels, shape[-1:], gamma, beta, 1e-4)
        return z.movedim(-1, 1) if x.ndim == 4 else z

    expected, expected_dx, expected_grads = torch_pass(f, x, layer.params, dy)

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for key in ("gamma", "beta"):
        assert_close(grads[key], expected_grads[key])


@pytest.mark.parametrize("shape", [(8, 5), (4, 3, 5, 6)], ids=str)
def test_layer_norm_is_that_of_onnx(shape: Shape) -> None:
    layer = built(LayerNorm(), shape[1:], np.float64)
    x = normal(shape, np.float64)
    [expected] = onnx_run("LayerNormalization", [x, *layer.params.values()], axis=-1, epsilon=1e-5)

    assert_close(layer(x), expected)


@both_dtypes
@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 3, 5, 6), 1), ((4, 3, 5, 6), 2), ((4, 3, 5, 6), 6), ((8, 12), 3)], ids=str
)
def test_group_norm_is_that_of_pytorch(shape: Shape, groups: int, dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = built(GroupNorm(groups), shape[1:], dtype)
    x = 3 + normal(shape, dtype)
    y, cache = layer.forward(x, train=True)
    dy = normal(y.shape, dtype, seed=2)
    dx, grads = layer.backward(dy, cache)

    expected, expected_dx, expected_grads = torch_pass(
        lambda x, gamma, beta: torch.nn.functional.group_norm(x, groups, gamma, beta, 1e-5), x, layer.params, dy
    )

    assert_close(y, expected)
    assert_close(dx, expected_dx)
    for key in ("gamma", "beta"):
        assert_close(grads[key], expected_grads[key])


def test_as_many_groups_as_channels_is_instance_norm_of_onnx() -> None:
    layer = built(GroupNorm(6), (3, 5, 6), np.float64)
    x = normal((4, 3, 5, 6), np.float64)
    [expected] = onnx_run("InstanceNormalization", [first(x), *layer.params.values()], epsilon=1e-5)

    assert_close(layer(x), last(expected))


@pytest.mark.parametrize("layer", [LayerNorm(), GroupNorm(4)], ids=["layer", "group"])
def test_samples_far_from_zero_keep_their_spread(layer: Any) -> None:
    x = (10_000 + normal((3, 14, 14, 32))).astype(np.float32)
    layer.build(x.shape[1:], np.random.default_rng(0))
    expected, _ = layer.forward((x - np.float32(10_000)).astype(np.float32))

    np.testing.assert_allclose(layer(x), expected, atol=0.01)


def test_sets_of_one_number_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"last axis must hold at least 2 numbers, got a sample \(28, 28, 1\)"):
        LayerNorm().infer_shape((28, 28, 1))
    with pytest.raises(ShapeError, match="4 groups leave one number to each"):
        GroupNorm(4).infer_shape((4,))


def test_group_norm_options_are_checked() -> None:
    with pytest.raises(ShapeError, match="channels must be a multiple of groups=4, got a sample"):
        GroupNorm(4).infer_shape((3, 3, 6))
    with pytest.raises(ArgumentError, match="GroupNorm: groups must be a whole number of at least 1, got 0"):
        GroupNorm(0)
    with pytest.raises(ArgumentError, match="LayerNorm: epsilon must be a number above 0"):
        LayerNorm(epsilon=-1)


# Samples as wholes, instances, neighbours


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_layer_norm_from_an_axis_on_is_that_of_pytorch(axis: int) -> None:
    torch = pytest.importorskip("torch")
    x, dy = normal((4, 3, 5, 6), np.float64, seed=1), normal((4, 3, 5, 6), np.float64, seed=2)
    layer = built(LayerNorm(axis), x.shape[1:], np.float64)
    shape = x.shape[1:][axis:]
    layer.params.update(gamma=normal(shape, np.float64, seed=3), beta=normal(shape, np.float64, seed=4))
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, layer.params["gamma"], layer.params["beta"])]
    theirs = torch.nn.functional.layer_norm(tensors[0], shape, tensors[1], tensors[2])
    theirs.backward(torch.tensor(dy))
    for ours, other in (
        (y, theirs.detach()),
        *zip((dx, grads["gamma"], grads["beta"]), (t.grad for t in tensors), strict=True),
    ):
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-9, atol=1e-12)


def test_instance_norm_is_group_norm_with_a_group_for_each_channel() -> None:
    x, dy = normal((4, 3, 5, 6), np.float64, seed=1), normal((4, 3, 5, 6), np.float64, seed=2)
    one, other = (built(layer, x.shape[1:], np.float64) for layer in (InstanceNorm(), GroupNorm(6)))
    (y, cache), (y2, cache2) = one.forward(x), other.forward(x)
    np.testing.assert_allclose(y, y2, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.backward(dy, cache)[0], other.backward(dy, cache2)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
def test_local_response_norm_is_its_equation(size: int) -> None:
    x = normal((2, 3, 6), np.float64, seed=1)
    layer = built(LocalResponseNorm(size, alpha=0.3, beta=0.6, bias=1.5), x.shape[1:], np.float64)
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    for c in range(6):
        sums = (x[..., max(c - before, 0) : c + after + 1] ** 2).sum(axis=-1)
        np.testing.assert_allclose(layer(x)[..., c], x[..., c] / (1.5 + 0.3 / size * sums) ** 0.6, rtol=1e-12)


def test_local_response_norm_of_an_odd_size_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x, dy = normal((4, 3, 5, 8), np.float64, seed=1), normal((4, 3, 5, 8), np.float64, seed=2)
    layer = built(LocalResponseNorm(5, alpha=0.3), x.shape[1:], np.float64)
    y, cache = layer.forward(x)
    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    theirs = torch.nn.functional.local_response_norm(tensor, 5, 0.3)
    theirs.backward(torch.tensor(dy.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(y.transpose(0, 3, 1, 2), theirs.detach().numpy(), rtol=1e-12)
    dx, _ = layer.backward(dy, cache)
    np.testing.assert_allclose(dx.transpose(0, 3, 1, 2), tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_many_numbers_are_scaled_block_by_block_to_the_same_bits(rng):
    network = Sequential([BatchNorm()], input_shape=(40, 40, 64))
    network.forward(rng.random((3, 40, 40, 64), np.float32), train=True)
    x = rng.random((12, 40, 40, 64), np.float32)  # 1.2 million

    np.testing.assert_array_equal(network(x), np.concatenate([network(x[i : i + 1]) for i in range(12)]))
