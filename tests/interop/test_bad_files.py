"""Files that must not load, each with the reason that is given.

What the official reader of the format rejects is rejected here, and so is what it accepts although the
specification forbids it.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load as official_load

import pellucid as pl
from interop.crafted import affine, chain, file_of, model_file, tensor, weights
from pellucid.errors import FileFormatError, PellucidError
from pellucid.interop import load, read_metadata
from pellucid.interop.header import MAX_HEADER, read_header
from pellucid.interop.tensors import read_tensors
from pellucid.layers import LAYERS
from pellucid.specs import OutputSpec

FOUR = b"1234"
SOUND = {"a": tensor([1], 0, 4)}
DEEP = b'{"a":' * 100_000


def length(n: int, rest: bytes = b"") -> bytes:
    return n.to_bytes(8, "little") + rest


def one(**changes):
    return file_of({"a": tensor([1], 0, 4) | changes}, FOUR)


def two(first, second, data=bytes(8)):
    return file_of({"a": first, "b": second}, data)


REJECTED = {
    "empty": (b"", "at least 8 bytes, this one holds 0"),
    "seven bytes": (bytes(7), "at least 8 bytes, this one holds 7"),
    "header beyond the file": (length(100, b"{}"), "header of 100 bytes is announced, and 2 bytes follow"),
    "header of 2^63 bytes": (length(1 << 63, b"{}"), "header of 9223372036854775808 bytes is announced"),
    "header too large": (length(MAX_HEADER + 1, bytes(MAX_HEADER + 1)), "more than the 16777216 allowed"),
    "header of no bytes": (length(0), "header of 0 bytes"),
    "a list": (file_of(b"[]"), "must begin with '{', got b'\\['"),
    "space before the brace": (file_of(b" {}"), "must begin with '{', got b' '"),
    "not UTF-8": (file_of(b'{"\xff":1}'), "not UTF-8 text"),
    "a byte-order mark": (file_of(b"\xef\xbb\xbf{}"), "must begin with"),
    "JSON cut short": (file_of(b'{"a":{"dtype"'), "not valid JSON"),
    "JSON of two values": (file_of(b"{}{}"), "not valid JSON: Extra data"),
    "deep JSON": (file_of(DEEP), "nested too deeply"),
    "half of a surrogate pair": (file_of(b'{"\\ud800":1}'), "not UTF-8 text"),
    "NaN": (file_of(b'{"a":NaN}'), "NaN is not a number"),
    "overlap": (two(tensor([1], 0, 4), tensor([1], 2, 6), bytes(6)), "'b' at byte 2 overlaps .* ends at 4"),
    "the same place": (two(tensor([1], 0, 4), tensor([1], 0, 4), FOUR), "overlaps"),
    "hole": (two(tensor([1], 0, 4), tensor([1], 5, 9), bytes(9)), "'b' at byte 5 leaves a hole .* ends at 4"),
    "hole at the start": (file_of({"a": tensor([1], 4, 8)}, bytes(8)), "leaves a hole"),
    "trailing byte": (file_of(SOUND, b"12345"), "goes on after the 4 bytes of its tensors, to 5"),
    "trailing byte and no tensor": (file_of({}, b"1"), "goes on after the 0 bytes"),
    "data cut short": (file_of(SOUND, b"123"), "cut short: 3 of the 4 bytes"),
    "sizes disagree": (one(shape=[2]), r"shape \(2,\) of float32 takes 8 bytes, data_offsets give 4"),
    "sizes disagree the other way": (one(dtype="F16"), "takes 2 bytes, data_offsets give 4"),
    "negative offset": (one(data_offsets=[-4, 0]), "data_offsets must be two sizes"),
    "minus nothing": (
        file_of(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', FOUR),
        "-0 is too long",
    ),
    "end before begin": (one(data_offsets=[4, 0]), "data_offsets give -4"),
    "one offset": (one(data_offsets=[0]), "data_offsets must be two sizes"),
    "fractional offset": (one(data_offsets=[0, 4.0]), "data_offsets must be two sizes"),
    "true as an offset": (one(data_offsets=[False, 4]), "data_offsets must be two sizes"),
    "sizes that overflow": (
        one(shape=[1 << 62, 1 << 62]),
        "takes 85070591730234615865843651857942052864 bytes",
    ),
    "nothing of enormous size": (one(shape=[0, 1 << 62], data_offsets=[0, 0]), "larger than an array can be"),
    "number without end": (file_of(b'{"a":{"dtype":"F32","shape":[' + b"9" * 99999 + b"]}}"), "is too long"),
    "negative size": (one(shape=[-1]), "shape must hold at most 32 sizes of at least 0"),
    "fractional size": (one(shape=[1.0]), "shape must hold"),
    "too many axes": (one(shape=[1] * 33), "shape must hold at most 32"),
    "shape is a number": (one(shape=1), "shape must hold"),
    "unknown dtype": (one(dtype="F31"), "has dtype F31; supported are F64, F32"),
    "dtype that NumPy lacks": (one(dtype="BF16", shape=[2]), "has dtype BF16"),
    "dtype is a list": (one(dtype=["F32"]), "has dtype"),
    "missing field": (file_of({"a": {"dtype": "F32", "shape": [1]}}, FOUR), "must have exactly dtype, shape"),
    "unknown field": (one(strides=[4]), "must have exactly dtype, shape"),
    "a tensor as a list": (file_of({"a": ["F32", [1], [0, 4]]}, FOUR), "must have exactly dtype, shape"),
    "metadata with a number": (
        file_of({"__metadata__": {"a": 1}}),
        "__metadata__ must map strings to strings",
    ),
    "metadata as a list": (file_of({"__metadata__": []}), "__metadata__ must map strings to strings"),
    "equal tensors": (file_of(b'{"a":1,"a":2}'), "the key 'a' stands twice"),
    "equal metadata": (file_of(b'{"__metadata__":{"k":"1","k":"2"}}'), "the key 'k' stands twice"),
    "equal fields": (
        file_of(b'{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', FOUR),
        "the key 'shape' stands twice",
    ),
    "equal keys in disguise": (file_of(b'{"a":1,"\\u0061":2}'), "the key 'a' stands twice"),
    "a web page": (b"<!doctype html><title>404</title>", "a web page"),
    "a pickle": (b"\x80\x04\x95\x00\x00\x00\x00\x00}.", "a Python pickle, which is never opened"),
    "an archive": (b"PK\x03\x04" + bytes(30), "a ZIP archive.*load_book_params"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "an HDF5 file, as Keras writes"),
    "JSON": (b'{"sizes": [2, 3]}', "load_nielsen reads"),
}

UNFIT = {
    "a later format": (
        model_file(chain(affine()), weights(), format="2"),
        "has format '2' .* reads '1'. Upgrade",
    ),
    "architecture is not JSON": (
        model_file(chain(), {}, architecture="{"),
        "pellucid.architecture is not valid",
    ),
    "architecture with NaN": (model_file(chain(affine(float("nan"))), weights()), "NaN is not a number"),
    "a list of layers": (model_file([affine()], weights()), "must be a container such as Sequential"),
    "a single layer": (model_file(affine(), weights()), "must be a container such as Sequential"),
    "an unknown layer": (
        model_file(chain({"type": "Afine"}), {}),
        "unknown type 'Afine'. Did you mean 'Affine'",
    ),
    "a dotted name": (
        model_file(chain({"type": "os.system", "command": "id"}), {}),
        "unknown type 'os.system'",
    ),
    "an abstract layer": (model_file(chain({"type": "Layer"}), {}), "unknown type 'Layer'"),
    "an abstract activation": (model_file(chain({"type": "Activation"}), {}), "cannot be made: .*form for classes"),
    "a type that is a list": (model_file(chain({"type": ["Affine"]}), {}), "type and name must be strings"),
    "a name that is a number": (
        model_file(chain({"type": "ReLU", "name": 3}), {}),
        "type and name must be strings",
    ),
    "an unknown option": (model_file(chain(affine(wieght="he")), weights()), "cannot be made: .*wieght"),
    "a missing option": (model_file(chain({"type": "Affine"}), {}), "cannot be made: .*units"),
    "an option of another type": (
        model_file(chain(affine("many")), weights()),
        "units must be a whole number",
    ),
    "an option beyond floats": (
        model_file(chain({"type": "LeakyReLU", "negative_slope": 10**15}), {"a.b": np.ones(1, np.float32)}),
        "no layer for tensor 'a.b'",
    ),
    "an unknown initialiser": (model_file(chain(affine(weight="hee")), weights()), "unknown name 'hee'"),
    "an initialiser as a layer": (
        model_file(chain(affine(weight={"type": "ReLU"})), weights()),
        "cannot be made",
    ),
    "two layers of one name": (
        model_file(chain(affine(), affine()), weights()),
        "two layers are named 'affine1'",
    ),
    "layers in layers without end": (
        model_file(json.loads('{"type":"Sequential","layers":[' * 30 + "]}" * 30), {}),
        "10000 layers in 16 levels",
    ),
    "layers without number": (
        model_file(chain(*[{"type": "ReLU"}] * 10_001), {}),
        "10000 layers in 16 levels",
    ),
    "layers that do not fit": (
        model_file(chain(affine(), {"type": "Reshape", "shape": [7]}), weights()),
        r"does not fit together: Reshape 'reshape1': a sample \(3,\)",
    ),
    "no input shape": (
        model_file(chain(affine()), weights(), input_shape=""),
        "the input shape must be at most 8 sizes",
    ),
    "an input shape with nothing": (model_file(chain(affine()), weights(), [0]), "the input shape must be"),
    "an input shape in fractions": (model_file(chain(affine()), weights(), [2.0]), "the input shape must be"),
    "an input shape without end": (
        model_file(chain(affine()), weights(), [1 << 40, 2]),
        "the input shape must be",
    ),
    "a dtype of integers": (
        model_file(chain(affine()), weights(), dtype="int32"),
        "dtype must be one of float16",
    ),
    "another dtype": (
        model_file(chain(affine()), weights(), dtype="float64"),
        "affine1.W must be float64, .* float32",
    ),
    "buffers that are not names": (
        model_file(chain(affine()), weights(), buffers="3"),
        "buffers must be a list",
    ),
    "a parameter as a buffer": (
        model_file(chain(affine()), weights(), buffers='["affine1.b"]'),
        "list of buffers",
    ),
    "a missing tensor": (
        model_file(chain(affine()), {"affine1.W": weights()["affine1.W"]}),
        "the file lacks affine1.b. It is the file of another architecture",
    ),
    "an unexpected tensor": (
        model_file(chain(affine()), weights() | {"affine1.c": np.ones(1, np.float32)}),
        "the network has no affine1.c",
    ),
    "a tensor of no layer": (
        model_file(chain(affine()), weights() | {"affine2.W": np.ones(1, np.float32)}),
        "no layer for tensor 'affine2.W'",
    ),
    "a tensor of a layer without any": (
        model_file(chain({"type": "ReLU"}), {"relu1.W": np.ones(1, np.float32)}),
        "the network has no relu1.W",
    ),
    "a tensor without a layer": (
        model_file(chain(), {"W": np.ones(1, np.float32)}),
        "no layer for tensor 'W'",
    ),
    "a tensor of another shape": (
        model_file(chain(affine()), weights(3, 2)),
        r"affine1.W must have shape \(2, 3\), the file has \(3, 2\)",
    ),
    "weights that are not finite": (
        model_file(chain(affine()), weights() | {"affine1.b": np.full(3, np.nan, np.float32)}),
        "affine1.b holds 3 NaN or infinite values of 3",
    ),
    "half of the checksums": (
        model_file(chain(affine()), weights(), **{"sha256.tensors": "0" * 64}),
        "one of the two checksums is missing",
    ),
    "checksums of something else": (
        model_file(chain(affine()), weights(), **{"sha256.tensors": "0" * 64, "sha256.header": "0" * 64}),
        "the header does not have its checksum",
    ),
}

ACCEPTED = {
    "no tensor": file_of({}),
    "metadata is null": file_of({"__metadata__": None, **SOUND}, FOUR),  # as MLX writes
    "spaces behind": file_of(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   ', FOUR),
    "a number": file_of({"a": tensor([], 0, 4)}, FOUR),
    "an empty tensor": file_of({"a": tensor([0, 5], 0, 0), "b": tensor([1], 0, 4)}, FOUR),
    "any order": file_of({"b": tensor([2], 4, 6, "BOOL"), "a": tensor([1], 0, 4)}, FOUR + b"\0\1"),
    "a name like a path": file_of({"../../a": tensor([1], 0, 4)}, FOUR),
    "characters beyond the first plane": file_of(b'{"__metadata__":{"a":"\\ud83d\\ude00"}}'),
}


def read_tensors_of(path):
    with path.open("rb") as file:
        return read_tensors(file, read_header(file, "test"), "test")


@pytest.mark.parametrize("name", REJECTED | UNFIT)
def test_bad_files_are_refused_with_the_reason(tmp_path, name):
    data, message = (REJECTED | UNFIT)[name]
    path = tmp_path / "model"
    path.write_bytes(data)

    with pytest.raises(FileFormatError, match=f"^load: .*model: .*{message}"):
        load(path)


@pytest.mark.parametrize("fault", [KeyError("groups"), TypeError("units"), MemoryError(), RecursionError()])
@pytest.mark.parametrize("method", ["__init__", "infer_shape", "create_params"])
def test_whatever_a_layer_says_to_odd_options_the_error_is_typed(tmp_path, monkeypatch, method, fault):
    def fail(*arguments, **options):
        raise fault

    (tmp_path / "model").write_bytes(model_file(chain(affine()), weights()))
    monkeypatch.setattr(LAYERS["Affine"], method, fail)
    with pytest.raises(FileFormatError, match="cannot be made|does not fit together"):
        load(tmp_path / "model")


@pytest.mark.parametrize("name", REJECTED)
def test_metadata_of_bad_files_are_not_read(tmp_path, name):
    data, message = REJECTED[name]
    path = tmp_path / "model"
    path.write_bytes(data)

    with pytest.raises(FileFormatError, match=f"^read_metadata: .*{message}"):
        read_metadata(path)


def test_the_file_that_the_others_differ_from_is_sound(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(model_file(chain(affine()), weights()))

    np.testing.assert_array_equal(load(path).params["affine1.W"], [[0, 1, 2], [3, 4, 5]])


def test_booleans_are_0_or_1(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(file_of({"a": tensor([2], 0, 2, "BOOL")}, b"\1\2"))

    with pytest.raises(FileFormatError, match="'a' holds bytes other than 0 and 1"):
        read_tensors_of(path)


@pytest.mark.parametrize("name", ACCEPTED)
def test_odd_but_sound_files_are_read_as_officially(tmp_path, name):
    path = tmp_path / "model"
    path.write_bytes(ACCEPTED[name])

    expected = {k: (a.dtype, a.shape, a.tobytes()) for k, a in official_load(ACCEPTED[name]).items()}
    assert expected == {k: (a.dtype, a.shape, a.tobytes()) for k, a in read_tensors_of(path).items()}


SIZES = st.integers(-1, 5) | st.sampled_from([8, 12, 16, 1.0, True, None, 1 << 63, "1"])
INFOS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F64", "F16", "BF16", "BOOL", "U8", "I64", "f32", 3, None]),
        "shape": st.lists(SIZES, max_size=3) | SIZES,
        "data_offsets": st.lists(SIZES, min_size=2, max_size=2) | st.lists(SIZES, max_size=3),
    },
    optional={"extra": st.none()},
)
HEADERS = st.dictionaries(st.sampled_from(["a", "b", "__metadata__", "é"]), INFOS | st.none() | SIZES, max_size=3)


@st.composite
def nearly_sound(draw):
    """A header whose offsets follow from its shapes, so that many are sound."""
    header, end = {}, 0
    for name in draw(st.lists(st.sampled_from("abcdé"), unique=True, max_size=4)):
        code, width = draw(st.sampled_from([("F32", 4), ("F64", 8), ("F16", 2), ("U8", 1), ("I16", 2)]))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        start, end = end, end + width * int(np.prod(shape, dtype=int))
        header[name] = tensor(shape, start, end, code)
    if draw(st.booleans()):
        header["__metadata__"] = draw(st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2))
    slack = draw(st.sampled_from([0, 0, 0, 1, -1]))
    return file_of(json.dumps(header, ensure_ascii=draw(st.booleans())).encode(), bytes(max(end + slack, 0)))


@given(st.builds(file_of, HEADERS, st.binary(max_size=16)) | nearly_sound())
def test_what_is_accepted_here_is_accepted_officially_with_equal_bits(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "property"
    path.write_bytes(data)
    try:
        arrays = read_tensors_of(path)
    except PellucidError:
        return
    try:
        expected = official_load(data)
    except SafetensorError as error:
        pytest.fail(f"accepted here, refused officially: {error}")
    assert {k: (a.dtype, a.shape, a.tobytes()) for k, a in expected.items()} == {
        k: (a.dtype, a.shape, a.tobytes()) for k, a in arrays.items()
    }


# Class names and outputs


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"]])
def test_class_names_of_another_number_than_the_classes_are_refused(tmp_path, names):
    network = pl.Sequential([pl.Affine(3)], input_shape=2)
    pl.fit(network, pl.Dataset(np.eye(6)[:, :2], np.arange(6) % 3), epochs=1, progress=False)
    network.inputs = network.inputs.replace(class_names=tuple(names))
    pl.save(network, tmp_path / "model")
    with pytest.raises(FileFormatError, match=f"load: .*model: there are {len(names)} class names for 3 classes"):
        pl.load(tmp_path / "model")


def test_more_names_or_classes_than_outputs_are_refused(tmp_path):
    network = pl.Sequential([pl.Affine(3)], input_shape=2)
    network.inputs = pl.data.InputSpec("array", (2,), class_names=("a", "b", "c", "d"))
    pl.save(network, tmp_path / "model")
    with pytest.raises(FileFormatError, match="there are 4 class names for 3 outputs"):
        pl.load(tmp_path / "model")
    network.inputs, network.outputs = None, OutputSpec(pl.SoftmaxCrossEntropy(), 4)
    pl.save(network, tmp_path / "model")
    with pytest.raises(FileFormatError, match="4 classes cannot be told by 3 outputs"):
        pl.load(tmp_path / "model")


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_two_classes_may_have_one_output_two_or_more(tmp_path, outputs):
    network = pl.Sequential([pl.Affine(outputs)], input_shape=2)
    data = pl.Dataset(np.eye(6)[:, :2], np.arange(6) % 2, class_names=["no", "yes"])
    pl.fit(network, data, epochs=1, progress=False)
    pl.save(network, tmp_path / "model")
    assert pl.load(tmp_path / "model").inputs.class_names == ("no", "yes")
