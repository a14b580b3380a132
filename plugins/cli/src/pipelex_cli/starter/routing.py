"""The first routing profiles of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_cli.starter.backend import ShippedBackend

GATEWAY = "pipelex_inference"
"""The backend with which one key reaches every provider."""

_MAKERS = {
    "gpt-*": "openai",
    "claude-*": "anthropic",
    "gemini-*": "google",
    "mistral-*": "mistral",
    "grok-*": "xai",
    "deepseek-*": "deepseek",
    "flux*": "fal",
}
"""Pattern -> the backend of those who make the models."""

_HEAD = """\
# Which backend serves which model. `active` names the profile in use; change it, and every handle follows.
#
# For a model's name: an exact route; else the first pattern that matches, in the order of this file; else `default`,
# or, where that backend lacks the model or is off, the first enabled backend that has it.

active = "{active}"
"""

_FIRST = ("first_enabled", "Each model where the first enabled backend offers it")
_PIPELEX_FIRST = ("pipelex_first", "Pipelex Inference for all its models; others where they are offered")
_ALL_PIPELEX = ("all_pipelex", "Pipelex Inference, and no other backend for the models it is to serve")
_CUSTOM = ("custom_routing", "Each maker's models with the maker")
_HYBRID = ("hybrid", "Each maker's models with the maker where its backend is on, else Pipelex Inference")

_OWN = """
# A profile of your own:
#
# [profiles.mine]
# default = "{first}"
# [profiles.mine.routes]
# "gpt-*" = "azure_openai"
# "claude-5.5-sonnet" = "bedrock"
"""


def starter_profiles(backends: tuple[ShippedBackend, ...], environ: Mapping[str, str]) -> str:
    """The text of routing_profiles.toml: Pipelex Inference first where its key is there."""
    on = [backend.name for backend in backends if backend.enabled(environ)]
    names = [backend.name for backend in backends]
    first = names[0] if names else "openai"
    active = _PIPELEX_FIRST if GATEWAY in on else _FIRST
    parts = [_HEAD.format(active=active[0]), *_profiles(names, first)]
    parts += [
        _profile(f"all_{one.name}", f"{one.display_name} wherever it has the model", one.name) for one in backends
    ]
    return "".join([*parts, _OWN.format(first=first)])


def _profiles(names: list[str], first: str) -> Iterator[str]:
    """The documented profiles, of which those of Pipelex Inference need its plugin."""
    makers = {pattern: backend for pattern, backend in _MAKERS.items() if backend in names}
    yield _profile(*_FIRST, first)
    if GATEWAY in names:
        yield _profile(*_PIPELEX_FIRST, GATEWAY)
        yield _profile(*_ALL_PIPELEX, GATEWAY, dict.fromkeys(makers, GATEWAY))
    yield _profile(*_CUSTOM, first, makers)
    if GATEWAY in names:
        yield _profile(*_HYBRID, GATEWAY, makers, table="optional_routes")


def _profile(
    name: str, description: str, default: str, routes: Mapping[str, str] | None = None, table: str = "routes"
) -> str:
    text = f'\n[profiles.{name}]\ndescription = "{description}"\ndefault = "{default}"\n'
    if routes:
        text += f"[profiles.{name}.{table}]\n" + "".join(f'"{one}" = "{backend}"\n' for one, backend in routes.items())
    return text
