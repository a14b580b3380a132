"""The schema of the files of a deck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_cli.schemas.types import Schema, left_out, of_setting, table
from pipelex_core.capabilities.record import NO_CHOICES
from pipelex_core.config.deck import DISABLED, POLICIES
from pipelex_core.config.deck_files import NEWER_DECK_KEYS, NEWER_SECTION_KEYS, OLDER_SECTIONS, PROMPTS
from pipelex_core.orders import CHAIN, ORDERS
from pipelex_core.settings import MODEL_KEYS

if TYPE_CHECKING:
    from pipelex_core.capabilities import Capabilities, Kind

_NAME: Schema = {"type": "string", "minLength": 1}
_MEMBER: Schema = table(
    {
        "model": {**_NAME, "description": "A model, a model at a backend (`model@backend`), or an alias."},
        "weight": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Its weight in a weighted chain; 1 by default.",
        },
        "last_resort": {"type": "boolean", "description": "Asked only when the retries of the others are spent."},
    },
    required=["model"],
)
_CHAIN: Schema = {"type": "array", "minItems": 1, "items": {"anyOf": [_NAME, _MEMBER]}}
_ORDER: Schema = {
    "anyOf": [{"enum": [CHAIN, *ORDERS]}, {"type": "string", "description": "An order that a plugin adds."}],
    "description": "The order in which a call asks the members of the list.",
}
_TEXT: Schema = {"type": "string"}
_PROMPT: Schema = {
    "description": "A prompt template: its text, or a table.",
    "anyOf": [
        _TEXT,
        table(
            {
                "prompt": {**_TEXT, "description": "The text, with {placeholders}; {input} is what the caller says."},
                "system": {**_TEXT, "description": "The system prompt, with {placeholders}."},
                "model": {**_NAME, "description": "A preset, model or alias."},
                "defaults": {
                    "type": "object",
                    "additionalProperties": _TEXT,
                    "description": "Placeholder -> its text where the caller gives none.",
                },
            }
        ),
    ],
}
_POLICY: Schema = {"enum": list(POLICIES), "description": "What becomes of a setting that a model refuses."}


def deck_schema(capabilities: Capabilities) -> Schema:
    """Aliases, and for each capability presets, defaults and overrides; the older names of the sections too."""
    definitions: dict[str, Schema] = {"alias": _alias(capabilities)}
    sections: dict[str, Schema] = {}
    for name in capabilities.names:
        kind = capabilities[name]
        definitions[f"{name}_preset"] = _preset(kind)
        definitions[f"{name}_choice"] = _choice(kind)
        parts = {part: _part(kind, part) for part in kind.section_keys}
        if name == "llm":
            parts[PROMPTS] = {"type": "object", "additionalProperties": _PROMPT}
        sections[name] = table(left_out(NEWER_SECTION_KEYS) | parts)
    older = {
        name: {**_part(capabilities["llm"], part), "deprecated": True} for name, (_, part) in OLDER_SECTIONS.items()
    }
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


def _part(kind: Kind, part: str) -> Schema:
    """One of the keys of a capability's table."""
    if part == "presets":
        return {"type": "object", "additionalProperties": {"$ref": f"#/definitions/{kind.name}_preset"}}
    choice = {"$ref": f"#/definitions/{kind.name}_choice"}
    if kind.choices == NO_CHOICES:
        return choice
    return table(left_out(NEWER_SECTION_KEYS) | dict.fromkeys(kind.choices, choice))


def _settings(kind: Kind) -> dict[str, Schema]:
    return {name: of_setting(rule) for name, rule in kind.settings.items()}


def _models(schema: Schema) -> dict[str, Schema]:
    """The key that names the model, and its synonyms of the older generation."""
    older = {key: {**schema, "deprecated": True, "description": "Write model."} for key in MODEL_KEYS[1:]}
    return {MODEL_KEYS[0]: {**schema, "description": "A model or an alias."}, **older}


def _alias(capabilities: Capabilities) -> Schema:
    settings = {name: made for kind in capabilities for name, made in _settings(kind).items()}
    whole = table({**_models({"anyOf": [_NAME, _CHAIN]}), **settings, "order": _ORDER})
    return {"description": "A model or alias, a chain of them, or one with settings.", "anyOf": [_NAME, _CHAIN, whole]}


def _preset(kind: Kind) -> Schema:
    described = {
        "description": {"type": "string", "description": "A sentence for people."},
        "on_unsupported_setting": _POLICY,
    }
    return table({**_models(_NAME), **_settings(kind), **described})


def _choice(kind: Kind) -> Schema:
    whole = table({**_models(_NAME), **_settings(kind)})
    text = f'A preset, model or alias, one with settings, or "{DISABLED}".'
    return {"description": text, "anyOf": [_NAME, whole]}
