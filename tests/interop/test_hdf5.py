"""The reader of HDF5, beside the library that writes it; what only others write is refused by name."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from mutations import mutate
from pellucid.errors import FileFormatError
from pellucid.interop.hdf5 import encode_hdf5, open_hdf5
from pellucid.interop.hdf5.reader import Group


def written(fill: Any, **options: Any) -> bytes:
    """The bytes of a file that h5py wrote."""
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        fill(file)
    return stream.getvalue()


def test_what_is_written_the_library_reads_bit_for_bit():
    h5py = pytest.importorskip("h5py")
    arrays = {"a": np.arange(6, dtype=">f4").reshape(2, 3), "é": np.array(2.5), "none": np.zeros((0, 3))}
    data = encode_hdf5({"deep": {"er": arrays, "empty": {}}, **{f"n{i}": np.float32([i]) for i in range(700)}})
    with h5py.File(io.BytesIO(data)) as file:
        for name, array in arrays.items():
            np.testing.assert_array_equal(file["deep/er"][name][()], array)
            assert file["deep/er"][name].dtype == array.dtype.newbyteorder("<")
        assert len(file) == 701
        assert file["n699"][0] == 699
    np.testing.assert_array_equal(open_hdf5(data, "it").dataset("deep/er/a").read(), arrays["a"])


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<f2", "<i8", ">u2", "|i1"])
def test_arrays_of_every_kind_are_read_bit_for_bit(libver, kind):
    values = np.arange(24).reshape(2, 3, 4).astype(kind)

    def fill(file: Any) -> None:
        file.create_group("a/b")["c"] = values
        file["scalar"] = values[0, 0, 0]
        file["empty"] = values[:0]

    root = open_hdf5(written(fill, libver=libver), "it")
    assert list(root) == ["a", "empty", "scalar"] or set(root) == {"a", "empty", "scalar"}
    np.testing.assert_array_equal(root.dataset("a/b/c").read(), values)
    assert root.dataset("scalar").read() == values[0, 0, 0]
    assert root.dataset("empty").read().shape == (0, 3, 4)
    assert root.dataset("a/b/c").read().dtype.isnative


def test_many_names_and_long_texts_are_read():
    text = "ä" * 100_000

    def fill(file: Any) -> None:
        for number in range(1000):
            file[f"name{number}"] = np.float32(number)
        file.attrs["text"] = text
        file.attrs["bytes"] = b"three"
        file.attrs["names"] = np.array([b"one", b"three"])
        file.attrs["numbers"] = np.arange(3.0)

    root = open_hdf5(written(fill), "it")
    assert [root.dataset(f"name{number}").read() for number in (0, 500, 999)] == [0, 500, 999]
    assert len(list(root)) == 1000
    numbers = root.attributes.pop("numbers")
    np.testing.assert_array_equal(numbers, np.arange(3.0))
    assert root.attributes == {"text": text, "bytes": "three", "names": ["one", "three"]}


def soft(file: Any) -> None:
    import h5py

    file["a"] = h5py.SoftLink("/a")


def external(file: Any) -> None:
    import h5py

    file["a"] = h5py.ExternalLink("/etc/passwd", "/")


def ring(file: Any) -> None:
    group = file.create_group("a")
    group["b"] = group


def elsewhere(file: Any) -> None:
    file.create_dataset("a", (3,), "f4", external=[("/etc/passwd", 0, 12)])


def virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (3,))
    file.create_virtual_dataset("a", layout)


def chunked(file: Any) -> None:
    file.create_dataset("a", data=np.zeros(1000, "f4"), chunks=(10,))


def compressed(file: Any) -> None:
    file.create_dataset("a", data=np.zeros(1000, "f4"), compression="gzip")


def bomb(file: Any) -> None:
    file.create_dataset("a", (1 << 40,), "f4")  # declared, and never written


def texts(file: Any) -> None:
    file["a"] = ["one", "two"]


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (soft, "a link to another place or file is not read"),
        (external, "a link to another place or file is not read"),
        (ring, "holds itself"),
        (elsewhere, "compressed or lies in another file"),
        (virtual, "lie in other files"),
        (chunked, "an array in chunks is not read"),
        (compressed, "compressed"),
        (bomb, r"of shape \(1099511627776,\) and float32 takes 4398046511104 bytes, and has 0"),
        (texts, "an array of text"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_what_keras_never_writes_is_refused(fill, told, libver):
    def walk(group: Group) -> None:
        if "b" in group:
            walk(group.group("b"))
        for name in group:
            walk(group.group("a")) if fill is ring else group.dataset(name).read()

    with pytest.raises(FileFormatError, match=told):
        walk(open_hdf5(written(fill, libver=libver), "it"))


def test_damaged_files_are_refused_or_read():
    from interop.test_keras import FILES

    sound = [path.read_bytes() for path in FILES.glob("*.h5")]

    def walk(group: Group) -> None:
        for name in group:
            try:
                inner = group.group(name)
            except FileFormatError:
                group.dataset(name).read()
            else:
                walk(inner)

    refused = 0
    for number in range(500):
        try:
            walk(open_hdf5(mutate(sound[number % 2], np.random.default_rng([number, 6])), "it"))
        except FileFormatError:
            refused += 1
    assert 100 < refused < 500
