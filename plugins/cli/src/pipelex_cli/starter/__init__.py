"""The configuration a project begins with, made from what the installed plugins ship.

`starter_files` says what every file would hold; `pipelex init` writes them. The repository's own `.pipelex/` and
`.env.example` are these files too, and a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomli

from pipelex_cli.schemas import schema_files, schema_line
from pipelex_cli.starter.backend import ShippedBackend
from pipelex_cli.starter.deck import starter_deck
from pipelex_cli.starter.routing import starter_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.plugins import Plugins


WAITS = "# `pipelex init` switches it on when its key is there.\n"
"""Above `enabled = false` of a backend that nobody switched off."""


def shipped_backends(plugins: Plugins) -> tuple[ShippedBackend, ...]:
    """Every backend that the plugins in use ship, in the order of the plugins."""
    made = []
    for shipped in plugins.shipped_specs:
        tables = tomli.loads(shipped.file.read_text(encoding="utf-8"))
        models = tuple(
            name for name in tables if name not in {"backend", "defaults"} and isinstance(tables[name], dict)
        )
        made.append(
            ShippedBackend(
                name=shipped.backend,
                table=tables.get("backend", {}),
                models=models,
                plugin=shipped.plugin.distribution or shipped.plugin.name,
            )
        )
    return tuple(made)


def starter_files(plugins: Plugins, environ: Mapping[str, str]) -> dict[str, str]:
    """Path below the project -> text, for every file a project begins with."""
    backends = shipped_backends(plugins)
    inference = ".pipelex/inference"
    models = {name for backend in backends for name in backend.model_names}
    on = {name for backend in backends if backend.enabled(environ) for name in backend.model_names}
    files = {
        f"{inference}/backends.toml": _backends_file(backends, environ),
        f"{inference}/routing_profiles.toml": starter_profiles(backends, environ),
        f"{inference}/deck/base_deck.toml": starter_deck(models, on),
        f"{inference}/deck/overrides.toml": _OVERRIDES,
    }
    for backend in backends:
        files[f"{inference}/backends/{backend.name}.toml"] = _models_file(backend)
    files = {name: schema_line(name.removeprefix(f"{inference}/")) + text for name, text in files.items()}
    return {**files, **schema_files(plugins), ".env.example": _env_file(backends)}


def _backends_file(backends: tuple[ShippedBackend, ...], environ: Mapping[str, str]) -> str:
    return "\n".join(
        [_BACKENDS_HEAD, *(backend_table(backend, enabled=backend.enabled(environ)) for backend in backends)]
    )


def backend_table(backend: ShippedBackend, *, enabled: bool) -> str:
    """One table of backends.toml; one that waits for its key says so."""
    import tomlkit

    table = {key: value for key, value in backend.table.items() if key != "enabled"}
    shown = {"display_name": backend.display_name, "enabled": enabled, **table}
    text = f"[{backend.name}]\n{tomlkit.dumps(shown)}"
    waits = not enabled and backend.needed and backend.table.get("enabled", True) is not False
    return text.replace("enabled = false\n", f"{WAITS}enabled = false\n", 1) if waits else text


def _models_file(backend: ShippedBackend) -> str:
    return _MODELS.format(
        display_name=backend.display_name,
        plugin=backend.plugin,
        name=backend.name,
        example=backend.models[0] if backend.models else "some-model",
    )


def _env_file(backends: tuple[ShippedBackend, ...]) -> str:
    lines = [_ENV_HEAD]
    seen: set[str] = set()
    for backend in backends:
        for variable, key in backend.variables.items():
            if variable not in seen:
                seen.add(variable)
                need = "" if variable in backend.needed else " (optional)"
                lines.append(f"# {backend.display_name}: {key}{need}\n{variable}=\n")
    return "\n".join(lines)


_BACKENDS_HEAD = """\
# Which providers to use, and how to reach them.
#
# A key is never written here: "${NAME}" is filled in from the environment, or from the .env file beside this folder.
# Switch a backend on with `enabled = true`; `pipelex validate` says what it still needs.
"""

_OVERRIDES = """\
# Your own choices, read last: whatever is set here wins over base_deck.toml.

[llm.choice_overrides]
for_text = "disabled"
for_object = "disabled"
"""

_MODELS = """\
# Models of {display_name}. The plugin {plugin} ships them (`pipelex show models`);
# write here what you change or add: your own file wins model by model, key by key.
#
# [{example}]
# max_tokens = 4096
"""

_ENV_HEAD = """\
# Copy this file to .env, fill in what you use, and keep .env out of version control.
"""
