"""One file of specs: its text, whose comments stay, and the tables in it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import tomli
from attrs import define

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARK = "# made: models by their ids, from facts (python -m tools.catalogue); what is above is kept, but for its figures"
_HEAD = re.compile(r'^\[(?:"([^"]+)"|([A-Za-z0-9_-]+))\]\s*$')
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@define
class SpecText:
    """The text of a file: what was written by hand, and what is made."""

    path: Path
    hand: list[str]

    @classmethod
    def read(cls, path: Path) -> SpecText:
        """Read a file; what was made before is left out."""
        text = path.read_text(encoding="utf-8").partition(MARK)[0]
        return cls(path, text.rstrip("\n").split("\n"))

    def tables(self) -> dict[str, Any]:
        """The tables that were written by hand."""
        return tomli.loads("\n".join(self.hand), parse_float=Decimal)

    def update(self, name: str, facts: Mapping[str, Any], decided: tuple[str, ...]) -> None:
        """Set the keys that facts decide in a table that was written by hand; its comments and other keys stay."""
        start = next(at for at, line in enumerate(self.hand) if _name_in(line) == name)
        end = next((at for at in range(start + 1, len(self.hand)) if self.hand[at].startswith("[")), len(self.hand))
        body = self.hand[start + 1 : end]
        own = next((at for at in range(len(body), 0, -1) if body[at - 1] and not body[at - 1].startswith("#")), 0)
        kept = [line for line in body[:own] if _key_in(line) not in decided]
        made = [_pair(key, value) for key, value in facts.items()]
        self.hand[start + 1 : end] = [*kept, *made, *body[own:]]  # comments at its end belong to the next table

    def write(self, made: Mapping[str, Mapping[str, Any]]) -> str:
        """The whole text, with the tables that are made."""
        lines = [*self.hand, "", MARK]
        for name, table in made.items():
            head = name if _BARE.fullmatch(name) else f'"{name}"'
            lines += ["", f"[{head}]", *(_pair(key, value) for key, value in table.items())]
        return "\n".join(lines if made else self.hand) + "\n"


def toml_value(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= 10_000 else str(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, str):
        return value if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        pairs = [
            f"{key if _BARE.fullmatch(key) else repr(key).replace(chr(39), chr(34))} = {toml_value(item)}"
            for key, item in value.items()
        ]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    msg = f"there is no TOML for {value!r}"
    raise TypeError(msg)


def _pair(key: str, value: Any) -> str:
    return f'{key} = "{value}"' if key == "as_of" else f"{key} = {toml_value(value)}"


def _name_in(line: str) -> str | None:
    match = _HEAD.match(line)
    return (match[1] or match[2]) if match else None


def _key_in(line: str) -> str:
    return line.partition("=")[0].strip() if not line.startswith("#") else ""
