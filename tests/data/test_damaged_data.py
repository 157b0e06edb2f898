"""Faces of damage that the machine of damaged files found, one by one."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from fuzz.damage import chunks
from pellucid.cli.sources import recalled
from pellucid.data import CsvOptions, from_dataframe, load_csv, pictures, read_inputs
from pellucid.errors import ArgumentError, DataError, FileFormatError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def png(tmp_path: Path, rng) -> bytes:
    Image.fromarray(rng.integers(0, 256, (30, 24), np.uint8)).save(tmp_path / "sound.png")
    return (tmp_path / "sound.png").read_bytes()


def test_no_byte_of_a_picture_may_change_while_its_checksums_stay(png, tmp_path) -> None:
    for at in range(8, len(png) - 12):
        (tmp_path / "a.png").write_bytes(png[:at] + bytes([png[at] ^ 4]) + png[at + 1 :])
        with pytest.raises(FileFormatError, match=r"a\.png: .*(damaged|cut short)"):
            read_inputs(tmp_path / "a.png", (784,), pictures="images")


def test_pixels_whose_own_sum_was_cut_off_are_refused(png, tmp_path) -> None:
    head, data, _ = (body for _, body in chunks(png))
    pixels = bytearray(zlib.decompress(data))
    pixels[99] ^= 8
    shifted = zlib.compress(bytes(pixels))[:-4]  # Pillow sees nothing wrong here
    chunk = b"IDAT" + shifted
    made = (
        png[:33] + len(shifted).to_bytes(4, "big") + chunk + zlib.crc32(b"IDAT" + data).to_bytes(4, "big") + png[-12:]
    )
    (tmp_path / "a.png").write_bytes(made)
    assert len(head) == 13
    with pytest.raises(FileFormatError, match="a checksum differs"):
        read_inputs(tmp_path / "a.png", (784,), pictures="images")


def test_a_large_photograph_is_decoded_at_a_half_and_said_to_be(tmp_path, monkeypatch) -> None:
    Image.new("RGB", (80, 60), (255, 0, 0)).save(tmp_path / "a.jpg")
    Image.new("RGB", (80, 60), (255, 0, 0)).save(tmp_path / "a.png")
    whole = pictures.read_picture(tmp_path / "a.jpg", 3)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1500)
    half = pictures.read_picture(tmp_path / "a.jpg", 3)

    assert (whole.pixels.shape, half.pixels.shape) == ((60, 80, 3), (30, 40, 3))
    assert (whole.notes, half.notes) == ((), ("decoded as 40 x 30 of its 80 x 60 pixels",))
    np.testing.assert_allclose(half.pixels, whole.pixels[::2, ::2], atol=0.02)
    with pytest.raises(FileFormatError, match="80 x 60 pixels; there must be at least 1 and at most 1,500"):
        pictures.read_picture(tmp_path / "a.png", 3)


@pytest.mark.filterwarnings("ignore::pellucid.data.ColumnWarning")
@pytest.mark.parametrize("data", ["5;a\n6;b", "id,y\n1,a\n2,b", "id,index\n1,2\n2,3"])
def test_a_table_without_features_says_so(data, tmp_path) -> None:
    (tmp_path / "a.csv").write_text(data)
    with pytest.raises(DataError, match=r"a\.csv: no column of features is left beside the targets"):
        load_csv(tmp_path / "a.csv", index_col=0 if ";" in data else None)


def test_a_frame_without_features_says_so() -> None:
    frame = pd.DataFrame({"a": [1, 2], "y": ["x", "z"]})
    with pytest.raises(DataError, match="from_dataframe: no column of features is left"):
        from_dataframe(frame, "y", index_col="a")


@pytest.mark.parametrize("option", [{"delimiter": 5}, {"encoding": 5}, {"header": 1}, {"decimal": None}])
def test_an_option_of_another_kind_is_refused_by_name(option, tmp_path) -> None:
    with pytest.raises(ArgumentError, match=f"{next(iter(option))} must be"):
        CsvOptions(**option).check("--")


def test_a_table_of_very_many_columns_is_refused_in_few_words(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(",".join(["x", "y"] * 100_000) + "\n" + ",".join(["1", "2"] * 100_000))
    with pytest.raises(ArgumentError, match="several columns could be the target: y, y, .* and 99988 more") as error:
        load_csv(tmp_path / "a.csv")
    assert len(str(error.value)) < 300


def test_an_archive_of_several_arrays_names_them_and_how_to_choose(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", images=np.ones((2, 784)), labels=np.ones(2))
    with pytest.raises(FileFormatError, match=r"holds 2: images, labels\. .*np\.load\('.*a\.npz'\)\['images'\]\)"):
        read_inputs(tmp_path / "a.npz", (784,))


def test_truth_values_are_zeros_and_ones(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 784), bool))
    data = bytearray((tmp_path / "a.npy").read_bytes())
    data[-1] = 7
    (tmp_path / "a.npy").write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match="bytes other than 0 and 1 as booleans"):
        read_inputs(tmp_path / "a.npy", (784,))


@pytest.mark.parametrize(
    "memory",
    [
        '{"path": "mnist", "options": {"test": []}, "sha256": ""}',
        '{"path": "mnist", "options": {"digits": "yes"}, "sha256": ""}',
        '{"path": "mnist", "options": {}, "sha256": null}',
    ],
)
def test_what_a_run_remembers_has_types(memory, tmp_path) -> None:
    (tmp_path / "data.json").write_text(memory)
    with pytest.raises(FileFormatError, match="not what a run remembers"):
        recalled(tmp_path / "data.json")


@pytest.mark.parametrize("options", ['"test": "none.csv"', '"test": "\\u001b[31mred"'])
def test_data_that_are_not_there_any_more_are_named(options, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("a,y\n1,2\n")
    Path("data.json").write_text(f'{{"path": "a.csv", "options": {{{options}}}, "sha256": ""}}')
    with pytest.raises(DataError, match="there is no file"):
        recalled(Path("data.json"))
    Path("data.json").write_text(f'{{"path": "{"x" * 9999}", "options": {{}}, "sha256": ""}}')
    with pytest.raises(DataError, match="are not there"):
        recalled(Path("data.json"))


def test_names_are_shown_as_they_are_written(tmp_path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*a  b\.csv") as error:
        load_csv(tmp_path / "a  b.csv")
    assert "a  b.csv" in str(error.value)
    assert str(pl.PellucidError(" one\n   two\r\n\n three\x1b\u2028four\t ")) == "one two three\\x1b\\u2028four"


def test_what_does_not_fit_into_memory_is_said(tmp_path, monkeypatch) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 784)))

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pellucid.data.npy.np.empty", full)
    with pytest.raises(DataError, match="read_inputs: the file holds more than there is memory for"):
        read_inputs(tmp_path / "a.npy", (784,))
