"""Whether the first line of a CSV file names its columns: no sample is lost or made up, and doubt is asked about."""

from __future__ import annotations

import codecs

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError, DataError
from pellucid.typing import Array


@pytest.fixture
def x(rng: np.random.Generator) -> Array:
    return rng.normal(size=(40, 4)).astype(np.float32)


@pytest.mark.parametrize("at", [0, 2, 4])
def test_names_that_count_the_columns_beside_a_name_for_text_are_a_header(csv, x, at) -> None:
    frame = pd.DataFrame(x)
    frame.insert(at, "species", ["rose", "lily"] * 20)
    data = pl.load_csv(csv(frame.to_csv(index=False)))
    np.testing.assert_array_equal(data.x, x)
    assert (data.class_names, data.t.tolist()) == (("lily", "rose"), [1, 0] * 20)


@pytest.mark.parametrize("kind", [int, float])
def test_names_that_count_the_columns_are_a_header_above_decimals(csv, x, kind) -> None:
    frame = pd.DataFrame(x).assign(**{"4": np.arange(40, dtype=kind) % 2})
    for index in (True, False):
        data = pl.load_csv(csv(frame.to_csv(index=index)), target="4", index_col=0 if index else None)
        np.testing.assert_array_equal(data.x, x)
    labelled = frame.rename(columns={"4": "label"})
    np.testing.assert_array_equal(pl.load_csv(csv(labelled.to_csv(index=False))).x, x)


def test_names_of_pixels_that_are_numbers_are_a_header(csv, rng) -> None:
    frame = pd.DataFrame(rng.integers(0, 2, (30, 16)))
    frame.insert(0, "label", np.arange(30) % 3)
    assert len(pl.load_csv(csv(frame.to_csv(index=False)))) == 30
    wavelengths = frame.set_axis(["kind", *map(str, range(400, 560, 10))], axis=1)
    assert len(pl.load_csv(csv(wavelengths.to_csv(index=False)), target="kind")) == 30


@pytest.mark.parametrize("features", [1, 2, 4])
@pytest.mark.parametrize("high", [2, 20])
def test_names_that_count_are_a_header_above_text_alone(csv, rng, features, high) -> None:
    frame = pd.DataFrame(rng.integers(0, high, (30, features)))
    frame[features] = ["rose", "lily"] * 15
    data = pl.load_csv(csv(frame.to_csv(index=False)), target=-1, index_col=False)
    assert (len(data), data.class_names) == (30, ("lily", "rose"))


SAMPLES = {
    "text again below": ("5,3,a\n6,2,1\n7,1,a\n6,4,1\n5,2,a\n", {"target": 2}, 5),
    "text again far below": ("5,3,a\n" + "6,2,b\n7,1,c\n" * 30 + "5,2,a\n", {}, 62),
    "zeros and ones": ("0,1,a\n1,1,b\n1,0,a\n", {}, 3),
    "a truth table": ("0,1,1\n1,0,1\n0,0,0\n1,1,0\n", {"target": 2}, 4),
    "decimals": ("0.5,1.5,rose\n1.5,2.5,lily\n2.5,2.5,lily\n", {}, 3),
    "two samples": ("1,rose\n2,lily\n", {}, 2),
    "a sample that is missing": ("5,3,a\n6,2,b\n7,1,b\n5,2,a\n", {}, 4),
}


@pytest.mark.parametrize(("text", "options", "count"), SAMPLES.values(), ids=SAMPLES.keys())
def test_a_first_sample_is_not_lost(csv, text, options, count) -> None:
    data = pl.load_csv(csv(text), **options)
    assert len(data) == count
    assert data.x[0, 0] == float(text.partition(",")[0])


def test_a_first_sample_with_a_word_for_missing_is_told(csv) -> None:
    text = "12,unknown,3,yes\n11,4,2,no\n10,4,2,yes\n9,1,2,no\n"
    with pytest.raises(DataError, match=r"line 1, column '1': 'unknown' is not a number"):
        pl.load_csv(csv(text))
    with pytest.raises(DataError, match=r"line 1, column '1': 'NA' is not a number"):
        pl.load_csv(csv(text.replace("unknown", "NA")))


DOUBTFUL = {
    "a word above numbers": "12,unknown,3\n11,4,2\n10,4,2\n",
    "a word above numbers, beside names": "unknown,0,1\n4,1,1\n3,0,1\n4,2,1\n",
    "the only sample of its class": "5,3,rose\n6,2,lily\n6,3,lily\n7,1,lily\n",
    "text above text and numbers": "5,3,a\n6,2,1\n7,1,b\n6,4,1\n",
    "whole numbers that count": "0,1,2,3\n4,5,6,7\n8,9,10,11\n",
    "two numbers that count": "0,1\n0.5,1.5\n0.7,0.2\n",
    "numbers that count, and occur below": "0,1,2\n1,1,0\n0,1,2\n0,0,2\n",
    "a number above text alone": "5,3,7\n6,2,rose\n6,3,lily\n",
    "the name y above y and n": "a,y\n1,n\n2,y\n3,y\n",
    "names that count, and the name y": "0,1,2,3,y\n.5,.5,1,2,n\n1,2,3,.5,y\n",
}


@pytest.mark.parametrize("text", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_a_first_line_that_could_be_either_is_asked_about(csv, text) -> None:
    with pytest.raises(ArgumentError, match="could name the columns or be a sample.*header=True or header=False"):
        pl.load_csv(csv(text))


def test_a_class_called_as_its_column_is_no_sample_below_several_names(csv) -> None:
    data = pl.load_csv(csv("a,b,y\n1,2,n\n2,3,y\n3,4,y\n"))
    assert (len(data), data.class_names) == (3, ("n", "y"))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF8", "utf-8-sig", None, "utf-16-le", "utf-16-be", "utf-16", "utf-32-le"]
)
@pytest.mark.parametrize("header", ["", "a,b,y\n", "sep=,\n"])
def test_a_byte_order_mark_is_no_text_in_any_encoding(csv, encoding, header) -> None:
    code = (encoding or "utf-8").removesuffix("-sig")
    mark = b"" if code == "utf-16" else "\ufeff".encode(code)
    data = pl.load_csv(csv(mark + f"{header}3,1,a\n4,1,b\n5,2,a\n".encode(code)), encoding=encoding)
    assert (data.x[:, 0].tolist(), data.t.tolist(), data.class_names) == ([3, 4, 5], [0, 1, 0], ("a", "b"))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-7"])
def test_a_file_marked_as_utf8_is_not_read_as_another(csv, encoding) -> None:
    with pytest.raises(ArgumentError, match="begins as UTF-8 does"):
        pl.load_csv(csv(codecs.BOM_UTF8 + b"3,1,a\n4,1,b\n5,2,a\n"), encoding=encoding)
