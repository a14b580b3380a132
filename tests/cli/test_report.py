"""`pipelex report`: one page, whole, offline, without secrets; and what a browser makes of it."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.app import run
from pipelex_cli.report.contents import contents_of
from pipelex_cli.report.markup import Markup, joined, tag, text
from pipelex_cli.report.page import MARK, page_of
from pipelex_cli.validation import Validation
from pipelex_core.config import load
from pipelex_core.plugins import discover
from tests.core.config_project import KEY, Project
from tests.testing.test_kit import KIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = '<img src=x onerror="document.title=1"><script>document.title="broken"</script>'
CANARY = "sk-canary-&<x>-0123456789"


@pytest.fixture
def project(project: Project) -> Project:
    """A project with names that are HTML, and keys in every place that could show one."""
    quoted = json.dumps(EVIL)
    project.add("backends/acme.toml", f"[{quoted}]\nmodel_id = {quoted}\n")
    project.add("deck/base.toml", f"[llm.presets.{quoted}]\nmodel = {quoted}\ndescription = {quoted}\n")
    project.replace(
        "backends.toml", "https://acme.test/v1", "https://user:${ACME_KEY}@acme.test/${ACME_KEY}?key=${ACME_KEY}"
    )
    project.replace("backends.toml", 'region = "eu"', f'second_key = "{CANARY}"')
    project.replace("backends.toml", 'api_key = "${OFF_KEY}"', 'api_key = "sk-of-what-is-off-123456"')
    project.replace("backends/acme.toml", "[m-two]", '[m-two]\nmodel_id = "${ACME_KEY}"')
    return project


def page(project: Project) -> str:
    loaded = project.load(strict=False)
    where: dict[str, Any] = {"environ": project.environ, "plugins": project.plugins}
    problems = Validation(project.root, strict=False, **where).report().problems
    return page_of(contents_of(loaded, project.plugins, version="1.2", problems=problems))


class Reader(HTMLParser):
    """The tags, attributes and headings of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"input", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(project: Project) -> None:
    """Every element is closed; no address but links inside the page; one script and one style, both named by the policy."""
    reader = Reader(page(project))
    assert reader.open == []
    for name, attributes in reader.tags:
        assert not {key for key in attributes if key.startswith("on") or key in {"src", "style", "srcset"}}, attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert name not in {"link", "img", "iframe", "object", "embed", "base"}
    assert [name for name, _ in reader.tags if name in {"script", "style"}] == ["style", "script"]
    policy = next(each["content"] for _, each in reader.tags if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_holds_no_key(project: Project) -> None:
    """Not the canary of the environment, of an option, of a model's id, nor that of a backend which is off."""
    html = page(project)
    for secret in (KEY, CANARY, "sk-canary-&amp;&lt;x&gt;", "sk-of-what-is-off"):
        assert secret not in html
    assert "ACME_KEY" in html  # its name
    assert "user:" not in html


def test_a_name_that_is_html_is_a_name(project: Project) -> None:
    """It is shown as it is written."""
    html = page(project)
    assert EVIL not in html
    assert "&lt;img src=x onerror=&quot;document.title=1&quot;&gt;" in html


def test_the_page_tells_what_goes_where_and_why(project: Project) -> None:
    """Every handle, model, backend and route, reasons and remedies, prices; files from the folder on."""
    html = page(project)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    for reported in (
        "best",
        "m-one",
        "beta",
        "painter",
        "set enabled = true for &#x27;off&#x27;",
        "deck/base.toml:",
        "2.5",
    ):
        assert reported in words, reported
    assert f"{project.folder}/deck" not in html
    assert words.count(str(project.folder)) == 2  # the title and the heading


def test_a_page_of_ours_is_replaced_and_nothing_else(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written whole, beside its place first; `--force` replaces what another program wrote."""
    monkeypatch.chdir(project.root)
    project.write(
        "backends.toml", "[acme]\nenabled = false\n[beta]\nenabled = false\n[off]\nenabled = false\n[internal]\n"
    )
    project.write("routing_profiles.toml", 'active = "main"\n[profiles.main]\ndefault = "internal"\n')
    assert run(["report"]) == 0
    assert run(["report", "-o", "deck.html", "--json"]) == 0
    reported = json.loads(capsys.readouterr().out.partition("\n")[2])
    file = project.root / "deck.html"
    assert (reported["path"], reported["bytes"]) == ("deck.html", file.stat().st_size)
    assert MARK in file.read_text()
    file.write_text("mine")
    assert run(["report", "-o", "deck.html"]) == 1
    assert file.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run(["report", "-o", "deck.html", "--force"]) == 0
    assert [each.name for each in project.root.iterdir() if each.name.startswith(".deck")] == []


def test_markup_escapes_what_it_did_not_make() -> None:
    """In texts and attributes; characters that no text has, or that turn its direction, are replaced."""
    assert tag("p", "<a>", tag("b", "&"), None, title='"x"') == '<p title="&quot;x&quot;">&lt;a&gt;<b>&amp;</b></p>'
    assert tag("input", type="checkbox", checked=True, hidden=False) == '<input type="checkbox" checked>'
    assert joined("<", None, Markup("<br>")) == "&lt;<br>"
    assert text("a\x00\u202eb\ud800") == "a\ufffd\ufffdb\ufffd"


# ── In a browser ──────────────────────────────────────────────────────────────────────────────────────────────────

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium to look at the page with")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def view(project: Project, tmp_path: Path, browser: Any) -> Iterator[Any]:
    """The page in a browser, from a file; no error on its console, no request but for the file."""
    file = tmp_path / "deck.html"
    file.write_text(page(project), encoding="utf-8")
    view = browser.new_page()
    problems: list[str] = []
    requests: list[str] = []
    view.on("console", lambda message: problems.append(message.text))
    view.on("pageerror", lambda error: problems.append(str(error)))
    view.on("request", lambda request: requests.append(request.url))
    view.goto(file.as_uri())
    yield view
    view.close()
    assert problems == []
    assert requests == [file.as_uri()]


def visible(view: Any, section: str) -> list[str]:
    """The names of a section's rows that are shown."""
    found: list[str] = view.eval_on_selector_all(
        f"section[aria-labelledby={section}] tbody tr:not([hidden]) > th", "all => all.map(each => each.textContent)"
    )
    return found


@in_browser
def test_the_keyboard_alone_is_enough(view: Any) -> None:
    """A skip link first, then the sections, the search and filters, each visibly focused; `/` and Escape."""
    order = []
    for _ in range(14):
        view.keyboard.press("Tab")
        order.append(view.evaluate("document.activeElement.id || document.activeElement.textContent"))
        outline = view.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", order
    assert order[:8] == [
        "Skip to the deck",
        "Defaults",
        "Handles",
        "Models",
        "Backends",
        "Routes",
        "Plugins",
        "Warnings",
    ]
    assert order[8:12] == ["search", "usable", "capability", "backend"]
    view.keyboard.press("/")
    assert view.evaluate("document.activeElement.id") == "search"
    view.keyboard.type("b-only")
    assert visible(view, "models") == ["b-only"]
    assert view.inner_text("#shown") == "1 of {} entries shown".format(view.locator("tbody > tr").count())
    assert view.is_visible("section[aria-labelledby=plugins] .none")
    view.keyboard.press("Escape")
    assert view.input_value("#search") == ""
    assert len(visible(view, "models")) > 5


@in_browser
def test_rows_are_found_by_words_and_filters(view: Any) -> None:
    """Every word must be there; what can be used, what for, on which backend."""
    view.fill("#search", "acme painter")
    assert visible(view, "models") == ["painter"]
    view.fill("#search", "m-off enabled = true")
    assert visible(view, "models") == ["m-off"]
    view.fill("#search", "")
    view.check("#usable")
    assert "off" not in visible(view, "backends")
    assert "m-off" not in visible(view, "models")
    view.select_option("#capability", "extract")
    assert visible(view, "models") == ["reader"]
    view.select_option("#capability", "")
    view.select_option("#backend", "beta")
    assert visible(view, "models") == ["m-two", "b-only"]


@in_browser
def test_columns_are_sorted_by_their_buttons(view: Any) -> None:
    """Up, then down, and assistive software is told; what is unknown stays last."""
    heading = view.locator("section[aria-labelledby=models] thead th").first
    heading.locator("button").focus()
    view.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    names = visible(view, "models")
    places = [names.index(name) for name in ("b-only", "m-one", "m-two", "painter", "reader", "strict")]
    assert places == sorted(places)
    view.keyboard.press("Enter")
    assert (heading.get_attribute("aria-sort"), visible(view, "models")) == ("descending", names[::-1])
    price = view.locator("section[aria-labelledby=models] thead button", has_text="input US$")
    price.click()
    assert visible(view, "models")[0] == "m-one"
    price.click()
    assert visible(view, "models")[0] == "m-one"


@in_browser
def test_the_way_of_a_handle_unfolds(view: Any) -> None:
    """By keyboard; it tells the route, the plugin and the place of each value."""
    summary = view.locator("section[aria-labelledby=handles] summary").first
    summary.focus()
    view.keyboard.press("Enter")
    reported = view.locator("section[aria-labelledby=handles] details[open]").inner_text()
    for word in ("route", "default → acme", "routing_profiles.toml:", "plugin", "temperature = 0.5", "ACME_KEY"):
        assert word in reported


@in_browser
def test_names_that_are_html_do_nothing(view: Any) -> None:
    """No script of theirs runs, no image is asked for."""
    view.wait_for_timeout(50)
    assert view.title().startswith("Deck: ")
    assert view.locator("img").count() == 0
    assert EVIL in visible(view, "models")


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(view: Any, scheme: str) -> None:
    """Every text has a contrast of at least 4.5 to what is behind it, in each colour scheme."""
    view.emulate_media(color_scheme=scheme)
    worst = view.evaluate(_WORST_CONTRAST)
    assert worst["ratio"] >= 4.5, worst
    ground = view.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


@in_browser
@pytest.mark.parametrize("width", [320, 360, 412])
def test_it_can_be_read_on_a_phone(view: Any, width: int) -> None:
    """Nothing is wider than the screen, not even with a handle unfolded; each cell says what it is; what is touched is large enough."""
    view.set_viewport_size({"width": width, "height": 740})
    view.locator("section[aria-labelledby=handles] summary").first.click()
    wide = view.evaluate(
        "Array.from(document.querySelectorAll('body *:not(.skip)')).filter(each => each.checkVisibility())"
        ".filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert view.evaluate("document.scrollingElement.scrollWidth") <= width
    label = "getComputedStyle(document.querySelector('section[aria-labelledby=models] tbody td'), '::before').content"
    assert view.evaluate(label) == '"backend"'
    small = view.evaluate(
        "Array.from(document.querySelectorAll('input[type=search], select, nav a'))"
        ".map(each => each.getBoundingClientRect().height).filter(height => height < 36)"
    )
    assert small == []
    view.fill("#search", "painter")
    assert visible(view, "models") == ["painter"]


_WORST_CONTRAST = """() => {
  const read = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = read(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = { ratio: 99 };
  for (const element of document.querySelectorAll("body *:not(script)")) {
    const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const pair = [light(read(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: element.textContent.slice(0, 40), tag: element.tagName };
  }
  return worst;
}"""


@in_browser
def test_without_scripts_everything_is_there(project: Project, tmp_path: Path, browser: Any) -> None:
    """Nothing but the search and the sorting needs them."""
    file = tmp_path / "deck.html"
    file.write_text(page(project), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    view = context.new_page()
    view.goto(file.as_uri())
    assert view.locator("section[aria-labelledby=models] tbody tr >> visible=true").count() > 5
    context.close()


@pytest.mark.skipif(not (KIT / "dummy.env").is_file(), reason=f"there is no kit in {KIT}")
def test_a_whole_kit_is_one_page_of_moderate_size() -> None:
    """More than a hundred models in less than a megabyte, with none of the kit's keys."""
    env_file = KIT / "dummy.env"
    plugins = discover()
    loaded = load(config=KIT / "all_enabled/inference", env_file=env_file, environ={}, plugins=plugins, strict=False)
    html = page_of(contents_of(loaded, plugins, version="1.2"))
    assert len(html) < 1_000_000
    assert all(name in html for name, entry in loaded.deck.models.items() if entry.offered_by and "&" not in name)
    for config in loaded.deck.backends.values():
        if config.api_key is not None and len(config.api_key.reveal()) >= 6:
            assert config.api_key.reveal() not in html
