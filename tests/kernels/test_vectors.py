"""The language of the loops: vectors of 16 lanes, several at once, sums in registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from pellucid.kernels import addresses, jit
from pellucid.kernels.panels import panels
from pellucid.typing import Array

pytestmark = pytest.mark.usefixtures("needs_numba")
Run = Callable[..., Any]


@pytest.fixture
def simd() -> Any:
    return jit.load("vectors.simd")


@pytest.fixture
def several() -> Any:
    return jit.load("vectors.several")


def compiled(function: Run) -> Run:
    """A function of addresses, to be called with arrays."""
    code = pytest.importorskip("numba").njit(function)
    return lambda *given: code(*(addresses.own(a) if isinstance(a, np.ndarray) else a for a in given))


def lanes(*numbers: float) -> Array:
    return np.array([*numbers, *[0] * (16 - len(numbers))], np.float32)


@pytest.mark.parametrize("count", [-3, 0, 1, 15, 16, 17, 2**40])
def test_no_more_lanes_are_touched_than_are_counted(simd: Any, count: int) -> None:
    load_some, store_some = simd.load_some, simd.store_some
    copy = compiled(lambda p, q, count: store_some(q, load_some(p, count), count))
    x, y = np.arange(1, 17, dtype=np.float32), np.full(16, -1, np.float32)
    copy(x, y, count)
    few = min(max(count, 0), 16)
    assert y.tolist() == [*range(1, few + 1), *[-1] * (16 - few)]


def test_lanes_that_are_not_loaded_are_zeros(simd: Any) -> None:
    load_some, store = simd.load_some, simd.store
    y = np.full(16, -1, np.float32)
    compiled(lambda p, q: store(q, load_some(p, 3)))(np.full(16, 7, np.float32), y)
    assert y.tolist() == [7] * 3 + [0] * 13


def test_nan_passes_through_relu_and_wins_every_comparison(simd: Any) -> None:
    load, store, relu, above, beats, where, splat = (
        getattr(simd, name) for name in ("load", "store", "relu", "above", "beats", "where", "splat")
    )
    one, zero = np.float32(1), np.float32(0)

    def all_four(a: Any, b: Any, y: Any) -> None:
        store(y, relu(load(a)))
        store(y + 64, where(above(load(a), load(b)), splat(one), splat(zero)))
        store(y + 128, where(beats(load(a), load(b)), splat(one), splat(zero)))

    y = np.empty((3, 16), np.float32)
    nan = np.nan
    compiled(all_four)(lanes(-1, 2, nan, 1, nan), lanes(0, 1, 1, nan, nan), y)
    np.testing.assert_array_equal(y[:, :5], [[0, 2, nan, 1, nan], [0, 1, 1, 1, 1], [0, 1, 1, 0, 0]])


def test_vectors_are_added_in_place_and_fractions_are_no_addresses(simd: Any) -> None:
    load, store, splat = simd.load, simd.store, simd.splat
    half = np.float32(0.5)

    def steps(x: Any, y: Any) -> None:
        v = load(x)
        v += load(x + 64)
        v -= splat(half)
        v *= splat(half)
        store(y, v)

    x, y = np.arange(32, dtype=np.float32), np.empty(16, np.float32)
    compiled(steps)(x, y)
    np.testing.assert_array_equal(y, (x[:16] + x[16:] - 0.5) / 2)

    def astray(x: Any, y: Any) -> None:
        store(y, load(x + 128 / 4))

    errors = pytest.importorskip("numba").core.errors
    with pytest.raises(errors.TypingError, match="load: addresses and counts are whole numbers. Write // and not /."):
        compiled(astray)(x, y)


def test_bytes_are_compared_and_written(simd: Any) -> None:
    load, store, byte_is, store_bytes, where, splat = (
        getattr(simd, name) for name in ("load", "store", "byte_is", "store_bytes", "where", "splat")
    )
    one, zero = np.float32(1), np.float32(0)

    def both(numbers: Any, b: Any, y: Any) -> None:
        store_bytes(b, load(numbers), 5)
        store(y, where(byte_is(b, 2, 4), splat(one), splat(zero)))

    written, y = np.full(16, 9, np.uint8), np.empty(16, np.float32)
    compiled(both)(lanes(0, 2, 4, 2, 2), written, y)
    assert written.tolist() == [0, 2, 4, 2, 2, *[9] * 11]
    assert y.tolist() == lanes(0, 1, 0, 1).tolist()


def test_several_vectors_are_read_and_written_a_step_apart(several: Any) -> None:
    three, some, put, put_some = several.loads(3), several.loads_some(2), several.put, several.put_some

    def copy(x: Any, y: Any, z: Any) -> None:
        put(y, 64, three(x, 128))
        put_some(z, 64, some(x, 64, 2), 3)

    x, y, z = np.arange(96, dtype=np.float32), np.zeros(48, np.float32), np.full(32, -1, np.float32)
    compiled(copy)(x, y, z)
    np.testing.assert_array_equal(y.reshape(3, 16), x.reshape(3, 32)[:, :16])
    assert z.reshape(2, 16)[:, :4].tolist() == [[0, 1, 0, -1], [16, 17, 0, -1]]


def test_rows_outside_an_image_are_rows_of_zeros(several: Any) -> None:
    rows, column, put = several.rows_of(3), several.column_of(3), several.put

    def window(image: Any, r: Any, zeros: Any, y: Any) -> None:
        put(y, 64, column(rows(image, r, 4, 64, zeros), 0, 16))

    image, zeros = np.arange(1, 5, dtype=np.float32).repeat(16), np.zeros(16, np.float32)
    for r in range(-4, 6):
        y = np.empty((3, 16), np.float32)
        compiled(window)(image, r, zeros, y)
        assert y[:, 0].tolist() == [i + 1 if 0 <= i < 4 else 0 for i in range(r, r + 3)]


class Product(NamedTuple):
    x: Array
    w: Array
    start: Array
    y: Array


@pytest.mark.parametrize("rows", [1, 3, 4, 11, 12, 13, 97])
@pytest.mark.parametrize("columns", [1, 16, 17, 40])
def test_a_sweep_is_a_matrix_product(rows: int, columns: int) -> None:
    tile, floor = jit.load("vectors.tile"), np.float32(0)
    sweep, terms_of, into = tile.sweep, tile.rows_of, tile.Into

    def product(x: Any, places: Any, zeros: Any, w: Any, b: Any, y: Any, outs: Any, rows: Any, columns: Any) -> None:
        terms = terms_of(x, places, rows, zeros, 5)
        sweep(terms, w, b, 0, into(out=y, outs=outs, channels=columns, floor=floor))

    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, 5), (5, columns), columns))
    wide = np.zeros(-(-columns // 16) * 16, np.float32)
    wide[:columns] = b
    y, order = np.full((rows, columns), np.nan, np.float32), rng.permutation(rows)  # where x has which row
    places, outs = order * 20, order * 4 * columns
    compiled(product)(x, places, np.zeros(1, np.int64), panels(w[None]), wide, y, outs, rows, columns)
    np.testing.assert_allclose(y, np.maximum(x.astype(float) @ w + b, 0), atol=1e-5)


def test_a_sweep_goes_over_runs_of_a_window() -> None:
    tile = jit.load("vectors.tile")
    sweep, terms, into, one, floor = tile.sweep, tile.Sum, tile.Into, np.int64(4), tile.LOWEST

    def windows(x: Any, places: Any, runs: Any, w: Any, b: Any, y: Any, outs: Any) -> None:
        what = terms(x=x, places=places, many=5, runs=runs, count=2, run=3, xstep=one)
        sweep(what, w, b, 0, into(out=y, outs=outs, channels=2, floor=floor))

    x, w = np.arange(20, dtype=np.float32) ** 2, np.arange(12, dtype=np.float32).reshape(6, 2)
    y, places = np.full((5, 2), np.nan, np.float32), np.arange(5) * 8
    compiled(windows)(x, places, np.array([0, 16]), panels(w[None]), np.zeros(16, np.float32), y, np.arange(5) * 8)
    seen = [np.concatenate([x[2 * t : 2 * t + 3], x[2 * t + 4 : 2 * t + 7]]) for t in range(5)]
    np.testing.assert_array_equal(y, seen @ w)


def test_an_outer_sweep_adds_the_product_with_a_transposed_left_side() -> None:
    tile = jit.load("vectors.tile")
    sweep_outer, terms, into, floor = tile.sweep_outer, tile.Sum, tile.Into, tile.LOWEST

    def sums(x: Any, places: Any, zeros: Any, w: Any, y: Any, outs: Any) -> None:
        what = terms(x=x, places=places, many=8, runs=zeros, count=1, run=6, xstep=32)
        sweep_outer(what, w, 192, into(out=y, outs=outs, channels=48, floor=floor), 192)

    rng = np.random.default_rng(0)
    x, w, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((6, 8), (6, 48), (8, 48)))
    expected = y + x.T.astype(float) @ w
    compiled(sums)(x, np.arange(8) * 4, np.zeros(1, np.int64), w, y, np.arange(8) * 192)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def matrix(transform: Run, given: int, made: int) -> Array:
    """The matrix of a transform of vectors, from what it makes of unit vectors."""
    several = jit.load("vectors.several")
    load, put = several.loads(given), several.put
    run = compiled(lambda p, q: put(q, 64, transform(*load(p, 64))))
    x, y = np.zeros((given, 16), np.float32), np.empty((made, 16), np.float32)
    x[:, :given] = np.eye(given, dtype=np.float32)
    run(x, y)
    return y[:, :given].astype(float)


@pytest.mark.parametrize("m", [4, 2])
def test_the_lines_of_winograd_are_a_convolution_and_its_transposes(m: int) -> None:
    from pellucid.kernels.winograd.plan import kernel_transform

    lines = jit.load("winograd.lines")
    bt, at, g = matrix(lines.bt, 6, 6), matrix(lines.AT[m], 6, m), kernel_transform(7 - m)
    rng = np.random.default_rng(0)
    d, w = rng.standard_normal(6), rng.standard_normal(7 - m)
    np.testing.assert_allclose(at @ ((g @ w) * (bt @ d)), np.correlate(d, w), atol=1e-12)  # equation 8 of the plan
    np.testing.assert_allclose(matrix(lines.b, 6, 6), bt.T)
    a = lines.A[m]
    several = jit.load("vectors.several")
    x, y, put = np.zeros((m, 16), np.float32), np.empty((6, 16), np.float32), several.put
    x[:, :m] = np.eye(m, dtype=np.float32)
    compiled(lambda p, q: put(q, 64, a(p, 64)))(x, y)
    np.testing.assert_array_equal(y[:, :m], at.T)
