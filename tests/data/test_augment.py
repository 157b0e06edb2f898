"""RandomShift: whole pixels, all moves equally likely, the originals untouched; and what `fit` asks of a function."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import RandomShift


def test_a_point_moves_to_each_of_the_nine_places_equally_often() -> None:
    x = np.zeros((9000, 5, 5, 1), np.float32)
    x[:, 2, 2] = 1
    moved = RandomShift(1)(x, np.random.default_rng(0))

    counts = moved.sum(axis=(0, 3))
    assert np.array_equal(counts > 0, np.pad(np.ones((3, 3), bool), 1))
    assert np.allclose(counts[1:4, 1:4], 1000, atol=120)  # four standard deviations
    assert np.all(x[:, 2, 2] == 1)


def test_what_enters_at_the_edge_is_the_background() -> None:
    x = np.arange(1, 10, dtype=np.float64).reshape(1, 3, 3, 1)
    seen = {RandomShift(1, fill=-1)(x, np.random.default_rng(seed))[0, :, :, 0].tobytes() for seed in range(200)}

    up_and_left = np.array([[5, 6, -1], [8, 9, -1], [-1, -1, -1]], np.float64)
    assert len(seen) == 9
    assert up_and_left.tobytes() in seen


def test_the_same_generator_gives_the_same_shifts() -> None:
    x = np.random.default_rng(0).random((20, 6, 7, 3), np.float32)
    first, second = (RandomShift(2)(x, np.random.default_rng(4)) for _ in range(2))

    assert first.dtype == np.float32
    assert np.array_equal(first, second)


def test_what_is_not_an_image_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match="N, H, W, C"):
        RandomShift(1)(np.zeros((4, 784), np.float32), np.random.default_rng(0))
    with pytest.raises(pl.PellucidError, match="pixels"):
        RandomShift(0)


def network() -> pl.Sequential:
    return pl.Sequential([pl.Flatten(), pl.Affine(2)], input_shape=(4, 4, 1), seed=0)


def samples() -> pl.Dataset:
    x = np.random.default_rng(0).random((40, 4, 4, 1), np.float32)
    return pl.Dataset(x, np.arange(40) % 2)


def test_fit_trains_on_the_changed_images_with_the_same_bits_for_the_same_seed() -> None:
    def train(augment: pl.data.Augment | None) -> bytes:
        model = network()
        pl.fit(model, samples(), epochs=2, batch_size=10, augment=augment, progress=False)
        return model.params["affine1.W"].tobytes()

    assert train(RandomShift(1)) == train(RandomShift(1))
    assert train(RandomShift(1)) != train(None)
    assert train(lambda x, rng: x) == train(None)


def test_the_history_says_how_the_images_were_changed() -> None:
    history = pl.fit(network(), samples(), augment=RandomShift(1), batch_size=10, progress=False)

    assert history.settings["augment"] == "RandomShift(1)"


def test_fit_refuses_images_of_another_shape_or_dtype() -> None:
    for wrong in (lambda x, rng: x[:, :2], lambda x, rng: x.astype(np.float64), lambda x, rng: None):
        with pytest.raises(pl.PellucidError, match="augment must return samples of float32"):
            pl.fit(network(), samples(), augment=wrong, batch_size=10, progress=False)
