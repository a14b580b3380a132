"""What a configuration of another tool has, and ours has not."""

from __future__ import annotations

from attrs import define, field


@define
class Omissions:
    """What has no counterpart: a sentence, and what it holds for."""

    _found: dict[str, list[str]] = field(factory=dict)

    def add(self, why: str, what: str) -> None:
        """Note something that was left out."""
        names = self._found.setdefault(why, [])
        if what not in names:
            names.append(what)

    def notes(self) -> list[str]:
        """A line a sentence."""
        return [f"{why} ({_some(names)})" for why, names in self._found.items()]


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST else f"{', '.join(names[:_MOST])} and {len(names) - _MOST} more"


_MOST = 20
