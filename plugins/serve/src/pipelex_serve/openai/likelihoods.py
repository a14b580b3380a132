"""How likely tokens were, and how many answers: what requests ask, and how each API writes it down.

https://platform.openai.com/docs/api-reference/chat/object, …/responses/object, …/completions/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_serve import fields
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.results import TokenLogprob

_MOST, _MOST_ANSWERS = 20, 128
_UNKNOWN = "\ufffd"
"""What stands for a piece of a character, whose bytes are not known here."""


def number_of_answers(body: Mapping[str, Any]) -> int | None:
    """`n`; None for one answer.

    Raises:
        RefusedError: 400: it is not a number from 1 to 128.
    """
    number = fields.whole(body, "n")
    if number is not None and not 1 <= number <= _MOST_ANSWERS:
        fields.wrong("n", f"a whole number from 1 to {_MOST_ANSWERS}", number)
    return None if number == 1 else number


def of_chat(body: Mapping[str, Any]) -> int | None:
    """How many of the likeliest tokens a chat completion is to tell; 0 for the chosen one alone, None for nothing of it.

    Raises:
        RefusedError: 400: `top_logprobs` without `logprobs`, or not a number from 0 to 20.
    """
    most = _most(body)
    if fields.flag(body, "logprobs"):
        return most or 0
    if most is not None:
        msg = "'top_logprobs' needs 'logprobs': true"
        raise refuse(400, msg, code="invalid_value", param="top_logprobs")
    return None


def of_response(body: Mapping[str, Any]) -> int | None:
    """The same of a response, which says so in `include`, or by `top_logprobs`."""
    most = _most(body)
    included = body.get("include")
    named = isinstance(included, list) and "message.output_text.logprobs" in included
    return (most or 0) if named or most else None


def of_completion(body: Mapping[str, Any]) -> int | None:
    """The same of a completion of the protocol's first form: a number from 0 to 5."""
    most = fields.whole(body, "logprobs")
    if most is not None and not 0 <= most <= 5:
        fields.wrong("logprobs", "a whole number from 0 to 5", most)
    return most


def _most(body: Mapping[str, Any]) -> int | None:
    most = fields.whole(body, "top_logprobs")
    if most is not None and not 0 <= most <= _MOST:
        fields.wrong("top_logprobs", f"a whole number from 0 to {_MOST}", most)
    return most


def listed(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Each token with the likeliest in its place, as chat completions and responses have them."""
    return [
        {**_token(each.token, each.logprob), "top_logprobs": [_token(*pair) for pair in each.top.items()]}
        for each in tokens
    ]


def choice_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """The `logprobs` of a choice of a chat completion."""
    return {"content": listed(tokens), "refusal": None} if tokens else None


def first_form(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """The `logprobs` of a completion of the protocol's first form."""
    if not tokens:
        return None
    offsets, at = [], 0
    for each in tokens:
        offsets.append(at)
        at += len(each.token)
    return {
        "tokens": [each.token for each in tokens],
        "token_logprobs": [each.logprob for each in tokens],
        "top_logprobs": [dict(each.top) for each in tokens],
        "text_offset": offsets,
    }


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": None if _UNKNOWN in token else list(token.encode("utf-8"))}
