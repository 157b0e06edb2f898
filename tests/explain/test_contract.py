"""What every method keeps: no trace on the network, a batch equal to one by one, threads, order, and clear refusals."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

import pellucid as pl
from methods import EVERYWHERE
from pellucid import explain


class Midway(Exception):
    """What a broken layer raises."""


every = pytest.mark.parametrize("method", EVERYWHERE.values(), ids=EVERYWHERE)


def state(network):
    """Every byte of the network, and which arrays hold them."""
    arrays = [*network.params.items(), *network.buffers.items()]
    return (
        [(key, id(a), a.tobytes()) for key, a in arrays],
        [(id(layer), layer.name, id(layer.params), sorted(vars(layer))) for layer in network.walk()],
        sorted(vars(network)),
    )


@every
def test_the_network_and_the_inputs_are_left_as_they_were(cnn, residual, graph, x, method):
    for network in (cnn, residual, graph):
        before, images = state(network), x.copy()
        method(network, x)

        assert state(network) == before
        assert np.array_equal(images, x)


@every
@pytest.mark.parametrize("when", ["forward", "backward"])
def test_nothing_is_left_when_a_layer_raises_midway(make_chain, x, method, when):
    class Broken(pl.Dropout):
        def forward(self, y, **options):
            if when == "forward":
                raise Midway
            return super().forward(y, **options)

        def backward(self, dy, cache, **options):
            raise Midway

    network = make_chain()
    broken = network.layer("drop")
    broken.__class__ = Broken
    before = state(network)
    refused = (Midway, pl.errors.ArgumentError)  # by the layer, or by a rule that does not know it
    with pytest.raises(refused) if when == "forward" else suppress(*refused):  # not every method goes back
        method(network, x)

    assert state(network) == before


@every
def test_a_batch_equals_one_by_one_in_any_order(cnn, x, method):
    whole, order = method(cnn, x), [2, 0, 3, 1]

    for i in range(len(x)):
        alone = method(cnn, x[i : i + 1])
        np.testing.assert_allclose(whole.values[i], alone.values[0], atol=1e-12)
        np.testing.assert_allclose(whole.scores[i], alone.scores[0])
        for key, extra in whole.extras.items():
            np.testing.assert_allclose(extra[i], alone.extras[key][0], atol=1e-10)
    np.testing.assert_allclose(method(cnn, x[order]).values, whole.values[order], atol=1e-12)


@every
def test_two_threads_with_one_network_get_what_each_gets_alone(cnn, x, method):
    batches = [x[:2], x[2:], x[1:3], x[:2] * 2]
    alone = [method(cnn, batch).values for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda batch: method(cnn, batch).values, batches * 3))

    for k, values in enumerate(together):
        assert np.array_equal(alone[k % 4], values)


@every
def test_the_result_says_what_was_asked_and_how(cnn, x, method):
    result = method(cnn, x, [0, 1, 2, 0])

    assert len(result) == 4
    assert result.target.tolist() == [0, 1, 2, 0]
    assert result.scalars[1].endswith(" of class 1")
    assert result.settings["scalar"] in result.scalars[0]
    np.testing.assert_allclose(result.outputs, cnn(x))
    assert np.array_equal(result.inputs, x)
    assert result.values.dtype == x.dtype
    assert result.method


@every
def test_images_in_float32_stay_float32(make_chain, x, method):
    assert method(make_chain(dtype=np.float32), x).values.dtype == np.float32


@every
def test_inputs_that_cannot_be_used_are_refused(cnn, x, method):
    with pytest.raises(pl.errors.ShapeError, match=r"x must have shape \(N, 10, 8, 2\)"):
        method(cnn, x.transpose(0, 3, 1, 2))
    x[1, 2, 3, 0] = np.nan
    with pytest.raises(pl.errors.DataError, match="1 NaN or infinite"):
        method(cnn, x)


def test_the_result_does_not_follow_what_the_caller_does_to_x(cnn, x):
    result = explain.saliency(cnn, x)
    x[...] = 0

    assert result.inputs.any()


def test_the_checks_of_explanations_are_reached_from_the_package_alone():
    code = (
        "import pellucid as pl; print(pl.explain.evaluate.trust_card.__name__, pl.explain.evaluate.deletion.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["trust_card", "deletion"]
    assert pl.explain.evaluate is explain.evaluate
    assert callable(explain.evaluate.trust_card)


def test_importing_it_loads_nothing_large():
    code = "import sys, pellucid.explain; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not set(loaded) & {"matplotlib", "numba", "scipy", "pandas", "PIL", "torch", "captum"}
