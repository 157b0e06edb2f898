"""Data sets: what goes in, what is refused, and that batches and splits lose nothing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data import Dataset, ScaleWarning
from pellucid.errors import ArgumentError, DataError, LabelError, ShapeError, UnknownNameError


def numbered(count: int, classes: int = 3) -> Dataset:
    """Samples (i, -i) with labels i % classes, so that a sample says which one it is."""
    index = np.arange(count)
    return Dataset(np.stack([index, -index], axis=1), index % classes, classes=classes)


# What goes in


def test_arrays_become_float32_samples_and_integer_labels() -> None:
    data = Dataset(np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 2, 1], np.uint8))

    assert data.x.dtype == np.float32
    assert data.t.dtype == np.intp
    assert (len(data), data.sample_shape, data.classes, data.task) == (3, (2,), 3, "classification")
    assert repr(data) == "<Dataset: 3 samples of shape (2,), 3 classes, float32>"


def test_samples_of_the_right_dtype_are_held_without_a_copy() -> None:
    x = np.zeros((3, 2), np.float32)
    assert np.shares_memory(Dataset(x, [0, 1, 1]).x, x)


def test_float64_is_kept_on_request_and_only_then() -> None:
    x = np.array([[0.1], [0.2]])
    assert Dataset(x, [0, 1]).x.dtype == np.float32
    assert Dataset(x, [0, 1], dtype=np.float64).x.tolist() == [[0.1], [0.2]]


def test_lists_data_frames_and_series_are_taken() -> None:
    for x, t in (
        ([[1.0, 2.0], [3.0, 4.0]], [0, 1]),
        (pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}), pd.Series([0, 1], index=[7, 9])),
    ):
        data = Dataset(x, t)
        assert data.x.tolist() == [[1, 2], [3, 4]]
        assert data.t.tolist() == [0, 1]


def test_one_hot_rows_become_indices_and_say_how_many_classes() -> None:
    data = Dataset(np.zeros((2, 1)), [[0, 1, 0], [1, 0, 0]])
    assert (data.t.tolist(), data.classes) == ([1, 0], 3)


def test_class_names_are_kept_by_every_part() -> None:
    data = Dataset(np.zeros((4, 1)), [0, 1, 0, 1], class_names=["cat", "dog"])
    assert data.class_names == ("cat", "dog")
    assert data[1:3].class_names == data.split(0.5, 0)[0].class_names == ("cat", "dog")


def test_classes_that_no_sample_has_are_counted_when_asked_for() -> None:
    data = Dataset(np.zeros((3, 1)), [0, 1, 1], classes=4)
    assert data.class_counts().tolist() == [1, 2, 0, 0]


def test_regression_targets_have_the_shape_that_a_network_puts_out() -> None:
    column = Dataset(np.zeros((3, 2)), [1, 2.5, -3], task="regression")
    several = Dataset(np.zeros((3, 2)), np.ones((3, 4)), task="regression", dtype=np.float64)

    assert (column.t.tolist(), column.t.dtype) == ([[1], [2.5], [-3]], np.float32)
    assert (several.t.shape, several.t.dtype) == ((3, 4), np.float64)
    assert (column.classes, column.task) == (None, "regression")
    assert repr(column) == "<Dataset: 3 samples of shape (2,), 1 target each, float32>"


@pytest.mark.parametrize(
    "t",
    [[[0], [1], [1]], [0.0, 1.0, 1.0], [False, True, True], pd.DataFrame({"y": [0, 1, 1]}), pd.Series([0, 1, 1])],
    ids=lambda t: type(t).__name__,
)
def test_labels_are_taken_in_every_unambiguous_form(t: Any) -> None:
    data = Dataset(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), t)

    assert (data.t.tolist(), data.t.dtype, data.classes) == ([0, 1, 1], np.intp, 2)


X = np.zeros((4, 2), np.float32)
T = np.array([0, 1, 1, 0])
BAD = np.array([[0, 1], [2, np.nan]])

REFUSED = {
    "float labels": (X, T / 2, {}, LabelError, r'must be integers, got float64.*task="regression"'),
    "NaN label": (X, [0, 1, np.nan, 1], {}, LabelError, r"the label of sample 2 is NaN"),
    "text labels": (X, list("abba"), {}, LabelError, r"must be integers, got <U1.*np\.unique"),
    "class out of range": (X, T, {"classes": 1}, LabelError, r"must lie in 0\.\.0, got 1"),
    "negative class": (X, T - 1, {}, LabelError, r"class labels start at 0, got -1"),
    "years as classes": (
        X,
        T + 1999,
        {},
        LabelError,
        r'the labels reach 2000 with 4 samples.*task="regression"',
    ),
    "not one-hot": (X, np.ones((4, 2)), {}, LabelError, r"a one-hot row holds a single 1.*row 0"),
    "one-hot of other classes": (X, np.eye(4), {"classes": 3}, LabelError, r"one-hot \(N, 3\), got \(4, 4\)"),
    "fewer labels": (X, T[:3], {}, LabelError, r"4 samples came with 3 labels"),
    "fewer targets": (X, T[:3], {"task": "regression"}, LabelError, r"4 samples came with 3 targets"),
    "targets of rank 3": (X, np.ones((4, 1, 1)), {"task": "regression"}, LabelError, r"got \(4, 1, 1\)"),
    "text targets": (X, list("abba"), {"task": "regression"}, DataError, r"must be numbers, got <U1"),
    "NaN target": (
        X,
        [0, 1, np.nan, 2],
        {"task": "regression"},
        DataError,
        r"t holds 1 NaN .* at index \(2, 0\)",
    ),
    "NaN sample": (
        BAD,
        [0, 1],
        {},
        DataError,
        r"x holds 1 NaN or infinite values, the first at index \(1, 1\)",
    ),
    "infinite sample": (-np.inf * np.ones((1, 1)), [0], {}, DataError, r"x holds 1 NaN or infinite"),
    "beyond float32": (np.full((1, 1), 1e39), [0], {}, DataError, r"the first at index \(0, 0\)"),
    "no samples": (np.zeros((0, 2)), [], {}, DataError, r"x is empty, its shape is \(0, 2\)"),
    "no features": (np.zeros((2, 0)), [0, 1], {}, DataError, r"x is empty, its shape is \(2, 0\)"),
    "one sample alone": (
        np.zeros(784),
        [0],
        {},
        ShapeError,
        r"must have shape \(N, \.\.\.\), got \(784,\).*x\[None\]",
    ),
    "text": (
        [["a"], ["b"]],
        [0, 1],
        {},
        DataError,
        r"x must hold numbers, got <U1.*from_dataframe or load_csv",
    ),
    "missing value": ([[None], [1]], [0, 1], {}, DataError, r"x must hold numbers, got object"),
    "ragged": ([[1, 2], [3]], [0, 1], {}, DataError, r"x cannot become an array .*the same shape"),
    "classes of a regression": (
        X,
        T,
        {"task": "regression", "classes": 2},
        ArgumentError,
        r"belong to classification",
    ),
    "names of a regression": (
        X,
        T,
        {"task": "regression", "class_names": "ab"},
        ArgumentError,
        r"belong to classif",
    ),
    "too few names": (
        X,
        T,
        {"class_names": ["a"]},
        ArgumentError,
        r"class_names must be 2 names.*got \['a'\]",
    ),
    "names in one string": (X, T, {"class_names": "ab"}, ArgumentError, r"class_names must be 2 names"),
    "zero classes": (
        X,
        T,
        {"classes": 0},
        ArgumentError,
        r"classes must be a whole number of at least 1, got 0",
    ),
    "unknown task": (X, T, {"task": "regresion"}, UnknownNameError, r"Did you mean 'regression'\?"),
    "unusable dtype": (X, T, {"dtype": np.float16}, ArgumentError, r"dtype must be float32 or float64, got"),
}


@pytest.mark.parametrize(("x", "t", "arguments", "error", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_unusable_data_is_refused_with_the_reason(x, t, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        Dataset(x, t, **arguments)


def test_many_classes_are_taken_when_they_are_asked_for() -> None:
    assert Dataset(X, T + 1999, classes=3000).classes == 3000


# Scale


def test_unscaled_pixels_bring_a_warning_that_names_the_remedy_and_the_caller() -> None:
    bright = np.full((2, 4, 4, 1), 200)
    for x in (bright, bright.astype(np.uint8), np.full((2, 784), 255.0), np.full((2, 3), 3, np.uint8)):
        with pytest.warns(ScaleWarning, match=r"Dataset: x reaches .* Write x / 255\.") as caught:
            data = Dataset(x, [0, 1])
        assert caught[0].filename == __file__
        assert data.x.max() == x.max(), "the values stay as they are"


@pytest.mark.parametrize(
    ("column", "apart"),
    [
        ([1_700_000_000, 1_700_000_001], 1),  # times: one number in float32
        ([1_700_000_000, 1_700_000_200], 2),
        ([1000, 1000.001], 9),
    ],
)
def test_numbers_that_float32_makes_equal_bring_a_warning(column: list[float], apart: int, tmp_path: Path) -> None:
    x = np.c_[[1.0, 2.0], column]
    told = f"tells only about {apart} numbers apart"
    with pytest.warns(ScaleWarning, match=f"Dataset: column 1 of x lies between .* {told}. Subtract its mean"):
        Dataset(x, [0, 1])
    with pytest.warns(ScaleWarning, match=f"Dataset: column 1 of t lies between .* {told}"):
        Dataset(np.eye(2), x, task="regression")
    file = tmp_path / "x.csv"
    file.write_text(f"a,b,label\n1,{column[0]},0\n2,{column[1]},1\n")
    with pytest.warns(ScaleWarning, match=f"x.csv: column 'b' lies .* {told}. Take scale='standard'") as caught:
        pl.load_csv(file)
    assert len(caught) == 1


def test_numbers_that_stay_apart_bring_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dataset([[1_700_000_000], [1_700_000_001]], [0, 1], dtype=np.float64)
        Dataset([[0.1, 2000, 1], [0.1, 2026, 1e30]], [0, 1])  # a constant, years, anything wide
        file = tmp_path / "x.csv"
        file.write_text("a,b,label\n1,1700000000,0\n2,1700000001,1\n")
        pl.load_csv(file, scale="standard")


def test_scaled_pixels_and_ordinary_tables_bring_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Dataset(np.ones((2, 28, 28, 1)), [0, 1])
        Dataset(np.ones((2, 784), np.uint8), [0, 1])  # a binary picture
        Dataset(np.full((2, 3), 180.0), [0, 1])  # a table of heights
        Dataset(np.full((2, 784), -200.0), [0, 1])
        Dataset(np.full((2, 784), 4000.0), [0, 1])


# Batches

SIZES = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(sizes=SIZES, seed=st.none() | st.integers(0, 99))
def test_an_epoch_holds_every_sample_once_with_its_own_label(sizes: tuple[int, int], seed: int | None) -> None:
    count, size = sizes
    data = numbered(count)
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(data.batches(size, rng))

    assert [len(x) for x, _ in batches] == [size] * (count // size) + [count % size] * (count % size > 0)
    x, t = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert sorted(x[:, 0]) == list(range(count))
    np.testing.assert_array_equal(x[:, 1], -x[:, 0])
    np.testing.assert_array_equal(t, x[:, 0] % 3)


@given(sizes=SIZES, seed=st.none() | st.integers(0, 99))
def test_index_batches_gather_the_same_epoch_as_batches(sizes: tuple[int, int], seed: int | None) -> None:
    data = numbered(sizes[0])
    rngs = [None if seed is None else np.random.default_rng(seed) for _ in range(2)]
    out = data.buffers(sizes[1])
    for (x, t), indices in zip(data.batches(sizes[1], rngs[0]), data.index_batches(sizes[1], rngs[1]), strict=True):
        for got in (data.gather(indices), data.gather(indices, out)):
            np.testing.assert_array_equal(got[0], x)
            np.testing.assert_array_equal(got[1], t)


def test_epochs_of_large_samples_are_complete_too() -> None:
    data = Dataset(np.arange(7 * 90_000, dtype=np.float32).reshape(7, -1), np.arange(7))  # 360 kB each
    x = np.concatenate([x for x, _ in data.batches(2, np.random.default_rng(0))])
    assert sorted(x[:, 0]) == [i * 90_000 for i in range(7)]


def test_the_same_seed_gives_the_same_order_and_the_next_epoch_another() -> None:
    data = numbered(50)

    def epochs() -> list[list[int]]:
        rng = np.random.default_rng(4)
        return [[int(i) for x, _ in data.batches(8, rng) for i in x[:, 0]] for _ in range(2)]

    assert epochs() == epochs()
    assert epochs()[0] != epochs()[1]


def test_batches_in_order_are_views() -> None:
    data = numbered(5)
    assert all(np.shares_memory(x, data.x) for x, _ in data.batches(2))


def test_random_batches_are_drawn_with_replacement_from_all_samples(rng) -> None:
    data = numbered(10)
    drawn = [data.random_batch(10, rng) for _ in range(40)]

    assert {int(i) for x, _ in drawn for i in x[:, 0]} == set(range(10))
    assert any(len(set(x[:, 0])) < 10 for x, _ in drawn)
    for x, t in drawn:
        np.testing.assert_array_equal(t, x[:, 0] % 3)


def test_buffers_are_filled_and_returned(rng) -> None:
    data = numbered(10)
    out = data.buffers(4)
    x, t = data.random_batch(3, rng, out)

    assert len(x) == len(t) == 3
    assert np.shares_memory(x, out[0])
    assert np.shares_memory(t, out[1])
    np.testing.assert_array_equal(t, x[:, 0] % 3)


def test_buffers_that_do_not_fit_are_refused() -> None:
    data = numbered(10)
    for out in (
        data.buffers(2),
        numbered(10).flattened().as_images((1, 2)).buffers(3),
        (np.zeros((3, 2)), data.t[:3]),
    ):
        with pytest.raises(ShapeError, match=r"3 samples of float32 \(2,\) were asked for\. Make it with buffers\(3\)"):
            data.gather([1, 2, 3], out)


@pytest.mark.parametrize("method", ["batches", "index_batches", "random_batch"])
def test_batch_sizes_out_of_range_are_refused_at_the_call(method: str, rng) -> None:
    draw = getattr(numbered(10), method)
    for size in (0, -1, 2.5, "3", True):
        with pytest.raises(ArgumentError, match=rf"Dataset\.{method}: batch_size must be a whole number of at least 1"):
            draw(size, rng)
    with pytest.raises(ArgumentError, match=r"batch_size must be at most 10, the number of samples, got 11"):
        draw(11, rng)
    with pytest.raises(
        ArgumentError, match=r"rng must be a numpy\.random\.Generator, got 0\. Make one before the loop"
    ):
        draw(5, 0)


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([0, 10], ArgumentError, r"indices must lie in 0\.\.9, got 10"),
        ([-1], ArgumentError, r"indices must lie in 0\.\.9, got -1"),
        ([0.5], ShapeError, r"whole numbers of shape \(n,\), got float64 \(1,\)"),
        ([[0]], ShapeError, r"got int64 \(1, 1\)"),
        ([], DataError, r"no samples were selected"),
    ],
)
def test_gather_refuses_indices_that_are_not_samples(indices, error, message: str) -> None:
    with pytest.raises(error, match=rf"Dataset\.gather: .*{message}"):
        numbered(10).gather(indices)


# Selecting and reshaping


def test_slices_indices_and_masks_select_samples() -> None:
    data = numbered(6)
    mask = data.t == 1

    assert data[1:3].x[:, 0].tolist() == [1, 2]
    assert data[[5, 0, -1]].x[:, 0].tolist() == [5, 0, 5]
    assert data[mask].x[:, 0].tolist() == [1, 4]
    assert data[-1].x[:, 0].tolist() == [5]
    assert data[::-2].x[:, 0].tolist() == [5, 3, 1]
    assert data[1:3].classes == 3
    assert data[::2].x.flags.c_contiguous
    assert np.shares_memory(data[1:3].x, data.x)


@pytest.mark.parametrize(
    ("which", "error", "message"),
    [
        (slice(4, 4), DataError, "no samples were selected"),
        (np.zeros(6, bool), DataError, "no samples were selected"),
        (np.ones(5, bool), ShapeError, r"a mask must have shape \(6,\), got \(5,\)"),
        (6, ArgumentError, r"indices must lie in -6\.\.5, got 6"),
        ([-7], ArgumentError, r"got -7"),
    ],
)
def test_a_selection_of_nothing_or_of_what_is_not_there_is_refused(which, error, message: str) -> None:
    with pytest.raises(error, match=message):
        numbered(6)[which]


def test_a_loop_over_samples_is_not_offered() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        iter(numbered(3))


def test_flat_samples_and_images_are_two_views_of_one_memory() -> None:
    flat = Dataset(np.arange(24, dtype=np.float32).reshape(2, 12), [0, 1])
    images = flat.as_images((2, 3, 2))

    assert images.sample_shape == (2, 3, 2)
    assert images.x[1, 1, 2, 1] == 23
    assert images.flattened().x.tolist() == flat.x.tolist()
    assert np.shares_memory(images.x, flat.x)
    assert flat.as_images((3, 4)).sample_shape == (3, 4, 1)


@pytest.mark.parametrize("shape", [(2, 3, 3), (12,), (1, 2, 3, 2), (-3, -4)])
def test_a_shape_that_does_not_fit_the_samples_is_refused(shape) -> None:
    data = Dataset(np.zeros((2, 12)), [0, 1])
    with pytest.raises(
        ShapeError, match=r"Dataset\.as_images: samples of shape \(12,\) cannot become .* a product of 12"
    ):
        data.as_images(shape)


# Splits


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=80),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_a_stratified_split_divides_every_class_in_proportion(labels: list[int], fraction: float, seed: int) -> None:
    count = len(labels)
    data = Dataset(np.arange(count)[:, None], labels, classes=5)
    if round(fraction * count) in (0, count):
        with pytest.raises(ArgumentError, match="leaves one part of .* samples empty"):
            data.split(fraction, seed)
        return
    first, rest = data.split(fraction, seed)

    assert len(first) == round(fraction * count)
    assert sorted([*first.x[:, 0], *rest.x[:, 0]]) == list(range(count))
    assert np.all(np.abs(first.class_counts() - fraction * data.class_counts()) < 1 + 1e-9)
    for part in (first, rest):
        assert part.t.tolist() == [labels[int(i)] for i in part.x[:, 0]]


def test_sorted_labels_are_shuffled_by_a_split() -> None:
    data = Dataset(np.zeros((100, 1)), np.repeat([0, 1], 50))
    first, rest = data.split(0.8, 0)
    assert first.class_counts().tolist() == [40, 40]
    assert rest.class_counts().tolist() == [10, 10]
    assert first.t.tolist() != sorted(first.t)


def test_a_split_is_repeated_by_its_seed_and_continued_by_a_generator() -> None:
    data = numbered(40)
    rng = np.random.default_rng(3)
    once, again, other = data.split(0.5, 3)[0], data.split(0.5, rng)[0], data.split(0.5, rng)[0]

    assert once.x.tolist() == again.x.tolist()
    assert once.x.tolist() != other.x.tolist()


def test_a_regression_and_an_unstratified_split_lose_nothing() -> None:
    regression = Dataset(np.arange(10)[:, None], np.arange(10), task="regression")
    for data, stratify in ((regression, True), (numbered(10), False)):
        first, rest = data.split(0.3, 0, stratify=stratify)
        assert (len(first), len(rest)) == (3, 7)
        assert sorted([*first.x[:, 0], *rest.x[:, 0]]) == list(range(10))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_a_fraction_that_leaves_nothing_is_refused(fraction: float) -> None:
    with pytest.raises(ArgumentError, match=r"fraction must lie between 0 and 1, got .* 0\.8 puts 80 %"):
        numbered(10).split(fraction, 0)


def test_a_regression_has_no_classes_to_count() -> None:
    with pytest.raises(ArgumentError, match="a regression has no classes"):
        Dataset(np.zeros((2, 1)), [0.5, 1], task="regression").class_counts()
