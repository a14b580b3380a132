"""`pipelex show`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import CycloptsError, Parameter

from pipelex_cli.output import note, print_json
from pipelex_cli.report.filters import Filter, price_of, read_prices
from pipelex_cli.report.rows import Listed, Lister
from pipelex_cli.tables import Column, table_lines
from pipelex_cli.terminal import terminal_width
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.config import LoadedConfig

What = Literal["backends", "models", "presets", "aliases", "routes"]


def show(
    what: What,
    *,
    available: bool = False,
    capability: str | None = None,
    backend: str | None = None,
    input: list[Literal["text", "images", "pdf", "audio", "video"]] | None = None,
    output: list[Literal["text", "structured", "image", "pages", "vectors", "ranking", "audio"]] | None = None,
    max_price: list[str] | None = None,
    graph: Path | None = None,
    handle: str | None = None,
    force: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show what there is, where each came from, and for what is unavailable, why.

    Args:
        what: backends, models, presets, aliases or routes.
        available: Only what can be used.
        capability: Only what is for this, such as llm or extract.
        backend: Only what is of this backend, or leads to it.
        input: Only models that take it, and handles that lead to one: text, images, pdf, audio, video. May be given several times.
        output: Only models that give it: text, structured, image, pages, vectors, ranking, audio. May be given several times.
        max_price: Only models that cost at most so much, in US$: input=3 and output=15 per million tokens, image=0.05,
            page=0.001. A price that is unknown is not at most anything. May be given several times.
        graph: With routes: write the deck as a picture to this SVG file.
        handle: With --graph: draw only what belongs to this preset, alias or model.
        force: Replace the file of --graph, whatever it holds.
        json: Print one JSON document.
    """
    if graph is not None or handle is not None:
        return _draw(what, graph, handle, force=force, json=json, context=context)
    wanted = Filter(
        available=available,
        capability=capability,
        backend=backend,
        inputs=tuple(input or ()),
        outputs=tuple(output or ()),
        max_prices=_prices(max_price or ()),
    )
    if wanted.asks_for_models and what in {"backends", "routes"}:
        raise CycloptsError(
            msg=f"--capability, --input, --output and --max-price are for models and handles, not {what}"
        )
    plugins = context.plugins()
    loaded = context.load(plugins)
    _check_backend(backend, loaded)
    if capability is not None:
        loaded.deck.capabilities[capability]
    listed = wanted.of(Lister(loaded, plugins, details=json).rows(what))
    if json:
        print_json([each.row for each in listed])
    elif not listed:
        note(f"no {what}" if wanted == Filter() else f"no {what} that are so")
    else:
        _print(what, listed, loaded)
    return 0


def _draw(what: What, graph: Path | None, handle: str | None, *, force: bool, json: bool, context: Context) -> int:
    from pipelex_cli.drawing import draw

    if what != "routes" or graph is None:
        raise CycloptsError(msg="a picture is drawn with: pipelex show routes --graph FILE.svg [--handle HANDLE]")
    return draw(graph, handle, force=force, json=json, context=context)


def _prices(texts: Iterable[str]) -> dict[str, Any]:
    try:
        return dict(read_prices(texts))
    except ValueError as error:
        raise CycloptsError(msg=str(error)) from error


def _check_backend(name: str | None, loaded: LoadedConfig) -> None:
    known = [*loaded.deck.backends, *loaded.disabled]
    if name is not None and name not in known:
        from pipelex_core.near import did_you_mean

        hint = did_you_mean(name, known)
        raise CycloptsError(msg=f"there is no backend '{name}'{f': {hint}' if hint else ''}")


def _print(what: What, listed: list[Listed], loaded: LoadedConfig) -> None:
    columns = _COLUMNS[what]
    prefix = f"{loaded.folder}/"
    width = terminal_width()
    rows = [[_cell(each, column.heading).replace(prefix, "") for column in columns] for each in listed]
    if width is not None and columns[-1] is _REASON:
        rows = [[*row[:-1], _shared_reason(row[-1], row[0])] for row in rows]
    lines, left_out = table_lines(columns, rows, width=width, notes="reason")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if left_out and width is not None:
        note(f"(no room for: {', '.join(left_out)}; a wider terminal has it, and --json)")


def _shared_reason(reason: str, name: str) -> str:
    """A reason as several rows have it: without the names that stand in the row already."""
    whole = re.fullmatch(r"(?:'[^']+'(?:, )?)+: ((?:(?!; '[^']+': ).)*)", reason)
    return (whole[1] if whole else reason).replace(f"for '{name}'", "for it")


def _cell(listed: Listed, heading: str) -> str:
    if heading == "price":
        return shown_price(listed)
    value = listed.row[heading]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def shown_price(listed: Listed) -> str:
    """Input and output per million tokens, or the price of an image or page; `?` for what is unknown."""
    costs = listed.spec.costs if listed.spec else None
    if listed.spec is None:
        return ""
    if costs is None:
        return "?"
    if costs.unit == "million_tokens":
        prices = [price_of(costs, name) for name in ("input", "output")]
        return " / ".join("?" if price is None else f"{price:f}" for price in prices)
    units = (costs.unit, "image", "megapixel", "page", "minute", "second", "character", "request")
    named = {unit: price_of(costs, unit) if unit == costs.unit else getattr(costs, unit) for unit in units}
    unit, price = next(((unit, price) for unit, price in named.items() if price is not None), ("", None))
    return "?" if price is None else f"{price:f} a {unit}"


_SOURCE = Column("source", 16, rank=5, from_end=True)
_REASON = Column("reason")
_COLUMNS: dict[What, tuple[Column, ...]] = {
    "backends": (
        Column("backend", 18),
        Column("available", 9, rank=6),
        Column("endpoint", 16, rank=4),
        Column("api_key_variable", 16, rank=3),
        Column("models", 6, rank=7),
        Column("plugin", 16, rank=8),
        _SOURCE,
        _REASON,
    ),
    "models": (
        Column("model", 32),
        Column("backend", 9),
        Column("model_id", 14, rank=9),
        Column("model_type", 8, rank=8),
        Column("price", 9, rank=1),
        Column("available", 9, rank=7),
        Column("retired_on", 10, rank=10),
        _SOURCE,
        _REASON,
    ),
    "presets": (
        Column("preset", 32),
        Column("capability", 10, rank=9),
        Column("model", 20, rank=4),
        Column("settings", 12, rank=6),
        Column("leads_to", 24),
        Column("backend", 8, rank=3),
        _SOURCE,
        _REASON,
    ),
    "aliases": (
        Column("alias", 32),
        Column("targets", 16, rank=6),
        Column("leads_to", 24),
        Column("backend", 8, rank=3),
        _SOURCE,
        _REASON,
    ),
    "routes": (
        Column("profile", 8),
        Column("active", 6, rank=7),
        Column("rule", 7, rank=6),
        Column("pattern", 10),
        Column("backend", 18),
        _SOURCE,
    ),
}
