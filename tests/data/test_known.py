"""Columns that are known, of a training file or a model: options about the others hold, whether there is a header."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.data import CsvOptions, InputSpec, read_inputs
from pellucid.errors import ArgumentError, DataError, PellucidError

NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def table(rng) -> pd.DataFrame:
    frame = pd.DataFrame(rng.normal(size=(12, 4)).round(3), columns=NAMES)
    return frame.assign(label=np.arange(12) % 3)


@pytest.fixture
def csv(tmp_path: Path):
    def write(frame: pd.DataFrame, header: bool = False) -> Path:
        path = tmp_path / f"table{len(list(tmp_path.iterdir()))}.csv"
        frame.to_csv(path, index=False, header=header)
        return path

    return write


def with_id(frame: pd.DataFrame, at: int = 0) -> pd.DataFrame:
    made = frame.copy()
    made.insert(at, "nr", 100 + np.arange(len(frame)))
    return made


def read(path: Path, spec: InputSpec, **options) -> np.ndarray:
    return read_inputs(path, (spec.size,), spec, table=CsvOptions(**options)).x


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("target", [0, -1])
def test_numbers_of_rows_put_in_front_are_left_out_of_new_samples(csv, table, header, target) -> None:
    frame = table if target == -1 else table[["label", *NAMES]]
    train = pl.load_csv(csv(frame, header), target=target, scale="standard")
    spec, label, features = train.described(), "label" if header else target, table[NAMES]

    np.testing.assert_array_equal(read(csv(features, header), spec), train.x)
    np.testing.assert_array_equal(read(csv(frame, header), spec, target=label), train.x)
    np.testing.assert_array_equal(read(csv(with_id(features), header), spec, index_col=0), train.x)
    np.testing.assert_array_equal(read(csv(with_id(features, 2), header), spec, index_col=[2]), train.x)
    both = with_id(frame)
    goal = "label" if header else list(both).index("label")
    np.testing.assert_array_equal(read(csv(both, header), spec, index_col=0, target=goal), train.x)
    again = pl.load_csv(csv(both, header), target=goal, index_col=0, like=train)
    np.testing.assert_array_equal(again.x, train.x)
    assert again.t.tolist() == train.t.tolist()


def test_columns_too_many_without_a_header_are_asked_about(csv, table) -> None:
    spec = pl.load_csv(csv(table), target=-1).described()
    for frame in (with_id(table[NAMES]), with_id(table), table, table[NAMES[:3]]):
        with pytest.raises(
            DataError, match=r"columns of features and no header, 4 were learnt from.*target=.*index_col="
        ):
            read(csv(frame), spec)
    named = table.assign(label=["rose", "lily", "iris"] * 4)
    np.testing.assert_array_equal(read(csv(named), spec), table[NAMES].to_numpy(np.float32))  # no feature is text


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("target", [1, "known"])
def test_a_known_column_is_no_target(csv, table, header, target) -> None:
    train = pl.load_csv(csv(table, header), target=-1)
    target = train.inputs.columns[1] if target == "known" else target
    with pytest.raises(ArgumentError, match=rf"target is '{train.inputs.columns[1]}', a column of features"):
        pl.load_csv(csv(table, header), target=target, like=train)
    if header:
        with pytest.raises(ArgumentError, match="target is 'b', a column of features"):
            read(csv(table, True), train.described(), target=target)
        with pytest.raises(ArgumentError, match="index_col is 'b', a column of features"):
            read(csv(table, True), train.described(), index_col=target)
        with pytest.raises(ArgumentError, match="index_col is 'b', a column of features"):
            pl.load_csv(csv(table, True), target="label", index_col=target, like=train)
        with pytest.raises(ArgumentError, match="target is 'b', a column of features"):
            pl.from_dataframe(table, target=target, like=train)


def test_a_known_column_with_a_usual_name_is_no_target(csv, table) -> None:
    frame = table.rename(columns={"b": "y", "label": "kind"})
    train = pl.load_csv(csv(frame, True), target="kind")
    for again in (pl.load_csv(csv(frame, True), like=train), pl.from_dataframe(frame, like=train)):
        np.testing.assert_array_equal(again.x, train.x)
        assert again.t.tolist() == train.t.tolist()


def test_new_samples_need_no_column_that_was_no_feature(csv, table) -> None:
    train = pl.load_csv(csv(with_id(table), True), target="label", index_col="nr")
    features = csv(table[NAMES], True)
    np.testing.assert_array_equal(read(features, train.described(), target="label", index_col="nr"), train.x)


def test_a_frame_without_names_is_counted_as_a_file_without_a_header(csv, table) -> None:
    train = pl.load_csv(csv(table), target=-1)
    moved = with_id(table).set_axis(range(6), axis=1)
    again = pl.from_dataframe(moved, target=5, index_col=0, like=train)
    np.testing.assert_array_equal(again.x, train.x)
    with pytest.raises(DataError, match="5 columns of features and no header, 4 were learnt from"):
        pl.from_dataframe(moved, target=5, like=train)


def test_no_call_with_known_columns_fails_otherwise_or_feeds_a_label(csv, table) -> None:
    for header in (False, True):
        train = pl.load_csv(csv(table, header), target=-1)
        for frame in (table, with_id(table), table[["label", *NAMES]]):
            path, right = csv(frame, header), frame[NAMES].to_numpy(np.float32)
            for target in (None, *range(-2, 6)):
                for index_col in (None, False, 0, -1):
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        try:
                            data = pl.load_csv(path, target=target, index_col=index_col, like=train)
                        except PellucidError:
                            continue
                    if target is not None and list(frame)[target] == "label":
                        np.testing.assert_array_equal(data.x, right)
                        assert data.t.tolist() == table["label"].tolist()
