"""`POST /v1/completions`, the protocol's first form: https://platform.openai.com/docs/api-reference/completions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pipelex_core.parts import Message, TextPart
from pipelex_serve import fields
from pipelex_serve.jsons import encode
from pipelex_serve.openai import likelihoods
from pipelex_serve.openai.chat_answer import DONE, finish_reason
from pipelex_serve.openai.chat_request import wide_temperature
from pipelex_serve.openai.errors import error_body
from pipelex_serve.openai.usage import chat_usage
from pipelex_serve.problems import refuse
from pipelex_serve.running import Running, check_handle
from pipelex_serve.streams import stream_text, stream_whole
from pipelex_serve.texts import TextCall, text_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.results import TextResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.problems import Problem

_KNOWN = frozenset(
    [
        *("model", "prompt", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed", "stop", "n"),
        *("logprobs", "user"),
    ]
)


async def completions(gateway: Gateway, exchange: Exchange) -> None:
    """Answer a prompt."""
    body = await exchange.json()
    call = _read(body)
    check_handle(exchange, call.model)
    plan = text_plan(gateway.deck, call)
    running = Running(gateway, exchange, call.model, plan)
    exchange.add_headers(gateway.notes_of(call.ignored))
    made = _Made(exchange.id, call.model, with_usage=bool(fields.table_of(body, "stream_options").get("include_usage")))
    if call.streams:
        await (stream_text if plan.operation.streams else stream_whole)(exchange, running, made)
        return
    async with running:
        result = await running.ask()
    exchange.add_headers(running.headers())
    await exchange.answer({**made.whole(result), "usage": chat_usage(result.usage, result.cost)})


def _read(body: Mapping[str, Any]) -> TextCall:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        msg = "'prompt' must be a string, or a list of one: send several prompts as requests of their own"
        raise refuse(400, msg, code="unsupported_value", param="prompt")
    return TextCall(
        model=fields.model(body),
        messages=(Message(role="user", parts=(TextPart(prompt),)),),
        settings=fields.settings_of(
            (
                ("temperature", wide_temperature(body)),
                ("top_p", fields.number(body, "top_p")),
                ("max_tokens", fields.whole(body, "max_tokens")),
                ("seed", fields.whole(body, "seed")),
                ("stop", tuple(fields.strings(body, "stop"))),
                ("logprobs", likelihoods.of_completion(body)),
                ("n", likelihoods.number_of_answers(body)),
            )
        ),
        streams=fields.flag(body, "stream"),
        wide_temperature=True,
        ignored=fields.unused(body, _KNOWN),
    )


class _Made:
    """One completion, whole or in pieces."""

    def __init__(self, id: str, model: str, *, with_usage: bool) -> None:
        self._head = {"id": f"cmpl-{id}", "object": "text_completion", "created": int(time.time()), "model": model}
        self._with_usage = with_usage

    def completion(self, text: str, reason: str | None, *, index: int = 0, logprobs: Any = None) -> dict[str, Any]:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return {**self._head, "choices": [choice]}

    def whole(self, result: TextResult) -> dict[str, Any]:
        probable = likelihoods.first_form(result.logprobs)
        made = [self.completion(result.text, finish_reason(result), logprobs=probable)]
        made += [self.completion(text, "stop", index=index) for index, text in enumerate(result.alternatives, 1)]
        return {**self._head, "choices": [each["choices"][0] for each in made]}

    @staticmethod
    def first() -> Sequence[bytes]:
        return ()

    def text(self, delta: str) -> bytes:
        return _event(self.completion(delta, None))

    @staticmethod
    def beside(_delta: object) -> bytes:
        return b""

    def last(self, result: TextResult) -> Sequence[bytes]:
        probable = likelihoods.first_form(result.logprobs)
        events = [_event(self.completion("", finish_reason(result), logprobs=probable))]
        for index, text in enumerate(result.alternatives, 1):
            events.append(_event(self.completion(text, "stop", index=index)))
        if self._with_usage:
            events.append(_event({**self._head, "choices": [], "usage": chat_usage(result.usage, result.cost)}))
        return [*events, DONE]

    @staticmethod
    def broken(problem: Problem) -> Sequence[bytes]:
        return _event(error_body(problem)), DONE


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
