"""A file of models of the older generation, `[models.name]` and prices per thousand tokens, in the current form."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelex_cli.edits.document import newline_of, read, replaced
from pipelex_cli.edits.syntax import line_end, line_start, scan
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_cli.edits.syntax import Head

_RESERVED = ("defaults", "default_sdk", "default_prompting_target", "backend", "models")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*)(?:\.[\d_]+)?(?:[eE][+-]?[\d_]+)?\Z|0[xob][\da-fA-F_]+\Z")
_THOUSAND = 1000
_PLAIN_DIGITS = 40


def current_models(text: str, is_llm: Callable[[str], bool]) -> str:
    """The text in the current form.

    Args:
        text: A file of the older generation, sound TOML.
        is_llm: Whether a model of the file is an LLM: its prices are then per thousand tokens.

    Raises:
        PipelexError: It has something that the current form says in no way that could be written by itself.
    """
    models = read(text)["models"]
    named = [name for name in _RESERVED if name in models]
    if named:
        msg = f"a model is named '{named[0]}', which means something else in the current form: rename it first"
        raise PipelexError(msg)
    text = _with_prices(text, models, is_llm)
    return _without_section(_without_inline(_without_prefix(text)))


def _with_prices(text: str, models: dict[str, Any], is_llm: Callable[[str], bool]) -> str:
    """Prices of LLMs per million tokens; those of `[defaults]` only where no other kind of model has them."""
    inheriting = {is_llm(name) for name, table in models.items() if "costs" not in table}
    changes = []
    for pair in scan(text).pairs:
        own = len(pair.path) == 4 and pair.path[::2] == ("models", "costs") and is_llm(pair.path[1])
        common = len(pair.path) == 3 and pair.path[:2] == ("defaults", "costs")
        if common and inheriting == {True, False}:
            msg = "the costs of [defaults] are for LLMs and other models alike: write them in each model's table first"
            raise PipelexError(msg)
        if own or (common and inheriting == {True}):
            changes.append((pair.start, pair.end, times_thousand(text[pair.start : pair.end])))
    return replaced(text, changes)


def times_thousand(written: str) -> str:
    """A number a thousand times as large, exactly; what is not a number stays, because it is a fault as it is."""
    if not _NUMBER.match(written):
        return written
    digits = written.replace("_", "")
    if digits[:2].lower() in {"0x", "0o", "0b"}:
        return str(int(digits, 0) * _THOUSAND)
    number = Decimal(digits) * _THOUSAND
    if not number:
        return "0"
    if abs(number.adjusted()) > _PLAIN_DIGITS:
        return str(number)
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _without_prefix(text: str) -> str:
    """`[models.name]` is `[name]`, and `models.name.key = 1` is `name.key = 1`."""
    syntax = scan(text)
    keys = [head.parts for head in syntax.heads]
    keys += [pair.parts for pair in syntax.pairs if pair.head == -1 and not pair.inline]
    return replaced(
        text, [(parts[0].start, parts[1].start, "") for parts in keys if len(parts) > 1 and parts[0].name == "models"]
    )


def _without_inline(text: str) -> str:
    """`models = { name = { … } }` is `name = { … }`."""
    pairs = scan(text).pairs
    outer = next((pair for pair in pairs if pair.path == ("models",) and not pair.inline), None)
    if outer is None:
        return text
    inner = [pair for pair in pairs if pair.inline and pair.path[0] == "models" and pair.parts[0].name == pair.path[1]]
    pieces = [(pair.parts[0].start, pair.end) for pair in inner if len(pair.path) == len(pair.parts) + 1]
    around = replaced(text, [(start, end, "") for start, end in pieces])
    rest = around[outer.start + 1 : outer.end - sum(end - start for start, end in pieces) - 1]
    if rest.strip(", \t\r\n"):
        msg = "there are comments inside `models = { … }`: write its models as [models.name] first"
        raise PipelexError(msg)
    lines = newline_of(text).join(text[start:end] for start, end in pieces)
    return replaced(text, [(outer.parts[0].start, outer.end, lines)])


def _without_section(text: str) -> str:
    """What is in `[models]` itself is above the first header."""
    heads = scan(text).heads
    found = next((number for number, head in enumerate(heads) if head.path == ("models",)), None)
    if found is None:
        return text
    start, behind = _header_line(text, heads[found])
    comment = text[heads[found].end : behind].lstrip(" \t")
    comment = comment if comment.strip() else ""
    if found == 0:
        return replaced(text, [(start, behind, comment)])
    end = line_start(text, heads[found + 1].start) if found + 1 < len(heads) else len(text)
    section = comment + text[behind:end]
    section += "" if section.endswith("\n") or not section else newline_of(text)
    first = line_start(text, heads[0].start)
    return replaced(text, [(start, end, ""), (first, first, section)])


def _header_line(text: str, head: Head) -> tuple[int, int]:
    return line_start(text, head.start), line_end(text, head.end)
