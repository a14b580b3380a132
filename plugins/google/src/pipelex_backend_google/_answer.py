"""What Gemini answered, put together from its parts: https://ai.google.dev/api/generate-content#generatecontentresponse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_backend_google._citations import citations_of
from pipelex_backend_google._contents import PROVIDER, new_call_id
from pipelex_backend_google._errors import reported, request_id
from pipelex_core.answers import count
from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_core.errors import ContentFilterError, InvalidAnswerError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import NO_USAGE, FinishReason, TextAnswer, TokenLogprob, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_backend_google._requests import Replied

FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
"""Every other reason is `other`."""

_CUT: frozenset[FinishReason] = frozenset({"length", "content_filter"})
"""Reasons of an answer that ended where the model had not."""

WRONG_FORM = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an answer of another form than it should have raises."""


@define(kw_only=True)
class Gathered:
    """An answer in the making, of one piece or of a stream's.

    Attributes:
        request_id: The provider's id of the request, as far as it is known.
        finish: Google's finish reason, or None while there is none.
        last: The piece that was taken in last.
    """

    request_id: str | None
    finish: str | None = None
    last: dict[str, Any] | None = None
    _texts: list[str] = field(factory=list)
    _reasoning: list[str] = field(factory=list)
    _calls: list[ToolCall] = field(factory=list)
    _provider_parts: list[ProviderPart] = field(factory=list)
    _usage: Usage = NO_USAGE
    _grounding: dict[str, Any] = field(factory=dict)
    _logprobs: list[TokenLogprob] = field(factory=list)
    _others: list[str] = field(factory=list)

    def take(self, piece: dict[str, Any]) -> list[str]:
        """Take a piece in, and give the visible text it brings, with reasoning and calls as side deltas.

        Raises:
            InvalidAnswerError: It has another form than it should.
            ContentFilterError: The prompt was blocked.
        """
        self.last = piece
        try:
            self.request_id = self.request_id or _string(piece.get("responseId")) or None
            return list(self._take(piece))
        except WRONG_FORM as error:
            fault = wrong_form(error)
        raise InvalidAnswerError(fault, request_id=self.request_id, raw=piece)

    def _take(self, piece: dict[str, Any]) -> Iterator[str]:
        counts = piece.get("usageMetadata")
        if counts and counts.get("promptTokenCount") is not None:
            self._usage = usage_of(counts)
        candidates = piece.get("candidates")
        if not candidates:
            blocked = (piece.get("promptFeedback") or {}).get("blockReason")
            if blocked:
                msg = f"Google blocked the prompt: {blocked}"
                raise ContentFilterError(msg, request_id=self.request_id, raw=piece)
            return
        candidate = candidates[0]
        self._others += ["".join(_string(part.get("text")) for part in parts_of(other)) for other in candidates[1:]]
        self._take_logprobs(candidate.get("logprobsResult"))
        self.finish = _string(candidate.get("finishReason")) or self.finish
        self._grounding = candidate.get("groundingMetadata") or self._grounding
        for part in parts_of(candidate):
            yield from self._take_part(part)

    def _take_part(self, part: dict[str, Any]) -> Iterator[str]:
        called, signature = part.get("functionCall"), part.get("thoughtSignature")
        if called is not None:
            call = _tool_call(called)
            self._calls.append(call)
            self._sign("call", call.id, signature)
            if call.arguments:
                arguments = json.dumps(call.arguments, ensure_ascii=False)
                yield ToolCallDelta(number=len(self._calls) - 1, id=call.id, name=call.name, arguments=arguments)
        elif part.get("thought"):
            thought = _string(part.get("text"))
            self._reasoning.append(thought)
            self._sign("thought", thought, signature)
            if thought:
                yield ReasoningDelta(thought)
        else:
            text = _string(part.get("text"))
            self._sign("text", text, signature)
            if text:
                self._texts.append(text)
                yield text

    def _take_logprobs(self, result: dict[str, Any] | None) -> None:
        """https://ai.google.dev/api/generate-content#LogprobsResult."""
        if not result:
            return
        chosen, top = result.get("chosenCandidates") or [], result.get("topCandidates") or []
        for number, token in enumerate(chosen):
            likeliest = (top[number].get("candidates") or []) if number < len(top) else []
            self._logprobs.append(
                TokenLogprob(
                    token=_string(token.get("token")),
                    logprob=float(token.get("logProbability") or 0),
                    top={_string(each.get("token")): float(each.get("logProbability") or 0) for each in likeliest},
                )
            )

    def _sign(self, place: str, value: str, signature: str | None) -> None:
        if signature:
            data = {place: value, "thoughtSignature": signature}
            self._provider_parts.append(ProviderPart(provider=PROVIDER, data=data))

    @property
    def is_empty(self) -> bool:
        """Whether there is neither text nor a call."""
        return not (self._texts or self._calls or self._reasoning)

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._texts)

    def answer(self) -> TextAnswer:
        """The whole of it. Gemini gives no half of a call; one without arguments, at the end of a cut answer, may be one."""
        reason = FINISH_REASONS.get(self.finish or "", "other")
        if reason in _CUT and self._calls and not self._calls[-1].arguments:
            self._calls.pop()
        return TextAnswer(
            text=self.text,
            finish_reason="tool_calls" if self._calls and reason == "stop" else reason,
            usage=self._usage,
            tool_calls=tuple(self._calls),
            reasoning="".join(self._reasoning) or None,
            provider_parts=tuple(self._provider_parts),
            citations=tuple(citations_of(self._grounding, self.text)),
            logprobs=tuple(self._logprobs),
            alternatives=tuple(self._others),
            request_id=self.request_id,
            raw=self.last,
        )


def gathered_answer(replied: Replied) -> Gathered:
    """A whole answer.

    Raises:
        InvalidAnswerError: It is malformed.
        ContentFilterError: The prompt was blocked.
    """
    piece, named = parse(replied)
    gathered = Gathered(request_id=named)
    gathered.take(piece)
    if gathered.finish is None and gathered.is_empty:
        msg = "Google's answer is empty, and says no reason"
        raise InvalidAnswerError(msg, request_id=gathered.request_id, raw=piece)
    return gathered


def parse(replied: Replied) -> tuple[dict[str, Any], str | None]:
    """The JSON of an answer, and the id of the request, where a header tells it.

    Raises:
        InvalidAnswerError: It is not a JSON object.
        APIError: It is an error with a good status, as a gateway may give it.
    """
    named = request_id(replied.headers)
    try:
        answer = json.loads(replied.body.removeprefix("\ufeff"))
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        if answer.get("error"):
            raise reported(answer["error"], replied)
        return answer, named
    msg = "Google's answer is not a JSON object: is the endpoint right?"
    raise InvalidAnswerError(msg, request_id=named, raw=replied.body)


def wrong_form(error: Exception) -> str:
    """What to say of an answer that could not be read."""
    return f"Google's answer has another form than it should ({type(error).__name__})"


def usage_of(counts: dict[str, Any]) -> Usage:
    """`usageMetadata` in our terms: Google counts thoughts apart from the candidates, and leaves zeros out; what is not a count is unknown.

    https://ai.google.dev/api/generate-content#UsageMetadata
    """
    thoughts = count(counts.get("thoughtsTokenCount"))
    of_both = (counts.get("candidatesTokenCount"), counts.get("thoughtsTokenCount"))
    candidates, thinking = (0 if each is None else count(each) for each in of_both)
    of_input, of_output = counts.get("promptTokensDetails"), counts.get("candidatesTokensDetails")
    return Usage(
        input_tokens=count(counts.get("promptTokenCount")),
        output_tokens=None if candidates is None or thinking is None else candidates + thinking,
        cached_tokens=count(counts.get("cachedContentTokenCount")),
        input_audio_tokens=_of_kind(of_input, "AUDIO"),
        input_image_tokens=_of_kind(of_input, "IMAGE"),
        reasoning_tokens=thoughts,
        output_audio_tokens=_of_kind(of_output, "AUDIO"),
        output_image_tokens=_of_kind(of_output, "IMAGE"),
        service_tier=_service_tier(counts),
    )


def _of_kind(details: Any, kind: str) -> int | None:
    """The tokens of one modality."""
    if not isinstance(details, list):
        return None
    counts = [each for each in details if isinstance(each, dict) and each.get("modality") == kind]
    return sum(count(each.get("tokenCount")) or 0 for each in counts) if counts else None


def _service_tier(counts: dict[str, Any]) -> str | None:
    """The service tier, which Vertex AI has in its `trafficType`: `ON_DEMAND_FLEX`, `PROVISIONED_THROUGHPUT`."""
    tier = counts.get("serviceTier") or counts.get("trafficType")
    return tier.lower().removeprefix("on_demand_") if isinstance(tier, str) else None


def parts_of(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a candidate; one that was withheld or cut short may have none."""
    return (candidate.get("content") or {}).get("parts") or []


def _tool_call(called: dict[str, Any]) -> ToolCall:
    name, arguments = _string(called["name"]), called.get("args") or {}
    if not name or not isinstance(arguments, dict):
        msg = "a function call has a name and arguments"
        raise TypeError(msg)
    return ToolCall(id=_string(called.get("id")) or new_call_id(), name=name, arguments=arguments)


def _string(value: Any) -> str:
    """A text, empty where there is none."""
    if value is not None and not isinstance(value, str):
        msg = f"text is {type(value).__name__}"
        raise TypeError(msg)
    return value or ""
