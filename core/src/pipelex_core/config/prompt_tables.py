"""Step 4, prompt templates: the tables of `[llm.prompts]`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import report_unknown
from pipelex_core.deck.templates import PromptTemplate
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import Source

_TEXTS = ("prompt", "system", "model")
_KEYS = (*_TEXTS, "defaults")


def make_prompts(tables: Mapping[str, tuple[Any, Source]], faults: Faults) -> dict[str, PromptTemplate]:
    """The templates without a fault; a fault of another one stops the load."""
    made = {name: _template(name, table, source, faults) for name, (table, source) in tables.items()}
    return {name: template for name, template in made.items() if template is not None}


def _template(name: str, table: Any, source: Source, faults: Faults) -> PromptTemplate | None:
    if isinstance(table, str):
        table = {"prompt": table}
    if not isinstance(table, dict):
        message = f"the prompt '{name}' is {type_name(table)}"
        faults.error(ConfigError, "bad-value", message, source, expected="a text, or a table with prompt and system")
        return None
    before = len(faults.errors)
    for key, value in table.items():
        _check(key, value, source.child(key), faults)
    if not table.get("prompt") and not table.get("system"):
        message = f"the prompt '{name}' says nothing"
        faults.error(ConfigError, "missing-key", message, source, expected='prompt = "…" or system = "…"')
    if len(faults.errors) > before:
        return None
    return PromptTemplate(name=name, source=source, **table)


def _check(key: str, value: Any, source: Source, faults: Faults) -> None:
    if key not in _KEYS:
        report_unknown(key, _KEYS, faults, ConfigError, source)
    elif key in _TEXTS and not isinstance(value, str):
        faults.error(ConfigError, "bad-value", f"'{key}' cannot be {type_name(value)}", source, expected="a text")
    elif key == "defaults" and not (isinstance(value, dict) and all(isinstance(each, str) for each in value.values())):
        message = "'defaults' has to be a table of texts"
        faults.error(ConfigError, "bad-value", message, source, expected='{ placeholder = "text" }')
