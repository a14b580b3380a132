"""The schemas of backends.toml, of files of models, and of routing_profiles.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_cli.schemas.meanings import BACKEND_KEYS, PROFILE_KEYS, SPEC_KEYS
from pipelex_cli.schemas.types import Schema, left_out, of_options, of_table, table
from pipelex_core.config import tables
from pipelex_core.config.backends import NEWER_BACKEND_KEYS
from pipelex_core.config.catalogue import LIMITS_URL
from pipelex_core.config.model_specs import NEWER_SPEC_KEYS
from pipelex_core.config.spec_files import DEFAULT_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.backend import BackendFactory
    from pipelex_core.plugins import Plugins


def backends_schema(plugins: Plugins) -> Schema:
    """A table a backend; the options are those of all installed plugins, because its models say which one serves it."""
    options = of_options(option for factory in _factories(plugins) for option in factory.options)
    keys = _with_sdks(of_table(tables.BackendTable, BACKEND_KEYS), plugins)
    backend = table(left_out(NEWER_BACKEND_KEYS) | options | keys)
    names = dict.fromkeys(shipped.backend for shipped in plugins.shipped_specs)
    limits = {"description": "The Redis server where processes share their limits.", "type": ["string", "object"]}
    return {
        "type": "object",
        "properties": {LIMITS_URL: limits} | {name: {"$ref": "#/definitions/backend"} for name in names},
        "additionalProperties": {"$ref": "#/definitions/backend"},
        "definitions": {"backend": backend},
    }


def models_schema(plugins: Plugins) -> Schema:
    """A table a model, `[defaults]` for all of them; those of the older generation are in `[models]`."""
    options = of_options(option for factory in _factories(plugins) for option in factory.model_options)
    keys = left_out(NEWER_SPEC_KEYS) | options | _with_sdks(of_table(tables.SpecTable, SPEC_KEYS), plugins)
    keys["model_type"] = {"description": keys["model_type"]["description"], "enum": [*plugins.capabilities.model_types]}
    model = {"$ref": "#/definitions/model"}
    older = {
        "deprecated": True,
        "description": "The older generation of the format, prices per thousand tokens; run: pipelex migrate",
        "anyOf": [{"type": "object", "additionalProperties": model}, model],
    }
    defaults = {"description": "Keys of all models of this file.", "allOf": [model]}
    return {
        "type": "object",
        "properties": {
            "defaults": defaults,
            **{key: {"type": "string", "description": f"{of} of all models."} for key, of in DEFAULT_KEYS.items()},
            "models": older,
        },
        "additionalProperties": model,
        "definitions": {"model": table(keys)},
    }


def routing_schema() -> Schema:
    """The profiles, and the one in use."""
    profile = table(of_table(tables.ProfileTable, PROFILE_KEYS))
    return table(
        {
            "active": {"type": "string", "description": "The profile in use."},
            "profiles": {"type": "object", "additionalProperties": {"$ref": "#/definitions/profile"}},
        },
        required=["active", "profiles"],
        definitions={"profile": profile},
    )


def _with_sdks(keys: dict[str, Schema], plugins: Plugins) -> dict[str, Schema]:
    """The keys, that of the sdk with those of the installed plugins as examples."""
    sdks = sorted({sdk.rpartition(":")[2] for record in plugins.records for sdk in record.sdks})
    return {**keys, "sdk": {**keys["sdk"], "examples": sdks}} if sdks else keys


def _factories(plugins: Plugins) -> Iterator[BackendFactory]:
    """What serves each sdk of the installed plugins."""
    for record in plugins.records:
        for sdk in record.sdks:
            only, _, name = sdk.rpartition(":")
            found = plugins.find(only or "any", name)
            if found is not None:
                yield found[0]
