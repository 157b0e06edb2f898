from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.explain.maximization.maximize import maximize
from pellucid.explain.maximization.priors import blurred, likeness, power_penalty, total_variation
from pellucid.models import small_resnet

QUIET = {"jitter": 0, "noise": 0, "blur": 0}
FREE = {"size_weight": 0, "variation_weight": 0}


def linear(weights, dtype=np.float64):
    """S = w·x for images."""
    network = pl.Sequential([pl.Flatten(), pl.Affine(1, bias=False)], input_shape=weights.shape, dtype=dtype)
    network.params["affine1.W"] = weights.reshape(-1, 1)
    return network


@pytest.fixture(scope="module")
def digits():
    train, _ = pl.mnist(flatten=False)
    return train[:4000]


@pytest.fixture(scope="module")
def network(digits):
    network = pl.Sequential(
        [
            pl.Conv2D(8, 5, stride=2),
            pl.ReLU(),
            pl.Conv2D(16, 3, stride=2),
            pl.ReLU(name="maps"),
            pl.Flatten(),
            pl.Affine(32),
            pl.ReLU(),
            pl.Affine(10, name="preds"),
        ],
        input_shape=(28, 28, 1),
    )
    pl.fit(network, digits, epochs=4, optimizer=pl.Adam(0.003), progress=False, train_sample=0)
    return network


@pytest.fixture(scope="module")
def ten(network, digits):
    return maximize(network, range(10), steps=96, data=digits)


# What is known exactly


def test_a_linear_unit_with_a_size_penalty_is_maximised_by_half_its_weights(rng):
    w = rng.standard_normal((5, 4, 1))
    found = maximize(
        linear(w), 1, bounds=None, size_weight=0.8, variation_weight=0, steps=200, optimizer=pl.SGD(0.5), **QUIET
    )

    np.testing.assert_allclose(found.image, w / (2 * 0.8), atol=1e-9)
    np.testing.assert_allclose(found.objectives, (w**2).sum() / (4 * 0.8))


def test_a_linear_unit_in_a_box_is_maximised_by_its_corner(rng):
    w = rng.standard_normal((5, 4, 1))
    found = maximize(linear(w), 1, bounds=(-1.5, 2.5), **FREE, **QUIET)

    assert np.array_equal(found.image, np.where(w > 0, 2.5, -1.5))


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
def test_the_gradient_of_the_size_penalty_is_that_of_differences(p, rng):
    agrees(lambda u: power_penalty(u, p), rng.standard_normal((2, 3, 4, 2)))


@pytest.mark.parametrize("b", [1, 1.5, 2])
def test_the_gradient_of_the_total_variation_is_that_of_differences(b, rng):
    agrees(lambda u: total_variation(u, b), rng.standard_normal((2, 4, 3, 2)))


def test_the_gradient_of_the_likeness_is_that_of_differences(rng):
    def summed(u):  # over the starts, which see one another
        value, slope = likeness(u)
        return value.sum(axis=1), slope

    agrees(summed, rng.standard_normal((2, 3, 4, 1)))


def agrees(penalty, u, h=1e-6):
    slope = penalty(u)[1]
    for i in np.ndindex(u.shape):
        step = np.zeros_like(u)
        step[i] = h
        difference = (penalty(u + step)[0] - penalty(u - step)[0])[i[0]] / (2 * h)
        assert abs(difference - slope[i]) < 1e-7


def test_total_variation_by_hand():
    u = np.array([[[0.0], [3.0]], [[4.0], [3.0]]])[None]  # Δ down and right: (4, 3), (0, –), (–, −1)

    np.testing.assert_allclose(total_variation(u, 2.0)[0], 16 + 9 + 1)
    np.testing.assert_allclose(total_variation(u, 1.0)[0], 5 + 1, atol=4e-3)


@pytest.mark.parametrize("b", [1.0, 1.5, 2.0])
def test_a_constant_image_has_no_variation(b):
    cost, slope = total_variation(np.full((2, 5, 4, 3), 0.7), b)

    assert np.array_equal(cost, [0, 0])
    assert not slope.any()


def test_blur_keeps_constants_and_sums_its_weights(rng):
    np.testing.assert_allclose(blurred(np.full((1, 6, 5, 2), 3.0), 1.3), 3.0)
    assert blurred(rng.random((1, 6, 5, 1)), 2.0).std() < 0.15


# What holds for a trained network


def test_the_network_sees_the_class_that_was_asked_for(ten, network):
    assert network(ten.best).argmax(axis=1).tolist() == list(range(10))
    assert (ten.probabilities > 0.99).all()


def test_what_is_returned_is_what_the_network_gives_for_the_returned_image(ten, network):
    y = network(ten.best)

    np.testing.assert_allclose(ten.scores[:, 0], y[np.arange(10), range(10)], rtol=1e-5)
    np.testing.assert_allclose(ten.probabilities[:, 0], pl.softmax(y)[np.arange(10), range(10)], rtol=1e-4)


def test_the_objective_rises_and_the_best_is_kept(ten):
    assert (ten.curve[-1] > ten.curve[0] + 1).all()
    assert np.array_equal(ten.objectives, ten.curve.max(axis=0))
    assert ten.curve_steps[0] == 0
    assert ten.curve_steps[-1] == 96


def test_the_film_begins_at_the_start_and_ends_at_the_image(ten):
    assert ten.film.shape == (8, 10, 28, 28, 1)
    assert ten.film_steps[[0, -1]].tolist() == [0, 96]
    assert np.array_equal(ten.film[-1], ten.best)
    assert ten.film[0].max() <= 0.1


def test_the_nearest_samples_are_the_most_alike(ten, digits):
    flat, images = digits.x.reshape(4000, -1), ten.best.reshape(10, -1)
    cosine = images @ flat.T / np.linalg.norm(images, axis=1)[:, None] / np.linalg.norm(flat, axis=1)

    assert ten.nearest.indices.tolist() == cosine.argmax(axis=1).tolist()
    np.testing.assert_allclose(ten.nearest.likeness, cosine.max(axis=1), rtol=1e-4)
    assert np.array_equal(ten.nearest.labels, digits.t[ten.nearest.indices])
    assert (ten.nearest.labels == range(10)).mean() >= 0.7


def test_the_same_seed_gives_the_same_image_and_another_another(network):
    one, same, other = (maximize(network, 3, steps=20, seed=seed) for seed in (5, 5, 6))

    assert np.array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)


def test_a_target_in_a_batch_is_what_it_is_by_itself():
    network = pl.Sequential(
        [pl.Conv2D(4, 3), pl.Tanh(), pl.Flatten(), pl.Affine(3)], input_shape=(7, 7, 1), dtype=np.float64
    )
    batch = maximize(network, [2, 0], steps=30, starts=2)

    np.testing.assert_allclose(maximize(network, 0, steps=30, starts=2).images[0], batch.images[1], atol=1e-6)


def test_the_range_is_kept_also_in_the_film(network):
    found = maximize(network, [1, 8], steps=30, bounds=(-0.4242, 2.8215))

    for array in (found.images, found.film):
        assert array.min() >= np.float32(-0.4242)
        assert array.max() <= np.float32(2.8215)
    assert found.images.max() > 1.5


def test_the_variation_falls_as_its_weight_grows(network):
    images = [
        maximize(network, 5, steps=96, size_weight=0.01, variation_weight=w).image[None] for w in (0, 0.03, 0.1, 0.3)
    ]
    costs = [float(total_variation(image, 1.0)[0][0]) for image in images]

    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.7 * costs[0]


def test_weights_mean_the_same_in_any_range(network):
    """The same network for pixels of 0–255, with the same weights: the same image."""
    twin = pl.layers.copy_network(network, np.float64)
    scaled = pl.layers.copy_network(network, np.float64)
    scaled.params["conv2d1.W"] /= 255

    one = maximize(twin, 2, steps=40)
    other = maximize(scaled, 2, steps=40, bounds=(0, 255))

    np.testing.assert_allclose(other.image / 255, one.image, atol=1e-6)


def test_diversity_keeps_starts_apart(network):
    alike = [
        float(likeness(maximize(network, 7, starts=3, steps=96, diversity=d).images)[0].mean()) for d in (0.0, 20.0)
    ]

    assert alike[1] < alike[0] - 0.1


def test_softmax_is_never_in_the_way(network):
    ended = pl.Sequential([*pl.layers.copy_network(network).layers, pl.Softmax()], input_shape=network.input_shape)

    found, plain = (maximize(n, 4, steps=30) for n in (ended, network))

    assert np.array_equal(found.images, plain.images)
    assert found.scores[0, 0] > 1
    assert found.layer == "preds"


@pytest.mark.parametrize("position", ["mean", "max", "centre", (0, 2)])
def test_filters_are_found_by_the_name_of_their_layer(network, position):
    found = maximize(network, [0, 3], layer="maps", position=position, steps=40)
    maps = network.layer("maps").function(_before(network, found.best))[np.arange(2), :, :, [0, 3]]
    read = {"mean": maps.mean(axis=(1, 2)), "max": maps.max(axis=(1, 2)), "centre": maps[:, 2, 2]}

    np.testing.assert_allclose(found.scores[:, 0], read.get(position, maps[:, 0, 2]), rtol=1e-4)
    assert found.probabilities is None
    assert (found.curve[-1] >= found.curve[0]).all()


def test_the_plain_call_shows_the_pattern_of_a_filter_at_the_middle_of_the_image(network):
    found = maximize(network, [0, 3], layer="maps", steps=60)
    said = maximize(network, [0, 3], layer="maps", position="centre", jitter=0, steps=60)
    box = pl.views.receptive_field(network, "maps", (2, 2))
    outside = np.ones((28, 28), bool)
    outside[box.top : box.bottom, box.left : box.right] = False

    assert np.array_equal(found.images, said.images)
    assert (found.settings["position"], found.settings["jitter"]) == ((2, 2), 0)
    assert (found.best.max(axis=(1, 2, 3)) > 0.9).all()
    assert found.best[:, outside].mean() < 0.02 < 0.2 < found.best[:, ~outside].mean()  # paper around the pattern
    everywhere = maximize(network, [0, 3], layer="maps", position="mean", steps=60)
    assert everywhere.best[:, outside].mean() > 0.1


@pytest.mark.parametrize(
    ("options", "jitter"),
    [
        ({}, 2),
        ({"layer": "maps", "position": "mean"}, 2),
        ({"layer": "maps", "position": "max"}, 2),
        ({"layer": "maps", "position": (1, 1)}, 0),
        ({"layer": "maps", "jitter": 1}, 1),
        ({"jitter": 0}, 0),
    ],
)
def test_images_are_shifted_unless_one_place_counts(network, options, jitter):
    assert maximize(network, 0, steps=2, **options).settings["jitter"] == jitter


def _before(network, x):
    for layer in network.layers[:3]:
        x = layer(x)
    return x


def test_a_dead_start_comes_to_life():
    network = linear(np.ones((4, 4, 1)))
    stuck = pl.Sequential([pl.Flatten(), pl.Affine(1), pl.ReLU()], input_shape=(4, 4, 1), dtype=np.float64)
    stuck.params["affine1.W"] = network.params["affine1.W"]
    stuck.params["affine1.b"] = np.array([-8.0])  # no start is bright enough

    found = maximize(stuck, 0, layer="relu1", **FREE, **QUIET)

    np.testing.assert_allclose(found.scores, 8.0)


def test_flat_networks_work_too(rng):
    network = pl.TwoLayerNet(36, 12, 3)
    found = maximize(network, 1, steps=40, data=rng.random((20, 36)))

    assert found.image.shape == (36,)
    assert found.curve[-1] > found.curve[0]


def test_units_inside_branches_are_found():
    network = pl.Sequential([pl.Residual([pl.Conv2D(2, 3, padding="same"), pl.Tanh()])], input_shape=(6, 6, 2))

    assert maximize(network, 1, layer="residual1.branch.conv2d1", steps=20).scores[0, 0] > 0


def test_the_network_is_not_changed():
    network = small_resnet()
    before = {k: v.tobytes() for k, v in {**network.params, **network.buffers}.items()}

    maximize(network, [0, 1], steps=4, starts=2)

    assert {k: v.tobytes() for k, v in {**network.params, **network.buffers}.items()} == before


def test_the_settings_make_the_same_image_again(network):
    found = maximize(network, 6, steps=24, seed=3)
    weights = {k: found.settings[k][0] for k in ("size_weight", "variation_weight")}

    again = maximize(network, 6, steps=24, seed=3, **weights)

    assert np.array_equal(found.images, again.images)
    assert found.settings["bounds"] == (0.0, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 10}, r"target must lie in 0..9, got 10"),
        ({"target": 0.5}, r"target must be a whole number"),
        ({"target": []}, r"at least one class"),
        ({"layer": "map"}, r"Did you mean 'maps'"),
        ({"bounds": (1, 0)}, r"low < high"),
        ({"layer": "maps", "position": (9, 9)}, r"position must be"),
        ({"size_power": 0.5}, r"size_power must lie in"),
        ({"steps": 0}, r"steps must be a whole number"),
    ],
)
def test_what_cannot_be_done_is_named(network, options, message):
    with pytest.raises(pl.errors.ArgumentError, match=message):
        maximize(network, **{"target": 0, **options})


def test_a_unit_that_does_not_depend_on_its_input_is_named():
    with pytest.raises(pl.errors.StateError, match="no gradient reaches the image"):
        maximize(linear(np.zeros((4, 4, 1))), 0)


def test_the_picture_has_an_image_a_neighbour_and_a_film_for_each_target(ten):
    fig = ten.plot()

    assert len(fig.axes) == 10 * (1 + 1 + 8)
