"""Matrix products: right for every shape, order of memory and dtype, whichever way they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.kernels import set_num_threads
from pellucid.kernels.dense import matmul as module
from pellucid.kernels.dense.matmul import matmul, sum_of_rows

pytestmark = pytest.mark.usefixtures("threads")

sizes = st.integers(1, 300)


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every product goes the way of large ones."""
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "LARGE_MATRIX", 0)


def agrees(a: np.ndarray, b: np.ndarray) -> None:
    wanted = a.astype(np.float64) @ b.astype(np.float64)
    got = matmul(a, b)
    size = np.abs(a).astype(np.float64) @ np.abs(b)

    assert got.dtype == np.result_type(a, b)
    assert (np.abs(got - wanted) <= (2e-6 if got.dtype == np.float32 else 1e-14) * size + 1e-30).all()


@pytest.mark.usefixtures("nothing_is_small")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, sizes, sizes, st.booleans(), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_products_agree_with_float64(m: int, k: int, n: int, turned_a: bool, turned_b: bool, dtype: type) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k, m) if turned_a else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if turned_b else (k, n)).astype(dtype)
    agrees(a.T if turned_a else a, b.T if turned_b else b)


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("m", [1, 2, 12, 17, 64, 129, 300, 600])
@pytest.mark.parametrize("few", [1, 10, 16, 33, 64])
def test_long_sums_and_many_short_rows(m: int, few: int) -> None:
    """The two products of a dense layer after an image."""
    rng = np.random.default_rng(0)
    d = max(2503, 8 * m + 3)
    x, w, dy = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, d), (d, few), (m, few)))
    agrees(x, w)
    agrees(dy, w.T)


@pytest.mark.usefixtures("nothing_is_small")
def test_the_bits_do_not_depend_on_the_threads() -> None:
    rng = np.random.default_rng(0)
    x, w, dy = (rng.standard_normal(shape).astype(np.float32) for shape in ((40, 5000), (5000, 30), (40, 30)))
    for a, b in ((x, w), (dy, w.T), (x[:1], w), (x.T, dy)):
        results = []
        for count in (1, 2, 3):
            set_num_threads(count)
            results += [matmul(a, b) for _ in range(5)]
        assert all(np.array_equal(results[0], other) for other in results)


@pytest.mark.usefixtures("nothing_is_small")
def test_a_target_is_filled() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((20, 900)).astype(np.float32), rng.standard_normal((900, 7)).astype(np.float32)
    for target in (np.empty((20, 7), np.float32), np.empty((7, 20), np.float32).T):
        assert matmul(x, w, out=target) is target
        assert np.allclose(target, x @ w, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (144, 8192), (3, 100_001), (2000, 130)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_rows(shape: tuple[int, int], dtype: type) -> None:
    a = np.random.default_rng(0).random(shape).astype(dtype)
    assert np.allclose(sum_of_rows(a), a.astype(np.float64).sum(axis=0), rtol=1e-5)
    assert sum_of_rows(a).dtype == dtype


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        ((10, 4000), (2000, 60), (10, 60)),
        ((1, 1000), (500, 1000), (1, 1000)),
        ((1, 1000), (1000, 1000), (1, 10)),
        ((10, 90), (60, 4000), (10, 4000)),
        ((30, 20), (20, 9000), (30, 8000)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(a: tuple[int, int], b: tuple[int, int], out: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="fit"):
        matmul(np.ones(a, np.float32), np.ones(b, np.float32), out=np.empty(out, np.float32))
    with pytest.raises(ValueError, match="fit"):
        matmul(np.ones(a, np.float32), np.ones(b[::-1], np.float32).T, out=np.empty(out, np.float32))
