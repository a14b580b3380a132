"""The contracts of import-linter in `pyproject.toml`, made from `pipelex_core.plugin_api` and from what there is in the workspace.

`python -m tools.import_rules` writes them; `lint-imports` holds them, and a test compares. The order of core's layers is the
only part that is decided by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit

from pipelex_core.plugin_api import PLUGIN_API

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core" / "src" / "pipelex_core"
PROJECT = ROOT / "pyproject.toml"

_PLUGINS = ("pipelex_backend_", "pipelex_limits_", "pipelex_middleware_", "pipelex_tools_")
_SHARED = frozenset({"pipelex_http", "pipelex_local"})
"""What plugins share: they hold to the same rules."""

BUILT_ON: dict[str, dict[str, str]] = {
    "pipelex_backend_anthropic": {"pipelex_http.kept": "KeptRequest copied"},
    "pipelex_backend_google": {"pipelex_http.events": "EventData"},
    "pipelex_backend_openai": {"pipelex_http.kept": "KeptRequest copied"},
    "pipelex_backend_vertexai": {
        "pipelex_http.events": "EventData",
        "pipelex_backend_google.gemini": (
            "GeminiBackend GeminiBatches call_error embedding_body http_options text_body"
        ),
        "pipelex_backend_google.options": "MODEL_OPTIONS MODEL_TYPES",
        "pipelex_backend_anthropic.claude": "ClaudeBackend MessagesClient translated_errors",
        "pipelex_backend_anthropic.options": "MODEL_OPTIONS",
        "pipelex_backend_mistral.models": "MistralClient MistralModels",
        "pipelex_backend_mistral.options": "MODEL_OPTIONS",
    },
    "pipelex_backend_llamacpp": {"pipelex_local.weights": "HubFile Progress SourceFile Stopped WheelFile bring"},
    "pipelex_backend_kokoro": {
        "pipelex_local.engines": "Engine Engines threads_of",
        "pipelex_local.weights": "Catalogue named",
    },
    "pipelex_backend_whisper": {
        "pipelex_local.engines": "Engine Engines threads_of",
        "pipelex_local.weights": "Catalogue named",
    },
    "pipelex_backend_rapidocr": {
        "pipelex_backend_internal.pdf": "Document PdfFile serve",
        "pipelex_backend_internal.reading": "Readers ReadingBackend dpi_of",
    },
}
"""Plugin -> module of the one that it is built on -> the names that it may import: two copies of those would drift apart."""


def packages() -> list[str]:
    """The import packages of the workspace's distributions above core; those that only their tests install are not in it."""
    workspace = tomlkit.parse(PROJECT.read_text(encoding="utf-8")).unwrap()["tool"]["uv"]["workspace"]
    folders = {file.parent for file in ROOT.glob("plugins/*/pyproject.toml")}
    folders -= {ROOT / name for name in workspace["exclude"]}
    return sorted(file.parent.name for folder in folders for file in folder.glob("src/*/__init__.py"))


def plugins() -> list[str]:
    """The packages that may import of core what the plugin API lists, and nothing else."""
    return [name for name in packages() if name.startswith(_PLUGINS) or name in _SHARED]


def hidden_modules() -> list[str]:
    """Core's modules that the plugin API leaves out."""
    there = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    return sorted(f"pipelex_core.{name}" for name in there - PLUGIN_API.keys() - {"__init__", "__main__"})


def made() -> dict[str, dict[str, list[str]]]:
    """Name of a contract -> what is made of it."""
    above = packages()
    return {
        "core imports nothing above it": {"forbidden_modules": above},
        "the rulebook knows nothing of the project": {
            "forbidden_modules": ["pipelex_core", *(name for name in above if name != "pipelex_rules")]
        },
        "plugins know core, and not each other": {
            "modules": plugins(),
            "ignore_imports": [
                f"{importer} -> {module}"
                for plugin, modules in BUILT_ON.items()
                for module in modules
                for importer in (plugin, f"{plugin}.**")
            ],
        },
        "no tool imports a plugin": {
            "source_modules": [name for name in above if name not in plugins()],
            "forbidden_modules": plugins(),
        },
        "plugins import of core what the plugin API lists": {
            "source_modules": plugins(),
            "forbidden_modules": hidden_modules(),
        },
    }


def with_made(text: str) -> str:
    """The text of `pyproject.toml` with the contracts as they have to be."""
    document: Any = tomlkit.parse(text)
    linter = document["tool"]["importlinter"]
    linter["root_packages"] = _listed(["pipelex_core", *packages()])
    contracts = {contract["name"]: contract for contract in linter["contracts"]}
    for name, keys in made().items():
        for key, values in keys.items():
            contracts[name][key] = _listed(values)
    return tomlkit.dumps(document)


def allowed(plugin: str) -> frozenset[str]:
    """All names of this project that a plugin may import, itself aside."""
    own: Mapping[str, Iterable[str]] = {module: names.split() for module, names in BUILT_ON.get(plugin, {}).items()}
    core = {f"pipelex_core.{module}": names for module, names in PLUGIN_API.items()}
    return frozenset(
        name
        for module, names in (*core.items(), *own.items())
        for name in (module, *(f"{module}.{each}" for each in names))
    )


def _listed(values: list[str]) -> Any:
    array = tomlkit.array()
    array.extend(values)
    return array.multiline(multiline=True)


if __name__ == "__main__":
    now = PROJECT.read_text(encoding="utf-8")
    if (new := with_made(now)) != now:
        PROJECT.write_text(new, encoding="utf-8")
        sys.stdout.write("written pyproject.toml\n")
