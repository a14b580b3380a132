"""The configuration a project begins with, made from what the installed plugins ship.

`starter_files` says what every file would hold; `pipelex init` writes them. The repository's own `.pipelex/` and
`.env.example` are these files too, and a test compares them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import tomli
from attrs import frozen

from pipelex_cli.schemas import schema_files, schema_line
from pipelex_cli.starter.deck import starter_deck
from pipelex_cli.starter.routing import starter_profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.plugins import Plugins

_VARIABLE = re.compile(r"(?<!\$)\$\{([^}]*)\}")
_NAME = re.compile(r"\A(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\Z")


@frozen(kw_only=True)
class ShippedBackend:
    """A backend as a plugin ships it.

    Attributes:
        name: Its name.
        table: Its `[backend]` table: the defaults of its table in backends.toml.
        models: The names of its models.
        plugin: Distribution that ships it.
    """

    name: str
    table: Mapping[str, Any]
    models: tuple[str, ...]
    plugin: str

    @property
    def display_name(self) -> str:
        """For people."""
        return str(self.table.get("display_name", self.name))

    @property
    def variables(self) -> dict[str, str]:
        """Variable -> the key of the table that reads it."""
        found: dict[str, str] = {}
        for key, value in self.table.items():
            for expression in _VARIABLE.findall(value) if isinstance(value, str) else ():
                for part in expression.split(":-")[0].split("|"):
                    named = _NAME.match(part.strip())
                    if named:
                        found.setdefault(named.group(1), key)
        return found

    @property
    def needed(self) -> tuple[str, ...]:
        """The variables it cannot do without: those that have no default."""
        return tuple(
            name
            for name, key in self.variables.items()
            if ":-" not in str(self.table[key]) and "|" not in str(self.table[key])
        )

    def enabled(self, environ: Mapping[str, str]) -> bool:
        """Whether a new project switches it on: its keys are there, or it needs none and is not off by default."""
        if self.table.get("enabled", True) is False:
            return False
        return all(environ.get(name) for name in self.needed)


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
    files = {
        f"{inference}/backends.toml": _backends_file(backends, environ),
        f"{inference}/routing_profiles.toml": starter_profiles(backends),
        f"{inference}/deck/base_deck.toml": starter_deck({model for backend in backends for model in backend.models}),
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
    """One table of backends.toml."""
    import tomlkit

    table = {key: value for key, value in backend.table.items() if key != "enabled"}
    shown = {"display_name": backend.display_name, "enabled": enabled, **table}
    return f"[{backend.name}]\n{tomlkit.dumps(shown)}"


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
# Your own choices, read last: whatever stands here wins over base_deck.toml.

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
