"""The JSON of a model's answer: out of what some models write around it, and with the numbers that were meant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCED = re.compile(r"```[A-Za-z]*[ \t]*\n?(.*?)```", re.DOTALL)
_INTEGRAL = re.compile(r"\d\.0|[eE]")
_MOST_BEGINNINGS = 200


def json_texts(text: str) -> Iterator[str]:
    """Give the JSON documents that an answer may hold, likeliest first, at least one.

    First comes the answer without a byte order mark or a fence around it; then the contents of its fences, and the
    objects among its words, last first.
    """
    bare = text.strip().lstrip("\ufeff").strip()
    fences = [fence.strip() for fence in _FENCED.findall(bare)]
    if len(fences) == 1 and bare.startswith("```") and bare.endswith("```"):
        bare = fences[0]
    yield bare
    yield from (text for text in (*reversed(fences), *reversed(_objects(bare))) if text != bare)


def with_whole_numbers(text: str) -> str | None:
    """The document with `1` for `1.0`, which is an integer too; None where nothing changes.

    https://json-schema.org/draft/2020-12/json-schema-validation#section-6.1.1
    """
    if not _INTEGRAL.search(text):
        return None
    try:
        return json.dumps(json.loads(text, parse_float=_number), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _number(written: str) -> float | int:
    number = float(written)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _objects(text: str) -> list[str]:
    """The outermost JSON objects in a text."""
    decoder, found = json.JSONDecoder(), []
    at = text.find("{")
    for _ in range(_MOST_BEGINNINGS):
        if at < 0:
            break
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
        else:
            found.append(text[at:end])
            at = text.find("{", end)
    return found
