"""What chat completions answer, whole or streamed, as a `TextAnswer`; everything that is read is checked.

https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pipelex_backend_openai._calls import PendingCalls
from pipelex_backend_openai._errors import MalformedError, ReportedError
from pipelex_backend_openai._think import ThinkTags
from pipelex_backend_openai._usage import chat_usage
from pipelex_core.answers import token_logprobs
from pipelex_core.deltas import ReasoningDelta
from pipelex_core.parts import ProviderPart
from pipelex_core.results import FinishReason, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelex_backend_openai._traits import Traits

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""The finish reasons of OpenAI and of servers that are nearly compatible; any other is `other`."""

CUT: Final[frozenset[FinishReason]] = frozenset({"length", "content_filter"})
"""Reasons of an answer that ended where the model had not."""


class ChatReading:
    """An answer as it is put together, from one message or from many chunks.

    `object_tool` names the tool whose arguments are the answer, where an object was asked for in that way; `others` are the
    caller's own.
    """

    def __init__(
        self, traits: Traits, provider: str, *, object_tool: str | None = None, others: Collection[str] = ()
    ) -> None:
        self._object_tool = object_tool
        self._others = others
        self._traits = traits
        self._provider = provider
        self._finish_reason: str | None = None
        self._usage: Any = None
        self._service_tier: Any = None
        self.beside: list[str] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refused = False
        self._calls = PendingCalls(traits.returned_fields)
        self._extras: dict[str, Any] = {}
        self._logprobs: list[Any] = []
        self._others_stated: list[str] = []
        self._tags = ThinkTags() if traits.think_tags else None
        self._last: Any = None

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._text)

    @property
    def is_finished(self) -> bool:
        """Whether the provider reported why the answer ended."""
        return self._finish_reason is not None

    def whole(self, data: Mapping[str, Any]) -> None:
        """Take an answer that was not streamed."""
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            msg = "the answer has no choices"
            raise MalformedError(msg)
        message = choice.get("message")
        self._finish_reason = choice.get("finish_reason") or "other"
        if isinstance(message, dict):
            self._add(message, is_whole=True)
        if choice.get("error") or self._finish_reason == "error":
            raise ReportedError(choice)
        has_message = isinstance(message, dict) or self._finish_reason == "content_filter"  # Azure leaves it out then
        if not has_message:
            msg = "the answer's choice has no message"
            raise MalformedError(msg)
        self._take_logprobs(choice)
        self._others_stated = [_text_of(other) for other in data["choices"][1:]]
        self._usage, self._service_tier = _usage_in(data), data.get("service_tier")
        self._last = data

    def event(self, chunk: Any) -> str:
        """Take a chunk of a stream; the piece of visible text it holds, or nothing: with something beside it, it is in there."""
        self._last = chunk
        usage = _usage_in(chunk)
        if usage:
            self._usage = usage
        if chunk.get("service_tier"):
            self._service_tier = chunk["service_tier"]
        choices = chunk.get("choices")
        if not choices:
            if chunk.get("object") == "error":
                raise ReportedError(chunk)
            return ""
        choice = choices[0]
        if choice.get("index"):  # one answer was asked for; a further one is nobody's
            return ""
        delta = choice.get("delta")
        text = self._add(delta) if delta else ""
        if "logprobs" in choice:
            self._take_logprobs(choice)
        reason = choice.get("finish_reason")
        if reason:
            self._finish_reason = reason
            if choice.get("error") or reason == "error":
                raise ReportedError(choice)
            text += self._flushed()
        if self.beside and text:
            self.beside.insert(isinstance(self.beside[0], ReasoningDelta), text)
            return ""
        return text

    def answer(self, request_id: str | None) -> TextAnswer:
        """The whole answer."""
        self._flushed()
        reason = FINISH_REASONS.get(str(self._finish_reason), "other")
        text, taken = self.text, self._calls.take(self._object_tool, self._others)
        if taken is not None:
            text = taken.arguments
            reason = "stop" if reason == "tool_calls" else reason
        reason = "content_filter" if self._refused else reason
        calls = self._calls.finished(is_cut=reason in CUT)
        return TextAnswer(
            text=text,
            finish_reason=reason,
            usage=chat_usage(self._usage, self._traits, self._service_tier),
            tool_calls=calls,
            reasoning="".join(self._reasoning) or (self._tags.reasoning if self._tags else None) or None,
            provider_parts=self._provider_parts() if calls else (),
            logprobs=token_logprobs(self._logprobs),
            alternatives=tuple(self._others_stated),
            request_id=request_id or text_or_none(self._last.get("id")),
            raw=self._last,
        )

    def _add(self, message: Mapping[str, Any], *, is_whole: bool = False) -> str:
        """Take a message or a delta; the piece of visible text it holds, or nothing."""
        text = message.get("content") or ""
        if text:
            if not isinstance(text, str):
                text = _joined(text)
            if self._tags:
                text = self._untagged(text, self._tags, is_whole=is_whole)
            self._text.append(text)
            if len(message) == 1:
                return text
        refusal = message.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refused = True
            self._text.append(refusal)
            text += refusal
        text += self._add_others(message, is_whole=is_whole)
        for name in self._traits.returned_fields:
            value = message.get(name)
            if value is not None:  # an empty one is wanted back too
                self._extras[name] = _appended(self._extras.get(name), value)
        return text

    def _add_others(self, message: Mapping[str, Any], *, is_whole: bool) -> str:
        """Take reasoning and calls; the piece of an object that is written into a call, or nothing."""
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(reasoning, str):
            self._reasoning.append(reasoning)
            if reasoning and not is_whole:
                self.beside.append(ReasoningDelta(reasoning))
        calls = message.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            piece = self._calls.add(call, number if is_whole else None)
            if piece is not None and self._object_tool is None:
                self.beside.append(piece)
        return self._object_pieces(calls) if calls and not is_whole else ""

    def _untagged(self, text: str, tags: ThinkTags, *, is_whole: bool) -> str:
        known = len(tags.reasoning)
        text = tags.feed(text)
        if len(tags.reasoning) > known and not is_whole:
            self.beside.append(ReasoningDelta(tags.reasoning[known:]))
        return text

    def _take_logprobs(self, choice: Mapping[str, Any]) -> None:
        listed = choice.get("logprobs")
        if isinstance(listed, dict):
            self._logprobs += listed.get("content") or ()

    def _object_pieces(self, calls: Any) -> str:
        """What a delta brings of an object, where that is written into the arguments of a call."""
        if self._object_tool is None or self._others or not isinstance(calls, list):
            return ""
        return "".join(call["function"].get("arguments") or "" for call in calls if call.get("function"))

    def _flushed(self) -> str:
        rest = self._tags.flush() if self._tags else ""
        if rest:
            self._text.append(rest)
        return rest

    def _provider_parts(self) -> tuple[ProviderPart, ...]:
        """What the endpoint wants back with the results of the tools."""
        data: dict[str, Any] = {}
        if self._extras:
            data["message"] = self._extras
        extras = {call.id: call.extras for call in self._calls.calls if call.extras}
        if extras:
            data["tool_calls"] = extras
        return (ProviderPart(provider=self._provider, data=data),) if data else ()


def _text_of(choice: Mapping[str, Any]) -> str:
    """The text of a further answer; its refusal, where it is one."""
    message = choice.get("message") or {}
    text = message.get("content") or message.get("refusal") or ""
    return text if isinstance(text, str) else _joined(text)


def text_or_none(value: Any) -> str | None:
    """A text, where it is one."""
    return value if isinstance(value, str) and value else None


def _usage_in(data: Mapping[str, Any]) -> Any:
    """The usage, which Groq's streams have in a field of their own."""
    usage = data.get("usage")
    if usage is None and data.get("x_groq"):
        return data["x_groq"].get("usage")
    return usage


def _joined(content: Any) -> str:
    """The text of content in parts."""
    if not isinstance(content, list):
        msg = "the content of the message is neither text nor parts"
        raise MalformedError(msg)
    return "".join(part.get("text") or "" for part in content if part.get("type") == "text")


def _appended(known: Any, value: Any) -> Any:
    """A field of a message with what the next delta adds to it."""
    if isinstance(known, str) and isinstance(value, str):
        return known + value
    if isinstance(known, list) and isinstance(value, list):
        merged = list(known)
        for item in value:
            if merged and isinstance(item, dict) and _continues(merged[-1], item):
                text = {key: merged[-1][key] + item[key] for key in ("text", "summary", "data") if key in item}
                merged[-1] = {**merged[-1], **item, **text}
            else:
                merged.append(item)
        return merged
    return value


def _continues(last: Any, item: Mapping[str, Any]) -> bool:
    """Whether a piece of OpenRouter's `reasoning_details` belongs to the last one: same type and index."""
    return (
        isinstance(last, dict)
        and item.get("index") is not None
        and all(last.get(key) == item.get(key) for key in ("type", "index"))
        and all(isinstance(last.get(key), str) for key in ("text", "summary", "data") if key in item)
    )
