"""The schema of the files of a deck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_cli.schemas.types import Schema, left_out, of_setting, table
from pipelex_core.config.deck import DISABLED, POLICIES
from pipelex_core.config.deck_files import NEWER_DECK_KEYS, OLDER_SECTIONS, SECTION_KEYS
from pipelex_core.settings import MODEL_KEYS, SETTINGS

if TYPE_CHECKING:
    from pipelex_core.specs import Capability

_NAME: Schema = {"type": "string", "minLength": 1}
_CHAIN: Schema = {"type": "array", "minItems": 1, "items": _NAME}
_POLICY: Schema = {"enum": list(POLICIES), "description": "What becomes of a setting that a model refuses."}
_CHOICES = ("for_text", "for_object")


def deck_schema() -> Schema:
    """Aliases, and for each capability presets, defaults and overrides; the older names of the sections too."""
    definitions: dict[str, Schema] = {"alias": _alias()}
    sections: dict[str, Schema] = {}
    for capability in SETTINGS:
        definitions[f"{capability}_preset"] = _preset(capability)
        definitions[f"{capability}_choice"] = _choice(capability)
        newer = {key.partition(".")[2]: why for key, why in NEWER_DECK_KEYS.items() if key.startswith(f"{capability}.")}
        parts = {part: _part(capability, part) for part in SECTION_KEYS[capability]}
        sections[capability] = table(left_out(newer) | parts)
    older = {name: {**_part("llm", part), "deprecated": True} for name, (_, part) in OLDER_SECTIONS.items()}
    return table(
        {
            "aliases": {"type": "object", "additionalProperties": {"$ref": "#/definitions/alias"}},
            **sections,
            "on_unsupported_setting": _POLICY,
            **older,
            **left_out(NEWER_DECK_KEYS),
        },
        definitions=definitions,
    )


def _part(capability: Capability, part: str) -> Schema:
    """One of the keys of a capability's table."""
    if part == "presets":
        return {"type": "object", "additionalProperties": {"$ref": f"#/definitions/{capability}_preset"}}
    choice = {"$ref": f"#/definitions/{capability}_choice"}
    if capability != "llm":
        return choice
    newer = {key.rpartition(".")[2]: why for key, why in NEWER_DECK_KEYS.items() if key.startswith(f"llm.{part}.")}
    return table(left_out(newer) | dict.fromkeys(_CHOICES, choice))


def _settings(capability: Capability) -> dict[str, Schema]:
    return {name: of_setting(rule) for name, rule in SETTINGS[capability].items()}


def _models(schema: Schema) -> dict[str, Schema]:
    """The key that names the model, and its synonyms of the older generation."""
    older = {key: {**schema, "deprecated": True, "description": "Write model."} for key in MODEL_KEYS[1:]}
    return {MODEL_KEYS[0]: {**schema, "description": "A model or an alias."}, **older}


def _alias() -> Schema:
    settings = {name: made for capability in SETTINGS for name, made in _settings(capability).items()}
    whole = table({**_models({"anyOf": [_NAME, _CHAIN]}), **settings})
    return {"description": "A model or alias, a chain of them, or one with settings.", "anyOf": [_NAME, _CHAIN, whole]}


def _preset(capability: Capability) -> Schema:
    described = {
        "description": {"type": "string", "description": "A sentence for people."},
        "on_unsupported_setting": _POLICY,
    }
    return table({**_models(_NAME), **_settings(capability), **described})


def _choice(capability: Capability) -> Schema:
    whole = table({**_models(_NAME), **_settings(capability)})
    text = f'A preset, model or alias, one with settings, or "{DISABLED}".'
    return {"description": text, "anyOf": [_NAME, whole]}
