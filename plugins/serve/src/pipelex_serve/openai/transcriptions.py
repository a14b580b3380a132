"""`POST /v1/audio/transcriptions`: https://platform.openai.com/docs/api-reference/audio/createTranscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.jsons import encode
from pipelex_serve.openai.transcript_answer import WRITERS, as_json, by_words, usage_of
from pipelex_serve.running import Running, check_handle
from pipelex_serve.uploads import form_of, recording_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import FormData

    from pipelex_core.sound import Recording, TranscriptResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_KNOWN = frozenset(
    {"file", "model", "language", "prompt", "response_format", "stream", "user", "timestamp_granularities"}
)
_TIMED = frozenset({"verbose_json", "srt", "vtt"})


async def transcriptions(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with the transcript of a recording, which is not held in memory where it is long."""
    async with form_of(exchange) as form:
        body = _fields(form)
        handle, kind = fields.model(body), body.get("response_format") or "json"
        if kind not in WRITERS:
            fields.wrong("response_format", ", ".join(WRITERS), kind)
        check_handle(exchange, handle)
        async with recording_of(form, "file") as recording:
            result = await _ask(gateway, exchange, body, handle, recording)
    if body.get("stream") == "true" and kind in {"json", "text"}:
        await _as_events(exchange, result)
        return
    content, content_type = (by_words if _timestamps(body) == "word" else WRITERS[kind])(result)
    await exchange.answer_bytes(content, content_type)


async def _ask(
    gateway: Gateway, exchange: Exchange, body: Mapping[str, Any], handle: str, recording: Recording
) -> TranscriptResult:
    deck = gateway.deck
    capability = deck.capabilities["transcribe"]
    plan = make_plan(deck, capability, recording, handle=handle, settings=_settings(body))
    exchange.add_headers(gateway.notes_of(_unused(body)))
    async with Running(gateway, exchange, handle, plan, recording) as running:
        result: TranscriptResult = await running.ask()
    exchange.add_headers(running.headers())
    return result


async def _as_events(exchange: Exchange, result: TranscriptResult) -> None:
    """Send the text as the events of streams, in one piece."""
    stream = await exchange.open_stream()
    events = (
        {"type": "transcript.text.delta", "delta": result.text},
        {"type": "transcript.text.done", **as_json(result), "usage": usage_of(result)},
    )
    await stream.end(*(b"data: " + encode(event) + b"\n\n" for event in events))


def _fields(form: FormData) -> dict[str, Any]:
    """The form's fields, without the brackets that clients write after the name of a list."""
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name.endswith("[]") or name == "timestamp_granularities":
            found.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            found[name] = value
    return found


def _granularities(body: Mapping[str, Any]) -> list[Any]:
    named: list[Any] = body.get("timestamp_granularities", [])
    if not set(named) <= {"word", "segment"}:
        fields.wrong("timestamp_granularities", "word or segment", named)
    return named


def _timestamps(body: Mapping[str, Any]) -> str | None:
    """Times are asked for where the format has them: of words where those are wanted, which no call gives besides segments."""
    kind = body.get("response_format")
    if kind not in _TIMED:
        return None
    return "word" if kind == "verbose_json" and "word" in _granularities(body) else "segment"


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    return fields.settings_of(
        (
            ("language", body.get("language") or None),
            ("prompt", body.get("prompt") or None),
            ("timestamps", _timestamps(body)),
            ("speakers", True if body.get("response_format") == "diarized_json" else None),
        )
    )


def _unused(body: Mapping[str, Any]) -> tuple[str, ...]:
    names = [name for name in fields.unused(body, _KNOWN) if body[name] not in ("0", "0.0")]
    if len(set(_granularities(body))) > 1:
        names.append("timestamp_granularities[segment]")
    return tuple(names)
