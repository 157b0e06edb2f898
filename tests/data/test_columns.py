"""Which column is what: recognised where one answer is possible, else asked for; and how numbers are written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.data import ColumnWarning, from_dataframe, load_csv
from pellucid.errors import ArgumentError, DataError, FileFormatError


def pixels(rng, labels_at: int, header: bool) -> str:
    """Sixty images of 8x8 with a dark edge, ten classes."""
    images = np.zeros((60, 8, 8), int)
    images[:, 1:-1, 1:-1] = rng.integers(0, 256, (60, 6, 6))
    table = np.insert(images.reshape(60, 64), labels_at, np.arange(60) % 10, axis=1)
    names = [f"pixel{i}" for i in range(64)]
    names.insert(labels_at, "label")
    lines = [",".join(map(str, row)) for row in table]
    return "\n".join([",".join(names)] * header + lines)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("labels_at", [0, 64])
def test_labels_are_found_first_or_last(header, labels_at, rng, csv) -> None:
    data = load_csv(csv(pixels(rng, labels_at, header)), scale="auto")
    assert data.t.tolist() == [i % 10 for i in range(60)]
    assert data.as_images((8, 8)).x[:, 0].max() == 0
    assert data.x.max() == 1
    assert data.inputs.kind == "images"


def test_the_index_that_pandas_writes_is_no_feature(csv, rng) -> None:
    frame = pd.DataFrame({"a": rng.random(30), "b": rng.random(30), "y": np.repeat([0, 1], 15)})
    path = csv(frame.to_csv())
    with pytest.warns(ColumnWarning, match="the first column, which has no name") as told:
        data = load_csv(path)
    assert len(told) == 1
    np.testing.assert_allclose(data.x, frame[["a", "b"]].to_numpy(np.float32))
    assert load_csv(path, index_col=0).sample_shape == (2,)
    assert load_csv(path, index_col=False).sample_shape == (3,)
    with pytest.warns(ColumnWarning, match="'Unnamed: 0'"):
        assert from_dataframe(pd.read_csv(path)).sample_shape == (2,)


@pytest.mark.parametrize("name", ["id", "Id", "INDEX"])
def test_a_column_of_ids_is_left_out_with_a_warning_or_as_told(name, csv) -> None:
    text = f"{name},a,y\n" + "".join(f"k{i},{i * i},{i % 2}\n" for i in range(12))
    with pytest.warns(ColumnWarning, match=f"{name!r}, whose values number the rows"):
        assert load_csv(csv(text)).sample_shape == (1,)
    assert load_csv(csv(text), index_col=name).sample_shape == (1,)
    assert load_csv(csv(text), index_col=[name]).sample_shape == (1,)


@pytest.mark.parametrize(("start", "header"), [(0, False), (1, False), (1, True)])
def test_a_first_column_that_counts_is_asked_about(start, header, csv) -> None:
    text = "nr,a,y\n" * header + "".join(f"{i + start},{i * 7 % 5}.5,{i % 2}\n" for i in range(12))
    with pytest.raises(ArgumentError, match=r"counts the rows\. .*index_col="):
        load_csv(csv(text), target=-1)
    assert load_csv(csv(text), target=-1, index_col=0).sample_shape == (1,)
    assert load_csv(csv(text), target=-1, index_col=False).sample_shape == (2,)


SAME = ([[1.5, 2], [3, 4.25], [1.5, 2]], [0, 1, 0], ("a", "b"))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("x;z;y\n1,5;2;a\n3;4,25;b\n1,5;2;a\n", {"decimal": ","}),
        ("1,5;2;a\n3;4,25;b\n1,5;2;a\n", {"decimal": ","}),
        ('x,z,y\n"1,5",2,a\n3,"4,25",b\n"1,5",2,a\n', {"decimal": ",", "delimiter": ","}),
        ("sep=;\nx;z;y\n1.5;2;a\n3;4.25;b\n1.5;2;a\n", {}),
        ("x,z,y\n1.5,2,a\n3,4.25,b\n1.5,2,a\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("größe,z,y\n1.5,2,a\n3,4.25,b\n1.5,2,a\n".encode("latin-1"), {"encoding": "latin-1"}),
        ('"x\n1",z,y\n1.5,2,a\n\n , ,\n3,4.25,b\n1.5,2,a\n', {}),
        ("y,x,z\na,1.5,2\nb,3,4.25\na,1.5,2\n", {}),  # the only column of text
        ("kind,x,z\na,1.5,2\nb,3,4.25\na,1.5,2\n", {}),
    ],
)
def test_numbers_and_letters_are_read_as_they_are_written(content, options, csv) -> None:
    if options.get("delimiter") == options.get("decimal", "."):
        with pytest.raises(ArgumentError, match="cannot both be ','"):
            load_csv(csv(content), **options)
        return
    data = load_csv(csv(content), **options)
    assert (data.x.tolist(), data.t.tolist(), data.class_names) == SAME


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("x;z;y\n1,5;2;a\n3;4;b\n", {}, DataError, r"line 2, column 'x': '1,5' is not a number\. .*decimal=','"),
        ("x;y\n1.000;a\n3;b\n", {"decimal": ","}, DataError, r"'1\.000' is not a number.*holds no point"),
        ("x,y\n1_000,a\n3,b\n", {}, DataError, "'1_000' is not a number"),
        ("1,5;2,5;a\n3,5;4,5;b\n", {}, ArgumentError, r"',' and ';' could both be the delimiter"),
        ("größe,y\n1,a\n2,b\n".encode("latin-1"), {}, FileFormatError, "encoding='latin-1'"),
        ("x,y\n1,a\n2,b\n".encode("utf-16"), {}, FileFormatError, "encoding='utf-16'"),
        ("x,y\n1,a\n2,b\n".encode("utf-16-le"), {}, FileFormatError, "encoding='utf-16'"),
        ('x,y\n"1,234",a\n3,b\n', {}, DataError, r"Thousands separators are not read: write 1234\. If its comma is"),
        ("x,y\n1'234,a\n3,b\n", {}, DataError, "Thousands separators are not read: write 1234"),
        ('x,y\n"1,234,567.5",a\n3,b\n', {}, DataError, r"not read: write 1234567\.5\."),
        ("x;y\n1.234,5;a\n3;b\n", {"decimal": ","}, DataError, "not read: write 1234,5\\."),
        ('x,y\n"1,234,567",a\n3,b\n', {}, DataError, "not read: write 1234567"),
        ("x,y\n1,a\n2,b\n", {"encoding": ""}, ArgumentError, "encoding must be a name such as 'latin-1', got ''"),
        ("x,y\n1,a\n2,b\n", {"encoding": "klingon"}, ArgumentError, "there is no encoding 'klingon'"),
        ("x,y\n1,a\n2,b\n", {"decimal": ";"}, ArgumentError, "decimal must be '.' or ','"),
        ("x,y\n1,a\n2,b\n", {"index_col": True}, ArgumentError, "index_col must name columns"),
        ("x,y\n1,a\n2,b\n", {"target": True}, ArgumentError, "target must be a column's name or index"),
        ("x,y\n1,a\n2,a\n", {}, DataError, "column 'y' holds one class, 'a'"),
        ("0,1,2\n1,2,0\n1,5,2\n0,2,0\n", {"header": False}, ArgumentError, r"several columns could hold them \(0, 2\)"),
        ("a,b,c\n1.5,2,0.5\n1,5,2.5\n0,2,0.1\n", {}, ArgumentError, r"no column seems to hold them \('a', 'c'\)"),
        ("a,b\n1.5,2\n1,5\n", {"task": "regression"}, ArgumentError, "Say which: target='b'"),
        ("x,5.5\n3,4\n3,4\n", {}, ArgumentError, "header=True or header=False"),
    ],
)
def test_what_could_be_two_things_is_asked_for(content, options, error, message, csv) -> None:
    with pytest.raises(error, match=message):
        load_csv(csv(content), **options)


def test_a_test_file_is_prepared_as_its_training_file(csv) -> None:
    train = load_csv(csv("a,b,y\n1,10,x\n3,30,z\n5,50,z\n"), scale="standard")
    np.testing.assert_allclose(train.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.x.std(axis=0), 1, rtol=1e-6)
    test = load_csv(csv("y,more,b,a\nz,7,30,3\nz,7,10,1\n"), like=train)

    np.testing.assert_allclose(test.x, train.x[[1, 0]])
    assert (test.t.tolist(), test.class_names) == ([1, 1], ("x", "z"))
    with pytest.raises(DataError, match="there is no column 'b', which the network learnt from"):
        load_csv(csv("y,a\nz,3\nx,1\n"), like=train)


def test_a_network_remembers_the_columns_and_predicts_from_a_file_in_any_order(csv, tmp_path) -> None:
    train = load_csv(csv("a,b,y\n1,10,x\n3,30,z\n5,50,z\n"), scale="standard")
    network = pl.Sequential([pl.Affine(2)])
    pl.fit(network, train, batch_size=3, progress=False)
    read = pl.data.read_inputs(csv("b,a\n30,3\n", "new.csv"), (2,), network.inputs)

    np.testing.assert_allclose(read.x, train.x[1:2])
    assert network.inputs.class_names == ("x", "z")
