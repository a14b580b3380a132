"""One variable of a `.env` text, set so that python-dotenv reads that very value again; every other line stays.

The rules of the values are python-dotenv's (https://saurabh-kumar.com/python-dotenv/#file-format): in single quotes, a
backslash escapes a quote and itself; in double quotes, line ends have names; and everywhere `${NAME}` is filled in.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from pipelex_cli.edits.document import newline_of
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from dotenv.parser import Binding

_PLAIN = re.compile(r"[A-Za-z0-9_./:+@%,~-]+\Z")
_NAME = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*")
_VALUE = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_UNQUOTED = re.compile(r"(?:(?!\s+#)[^\r\n])*")
_DOUBLE = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}


def quoted(value: str) -> str:
    """A value as it has to stand behind the `=`."""
    value = value.replace("${", "${:-$}{")  # a variable without a name has its default: the `$` alone
    if _PLAIN.match(value):
        return value
    if "\n" in value or "\r" in value:
        return '"' + "".join(_DOUBLE.get(character, character) for character in value) + '"'
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def with_variable(text: str, name: str, value: str) -> str:
    """The text with the variable: in the line that sets it, the last of several, else in a new one at the end.

    Raises:
        PipelexError: The text is written in a way in which that cannot be done by itself.
    """
    old = _bindings(text)
    own = [number for number, binding in enumerate(old) if binding.key == name]
    if own:
        place = own[-1]
        start = len(text) - len(text.removeprefix("\ufeff")) + sum(len(each.original.string) for each in old[:place])
        line = old[place].original.string
        new = text[:start] + _with_value(line, quoted(value)) + text[start + len(line) :]
    else:
        newline = newline_of(text)
        before = text if not text or text.endswith(("\n", "\r")) else text + newline
        new = f"{before}{name}={quoted(value)}{newline}"
    if value_of(new, name) != value or not _others_stay(old, _bindings(new), own[-1] if own else None):
        msg = f"'{name}' cannot be written by itself into a file of this form; write it there yourself"
        raise PipelexError(msg)
    return new


def value_of(text: str, name: str) -> str | None:
    """The value that a text gives a variable, `${…}` filled in from nowhere; None where it gives none."""
    from dotenv.variables import parse_variables

    values = [binding.value for binding in _bindings(text) if binding.key == name]
    if not values or values[-1] is None:
        return None
    return "".join(atom.resolve({}) for atom in parse_variables(values[-1]))


def _bindings(text: str) -> list[Binding]:
    from dotenv.parser import parse_stream

    return list(parse_stream(StringIO(text.removeprefix("\ufeff"))))


def _with_value(line: str, value: str) -> str:
    """A line with another value; what is before it, and a comment behind it, stays."""
    named = _NAME.match(line)
    at = named.end() if named else len(line)
    if not line.startswith("=", at):
        return f"{line[:at].rstrip()}={value}{line[at:]}" if named else line
    start = at + 1
    blank = len(line[start:]) - len(line[start:].lstrip(" \t\f\v"))
    if blank and line[start + blank :].startswith("#"):
        return line[:start] + value + line[start:]
    start += blank
    found = _VALUE.match(line, start) or _UNQUOTED.match(line, start)
    return line[:start] + value + (line[found.end() :] if found else "")


def _others_stay(old: list[Binding], new: list[Binding], place: int | None) -> bool:
    """Whether the other lines are unchanged, in their order."""
    place_now = next((number for number in reversed(range(len(new))) if new[number].key), 0) if place is None else place
    before, after = (
        [(each.key, each.value, each.error) for number, each in enumerate(lines) if number != gone]
        for lines, gone in ((old, place), (new, place_now))
    )
    return [each for each in before if each[0] or each[2]] == [each for each in after if each[0] or each[2]]
