from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import pellucid as pl
from pellucid.report import Sample, html_report
from report.conftest import HOSTILE, QUICK

VOID = {"meta", "img", "line", "polyline", "circle", "rect", "polygon", "path", "br"}


class Reader(HTMLParser):
    """Collects tags and attributes, and sees that every element ends."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.scripts = [], [], [], {}

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1][0] == "script":
            self.scripts[self.open[-1][1].get("id")] = data


@pytest.fixture(scope="module")
def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_every_element_ends_and_every_name_is_given_once(read):
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]

    assert read.open == []
    assert len(ids) == len(set(ids))
    assert {"network", "learning", "confusion", "filters", "maps"} <= set(ids)


def test_the_page_asks_for_nothing(page, read):
    assert not re.search(r"https?://|url\(|@import", page)
    for tag, attributes in read.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, name)
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
    policy = next(a["content"] for _, a in read.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_hostile_names_stay_text(read):
    assert [tag for tag, _ in read.tags].count("script") == 3
    assert not any(attributes.get("src") == "x" for _, attributes in read.tags)
    assert json.loads(read.scripts["cells"])["names"] == HOSTILE
    assert all(any(name in text for text in read.texts) for name in HOSTILE)


def test_the_page_needs_no_matplotlib():
    code = """
import sys
sys.modules["matplotlib"] = None
import numpy as np, pellucid as pl
from pellucid.explain import METHODS
from pellucid.report import html_report
x = np.random.default_rng(0).random((6, 8, 8, 1), np.float32)
network = pl.Sequential([pl.Conv2D(2, 3), pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
print("</html>" in html_report(network, pl.Dataset(x, [0, 1] * 3), methods=[METHODS["occlusion"]]))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_the_cells_hold_every_pair_that_occurs(read, run, blobs):
    cells = json.loads(read.scripts["cells"])["cells"]
    guess = pl.predict_classes(run[0], blobs.x)

    assert {pair: cell["count"] for pair, cell in cells.items()} == {
        f"{t}-{p}": int(((blobs.t == t) & (guess == p)).sum()) for t, p in set(zip(blobs.t, guess, strict=True))
    }
    assert all(len(cell["images"]) <= 24 for cell in cells.values())


def test_the_top_samples_are_those_of_the_whole_data(read, run, blobs):
    units = json.loads(read.scripts["units"])["layers"]["conv"]

    for k in range(4):
        top = pl.views.top_samples(run[0], "conv", k, blobs, 6)
        assert [sample[0] for sample in units[k]["top"]] == top.indices.tolist()


def test_a_method_that_does_not_fit_says_why(read):
    assert any("Without CAM: cam: the network must end in GlobalAveragePool2D" in text for text in read.texts)


def test_a_page_is_the_same_each_time(run, blobs):
    samples = [Sample("<b>mine</b>", blobs.x[0])]
    pages = [html_report(run[0], blobs, samples=samples, methods=QUICK[:1]) for _ in range(2)]

    assert pages[0] == pages[1]
    assert "&lt;b&gt;mine" in pages[0]
    assert "<b>mine" not in pages[0]


def test_a_regression_is_refused(run):
    data = pl.Dataset(np.zeros((2, 12, 12, 1)), [1.0, 2.0], task="regression")
    with pytest.raises(pl.errors.ArgumentError, match=r"report: the data must have classes"):
        html_report(run[0], data)
