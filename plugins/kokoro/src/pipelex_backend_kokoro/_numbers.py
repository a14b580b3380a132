"""Numbers, signs and abbreviations of a text, written out as words that are spoken in English."""

from __future__ import annotations

import re

_ONES = (
    *(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
        ]
    ),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIZES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_LONGEST = 15
"""Digits of a number that is spoken as one; longer ones are spoken digit by digit."""
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_MONEY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_MANY = {"penny": "pence"}
_SHORT = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "dr": "doctor",
    "prof": "professor",
    "st": "saint",
    "jr": "junior",
    "sr": "senior",
    "vs": "versus",
    "etc": "et cetera",
    "approx": "approximately",
    "no": "number",
}
_SIGNS = {
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "@": " at ",
    "%": " percent ",
    "°": " degrees ",
    "#": " number ",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{EN DASH}": " - ",
}
_YEARS = range(1100, 2100)


def cardinal(number: int) -> str:
    """A number in words.

    >>> cardinal(1_234)
    'one thousand two hundred thirty four'
    """
    for size, name in _SIZES:
        if number >= size:
            rest = number % size
            return f"{cardinal(number // size)} {name}" + (f" {cardinal(rest)}" if rest else "")
    if number < len(_ONES):
        return _ONES[number]
    rest = number % 10
    return _TENS[number // 10] + (f" {_ONES[rest]}" if rest else "")


def ordinal(number: int) -> str:
    """A number's place in a row, in words.

    >>> ordinal(22)
    'twenty second'
    """
    before, _, last = cardinal(number).rpartition(" ")
    word = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{before} {word}".strip()


def year(number: int) -> str:
    """A year in words.

    >>> year(1905), year(2026), year(2005)
    ('nineteen oh five', 'twenty twenty six', 'two thousand five')
    """
    century, rest = divmod(number, 100)
    if number % 1000 < 10:
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def spoken(text: str) -> str:
    """A text without digits and signs.

    >>> spoken("Dr. Lee paid $3.50 at 9:05, 20% of it in 1999.")
    'doctor Lee paid three dollars and fifty cents at nine oh five, twenty percent of it in nineteen ninety nine.'
    """
    text = re.sub(r"(?<=[a-z])(?<!\bMc)(?<!\bMac)(?=[A-Z])", " ", text)
    text = re.sub(r"\b(" + "|".join(_SHORT) + r")\.(?=\s+\S)", _expanded, text, flags=re.IGNORECASE)
    text = re.sub(r"\be\.g\.", "for example", text)
    text = re.sub(r"\bi\.e\.", "that is", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"([$€£])(\d+)(?:\.(\d\d))?\b(?!\.\d)", _money, text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", _time, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda found: ordinal(int(found[1][:_LONGEST])), text)
    text = re.sub(r"(?<=\d)[-\N{EN DASH}](?=\d)", " to ", text)
    text = re.sub(r"(?<![\w.])-(?=\d)", "minus ", text)
    text = re.sub(r"(\d+)\.(\d+)", lambda found: f"{_number(found[1])} point {_digits(found[2])}", text)
    text = re.sub(r"\b\d{4}\b(?!\.\d)", _maybe_year, text)
    text = re.sub(r"\d+", lambda found: f" {_number(found[0])} ", text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return re.sub(r"[ \t]+(?=[,.;:!?])|(?<=[ \t])[ \t]+", "", text).strip()


def _expanded(found: re.Match[str]) -> str:
    if found[1].lower() == "no" and not re.match(r"\s+\d", found.string[found.end() :]):
        return found[0]
    return _SHORT[found[1].lower()]


def _money(found: re.Match[str]) -> str:
    whole, part = _MONEY[found[1]]
    stated = f"{_number(found[2])} {_counted(whole, found[2])}"
    if found[3] and int(found[3]):
        stated += f" and {_number(found[3].lstrip('0'))} {_counted(part, found[3])}"
    return stated


def _counted(word: str, digits: str) -> str:
    return word if int(digits) == 1 else _MANY.get(word, f"{word}s")


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if not minute:
        return f"{cardinal(hour)} o'clock" if 0 < hour <= 12 else f"{cardinal(hour)} hundred"
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"


def _maybe_year(found: re.Match[str]) -> str:
    number = int(found[0])
    return year(number) if number in _YEARS else found[0]


def _number(digits: str) -> str:
    """A number in words; digit by digit where it is long, or begins with a zero, as a code does."""
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return _digits(digits)
    return cardinal(int(digits))


def _digits(digits: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in digits)
