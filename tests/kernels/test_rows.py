"""A row's product has the same bits whatever the other rows are, and is right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.kernels import set_num_threads
from pellucid.kernels.dense import rows as module
from pellucid.kernels.dense.rows import part_of, rows_times, rows_times_transposed

pytestmark = pytest.mark.usefixtures("threads")

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DTYPES = st.sampled_from([np.float32, np.float64])


def normal(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(dtype)


def check(n: int, d: int, k: int, dtype: type) -> None:
    """Both products, of all rows and of some, beside float64."""
    x, w, dy = normal(n, d, dtype=dtype), normal(d, k, dtype=dtype), normal(n, k, dtype=dtype)
    for product, a, b in ((rows_times, x, w), (rows_times_transposed, dy, w.T)):
        y, wanted = product(a, w), a.astype(np.float64) @ b
        size = np.abs(a).astype(np.float64) @ np.abs(b)
        assert y.dtype == dtype
        assert (np.abs(y - wanted) <= (2e-6 if dtype == np.float32 else 1e-14) * size + 1e-30).all()
        for some in (slice(0, 1), slice(n - 1, n), slice(n // 3, n // 3 + 2), slice(n // 2, None)):
            assert np.array_equal(product(np.ascontiguousarray(a[some]), w), y[some])


@QUICK
@given(st.integers(1, 70), st.integers(1, 400), st.integers(1, 90), DTYPES)
def test_rows_have_their_own_bits(n: int, d: int, k: int, dtype: type) -> None:
    check(n, d, k, dtype)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 600])
@pytest.mark.parametrize(("d", "k"), [(3000, 40), (130, 1100), (1, 1), (9216, 17), (1025, 513)])
def test_sums_of_several_parts_blocks_of_rows_and_of_columns(n: int, d: int, k: int) -> None:
    check(n, d, k, np.float32)


@pytest.mark.usefixtures("without_numba")
def test_rows_have_their_own_bits_without_numba() -> None:
    for n in (1, 15, 16, 17, 300):
        check(n, 800, 30, np.float32)


@QUICK
@given(st.integers(2, 40), st.integers(1, 500), st.integers(1, 60), st.integers(1, 300))
def test_small_parts_blocks_and_columns(n: int, d: int, k: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PART", size), ("ROWS", 7), ("COLUMNS", 32)):
            patch.setattr(module, name, value)
        for cached in (module.one_row, module._some_rows):
            cached.cache_clear()
        check(n, d, k, np.float32)
    for cached in (module.one_row, module._some_rows):
        cached.cache_clear()


def test_the_bits_do_not_depend_on_the_threads() -> None:
    x, w = normal(300, 9216), normal(9216, 130)
    results = []
    for threads in (1, 2, 3):
        set_num_threads(threads)
        results.append((rows_times(x, w), rows_times(x[:1], w), rows_times_transposed(x[:, :130].copy(), w)))
    for one, other in zip(results[0] + results[0], results[1] + results[2], strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("d", "k", "part"), [(784, 10, 896), (9216, 128, 768), (1, 1, 128), (25088, 4096, 2176)])
def test_parts_follow_from_the_matrix(d: int, k: int, part: int) -> None:
    assert part_of(d, k) == part


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_times_anything(n: int) -> None:
    assert rows_times(normal(n, 5), normal(5, 0)).shape == (n, 0)
    assert not rows_times(normal(n, 0), normal(0, 4)).any()
    assert rows_times_transposed(normal(n, 0), normal(4, 0)).shape == (n, 4)
