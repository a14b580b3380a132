"""What Claude's models take, by their ids, at Anthropic, Bedrock and Vertex alike.

Sampling, thinking and effort by model: https://platform.claude.com/docs/en/api/errors#common-validation-errors and
https://platform.claude.com/docs/en/build-with-claude/effort, with the lists that pydantic-ai and vercel/ai hold.
"""

from __future__ import annotations

import re

from attrs import frozen

_NEW = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?=$|[^\d.])")
_OLD = re.compile(r"claude-(\d)(?:[-.](\d))?-([a-z]+)")
_ALWAYS_THINK = {"fable", "mythos"}


@frozen
class Claude:
    """A Claude model: `Claude("opus", (4, 7))`; an unknown one has version (0, 0)."""

    tier: str
    version: tuple[int, int]

    @property
    def known(self) -> bool:
        """Whether the id says which model it is."""
        return self.version > (0, 0)

    @property
    def always_thinks(self) -> bool:
        """Whether thinking cannot be switched off: Fable, Mythos."""
        return self.tier in _ALWAYS_THINK

    @property
    def refuses_sampling(self) -> bool:
        """Whether temperature, top_p and top_k are refused: from Opus 4.7 and version 5 on."""
        return self.version >= (4, 7)

    @property
    def refuses_both_samplings(self) -> bool:
        """Whether temperature and top_p exclude each other: from Opus 4.1 and the other models' 4.5 on."""
        return self.version >= (4, 5) or (self.tier == "opus" and self.version >= (4, 1))

    @property
    def refuses_prefill(self) -> bool:
        """Whether the conversation must end with the user: from Opus 4.6 and Sonnet 4.6 on."""
        return self.version >= (4, 6)

    @property
    def thinks_adaptively(self) -> bool:
        """Whether `thinking: adaptive` is known: from 4.6 on."""
        return self.version >= (4, 6)

    @property
    def refuses_budgets(self) -> bool:
        """Whether `thinking: enabled` with a budget is refused: from 4.7 on."""
        return self.version >= (4, 7)

    @property
    def can_think(self) -> bool:
        """Whether the model has extended thinking: from Sonnet 3.7 on."""
        return self.version >= (3, 7)

    @property
    def efforts(self) -> tuple[str, ...]:
        """The levels of effort: from Opus 4.5 and Sonnet 4.6 on; `xhigh` from 4.7 on, `max` from 4.6 on."""
        if self.version < (4, 5) or (self.version < (4, 6) and self.tier != "opus"):
            return ()
        levels = ("low", "medium", "high")
        if self.version >= (4, 7):
            return (*levels, "xhigh", "max")
        return (*levels, "max") if self.version >= (4, 6) else levels

    @property
    def most_output(self) -> int | None:
        """The most output tokens: https://platform.claude.com/docs/en/about-claude/models/overview; None where unknown."""
        if not self.known or self.version < (3, 0):
            return None
        if self.version < (3, 5):
            return 4_096
        if self.version < (3, 7):
            return 8_192
        if self.tier == "opus" and self.version < (4, 5):
            return 32_000
        return None if self.version == (3, 7) or self.version >= (4, 6) else 64_000


def claude(model: str) -> Claude:
    """Read a model's id, in any provider's form."""
    if match := _NEW.search(model):
        return Claude(match[1], (int(match[2]), int(match[3] or 0)))
    if match := _OLD.search(model):
        return Claude(match[3], (int(match[1]), int(match[2] or 0)))
    if "claude-mythos-preview" in model:
        return Claude("mythos", (5, 0))
    return Claude("", (0, 0))
