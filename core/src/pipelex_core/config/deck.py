"""Step 4: aliases, presets and defaults, made of the merged tables of the deck's files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from pipelex_core.config.chains import Members, read_members, read_order
from pipelex_core.config.layered import REPORTED, Layered
from pipelex_core.config.problems import Faults, type_name
from pipelex_core.constraints import Policy
from pipelex_core.deck import Alias, Preset
from pipelex_core.errors import ConfigError
from pipelex_core.near import nearest
from pipelex_core.settings import MODEL_KEYS, SettingFault, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pipelex_core.capabilities import Capabilities, Kind
    from pipelex_core.config.deck_files import DeckTables
    from pipelex_core.specs import Source

POLICIES: tuple[str, ...] = get_args(Policy)
_NO_SETTINGS = frozenset({"model", "description", "on_unsupported_setting"})
DISABLED = "disabled"
"""The message for a value outside a choice."""


def make_aliases(deck: DeckTables, faults: Faults, orders: Collection[str] = ()) -> tuple[dict[str, Alias], set[str]]:
    """The aliases, and the names of those with a fault; `orders` are those that plugins add."""
    tables = deck.aliases
    aliases: dict[str, Alias] = {}
    broken: set[str] = set()
    for name, table in tables.items():
        alias = _alias(name, table, deck, orders, faults=faults)
        if alias is None:
            broken.add(name)
        else:
            aliases[name] = alias
    return aliases, broken


def _alias(name: str, table: Layered, deck: DeckTables, orders: Collection[str], *, faults: Faults) -> Alias | None:
    members = _members(name, table, deck, faults)
    order = read_order(name, table, orders, faults)
    settings = {key: value for key, value in table.values.items() if key not in {"model", "order"}}
    if settings:
        capability = _kind_of(settings, deck.capabilities)
        if _report_settings(check_settings(capability, settings), table.where, faults):
            return None
    if not members.targets or order is None:
        return None
    return Alias(
        name=name,
        targets=members.targets,
        order=order,
        weights=members.weights,
        last_resort=members.last_resort,
        settings=settings,
        source=table.source,
        origins=table.sources,
    )


def _kind_of(settings: Mapping[str, Any], capabilities: Capabilities) -> Kind:
    """The capability that knows most of an alias's settings: an alias does not say what it is for."""
    return max(capabilities, key=lambda capability: len(capability.settings.keys() & settings.keys()))


def _members(name: str, table: Layered, deck: DeckTables, faults: Faults) -> Members:
    """What an alias leads to; nothing where there is a fault."""
    model = _model_of(name, table, deck.aliases, deck.capabilities.settings, faults=faults)
    source = table.where("model")
    if isinstance(model, str):
        return Members(targets=(model,))
    if not isinstance(model, list):
        if model is not REPORTED:
            message = f"the model of '{name}' cannot be {type_name(model)}"
            expected = "a model or alias, or a list of them"
            faults.error(ConfigError, "bad-value", message, source, expected=expected)
        return Members()
    if not model:
        message = f"the chain '{name}' is empty"
        faults.error(ConfigError, "empty-chain", message, source, expected="at least one model or alias")
    return read_members(name, model, source, faults)


def _model_of(name: str, table: Layered, others: Collection[str], settings: frozenset[str], *, faults: Faults) -> Any:
    if "model" not in table.values and _is_misspelt(table, settings, faults):
        return REPORTED
    if "model" not in table.values:
        message = f"'{name}' names no model, and no earlier file has a table of that name"
        faults.error(ConfigError, "missing-key", message, table.source, expected='model = "…"', near=(name, others))
        return REPORTED
    model = table.values["model"]
    if model == "":
        message = f"the model of '{name}' is empty"
        faults.error(ConfigError, "bad-value", message, table.sources["model"], expected="a model or alias")
        return REPORTED
    return model


def _misspelt_model(
    table: Mapping[str, Any], settings: frozenset[str], faults: Faults, where: Callable[[str], Source]
) -> str | None:
    """The key that means nothing and is nearly `model`; it is reported."""
    known = _NO_SETTINGS | settings
    wrong = next((key for key in table if key not in known and nearest(key, MODEL_KEYS)), None)
    if wrong is not None:
        near = (wrong, MODEL_KEYS)
        faults.error(ConfigError, "unknown-key", f"unknown key '{wrong}'", where(wrong), near=near)
    return wrong


def _is_misspelt(table: Layered, settings: frozenset[str], faults: Faults) -> bool:
    """Whether a key that means nothing is nearly `model`; it is reported, and taken out."""
    wrong = _misspelt_model(table.values, settings, faults, table.sources.__getitem__)
    if wrong is None:
        return False
    del table.values[wrong]
    return True


def make_presets(deck: DeckTables, faults: Faults) -> tuple[dict[str, dict[str, Preset]], dict[str, set[str]]]:
    """The presets by capability, and the names of those with a fault."""
    presets: dict[str, dict[str, Preset]] = {}
    broken: dict[str, set[str]] = {}
    for capability, named in deck.presets.items():
        presets[capability], broken[capability] = {}, set()
        for name, table in named.items():
            preset = _preset(name, capability, table, deck, faults)
            if preset is None:
                broken[capability].add(name)
            else:
                presets[capability][name] = preset
    return presets, broken


def _preset(name: str, capability: str, table: Layered, deck: DeckTables, faults: Faults) -> Preset | None:
    model = _model_of(name, table, deck.presets[capability], deck.capabilities.settings, faults=faults)
    if model is not REPORTED and not isinstance(model, str):
        message = f"the model of '{name}' cannot be {type_name(model)}"
        expected = "a model or alias; write a chain as an alias"
        faults.error(ConfigError, "bad-value", message, table.sources["model"], expected=expected)
        model = REPORTED
    settings = {key: value for key, value in table.values.items() if key not in _NO_SETTINGS}
    wrong = _report_settings(check_settings(deck.capabilities[capability], settings), table.where, faults)
    description, policy = table.values.get("description", ""), table.values.get("on_unsupported_setting")
    if not isinstance(description, str):
        message = f"'description' cannot be {type_name(description)}"
        faults.error(ConfigError, "bad-value", message, table.sources["description"], expected="a string")
        wrong = True
    if policy is not None and not check_policy(policy, table.sources["on_unsupported_setting"], faults):
        wrong = True
    if wrong or model is REPORTED:
        return None
    return Preset(
        name=name,
        capability=capability,
        model=model,
        settings=settings,
        on_unsupported_setting=cast("Policy | None", policy),
        description=description,
        source=table.source,
        origins=table.sources,
    )


def check_policy(policy: Any, source: Source, faults: Faults) -> bool:
    """Whether a policy is valid; one that is not is reported."""
    if isinstance(policy, str) and policy in POLICIES:
        return True
    message = f"'on_unsupported_setting' cannot be {repr(policy) if isinstance(policy, str) else type_name(policy)}"
    near = (policy, POLICIES) if isinstance(policy, str) else None
    expected = f"one of {', '.join(POLICIES)}"
    faults.error(ConfigError, "bad-value", message, source, expected=expected, near=near)
    return False


def _report_settings(found: list[SettingFault], where: Callable[[str], Source], faults: Faults) -> bool:
    """Report wrong settings; whether there were any."""
    for fault in found:
        code = "unknown-key" if fault.unknown else "bad-value"
        suggestion = f"did you mean '{fault.suggestion}'?" if fault.suggestion else None
        at, expected = where(fault.name), fault.expected
        faults.error(ConfigError, code, fault.message, at, expected=expected, suggestion=suggestion)
    return bool(found)


def make_choices(deck: DeckTables, faults: Faults) -> dict[str, tuple[str | Mapping[str, Any], Source]]:
    """The handle of each choice, overrides applied, with the place it was written; `"disabled"` means none."""
    choices: dict[str, tuple[str | Mapping[str, Any], Source]] = {}
    for tables in (deck.defaults, deck.overrides):
        for choice, (handle, source) in tables.items():
            if handle == DISABLED:
                continue
            if isinstance(handle, dict):
                if _right_table(
                    deck.capabilities.of_choice(choice), handle, source, deck.capabilities.settings, faults=faults
                ):
                    choices[choice] = (handle, source)
            elif isinstance(handle, str) and handle:
                choices[choice] = (handle, source)
            else:
                what = "empty" if handle == "" else type_name(handle)
                message = f"'{source.key[-1]}' cannot be {what}"
                expected = 'a preset, model or alias, a table { model = …, settings }, or "disabled"'
                faults.error(ConfigError, "bad-value", message, source, expected=expected)
    return choices


def _right_table(
    capability: Kind, table: Mapping[str, Any], source: Source, known: frozenset[str], *, faults: Faults
) -> bool:
    settings = {key: value for key, value in table.items() if key not in MODEL_KEYS}
    names_model = any(key in table for key in MODEL_KEYS)
    misspelt = None if names_model else _misspelt_model(settings, known, faults, source.child)
    found = [fault for fault in check_settings(capability, settings) if fault.name != misspelt]
    wrong = _report_settings(found, source.child, faults)
    models = [table[key] for key in MODEL_KEYS if key in table]
    if misspelt:
        return False
    if len(models) != 1 or not isinstance(models[0], str) or not models[0]:
        message = "the table names no model" if not models else "the table names no single model"
        faults.error(ConfigError, "missing-key", message, source, expected='{ model = "…", settings }')
        return False
    return not wrong
