from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pellucid as pl
from explain_evaluation.toys import small_cnn
from pellucid import explain
from pellucid.errors import UnknownNameError
from pellucid.explain.evaluate import edge_detector, model_randomization
from pellucid.explain.evaluate.randomization import randomized, redrawn, weighted_layers
from pellucid.explain.evaluate.ranks import pearson, ranks, spearman
from pellucid.explain.evaluate.ssim import ssim


@pytest.fixture
def x(rng):
    return rng.random((4, 12, 12, 1)).astype(np.float32)


def test_ranks_are_shared_by_equal_numbers():
    assert ranks(np.array([10.0, 30, 20, 20])).tolist() == [1, 4, 2.5, 2.5]


def test_rank_correlation_by_hand_and_against_scipy(rng):
    a, b = np.array([[1.0, 2, 3, 4, 5]]), np.array([[2.0, 1, 4, 3, 5]])
    assert_allclose(spearman(a, b), 1 - 6 * 4 / (5 * 24))
    stats = pytest.importorskip("scipy.stats")
    a, b = rng.integers(0, 6, (2, 3, 40)).astype(float)

    assert_allclose(spearman(a, b), [stats.spearmanr(i, j).statistic for i, j in zip(a, b, strict=True)])
    assert_allclose(pearson(a, b), [stats.pearsonr(i, j).statistic for i, j in zip(a, b, strict=True)])


def test_a_map_without_differences_is_like_another_such_map_and_like_no_other():
    flat, other = np.zeros((1, 4)), np.arange(4.0)[None]

    assert spearman(flat, flat) == 1
    assert spearman(flat, other) == 0


def test_structural_similarity_is_1_for_equal_maps_of_any_scale_and_less_for_others(rng):
    a, b = rng.random((2, 3, 12, 12))

    assert_allclose(ssim(a, 7 * a), 1)
    assert (ssim(a, b) < 0.5).all()
    assert_allclose(ssim(a, b), ssim(b, a))
    assert_allclose(ssim(np.zeros((1, 9, 9)), np.zeros((1, 9, 9))), 1)


def test_the_steps_go_from_the_last_layer_to_the_first_and_the_network_stays_as_it_was(x):
    network = small_cnn()
    before = {key: value.tobytes() for key, value in network.params.items()}

    found = model_randomization(network, explain.saliency, x, seeds=2)

    assert found.layers == ("affine2", "affine1", "conv2d1")
    assert found.absolute.shape == found.signed.shape == found.likeness.shape == (2, 3, 4)
    assert {key: value.tobytes() for key, value in network.params.items()} == before
    assert "conv2d1" in str(found)


@pytest.mark.parametrize(("mode", "changed"), [("cascading", {"affine2", "affine1"}), ("independent", {"affine1"})])
def test_each_step_draws_the_layers_anew_that_its_mode_says(x, mode, changed):
    network, seen = small_cnn(), []

    def method(network, x, target):
        seen.append({key: value.copy() for key, value in network.params.items()})
        return explain.saliency(network, x, target)

    model_randomization(network, method, x, mode=mode, seeds=1)
    second = seen[2]  # the trained network comes first

    different = {key.partition(".")[0] for key in second if not np.array_equal(second[key], network.params[key])}
    assert different == changed


def test_seeds_are_averaged_before_images_are(x):
    found = model_randomization(small_cnn(), explain.saliency, x, seeds=3)

    assert_allclose(found.after(2), found.likeness[:, 1].mean(axis=0))
    assert_allclose([point.mean for point in found.curve("signed")], found.signed.mean(axis=(0, 2)))
    assert not np.allclose(found.likeness[0], found.likeness[1])


def test_an_edge_detector_never_changes_and_gradients_do(x):
    network = small_cnn()

    blind = model_randomization(network, edge_detector, x, seeds=1)
    seeing = model_randomization(network, explain.saliency, x, seeds=2)

    assert_allclose(blind.likeness, 1)
    assert_allclose(blind.edges, 1)
    assert seeing.after(3).mean() < 0.5


def test_guided_maps_depend_less_on_the_last_layers_than_gradients(x):
    guided = model_randomization(small_cnn(), partial(explain.saliency, rule="guided"), x)
    plain = model_randomization(small_cnn(), explain.saliency, x)

    assert guided.after(2).mean() > plain.after(2).mean() + 0.15


def test_a_map_turned_into_its_negative_shows_the_same(x):
    turns = iter([1, -1, -1, -1])

    def method(network, x, target):
        return next(turns) * (x - 0.5)

    found = model_randomization(small_cnn(), method, x, seeds=1)

    assert_allclose(found.signed, -1)
    assert_allclose(found.likeness, 1)


def test_buffers_of_a_randomised_layer_begin_anew_too():
    layers = [pl.Conv2D(2, 3), pl.BatchNorm(), pl.ReLU(), pl.Flatten(), pl.Affine(2)]
    network = pl.Sequential(layers, input_shape=(6, 6, 1))
    network.buffers["batchnorm1.mean"] = np.array([5.0, 6.0])

    twin = randomized(network, ["batchnorm1"], redrawn(network, np.random.default_rng(1)))

    assert twin.buffers["batchnorm1.mean"].tolist() == [0, 0]
    assert network.buffers["batchnorm1.mean"].tolist() == [5, 6]
    assert np.array_equal(twin.params["conv2d1.W"], network.params["conv2d1.W"])
    assert weighted_layers(network) == ["conv2d1", "batchnorm1", "affine1"]


def test_an_unknown_mode_is_refused(x):
    with pytest.raises(UnknownNameError, match="Did you mean 'cascading'"):
        model_randomization(small_cnn(), explain.saliency, x, mode="cascade")
