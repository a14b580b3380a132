"""The sections of the page, each a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_cli.report.markup import Markup, joined, tag
from pipelex_cli.report.ways import unavailable, way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelex_cli.report.contents import Contents, Row

_UNITS = {
    "million_tokens": "million tokens",
    "image": "image",
    "page": "page",
    "request": "request",
    "second": "second",
    "character": "character",
}


@frozen
class Cell:
    """A cell of a table: what it shows, what it is sorted by, and whether it is a number."""

    shown: object
    sort: str | None = None
    number: bool = False


@frozen
class Entry:
    """A row of a table: its cells, the first of which names it, and what filters ask about it."""

    cells: tuple[Cell | object, ...]
    usable: bool = True
    capability: str | None = None
    backends: tuple[str, ...] = field(factory=tuple)


def _section(name: str, about: str, headings: Iterable[str], entries: Iterable[Entry]) -> Markup:
    """A heading, what it is about, and a table that the keyboard can scroll and sort."""
    columns = [tag("th", tag("button", heading, type="button"), scope="col") for heading in headings]
    table = tag("table", tag("thead", tag("tr", *columns)), tag("tbody", *(_row(entry) for entry in entries)))
    return tag(
        "section",
        tag("h2", name.capitalize(), id=name),
        tag("p", about, class_="faint"),
        tag("div", table, class_="scroll", role="region", aria_label=f"Table of {name}", tabindex="0"),
        tag("p", "None here.", class_="none faint", hidden=True),
        aria_labelledby=name,
    )


def _row(entry: Entry) -> Markup:
    cells = [cell if isinstance(cell, Cell) else Cell(cell) for cell in entry.cells]
    first, *others = cells
    return tag(
        "tr",
        tag("th", first.shown, scope="row", data_sort=first.sort),
        *(tag("td", cell.shown, data_sort=cell.sort, class_="number" if cell.number else None) for cell in others),
        data_usable="yes" if entry.usable else "no",
        data_capability=entry.capability,
        data_backend="\n".join(entry.backends) or None,
    )


def _defaults(contents: Contents) -> Markup:
    entries = [
        Entry(
            (row["choice"], _code(row["handle"]), _target(row), _usable(row), _code(row["source"])),
            usable=row["available"],
            capability=row["capability"],
            backends=_backends(row["backend"]),
        )
        for row in contents.defaults
    ]
    headings = ("default", "handle", "leads to", "usable", "written in")
    return _section("defaults", "What a call uses that names no model.", headings, entries)


def _handles(contents: Contents) -> Markup:
    entries = [
        Entry(
            (
                _code(row["name"]),
                row["kind"],
                row["capability"],
                _target(row),
                _usable(row),
                tag("div", *_price_lines(row["way"]["costs"]), class_="price"),
                way(row["way"]),
                _code(row["source"]),
            ),
            usable=row["available"],
            capability=row["capability"],
            backends=tuple(
                dict.fromkeys(member["backend"] for member in row["way"]["chain"] if member["backend"] is not None)
            ),
        )
        for row in contents.handles
    ]
    headings = ("handle", "kind", "for", "leads to", "usable", "price", "the way", "written in")
    return _section("handles", "Presets and aliases: what each means, and why.", headings, entries)


def _models(contents: Contents) -> Markup:
    entries = [
        Entry(
            (
                _code(row["model"]),
                row["backend"] or "",
                _code(row["model_id"]),
                row["model_type"] or "",
                ", ".join(row["inputs"]),
                ", ".join(row["outputs"]),
                _price(row["costs"], "input"),
                _price(row["costs"], "output"),
                Cell(_unit(row)),
                _count(row["max_tokens"]),
                _count(row["context_window"]),
                Cell(
                    joined(_usable(row), unavailable(row["reason"], row["remedies"])),
                    "yes" if row["available"] else "no",
                ),
                _rule(row["route"]),
                _code(row["source"]),
            ),
            usable=row["available"],
            capability=row["capability"],
            backends=_backends(row["backend"], *row["offered_by"]),
        )
        for row in contents.models
    ]
    headings = (
        "model", "backend", "id", "type", "takes", "gives", "input US$", "output US$", "per", "most tokens", "context",
        "usable", "route", "written in",
    )  # fmt: skip
    about = (
        "Every model, those of backends that are off too. A price that is not known is a question mark: it is not zero."
    )
    return _section("models", about, headings, entries)


def _backends_section(contents: Contents) -> Markup:
    entries = [
        Entry(
            (
                _code(row["backend"]),
                row["display_name"],
                Cell(joined(_usable(row), unavailable(row["reason"], ())), "yes" if row["available"] else "no"),
                _code(row["endpoint"]) if row["endpoint"] else "the provider's own" if row["available"] else "",
                _code(row["api_key_variable"]),
                _count(row["models"]),
                row["plugin"] or "",
                _code(row["source"]),
            ),
            usable=row["available"],
            backends=(row["backend"],),
        )
        for row in contents.backends
    ]
    headings = ("backend", "name", "usable", "endpoint", "variable of its key", "models", "plugin", "written in")
    return _section("backends", "Providers, and how they are reached; keys are named, never shown.", headings, entries)


def _routes(contents: Contents) -> Markup:
    entries = [
        Entry(
            (
                _code(row["pattern"] or "default"),
                row["rule"] + (", optional" if row["optional"] else ""),
                row["backend"],
                row["profile"] + (" (active)" if row["active"] else ""),
                _code(row["source"]),
            ),
            usable=row["enabled"],
            backends=(row["backend"],),
        )
        for row in contents.routes
    ]
    about = "Which backend answers for a model: an exact route, else the first pattern that fits, else the default."
    return _section("routes", about, ("pattern", "rule", "backend", "profile", "written in"), entries)


def _plugins(contents: Contents) -> Markup:
    entries = [
        Entry(
            (row["plugin"], row["label"], row["status"], ", ".join(row["sdks"]), row["reason"] or ""),
            usable=row["status"] == "ok",
        )
        for row in contents.plugins
    ]
    return _section("plugins", "Who serves the models.", ("plugin", "version", "status", "sdks", "reason"), entries)


def _warnings(contents: Contents) -> Markup:
    entries = [
        Entry((_code(row["code"]), row["message"], row["suggestion"] or "", _code(_at(row))))
        for row in contents.warnings
    ]
    about = "What pipelex validate warns of."
    return _section("warnings", about, ("code", "what", "what would mend it", "where"), entries)


def _at(row: Row) -> str:
    if not row["file"]:
        return ""
    return f"{row['file']}:{row['line']}" if row["line"] else str(row["file"])


def _target(row: Row) -> object:
    return "" if row["leads_to"] is None else joined(tag("code", row["leads_to"]), f" on {row['backend']}")


def _usable(row: Row) -> Markup:
    return tag("span", "yes" if row["available"] else "no", class_="yes" if row["available"] else "no")


def _price(costs: dict[str, Any] | None, name: str) -> Cell:
    price = (costs or {}).get(name)
    return Cell("?" if price is None else price, "" if price is None else price, number=True)


def _price_lines(costs: dict[str, Any] | None) -> list[object]:
    known = {name: price for name, price in (costs or {}).items() if name != "unit"}
    if not costs or not known:
        return ["unknown"]
    return [*_others(known), tag("div", f"per {_UNITS[costs['unit']]}", class_="faint")]


def _others(prices: dict[str, Any], **attributes: str) -> list[object]:
    """Plain prices with their figures, and the names of the price lists that `explain` shows."""
    shown = {name.replace("_", " "): price for name, price in prices.items()}
    return [
        tag("div", f"{name} {price} US$" if isinstance(price, str) else f"{name}: see explain", **attributes)
        for name, price in shown.items()
    ]


def _unit(row: Row) -> object:
    unit = _UNITS[row["costs"]["unit"]] if row["costs"] else ""
    more = {name: price for name, price in (row["costs"] or {}).items() if name not in {"unit", "input", "output"}}
    others = _others(more, class_="faint")
    date = tag("div", f"as of {row['as_of']}", class_="faint") if row["as_of"] else None
    return joined(unit, *others, date)


def _rule(route: dict[str, Any]) -> object:
    rule = f"{route['rule']} {route['pattern']}" if route["pattern"] else str(route["rule"])
    leads = f" → {route['backend']}" if route["backend"] else ""
    return joined(rule, leads, tag("div", tag("code", route["source"]), class_="faint") if route["source"] else None)


def _count(number: int | None) -> Cell:
    return Cell("" if number is None else f"{number:,}", "" if number is None else str(number), number=True)


def _code(text: object) -> object:
    return "" if text is None or text == "" else tag("code", text)


def _backends(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


SECTIONS: dict[str, Callable[[Contents], Markup]] = {
    "defaults": _defaults,
    "handles": _handles,
    "models": _models,
    "backends": _backends_section,
    "routes": _routes,
    "plugins": _plugins,
    "warnings": _warnings,
}
