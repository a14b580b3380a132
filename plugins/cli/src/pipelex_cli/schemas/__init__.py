"""JSON schemas of the configuration's files, for editors that complete and check TOML as it is typed.

They are made from the types that the loader reads with and from the options of the installed plugins, in draft 7, which
every editor knows. What depends on several files, a name that exists nowhere for one, `pipelex validate` finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.schemas.backends import backends_schema, models_schema, routing_schema
from pipelex_cli.schemas.deck import deck_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.plugins import Plugins

SCHEMAS: dict[str, str] = {
    "backends": "backends.toml: the providers to use, and how to reach them",
    "models": "backends/<backend>.toml: models of a backend",
    "routing_profiles": "routing_profiles.toml: which backend answers which model",
    "deck": "deck/*.toml: aliases, presets and defaults",
}
"""Name -> the file it is for, and what that says."""

FOLDER = ".pipelex/schemas"
"""Where a project keeps them."""


def schema(name: str, plugins: Plugins) -> dict[str, Any]:
    """One of `SCHEMAS`, as JSON."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "backends": lambda: backends_schema(plugins),
        "models": lambda: models_schema(plugins),
        "routing_profiles": routing_schema,
        "deck": lambda: deck_schema(plugins.capabilities),
    }
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": SCHEMAS[name]}
    return {**head, **makers[name]()}


def schema_files(plugins: Plugins) -> dict[str, str]:
    """Path below the project -> text, of every schema."""
    return {f"{FOLDER}/{name}.json": as_text(schema(name, plugins)) for name in SCHEMAS}


def as_text(made: dict[str, Any]) -> str:
    """A schema as it is written and printed."""
    import json

    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def schema_of(file: str) -> str:
    """The name of the schema for a file, given by its path below `inference/`."""
    folder, _, name = file.rpartition("/")
    return {"": name.removesuffix(".toml"), "backends": "models"}.get(folder, "deck")


def schema_line(file: str) -> str:
    """The line at the top of a file, given by its path below `inference/`, that tells editors its schema.

    An empty line follows: some take only a comment of its own (https://taplo.tamasfe.dev/configuration/directives.html,
    https://tombi-toml.github.io/tombi/docs/comment-directive/schema-document-directive).
    """
    return f"#:schema {'../' * (file.count('/') + 1)}schemas/{schema_of(file)}.json\n\n"
