"""What `--target` says: names first, and what cannot be understood is refused."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import ArgumentError
from pellucid.explain import Contrast
from pellucid.explain.catalogue import METHODS, explain_by_each
from pellucid.report.choose import read_samples, read_target


@pytest.mark.parametrize(
    ("names", "text", "target"),
    [
        (["1", "2", "3", "4"], "4", 3),
        (["1", "2", "3", "4"], "1", 0),
        (["1", "2", "3", "4"], "4-1", Contrast(3, 0)),
        (["cat", "dog"], "dog", 1),
        (["cat", "dog"], "1", 1),
        (["cat", "dog"], "1-cat", Contrast(1, 0)),
        (["iris-setosa", "iris-virginica"], "iris-virginica", 1),
        (["iris-setosa", "iris-virginica"], "iris-setosa-iris-virginica", Contrast(0, 1)),
        (["-1", "1"], "-1", 0),
        (["-1", "1"], "1--1", Contrast(1, 0)),
        (["0.5", "b"], "b-0.5", Contrast(1, 0)),
        (["true", "false"], "false", 1),
    ],
)
def test_a_class_is_said_by_its_name_first(names, text, target):
    assert read_target(text, [], names) == target


@pytest.mark.parametrize(
    ("names", "text", "message"),
    [
        (["1", "2", "3", "4"], "0", r"a class \(1, 2, 3, 4\), or two as 1-4, got '0'"),
        (["5.0", "x"], "1", r"a class \(5.0, x\)"),
        (["cat", "dog"], "2", r"a class \(cat, dog\)"),
        (["cat", "dog"], "²", r"a class \(cat, dog\)"),
        (["cat", "dog"], "cat-0", "compares a class with itself"),
        (["a", "a-a", "b"], "a-a-a", "several ways"),
        (["true", "false"], "true", "Give its number, 0"),
        (["0", "1"], "9" * 5000, r"a class in 0\.\.1, or two as 0-1, got '9{50}"),
        (["0", "1"], "-" * 5000, r"a class in 0\.\.1"),
    ],
)
def test_what_is_no_class_is_refused_with_the_classes(names, text, message):
    with pytest.raises(ArgumentError, match=message) as refused:
        read_target(text, [], names)
    assert len(str(refused.value)) < 400


def test_what_is_explained_is_said_by_name():
    network = pl.Sequential([pl.Affine(3)], input_shape=4)
    x, names = np.ones((1, 4), np.float32), ["3", "cat", "x of class 1"]
    expected = (
        (0, "logit of class 3"),
        (2, "logit of class x of class 1"),
        (Contrast(1, 0), "logit cat − logit 3"),
    )
    for target, words in expected:
        ((_, said),) = explain_by_each(network, x, target, [METHODS["saliency"]], names=names).given
        assert said.scalars == (words,)


def test_a_number_to_hit_is_no_class():
    data = pl.Dataset(np.eye(3), [0.5, 1.5, 2.5], task="regression")

    assert read_samples(["test:0-2"], data, data)[2].truth is None
