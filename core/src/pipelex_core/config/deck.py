"""Step 4: aliases, presets and defaults, made of the merged tables of the deck's files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_args

from pipelex_core.config.chains import NO_MEMBERS, Members, read_members, read_order
from pipelex_core.config.layered import REPORTED, Layered
from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import STRING, checked, structured_values
from pipelex_core.config.values import each, exactly, name_of, one_of
from pipelex_core.constraints import Policy
from pipelex_core.deck import Alias, Preset
from pipelex_core.deck.templates import PromptTemplate
from pipelex_core.errors import ConfigError
from pipelex_core.near import nearest
from pipelex_core.settings import MODEL_KEYS, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pipelex_core.capabilities import Capabilities, Kind
    from pipelex_core.config.deck_files import DeckTables
    from pipelex_core.specs import Source


T = TypeVar("T")
V = TypeVar("V")

POLICIES: tuple[str, ...] = get_args(Policy)
_NO_SETTINGS = frozenset({"model", "description", "on_unsupported_setting"})
DISABLED = "disabled"
"""The handle of a default that there shall not be."""

_POLICY = one_of(POLICIES)
_HANDLE = name_of('a preset, model or alias, a table { model = …, settings }, or "disabled"')


_TEXT = exactly(str, "a text")
_KEYS = {
    **dict.fromkeys(("prompt", "system", "model"), _TEXT),
    "defaults": each(_TEXT, '{ placeholder = "text" }', kind=dict, made=dict),
}


def made_of(tables: Mapping[str, V], make: Callable[[str, V], T | None]) -> tuple[dict[str, T], set[str]]:
    """What is made of each table, and the names of those with a fault."""
    found = {name: make(name, table) for name, table in tables.items()}
    sound = {name: value for name, value in found.items() if value is not None}
    return sound, found.keys() - sound.keys()


def make_aliases(deck: DeckTables, faults: Faults, orders: Collection[str] = ()) -> tuple[dict[str, Alias], set[str]]:
    """The aliases, and the names of those with a fault; `orders` are those that plugins add."""
    return made_of(deck.aliases, lambda name, table: _alias(name, table, deck, orders, faults=faults))


def _alias(name: str, table: Layered, deck: DeckTables, orders: Collection[str], *, faults: Faults) -> Alias | None:
    targets, weights, last_resort = _members(name, table, deck, faults)
    order = read_order(name, table, orders, faults)
    settings = {key: value for key, value in table.values.items() if key not in {"model", "order"}}
    wrong = bool(settings) and _are_wrong(settings, _kind_of(settings, deck.capabilities), table.where, faults)
    if wrong or not targets or order is None:
        return None
    return Alias(
        name=name,
        targets=targets,
        order=order,
        weights=weights,
        last_resort=last_resort,
        settings=settings,
        source=table.source,
        origins=table.sources,
    )


def _kind_of(settings: Mapping[str, Any], capabilities: Capabilities) -> Kind:
    """The capability that knows most of an alias's settings: an alias does not say what it is for."""
    return max(capabilities, key=lambda capability: len(capability.settings.keys() & settings.keys()))


def _members(name: str, table: Layered, deck: DeckTables, faults: Faults) -> Members:
    """What an alias leads to; nothing where there is a fault."""
    model = _model_of(name, table, deck.aliases, deck, faults, expected="a model or alias, or a list of them")
    if not isinstance(model, list):
        return NO_MEMBERS if model is REPORTED else ((model,), {}, frozenset())
    if not model:
        message = f"the chain '{name}' is empty"
        faults.error(ConfigError, "empty-chain", message, table.where("model"), expected="at least one model or alias")
    return read_members(name, model, table.where("model"), faults)


def _model_of(
    name: str, table: Layered, others: Collection[str], deck: DeckTables, faults: Faults, *, expected: str
) -> Any:
    """What an alias or a preset names as its model; a list is right where `expected` says so."""
    model = table.values.get("model")
    if isinstance(model, (str, list) if "list" in expected else str) and model != "":
        return model
    source = table.where("model")
    if "model" not in table.values:
        if not _is_misspelt(table.values, deck.capabilities.settings, faults, table.where):
            message = f"'{name}' names no model, and no earlier file has a table of that name"
            faults.error(ConfigError, "missing-key", message, source, expected='model = "…"', near=(name, others))
    elif model == "":
        faults.error(ConfigError, "bad-value", f"the model of '{name}' is empty", source, expected="a model or alias")
    elif model is not REPORTED:
        message = f"the model of '{name}' cannot be {type_name(model)}"
        faults.error(ConfigError, "bad-value", message, source, expected=expected)
    return REPORTED


def _is_misspelt(
    table: dict[str, Any], settings: frozenset[str], faults: Faults, where: Callable[[str], Source]
) -> bool:
    """Whether a key that means nothing is nearly `model`; it is reported, and taken out."""
    known = _NO_SETTINGS | settings
    wrong = next((key for key in table if key not in known and nearest(key, MODEL_KEYS)), None)
    if wrong is not None:
        near = (wrong, MODEL_KEYS)
        faults.error(ConfigError, "unknown-key", f"unknown key '{wrong}'", where(wrong), near=near)
        del table[wrong]
    return wrong is not None


def make_presets(deck: DeckTables, faults: Faults) -> tuple[dict[str, dict[str, Preset]], dict[str, set[str]]]:
    """The presets by capability, and the names of those with a fault."""
    found = {
        capability: made_of(named, partial(_preset, capability, deck, faults))
        for capability, named in deck.presets.items()
    }
    return {name: presets for name, (presets, _) in found.items()}, {
        name: broken for name, (_, broken) in found.items()
    }


def _preset(capability: str, deck: DeckTables, faults: Faults, name: str, table: Layered) -> Preset | None:
    expected = "a model or alias; write a chain as an alias"
    model = _model_of(name, table, deck.presets[capability], deck, faults, expected=expected)
    settings = {key: value for key, value in table.values.items() if key not in _NO_SETTINGS}
    wrong = _are_wrong(settings, deck.capabilities[capability], table.where, faults)
    description = table.values.get("description", "")
    is_text = isinstance(description, str) or checked(STRING, description, table.where("description"), faults)
    policy = table.values.get("on_unsupported_setting")
    is_policy = policy is None or check_policy(policy, table.where("on_unsupported_setting"), faults)
    if model is REPORTED or not is_text or not is_policy or (wrong and not faults.stop):
        return None
    return Preset(
        name=name,
        capability=capability,
        model=model,
        settings={} if wrong else settings,  # nothing is loaded with it, but its model is looked at as well
        on_unsupported_setting=policy,
        description=description,
        source=table.source,
        origins=table.sources,
    )


def check_policy(policy: Any, source: Source, faults: Faults) -> TypeGuard[Policy]:
    """Whether a policy is valid; one that is not is reported."""
    return checked(_POLICY, policy, source, faults) is not None


def _are_wrong(settings: Mapping[str, Any], kind: Kind, where: Callable[[str], Source], faults: Faults) -> bool:
    """Whether there are wrong settings, which are reported."""
    found = check_settings(kind, settings)
    for fault in found:
        code = "unknown-key" if fault.unknown else "bad-value"
        mend = f"did you mean '{fault.suggestion}'?" if fault.suggestion else None
        at, expected = where(fault.name), fault.expected
        faults.error(ConfigError, code, fault.message, at, expected=expected, suggestion=mend)
    return bool(found)


def make_choices(deck: DeckTables, faults: Faults) -> dict[str, tuple[str | Mapping[str, Any], Source]]:
    """The handle of each choice, overrides applied, with the place it was written; `"disabled"` means none."""
    choices: dict[str, tuple[str | Mapping[str, Any], Source]] = {}
    for choice, (handle, source) in (*deck.defaults.items(), *deck.overrides.items()):
        if isinstance(handle, dict):
            is_right = _is_right_table(deck.capabilities.of_choice(choice), handle, source, deck, faults=faults)
        else:
            is_right = handle != DISABLED and checked(_HANDLE, handle, source, faults) is not None
        if is_right:
            choices[choice] = (handle, source)
    return choices


def _is_right_table(kind: Kind, table: Mapping[str, Any], source: Source, deck: DeckTables, *, faults: Faults) -> bool:
    settings = {key: value for key, value in table.items() if key not in MODEL_KEYS}
    models = [table[key] for key in MODEL_KEYS if key in table]
    misspelt = not models and _is_misspelt(settings, deck.capabilities.settings, faults, source.child)
    wrong = _are_wrong(settings, kind, source.child, faults)
    if not misspelt and (len(models) != 1 or not isinstance(models[0], str) or not models[0]):
        message = "the table names no model" if not models else "the table names no single model"
        faults.error(ConfigError, "missing-key", message, source, expected='{ model = "…", settings }')
        return False
    return not wrong and not misspelt


def make_prompt(name: str, table: Any, source: Source, faults: Faults) -> PromptTemplate | None:
    """A template; None where it has a fault."""
    if isinstance(table, str):
        table = {"prompt": table}
    if not isinstance(table, dict):
        message = f"the prompt '{name}' is {type_name(table)}"
        faults.error(ConfigError, "bad-value", message, source, expected="a text, or a table with prompt and system")
        return None
    values = structured_values(_KEYS, table, faults, kind=ConfigError, where=source.child)
    if not table.get("prompt") and not table.get("system"):
        message = f"the prompt '{name}' says nothing"
        faults.error(ConfigError, "missing-key", message, source, expected='prompt = "…" or system = "…"')
        return None
    return None if values is None else PromptTemplate(name=name, source=source, **values)
