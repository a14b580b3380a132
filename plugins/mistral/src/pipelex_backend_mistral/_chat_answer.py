"""Answers of `/v1/chat/completions`, whole or in chunks, as a `TextAnswer`; whatever is not an answer is an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from attrs import define, field

from pipelex_backend_mistral._chat_request import PROVIDER
from pipelex_core.answers import count, token_logprobs
from pipelex_core.errors import InvalidAnswerError, ServerError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import NO_USAGE, TextAnswer, Usage

if TYPE_CHECKING:
    from pipelex_core.results import FinishReason

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
_CUT: frozenset[FinishReason] = frozenset({"length", "content_filter"})
"""Reasons of an answer that ended where the model had not."""


@define(kw_only=True)
class Gathered:
    """What an answer has given so far: one message, or the deltas of a stream.

    Attributes:
        request_id: The provider's id of the request.
        text: The pieces of visible text.
        finish_reason: The provider's word for why it ended; None as long as it has not.
        usage: As the provider counts it.
        raw: The last answer or chunk.
        thought: The reasoning that the last chunk of a stream brought.
    """

    request_id: str | None
    text: list[str] = field(factory=list)
    finish_reason: str | None = None
    usage: Usage = NO_USAGE
    raw: Any = None
    thought: str = ""
    _thinking: list[dict[str, Any]] = field(factory=list)
    _still_thinking: bool = False
    _calls: list[dict[str, Any]] = field(factory=list)
    _logprobs: list[Any] = field(factory=list)
    _others: list[str] = field(factory=list)

    def take(self, payload: Any, key: Literal["message", "delta"]) -> str:
        """Take an answer, whose choices hold a message, or a chunk with a delta; gives the text that is new.

        Raises:
            InvalidAnswerError: It has not the form of one.
        """
        self.raw, self.thought = payload, ""
        if not isinstance(payload, dict) or not isinstance(payload.get("choices"), list):
            self._fail("it has no choices")
        if isinstance(payload.get("usage"), dict):
            self.usage = usage_of(payload["usage"])
        new = ""
        for choice in payload["choices"]:
            if not isinstance(choice, dict) or not isinstance(choice.get(key), dict):
                self._fail(f"a choice has no {key}")
            if choice.get("index"):
                self._others.append(self._text_of(choice[key].get("content")))
                continue
            listed = choice.get("logprobs")
            self._logprobs += (listed.get("content") or ()) if isinstance(listed, dict) else ()
            new += self._take_content(choice[key].get("content"), streamed=key == "delta")
            calls = choice[key].get("tool_calls") or []
            for call in calls if isinstance(calls, list) else [calls]:
                self._take_call(call, streamed=key == "delta")
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
        return new

    def answer(self) -> TextAnswer:
        """The whole answer; a call that was cut short with it is left out.

        Raises:
            InvalidAnswerError: A tool's arguments are not a JSON object.
            ServerError: The provider says that it failed on the way.
        """
        text = "".join(self.text)
        if self.finish_reason == "error":
            msg = "Mistral ended the answer with an error"
            raise ServerError(msg, request_id=self.request_id, partial_text=text or None, raw=self.raw)
        reasoning = "".join(_thinking_text(chunk) for chunk in self._thinking)
        reason = _FINISH_REASONS.get(str(self.finish_reason), "other")
        if reason in _CUT:
            self._calls = [call for call in self._calls if _is_whole(call, is_last=call is self._calls[-1])]
        return TextAnswer(
            text=text,
            finish_reason=reason,
            usage=self.usage,
            tool_calls=tuple(self._tool_call(number, call) for number, call in enumerate(self._calls)),
            reasoning=reasoning or None,
            provider_parts=tuple(ProviderPart(provider=PROVIDER, data=chunk) for chunk in self._thinking),
            logprobs=token_logprobs(self._logprobs),
            alternatives=tuple(self._others),
            request_id=self.request_id,
            raw=self.raw,
        )

    def _text_of(self, content: Any) -> str:
        """The text of a further answer."""
        if isinstance(content, list):
            return "".join(str(chunk.get("text") or "") for chunk in content if chunk.get("type") == "text")
        return content if isinstance(content, str) else ""

    def _take_content(self, content: Any, *, streamed: bool) -> str:
        if content is None:
            return ""
        if isinstance(content, str):
            self._still_thinking = self._still_thinking and not content
            self.text.append(content)
            return content
        if not isinstance(content, list) or not all(isinstance(chunk, dict) for chunk in content):
            self._fail("its content is neither text nor chunks")
        new = ""
        for chunk in content:
            if chunk.get("type") == "text":
                new += str(chunk.get("text") or "")
                self._still_thinking = False
            elif chunk.get("type") == "thinking":
                self._take_thinking(chunk, streamed=streamed)
        self.text.append(new)
        return new

    def _take_thinking(self, chunk: dict[str, Any], *, streamed: bool) -> None:
        """Keep a thinking chunk; a streamed one continues the last, unless text came between them."""
        if streamed and self._still_thinking:
            last = self._thinking[-1]
            text = _thinking_text(last) + _thinking_text(chunk)
            last |= chunk | {"thinking": [{"type": "text", "text": text}]}
        else:
            self._thinking.append(dict(chunk))
        self._still_thinking = True
        self.thought += _thinking_text(chunk)

    def _take_call(self, call: Any, *, streamed: bool) -> None:
        """Keep a call; a streamed piece without an id of its own (or `null`) continues the one with its index."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            self._fail("a tool call has no function")
        call_id, index, arguments = call.get("id"), call.get("index"), function.get("arguments")
        call_id = None if call_id == "null" else call_id
        same = (
            [one for one in self._calls if one["index"] == index and call_id in {None, one["id"]}] if streamed else []
        )
        if same and isinstance(arguments, str):
            same[-1]["arguments"] += arguments
            return
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        begun = {"id": call_id, "index": index, "name": function.get("name"), "arguments": arguments or ""}
        self._calls.append(begun)

    def _tool_call(self, number: int, call: dict[str, Any]) -> ToolCall:
        try:
            arguments = json.loads(call["arguments"] or "{}")
        except (TypeError, ValueError):
            arguments = None
        if not (isinstance(call["name"], str) and call["name"] and isinstance(call["id"], str | None)):
            self._fail("a tool call has no name, or an invalid id")
        if not isinstance(arguments, dict):
            self._fail(f"the arguments of tool call '{call['name']}' are not a JSON object")
        return ToolCall(id=call["id"] or f"call{number:05d}", name=call["name"], arguments=arguments)

    def _fail(self, why: str) -> NoReturn:
        raise invalid(why, self.raw, self.request_id, partial_text="".join(self.text) or None)


def _is_whole(call: dict[str, Any], *, is_last: bool) -> bool:
    """Whether a call of an answer that was cut short has all of its arguments; the last one has some, if it has."""
    if not call["arguments"]:
        return not is_last
    try:
        return isinstance(json.loads(call["arguments"]), dict)
    except (TypeError, ValueError):
        return False


def gathered_answer(payload: Any, request_id: str | None) -> Gathered:
    """The answer of a call without streaming.

    Raises:
        InvalidAnswerError: It is malformed.
    """
    gathered = Gathered(request_id=request_id)
    gathered.take(payload, "message")
    if gathered.finish_reason is None:
        why = "it does not say why it ended"
        raise invalid(why, payload, request_id)
    return gathered


def invalid(why: str, raw: Any, request_id: str | None, partial_text: str | None = None) -> InvalidAnswerError:
    """The error for something that is not an answer; `raw` keeps it."""
    msg = f"Mistral's answer cannot be used: {why}"
    return InvalidAnswerError(msg, request_id=request_id, raw=raw, partial_text=partial_text)


def usage_of(counts: dict[str, Any]) -> Usage:
    """What a call used. Cached tokens are part of the input; older answers have them as `num_cached_tokens`."""
    details = counts.get("prompt_tokens_details") or counts.get("prompt_token_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else counts.get("num_cached_tokens")
    spent = counts.get("completion_tokens_details")
    return Usage(
        input_tokens=count(counts.get("prompt_tokens")),
        output_tokens=count(counts.get("completion_tokens")),
        cached_tokens=count(cached),
        input_audio_tokens=count(details.get("audio_tokens")) if isinstance(details, dict) else None,
        reasoning_tokens=count(spent.get("reasoning_tokens")) if isinstance(spent, dict) else None,
        seconds=count(counts.get("prompt_audio_seconds")),
    )


def _thinking_text(chunk: dict[str, Any]) -> str:
    pieces = chunk.get("thinking")
    if not isinstance(pieces, list):
        return ""
    return "".join(str(piece.get("text") or "") for piece in pieces if isinstance(piece, dict))
