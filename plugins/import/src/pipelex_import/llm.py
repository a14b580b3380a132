"""The folder of the command llm (https://llm.datasette.io): keys, further models, templates, aliases, the default model."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_cli.providers import PROVIDERS
from pipelex_cli.text_input import file_text
from pipelex_core.errors import PipelexError
from pipelex_import.imported import Imported
from pipelex_import.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_import.catalogue import Known

_APP = "io.datasette.llm"
_PLACEHOLDER = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_TEMPLATE = {"prompt", "system", "model", "defaults"}


def default_folder() -> Path:
    """Where llm keeps what it knows (https://llm.datasette.io/en/stable/setup.html#setting-a-custom-directory-location)."""
    named = os.environ.get("LLM_USER_PATH")
    if named:
        return Path(named)
    home = Path.home()
    return home / "Library" / "Application Support" / _APP if sys.platform == "darwin" else home / ".config" / _APP


def read_llm(source: Path | None, known: Known) -> Imported:
    """Read the folder of llm.

    Args:
        source: The folder; None for the one that llm uses.
        known: What is known here.

    Raises:
        PipelexError: There is no such folder, a file of it is faulty, or aliases lead in a circle.
    """
    folder = default_folder() if source is None else source
    if not folder.is_dir():
        msg = f"there is no folder '{folder}'; name that of llm, which `llm keys path` tells: pipelex import llm DIR"
        raise PipelexError(msg)
    imported = Imported()
    keys = {name: value for name, value in _json(folder / "keys.json").items() if not name.startswith("//")}
    _further_models(folder / "extra-openai-models.yaml", keys, imported)
    for name, value in keys.items():
        _key(name, value, known, imported)
    aliases = {name: str(target) for name, target in _json(folder / "aliases.json").items()}
    _check_circle(aliases)
    for name, target in aliases.items():
        imported.aliases[name] = target if target in aliases else _model(target, known, imported)
    for file in sorted((folder / "templates").glob("*.yaml")):
        _template(file, known, imported)
    default = folder / "default_model.txt"
    if default.is_file():
        handle = file_text(default).strip()
        handle = handle if handle in aliases else _model(handle, known, imported)
        imported.defaults = {"for_text": handle, "for_object": handle}
    if (folder / "logs.db").is_file():
        imported.leave("conversations stay where they are, in llm's own database", str(folder / "logs.db"))
    return imported


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(file_text(file))
    except (ValueError, RecursionError) as error:
        msg = f"{file}: not valid JSON: {error}"
        raise PipelexError(msg) from error
    if not isinstance(found, dict):
        msg = f"{file}: a JSON object is expected"
        raise PipelexError(msg)
    return found


def _key(name: str, value: str, known: Known, imported: Imported) -> None:
    """A key of a provider that is known here; the others are kept in `.env`, and listed."""
    provider = PROVIDERS.get(name)
    if provider is None or not provider.variable:
        imported.secret(f"{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_API_KEY", value)
        imported.leave("no backend here is known to use the key of", name)
        return
    variable = imported.secret(provider.variable, value)
    table: dict[str, Any] = {"enabled": True, "api_key": f"${{{variable}}}"}
    if provider.backend not in known.models:
        table = {**table, "sdk": provider.sdk or "openai", "endpoint": provider.endpoint}
    imported.backends.setdefault(provider.backend, {key: each for key, each in table.items() if each is not None})


def _further_models(file: Path, keys: dict[str, str], imported: Imported) -> None:
    """Each address of extra-openai-models.yaml is a backend, with its models."""
    found = read_yaml(file) if file.is_file() else []
    if not isinstance(found, list) or not all(isinstance(each, dict) and each.get("model_id") for each in found):
        msg = f"{file}: a list of tables with model_id is expected"
        raise PipelexError(msg)
    names: dict[tuple[str, str], str] = {}
    for entry in found:
        base, key = str(entry.get("api_base") or ""), str(entry.get("api_key_name") or "")
        name = names.get((base, key))
        if name is None:
            name = key or f"server_{len(names) + 1}"
            while name in imported.backends or name in PROVIDERS:
                name += "_2"
            names[base, key] = name
            table: dict[str, Any] = {"enabled": True, "sdk": "openai"}
            if base:
                table["endpoint"] = base
            if key in keys:
                variable = imported.secret(f"{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_API_KEY", keys.pop(key))
                table["api_key"] = f"${{{variable}}}"
            imported.backends[name] = table
        spec = {"model_id": str(entry.get("model_name") or entry["model_id"]), "sdk": "openai"}
        imported.models.setdefault(name, {})[str(entry["model_id"])] = spec
        for alias in entry.get("aliases") or []:
            imported.aliases[str(alias)] = str(entry["model_id"])
        for option in entry.keys() - {"model_id", "model_name", "api_base", "api_key_name", "aliases"}:
            imported.leave("keys of further models without a counterpart", str(option))


def _model(model: str, known: Known, imported: Imported) -> str:
    """A model by its name here, its backend switched on; one that is unknown gets a table."""
    if any(model in models for models in imported.models.values()):
        return model
    name, provider, rest = known.split(model)
    if provider is None:
        imported.leave(f"nothing here reaches the provider '{name}'; a model of OpenAI's protocol is assumed", model)
        provider = PROVIDERS["openai"]
    found = known.named(provider.backend, rest)
    if provider.backend not in imported.backends:
        shipped = provider.backend in known.models
        own = {"sdk": provider.sdk, "endpoint": provider.endpoint, "api_key": f"${{{provider.variable}}}"}
        imported.backends[provider.backend] = {"enabled": True} if shipped else {"enabled": True, **own}
    if found is None:
        spec = {"model_id": rest, "sdk": provider.sdk or known.sdks.get(provider.backend, "openai")}
        imported.models.setdefault(provider.backend, {})[rest] = spec
    return found or rest


def _check_circle(aliases: Mapping[str, str]) -> None:
    for name in aliases:
        trail = [name]
        while (target := aliases.get(trail[-1])) is not None:
            trail.append(target)
            if target in trail[:-1]:
                msg = f"aliases lead in a circle: {' → '.join(trail)}"
                raise PipelexError(msg)


def _template(file: Path, known: Known, imported: Imported) -> None:
    """A template of llm as one of `[llm.prompts]`: `$name` is `{name}`."""
    found = read_yaml(file)
    table = {"prompt": found} if isinstance(found, str) else found
    if not isinstance(table, dict):
        msg = f"{file}: a template is a text, or a table with prompt or system"
        raise PipelexError(msg)
    prompt = {key: _placeholders(str(table[key])) for key in ("prompt", "system") if table.get(key)}
    if not prompt:
        imported.leave("templates that say nothing that we can", file.stem)
        return
    if table.get("model"):
        model = str(table["model"])
        prompt["model"] = model if model in imported.aliases else _model(model, known, imported)
    defaults = {str(name): str(value) for name, value in (table.get("defaults") or {}).items()}
    imported.prompts[file.stem] = {**prompt, **({"defaults": defaults} if defaults else {})}
    for key in table.keys() - _TEMPLATE:
        imported.leave("keys of templates without a counterpart", str(key))


def _placeholders(text: str) -> str:
    text = text.replace("{{", "{{{{").replace("}}", "}}}}")
    return _PLACEHOLDER.sub(lambda found: "$" if found[1] else f"{{{found[2] or found[3]}}}", text)
