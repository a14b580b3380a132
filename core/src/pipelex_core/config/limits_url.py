"""The one key of backends.toml outside its tables: where processes share their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pipelex_core.config.structure import checked
from pipelex_core.config.values import exactly
from pipelex_core.errors import ModelsManagerError, PluginError
from pipelex_core.first_party import LIMITER, brought
from pipelex_core.specs import Secret, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config.context import Context

KEY = "limits_url"
GROUP = "pipelex_core.limits_url"
_EXPECTED = "an address such as redis://localhost:6379/0"
_ADDRESS = exactly(str, _EXPECTED)


def read_limits_url(tables: Mapping[str, Any], file: str, context: Context) -> Secret | None:
    """The address where limits are shared, password included; None where the key is missing or has a fault."""
    value = tables.get(KEY)
    if value is None or isinstance(value, dict):  # the table of a backend of that name
        return None
    source, faults = Source(file=file, key=(KEY,)), context.faults
    if checked(_ADDRESS, value, source, faults, ModelsManagerError) is None:
        return None
    filled = context.fill(value, source)
    for name in filled.missing:
        message = f"{name} is not set or empty, and '{KEY}' needs it"
        context.report_lack("missing-variable", message, source, f"set {name}, or remove '{KEY}'")
    if filled.faults or filled.missing:
        return None
    url = str(filled.value)
    faults.hide(url)
    try:
        parts = urlsplit(url)
        password, _ = parts.password, parts.port
    except ValueError:  # a port that is not a number, brackets that are not closed
        message = f"'{KEY}' is not an address"
        faults.error(ModelsManagerError, "bad-value", message, source, expected=_EXPECTED)
        return None
    if password:
        faults.hide(password)
        faults.hide(unquote(password))
    secret = Secret(url)
    try:
        brought(GROUP, LIMITER, "what keeps limits is not installed")(context.plugins, secret)
    except PluginError as error:
        message, _, mend = f"'{KEY}' cannot be used: {error}".partition("; ")
        faults.error(ModelsManagerError, "bad-value", message, source, expected=_EXPECTED, suggestion=mend or None)
        return None
    return secret
