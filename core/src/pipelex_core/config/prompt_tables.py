"""Step 4, prompt templates: the tables of `[llm.prompts]`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import structured_values
from pipelex_core.config.values import each, exactly
from pipelex_core.deck.templates import PromptTemplate
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from pipelex_core.specs import Source

_TEXT = exactly(str, "a text")
_KEYS = {
    **dict.fromkeys(("prompt", "system", "model"), _TEXT),
    "defaults": each(_TEXT, '{ placeholder = "text" }', kind=dict, made=dict),
}


def make_prompt(name: str, table: Any, source: Source, faults: Faults) -> PromptTemplate | None:
    """A template; None where it has a fault."""
    if isinstance(table, str):
        table = {"prompt": table}
    if not isinstance(table, dict):
        message = f"the prompt '{name}' is {type_name(table)}"
        faults.error(ConfigError, "bad-value", message, source, expected="a text, or a table with prompt and system")
        return None
    values = structured_values(_KEYS, table, faults, kind=ConfigError, where=source.child)
    if not table.get("prompt") and not table.get("system"):
        message = f"the prompt '{name}' says nothing"
        faults.error(ConfigError, "missing-key", message, source, expected='prompt = "…" or system = "…"')
        return None
    return None if values is None else PromptTemplate(name=name, source=source, **values)
