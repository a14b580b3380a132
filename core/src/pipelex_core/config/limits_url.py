"""The one key of backends.toml that stands outside its tables: where processes share their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pipelex_core.config.environment import expand
from pipelex_core.config.problems import type_name
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Secret, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config.context import Context

KEY = "limits_url"
SCHEMES = ("redis", "rediss", "unix")


def read_limits_url(tables: Mapping[str, Any], file: str, context: Context) -> Secret | None:
    """The address of the Redis server, password included; None where the key is not there or has a fault."""
    value = tables.get(KEY)
    if value is None or isinstance(value, dict):  # the table of a backend of that name
        return None
    source = Source(file=file, key=(KEY,))
    expected = "an address such as redis://localhost:6379/0"
    if not isinstance(value, str):
        message = f"'{KEY}' cannot be {type_name(value)}"
        context.faults.error(ModelsManagerError, "bad-value", message, source, expected=expected)
        return None
    filled = expand(value, context.environment)
    for fault in filled.faults:
        context.faults.error(ModelsManagerError, "bad-variable", fault, source)
    for name in filled.missing:
        message = f"{name} is not set or empty, and '{KEY}' needs it"
        context.report_lack("missing-variable", message, source, f"set {name}, or remove '{KEY}'")
    if filled.faults or filled.missing:
        return None
    url = str(filled.value)
    context.faults.hide(url)
    try:
        parts = urlsplit(url)
        scheme, password, _ = parts.scheme, parts.password, parts.port
    except ValueError:  # a port that is no number, brackets that are not closed
        scheme, password = "", None
    if password:
        context.faults.hide(password)
        context.faults.hide(unquote(password))
    if scheme not in SCHEMES:
        message = f"'{KEY}' is no address of a Redis server"
        context.faults.error(ModelsManagerError, "bad-value", message, source, expected=expected)
        return None
    return Secret(url)
