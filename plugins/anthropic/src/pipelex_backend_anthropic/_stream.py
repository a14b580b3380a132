"""A streamed answer, put together into the message it would have been.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from typing import Any

from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_core.errors import InvalidAnswerError, ProviderConnectionError

_CUT = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
"""Stop reasons with which a call may have been cut short."""


class StreamedMessage:
    """The message so far; `shows_input` gives the input of calls as it comes, because it is the object that was asked for."""

    def __init__(self, *, shows_input: bool = False) -> None:
        self._shows_input = shows_input
        self._is_complete = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._calls: list[int] = []

    @property
    def has_begun(self) -> bool:
        """Whether the stream has begun a message."""
        return bool(self._message)

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(
            self._joined(index, "text") for index in sorted(self._blocks) if self._blocks[index].get("type") == "text"
        )

    def add(self, event: Any) -> str | None:
        """Take one event, and give the visible text it brings, or the piece of reasoning or of a call, if any.

        Raises:
            InvalidAnswerError: It is not an event of such a stream.
        """
        try:
            if event["type"] == "content_block_delta":
                return self._add_delta(event["index"], event["delta"])
            return self._add_other(event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"the stream holds a malformed event: {type(error).__name__} {error}"
            raise InvalidAnswerError(msg, raw=event) from None

    def message(self) -> dict[str, Any]:
        """The whole message.

        Raises:
            ProviderConnectionError: The stream ended before its finish event.
            InvalidAnswerError: A tool's input is not JSON.
        """
        if not self._is_complete:
            msg = "the stream ended before its message did"
            raise ProviderConnectionError(msg)
        return {**self._message, "content": [self._whole(index) for index in sorted(self._blocks)]}

    def _add_delta(self, index: int, delta: dict[str, Any]) -> str | None:
        match delta["type"]:
            case "text_delta":
                text = _string(delta["text"])
                self._pieces[index, "text"].append(text)
                return text or None
            case "input_json_delta":
                piece = _string(delta["partial_json"])
                self._pieces[index, "input"].append(piece)
                return piece if self._shows_input else self._piece_of_call(index, piece)
            case "thinking_delta":
                self._pieces[index, "thinking"].append(_string(delta["thinking"]))
                return ReasoningDelta(delta["thinking"]) if delta["thinking"] else None
            case "signature_delta":
                self._blocks[index]["signature"] = delta["signature"]
            case "citations_delta":
                block = self._blocks[index]
                block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        return None  # further kinds may come at any time, and are of no use here

    def _piece_of_call(self, index: int, piece: str) -> str | None:
        """A piece of the arguments of a tool that the caller runs."""
        block = self._blocks[index]
        if not piece or block["type"] != "tool_use":
            return None
        if index not in self._calls:
            self._calls.append(index)
        return ToolCallDelta(number=self._calls.index(index), id=block["id"], name=block["name"], arguments=piece)

    def _add_other(self, event: dict[str, Any]) -> str | None:
        match event["type"]:
            case "message_start":
                self._message = dict(event["message"])
            case "content_block_start":
                index, block = event["index"], dict(event["content_block"])
                self._blocks[index] = block
                for name in ("text", "thinking", "input"):
                    self._pieces[index, name] = []
                for name in ("text", "thinking"):
                    if block.get(name):
                        self._pieces[index, name].append(_string(block[name]))
                if block["type"] == "text":
                    return block.get("text") or None
            case "message_delta":
                self._message.update(event["delta"])
                counted = {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
                self._message["usage"] = {**(self._message.get("usage") or {}), **counted}
            case "message_stop":
                self._is_complete = True
        return None  # further kinds may come at any time, and mean nothing here

    def _joined(self, index: int, name: str) -> str:
        return "".join(self._pieces[index, name])

    def _whole(self, index: int) -> dict[str, Any]:
        """A block with its pieces joined; the input of a call that was cut short is text."""
        block = dict(self._blocks[index])
        for name in ("text", "thinking"):
            if name in block:
                block[name] = self._joined(index, name)
        written = self._joined(index, "input")
        if written:
            try:
                block["input"] = json.loads(written)
            except ValueError:
                if self._message.get("stop_reason") in _CUT:
                    block["input"] = written  # for whoever reads the answer to leave out
                    return block
                msg = f"the input of tool '{block.get('name')}' is not JSON"
                raise InvalidAnswerError(msg, raw=written) from None
        return block


def _string(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"text is {type(value).__name__}"
        raise TypeError(msg)
    return value
