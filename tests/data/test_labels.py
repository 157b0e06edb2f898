"""The targets of a table: what is one class and what are two, what is missing, and numbers as they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DataError, LabelError


@pytest.fixture
def csv(tmp_path: Path):
    def write(*targets: str, mark: str = ",") -> Path:
        path = tmp_path / "table.csv"
        lines = [f"a{mark}y", *(f"{i * i}{mark}{cell}" for i, cell in enumerate(targets))]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


LARGE = ("9007199254740993", "9007199254740992", "7")


def test_large_whole_numbers_stay_classes_of_their_own(csv) -> None:
    data = pl.load_csv(csv(*LARGE), target="y")
    assert (data.t.tolist(), data.class_names) == ([2, 1, 0], ("7", *sorted(LARGE[:2])))
    for dtype in ("int64", "uint64", object, str):
        column = pd.Series([int(cell) if dtype is object else cell for cell in LARGE]).astype(dtype)
        frame = pd.DataFrame({"a": [1, 4, 9], "y": column})
        assert pl.from_dataframe(frame, "y").class_names == data.class_names, dtype
    frame = pd.DataFrame({"a": [1, 4, 9], "y": [2**60, 2**60 + 1, 7]})
    assert pl.from_dataframe(frame, "y").t.tolist() == [1, 2, 0]


@pytest.mark.parametrize("cells", [("1_0", "10", "x"), ("1e1", "10", "1d1"), ("007", "7", "A"), ("9.0", "9", "v9")])
def test_text_stays_apart_in_a_column_of_text(csv, cells) -> None:
    data = pl.load_csv(csv(*cells), target="y")
    assert data.class_names == tuple(sorted(cells))
    assert [data.class_names[i] for i in data.t] == list(cells)
    frame = pd.DataFrame({"a": [1, 4, 9], "y": list(cells)})
    assert pl.from_dataframe(frame, "y").class_names == data.class_names
    part = pl.load_csv(csv(*cells[:2]), target="y", like=data)  # which holds numbers alone
    assert [data.class_names[i] for i in part.t] == list(cells[:2])


def test_numbers_and_text_of_a_frame_are_named_as_a_file_shows_them() -> None:
    frame = pd.DataFrame({"a": [1, 4, 9, 2], "y": pd.Series([1, 2.0, np.int64(3), "A"], dtype=object)})
    assert pl.from_dataframe(frame, "y").class_names == ("1", "2", "3", "A")


@pytest.mark.parametrize("cell", ["NA", "n/a", "?", "null", "None", "-", "NaN", ""])
def test_a_target_that_is_missing_is_no_class(csv, cell) -> None:
    with pytest.raises(LabelError, match=r"line 3, column 'y': the target is (missing|NaN)"):
        pl.load_csv(csv("a", cell, "b", "a"), target="y")
    with pytest.raises(LabelError, match=r"row 1, column 'y': the target is (missing|NaN)"):
        pl.from_dataframe(pd.DataFrame({"a": [1, 2, 3], "y": ["a", cell, "b"]}), "y")
    with pytest.raises(DataError, match="line 3, column 'y'"):
        pl.load_csv(csv("1", cell, "2"), target="y", task="regression")


@pytest.mark.parametrize("value", [None, np.nan, pd.NaT, pd.NA])
def test_a_missing_value_of_a_frame_is_no_class(value) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "y": pd.Series(["a", value, "b"], dtype=object)})
    with pytest.raises(LabelError, match="row 1, column 'y': the target is (missing|NaN)"):
        pl.from_dataframe(frame, "y")


def test_a_word_for_missing_is_a_class_where_it_is_named(csv) -> None:
    data = pl.load_csv(csv("+", "-", "+"), target="y", class_names=["+", "-"])
    assert data.t.tolist() == [0, 1, 0]


def test_truth_values_are_called_alike_in_files_and_frames(csv) -> None:
    file = pl.load_csv(csv("False", "True", "True"), target="y")
    for dtype in (bool, "boolean", object):
        frame = pd.DataFrame({"a": [1, 2, 3], "y": pd.Series([False, True, True], dtype=dtype)})
        made = pl.from_dataframe(frame, "y", like=file)
        assert (made.t.tolist(), pl.from_dataframe(frame, "y").class_names) == ([0, 1, 1], ("False", "True"))


@pytest.mark.parametrize(
    ("cells", "decimal", "found"),
    [(("1,5", "2"), ",", [1.5, 2]), (("1.5", "2e1"), ".", [1.5, 20]), (("-,5", "2,"), ",", [-0.5, 2])],
)
def test_numbers_to_predict_have_the_decimals_of_the_file(csv, cells, decimal, found) -> None:
    data = pl.load_csv(csv(*cells, mark=";"), target="y", task="regression", decimal=decimal, delimiter=";")
    assert data.t.ravel().tolist() == found


@pytest.mark.parametrize(
    ("cell", "decimal", "message"),
    [
        ("1.500", ",", r"line 2, column 'y': '1\.500' is not a number\. Thousands"),
        ("2.5", ",", "With decimal=',' a number holds no point"),
        ("1_5", ".", "'1_5' is not a number"),
        ("1,5", ".", "give decimal=','"),
        ("inf", ".", "line 2, column 'y': inf is not a finite number"),
        ("nan", ".", "line 2, column 'y': nan is not a finite number"),
    ],
)
def test_numbers_to_predict_are_refused_as_features_are(csv, cell, decimal, message) -> None:
    with pytest.raises(DataError, match=message):
        pl.load_csv(csv(cell, "3", mark=";"), target="y", task="regression", decimal=decimal, delimiter=";")


def test_text_with_underscores_is_no_number_of_a_frame() -> None:
    for columns in ({"a": ["1_5", "2"], "y": [1, 2]}, {"a": [1, 2], "y": ["1_5", "2"]}):
        with pytest.raises(DataError, match="'1_5' is not a number"):
            pl.from_dataframe(pd.DataFrame(columns), "y", task="regression")


def test_classes_have_the_decimals_of_the_file(csv) -> None:
    data = pl.load_csv(csv("1,0", "1", "2,0", "2", mark=";"), target="y", decimal=",", delimiter=";")
    assert (data.t.tolist(), data.class_names) == ([0, 0, 1, 1], ("1", "2"))
    with pytest.raises(LabelError, match="1,5 has a fraction"):
        pl.load_csv(csv("1,5", "1", mark=";"), target="y", decimal=",", delimiter=";")
    with pytest.raises(LabelError, match="inf is infinite"):
        pl.load_csv(csv("inf", "1"), target="y")


@pytest.mark.parametrize("names", [["a", "b", "c", "d", "a"], "abcd", []])
def test_class_names_are_a_sequence_of_different_names(csv, names) -> None:
    with pytest.raises(ArgumentError, match="class_names"):
        pl.load_csv(csv("a", "b"), target="y", class_names=names)
    with pytest.raises(ArgumentError, match="class_names"):
        pl.Dataset(np.zeros((5, 2)), np.arange(5), class_names=names)
