"""The site: it builds without a warning, its links lead somewhere, and a browser finds all it needs beside the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from test_reference import ENTRIES

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
pytest.importorskip("furo")

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = [page.with_suffix("").name for page in sorted(DOCS.glob("*.md"))]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        str(out / "trees"),
        str(DOCS),
        str(out / "html"),
    ]
    environment = {**os.environ, "NOTEBOOKS": "off"}  # `make docs` runs them
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return out / "html"


class Page(HTMLParser):
    """The places of a page, and what it points to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = {""}
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = {key: value or "" for key, value in attrs}
        self.places |= {given["id"]} if "id" in given else set()
        if tag == "a" and "href" in given:
            self.targets.append(given["href"])
        if tag in ("img", "script", "link", "source") and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loaded += [given[key] for key in ("src", "href") if key in given]


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


def test_every_link_leads_somewhere(pages):
    lost = []
    for path, page in pages.items():
        for target in page.targets:
            if re.match(r"[a-z]+:", target):
                continue
            file, place = urldefrag(target)
            found = (path.parent / unquote(file)).resolve() if file else path
            if not found.is_file() or (found in pages and unquote(place) not in pages[found].places):
                lost.append(f"{path.name}: {target}")

    assert lost == []


def test_every_public_name_is_there_with_its_source(site, pages):
    for name, source in ENTRIES.items():
        page = pages[(site / "reference" / f"{source.stem}.html").resolve()]
        assert name in page.places, name
    assert sum("_modules/" in target for page in pages.values() for target in page.targets) > len(ENTRIES)


def test_every_guide_is_there_with_its_pictures(site, pages):
    for guide in GUIDES:
        pictures = re.findall(r"!\[[^]]*\]\(images/([\w-]+\.png)\)", (DOCS / f"{guide}.md").read_text())
        shown = {Path(source).name for source in pages[(site / f"{guide}.html").resolve()].loaded}
        assert set(pictures) <= shown, guide


def test_nothing_is_loaded_from_elsewhere(pages):
    assert [target for page in pages.values() for target in page.loaded if re.match(r"(https?:)?//", target)] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield opened
        opened.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_a_desk_and_are_silent(site, browser, scheme, width):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    for page in ("index", "gallery", "names", "reference/convolution", "reference/by-relevance", "reference/commands"):
        tab.goto((site / f"{page}.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page
    context.close()

    assert said == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_search_finds_a_layer_without_a_server(site, browser):
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(f"{(site / 'search.html').as_uri()}?q=DepthwiseConv2D")
    tab.wait_for_selector("#search-results li a")

    assert "DepthwiseConv2D" in tab.locator("#search-results").inner_text()
    assert said == []
    tab.close()
