"""What a docstring says of a function and its parameters: in the forms of Google, NumPy, reStructuredText and epydoc."""

from __future__ import annotations

import inspect
import re

_PARAMETERS = re.compile(r"(Args|Arguments|Parameters|Params|Keyword Args|Other Parameters)\s*:?\s*")
_SECTION = re.compile(
    r"(Args|Arguments|Parameters|Params|Keyword Args|Other Parameters|Returns?|Yields?|Raises|Warns|Examples?|Notes?|"
    r"Attributes|References|See Also|Todo|Warnings?)\s*:?\s*"
)
_RULE = re.compile(r"-{3,}\s*")
_FIELD = re.compile(r"[:@](\w+)([^:]*):\s*(.*)")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?")
_PARAM_WORDS = {"param", "parameter", "arg", "argument", "key", "keyword"}


def read_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description before the first section, and the parameters' descriptions by their names.

    Args:
        docstring: As written in the source; None for an empty one.
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    first = next((number for number in range(len(lines)) if _begins_section(lines, number)), len(lines))
    texts: dict[str, list[str]] = {}
    number = first
    while number < len(lines):
        end = next((at for at in range(number + 1, len(lines)) if _begins_section(lines, at)), len(lines))
        _read_section(lines[number:end], texts)
        number = end
    described = {name: " ".join(filter(None, words)) for name, words in texts.items()}
    return "\n".join(lines[:first]).strip(), {name: text for name, text in described.items() if text}


def _begins_section(lines: list[str], number: int) -> bool:
    """Whether a line is a heading, or a field such as `:param x:`."""
    line = lines[number]
    if _FIELD.match(line):
        return True
    if not _SECTION.fullmatch(line):
        return False
    return (
        line.rstrip().endswith(":") or _RULE.fullmatch(lines[number + 1] if number + 1 < len(lines) else "") is not None
    )


def _read_section(lines: list[str], texts: dict[str, list[str]]) -> None:
    field = _FIELD.match(lines[0])
    if field is not None:
        if field[1] in _PARAM_WORDS and field[2].split():
            texts[field[2].split()[-1].lstrip("*")] = [field[3].strip(), *(line.strip() for line in lines[1:])]
        return
    if not _PARAMETERS.fullmatch(lines[0]):
        return
    is_numpy = len(lines) > 1 and _RULE.fullmatch(lines[1]) is not None
    body = [line for line in lines[2 if is_numpy else 1 :] if line.strip()]
    depth = _indent(body[0]) if body else 0
    words: list[str] = []
    for line in body:
        entry = (_NUMPY_ENTRY if is_numpy else _ENTRY).fullmatch(line.strip()) if _indent(line) <= depth else None
        if entry is not None:
            words = texts[entry[1]] = [] if is_numpy else [entry[2]]
        else:
            words.append(line.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
