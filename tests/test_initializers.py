"""Initialisers: the variances of the papers, the fans of weights and kernels, names and configurations."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ArgumentError, UnknownNameError
from pellucid.initializers import (
    INITIALIZERS,
    Constant,
    Gaussian,
    He,
    Initializer,
    LeCun,
    Orthogonal,
    Uniform,
    Xavier,
    Zeros,
    as_initializer,
    fans,
    initializer_config,
)

EACH: list[Initializer] = [
    Zeros(),
    Constant(0.5),
    Gaussian(0.2),
    Uniform(),
    Uniform(0.3),
    Xavier(),
    Xavier("uniform"),
    He(),
    He("uniform"),
    LeCun(),
    LeCun("uniform"),
    Orthogonal(),
    Orthogonal(2.0),
]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((784, 50), (784, 50)), ((3, 3, 16, 32), (144, 288)), ((5, 5, 1, 30), (25, 750)), ((10,), (10, 10))],
)
def test_fans_of_dense_weights_and_kernels(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


@pytest.mark.parametrize(
    ("initializer", "std"),
    [
        (Gaussian(), 0.01),
        (Gaussian(0.3), 0.3),
        (Uniform(0.6), 0.6 / math.sqrt(3)),
        (Uniform(), 1 / math.sqrt(3 * 400)),  # ±1/√fan_in
        (Xavier(), math.sqrt(2 / (400 + 100))),
        (Xavier("uniform"), math.sqrt(2 / (400 + 100))),
        (He(), math.sqrt(2 / 400)),
        (He("uniform"), math.sqrt(2 / 400)),
        (LeCun(), math.sqrt(1 / 400)),
        (LeCun("uniform"), math.sqrt(1 / 400)),
    ],
    ids=repr,
)
def test_the_standard_deviation_is_that_of_the_paper(
    initializer: Initializer, std: float, rng: np.random.Generator
) -> None:
    w = initializer((400, 100), rng, np.float64)

    # 40,000 draws: the standard error of a standard deviation is about 0.35 %, of the mean 0.5 % of it.
    assert w.std() == pytest.approx(std, rel=0.02)
    assert abs(w.mean()) < 0.02 * std


def test_a_kernel_counts_its_receptive_field(rng: np.random.Generator) -> None:
    w = He()((5, 5, 16, 200), rng, np.float64)

    assert w.std() == pytest.approx(math.sqrt(2 / (5 * 5 * 16)), rel=0.02)


@pytest.mark.parametrize(
    ("initializer", "bound"),
    [
        (Uniform(0.3), 0.3),
        (Uniform(), 1 / math.sqrt(400)),
        (Xavier("uniform"), math.sqrt(6 / 500)),
        (He("uniform"), math.sqrt(6 / 400)),
        (LeCun("uniform"), math.sqrt(3 / 400)),
    ],
    ids=repr,
)
def test_uniform_draws_fill_their_bounds(initializer: Initializer, bound: float, rng: np.random.Generator) -> None:
    w = initializer((400, 100), rng, np.float64)

    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.999 * bound


def test_zeros_and_constant(rng: np.random.Generator) -> None:
    np.testing.assert_array_equal(Zeros()((2, 3), rng), np.zeros((2, 3)))
    np.testing.assert_array_equal(Constant(0.5)((2,), rng), [0.5, 0.5])


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 3, 2, 4), (2, 2, 2, 30)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    w = Orthogonal(3.0)(shape, rng, np.float64).reshape(-1, shape[-1]) / 3
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T

    assert w.shape == (math.prod(shape[:-1]), shape[-1])
    np.testing.assert_allclose(product, np.eye(min(w.shape)), atol=1e-12)


@pytest.mark.parametrize("initializer", EACH, ids=repr)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_seed_gives_the_same_values_in_either_precision(initializer: Initializer, seed: int) -> None:
    double = initializer((4, 3), np.random.default_rng(seed), np.float64)
    single = initializer((4, 3), np.random.default_rng(seed))

    assert (single.dtype, single.shape, single.flags.c_contiguous) == (np.float32, (4, 3), True)
    np.testing.assert_array_equal(double.astype(np.float32), single)


@pytest.mark.parametrize("initializer", EACH, ids=repr)
def test_a_configuration_is_json_and_makes_the_same_initialiser(initializer: Initializer) -> None:
    assert as_initializer(json.loads(json.dumps(initializer_config(initializer)))) == initializer


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "constant"])
def test_each_name_works_in_any_case(name: str) -> None:
    assert type(as_initializer(name.upper())) is INITIALIZERS[name]


def test_glorot_is_xavier() -> None:
    assert as_initializer("glorot") == Xavier()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("xaveir", UnknownNameError, "unknown name 'xaveir'. Did you mean 'xavier'"),
        ({"name": "gaussian", "sdt": 1}, ArgumentError, "Initializer 'gaussian'.*sdt"),
        ({"std": 1}, UnknownNameError, "Initializer: unknown name ''"),
        ({"name": "he", "distribution": "norml"}, UnknownNameError, "He: unknown distribution.*'normal'"),
        (He, UnknownNameError, "Initializer: unknown name"),
        (None, UnknownNameError, "Initializer: unknown name"),
        (0.01, UnknownNameError, "Initializer: unknown name 0.01"),
    ],
)
def test_what_is_no_initialiser_is_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_initializer(given)
