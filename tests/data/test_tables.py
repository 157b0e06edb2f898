"""Tables: which column is the target, how classes are numbered, and where a bad cell stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.data import Dataset, from_dataframe, load_csv
from pellucid.errors import ArgumentError, DataError, FileFormatError, LabelError, UnknownNameError

IRIS = "sepal,petal,species\n5.1,1.4,setosa\n7.0,4.7,versicolor\n4.9,1.5,setosa\n"


def summary(data: Dataset) -> tuple[list[list[float]], list[int], tuple[str, ...] | None]:
    return np.round(data.x.astype(float), 5).tolist(), data.t.tolist(), data.class_names


EXPECTED = ([[5.1, 1.4], [7.0, 4.7], [4.9, 1.5]], [0, 1, 0], ("setosa", "versicolor"))


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (IRIS, {}),
        (IRIS, {"target": "species"}),
        (IRIS, {"target": 2}),
        (IRIS, {"target": -1}),
        (IRIS.partition("\n")[2], {}),  # no header
        (IRIS.partition("\n")[2], {"header": False}),
        (IRIS.replace(",", ";"), {}),
        (IRIS.replace(",", "\t"), {}),
        (IRIS.replace(",", "|"), {"delimiter": "|"}),
        (IRIS.replace("\n", "\r\n\r\n"), {}),  # blank lines
        (IRIS.rstrip("\n"), {}),
        ("\ufeff" + IRIS, {}),  # a byte order mark, as spreadsheets write it
        (IRIS.replace("5.1", '" 5.1"').replace("setosa", '"setosa"'), {}),
        ("Class,a,b\nsetosa,5.1,1.4\nversicolor,7,4.7\nsetosa,4.9,1.5\n", {}),  # found by its name
        ("a,b,label\n5.1,1.4,setosa\n7,4.7, versicolor\n4.9,1.5,setosa \n", {}),
    ],
)
def test_a_csv_file_is_read_whatever_its_dress(text: str, arguments, csv) -> None:
    data = load_csv(csv(text), **arguments)
    assert summary(data) == EXPECTED
    assert data.x.dtype == np.float32


def test_a_data_frame_gives_the_same(csv) -> None:
    frame = pd.read_csv(csv(IRIS))
    assert summary(from_dataframe(frame)) == EXPECTED
    assert summary(from_dataframe(frame.astype({"species": "category"}))) == EXPECTED
    assert summary(from_dataframe(frame[["species", "sepal", "petal"]], target="species")) == EXPECTED


def test_mnist_as_kaggle_writes_it_is_read_by_its_label_column(csv) -> None:
    data = load_csv(csv("label,pixel0,pixel1\n7,0,1\n2,1,0\n"))
    assert summary(data) == ([[0, 1], [1, 0]], [1, 0], ("2", "7"))


def test_numbers_as_classes_are_sorted_as_numbers_and_one_however_written(csv) -> None:
    data = load_csv(csv("a,y\n1,10\n2,9\n3,9.0\n4, 10\n"))
    assert (data.t.tolist(), data.class_names) == ([1, 0, 0, 1], ("9", "10"))


def test_class_names_of_the_training_file_number_the_test_file(csv) -> None:
    test = "a,y\n1,dog\n2,dog\n"
    assert load_csv(csv(test), class_names=("cat", "dog")).t.tolist() == [1, 1]
    with pytest.raises(LabelError, match=r"line 2, column 'y': 'dog' is not one of class_names: cat, cow\."):
        load_csv(csv(test), class_names=("cat", "cow"))


def test_a_regression_keeps_its_targets(csv) -> None:
    data = load_csv(csv("rooms,price\n3,1.5\n4,2\n"), "price", task="regression", dtype=np.float64)
    assert (data.t.tolist(), data.task, data.x.dtype) == ([[1.5], [2.0]], "regression", np.float64)
    assert from_dataframe(pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "b", task="regression").t.tolist() == [
        [0.5],
        [1],
    ]


def test_header_true_names_columns_that_are_numbers(csv) -> None:
    data = load_csv(csv("1,2\n3,4\n5,6\n"), target="2", header=True)
    assert data.x.tolist() == [[3], [5]]


def test_truth_values_and_nullable_columns_of_a_frame_are_numbers() -> None:
    frame = pd.DataFrame({"a": [True, False], "b": pd.array([1, 2], dtype="Int64"), "y": [0, 1]})
    assert from_dataframe(frame).x.tolist() == [[1, 1], [0, 2]]


def test_columns_called_by_numbers_are_found_by_them() -> None:
    frame = pd.DataFrame([[5, 1], [6, 0]], columns=[1, 0])
    assert from_dataframe(frame, target=0).x.tolist() == [[5], [6]]
    assert from_dataframe(frame, target=-1).x.tolist() == [[5], [6]]


REFUSED = {
    "text in a feature": (
        "a,b,y\n1,2,x\n3,n/a,z\n",
        {},
        DataError,
        r"line 3, column 'b': 'n/a' is not a number\. Fill",
    ),
    "empty cell": (
        "a,b,y\n1,2,x\n,4,z\n",
        {},
        DataError,
        r"line 3, column 'a': an empty cell is not a number",
    ),
    "text beside a first target": ("y,a\n1,2\n0,q\n", {}, DataError, r"line 3, column 'a': 'q'"),
    "NaN": (
        "a,y\n1,x\nnan,z\n",
        {},
        DataError,
        r"line 3, column 'a': nan is not a finite number \(1 such cells\)",
    ),
    "beyond float32": (
        "a,y\n1,x\n1e39,z\n",
        {},
        DataError,
        r"line 3, column 'a': inf is not a finite number",
    ),
    "short row": (
        "a,b,y\n1,2,x\n3,z\n",
        {},
        DataError,
        r"line 3 has 2 cells, the first has 3\. Is the delimiter",
    ),
    "missing target": ("a,y\n1,x\n2,\n", {}, LabelError, r"line 3, column 'y': the target is missing"),
    "NaN target": ("a,y\n1,1\n2,nan\n", {}, LabelError, r"line 3, column 'y': the target is NaN"),
    "fraction": ("a,y\n1,0.5\n2,1\n", {}, LabelError, r"line 2.*0\.5 has a fraction.*task=\"regression\""),
    "text to predict": (
        "a,y\n1,x\n2,z\n",
        {"task": "regression"},
        DataError,
        r"line 2, column 'y': 'x' is not a number",
    ),
    "unknown target": (
        IRIS,
        {"target": "specis"},
        UnknownNameError,
        r"Did you mean 'species'\? Known: petal, sepal",
    ),
    "target out of range": (IRIS, {"target": 3}, ArgumentError, r"target must lie in -3\.\.2, got 3"),
    "two usual targets": (
        "class,a,label\n1,2,3\n",
        {},
        ArgumentError,
        r"several .*: class, label\. .*target='class'",
    ),
    "two of one name": ("y,a,y\n1,2,3\n", {"target": "y"}, ArgumentError, r"2 columns are called 'y'"),
    "one column": (
        "a\n1\n2\n",
        {},
        DataError,
        r"needs a column of targets and at least one of features, got \['a'\]",
    ),
    "empty": ("", {}, DataError, r"the file is empty"),
    "only a header": ("a,b,c\n", {}, DataError, r"there is a header and no data"),
    "not text": (b"a,y\n1,\xff\xfe\n", {}, FileFormatError, r"not text in UTF-8"),
    "open quote": ('a,y\n1,"x\n', {}, FileFormatError, r"not a CSV file \(.*\)\. Check the quotes"),
    "long delimiter": (
        IRIS,
        {"delimiter": "::"},
        ArgumentError,
        r"delimiter must be one character, got '::'",
    ),
    "dtype": (IRIS, {"dtype": int}, ArgumentError, r"load_csv: dtype must be float32 or float64"),
    "task": (IRIS, {"task": "clasification"}, UnknownNameError, r"Did you mean 'classification'\?"),
}


@pytest.mark.parametrize(("text", "arguments", "error", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_csv_file_that_cannot_be_used_says_where(text, arguments, error, message, csv) -> None:
    with pytest.raises(error, match=message):
        load_csv(csv(text), **arguments)


def test_a_missing_csv_file_offers_the_nearest_name(csv) -> None:
    path = csv(IRIS)
    with pytest.raises(DataError, match=r"load_csv: there is no file .*tabel\.csv\. Did you mean .*table\.csv\?"):
        load_csv(path.with_name("tabel.csv"))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (
            pd.DataFrame({"a": ["red", "blue"], "y": [0, 1]}),
            DataError,
            r"row 0, column 'a': 'red' .*pandas\.get_dummies",
        ),
        (
            pd.DataFrame({"a": [1, np.nan], "y": [0, 1]}, index=["p", "q"]),
            DataError,
            r"row q, column 'a': nan is not",
        ),
        (pd.DataFrame({"a": [1, 2], "y": [0, np.nan]}), LabelError, r"row 1, column 'y': the target is NaN"),
        (
            pd.DataFrame({"a": [1, 2], "y": ["x", None]}),
            LabelError,
            r"row 1, column 'y': the target is (missing|NaN)",
        ),
        (pd.DataFrame({"a": [1], "y": [0]})[:0], DataError, r"the DataFrame is empty, its shape is \(0, 2\)"),
        (
            np.zeros((2, 2)),
            ArgumentError,
            r"must be a DataFrame of pandas or polars, got ndarray\. Arrays go to Dataset",
        ),
    ],
)
def test_a_data_frame_that_cannot_be_used_says_where(frame, error, message: str) -> None:
    with pytest.raises(error, match=message):
        from_dataframe(frame)


# Other faces: large numbers, pixels that were divided before, names twice, polars


def test_columns_of_large_numbers_keep_their_differences(tmp_path):
    stamps = 1_700_000_000 + np.arange(50)
    file = tmp_path / "stamps.csv"
    file.write_text("time,b,kind\n" + "".join(f"{s},{s % 7},{'ab'[s % 2]}\n" for s in stamps))
    train = pl.load_csv(file, scale="standard")
    right = (stamps - stamps.mean()) / stamps.std()
    assert train.x.dtype == np.float32
    assert np.allclose(train.x[:, 0], right, atol=1e-5)
    assert np.array_equal(pl.load_csv(file, like=train).x, train.x)
    network = pl.Sequential([pl.Affine(2)], input_shape=2)
    pl.fit(network, train, progress=False)
    assert np.array_equal(pl.data.read_inputs(file, (2,), network.inputs).x, train.x)


@pytest.mark.parametrize("top", [1.0, 255])
def test_pixels_are_divided_once(tmp_path, top):
    rng = np.random.default_rng(0)
    x = rng.random((20, 64)).round(3) if top == 1 else rng.integers(0, 256, (20, 64))
    file = tmp_path / "pixels.csv"
    np.savetxt(file, np.c_[np.arange(20) % 2, x], delimiter=",", fmt="%.6g")
    data = pl.load_csv(file, target=0, scale="pixels")
    assert np.allclose(data.x, x / top, atol=1e-6)
    assert np.array_equal(pl.load_csv(file, target=0, like=data).x, data.x)


def test_two_columns_of_one_name_are_refused_before_anything_is_learnt(tmp_path):
    file = tmp_path / "twice.csv"
    file.write_text("a,a,label\n1.5,2,0\n3,4.5,1\n5,6,0\n")
    with pytest.raises(DataError, match="two columns are called 'a'"):
        pl.load_csv(file)
    assert pl.load_csv(file, index_col=0).x.shape == (3, 1)


def test_frames_of_polars_are_read_as_those_of_pandas():
    polars = pytest.importorskip("polars")
    columns = {"a": [1.5, 2, 3], "b": [1, 2, 4], "kind": ["x", "y", "x"]}
    ours = pl.from_dataframe(polars.DataFrame(columns), target="kind")
    theirs = pl.from_dataframe(pytest.importorskip("pandas").DataFrame(columns), target="kind")
    assert np.array_equal(ours.x, theirs.x)
    assert ours.class_names == theirs.class_names == ("x", "y")


def test_the_target_is_no_index(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,label\n1.5,0\n3,1\n5,0\n")
    with pytest.raises(ArgumentError, match="'label' is both target and index_col"):
        pl.load_csv(file, target="label", index_col="label")


def times(unit: str) -> dict[str, object]:
    stamps = pd.date_range("2020-01-01", periods=4, unit=unit)
    return {
        "naive": stamps,
        "aware": stamps.tz_localize("Europe/Berlin"),
        "durations": stamps - stamps[0],
        "objects": pd.Series(list(stamps), dtype=object),
        "days": pd.Series(list(stamps.date), dtype=object),
        "periods": stamps.to_period("D"),
        "categories": pd.Categorical(stamps),
        "missing": [pd.NaT, *stamps[1:]],
    }


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize("kind", sorted(times("ns")))
def test_dates_and_times_of_a_frame_are_neither_features_nor_targets(unit, kind):
    frame = pd.DataFrame({"a": [1.5, 2, 3, 5], "when": times(unit)[kind], "y": [0, 1, 0, 1]})
    for target, task in (
        ("y", "classification"),
        ("when", "classification"),
        ("when", "regression"),
        (None, "classification"),
    ):
        with pytest.raises(DataError, match=r"column 'when' holds dates or times.*\.dt\.year.*index_col='when'"):
            pl.from_dataframe(frame, target=target, task=task)
    assert pl.from_dataframe(frame, target="y", index_col="when").sample_shape == (1,)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_dates_and_times_of_polars_are_neither_features_nor_targets(unit):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.5, 2, 3], "when": np.arange(3).astype(f"datetime64[{unit}]"), "y": [0, 1, 0]})
    for made in (frame, frame.with_columns(polars.col("when").cast(polars.Date))):
        for target in ("y", "when"):
            with pytest.raises(DataError, match="column 'when' holds dates or times"):
                pl.from_dataframe(made, target=target)
