"""Turns that the API pauses while it runs tools of its own: the same conversation goes on with what came so far.

https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#pause-turn
"""

from __future__ import annotations

from typing import Any

MOST = 8
"""Pauses of one answer that are followed; each is a request that is paid. After them the answer ends as it is: `other`."""


def is_paused(message: Any) -> bool:
    """Whether the API wants its own answer sent back, to go on with it."""
    return (
        isinstance(message, dict)
        and message.get("stop_reason") == "pause_turn"
        and isinstance(message.get("content"), list)
        and bool(message["content"])
    )


def continued(body: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The request that goes on, with the paused answer as it came."""
    paused = {"role": "assistant", "content": message["content"]}
    return {**body, "messages": [*body["messages"], paused]}


def joined(first: dict[str, Any], then: Any) -> Any:
    """A paused answer and its continuation, as one: all blocks in order, and what both requests used."""
    if not (isinstance(then, dict) and isinstance(then.get("content"), list)):
        return then
    content = [*first["content"], *then["content"]]
    return {**then, "content": content, "usage": _sum(first.get("usage"), then.get("usage"))}


def _sum(first: Any, then: Any) -> Any:
    """Counts of both, each by its name; of words, the last one's."""
    if isinstance(first, dict) and isinstance(then, dict):
        return {name: _sum(first.get(name), then.get(name)) for name in {**first, **then}}
    if type(first) is int and type(then) is int:
        return first + then
    return first if then is None else then
