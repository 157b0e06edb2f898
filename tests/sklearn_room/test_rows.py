"""Equal rows are taken together: weights are repeats, and the order of the rows does not matter, to the last bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_array

import pellucid as pl
from pellucid.sklearn import PellucidClassifier, PellucidRegressor
from pellucid.sklearn.rows import merged


@pytest.fixture
def data(rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.standard_normal((60, 4)).astype(np.float32)
    return x, np.arange(60) % 3, rng.integers(0, 4, 60)


def params(model) -> dict[str, np.ndarray]:
    return dict(model.network_.params)


def assert_same(a, b) -> None:
    for key, p in params(a).items():
        np.testing.assert_array_equal(p, params(b)[key])


@pytest.mark.parametrize("kind", [PellucidClassifier, PellucidRegressor])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"dropout": 0.2}], ids=str)
def test_a_weight_is_so_many_repeats_whatever_the_batches(kind, options, data):
    x, t, weights = data
    model = kind(8, epochs=5, batch_size=16, random_state=0, **options)
    weighed = model.fit(x, t, sample_weight=weights)
    repeated = kind(**model.get_params()).fit(x.repeat(weights, axis=0), t.repeat(weights))

    assert_same(weighed, repeated)
    assert weighed.loss_curve_ == repeated.loss_curve_


def test_the_order_of_the_rows_does_not_matter(data, rng):
    x, t, _ = data
    order = rng.permutation(60)
    one, other = (PellucidClassifier(8, epochs=3, random_state=0).fit(x[i], t[i]) for i in (slice(None), order))

    assert_same(one, other)


def test_sparse_rows_teach_what_dense_ones_do(data):
    x, t, weights = data
    x[np.abs(x) < 0.7] = 0
    x[0, 0] = -0.0
    dense, sparse = (
        PellucidClassifier(8, epochs=3, random_state=0).fit(rows, t, sample_weight=weights)
        for rows in (x, csr_array(x))
    )

    assert_same(dense, sparse)
    np.testing.assert_array_equal(dense.predict_proba(x), dense.predict_proba(csr_array(x)))


def test_sparse_rows_are_never_dense_all_at_once(rng):
    wide = csr_array((np.ones(300, np.float32), (np.arange(300), rng.integers(0, 20_000, 300))), shape=(300, 20_000))
    network = [pl.Affine(2, weight="zeros")]
    tracemalloc.start()
    model = PellucidClassifier(network=network, epochs=1, batch_size=20, optimizer="sgd", early_stopping=True)
    model.fit(wide, np.arange(300) % 2).predict(wide[:50])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 300 * 20_000 * 4  # as one array


def test_rows_are_merged_where_features_and_target_are_equal():
    x = np.array([[1, 2], [3, 4], [1, 2], [1, 2], [3, 4]], np.float32)
    t = np.array([0, 1, 0, 1, 1])
    rows, targets, weights = merged(x, t, np.array([1.0, 2, 0.5, 1, 0]))

    assert sorted(zip(rows[:, 0], targets, weights, strict=True)) == [(1, 0, 1.5), (1, 1, 1), (3, 1, 2)]


def test_equal_weights_are_no_weights(data):
    x, t, _ = data
    assert merged(x, t, None)[2] is None
    assert merged(np.repeat(x, 2, axis=0), np.repeat(t, 2), None)[2] is None


def test_rows_of_one_sum_are_not_taken_for_equal(data, monkeypatch):
    x, t, _ = data
    monkeypatch.setattr("pellucid.sklearn.rows._sums", lambda x, seed: np.zeros(x.shape[0], np.uint64))

    assert len(merged(x, t, None)[0]) == 60


def test_sparse_entries_that_stand_twice_are_added_in_a_copy():
    twice = csr_array((np.ones(3, np.float32), [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    rows, _, _ = merged(twice, np.array([0, 1]), None)

    assert sorted(rows.toarray().tolist()) == [[0, 1], [2, 0]]
    assert twice.nnz == 3
