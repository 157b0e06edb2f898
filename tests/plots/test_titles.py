"""Titles of any text can be drawn."""

from __future__ import annotations

import io

import pytest

import pellucid as pl
from pellucid.errors import ArgumentError
from pellucid.training import History

HISTORY = History({"iteration": [1, 2], "loss": [2.0, 1.0]}, {})
HALF = "é\ud800"  # half of a sign, as a name of a file may hold


@pytest.mark.parametrize(
    "draw",
    [
        lambda title: pl.plots.confusion_matrix([0, 1, 2], [0, 1, 1], title=title),
        lambda title: pl.plots.training_figure(HISTORY, title=title),
        lambda title: pl.plots.learning_curves({title: HISTORY}, title=title),
    ],
)
def test_half_of_a_sign_is_written_out(draw):
    figure = draw(HALF)
    figure.savefig(io.BytesIO())
    assert "é\\ud800" in {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def test_a_history_that_fails_when_looked_at_is_none():
    class Failing:
        def __getattr__(self, name):
            raise RuntimeError(name)

    with pytest.raises(ArgumentError, match="history must have the tables"):
        pl.plots.training_figure(Failing())
