"""Sound in prompts at the providers: what is sent, what comes of the counts, and which endpoints refuse it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_google._answer import usage_of as google_usage
from pipelex_backend_google._contents import contents
from pipelex_backend_mistral._chat_answer import usage_of as mistral_usage
from pipelex_backend_mistral._chat_request import chat_body
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import AudioPart, Media, Message, TextPart
from pipelex_core.requests import TextRequest
from pipelex_core.specs import ModelSpec
from tests.plugins.openai_calls import config, spec, text_request, with_backend
from tests.servers.base import Reply
from tests.servers.openai_server import USAGE, completion
from tests.support.sounds import wav

if TYPE_CHECKING:
    from tests.servers.base import Server

WAV = wav(1)
ENCODED = base64.b64encode(WAV).decode()
SOUND = AudioPart(Media(data=WAV, media_type="audio/wav"))
AWAY = AudioPart(Media(url="https://a.example/b.mp3", media_type="audio/mpeg"))


def requested(*parts: Any) -> tuple[Message, ...]:
    return (Message(role="user", parts=(TextPart("What is said?"), *parts)),)


def of_openai(name: str, *parts: Any, sdk: str = "openai") -> tuple[Any, Any]:
    """The answer, and the body that was sent."""
    details = {**USAGE, "prompt_tokens_details": {"audio_tokens": 7}}

    async def use(backend: Any, server: Server) -> Any:
        request = text_request(spec=spec(sdk, model_id="gpt-audio"), messages=requested(*parts))
        return await backend.generate_text(request), server.received[-1]

    reply = Reply.json(completion("Hello", usage=details))
    answer, received = with_backend(use, reply, sdk=sdk, make=lambda url: config(url, name))
    return answer, received.json


def test_openai_takes_base64_with_a_format() -> None:
    """And counts the tokens of sound, which have a price of their own."""
    answer, body = of_openai("openai", SOUND)
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What is said?"},
        {"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
    ]
    assert answer.usage.input_audio_tokens == 7


@pytest.mark.parametrize(
    "name, kind, sdk, match",
    [
        ("openai", "audio/flac", "openai", "as wav, mp3 in a prompt, not as flac"),
        ("openai", "audio/wav", "openai_responses", "takes no audio in a prompt"),
        ("groq", "audio/wav", "openai", "takes no audio in a prompt"),
        ("xai", "audio/wav", "openai", "takes no audio in a prompt"),
        ("deepseek", "audio/wav", "openai", "takes no audio in a prompt"),
    ],
)
def test_what_an_endpoint_does_not_take_is_refused(name: str, kind: str, sdk: str, match: str) -> None:
    """Before any request, with what to do instead."""
    with pytest.raises(UnsupportedInputError, match=match):
        of_openai(name, AudioPart(Media(data=WAV, media_type=kind)), sdk=sdk)


def test_mistral_takes_base64_or_a_url() -> None:
    """In one word; it counts seconds beside the tokens."""
    model = ModelSpec(name="m", backend="mistral", sdk="mistral", model_id="voxtral-small-latest")
    body = chat_body(TextRequest(spec=model, messages=requested(SOUND, AWAY)))
    assert body["messages"][0]["content"][1:] == [
        {"type": "input_audio", "input_audio": ENCODED},
        {"type": "input_audio", "input_audio": "https://a.example/b.mp3"},
    ]
    counted = mistral_usage({"prompt_tokens": 9, "completion_tokens": 3, "prompt_audio_seconds": 12})
    assert (counted.input_tokens, counted.seconds) == (9, 12)


def test_gemini_takes_bytes_or_an_address() -> None:
    """As it does pictures, and tells the tokens of sound apart."""
    assert contents(requested(SOUND, AWAY), "gemini-3-flash")[0]["parts"][1:] == [
        {"inlineData": {"mimeType": "audio/wav", "data": ENCODED}},
        {"fileData": {"mimeType": "audio/mpeg", "fileUri": "https://a.example/b.mp3"}},
    ]
    details = [{"modality": "AUDIO", "tokenCount": 32}, {"modality": "TEXT", "tokenCount": 4}]
    assert google_usage({"promptTokenCount": 36, "promptTokensDetails": details}).input_audio_tokens == 32
