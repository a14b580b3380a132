"""The events of ConverseStream, put together into the response that Converse would have given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_core.errors import InvalidAnswerError, ProviderConnectionError
from pipelex_core.results import NO_USAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

_CUT = frozenset({"max_tokens", "model_context_window_exceeded", "content_filtered", "guardrail_intervened"})
"""Stop reasons with which a call may have been cut short."""


class Assembly:
    """A response that grows event by event: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html.

    `shows_input` gives the arguments of calls as they come: they are the object that was asked for.

    Attributes:
        text: The visible text so far.
    """

    def __init__(self, metadata: Mapping[str, Any], *, shows_input: bool = False) -> None:
        self._shows_input = shows_input
        self._response: dict[str, Any] = {"ResponseMetadata": metadata}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._deltas: list[str] = []

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._deltas)

    def add(self, event: Mapping[str, Any]) -> str:
        """Take one event in; gives the visible text it brought, mostly a piece, sometimes none, or a piece of reasoning or of a call."""
        found = event.get("contentBlockDelta")
        if found is not None:
            return self._delta(found["contentBlockIndex"], found["delta"])
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            self._blocks[start["contentBlockIndex"]] = {name: dict(block) for name, block in start["start"].items()}
        elif "messageStop" in event:
            self._response["stopReason"] = event["messageStop"].get("stopReason")
        elif "metadata" in event:
            self._response.update(event["metadata"])
        return ""

    def response(self) -> dict[str, Any]:
        """The whole response.

        Raises:
            ProviderConnectionError: The stream ended before its message did.
            InvalidAnswerError: The arguments of a tool call are not JSON.
        """
        if "stopReason" not in self._response:
            msg = "the stream ended before the answer did"
            raise ProviderConnectionError(msg, usage=NO_USAGE)
        content = [self._blocks[index] for index in sorted(self._blocks)]
        cut = self._response["stopReason"] in _CUT
        for block in content:
            _close(block, cut=cut)
        self._response["output"] = {"message": {"role": "assistant", "content": content}}
        return self._response

    def _delta(self, index: int, delta: Mapping[str, Any]) -> str:
        block = self._blocks.setdefault(index, {})
        text: str | None = delta.get("text")
        if text is not None:
            block["text"] = block.get("text", "") + text
            self._deltas.append(text)
            return text
        if "toolUse" in delta:
            call = block.setdefault("toolUse", {})
            piece: str = delta["toolUse"].get("input", "")
            call["input"] = call.get("input", "") + piece
            return piece if self._shows_input else self._piece_of_call(index, call, piece)
        if "reasoningContent" in delta:
            _reason(block.setdefault("reasoningContent", {}), delta["reasoningContent"])
            thought = delta["reasoningContent"].get("text")
            return ReasoningDelta(thought) if thought else ""
        if "citation" in delta:
            block.setdefault("citations", []).append(delta["citation"])
        return ""

    def _piece_of_call(self, index: int, call: Mapping[str, Any], piece: str) -> str:
        if not (piece and call.get("toolUseId") and call.get("name")):
            return ""
        calls = [number for number in sorted(self._blocks) if "toolUse" in self._blocks[number]]
        return ToolCallDelta(number=calls.index(index), id=call["toolUseId"], name=call["name"], arguments=piece)


def _reason(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    if "redactedContent" in delta:
        block["redactedContent"] = block.get("redactedContent", b"") + delta["redactedContent"]
        return
    reasoning = block.setdefault("reasoningText", {"text": ""})
    for name in ("text", "signature"):
        if name in delta:
            reasoning[name] = reasoning.get(name, "") + delta[name]


def _close(block: dict[str, Any], *, cut: bool) -> None:
    """Parse a tool call's arguments; those of a call that was cut short stay text, for the reader to leave out."""
    call = block.get("toolUse")
    if call is None:
        return
    try:
        call["input"] = json.loads(call.get("input") or "{}")
    except ValueError:
        if cut:
            return
        msg = f"the arguments of tool '{call.get('name')}' are not JSON"
        raise InvalidAnswerError(msg, raw=call.get("input")) from None
