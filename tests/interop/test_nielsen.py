"""The networks of Nielsen's book come in as they are, and go out so that his program can read them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, FileFormatError, StateError, UnknownNameError
from pellucid.interop import load_nielsen, save_nielsen
from pellucid.layers import Affine, ReLU, Sequential, Sigmoid
from pellucid.losses import Quadratic, as_loss

SMALL = {
    "sizes": [2, 3, 1],
    "weights": [[[0.1, -0.2], [0.3, 0.4], [0.5, -0.6]], [[1.0, -2.0, 3]]],
    "biases": [[[0.5], [-0.25], [0]], [[0.125]]],
    "cost": "CrossEntropyCost",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.json"


def feedforward(fields, a):
    """His network2.Network.feedforward, on a column of activations."""
    for w, b in zip(fields["weights"], fields["biases"], strict=True):
        a = 1 / (1 + np.exp(-(np.array(w) @ a + np.array(b))))
    return a


def sigmoids(*units, **options):
    return Sequential([layer for n in units for layer in (Affine(n), Sigmoid())], input_shape=4, **options)


def test_his_network_answers_as_with_him(path):
    path.write_text(json.dumps(SMALL))
    network, loss = load_nielsen(path)
    x = np.array([0.7, -1.3])

    assert loss == "CrossEntropy"
    assert type(as_loss(loss)).__name__ == "CrossEntropy"
    assert network.dtype == np.float64
    assert network.params["affine1.W"].shape == (2, 3)
    np.testing.assert_allclose(network(x[None])[0], feedforward(SMALL, x[:, None])[:, 0], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_come_back_bit_for_bit(path, dtype):
    network = sigmoids(5, 3, dtype=dtype)
    save_nielsen(network, path, cost="QuadraticCost")
    loaded, loss = load_nielsen(path, dtype=dtype)

    assert loss == "Quadratic"
    assert list(network.params) == list(loaded.params)
    for key, array in network.params.items():
        assert array.dtype == loaded.params[key].dtype
        assert array.tobytes() == loaded.params[key].tobytes()
        assert loaded.params[key].flags.writeable


def test_what_is_written_has_his_form(path):
    save_nielsen(sigmoids(5, 3), path, cost=Quadratic())
    fields = json.loads(path.read_text())

    assert set(fields) == {"sizes", "weights", "biases", "cost"}
    assert fields["sizes"] == [4, 5, 3]
    assert [np.shape(w) for w in fields["weights"]] == [(5, 4), (3, 5)]
    assert [np.shape(b) for b in fields["biases"]] == [(5, 1), (3, 1)]
    assert fields["cost"] == "QuadraticCost"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": None}, "sizes must be two or more whole numbers"),
        ({"sizes": [2]}, "sizes must be two or more"),
        ({"sizes": [2, 0, 1]}, "sizes must be two or more"),
        ({"sizes": [2, 3.0, 1]}, "sizes must be two or more"),
        ({"sizes": [2, 3, 1, 4]}, "weights must have 3 parts, one for each layer after the first, got 2"),
        ({"sizes": [10**9, 3, 1]}, r"weights\[0\]: row 0 must have 1000000000 numbers, got 2"),
        ({"sizes": [2, 10**9, 1]}, r"weights\[0\] must have 1000000000 rows, got 3"),
        ({"weights": 3}, "weights must have 2 parts, .* got 3"),
        ({"weights": [SMALL["weights"][0], [[1.0, 2.0]]]}, r"weights\[1\]: row 0 must have 3 numbers, got 2"),
        ({"weights": [SMALL["weights"][0], [[1.0, 2.0, "3"]]]}, r"weights\[1\]: row 0 holds something other"),
        ({"weights": [SMALL["weights"][0], [[1.0, 2.0, True]]]}, "row 0 holds something other than numbers"),
        ({"weights": [SMALL["weights"][0], [[1.0, 2.0, [3]]]]}, "row 0 holds something other than numbers"),
        ({"weights": [SMALL["weights"][0], ["abc"]]}, "row 0 must have 3 numbers, got 'abc'"),
        ({"biases": [[0.5, -0.25, 0], [[0.125]]]}, r"biases\[0\]: row 0 must have 1 numbers, got 0.5"),
        ({"cost": "os.system"}, "cost must be one of CrossEntropyCost, QuadraticCost, got 'os.system'"),
        ({"cost": ["QuadraticCost"]}, "cost must be one of"),
    ],
)
def test_other_forms_are_refused_with_the_place(path, change, message):
    path.write_text(json.dumps(SMALL | change))
    with pytest.raises(FileFormatError, match=f"^load_nielsen: .*net.json: .*{message}"):
        load_nielsen(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("[]", "must be an object with sizes, weights, biases and cost"),
        ('{"sizes": [2, 3]}', "must be an object with sizes, weights, biases and cost"),
        (json.dumps(SMALL).replace("0.125", "NaN"), "NaN is not a number of JSON"),
        (json.dumps(SMALL).replace("0.125", "1e999"), "1e999 is larger than a number can be"),
        (json.dumps(SMALL).replace("0.125", "9" * 5000), "is too long"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_unsound_text_is_refused(path, text, message):
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        load_nielsen(path)


def test_numbers_too_large_for_the_dtype_are_refused(path):
    path.write_text(json.dumps(SMALL).replace("0.125", "1e300"))

    assert load_nielsen(path).network.params["affine2.b"] == 1e300
    with pytest.raises(FileFormatError, match="affine2.b holds 1 NaN or infinite values"):
        load_nielsen(path, dtype=np.float32)


def test_other_networks_are_not_written(path):
    with pytest.raises(ArgumentError, match=r"must be Affine, Sigmoid, .*got \['Affine', 'ReLU'\]. Use save"):
        save_nielsen(Sequential([Affine(3), ReLU()], input_shape=2), path)
    with pytest.raises(ArgumentError, match=r"must be Affine, Sigmoid"):
        save_nielsen(Sequential([Affine(3, bias=False), Sigmoid()], input_shape=2), path)
    with pytest.raises(ArgumentError, match=r"got \[\]"):
        save_nielsen(Sequential([], input_shape=2), path)
    with pytest.raises(StateError, match="not built yet"):
        save_nielsen(Sequential([Affine(3), Sigmoid()]), path)
    with pytest.raises(ArgumentError, match="cost must be one of CrossEntropy, Quadratic, got Hinge"):
        save_nielsen(sigmoids(3), path, cost="Hinge")
    with pytest.raises(UnknownNameError, match="unknown name 'Cross'"):
        save_nielsen(sigmoids(3), path, cost="Cross")
    network = sigmoids(3)
    network.params["affine1.b"] = np.full(3, np.inf)
    with pytest.raises(DataError, match="NaN or infinite"):
        save_nielsen(network, path)
    assert not path.exists()
