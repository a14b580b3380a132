"""The text of a project's first deck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.starter import starter_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_HEAD = """\
# The handles of this project: what `model=` may name besides a model.
#
# An alias names a model, or a chain of models of which the first one that is available answers.
# A preset is a model or alias with settings. Change them here, or, to keep this file as it came, in overrides.toml.
"""

_POLICY = """\
# A setting that a model does not take, such as the temperature of one that reasons, is left out, and `explain` shows it.
on_unsupported_setting = "drop"
"""


def starter_deck(models: Collection[str], enabled: Collection[str] | None = None) -> str:
    """The text of base_deck.toml; see `starter_tables` for the arguments."""
    tables = starter_tables(models, enabled)
    lines = [_HEAD, _POLICY, *_table("aliases", tables.pop("aliases"))]
    for capability, parts in tables.items():
        own = {key: value for key, value in parts.items() if not isinstance(value, dict)}
        if own:
            lines += _table(capability, own)
        for key, value in parts.items():
            if isinstance(value, dict):
                lines += _table(f"{capability}.{key}", value)
    return "\n".join(lines).rstrip() + "\n"


def _table(heading: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{heading}]"
    for name, value in values.items():
        yield f"{_key(name)} = {_value(value)}"
    yield ""


def _key(name: str) -> str:
    import tomlkit

    return tomlkit.key(name).as_string()


def _value(value: Any) -> str:
    import tomlkit

    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(tomlkit.item(value).as_string())
