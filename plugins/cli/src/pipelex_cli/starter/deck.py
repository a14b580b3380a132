"""The first deck of a project: the handles of deck.toml, for the models that are known."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import tomli

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def starter_deck(models: set[str], enabled: set[str] | None = None) -> str:
    """The text of base_deck.toml; chains keep the models given, and what would lead nowhere is left out.

    Args:
        models: Every model that an installed plugin brings.
        enabled: Those of the backends that are switched on; where none of a default is among them, a model of this machine
            is the default. None for all.
    """
    template = tomli.loads(files(__package__).joinpath("deck.toml").read_text(encoding="utf-8"))
    aliases = {
        name: known for name, chain in template["aliases"].items() if (known := [m for m in chain if m in models])
    }
    names = models | set(aliases)
    lines = [_HEAD, _POLICY, "[aliases]", *_aliases(aliases), ""]
    for capability, tables in template.items():
        if capability == "aliases":
            continue
        presets = {name: preset for name, preset in tables["presets"].items() if preset["model"] in names}
        if presets:
            usable = models if enabled is None else enabled
            lines += [
                *_choices(capability, tables, presets, aliases, usable),
                f"[{capability}.presets]",
                *_tables(presets),
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def _aliases(aliases: dict[str, list[str]]) -> Iterator[str]:
    for name, chain in aliases.items():
        yield f"{_key(name)} = {_value(chain[0] if len(chain) == 1 else chain)}"


def _tables(presets: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, preset in presets.items():
        yield f"{_key(name)} = {_value(preset)}"


def _choices(
    capability: str, tables: dict[str, Any], presets: dict[str, Any], aliases: dict[str, list[str]], usable: set[str]
) -> Iterator[str]:
    if "choice_defaults" in tables:
        yield f"[{capability}.choice_defaults]"
        for choice, names in tables["choice_defaults"].items():
            known = [name for name in names if name in presets]
            if known:
                yield f"{choice} = {_value(_first_usable(known, presets, aliases, usable))}"
    else:
        yield f"[{capability}]"
        wanted = tables["choice_default"]
        known = [name for name in ([wanted] if isinstance(wanted, str) else wanted) if name in presets]
        default = _first_usable(known, presets, aliases, usable) if known else next(iter(presets))
        yield f"choice_default = {_value(default)}"
    yield ""


def _first_usable(names: list[str], presets: dict[str, Any], aliases: dict[str, list[str]], usable: set[str]) -> str:
    """The first preset whose chain has a model that can be used; the first of all where none has."""

    def leads_to(name: str) -> set[str]:
        model = presets[name]["model"]
        return {*aliases.get(model, (model,))}

    return next((name for name in names if usable & leads_to(name)), names[0])


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
