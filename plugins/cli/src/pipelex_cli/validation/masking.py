"""Keeps secrets out of a line that is quoted, also of one that could not be parsed: every character becomes a star."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_cli.validation.credentials import is_placeholder
from pipelex_core.hiding import WHOLE_WORDS_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable

_ASSIGNED = re.compile(r"""(?<![\w.\-"'])(?P<key>[\w.\-"']++)\s*+[=:]\s*+""")
_SECRET_KEY = re.compile(
    r"(?<![a-z0-9])(?:api|access|private)?"
    r"(?:key|secret|token|password|passwd|pwd|credentials?|authorization|auth|bearer)(?![a-z0-9])",
    re.IGNORECASE,
)
_VALUE = re.compile(r'"""(?:.*?"""|.*)|"(?:\\.|[^"\\])*+"?|\'[^\']*+\'?|[^\s,#\]}{"\']++')
_VARIABLES = re.compile(r"""["']*(\$\{[^}:]*(:(?!-)[^}:]*)*\})+["']*""")
_HARMLESS = re.compile(r"true|false|[-+]?[\d._]+|[\"']*")
_LOOKS_LIKE_A_KEY = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|hf|r8|ghp|pplx|csk|fal|AKIA|ASIA|AIza|eyJ|xox[bp])[-_A-Za-z0-9]{12,}[\w.+/=-]*"
    r"|(?<=[Bb]earer )[^\s\"']+|(?<=://)[^/\s\"'@:]*:[^/\s\"'@]+(?=@)"
)
_ENV_LINE = re.compile(r"(?P<key>\s*(?:export\s+)?[\w.-]+\s*[=:]\s*)(?P<value>\S.*)")


def masked(line: str, secrets: Iterable[str] = (), *, is_env: bool = False) -> str:
    """A line of as many characters, without what may be a secret.

    Args:
        line: The line.
        secrets: Values that are known to be secret, wherever they stand.
        is_env: Whether it is a line of a `.env` file, where every value may be one.
    """
    for secret in secrets:
        for piece in {secret, *secret.splitlines()}:
            if piece and piece in line:
                sought = re.escape(piece) if len(piece) >= WHOLE_WORDS_BELOW else rf"(?<!\w){re.escape(piece)}(?!\w)"
                line = re.sub(sought, "*" * len(piece), line)
    if is_env:
        assigned = _ENV_LINE.fullmatch(line)
        if assigned is None:
            return "*" * len(line) if line.strip() and not line.lstrip().startswith("#") else line
        return assigned["key"] + _starred(assigned["value"])
    line = _without_values(line)
    return _LOOKS_LIKE_A_KEY.sub(lambda found: "*" * len(found[0]), line)


def _without_values(line: str) -> str:
    """The line, the values of keys that are called a key, a secret, a password starred."""
    pieces: list[str] = []
    done = 0
    for assigned in _ASSIGNED.finditer(line):
        if assigned.end() <= done or not _SECRET_KEY.search(assigned["key"]):
            continue
        value = _VALUE.match(line, assigned.end())
        if value is not None:
            pieces += [line[done : value.start()], _starred(value[0])]
            done = value.end()
    return "".join([*pieces, line[done:]])


def _starred(value: str) -> str:
    """A value as stars, its quotes kept; a variable's name or a placeholder is not a secret."""
    if _VARIABLES.fullmatch(value) or _HARMLESS.fullmatch(value) or is_placeholder(value.strip("\"' ")):
        return value
    opening = re.match("[\"']*", value)
    closing = re.search("[\"']*$", value)
    head, tail = (opening[0] if opening else ""), (closing[0] if closing else "")
    return head + "*" * (len(value) - len(head) - len(tail)) + tail
