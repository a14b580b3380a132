"""Numbers and strings that a schema may allow, the likeliest first."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipelex_backend_mock.regexes import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_backend_mock.schema_parts import Parts

FORMATS = {
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:30:00Z",
    "time": "12:30:00Z",
    "duration": "P3DT4H",
    "email": "mock@example.com",
    "idn-email": "mock@example.com",
    "hostname": "mock.example.com",
    "idn-hostname": "mock.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/mock",
    "uri-reference": "/mock",
    "iri": "https://example.com/mock",
    "iri-reference": "/mock",
    "uri-template": "https://example.com/{mock}",
    "uuid": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
    "json-pointer": "/mock",
    "relative-json-pointer": "0",
    "regex": "^mock$",
    "byte": "bW9jaw==",
    "binary": "mock",
    "password": "mock",
    "decimal": "1.5",
    "color": "#336699",
}


def strings(parts: Parts) -> Iterator[str]:
    """Strings of a format, a pattern, a length; none of them twice."""
    seen = set()
    for text in _strings(parts):
        if text not in seen:
            seen.add(text)
            yield text


def _strings(parts: Parts) -> Iterator[str]:
    least = max((part.get("minLength", 0) for part in parts), default=0)
    most = min((part["maxLength"] for part in parts if "maxLength" in part), default=None)
    patterns = [part["pattern"] for part in parts if "pattern" in part]
    for kind in (part["format"] for part in parts if "format" in part):
        if kind in FORMATS:
            yield FORMATS[kind]
            if kind == "time":
                yield "12:30:00"  # what a checker without a library for RFC 3339 takes
            if kind in {"email", "idn-email", "uri", "iri", "hostname"}:
                yield from (f"m{number}.{FORMATS[kind]}" for number in range(2, 9) if kind == "hostname")
                yield from (f"a{number}{FORMATS[kind]}" for number in range(2, 9) if "mail" in kind)
                yield from (f"{FORMATS[kind]}/{number}" for number in range(2, 9) if kind in {"uri", "iri"})
                yield from _padded(kind, least)
    for pattern in patterns:
        yield from matching(pattern, least, most)
    for number in range(1, 60):
        word = "mock" if number == 1 else f"mock {number}"
        if most is not None and len(word) > most:
            word = _short(number - 1, most)
        yield word + "." * max(0, least - len(word))


def _padded(format: str, least: int) -> Iterator[str]:
    known = FORMATS[format]
    missing = max(0, least - len(known))
    if missing and "mail" in format:
        yield "m" * missing + known
    elif missing and format in {"uri", "iri"}:
        yield known + "/" + "m" * missing


def _short(number: int, length: int) -> str:
    letters = "mockabdefghijlnpqrstuvwxyzMOCKABDEFGHIJLNPQRSTUVWXYZ0123456789"
    text = ""
    for _ in range(length):
        number, digit = divmod(number, len(letters))
        text += letters[digit]
    return text


def numbers(parts: Parts, *, whole: bool) -> Iterator[Any]:
    """Numbers inside the bounds, of every step asked for."""
    low = max(
        (_exact(part[key]) for part in parts for key in ("minimum", "exclusiveMinimum") if key in part), default=None
    )
    high = min(
        (_exact(part[key]) for part in parts for key in ("maximum", "exclusiveMaximum") if key in part), default=None
    )
    steps = [_exact(part["multipleOf"]) for part in parts if "multipleOf" in part]
    if not whole and not steps:
        yield from _between(low, high)
    step = Fraction(1) if whole else None
    for other in steps:
        step = other if step is None else _lcm(step, other)
    step = step or Fraction(1)
    start = low if low is not None else min(Fraction(1), high) if high is not None else Fraction(1)
    first = math.ceil(start / step)
    if low is None and high is not None:
        first = math.floor(high / step)
        yield from (_plain((first - number) * step) for number in range(60))
    yield from (_plain((first + number) * step) for number in range(60))


def _between(low: Fraction | None, high: Fraction | None) -> Iterator[Any]:
    if low is not None and high is not None:
        yield from (_plain(low + (high - low) * Fraction(number, 64)) for number in (32, 16, 48, 8, 24, 40, 56, 0, 64))
    elif low is not None:
        yield from (_plain(low + Fraction(number, 2)) for number in range(1, 20))
    elif high is not None:
        yield from (_plain(high - Fraction(number, 2)) for number in range(1, 20))
    else:
        yield from (_plain(Fraction(number, 2)) for number in range(3, 40))


def _exact(value: Any) -> Fraction:
    return Fraction(str(value))


def _lcm(one: Fraction, other: Fraction) -> Fraction:
    below = math.lcm(one.denominator, other.denominator)
    return Fraction(math.lcm(int(one * below), int(other * below)), below)


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
