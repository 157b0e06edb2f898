"""Every reader that a user's file can reach: sound files for it, how they are read and used, how they are damaged.

`DOORS` lists the modules of the package that open files; `test_fuzz` holds it against the source.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import pellucid as pl
from fuzz import damage, kernel, values
from fuzz.damage import Damage
from interop.crafted import affine, chain, model_file, weights
from pellucid.cli import common, prepare, sources
from pellucid.data import CsvOptions, InputSpec, read_inputs
from pellucid.data.idx import write_idx
from pellucid.errors import PellucidError

DOORS = {
    "checks.py": "open_file, which all others call",
    "files.py": "read_bytes, which others call",
    "cli/prepare.py": ("names.json",),
    "cli/sources.py": ("data.json", "run"),
    "data/archive.py": ("book.npz", "explanation.npz", "many.npz"),
    "data/csv_text.py": ("table.csv", "new.csv"),
    "data/idx.py": ("data.idx", "data.idx.gz", "folder"),
    "data/incoming.py": ("one.npy", "one.png", "new.csv"),
    "data/npy.py": ("one.npy", "many.npz"),
    "data/pictures.py": ("one.png", "one.jpg", "one.gif", "one.bmp", "one.tif", "one.webp", "one.ppm"),
    "explain/result.py": ("explanation.npz",),
    "interop/any.py": "the first bytes, for one of the readers below",
    "interop/book.py": ("book.npz",),
    "interop/nielsen.py": ("nielsen.json",),
    "interop/onnx/read/file.py": ("model.onnx",),
    "interop/safetensors.py": ("model.safetensors",),
    "interop/keras/archive.py": ("model.keras",),
    "interop/keras/load.py": ("model.keras", "model.h5"),
    "interop/torch/state.py": ("state.safetensors",),
    "kernels/cachefile.py": ("kernel.nbi", "kernel.nbc"),
    "training/history.py": ("history.json",),
    "cli/clock.py": "the system's own /proc",
    "kernels/crew/quota.py": "the system's own /proc",
    "report/template.py": "the package's own templates",
}
"""Which readers below go through a module, or why none of a user's files does."""

KERAS = Path(__file__).parents[1] / "interop/keras_files"
TABLE = b"a,b,label\n" + b"".join(b"%d,%.1f,%d\n" % (i * i, i * 0.5, i % 3) for i in range(12))
NAMES = (b'["a", "b"]', b'{"0": ["n01440764", "a"], "1": "b"}')
ROOM = 48 << 20
PICTURE = 640 << 20
"""What the largest picture allowed takes."""


class Reader(NamedTuple):
    """A format: the name of its files, sound ones, how they are read and used.

    `edit` is the damage of its own. `sealed` formats have checksums: what damage of other kinds leaves readable must
    be what one of the sound files holds. `room` is what a reader may take whatever a file's length. `weight` says how
    often it is tried: compiling takes long.
    """

    name: str
    sound: tuple[bytes, ...]
    use: Callable[[Path], Any]
    edit: Damage = damage.in_fields
    sealed: bool = False
    room: int = ROOM
    weight: float = 1.0


@cache
def readers() -> tuple[Reader, ...]:
    """Make the sound files of every format."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            return _readers()
        finally:
            os.chdir(before)


@cache
def meanings(reader: Reader) -> set[str]:
    """What the sound files of a reader hold."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            return {found for data in reader.sound if (found := _meaning_of(reader, data))}
        finally:
            os.chdir(before)


def _meaning_of(reader: Reader, data: bytes) -> str:
    Path(reader.name).write_bytes(data)
    try:
        return meaning(reader.use(Path(reader.name)))
    except PellucidError:  # sound, and yet refused, as an archive of two arrays is
        return ""


def meaning(value: Any) -> str:
    """A digest of arrays, texts, and lists and dictionaries of these."""
    if isinstance(value, dict):
        value = sorted(value.items())
    if isinstance(value, (list, tuple)):
        return "/".join(map(meaning, value))
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value)).hexdigest()}"
    return repr(value)


# The formats


def _readers() -> tuple[Reader, ...]:
    values.furnish()
    values.history().plot()  # what it imports is not to be timed
    models = _models()
    own = model_file(chain(affine(), {"type": "Tanh"}), weights())
    csv = (TABLE, b"5;a;0,5\n3;b;1,5\n", b"1,2,0\n3,4,1\n5,6,1\n", b"id,x,y\n1,2,a\n2,3,b\n3,4,b\n")
    new = (b"a,b\n1,2\n3,4\n", b"1,2\n3,4\n", b"b;a\n1,5;2\n")
    idx = tuple(_idx(np.arange(24).astype(kind).reshape(2, 3, 4)) for kind in ("u1", "i2", "f8"))
    packed = tuple(_idx(np.arange(24).astype(kind).reshape(2, 3, 4), ".gz") for kind in ("u1", "f4"))
    npz = tuple(_npz(**arrays) for arrays in ({"x": np.ones((2, 784), "f4")}, {"x": np.zeros(784), "t": np.ones(2)}))
    npy = (np.zeros((28, 28), np.uint8), np.ones((2, 784)), np.array(["a", "b"]), np.ones((784, 2), ">f4").T)
    book, said = _held("book.npz"), _held("explanation.npz")
    memory = _memory()
    return (
        Reader("model.safetensors", models, _use_model, damage.in_header, sealed=True),
        Reader("model.safetensors", (own,), _use_model, damage.in_header),
        Reader("model.safetensors", (models[0],), _into, damage.in_header, sealed=True),
        Reader("model.safetensors", (own, models[1]), pl.read_metadata, damage.in_header),
        Reader("model.keras", _keras("*.keras"), _from_keras, damage.in_keras),
        Reader("model.h5", _keras("*.h5"), _from_keras, damage.in_hdf5),
        Reader("state.safetensors", (_state(),), _from_torch, damage.in_header),
        Reader("run", (models[0],), _use_run, damage.in_header, sealed=True),
        Reader("data.json", memory, _recalled, damage.in_json),
        Reader("names.json", NAMES, lambda path: list(prepare.read_class_names(path, (2,))), damage.in_json),
        Reader("model.onnx", _onnx_models(), _use_onnx, damage.in_onnx),
        Reader("model.onnx", _onnx_models(), _use_table, damage.in_onnx, weight=0.3),
        Reader("nielsen.json", (_held("nielsen.json"),), _nielsen, damage.in_json),
        Reader("history.json", (_held("history.json"),), _use_history, damage.in_json),
        Reader("book.npz", (book,), lambda path: _run(pl.load_book_params(path)), damage.in_zip, sealed=True),
        Reader("explanation.npz", (said,), _explanation, damage.in_zip, sealed=True),
        Reader("many.npz", npz, _arrays, damage.in_zip, sealed=True),
        Reader("one.npy", tuple(map(_npy, npy)), _arrays, damage.in_npy),
        Reader("data.idx", idx, pl.read_idx, damage.in_idx),
        Reader("data.idx.gz", packed, pl.read_idx, damage.in_gzip, sealed=True),
        Reader("data.idx", idx, partial(read_inputs, input_shape=(12,)), damage.in_idx),
        Reader("folder", (idx[0], packed[0]), _folder, damage.in_idx),
        Reader("table.csv", csv, pl.load_csv, damage.in_csv),
        Reader("table.csv", csv, _with_options, damage.in_csv),
        Reader("new.csv", new, _new_rows, damage.in_csv),
        *_pictures(),
        Reader("kernel.nbi", (kernel.sound()[0],), kernel.use, sealed=True, weight=0.1),
        Reader("kernel.nbc", (kernel.sound()[1],), kernel.use, sealed=True, weight=0.1),
    )


def _held(name: str) -> bytes:
    return Path(name).read_bytes()


# Models and what lies beside them


def _models() -> tuple[bytes, ...]:
    layers = [pl.Conv2D(2, 3), pl.BatchNorm(), pl.ReLU(), pl.GlobalAveragePool2D()]
    pl.save(pl.Sequential(layers, input_shape=(6, 6, 1)), "images.safetensors", metadata={"classes": '["a", "b"]'})
    graph = pl.Graph({"a": (pl.Affine(3), "input"), "b": (pl.Add(), ["a", "input"])}, input_shape=3)
    pl.save(pl.Sequential([graph, pl.Residual([pl.Affine(3)])], input_shape=3), "graph.safetensors")
    trained = pl.Sequential([pl.Affine(3)], input_shape=2)
    Path("rows.csv").write_bytes(TABLE)
    table = pl.load_csv("rows.csv", scale="standard")
    pl.fit(trained, table, epochs=1, progress=False)
    pl.save(trained, "trained.safetensors", metadata={"loss": '{"name": "SoftmaxCrossEntropy"}'})
    return tuple(_held(f"{name}.safetensors") for name in ("trained", "images", "graph", "model"))


def _use_model(path: Path) -> Any:
    network, _ = common.load_model(path)
    common.class_names(network)
    return _run(network)


def _into(path: Path) -> Any:
    network = pl.Sequential([pl.Affine(3)], input_shape=2)
    pl.interop.load_into(network, path)
    return dict(network.params)


def _keras(pattern: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(KERAS.glob(pattern)))


def _from_keras(path: Path) -> Any:
    return _run(pl.load_keras(path))


def _torch_network() -> pl.Sequential:
    layers = [pl.Conv2D(2, 3), pl.BatchNorm(), pl.ReLU(), pl.Flatten(), pl.Affine(4), pl.Affine(4)]
    return pl.Sequential(layers, input_shape=(4, 4, 1))


def _state() -> bytes:
    pl.save_torch(_torch_network(), "state.safetensors")
    return _held("state.safetensors")


def _from_torch(path: Path) -> Any:
    network = _torch_network()
    str(pl.load_torch(network, path))
    return _run(network)


def _run(network: Any) -> Any:
    if int(np.prod(network.input_shape)) < 10_000:
        network(np.zeros((2, *network.input_shape)))
    str(pl.summary(network))
    return [dict(network.params), dict(network.buffers), network.inputs, network.outputs]


def _use_run(path: Path) -> Any:
    """A run's folder, whose model is the file."""
    Path("rows.csv").write_bytes(TABLE)
    Path("data.json").write_text('{"path": "rows.csv", "options": {"target": "label"}, "sha256": ""}')
    network, loss = common.load_model(path)
    for data in sources.data_of(path, network, None):
        pl.evaluate(network, common.shaped_for(network, data), loss=loss)
    return _run(network)


def _memory() -> tuple[bytes, ...]:
    return (
        b'{"path": "rows.csv", "options": {"target": "label", "index_col": ["a"]}, "sha256": ""}',
        b'{"path": "rows.csv", "options": {"header": true, "test": "rows.csv", "delimiter": ","}, "sha256": "0"}',
        b'{"path": "mnist", "options": {"digits": true}, "sha256": ""}',
    )


def _recalled(path: Path) -> Any:
    Path("rows.csv").write_bytes(TABLE)
    source = sources.recalled(path)
    if not source.is_mnist:
        source.load()


def _nielsen(path: Path) -> Any:
    return _run(pl.load_nielsen(path).network)


def _use_history(path: Path) -> None:
    history = pl.History.load(path)
    history.last("loss")
    history.last("validation_accuracy")
    if path.stat().st_size % 8 == 0:  # a drawing takes long
        history.plot()


def _explanation(path: Path) -> Any:
    said = pl.explain.Explanation.load(path)
    said.maps()
    return [said.values, said.inputs, said.target, said.scores, said.outputs, said.extras, said.scalars, said.method]


# ONNX


def _onnx_models() -> tuple[bytes, ...]:
    """A network of ours, and graphs with shape arithmetic, attributes of old opsets and constants of all kinds."""
    from interop.onnx.graphs import model, node

    layers = [pl.Conv2D(2, 3), pl.BatchNorm(), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(3), pl.Softmax()]
    pl.save_onnx(pl.Sequential(layers, input_shape=(6, 6, 1)), "ours.onnx", layout="channels-first")
    W = np.ones((4, 3, 3, 3), np.float32)
    shapes = [
        node("Conv", "x w", "c", auto_pad="SAME_UPPER"), node("Shape", "c", "s"), node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n zeros", "n1"), node("Concat", "n1 minus", "t", axis=0), node("Reshape", "c t", "r"),
        node("Slice", "r zeros ten ones", "k"), node("MatMul", "k v", "y"),
    ]  # fmt: skip
    held = {"w": W, "zero": 0, "zeros": [0], "minus": [-1], "ten": [10], "ones": [1], "v": np.ones((10, 2), np.float32)}
    old = [
        node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Clip", "c", "l", min=0.0, max=6.0), node("Add", "l k", "a"),
        node("Transpose", "a", "t", perm=[0, 2, 3, 1]), node("Softmax", "t", "p", axis=3),
        node("Concat", "p t", "q", axis=3), node("Flatten", "q", "y"),
    ]  # fmt: skip
    return (
        _held("ours.onnx"),
        model(shapes, held).SerializeToString(),
        model(old, {"w": W, "k": np.ones((4, 1, 1), np.float32)}, opset=9, shape=(1, 3, 8, 6)).SerializeToString(),
    )


def _use_onnx(path: Path) -> Any:
    network = pl.load_onnx(path)
    if (
        int(np.prod(network.input_shape)) > 10_000
        or max(r.activation_bytes for r in pl.summary(network).rows) > 1 << 20
    ):
        return None
    return _run(network)


def _use_table(path: Path) -> Any:
    return str(pl.interop.onnx_table(path))


# Arrays and tables


def _arrays(path: Path) -> Any:
    return read_inputs(path, (784,)).x


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _idx(array: np.ndarray, suffix: str = "") -> bytes:
    write_idx(f"made.idx{suffix}", array)
    return _held(f"made.idx{suffix}")


def _folder(path: Path) -> None:
    """A folder of four IDX files, of which this one takes each place."""
    Path("four").mkdir(exist_ok=True)
    data = path.read_bytes()
    images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(24)
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1])
    for part in ("train", "t10k"):
        Path(f"four/{part}-images-idx3-ubyte").write_bytes(images)
        Path(f"four/{part}-labels-idx1-ubyte").write_bytes(labels)
    Path("four", ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte")[len(data) % 2]).write_bytes(data)
    pl.load_directory("four", flatten=False)


def _with_options(path: Path) -> None:
    """A table read with options that its length draws."""
    options: tuple[dict[str, Any], ...] = (
        {"delimiter": ";", "decimal": ",", "header": False}, {"target": -1, "scale": "standard"},
        {"target": 0, "task": "regression"}, {"encoding": "latin-1", "index_col": 0}, {"encoding": "utf-16"},
        {"scale": "auto", "dtype": np.float64}, {"scale": "pixels", "index_col": False}, {"class_names": ["0", "1"]},
        {"like": InputSpec("table", (2,), 0.0, 9.0, ("a", "b"), (1.0, 1.0), (2.0, 2.0))}, {"encoding": "idna"},
        {"encoding": "utf-7"}, {"encoding": "unicode_escape"}, {"header": True, "target": "label"},
    )  # fmt: skip
    pl.load_csv(path, **options[path.stat().st_size % len(options)])


def _new_rows(path: Path) -> None:
    specs = (None, InputSpec("table", (2,), 0.0, 9.0, ("a", "b"), (1.0, 1.0), (2.0, 2.0)), InputSpec("array", (2,)))
    options = (CsvOptions(), CsvOptions(header=False), CsvOptions(delimiter=";", decimal=","))
    size = path.stat().st_size
    read_inputs(path, (2,), specs[size % 3], table=options[size // 3 % 3])


# Pictures


KINDS: dict[str, tuple[str, ...]] = {
    "png": ("L", "RGB", "P", "LA", "RGBA", "1", "I;16"),
    "jpg": ("L", "RGB", "CMYK"),
    "bmp": ("L", "RGB", "1"),
    "gif": ("P", "L"),
    "tif": ("L", "RGB", "F", "I;16", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "ppm": ("L", "RGB", "1"),
}


def _pictures() -> list[Reader]:
    made = []
    for kind, modes in KINDS.items():
        sound = tuple(_picture(kind, mode) for mode in modes)
        edit, sealed = (damage.in_png, True) if kind == "png" else (damage.in_fields, False)
        made.append(Reader(f"one.{kind}", sound, _image, edit, sealed, PICTURE))
    return made


def _picture(kind: str, mode: str) -> bytes:
    from PIL import Image

    pixels = np.arange(30 * 24, dtype=np.uint8).reshape(30, 24) // 8
    pixels[8:20, 10:14] = 200
    deep = {"I;16": np.uint16, "F": np.float32}.get(mode)
    picture = (
        Image.fromarray(pixels.astype(deep) / 255 if mode == "F" else pixels.astype(deep) * 257)
        if deep
        else (Image.fromarray(pixels).convert(mode))
    )
    if deep == np.float32:
        picture = Image.fromarray((pixels / 255).astype(np.float32))
    turned = Image.Exif()
    turned[0x0112] = 6
    options: dict[str, Any] = {"exif": turned} if kind in ("jpg", "png", "webp") and mode == "RGB" else {}
    if kind == "gif" and mode == "P":
        options = {"save_all": True, "append_images": [picture.rotate(90)]}
    if kind == "tif" and mode in ("RGB", "L"):
        options = {"compression": {"RGB": "tiff_lzw", "L": "tiff_adobe_deflate"}[mode]}
    stream = io.BytesIO()
    picture.save(stream, {"jpg": "jpeg", "tif": "tiff"}.get(kind, kind), **options)
    return stream.getvalue()


def _image(path: Path) -> Any:
    """A picture to a network of colours, or of digits."""
    colours = read_inputs(path, (6, 4, 3), pictures="images").x
    if path.stat().st_size % 2:
        read_inputs(path, (784,), pictures="digits")
    return colours
