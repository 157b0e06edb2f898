from __future__ import annotations

import io
import re
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

import pellucid as pl
from explain_evaluation.toys import linear, says, small_cnn
from pellucid import explain
from pellucid.data import block_mnist
from pellucid.errors import DataError, ShapeError, UnknownNameError
from pellucid.explain.evaluate import Measure, edge_detector, trust_card
from pellucid.explain.evaluate.attribution import name_of
from pellucid.models.sprint_net import sprint_net


@pytest.fixture(scope="module")
def trained():
    train, test = pl.mnist(flatten=False)
    network = sprint_net(seed=0)
    pl.fit(network, train[:4000], epochs=2, batch_size=50, optimizer=pl.Adam(), progress=False, train_sample=0)
    return network, test[:500]


@pytest.fixture(scope="module")
def guided(trained):
    return trust_card(trained[0], partial(explain.saliency, rule="guided"), trained[1])


def test_guided_backpropagation_fails_when_the_later_layers_are_random_and_gradients_pass(trained, guided):
    plain = trust_card(*(trained[0], explain.saliency, trained[1]))

    assert guided.row("later layers").verdict == "fails"
    assert plain.row("later layers").verdict == "passes"
    assert guided.row("later layers").measure.mean > 0.5 > 0.3 > plain.row("later layers").measure.mean


def test_gradients_fail_on_digits_beside_a_block_that_says_nothing():
    train, test = pl.mnist(flatten=False)
    network = sprint_net(seed=0, input_shape=(56, 28, 1))
    blocks, (unseen, masks) = block_mnist(train[:3000]).data, block_mnist(test[:200], seed=1)
    pl.fit(network, blocks, epochs=2, batch_size=50, optimizer=pl.Adam(), progress=False, train_sample=0)

    row = trust_card(network, explain.saliency, unseen, masks=masks).row("relevance mass")

    assert pl.evaluate(network, unseen).accuracy > 0.85
    assert row.verdict == "fails"
    assert row.measure.mean < 0.65  # the digit's block is half of the image


def test_an_edge_detector_passes_nothing_but_stability(trained):
    card = trust_card(trained[0], edge_detector, trained[1])

    assert [row.check for row in card.rows if row.verdict == "passes"] == ["stability"]
    assert card.row("later layers").verdict == card.row("deletion").verdict == "fails"


def test_a_method_with_a_promise_is_held_to_it(trained):
    card = trust_card(trained[0], explain.integrated_gradients, trained[1], images=8)

    assert card.row("own promise").verdict == "passes"
    assert card.row("own promise").measure.mean == 1
    assert "completeness" in card.row("own promise").question


def test_the_card_prints_every_check_and_draws_itself(guided):
    stream = io.BytesIO()
    fig = guided.plot()
    fig.savefig(stream, format="png", dpi=50)
    fig.draw_without_rendering()
    box, page = fig.get_tightbbox(), fig.get_size_inches()

    assert stream.getvalue().startswith(b"\x89PNG")
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= page[0]
    assert box.y1 <= page[1]
    text = str(guided)
    assert text.startswith("saliency(rule='guided'): passes ")
    assert all(row.check in text for row in guided.rows)
    assert "✗ later layers" in text


def test_masks_add_the_checks_against_ground_truth_and_the_network_stays_as_it_was(rng):
    network, x = small_cnn(), rng.random((10, 12, 12, 1))
    masks = np.zeros((10, 12, 12), bool)
    masks[:, :4] = True
    before = {key: value.tobytes() for key, value in network.params.items()}

    card = trust_card(network, explain.saliency, x, masks=masks, images=6)

    assert {"relevance mass", "pointing game"} <= {row.check for row in card.rows}
    assert_allclose(card.row("relevance mass").measure.controls["half-way"], 2 / 3)
    assert_allclose(card.row("relevance mass").measure.controls["area"], 1 / 3)
    assert {key: value.tobytes() for key, value in network.params.items()} == before
    with pytest.raises(ShapeError, match="10 images came with 4 masks"):
        trust_card(network, explain.saliency, x, masks=masks[:4])
    with pytest.raises(UnknownNameError, match="Did you mean 'deletion'"):
        card.row("deletions")


def test_the_same_seed_gives_the_same_card(rng):
    network, x = small_cnn(), rng.random((10, 12, 12, 1))

    one, two = (str(trust_card(network, explain.saliency, x, images=5, seed=3)) for _ in range(2))

    assert one == two


def test_vectors_have_a_card_without_edges(rng):
    card = trust_card(linear(np.arange(1.0, 10)), explain.saliency, rng.random((6, 9)), images=4, target=0)

    assert card.row("deletion").measure.controls.keys() == {"random"}
    assert card.row("later layers").verdict == card.row("all layers").verdict == "none"  # nothing to be better than
    assert re.search(rf"– later layers   {card.row('later layers').value} +\(does the map change", str(card))
    words = [text.get_text() for axes in card.plot().axes for text in axes.texts]
    assert words.count("there is none for vectors") == 2


def test_what_promises_nothing_shows_no_number(guided):
    assert guided.row("own promise").value == ""
    assert guided.row("own promise").verdict == "none"
    assert "0.00 ± 0.00  (the method promises nothing)" not in str(guided)


def test_a_verdict_needs_two_standard_errors_over_every_control():
    values = np.array([0.4, 0.5, 0.6])  # its standard error is 0.058

    def verdict(better, **controls):
        return Measure("m", "f", values, better, {k: np.array(v) for k, v in controls.items()}).verdict()

    assert verdict("lower", random=np.full(3, 0.7)) == "passes"
    assert verdict("lower", random=np.full(3, 0.55)) == "open"
    assert verdict("lower", random=np.full(3, 0.3)) == "fails"
    assert verdict("higher", random=np.full(3, 0.3)) == "passes"
    assert verdict("higher", random=np.full(3, 0.3), edges=values) == "fails"
    assert verdict("lower", edges=values + 0.01) == "passes"  # image by image, whatever the spread
    assert verdict("lower") == "none"  # better than what?


def test_a_method_that_gives_another_shape_or_nan_is_refused(rng):
    network, x = small_cnn(), rng.random((2, 12, 12, 1))

    with pytest.raises(ShapeError, match=r"trust_card|deletion"):
        trust_card(network, lambda network, x, target: np.zeros((len(x), 5)), x)
    with pytest.raises(DataError, match="NaN"):
        trust_card(network, lambda network, x, target: np.full(x.shape, np.nan), x)


def test_a_method_is_named_with_its_options():
    assert name_of(explain.saliency) == "saliency"
    assert name_of(partial(explain.saliency, rule="guided")) == "saliency(rule='guided')"
    assert name_of(says(1)) == "<lambda>"
