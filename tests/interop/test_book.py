"""The book's parameter dictionaries come in from .npz; its pickles stay closed."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, FileFormatError, StateError
from pellucid.interop import load_book_params, save_book_params
from pellucid.layers import Affine, Dropout, ReLU, Sequential, Sigmoid


@pytest.fixture
def path(tmp_path):
    return tmp_path / "params.npz"


def params(dtype=np.float64):
    rng = np.random.default_rng(5)
    shapes = {"W1": (4, 5), "b1": (5,), "W2": (5, 3), "b2": (3,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def test_his_network_answers_as_in_the_book(path):
    p = params()
    np.savez(path, **p)
    network = load_book_params(path, activation=Sigmoid)
    x = np.linspace(-1, 1, 8).reshape(2, 4)
    z = 1 / (1 + np.exp(-(x @ p["W1"] + p["b1"])))

    assert [type(layer) for layer in network.layers] == [Affine, Sigmoid, Affine]
    np.testing.assert_allclose(network(x), z @ p["W2"] + p["b2"], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_dictionaries_come_back_bit_for_bit(path, tmp_path, dtype, write):
    p = params(dtype)
    write(path, **p)
    network = load_book_params(path)
    save_book_params(network, tmp_path / "again.npz")

    assert network.dtype == dtype
    with np.load(tmp_path / "again.npz") as again:
        assert set(p) == set(again)
        assert all(p[key].tobytes() == again[key].tobytes() for key in p)


def test_arrays_in_other_orders_are_read(path):
    p = params()
    np.savez(path, **{key: np.asfortranarray(a).astype(">f8") for key, a in p.items()})
    network = load_book_params(path)

    np.testing.assert_array_equal(network.params["affine1.W"], p["W1"])
    assert network.params["affine1.W"].dtype.isnative
    assert network.params["affine1.W"].flags.c_contiguous


def test_ten_layers_stand_in_the_order_of_their_numbers(path):
    np.savez(path, **{f"{k}{i}": np.full((2, 2) if k == "W" else 2, float(i)) for i in range(1, 12) for k in "Wb"})
    network = load_book_params(path)

    assert [p[0] for key, p in network.params.items() if key.endswith("b")] == list(range(1, 12))


def test_layers_without_parameters_may_stand_between(path):
    network = Sequential([Affine(5), ReLU(), Dropout(0.5), Affine(3)], input_shape=4)
    save_book_params(network, path)

    assert load_book_params(path).params["affine2.W"].tobytes() == network.params["affine2.W"].tobytes()


@pytest.mark.parametrize("name", ["params.pkl", "params.npz"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_is_never_opened_and_the_way_out_is_told(tmp_path, name, protocol):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    (tmp_path / name).write_bytes(pickle.dumps(Harm(), protocol))
    with pytest.raises(FileFormatError, match=r"It is a pickle.*np.savez\(.params.npz., \*\*pickle.load"):
        load_book_params(tmp_path / name)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W2": np.ones((4, 3))}, r"W2 must have shape \(5, K\) and b2 \(K,\), got \(4, 3\)"),
        ({"b2": np.ones(4)}, r"b2 \(K,\), got \(5, 3\) and \(4,\)"),
        ({"b2": np.ones((1, 3))}, r"b2 \(K,\), got \(5, 3\) and \(1, 3\)"),
        ({"W1": np.ones((30, 1, 5, 5))}, r"W1 must have shape \(D, K\)"),
        ({"b1": np.ones(5, np.float32)}, "the same floating-point dtype, got float32, float64"),
        ({"W3": np.ones((3, 3))}, "must hold W1, b1, W2, b2, … without a gap, got W1, W2, W3, b1, b2"),
        ({"gamma1": np.ones(5)}, "unexpected content 'gamma1.npy'"),
        ({"W1": np.array([[object()]])}, "must be an array of numbers as NumPy saves it"),
        ({"W1": np.array([["a"]])}, "must be an array of numbers"),
        ({"b2": np.full(3, np.nan)}, "affine2.b holds 3 NaN or infinite values"),
    ],
)
def test_other_dictionaries_are_refused(path, change, message):
    np.savez(path, **(params() | change))
    with pytest.raises(FileFormatError, match=f"^load_book_params: .*params.npz: .*{message}"):
        load_book_params(path)


def npy(header: str, data: bytes = b"", magic: bytes = b"\x93NUMPY\1\0") -> bytes:
    text = header.encode() + b"\n"
    return magic + len(text).to_bytes(2, "little") + text + data


def plain(shape: str, descr: str = "<f8") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}"


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


UNSOUND = {
    "empty": (b"", "the archive is damaged"),
    "no archive": (b"W1 b1 W2 b2", "the archive is damaged: File is not a zip file"),
    "no array": (archive({}), "must hold W1, b1"),
    "something else": (archive({"W1.txt": b""}), "unexpected content 'W1.txt'"),
    "a path": (archive({"../W1.npy": b""}), "unexpected content '../W1.npy'"),
    "no magic": (archive({"W1.npy": npy(plain("2,"), bytes(16), b"\x93NUMPX\1\0")}), "as NumPy saves it"),
    "a program": (archive({"W1.npy": npy("__import__('os').abort()")}), "as NumPy saves it"),
    "half a header": (archive({"W1.npy": npy("{'descr': '<f8', (")}), "as NumPy saves it"),
    "an odd width": (archive({"W1.npy": npy(plain("2,", "<f3"), bytes(6))}), "as NumPy saves it"),
    "an endless number": (archive({"W1.npy": npy(plain("9" * 4000))}), "as NumPy saves it"),
    "a huge array": (archive({"W1.npy": npy(plain("100000, 100000"))}), "takes 80000000000 bytes, 0 follow"),
    "too little data": (archive({"W1.npy": npy(plain("2,"), bytes(15))}), "truncated: .* takes 16 bytes, 15 follow"),
    "too much data": (archive({"W1.npy": npy(plain("2,"), bytes(99))}), "too long: .* takes 16 bytes, 99 follow"),
    "something behind": (archive({}) + b"1", "directory is damaged, or bytes follow it"),
    "another packing": (archive({"W1.npy": bytes(99)}, zipfile.ZIP_BZIP2), "is not packed as NumPy does"),
    "very many": (archive({f"W{i}.npy": b"" for i in range(1, 2002)}), "may hold 2000 arrays"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_unsound_archives_are_refused_in_little_memory(path, name):
    data, message = UNSOUND[name]
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=message):
        load_book_params(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20


def test_a_bomb_is_not_inflated(path):
    """A gigabyte of zeros packs into a megabyte; what the directory declares is what is believed least."""
    data = bytearray(archive({"W1.npy": npy(plain("2,"), bytes(1 << 22))}))
    place = data.rindex(b"PK\1\2") + 24  # the size after inflating, in the directory
    data[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="declares 4294967280, more than it can hold"):
        load_book_params(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


def test_members_that_the_directory_has_lost_are_missed(path):
    """One wrong byte, the length of a comment, hides the second layer; the rest would be a smaller network."""
    np.savez(path, **params())
    data = bytearray(path.read_bytes())
    b1 = data.index(b"b1.npy", data.index(b"PK\1\2"))
    hidden = data.index(b"PK\5\6") - (b1 + 6)
    data[b1 - 14 : b1 - 12] = hidden.to_bytes(2, "little")
    path.write_bytes(data)

    with zipfile.ZipFile(path) as lenient:
        assert lenient.namelist() == ["W1.npy", "b1.npy"]
    with pytest.raises(FileFormatError, match="the archive's directory is damaged"):
        load_book_params(path)


def test_other_networks_are_not_written(path):
    with pytest.raises(ArgumentError, match=r"only Affine layers with a bias .*\['Affine'\]. Use save"):
        save_book_params(Sequential([Affine(3, bias=False)], input_shape=2), path)
    with pytest.raises(ArgumentError, match="got \\[\\]"):
        save_book_params(Sequential([ReLU()], input_shape=2), path)
    with pytest.raises(StateError, match="not built yet"):
        save_book_params(Sequential([Affine(3)]), path)
    network = Sequential([Affine(3)], input_shape=2)
    network.params["affine1.W"][0, 0] = np.nan
    with pytest.raises(DataError, match="W1 holds 1 NaN"):
        save_book_params(network, path)
    assert not path.exists()
