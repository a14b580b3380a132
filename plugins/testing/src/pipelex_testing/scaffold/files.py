"""The files of a new distribution, made of templates.

A template is a file below `templates/`: those of `common` are in every distribution, those of `code` in each that has a
backend of its own, the others in one kind. Its path is the file's own, with `.tmpl` after it and `dot-` for a dot before a
name; `@name@` in path and text is a field of `Names`, or one of the facts below.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, get_args

from attrs import asdict

from pipelex_core.plugins.loading import installed_core

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

    from pipelex_testing.scaffold.names import Names

Kind = Literal["openai-compatible", "http", "sdk"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a backend may be: models of an OpenAI-compatible endpoint, an HTTP API of its own, or a provider's SDK."""

_SUFFIX = ".tmpl"
_FIELD = re.compile(r"@([a-z_]+)@")


def new_distribution(names: Names, kind: Kind) -> dict[str, str]:
    """Path -> text of every file of a new distribution."""
    facts = {**asdict(names), "core_range": core_range(), **_fragments(kind)}
    made: dict[str, str] = {}
    for folder in ("common", *([] if kind == "openai-compatible" else ["code"]), kind):
        for path, text in _templates(folder):
            target = re.sub(r"(^|/)dot-", r"\1.", _filled(path.removesuffix(_SUFFIX), facts))
            made[target] = _filled(text, facts)
    return dict(sorted(made.items()))


def core_range() -> str:
    """The versions of core that a distribution written today is for: from this one to the next that may break it."""
    major, minor = (int(part) for part in (installed_core() or "0.1").split(".")[:2])
    return f">={major}.{minor},<0.{minor + 1}" if major == 0 else f">={major}.{minor},<{major + 1}"


def _fragments(kind: Kind) -> Mapping[str, str]:
    """What the common files of a kind contain: `NAME.txt` beside its templates."""
    facts = {"core_range": core_range()}
    found = _root(kind).iterdir()
    return {
        each.name.removesuffix(".txt"): _filled(each.read_text(encoding="utf-8"), facts).strip()
        for each in found
        if each.name.endswith(".txt")
    }


def _templates(folder: str) -> Iterator[tuple[str, str]]:
    """Path below the folder -> text of each template."""
    waiting = [("", _root(folder))]
    while waiting:
        path, place = waiting.pop()
        for each in place.iterdir():
            if each.is_dir():
                waiting.append((f"{path}{each.name}/", each))
            elif each.name.endswith(_SUFFIX):
                yield path + each.name, each.read_text(encoding="utf-8")


def _root(folder: str) -> Traversable:
    return files(__package__ or "") / "templates" / folder


def _filled(text: str, facts: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: facts[found[1]], text)
