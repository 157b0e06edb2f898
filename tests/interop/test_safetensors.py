"""Networks come back from their files as they were."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import pellucid as pl
from cases import CASES
from interop.crafted import _Standardise
from pellucid import fit, predict_proba
from pellucid.errors import ArgumentError, DataError, FileFormatError, StateError
from pellucid.interop import load, load_into, read_metadata, save
from pellucid.layers import (
    LAYERS,
    Affine,
    Container,
    Dropout,
    Layer,
    Parameters,
    ReLU,
    Sequential,
    copy_network,
    to_spec,
)


def network_of(case, dtype=np.float32):
    layer = case.build(dtype)
    if isinstance(layer, Container):
        return layer
    network = Sequential([layer], input_shape=case.shape, dtype=dtype)
    rng = np.random.default_rng(3)
    for store in (network.params, network.buffers):
        for key, array in store.items():
            store[key] = rng.uniform(0.5, 1.5, array.shape)  # a running variance is positive
    return network


def arrays_of(network):
    return {**network.params, **network.buffers}


def bits(arrays):
    return {key: (a.dtype, a.shape, a.tobytes()) for key, a in arrays.items()}


def small(units=3, **options):
    return Sequential([Affine(4), ReLU(), Affine(units, **options)], input_shape=2, seed=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def with_buffers(monkeypatch):
    monkeypatch.setitem(LAYERS, "_Standardise", _Standardise)
    network = Sequential([_Standardise(name="norm"), Affine(3)], input_shape=2)
    network.buffers["norm.mean"] = np.array([0.5, -0.25])
    network.buffers["norm.batches"] = 7
    return network


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_comes_back_bit_for_bit(path, case, dtype):
    network = network_of(case, dtype)
    save(network, path)
    loaded = load(path)

    assert bits(arrays_of(network)) == bits(arrays_of(loaded))
    assert list(network.params) == list(loaded.params)
    assert to_spec(network) == to_spec(loaded)
    assert (network.input_shape, network.output_shape, network.dtype) == (
        loaded.input_shape,
        loaded.output_shape,
        loaded.dtype,
    )
    x = case.batch(dtype=dtype)
    np.testing.assert_array_equal(network(x), loaded(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_official_reader_sees_the_same_bits(path, case, dtype):
    network = network_of(case, dtype)
    save(network, path, metadata={"loss": "Hinge"})

    assert bits(arrays_of(network)) == bits(load_file(path))
    with safe_open(path, framework="np") as file:
        assert file.metadata()["loss"] == "Hinge"


def test_buffers_come_back_as_buffers(path, with_buffers):
    save(with_buffers, path)
    loaded = load(path)

    assert bits(with_buffers.buffers) == bits(loaded.buffers)
    assert bits(with_buffers.params) == bits(loaded.params)
    with safe_open(path, framework="np") as file:
        assert file.metadata()["pellucid.buffers"] == '["norm.mean","norm.batches"]'


def test_a_loaded_network_shares_its_arrays_with_its_layers_and_learns(path):
    save(Sequential([Sequential([Affine(3)], name="block")], input_shape=2), path)
    loaded = load(path)
    loaded.params["block.affine1.W"] += 1

    assert loaded.layer("block.affine1").params["W"] is loaded.params["block.affine1.W"]
    assert loaded.params["block.affine1.W"].flags.writeable
    assert loaded.params["block.affine1.W"].flags.owndata
    assert "create_params" not in vars(loaded.layer("block.affine1"))


def test_the_same_network_gives_the_same_bytes(tmp_path):
    metadata = {"b": "2", "a": "1", "c": "3"}
    save(small(), tmp_path / "one", metadata=metadata)
    save(small(), tmp_path / "two", metadata=dict(sorted(metadata.items())))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_tensors_are_aligned(path, with_buffers):
    save(with_buffers, path, metadata={"odd": "x"})
    data = path.read_bytes()

    assert int.from_bytes(data[:8], "little") % 8 == 0
    assert data.index(np.int64(7).tobytes(), 8) % 8 == 0


def test_metadata_comes_back(path):
    metadata = {"loss": "Hinge", "classes": '["zero", "一"]', "": 'quoted "\\ \n'}
    save(small(), path, metadata=metadata)

    assert read_metadata(path) == metadata


def test_a_model_that_holds_a_network_is_saved_and_filled(path):
    class Model:
        network = small()

    save(Model(), path)
    expected = bits(Model.network.params)
    Model.network.params["affine1.W"] *= 2
    load_into(Model(), path)

    assert bits(Model.network.params) == expected
    assert bits(load(path).params) == expected


def test_a_network_is_saved_onto_the_file_that_it_came_from(path):
    save(small(), path)
    loaded = load(path)
    loaded.params["affine1.b"] += 1
    save(loaded, path)

    assert bits(load(path).params) == bits(loaded.params)


def test_arrays_in_any_layout_are_saved(path):
    network = small()
    network.layers[0].params = type(network.params)(
        W=np.asfortranarray(network.params["affine1.W"]), b=np.arange(8, dtype=np.float32)[::2]
    )
    network.gather()
    save(network, path)

    assert load(path).params["affine1.b"].tolist() == [0, 2, 4, 6]
    np.testing.assert_array_equal(load(path).params["affine1.W"], network.params["affine1.W"])


def test_load_into_does_not_mind_how_weights_began(path):
    network = small(weight="zeros")
    save(small(), path)
    load_into(network, path)

    assert bits(network.params) == bits(small().params)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: small(5), r"the network's layers\[2\]'s units is 3, the file has 5"),
        (lambda: small(bias=False), r"layers\[2\]'s bias is True, the file has False"),
        (
            lambda: Sequential([Affine(4), Dropout(0.5), Affine(3)], input_shape=2),
            r"layers\[1\] is ReLU, the file has Dropout",
        ),
        (lambda: Sequential([Affine(4)], input_shape=2), "layers are 3, the file has 1"),
        (
            lambda: Sequential([Affine(4), ReLU(), Affine(3)], input_shape=5),
            r"affine1.W must have shape \(2, 4\), the file has \(5, 4\)",
        ),
        (
            lambda: copy_network(small(), np.float64),
            "affine1.W must be float32, .* float64",
        ),
    ],
)
def test_load_into_refuses_another_architecture_and_changes_nothing(path, other, message):
    save(other(), path)
    network = small()
    before = bits(network.params)

    with pytest.raises(FileFormatError, match=message):
        load_into(network, path)
    assert bits(network.params) == before


def test_load_into_changes_nothing_when_the_last_byte_is_wrong(path):
    network = small()
    save(network, path)
    before = bits(network.params)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")

    with pytest.raises(FileFormatError, match="checksum"):
        load_into(network, path)
    assert bits(network.params) == before


def test_files_of_the_official_writer_fill_a_network(path):
    arrays = {key: np.full_like(value, 0.5) for key, value in small().params.items()}
    save_file(arrays, path)
    network = small()
    load_into(network, path)

    assert bits(network.params) == bits(arrays)
    with pytest.raises(FileFormatError, match=r"tensors and no architecture.*load_into\(network, path\)"):
        load(path)


def test_a_file_that_the_official_writer_wrote_again_keeps_its_checksums(path):
    save(small(), path, metadata={"loss": "Hinge"})
    with safe_open(path, framework="np") as file:
        save_file({key: file.get_tensor(key) for key in file.keys()}, path, file.metadata())  # noqa: SIM118

    assert bits(load(path).params) == bits(small().params)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_weights_need_leave(path, value):
    network = small()
    network.params["affine2.W"][1, 2] = value
    with pytest.raises(DataError, match="save: affine2.W holds 1 NaN or infinite values of 12"):
        save(network, path)
    assert not path.exists()

    save(network, path, allow_nonfinite=True)
    with pytest.raises(FileFormatError, match="affine2.W holds 1 NaN or infinite"):
        load(path)
    with pytest.raises(FileFormatError, match="affine2.W holds 1 NaN or infinite"):
        load_into(small(), path)

    assert bits(load(path, allow_nonfinite=True).params) == bits(network.params)


def test_what_cannot_be_saved_is_said(path):
    with pytest.raises(StateError, match="save: Sequential: not built yet"):
        save(Sequential([Affine(3)]), path)
    with pytest.raises(ArgumentError, match="must be a container such as Sequential"):
        save(Affine(3), path)
    with pytest.raises(ArgumentError, match=r"strings to strings, got 'epochs': 3. Try json.dumps"):
        save(small(), path, metadata={"epochs": 3})
    with pytest.raises(ArgumentError, match="may not begin with 'pellucid.'"):
        save(small(), path, metadata={"pellucid.format": "2"})
    with pytest.raises(ArgumentError, match="UTF-8"):
        save(small(), path, metadata={"name": "\ud800"})
    with pytest.raises(ArgumentError, match="cannot be written as JSON"):
        save(_odd(), path)
    assert not path.exists()


def _odd():
    network = Sequential([Dropout(0.5)], input_shape=2)
    vars(network.layers[0])["drop_probability"] = float("nan")
    return network


def test_missing_files_and_folders_are_said(path, tmp_path):
    with pytest.raises(DataError, match="load: there is no file"):
        load(path)
    with pytest.raises(DataError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(DataError, match="save: there is no folder"):
        save(small(), tmp_path / "missing" / "model")


def test_load_into_brings_what_inputs_and_outputs_mean(path):
    x = np.random.default_rng(0).random((20, 3), np.float32)
    taught, other = (Sequential([Affine(1)], input_shape=3, seed=s) for s in (0, 1))
    fit(taught, (x, (x[:, 0] > 0.5).astype(int)), loss="SigmoidCrossEntropy", progress=False)
    save(taught, path)
    load_into(other, path)
    assert repr(other.outputs) == repr(taught.outputs)
    assert other.inputs == taught.inputs
    assert np.array_equal(predict_proba(other, x), predict_proba(taught, x))


def test_frozen_layers_are_no_other_architecture(path):
    frozen, free = (Sequential([Affine(2)], input_shape=3, seed=s) for s in (0, 1))
    frozen.freeze()
    save(frozen, path)
    load_into(free, path)
    assert np.array_equal(free.params["affine1.W"], frozen.params["affine1.W"])
    assert free.trainable


class Mine(pl.MeanSquaredError):
    """A loss of the user's own, beside the package's."""


class Apart(pl.losses.RowLoss):
    """One that only follows the form."""

    def compute(self, y, t):
        return float(np.square(y - t).mean()), pl.losses.LossCache(2 * (y - t) / y.size)


class Bent(Apart):
    """One that makes probabilities in its own way."""

    def probabilities(self, y):
        return y * 0.5


@pytest.mark.parametrize("loss", [Mine, Apart])
@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_what_outputs_mean_is_kept_of_losses_of_ones_own(path, loss, task):
    x = np.random.default_rng(0).random((30, 3), np.float32)
    t = (x[:, 0] > 0.5).astype(int) if task == "classes" else x[:, :1] * 3
    network = Sequential([Affine(1)], input_shape=3)
    fit(network, (x, t), loss=loss(), epochs=3, batch_size=5, progress=False)
    save(network, path)
    again = load(path)
    assert again.outputs.classes == network.outputs.classes
    if task == "classes":
        assert np.array_equal(pl.predict_classes(again, x), pl.predict_classes(network, x))
        with pytest.raises(ArgumentError, match="are no probabilities"):
            predict_proba(again, x)
    else:
        with pytest.raises(ArgumentError, match="trained to hit numbers"):
            predict_proba(again, x)


def test_what_a_file_cannot_keep_is_told(path):
    x = np.random.default_rng(0).random((30, 3), np.float32)
    network = Sequential([Affine(1)], input_shape=3)
    fit(network, (x, (x[:, 0] > 0.5).astype(int)), loss=Bent(), progress=False)
    with pytest.warns(UserWarning, match=r"cannot keep what Bent makes of outputs; give predict_proba loss=Bent\(\)"):
        save(network, path)


class _Tied(Layer):
    """y = x W Wᵀ by one array under two names."""

    def infer_shape(self, input_shape):
        return input_shape

    def create_params(self, input_shape, rng, dtype):
        W = rng.standard_normal((input_shape[0], input_shape[0])).astype(dtype)
        self.params = Parameters(a=W, b=W)

    def forward(self, x, *, train=False, rng=None):
        return x @ self.params["a"] @ self.params["b"], x

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        return dy, {key: np.zeros_like(self.params[key]) for key in self.params}


def test_one_array_under_two_names_stays_one(path):
    LAYERS["_Tied"] = _Tied
    try:
        network = Sequential([_Tied(), Affine(2)], input_shape=3)
        save(network, path)
        for again in (load(path), copy_network(network)):
            assert again.layers[0].params["a"] is again.layers[0].params["b"]
            assert np.array_equal(again.layers[0].params["a"], network.layers[0].params["a"])
    finally:
        del LAYERS["_Tied"]
