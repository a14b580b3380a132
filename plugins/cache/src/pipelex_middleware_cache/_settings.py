"""The variables that switch the cache on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError
from pipelex_middleware_cache._cache import MAX_AGE, MAX_BYTES, Cache

if TYPE_CHECKING:
    from collections.abc import Mapping

MB = 1e6

_OFF = frozenset({"", "0", "false", "no", "off"})
_ON = frozenset({"1", "true", "yes", "on"})


def cache_of(environ: Mapping[str, str]) -> Cache | None:
    """The cache that the environment describes; None where it is off.

    Raises:
        PluginError: A variable means nothing; the plugin is then quarantined with this reason.
    """
    path = environ.get("PIPELEX_CACHE", "").strip()
    if path.lower() in _OFF:
        return None
    if path.lower() in _ON:
        msg = f"PIPELEX_CACHE is the path of a file, such as .pipelex/answers.sqlite, not '{path}'"
        raise PluginError(msg)
    max_age = _positive("PIPELEX_CACHE_MAX_AGE", environ, MAX_AGE)
    max_bytes = _positive("PIPELEX_CACHE_MAX_MB", environ, MAX_BYTES / MB) * MB
    return Cache(path, max_age=max_age, max_bytes=max_bytes, shared=_switch("PIPELEX_CACHE_SHARED", environ))


def _switch(variable: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(variable, "").strip().lower()
    if text not in _ON | _OFF:
        msg = f"{variable} is 1 or 0, not '{text}'"
        raise PluginError(msg)
    return text in _ON


def _positive(variable: str, environ: Mapping[str, str], otherwise: float) -> float:
    text = environ.get(variable, "").strip()
    if not text:
        return otherwise
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        msg = f"{variable} is a number above 0, not '{text}'"
        raise PluginError(msg)
    return number
