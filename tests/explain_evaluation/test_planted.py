"""Planted causes: what the data promise, and that explanations find the shortcut that a network reads."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import pellucid as pl
from pellucid import explain
from pellucid.data import block_mnist, planted_shortcut
from pellucid.data.planted import marks
from pellucid.errors import ArgumentError, ShapeError
from pellucid.explain.evaluate import relevance_mass

# Each method with the pixels by which its grain reaches beyond the mark: a patch of occlusion, a convolution's window.
FINDERS = {
    "input_x_gradient": (explain.input_x_gradient, 0),
    "integrated_gradients": (explain.integrated_gradients, 0),
    "deep_lift": (explain.deep_lift, 0),
    "lrp": (explain.lrp, 0),
    "occlusion": (partial(explain.occlusion, value="black"), 2),
    "hires_cam": (explain.hires_cam, 2),
}


def digits(count, first=0):
    return pl.mnist(flatten=False)[0][first : first + count]


def one_convolution(data, epochs):
    network = pl.Sequential(
        [pl.Conv2D(16, 5), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(10)], input_shape=(28, 28, 1)
    )
    optimizer = pl.optimizers.Momentum(0.05, weight_decay=0.01)
    pl.fit(network, data, epochs=epochs, batch_size=50, optimizer=optimizer, progress=False, train_sample=0)
    return network


@pytest.fixture(scope="module")
def with_shortcut():
    return one_convolution(planted_shortcut(digits(8000), only_cause=True).data, 6)


@pytest.fixture(scope="module")
def without_shortcut():
    return one_convolution(planted_shortcut(digits(4000), correlation=0).data, 2)


def test_the_network_with_the_shortcut_reads_nothing_else(with_shortcut):
    marked = planted_shortcut(digits(1000, 10_000), only_cause=True, seed=1).data
    misled = planted_shortcut(digits(1000, 10_000), correlation=0, seed=1).data

    assert pl.evaluate(with_shortcut, marked).accuracy > 0.99
    assert pl.evaluate(with_shortcut, misled).accuracy < 0.2


@pytest.mark.parametrize("name", FINDERS)
def test_the_mark_holds_the_relevance_where_it_is_the_cause_and_not_where_it_is_none(
    name, with_shortcut, without_shortcut
):
    method, dilation = FINDERS[name]
    data, masks = planted_shortcut(digits(24, 10_000), only_cause=True, seed=1)

    found = relevance_mass(with_shortcut, method, data.x, masks, dilation=dilation)
    ignored = relevance_mass(without_shortcut, method, data.x, masks, dilation=dilation)

    print(f"{name}: with {found.mean:.3f}, without {ignored.mean:.3f}")
    assert found.mean >= 0.8
    assert ignored.mean < 0.1


def test_marks_have_half_their_pixels_lit_and_differ_in_half():
    shapes = marks(20).reshape(20, 16)
    unlike = (shapes[:, None] != shapes).sum(axis=2)

    assert (shapes.sum(axis=1) == 8).all()
    assert set(unlike[~np.eye(20, dtype=bool)]) == {8, 16}


def test_a_full_correlation_marks_every_image_with_its_class_and_changes_nothing_else():
    data = digits(50)
    before = data.x.copy()

    marked, masks = planted_shortcut(data)

    assert np.array_equal(data.x, before)
    assert np.array_equal(marked.t, data.t)
    assert np.array_equal(marked.x[:, 1:5, 1:5, 0], marks(10)[data.t])
    assert np.array_equal(marked.x[~masks], data.x[~masks])
    assert masks.sum() == 50 * 16


def test_without_correlation_the_mark_says_nothing():
    marked = planted_shortcut(digits(2000), correlation=0, seed=3).data
    told = (marked.x[:, None, 1:5, 1:5, 0] == marks(10)).all(axis=(2, 3)).argmax(axis=1)

    assert (told == marked.t).mean() == pytest.approx(0.1, abs=0.03)


def test_as_the_only_cause_the_mark_tells_labels_that_the_digits_do_not():
    data = digits(2000)

    marked = planted_shortcut(data, only_cause=True).data

    assert np.array_equal(np.bincount(marked.t), np.bincount(data.t))
    assert (marked.t == data.t).mean() == pytest.approx(0.1, abs=0.03)
    assert np.array_equal(marked.x[:, 1:5, 1:5, 0], marks(10)[marked.t])


def test_the_same_seed_plants_the_same():
    one, two, other = (planted_shortcut(digits(40), correlation=0.5, seed=s).data.x for s in (1, 1, 2))

    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_block_mnist_puts_the_digit_where_the_mask_says_and_the_same_block_beside_it():
    data = digits(60)

    blocks, masks = block_mnist(data)

    assert blocks.x.shape == (60, 56, 28, 1)
    assert np.array_equal(blocks.x[masks].reshape(60, 28, 28, 1), data.x)
    null = blocks.x[~masks].reshape(60, 28, 28)
    assert (null == null[0]).all()
    assert null[0].sum() == 14 * 14 - 10 * 10
    assert 15 < masks[:, 0, 0].sum() < 45


def test_what_cannot_be_planted_is_refused():
    with pytest.raises(ShapeError, match=r"must hold images.*mnist\(flatten=False\)"):
        planted_shortcut(digits(5).flattened())
    with pytest.raises(ArgumentError, match="tells 20 classes apart, the data have 30"):
        planted_shortcut(pl.Dataset(digits(5).x, np.arange(5), classes=30))
    with pytest.raises(ArgumentError, match=r"correlation must lie in \[0, 1\]"):
        planted_shortcut(digits(5), correlation=1.5)
    with pytest.raises(ShapeError, match="do not fit"):
        planted_shortcut(digits(5), margin=25)
