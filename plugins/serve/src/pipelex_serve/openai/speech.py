"""`POST /v1/audio/speech`: https://platform.openai.com/docs/api-reference/audio/createSpeech."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.backend import SpeechStreamer
from pipelex_core.capabilities.operations import STREAM_SPEECH
from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.jsons import encode
from pipelex_serve.openai.errors import error_body
from pipelex_serve.running import Running, check_handle
from pipelex_serve.streams import is_streamed, pass_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.execution.plan import Plan
    from pipelex_core.sound import SpeechResult
    from pipelex_serve.exchange import EventStream, Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.problems import Problem

_KNOWN = frozenset({"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"})
_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


async def speech(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with sound: as it is made where every model of the handle streams, else in one piece."""
    body = await exchange.json()
    handle, form = fields.model(body), body.get("stream_format") or "audio"
    if form not in ("audio", "sse"):
        fields.wrong("stream_format", "audio or sse", form)
    check_handle(exchange, handle)
    plan = _plan(gateway, body, handle)
    if await is_streamed(gateway, plan, SpeechStreamer):
        plan = evolve(_plan(gateway, body, handle), operation=STREAM_SPEECH)  # of the deck as it is by now
    exchange.add_headers(gateway.notes_of(fields.unused(body, _KNOWN)))
    running = Running(gateway, exchange, handle, plan, body["input"])
    if plan.operation.streams:
        encoding = plan.members[0].settings.get("format") or "mp3"
        writer = _Events() if form == "sse" else _Bytes(encoding)

        async def begin(first: bytes | None) -> EventStream:
            return await exchange.open_stream(writer.content_type(first or b""))

        await pass_on(exchange, running, writer, bytes, begin)
        return
    async with running:
        result: SpeechResult = await running.ask()
    exchange.add_headers(running.headers())
    audio = result.audio
    if form == "sse":
        events = _Events()
        stream = await exchange.open_stream(events.content_type(audio.data))
        await stream.end(events.text(audio.data), *events.last(result))
        return
    await exchange.answer_bytes(audio.data, audio.content_type.encode("ascii", "replace"))


def _plan(gateway: Gateway, body: Mapping[str, Any], handle: str) -> Plan:
    deck = gateway.deck
    capability = deck.capabilities["speak"]
    what = capability.read(fields.text(body, "input"))
    settings = fields.settings_of(
        (
            ("voice", _voice(body)),
            ("format", body.get("response_format")),
            ("speed", fields.number(body, "speed")),
            ("instructions", body.get("instructions") or None),
        )
    )
    return make_plan(deck, capability, what, handle=handle, settings=settings)


def _voice(body: Mapping[str, Any]) -> str | None:
    """The voice, by its name or in an object with its `id`; an empty one is the handle's own."""
    voice = body.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
    if voice is not None and not isinstance(voice, str):
        fields.wrong("voice", "a name, or an object with an id", body.get("voice"))
    return voice or None


@frozen
class _Bytes:
    """Sound as it is. A stream that breaks off ends without its last chunk, which is all that HTTP has to say so."""

    encoding: str

    def content_type(self, first: bytes) -> bytes:
        """The type, by the first bytes; bare samples have no mark."""
        from pipelex_operations.audio import sniff_audio

        kind = None if self.encoding == "pcm" else sniff_audio(first)
        return (kind or _TYPES[self.encoding]).encode("ascii")

    @staticmethod
    def text(data: bytes) -> bytes:
        """The bytes."""
        return data

    @staticmethod
    def last(_result: SpeechResult) -> Sequence[bytes]:
        """Nothing more."""
        return ()

    @staticmethod
    def broken(_problem: Problem) -> None:
        """No words."""


@frozen
class _Events:
    """Sound in server-sent events."""

    @staticmethod
    def content_type(_first: bytes) -> bytes:
        """That of events."""
        return b"text/event-stream; charset=utf-8"

    @staticmethod
    def text(data: bytes) -> bytes:
        """A piece of the sound."""
        return _event({"type": "speech.audio.delta", "audio": b64encode(data).decode("ascii")})

    @staticmethod
    def last(result: SpeechResult) -> Sequence[bytes]:
        """What it used."""
        sent, made = result.usage.input_tokens or 0, result.usage.output_tokens or 0
        usage: dict[str, Any] = {"input_tokens": sent, "output_tokens": made, "total_tokens": sent + made}
        if result.cost is not None:
            usage["cost"] = result.cost.amount
        return (_event({"type": "speech.audio.done", "usage": usage}),)

    @staticmethod
    def broken(problem: Problem) -> Sequence[bytes]:
        """The error of a stream that broke off."""
        return (_event(error_body(problem)),)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
