"""A page of HTML in a real browser without a network: what it shows, asks for, and complains about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Names of a Chromium, as in Makefile.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "a page is looked at in Chromium, which is not there: sudo apt-get install -y chromium"
WIDTHS = (400, 1280)


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a headless browser; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextmanager
def opened(browser: Any, file: Path) -> Iterator[Any]:
    """Yield the page of a file; at the end it must have asked for nothing else and complained about nothing."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.resolve().as_uri())
    yield page
    assert [url for url in asked if not url.startswith("data:")] == [file.resolve().as_uri()]
    assert complaints == []
    context.close()


def assert_well_made(page: Any) -> None:
    """Links lead to places of the page, ids are unique, and nothing is wider than a phone or a screen."""
    links = page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    ids = page.eval_on_selector_all("[id]", "elements => elements.map(element => element.id)")
    assert links
    assert {link[:1] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)
    assert len(ids) == len(set(ids))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def table(page: Any, selector: str) -> list[list[str]]:
    """Return the cells of a table that can be seen, row by row."""
    rows = page.locator(f"{selector} tr").all()
    return [[cell.strip() for cell in row.locator("th:visible, td:visible").all_inner_texts()] for row in rows]
