"""The page: one HTML file that needs no other, with a search, for people and their screen readers."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from pipelex_cli.report.markup import Markup, tag
from pipelex_cli.report.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_cli.report.contents import Contents

_HEADING = re.compile(r'<th scope="col"><button type="button">([^<"\\]*)</button>')

MARK = '<meta name="generator" content="pipelex report">'
"""A mark in every page that was written here, which may be replaced."""


def page_of(contents: Contents) -> str:
    """The page, as HTML. It may load nothing and run no script but its own, which its policy names by their hashes."""
    sections = {name: section(contents) for name, section in SECTIONS.items()}
    style, script = _file("page.css") + _labels(sections), _file("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(MARK),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Deck: {contents.folder}"),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the deck", class_="skip", href="#deck"),
        _header(contents),
        _bar(contents),
        tag("main", *sections.values(), id="deck", tabindex="-1"),
        tag("footer", f"Made by pipelex-core {contents.version} on {contents.made}."),
        tag("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _labels(sections: Mapping[str, Markup]) -> str:
    """The headings of columns before the cells of cards, which a phone shows in place of rows."""
    rules = [
        f'section[aria-labelledby={name}] td:nth-child({number})::before {{ content: "{heading}"; }}'
        for name, section in sections.items()
        for number, heading in enumerate(_HEADING.findall(section), start=1)
        if number > 1
    ]
    return "@media (max-width: 40rem) {\n" + "\n".join(rules) + "\n}\n"


def _header(contents: Contents) -> Markup:
    usable = sum(row["available"] for row in contents.models)
    reported = (
        f"{usable} of {len(contents.models)} models can be used, on "
        f"{sum(row['available'] for row in contents.backends)} backends; {len(contents.handles)} presets and aliases; "
        f"{'no routing profile' if contents.profile is None else f'routing profile {contents.profile}'}"
    )
    links = (tag("li", tag("a", name.capitalize(), href=f"#{name}")) for name in SECTIONS)
    return tag(
        "header",
        tag("h1", "Deck"),
        tag("p", tag("code", contents.folder), class_="faint"),
        tag("p", reported),
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )


def _bar(contents: Contents) -> Markup:
    backends = [row["backend"] for row in contents.backends]
    return tag(
        "div",
        tag(
            "form",
            tag(
                "input",
                type="search",
                id="search",
                placeholder="Search: name, backend, file, reason…",
                aria_label="Search the deck",
                aria_describedby="keys",
                aria_keyshortcuts="/",
                autocomplete="off",
                spellcheck="false",
            ),
            tag("label", tag("input", type="checkbox", id="usable"), " only what can be used"),
            tag("label", "for ", _select("capability", {"": "anything", **contents.capabilities})),
            tag("label", "on ", _select("backend", {"": "any backend", **{name: name for name in backends}})),
            tag("span", id="shown", role="status", class_="faint"),
            tag("span", tag("kbd", "/"), " searches, ", tag("kbd", "Esc"), " clears", id="keys", class_="faint"),
            role="search",
        ),
        class_="bar",
    )


def _select(name: str, options: dict[str, str]) -> Markup:
    return tag("select", *(tag("option", shown, value=value) for value, shown in options.items()), id=name)


def _file(name: str) -> str:
    return files("pipelex_cli.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
