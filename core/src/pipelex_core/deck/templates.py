"""Prompt templates: `[llm.prompts]` of a deck."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.near import did_you_mean
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT = "input"
"""The placeholder of what a caller says besides the values."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


@frozen(kw_only=True)
class PromptTemplate:
    """A text with `{placeholders}`; a brace outside one stands for itself, and `{{` and `}}` for one brace.

    Attributes:
        name: Its name.
        prompt: The prompt; a caller's own text is `{input}`, or follows after an empty line.
        system: The system prompt, with placeholders too; None for none.
        model: A handle; None for the deck's default.
        defaults: Placeholder -> the text that it has where a caller gives none.
        source: Where it was written.
    """

    name: str
    prompt: str = ""
    system: str | None = None
    model: str | None = None
    defaults: Mapping[str, str] = field(factory=dict)
    source: Source = NOWHERE

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names that it wants values for, in their order."""
        found = _PLACEHOLDER.findall(f"{self.system or ''}{self.prompt}")
        return tuple(dict.fromkeys(name for name in found if name))

    def fill(self, text: str = "", values: Mapping[str, str] | None = None) -> tuple[str | None, str]:
        """The system prompt, or None, and the prompt.

        Args:
            text: What the caller says: `{input}`.
            values: Placeholder -> text.

        Raises:
            UnsupportedInputError: A placeholder has no value, or a value no placeholder.
        """
        provided = dict(values or {})
        unknown = [name for name in provided if name not in self.placeholders]
        if unknown:
            msg = f"the prompt '{self.name}' has no placeholder '{unknown[0]}'"
            near = did_you_mean(unknown[0], self.placeholders)
            raise UnsupportedInputError(f"{msg}; {near}" if near else msg)
        filled = {**self.defaults, **({INPUT: text} if text else {}), **provided}
        missing = [name for name in self.placeholders if name not in filled]
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            raise UnsupportedInputError(f"the prompt '{self.name}' needs a value for {names}")
        parts = [_filled(self.prompt, filled), "" if INPUT in self.placeholders else text]
        return self.system and _filled(self.system, filled), "\n\n".join(part for part in parts if part)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its placeholders replaced, in one pass: what a value brings is not looked at."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]] if found[1] else found[0][0], text)
