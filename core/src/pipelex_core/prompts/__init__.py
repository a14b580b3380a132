"""Prompts, messages and tools as callers write them, read and checked before anything is sent."""

from __future__ import annotations

from pipelex_core.prompts.prompt import (
    Conversation,
    MessageLike,
    Prompt,
    ToolLike,
    check_inputs,
    read_image_prompt,
    read_prompt,
    read_tools,
)

__all__ = [
    "Conversation",
    "MessageLike",
    "Prompt",
    "ToolLike",
    "check_inputs",
    "read_image_prompt",
    "read_prompt",
    "read_tools",
]
