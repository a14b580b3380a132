"""What plugins check of an answer, whichever provider gave it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import InvalidAnswerError
from pipelex_core.results import TokenLogprob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.requests import EmbeddingRequest, TextRequest
    from pipelex_core.results import EmbeddingAnswer, TextAnswer

_log = logging.getLogger("pipelex_core.calls")


def says_something(answer: TextAnswer, request: TextRequest, reason: str | None = None) -> TextAnswer:
    """The answer, if there is text or a call of a tool in it, or a reason why not; its finish reason agrees with its calls.

    An answer with calls ended for them, whatever a server says, unless the request named the tool: then `stop` is right
    (https://platform.openai.com/docs/api-reference/chat/create, `tool_choice`). One without, where the request demanded a call, ended for
    another reason than it should: `other`, with a warning in the log.

    One that was cut short or withheld may be empty, and so may one that ended at once with a stop string.

    Args:
        answer: What the provider answered.
        request: The request.
        reason: The provider's word for why the answer ended, for the message.

    Raises:
        InvalidAnswerError: It is empty; with what it used, because it was paid all the same.
    """
    if answer.tool_calls and answer.finish_reason in {"stop", "other"}:
        named = request.tool_choice not in {None, "auto", "none", "required"}
        return answer if named and answer.finish_reason == "stop" else evolve(answer, finish_reason="tool_calls")
    if not answer.tool_calls and answer.finish_reason in {"stop", "tool_calls"}:
        answer = _without_calls(answer, request)
    if answer.text or answer.tool_calls or answer.finish_reason in {"length", "content_filter"} or request.stop:
        return answer
    held = "reasoning alone" if answer.reasoning else "nothing"
    raise InvalidAnswerError(
        f"the answer is empty: it holds {held}" + (f", and ended with {reason}" if reason else ""),
        raw=answer.raw,
        request_id=answer.request_id,
        usage=answer.usage,
    )


def _without_calls(answer: TextAnswer, request: TextRequest) -> TextAnswer:
    spec = request.spec
    if request.tools and request.tool_choice not in {None, "auto", "none"}:
        _log.warning(
            "model %r of backend %r called no tool, though tool_choice is %r: its text is the answer",
            spec.name,
            spec.backend,
            request.tool_choice,
        )
        return evolve(answer, finish_reason="other")
    return answer


def embeds_all(answer: EmbeddingAnswer, request: EmbeddingRequest) -> EmbeddingAnswer:
    """The answer, if it has a vector for each text, of as many dimensions as the request asks for.

    Raises:
        InvalidAnswerError: It has not; what it used is in the ledger all the same.
    """
    vectors, requested = answer.vectors, request.dimensions
    if len(vectors) != len(request.texts):
        msg = f"{len(request.texts)} texts were sent, and {len(vectors)} vectors came"
    elif requested is not None and vectors.dimensions != requested:
        msg = f"vectors of {requested} dimensions were asked for, and came with {vectors.dimensions}"
    else:
        return answer
    raise InvalidAnswerError(msg, raw=answer.raw, request_id=answer.request_id, usage=answer.usage)


def count(value: object) -> int | None:
    """A number of tokens, where a provider's word for it is one; 12.0 is 12."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def token_logprobs(listed: Iterable[Any]) -> tuple[TokenLogprob, ...]:
    """How likely the tokens of an answer were, in the form that OpenAI gave it and others took over.

    https://platform.openai.com/docs/api-reference/chat/object#chat/object-choices
    """
    return tuple(
        TokenLogprob(
            token=str(each["token"]),
            logprob=float(each["logprob"]),
            top={str(other["token"]): float(other["logprob"]) for other in each.get("top_logprobs") or ()},
        )
        for each in listed
    )
