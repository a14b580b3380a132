"""A file of models of pipelex 0.92, rewritten in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.model_specs import NEWER_SPEC_KEYS
from pipelex_core.config.tables import INPUTS, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from tomlkit import TOMLDocument

    from pipelex_cli.edits.omissions import Omissions
    from pipelex_core.capabilities import Capabilities

_SDKS = {"bedrock_aioboto": "bedrock_aioboto3"}
"""Names of 0.92, and what the same sdk is called here."""

_LISTED = {"temperature_unsupported": "no_temperature"}
"""`listed_constraints`, and the constraints they are here."""

_KEYS = {**NEWER_SPEC_KEYS, "listed_constraints": "", "valued_constraints": ""}


def rewrite_models(
    document: TOMLDocument, backend: str, sdks: Collection[str], capabilities: Capabilities, omissions: Omissions
) -> tuple[set[str], bool]:
    """Rewrite one file; the names of the models that are gone, and whether no model of the file can be called.

    Args:
        document: The file.
        backend: The backend it is about.
        sdks: Those that some plugin serves.
        capabilities: What there is to call.
        omissions: Where to note what has no counterpart.
    """
    defaults = document.get("defaults", {})
    _rewrite_table(defaults, f"{backend}: defaults", omissions)
    gone: set[str] = set()
    served = 0
    for name in [name for name, table in document.items() if isinstance(table, dict) and name != "defaults"]:
        table: Any = document[name]
        kind = table.get("model_type", defaults.get("model_type", "llm"))
        if not capabilities.has_type(kind):
            omissions.add(f"left out, because nothing here calls models of the type '{kind}'", f"{backend}: {name}")
            del document[name]
            gone.add(name)
            continue
        _rewrite_table(table, f"{backend}: {name}", omissions)
        sdk = table.get("sdk", defaults.get("sdk"))
        if sdk is None or sdk in sdks or f"{backend}:{sdk}" in sdks:
            served += 1
        else:
            omissions.add(f"switched off, because no plugin serves the sdk '{sdk}'", f"{backend}: {name}")
            table["enabled"] = False
    return gone, served == 0


def _rewrite_table(table: Any, what: str, omissions: Omissions) -> None:
    if table.get("sdk") in _SDKS:
        table["sdk"] = _SDKS[table["sdk"]]
    constraints = [*table.get("constraints", ()), *_constraints(table, what, omissions)]
    for key, why in _KEYS.items():
        if key in table:
            del table[key]
            if why:
                omissions.add(f"the key '{key}' is left out: {why}", what)
    if constraints:
        table["constraints"] = constraints
    for key, words in (("inputs", INPUTS), ("outputs", OUTPUTS)):
        unknown = [word for word in table.get(key, ()) if word not in words]
        if unknown:
            table[key] = [word for word in table[key] if word in words]
            omissions.add(f"{key} that nothing here knows are left out: {', '.join(unknown)}", what)
            if not table[key]:
                del table[key]


def _constraints(table: Any, what: str, omissions: Omissions) -> list[str]:
    """What the constraints of 0.92 are here."""
    found: list[str] = []
    for word in table.get("listed_constraints", ()):
        if word in _LISTED:
            found.append(_LISTED[word])
        else:
            omissions.add(f"the constraint '{word}' is left out: the nearest level that a model has is asked for", what)
    for name, value in table.get("valued_constraints", {}).items():
        if name == "fixed_temperature":
            found.append("temperature_must_be_1" if value == 1 else "no_temperature")
        else:
            omissions.add(f"the constraint '{name}' is left out: the plugin knows the budgets of its models", what)
    return found
