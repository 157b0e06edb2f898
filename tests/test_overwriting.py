"""What may be overwritten: regular files alone, whole or not at all, whoever writes and however it ends."""

from __future__ import annotations

import ast
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid import files, interop
from pellucid.errors import DataError, PellucidError
from pellucid.files import atomic_file, atomic_write, make_folder, writable, writable_folder
from pellucid.layers import Affine, ReLU, Sequential, Sigmoid

SOURCE = Path(pl.__file__).parent


def network() -> Sequential:
    return Sequential([Affine(3), Sigmoid()], input_shape=2)


def explanation() -> pl.explain.Explanation:
    return pl.explain.saliency(network(), np.ones((1, 2), np.float32), 0)


WRITERS: dict[str, Callable[[Path], None]] = {
    "save": lambda path: pl.save(network(), path),
    "save_nielsen": lambda path: interop.save_nielsen(network(), path),
    "save_book_params": lambda path: interop.save_book_params(network(), path),
    "save_keras": lambda path: pl.save_keras(network(), path),
    "save_torch": lambda path: pl.save_torch(network(), path),
    "write_idx": lambda path: pl.write_idx(path, np.zeros((2, 2), np.uint8)),
    "write_idx, gzipped": lambda path: pl.write_idx(path.with_suffix(".gz"), np.zeros((2, 2), np.uint8)),
    "History.save": lambda path: pl.History().save(path.with_suffix(".json")),
    "History.save, table": lambda path: pl.History().save(path.with_suffix(".csv")),
    "Explanation.save": lambda path: explanation().save(path),
}
SUFFIX = {"write_idx, gzipped": ".gz", "History.save": ".json", "History.save, table": ".csv"}


@pytest.fixture(params=WRITERS, ids=lambda name: name.replace(" ", ""))
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[], None], Path]:
    """Each function of the package that writes a file, and the file that it writes."""
    path = (tmp_path / "file").with_suffix(SUFFIX.get(request.param, ""))
    return lambda: WRITERS[request.param](tmp_path / "file"), path


def parts(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".part")]


def test_a_pipe_is_never_replaced(writer, tmp_path):
    write, path = writer
    os.mkfifo(path)
    with pytest.raises(DataError, match="cannot be written: it is a pipe"):
        write()

    assert stat.S_ISFIFO(path.lstat().st_mode)
    assert parts(tmp_path) == []


def test_a_link_to_a_pipe_is_never_replaced(writer, tmp_path):
    write, path = writer
    os.mkfifo(tmp_path / "pipe")
    path.symlink_to("pipe")
    with pytest.raises(DataError, match="it is a pipe"):
        write()

    assert path.is_symlink()
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)


def test_a_socket_is_never_replaced(writer, tmp_path, monkeypatch):
    write, path = writer
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
        with pytest.raises(DataError, match="it is a socket"):
            write()

        assert stat.S_ISSOCK(path.lstat().st_mode)


def test_a_link_is_followed_and_stays(writer, tmp_path):
    write, path = writer
    (tmp_path / "target").write_bytes(b"old")
    path.symlink_to("target")
    write()

    assert path.is_symlink()
    assert (tmp_path / "target").read_bytes() != b"old"
    assert not (tmp_path / "target").is_symlink()


def test_a_link_to_nothing_makes_what_it_names(tmp_path):
    (tmp_path / "link").symlink_to("new")
    atomic_write(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"new"


def test_links_in_a_ring_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(DataError, match="cannot be written"):
        atomic_write(tmp_path / "a", b"new")

    assert (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755, 0o444])
def test_the_old_files_permissions_are_kept(writer, mode):
    write, path = writer
    path.touch()
    path.chmod(mode)
    if not os.access(path, os.W_OK):
        pytest.skip("who may not write does not")
    write()

    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.stat().st_size > 0


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(writer, mask):
    write, path = writer
    before = os.umask(mask)
    try:
        write()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_the_old_files_owner_is_kept(writer):
    write, path = writer
    path.touch()
    os.chown(path, 1234, 5678)
    write()

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_a_secret_files_successor_is_never_readable_by_others(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o600)
    with atomic_file("who", tmp_path / "file"):
        (part,) = parts(tmp_path)
        assert stat.S_IMODE((tmp_path / part).stat().st_mode) == 0o600


def test_what_dead_writers_left_is_removed_by_the_next(writer, tmp_path):
    write, path = writer
    for i in range(3):
        (tmp_path / f".{path.name}.0000000{i}.part").write_bytes(b"half")
    write()

    assert parts(tmp_path) == []


def test_what_belongs_to_others_stays(tmp_path):
    others = [".files.00000000.part", ".file.0000000.part", ".file.00000000.parts", "file.00000000.part", ".file.part"]
    for name in others:
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / ".file.00000001.part")
    atomic_write(tmp_path / "file", b"new")

    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".file.00000001.part", "file"])


def test_a_live_writers_file_is_left_alone(tmp_path):
    with atomic_file("who", tmp_path / "file") as slow:
        slow.write(b"slow")
        slow.flush()
        atomic_write(tmp_path / "file", b"quick")
        assert len(parts(tmp_path)) == 1
        assert (tmp_path / "file").read_bytes() == b"quick"

    assert (tmp_path / "file").read_bytes() == b"slow"
    assert parts(tmp_path) == []


def test_many_writers_of_one_name_at_once_each_write_all(tmp_path):
    failed = []

    def write(k: int) -> None:
        try:
            for _ in range(50):
                atomic_write(tmp_path / "file", bytes([k]) * 5000)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if (tmp_path / "file").exists():
            assert len(set((tmp_path / "file").read_bytes())) == 1
    assert failed == []
    assert os.listdir(tmp_path) == ["file"]


KILLED = """
import sys, os, pellucid.files as files
def pieces():
    yield b"half"
    print("writing", flush=True)
    import time; time.sleep(60)
files.atomic_write(sys.argv[1], pieces())
"""


@pytest.mark.parametrize(("number", "left"), [(signal.SIGKILL, 1), (signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_a_writer_that_is_killed_leaves_the_old_file_and_nothing_after_the_next(tmp_path, number, left):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"writing\n"
        run.send_signal(number)
        run.communicate(timeout=60)

    assert path.read_bytes() == b"old"
    assert len(parts(tmp_path)) == left
    atomic_write(path, b"new")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, OSError(28, "No space left on device")])
def test_whatever_ends_a_writer_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def pieces():
        yield b"half"
        raise error

    expected = DataError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        atomic_write(path, pieces())

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


LIMITED = """
import resource, sys, numpy as np, pellucid as pl
net = pl.Sequential([pl.Affine(300)], input_shape=300)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    pl.save(net, sys.argv[1])
except pl.errors.DataError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_one_line_and_the_old_file_stays(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    said = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True)

    assert re.fullmatch(r"save: .*file cannot be written: File too large\. .*\n", said.stdout), said
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_pipe_that_comes_while_the_file_is_written_is_not_replaced(tmp_path):
    def write() -> None:
        with atomic_file("who", tmp_path / "file") as file:
            file.write(b"new")
            os.mkfifo(tmp_path / "file")

    with pytest.raises(DataError, match="it is a pipe"):
        write()
    assert stat.S_ISFIFO((tmp_path / "file").stat().st_mode)
    assert parts(tmp_path) == []


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "a\nb", "[a]*?", " ", "a.part", "-", "\udce9"])
def test_names_of_every_kind_can_be_written(tmp_path, name):
    path = os.path.join(tmp_path, name)
    (tmp_path / f".{name[:60]}.00000000.part").touch()
    atomic_write(path, b"new")
    atomic_write(path, b"newer")

    assert Path(path).read_bytes() == b"newer"


@pytest.mark.parametrize("name", ["a" * 256, "a\0b", "", ".", "..", "file/name"])
def test_names_that_cannot_be_written_are_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(DataError):
        atomic_write(os.path.join(tmp_path, name), b"new")

    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_is_asked_after_before_the_work(tmp_path):
    assert writable_folder("who", tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="must be a folder, and .*file is a file"):
        writable_folder("who", tmp_path / "file" / "b")
    with pytest.raises(DataError, match="cannot be written"):
        make_folder("who", tmp_path / "file")
    with pytest.raises(DataError, match="null"):
        writable("who", "a\0b")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").is_dir(), reason="root may write everywhere")
def test_a_folder_that_takes_no_files_is_told_to_root_too():
    with pytest.raises(DataError, match="cannot be written"):
        writable_folder("who", "/proc/self/nothing")


# Every writer goes through the door

OTHER_DOORS = {"write_text", "write_bytes", "mkdir", "savetxt", "to_csv", "rename", "replace", "unlink", "fdopen"}


def doors(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called, owner = node.func, ""
        if isinstance(called, ast.Attribute):
            owner, called = ast.unparse(called.value), called.attr
        name = called if isinstance(called, str) else getattr(called, "id", "")
        text = ast.unparse(node)
        opens = name == "open" and re.search(r"""['"][wax+]""", text) and "archive" not in text
        writes = name in OTHER_DOORS - {"replace", "unlink"} or (name in {"replace", "remove"} and owner == "os")
        streams = name in {"save", "savez", "savez_compressed", "savefig", "dump"} and "stream" not in text
        if opens or writes or (streams and owner.split(".")[-1] in {"np", "figure", "fig", "json", "pickle", "shown"}):
            found.append(text)
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_writer_goes_through_the_one_door(path):
    if path != Path(files.__file__):
        assert [call for call in doors(path) if not re.search(r"picture|buffer|stream", call)] == []


# While another thread trains


def test_a_file_saved_during_training_keeps_its_checksum(tmp_path):
    net = Sequential([Affine(200), ReLU(), Affine(200)], input_shape=200)
    stop = threading.Event()

    def train() -> None:
        while not stop.is_set():
            for array in net.params.values():
                np.add(array, 1e-3, out=array)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(60):
            pl.save(net, tmp_path / "model")
            pl.load(tmp_path / "model")  # or its checksum would differ
    finally:
        stop.set()
        thread.join()


def test_what_is_checked_is_what_is_written(tmp_path, monkeypatch):
    net = network()
    real = interop.safetensors.seal

    def train_on(metadata, arrays):
        sealed = real(metadata, arrays)
        net.params["affine1.W"] = np.full((2, 3), np.nan, np.float32)
        return sealed

    monkeypatch.setattr(interop.safetensors, "seal", train_on)
    pl.save(net, tmp_path / "model")

    assert np.isfinite(pl.load(tmp_path / "model").params["affine1.W"]).all()


def test_a_history_saved_while_a_row_is_added_has_whole_rows(tmp_path):
    history = pl.History()
    history.add_epoch(iteration=1, epoch=1.0)
    history.epochs["iteration"].append(2)  # and the others a moment later
    history.save(tmp_path / "history.json")
    history.save(tmp_path / "history.csv")

    assert pl.History.load(tmp_path / "history.json").epochs["iteration"] == [1]
    with pytest.raises(PellucidError, match="settings must be text and finite numbers"):
        pl.History(settings={"rate": float("nan")}).save(tmp_path / "history.json")


def test_a_name_of_a_folder_is_no_file(tmp_path):
    network = pl.Sequential([pl.Affine(2)], input_shape=3)
    with pytest.raises(DataError, match="names a folder; a file is needed"):
        pl.save(network, f"{tmp_path}/model.safetensors/")
    assert not list(tmp_path.iterdir())
