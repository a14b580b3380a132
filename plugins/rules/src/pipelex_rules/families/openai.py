"""What OpenAI's models take, by their ids.

The table of efforts is that of pydantic-ai's profiles, which say that each cell was tried at the live Responses API
(2026-07); where OpenAI's own pages name levels they agree.
"""

from __future__ import annotations

import re

_GPT = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?:$|-)")
_DATE = re.compile(r"-20\d\d-\d\d-\d\d$")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
MOST_OUTPUT = {
    "gpt-4o": 16_384,
    "gpt-4o-mini": 16_384,
    "gpt-4.1": 32_768,
    "gpt-4.1-mini": 32_768,
    "gpt-4.1-nano": 32_768,
    "gpt-4-turbo": 4_096,
    "gpt-3.5-turbo": 4_096,
    "chatgpt-4o-latest": 16_384,
}
"""The most tokens of output, from the model pages at https://platform.openai.com/docs/models."""


def base_id(model: str) -> str:
    """Take a router's prefix and a date off a model's id."""
    return _DATE.sub("", model.rpartition("/")[2])


def version(model: str) -> tuple[int, int]:
    """Read the version of a GPT model, such as (5, 4); (0, 0) for others."""
    match = _GPT.match(base_id(model))
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def is_o_series(model: str) -> bool:
    """Tell whether a model is one of the o-series, such as o3."""
    return re.match(r"o\d(?:$|-)", base_id(model)) is not None


def is_chat(model: str) -> bool:
    """Tell whether a model is a chat variant of GPT-5, whose effort is fixed."""
    return version(model) >= (5, 0) and "-chat" in base_id(model)


def can_reason(model: str) -> bool:
    """Tell whether a model is a reasoning model; gpt-5-chat is not."""
    name = base_id(model)
    return is_o_series(model) or (version(model) >= (5, 0) and name not in {"gpt-5-chat", "gpt-5-chat-latest"})


def efforts(model: str) -> tuple[str, ...] | None:  # noqa: PLR0911 -- one return a family
    """Tell the effort levels that a model takes; None where that is not known."""
    name, number = base_id(model), version(model)
    if is_o_series(model):
        return ("low", "medium", "high")
    if number < (5, 0) or "oss" in name:
        return None
    if is_chat(model):
        return ("medium",) if number >= (5, 1) else None
    if number == (5, 0):
        return (
            ("high",)
            if "-pro" in name
            else ("low", "medium", "high")
            if "-codex" in name
            else ("minimal", "low", "medium", "high")
        )
    if number == (5, 1):
        if "-codex" in name:
            return ("low", "medium", "high", "xhigh") if "-max" in name else ("low", "medium", "high")
        return ("none", "low", "medium", "high")
    if "-pro" in name:
        return ("medium", "high", "xhigh")
    if "-codex" in name:
        return ("low", "medium", "high", "xhigh") if number < (5, 3) else ("none", "low", "medium", "high", "xhigh")
    if number < (5, 6):
        return ("none", "low", "medium", "high", "xhigh")
    return ("none", "low", "medium", "high", "xhigh", "max")


def reasons(model: str, effort: object) -> bool:
    """Tell whether a model reasons in a request with this effort, and so refuses sampling parameters."""
    if not can_reason(model):
        return False
    levels = efforts(model) or ()
    if "none" not in levels:
        return True
    if effort is None:
        return version(model) >= (5, 5)
    return effort != "none"


def most_output(model: str) -> int | None:
    """Tell the most tokens of output that a model has; None where that is not known."""
    return MOST_OUTPUT.get(base_id(model))
