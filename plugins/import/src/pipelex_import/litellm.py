"""The config.yaml of LiteLLM's proxy (https://docs.litellm.ai/docs/proxy/configs), in our terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PipelexError
from pipelex_import.deployments import Deployments
from pipelex_import.groups import write_groups
from pipelex_import.imported import Imported
from pipelex_import.yaml_files import read_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_import.catalogue import Known

_SECTIONS = (
    "model_list",
    "litellm_settings",
    "router_settings",
    "general_settings",
    "environment_variables",
    "include",
)
_RETRIES = {"num_retries": "retries", "retry_after": "retry_wait", "allowed_fails": "rest_after_failures"}
_RETRIES |= {"cooldown_time": "rest_seconds"}
"""Settings of the router, and the keys of a backend that they are here."""

_INSTEAD = {
    "request_timeout": "a time limit is an argument of a call here: deadline=…",
    "timeout": "a time limit is an argument of a call here: deadline=…",
    "stream_timeout": "a limit of a stream's silence is idle_timeout of a backend here",
    "max_budget": "a budget is of a client here (budget_usd=…), or of a key of pipelex serve",
    "budget_duration": "a budget is of a client here (budget_usd=…), or of a key of pipelex serve",
    "provider_budget_config": "a budget is of a client here (budget_usd=…), or of a key of pipelex serve",
    "cache": "a cache of answers is the plugin pipelex-middleware-cache, and the variable PIPELEX_CACHE",
    "cache_params": "a cache of answers is the plugin pipelex-middleware-cache, and the variable PIPELEX_CACHE",
    "redis_host": "limits that processes share are limits_url in backends.toml, with the plugin pipelex-limits-redis",
    "redis_port": "limits that processes share are limits_url in backends.toml, with the plugin pipelex-limits-redis",
    "redis_password": "limits that processes share are limits_url in backends.toml, with the plugin pipelex-limits-redis",
    "redis_url": "limits that processes share are limits_url in backends.toml, with the plugin pipelex-limits-redis",
    "callbacks": "calls are traced by the plugin pipelex-middleware-opentelemetry",
    "success_callback": "calls are traced by the plugin pipelex-middleware-opentelemetry",
    "failure_callback": "calls are traced by the plugin pipelex-middleware-opentelemetry",
    "master_key": "keys of a gateway are made by pipelex serve keys add",
}
"""What has its place elsewhere, and where."""

_UNDERSTOOD = {"drop_params", "fallbacks", "default_fallbacks", "model_group_alias", "routing_strategy", *_RETRIES}


def read_litellm(file: Path, known: Known) -> Imported:
    """Read a config.yaml, and the files that it includes.

    Args:
        file: The file.
        known: What is known here.

    Raises:
        PipelexError: It is not YAML, not a configuration of LiteLLM, or leads in a circle.
    """
    config = _with_included(file, ())
    if not any(section in config for section in _SECTIONS):
        msg = f"'{file}' is not a configuration of LiteLLM: it has none of {', '.join(_SECTIONS)}"
        raise PipelexError(msg)
    imported = Imported()
    variables = _table(config, "environment_variables", file)
    for name, value in variables.items():
        if isinstance(value, (str, int, float)) and not str(value).startswith("os.environ/"):
            imported.secret(str(name), str(value))
    deployments = Deployments(known, imported)
    models = config.get("model_list") or []
    if not isinstance(models, list):
        msg = f"model_list of '{file}' is not a list"
        raise PipelexError(msg)
    for number, entry in enumerate(models, start=1):
        deployments.add(entry, f"entry {number} of model_list in '{file}'")
    settings = {**_table(config, "litellm_settings", file), **_table(config, "router_settings", file)}
    write_groups(deployments, settings, imported, known)
    _settings(settings, imported)
    for name in _table(config, "general_settings", file):
        _elsewhere("general_settings", str(name), imported)
    for name in config:
        if name not in _SECTIONS:
            imported.leave("sections without a counterpart", str(name))
    return imported


def _with_included(file: Path, trail: tuple[Path, ...]) -> dict[str, Any]:
    """A file, merged with those that it includes; lists are joined, as LiteLLM does."""
    here = file.resolve()
    if here in trail:
        names = " → ".join(path.name for path in (*trail[trail.index(here) :], here))
        msg = f"files include each other in a circle: {names}"
        raise PipelexError(msg)
    config = read_mapping(file)
    for name in config.get("include") or []:
        for key, value in _with_included(file.parent / str(name), (*trail, here)).items():
            own = config.get(key)
            if isinstance(own, list) and isinstance(value, list):
                config[key] = [*own, *value]
            elif isinstance(own, dict) and isinstance(value, dict):
                config[key] = {**value, **own}
            elif own is None:
                config[key] = value
    return config


def _table(config: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    found = config.get(name) or {}
    if not isinstance(found, dict):
        msg = f"{name} of '{file}' is not a table"
        raise PipelexError(msg)
    return found


def _settings(settings: Mapping[str, Any], imported: Imported) -> None:
    """Settings of all calls."""
    if settings.get("drop_params") is True:
        imported.policy = "drop"
    for name, key in _RETRIES.items():
        value = settings.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            for backend in imported.backends.values():
                backend[key] = value
    for name in settings:
        if name not in _UNDERSTOOD:
            _elsewhere("settings", name, imported)


def _elsewhere(section: str, name: str, imported: Imported) -> None:
    imported.leave(_INSTEAD.get(name, f"{section} without a counterpart"), name)
