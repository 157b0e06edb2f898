"""The page in a browser: it opens from disk, is silent, asks for nothing, and its views are linked."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def opened(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        yield tab
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
        browser.close()


def test_the_views_open_what_they_are_linked_to(opened):
    opened.locator("[data-cell]").first.click()
    assert opened.locator("#cell .tile img").count() > 0
    assert opened.locator("#cell h3").inner_text() != ""

    opened.locator('[data-layer="conv"]').nth(2).click()
    assert opened.locator('[data-row="conv"] h3').inner_text() == "conv, filter 2"
    assert opened.locator('[data-row="conv"] h4').all_inner_texts() == [
        "weights",
        "what it gives",
        "most excited by",
        "made to excite it",
    ]

    opened.locator('[data-show="sample-1"]').click()
    assert opened.locator("#sample-1").is_visible()
    assert not opened.locator("#sample-0").is_visible()

    opened.get_by_text("its maps").first.click()
    assert opened.locator(".sheet:visible").count() == 1


def test_nothing_is_wider_than_a_phone(opened):
    opened.set_viewport_size({"width": 390, "height": 844})

    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
