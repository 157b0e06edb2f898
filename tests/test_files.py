"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pellucid.errors import DataError, FileFormatError
from pellucid.files import atomic_write, read_bytes


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_pieces_follow_one_another(tmp_path):
    atomic_write(tmp_path / "file", [b"one ", memoryview(b"two")])

    assert (tmp_path / "file").read_bytes() == b"one two"
    assert names(tmp_path) == ["file"]


def test_an_error_between_the_pieces_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def pieces():
        yield b"half of the new"
        raise KeyError("in mid-write")

    with pytest.raises(KeyError, match="in mid-write"):
        atomic_write(path, pieces())

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_or_failing_disk_leaves_the_old_file_whole(tmp_path, monkeypatch, call, code):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DataError, match=os.strerror(code)):
        atomic_write(path, b"new")

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (calls.append(name), real(*a))[1])

    atomic_write(tmp_path / "file", b"new")

    assert calls[:2] == ["fsync", "replace"]


def test_a_missing_folder_is_named_and_not_made(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*missing.*mkdir"):
        atomic_write(tmp_path / "missing" / "file", b"new")

    assert names(tmp_path) == []


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        atomic_write(tmp_path / "folder", b"new")

    assert names(tmp_path) == ["folder"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")

    atomic_write(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_reading_is_limited(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(FileFormatError, match="holds 5 bytes, more than the 4 allowed"):
        read_bytes(path, 4)


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "model.json").write_bytes(b"{}")
    with pytest.raises(DataError, match=r"there is no file .*modle.json. Did you mean .*model.json\?"):
        read_bytes(tmp_path / "modle.json", 5)
    with pytest.raises(DataError, match="is a folder"):
        read_bytes(tmp_path, 5)
