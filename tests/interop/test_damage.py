"""A file that was cut at any byte, or in which any bit has flipped, is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import FileFormatError
from pellucid.interop import load, read_metadata, save
from pellucid.layers import Affine, ReLU, Sequential


@pytest.fixture
def model(tmp_path):
    network = Sequential([Affine(3), ReLU(), Affine(2)], input_shape=4)
    save(network, tmp_path / "model", metadata={"classes": "cat dog", "note": "é\n"})
    return tmp_path / "model", (tmp_path / "model").read_bytes()


def test_a_file_cut_at_any_byte_is_refused(model):
    path, data = model
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(FileFormatError):
            load(path)


def test_a_flipped_bit_anywhere_is_found(model):
    path, data = model
    for place in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(FileFormatError):
                load(path)


def test_a_flipped_bit_in_the_metadata_is_found_without_the_tensors(model):
    path, data = model
    damaged = data.replace(b"cat dog", b"cat eog")
    path.write_bytes(damaged)

    assert damaged != data
    with pytest.raises(FileFormatError, match="the header does not have its checksum"):
        read_metadata(path)


def test_a_byte_more_is_found(model):
    path, data = model
    path.write_bytes(data + b"\0")

    with pytest.raises(FileFormatError, match="goes on after"):
        load(path)


def test_tensors_exchanged_by_name_are_found(model):
    path, data = model
    damaged = data.replace(b'"affine1.b"', b'"affine1.x"').replace(b'"affine2.b"', b'"affine1.b"')
    path.write_bytes(damaged.replace(b'"affine1.x"', b'"affine2.b"'))

    with pytest.raises(FileFormatError, match="the header does not have its checksum"):
        load(path)


def test_the_undamaged_file_loads(model):
    path, data = model
    path.write_bytes(data)

    assert np.isfinite(load(path).params["affine1.W"]).all()
