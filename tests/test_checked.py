"""What annotations promise is checked before a function runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.checked import checked
from pellucid.errors import ArgumentError, PellucidError
from pellucid.typing import ArrayLike, Shape


@checked
def draw(
    x: ArrayLike, count: int = 3, scale: float = 1.0, *, name: str | None = None, loud: bool = False,
    shape: Shape = (), path: str | Path = "", other: dict[str, int] | None = None, seed: int = 0,
) -> str:  # fmt: skip
    """Say what came."""
    return f"{count} {scale} {name} {loud} {shape} {path} {other}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": "text"}, "draw: x must hold numbers, got <U4"),
        ({"x": None}, "draw: x must be an array or a list of numbers, got NoneType"),
        ({"x": [[1], [2, 3]]}, "draw: x cannot become an array.*same shape"),
        ({"x": np.ones(2, complex)}, r"draw: x must hold numbers, got complex128"),
        ({"count": 1.5}, "draw: count must be a whole number, got 1.5"),
        ({"count": True}, "draw: count must be a whole number, got True"),
        ({"count": 10**30}, "draw: count must be a whole number, got 10000"),
        ({"scale": "1"}, "draw: scale must be a number, got '1'"),
        ({"scale": float("nan")}, "draw: scale must be a number, got nan"),
        ({"name": 3}, "draw: name must be a string or None, got 3"),
        ({"loud": 1}, "draw: loud must be True or False, got 1"),
        ({"shape": 4}, "draw: shape must be a shape such as"),
        ({"path": 0}, "draw: path must be a string or a path, got 0"),
        ({"seed": -1}, "draw: seed must be a whole number of at least 0, got -1"),
    ],
)
def test_values_of_another_type_are_refused_by_name(arguments, message):
    with pytest.raises(PellucidError, match=message):
        draw(**{"x": [1.0], **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": 3},
        {"x": np.ones((2, 2), np.float16)},
        {"x": [[True, False]]},
        {"count": np.int8(3)},
        {"scale": np.float32(0.5)},
        {"scale": 2},
        {"scale": float("inf")},
        {"loud": np.bool_(True)},
        {"shape": [2, 3]},
        {"path": Path("a")},
        {"other": "anything: its type is not a plain one"},
    ],
)
def test_values_of_the_type_pass(arguments):
    assert draw(**{"x": [1.0], **arguments})


def test_missing_and_unknown_arguments_are_told_in_pythons_words():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        draw()
    with pytest.raises(TypeError, match="unexpected keyword argument 'nothing'"):
        draw(1, nothing=2)


def test_a_class_is_called_by_its_name():
    with pytest.raises(ArgumentError, match="SimpleCNN: seed must be a whole number, got 'x'"):
        pl.SimpleCNN(seed="x")


def test_the_signature_stays():
    assert draw.__name__ == "draw"
    assert draw.__doc__ == "Say what came."


def test_a_message_is_one_harmless_line():
    error = PellucidError(f"got {np.eye(3)!r}\n\x1b[31mred")
    assert str(error).isprintable()
    assert "\\x1b[31mred" in str(error)
