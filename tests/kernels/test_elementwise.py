"""Adam, dropout and ReLU in one pass: right, and the same bits in NumPy and compiled, in any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.kernels import jit, set_num_threads
from pellucid.kernels.elementwise import plan as elementwise

SIZE = 100_003


def state(dtype: type = np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    p, g, m, v = (rng.standard_normal(SIZE).astype(dtype) for _ in range(4))
    return [p, g, m, np.abs(v)]


@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_follows_the_paper(decoupled: bool) -> None:
    p, g, m, v = state(np.float64)
    d = g if decoupled else g + 0.01 * p
    new_m, new_v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d**2
    step = 1e-3 * (new_m / (1 - 0.9**3)) / (np.sqrt(new_v / (1 - 0.999**3)) + 1e-8)
    wanted = p - step - (1e-3 * 0.01 * p if decoupled else 0)
    elementwise.inplace_adam(p, g, m, v, rate=1e-3, step=3, decay=0.01, decoupled=decoupled)

    assert np.allclose(p, wanted, rtol=1e-12)
    assert np.allclose(m, new_m, rtol=1e-12)
    assert np.allclose(v, new_v, rtol=1e-12)


@pytest.mark.usefixtures("needs_numba")
def test_adam_has_the_same_bits_in_numpy_and_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, plain = state(), state()
    elementwise.inplace_adam(*compiled, rate=1e-3, step=5, decay=0.01)
    monkeypatch.setattr(jit, "available", lambda: False)
    elementwise.inplace_adam(*plain, rate=1e-3, step=5, decay=0.01)

    assert all(np.array_equal(a, b) for a, b in zip(compiled, plain, strict=True))


@pytest.mark.usefixtures("threads", "needs_numba")
def test_dropout_has_the_same_bits_in_numpy_compiled_and_any_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x, key = state()[0], elementwise.dropout_key(np.random.default_rng(0))
    results = []
    for threads in (1, 2, 3):
        set_num_threads(threads)
        results.append(elementwise.dropout(x, key, 0.3))
    monkeypatch.setattr(jit, "available", lambda: False)
    results.append(elementwise.dropout(x, key, 0.3))

    assert all(np.array_equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(probability: float) -> None:
    ones = np.ones(400_000, np.float32)
    y = elementwise.dropout(ones, elementwise.dropout_key(np.random.default_rng(1)), probability)

    assert np.mean(y == 0) == pytest.approx(probability, abs=0.004)
    assert np.allclose(y[y > 0], 1 / (1 - probability))


def test_dropout_masks_look_independent() -> None:
    """Neighbours, distant elements and two keys: correlations of a size that chance explains (4 σ)."""
    size = 1 << 18
    rng = np.random.default_rng(2)
    a, b = (elementwise.dropout(np.ones(size, np.float32), elementwise.dropout_key(rng), 0.5) - 1 for _ in range(2))
    for lag in (1, 2, 3, 16, 64, 784, 4096):
        assert abs(np.mean(a[:-lag] * a[lag:])) < 4 / np.sqrt(size)
    assert abs(np.mean(a * b)) < 4 / np.sqrt(size)


def test_dropout_of_the_gradient_uses_the_same_mask() -> None:
    x, dy, *_ = state()
    key = elementwise.DropoutKey(1, 2)

    assert np.array_equal(elementwise.dropout(x, key, 0.5) == 0, elementwise.dropout(dy, key, 0.5) == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_and_its_gradient(dtype: type) -> None:
    x, dy, *_ = state(dtype)
    y = elementwise.relu(x)

    assert np.array_equal(y, np.maximum(x, 0))
    assert np.array_equal(elementwise.relu_gradient(dy, y), np.where(x > 0, dy, 0))
    assert np.isnan(elementwise.relu(np.array([np.nan], dtype)))[0]


def test_arrays_that_do_not_fit_or_may_not_be_written_are_refused() -> None:
    a, b = np.ones(9, np.float32), np.ones(8, np.float32)
    frozen = np.ones(9, np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="fit"):
        elementwise.relu_gradient(a, b)
    with pytest.raises(ValueError, match="fit"):
        elementwise.relu(a, out=b)
    with pytest.raises(ValueError, match="writable"):
        elementwise.relu(a, out=frozen)
    with pytest.raises(ValueError, match="fit"):
        elementwise.inplace_adam(a, b, a.copy(), a.copy(), rate=0.1, step=1)
