"""The page, in a real browser: figures, hostile names, the playground, by keyboard, light and dark."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_serve.keys.key import digest_of
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Served, str]]:
    with serving(tmp_path) as served:
        served.gateway.admin_digest = digest_of("admin")
        secret = served.key(HOSTILE)
        for model in ("m", "brief", HOSTILE):
            body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
            httpx2.post(f"{served.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {secret}"})
        yield served, secret


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        assert "CI" not in os.environ, "the page is to be tested in a browser, and none is installed"
        pytest.skip("there is no browser")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield started
        finally:
            started.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(served: tuple[Served, str], browser: Any, scheme: str) -> None:
    """By keyboard alone: the key, the figures, a question and its answer; a hostile name is text."""
    gateway, secret = served
    page = browser.new_context(color_scheme=scheme).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda stated: faults.append(stated.text) if stated.type == "error" else None)
    page.goto(gateway.url)
    page.keyboard.press("Tab")  # to the figures
    page.keyboard.press("Tab")
    page.keyboard.type("admin")
    page.keyboard.press("Enter")
    page.wait_for_selector("#uses tr:nth-child(3)")
    assert HOSTILE in page.locator("#keys").inner_text()
    assert "brief" in page.locator("#uses").inner_text()
    assert "404" in page.locator("#recent").inner_text()
    assert page.title() == "Pipelex gateway"
    page.locator("#key").focus()
    page.keyboard.type(secret)
    page.keyboard.press("Tab")
    page.locator("#handle option").first.wait_for(state="attached")
    page.locator("#handle").select_option("m")
    page.locator("#prompt").focus()
    page.keyboard.type("Hello")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#answer", has_text="Mock answer to: Hello").wait_for()
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (scheme == "dark")
    refused = "Failed to load resource: the server responded with a status of 401"  # before a key is typed
    assert [fault for fault in faults if not fault.startswith(refused)] == []


def test_the_figures_need_the_admin_key(served: tuple[Served, str]) -> None:
    """Nobody else gets them; they have money as text, exact."""
    gateway, secret = served
    url = f"{gateway.url}/admin/figures"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"authorization": f"Bearer {secret}"}).status_code == 401
    figures = httpx2.get(url, headers={"authorization": "Bearer admin"}).json()
    (key,) = figures["keys"]
    assert (key["name"], key["calls"]) == (HOSTILE, 2)
    assert {use["handle"]: use["calls"] for use in figures["uses"]} == {"m": 1, "brief": 1}
    assert [each["status"] for each in figures["recent"]][:3] == [200, 200, 404]
    assert secret not in str(figures)


def test_without_a_page(tmp_path: Path) -> None:
    """`--no-page` leaves nothing of it."""
    with serving(tmp_path, page=False) as served:
        for path in ("/", "/page.js", "/admin/figures"):
            assert httpx2.get(served.url + path).status_code in {401, 404}


def test_the_page_runs_nothing_of_elsewhere(served: tuple[Served, str]) -> None:
    """Its policy says so, and its markup has no script of its own."""
    answer = httpx2.get(served[0].url)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
