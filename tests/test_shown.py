"""A name from a file may hold anything, and is harmless wherever it is shown."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid import plots, views
from pellucid.cli import main
from pellucid.errors import MissingDependencyError, PellucidError
from pellucid.report import html_report
from pellucid.shown import shown

BAD = {
    "escape": "conv\x1b[31mred\x1b]0;title\x07",
    "newline": "conv\n12,345 trainable parameters\r",
    "direction": "conv\u202egnp\u2066",
    "null": "conv\0\x08\x7f\x9b",
    "separator": "conv\u2028\u2029",
    "markup": "conv[bold]<script>alert(1)<!--&amp;\"'`|",
    "template": "conv$name${title}",
    "backslash": "\\conv\\n",
    "empty to the eye": "\u200b\u00ad\ufeff",
}
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u00ad\ufeff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(params=BAD)
def name(request: pytest.FixtureRequest) -> str:
    return BAD[request.param]


def network(name: str) -> pl.Sequential:
    layers = [pl.Conv2D(2, 3, name=name), pl.ReLU(), pl.Flatten(name=f"flat {name}"), pl.Affine(2)]
    return pl.Sequential(layers, input_shape=(6, 6, 1))


def data(name: str) -> pl.Dataset:
    x = np.random.default_rng(0).random((12, 6, 6, 1), np.float32)
    return pl.Dataset(x, np.arange(12) % 2, class_names=[name, "b"])


@pytest.mark.parametrize("text", ["", "plain", "Größe × 3 · „ü“ 漢字 ε₁ 😀", "a b", "a\u00a0b", "می\u200cروم"])
def test_what_can_be_read_stays_as_it_is(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "seen"), [("\x1b[1m", r"\x1b[1m"), ("a\nb", r"a\nb"), ("\u202e", r"\u202e"), ("\udce9", r"\udce9")]
)
def test_what_cannot_be_seen_is_written_out(text, seen):
    assert shown(text) == seen
    assert shown(shown(text)) == seen
    for error in (PellucidError(text), MissingDependencyError(text)):  # whose lines are joined: arrays have several
        assert str(error) == shown(" ".join(text.split()))


def test_a_name_is_harmless_in_every_table(name):
    net = network(name)
    table = views.summary(net)
    texts = [str(table), table.to_markdown(), table.to_json(), str(pl.explain_kernels(net))]
    texts.append(str(pl.check_gradients(net, data("a").x, data("a").t, samples=2)))

    for text in texts:
        assert HARMFUL.search(text) is None
        assert "conv" in text or "\\u200b" in text
    lines = str(table).splitlines()
    assert len(lines) == 4 + 5  # a row a layer, whatever it is called
    assert len({len(line) for line in (lines[1], lines[-3])}) == 1


def test_a_name_is_harmless_in_a_rich_table(name):
    console = pytest.importorskip("rich.console").Console(
        width=400, force_terminal=False, record=True, file=io.StringIO()
    )
    console.print(views.summary(network(name)).to_rich())
    text = console.export_text()

    assert HARMFUL.search(text) is None
    assert shown(name) in text


def test_a_name_is_text_in_the_drawing(name):
    drawn = views.diagram(network(name), title=name).svg()
    root = ElementTree.fromstring(drawn)

    assert HARMFUL.search(drawn) is None
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg",
        "title",
        "rect",
        "path",
        "polygon",
        "circle",
        "text",
    }
    assert shown(name) in [element.text for element in root.iter()]


@pytest.mark.filterwarnings("error")
def test_a_name_is_text_in_a_picture(name):
    pytest.importorskip("matplotlib")
    pictures = [
        views.diagram(network(name)).plot(),
        plots.confusion_matrix(np.arange(12) % 2, np.zeros(12, int), [name, "b"]),
    ]
    for picture in pictures:
        picture.savefig(io.BytesIO(), format="png")


def test_a_name_is_text_on_the_page(name):
    page = html_report(network(name), data(name), name=name)

    assert HARMFUL.search(page) is None
    assert "<script>alert" not in page
    for held in re.findall(r'<script type="application/json" id="\w+">(.*?)</script>', page, re.DOTALL):
        assert json.loads(held)
    assert len(re.findall("<script", page)) == page.count("</script>")


def test_a_name_is_harmless_in_errors(name, tmp_path):
    net = network(name)
    for call in (
        lambda: net(np.zeros((1, 5, 5, 1))),
        lambda: net.layer(name + "x"),
        lambda: pl.load(tmp_path / name),
        lambda: pl.save(net, tmp_path / "nowhere" / name),
    ):
        with pytest.raises(PellucidError) as raised:
            call()
        assert HARMFUL.search(str(raised.value)) is None
        assert "\n" not in str(raised.value)


def test_a_name_is_harmless_on_the_command_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pl.save(network(name), "model.safetensors")
    assert pl.load("model.safetensors").layers[0].name == name
    x = np.random.default_rng(0).integers(0, 255, (12, 6, 6), np.uint8)
    Path("data").mkdir()
    for part in ("train", "t10k"):
        pl.write_idx(f"data/{part}-images-idx3-ubyte", x)
        pl.write_idx(f"data/{part}-labels-idx1-ubyte", np.arange(12, dtype=np.uint8) % 2)
    image = "".join(c for c in name if c not in "\0/") + ".npy"
    np.save(image, x[:1])
    only = ["--data", "data"]
    calls = [
        ["summary", "model.safetensors"],
        ["summary", "model.safetensors", "--format", "rich"],
        ["predict", "model.safetensors", image],
        ["gradcheck", "model.safetensors", "--coordinates", "1", *only],
        ["explain", "model.safetensors", image, "--method", "grad-cam", "--layer", name.replace("\0", ""), *only],
        ["views", "model.safetensors", image, "--only", "summary", "--only", "feature-maps", *only],
        ["report", "model.safetensors", image, "--method", "saliency", *only],
        ["summary", image],
        ["views", "model.safetensors", "--only", image, *only],
        ["train", image],
        ["data", image],
    ]
    for call in calls:
        with pytest.raises(SystemExit):
            main(call)
        out, err = capsys.readouterr()
        assert HARMFUL.search(out + err) is None, call
        assert "Traceback" not in err
    assert {path.name for path in Path("views").iterdir()} == {"summary.txt", "feature-maps.png"}
    assert HARMFUL.search(Path("views/summary.txt").read_text(encoding="utf-8")) is None
    assert HARMFUL.search(Path("report.html").read_text(encoding="utf-8")) is None
