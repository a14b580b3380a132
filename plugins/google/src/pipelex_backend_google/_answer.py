"""What Gemini answered, put together from its parts, in one piece or over a stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_backend_google._contents import PROVIDER, new_call_id
from pipelex_backend_google._errors import request_id
from pipelex_core.errors import ContentFilterError, InvalidAnswerError
from pipelex_core.requests import NO_USAGE, FinishReason, ProviderPart, TextAnswer, ToolCall, Usage

if TYPE_CHECKING:
    from google.genai import types

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
"""Every other reason is `other`: https://ai.google.dev/api/generate-content#FinishReason."""


@define(kw_only=True)
class Gathered:
    """An answer in the making.

    Attributes:
        texts: The visible text so far.
        finish: Google's finish reason, or None while there is none.
        usage: What was used, as far as Google has said.
    """

    texts: list[str] = field(factory=list)
    finish: str | None = None
    usage: Usage = NO_USAGE
    _reasoning: list[str] = field(factory=list)
    _calls: list[ToolCall] = field(factory=list)
    _provider_parts: list[ProviderPart] = field(factory=list)

    def add_text(self, text: str, *, thought: bool, signature: str | None) -> None:
        """A part with text, or with nothing but a signature."""
        (self._reasoning if thought else self.texts).append(text)
        if signature:
            self._sign("thought" if thought else "text", text, signature)

    def add_call(self, name: str, arguments: dict[str, Any], call_id: str | None, signature: str | None) -> None:
        """A part with a function call."""
        call = ToolCall(id=call_id or new_call_id(), name=name, arguments=arguments)
        self._calls.append(call)
        if signature:
            self._sign("call", call.id, signature)

    def _sign(self, place: str, value: str, signature: str) -> None:
        self._provider_parts.append(ProviderPart(provider=PROVIDER, data={place: value, "thoughtSignature": signature}))

    @property
    def text(self) -> str:
        """The visible text."""
        return "".join(self.texts)

    def answer(self, *, request_id: str | None, raw: Any) -> TextAnswer:
        """The whole of it."""
        reason = FINISH_REASONS.get(self.finish or "", "other")
        return TextAnswer(
            text=self.text,
            finish_reason="tool_calls" if self._calls and reason == "stop" else reason,
            usage=self.usage,
            tool_calls=tuple(self._calls),
            reasoning="".join(self._reasoning) or None,
            provider_parts=tuple(self._provider_parts),
            request_id=request_id,
            raw=raw,
        )


def parse(response: types.GenerateContentResponse) -> tuple[dict[str, Any], str | None]:
    """The JSON of an answer that the SDK handed over unread, and the id of the request.

    Raises:
        InvalidAnswerError: It is no JSON object, or holds no candidate.
        ContentFilterError: The prompt was blocked.
    """
    http = response.sdk_http_response
    body = (http.body if http else None) or ""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        msg = "Google's answer is no JSON object: is the endpoint right?"
        raise InvalidAnswerError(msg, raw=body)
    named = request_id(http.headers if http else None) or answer.get("responseId")
    if not answer.get("candidates"):
        feedback = answer.get("promptFeedback")
        raise no_candidate(feedback.get("blockReason") if isinstance(feedback, dict) else None, named, answer)
    return answer, named


def no_candidate(block_reason: str | None, named: str | None, raw: Any) -> ContentFilterError | InvalidAnswerError:
    """What to raise for an answer without a candidate."""
    if block_reason:
        return ContentFilterError(f"Google blocked the prompt: {block_reason}", request_id=named, raw=raw)
    return InvalidAnswerError("Google's answer holds no candidate", request_id=named, raw=raw)


def text_answer(response: types.GenerateContentResponse) -> TextAnswer:
    """A whole answer.

    Raises:
        InvalidAnswerError: It is none.
        ContentFilterError: The prompt was blocked.
    """
    answer, named = parse(response)
    gathered = Gathered()
    try:
        candidate = answer["candidates"][0]
        gathered.finish = candidate.get("finishReason")
        parts = (candidate.get("content") or {}).get("parts") or ()
        for part in parts:
            _add(gathered, part)
        gathered.usage = usage_of(answer.get("usageMetadata"))
        made = gathered.answer(request_id=named, raw=answer)
    except (AttributeError, KeyError, TypeError) as error:
        fault = f"Google's answer has another form than it should ({type(error).__name__})"
    else:
        if gathered.finish or parts:
            return made
        fault = "Google's answer is empty and says no reason"
    raise InvalidAnswerError(fault, request_id=named, raw=answer)


def _add(gathered: Gathered, part: dict[str, Any]) -> None:
    call, signature = part.get("functionCall"), part.get("thoughtSignature")
    if call is not None:
        gathered.add_call(call["name"], call.get("args") or {}, call.get("id"), signature)
    elif "text" in part or signature:
        gathered.add_text(part.get("text", ""), thought=bool(part.get("thought")), signature=signature)


def usage_of(metadata: dict[str, Any] | None) -> Usage:
    """`usageMetadata` in our terms: Google counts thoughts apart from the candidates, and leaves zeros out."""
    counts = metadata or {}
    return usage(
        counts.get("promptTokenCount"),
        counts.get("candidatesTokenCount"),
        counts.get("thoughtsTokenCount"),
        counts.get("cachedContentTokenCount"),
    )


def usage(prompt: int | None, candidates: int | None, thoughts: int | None, cached: int | None) -> Usage:
    """Google's counts, added up; without a count of the prompt it has said nothing yet."""
    if prompt is None and candidates is None and thoughts is None:
        return NO_USAGE
    return Usage(
        input_tokens=prompt,
        output_tokens=(candidates or 0) + (thoughts or 0),
        cached_tokens=cached,
        reasoning_tokens=thoughts,
    )
