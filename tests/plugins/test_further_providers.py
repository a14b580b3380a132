"""Speech of Gemini both ways, and reranking at Bedrock: what is sent, and what comes of the answers."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import errors
from pipelex_core.judging import Ranked, RerankRequest
from pipelex_core.results import Usage
from pipelex_core.sound import SpeechRequest, TranscriptRequest
from pipelex_core.specs import ModelSpec
from pipelex_further.audio import read_recording
from tests.plugins import test_google as google
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import served
from tests.servers.google import GoogleServer
from tests.support.sounds import wav

if TYPE_CHECKING:
    from pipelex_core.judging import RerankAnswer

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

USAGE = {
    "promptTokenCount": 9,
    "candidatesTokenCount": 50,
    "totalTokenCount": 59,
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
}
SAMPLES = b"\x01\x00\x02\x00" * 100


def spec(model_type: str, model_id: str = "gemini-tts", **options: Any) -> ModelSpec:
    """A model."""
    return ModelSpec(name="m", backend="b", sdk="s", model_id=model_id, model_type=model_type, options=options)


def answered(*parts: dict[str, Any], finish: str = "STOP") -> Reply:
    """An answer of Gemini."""
    candidate = {"content": {"role": "model", "parts": [*parts]}, "finishReason": finish, "index": 0}
    return Reply.json({"candidates": [candidate], "usageMetadata": USAGE, "responseId": "res-1"})


def sound(kind: str = "audio/L16;codec=pcm;rate=16000", data: str | None = None) -> dict[str, Any]:
    """A part with samples."""
    return {"inlineData": {"mimeType": kind, "data": b64encode(SAMPLES).decode() if data is None else data}}


def of_google(operation: str, request: Any, *replies: Reply) -> tuple[Any, list[Any]]:
    """The answer of AI Studio, and the requests that were sent."""

    async def main() -> Any:
        async with GoogleServer() as server, google.opened(server) as backend:
            server.queue(*replies)
            return await getattr(backend, operation)(request), server.received

    answer, received = asyncio.run(main())
    return answer, received


def test_gemini_speaks_in_samples_that_become_wav() -> None:
    """With the rate that the answer tells; the voice is the spec's first, and how to say it goes before the text."""
    request = SpeechRequest(
        spec=spec("speaker", voices=["Kore", "Puck"]), text="Hello.", format="wav", instructions="Say cheerfully"
    )
    answer, received = of_google("speak", request, answered(sound()))
    assert received[0].path.endswith("/models/gemini-tts:generateContent")
    assert received[0].json == {
        "contents": [{"role": "user", "parts": [{"text": "Say cheerfully: Hello."}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    }
    assert (answer.audio.content_type, answer.audio.sample_rate) == ("audio/wav", 16_000)
    recording = read_recording(answer.audio.data)
    assert recording.seconds == len(SAMPLES) / 32_000
    assert answer.audio.data.endswith(SAMPLES)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.characters) == (9, 50, 6)


def test_bare_samples_of_gemini_are_passed_on() -> None:
    """In several parts, too; without a voice where none is known."""
    request = SpeechRequest(spec=spec("speaker"), text="Hello.", format="pcm")
    answer, received = of_google("speak", request, answered(sound("audio/pcm"), sound("audio/pcm")))
    assert "speechConfig" not in received[0].json["generationConfig"]
    assert (answer.audio.data, answer.audio.content_type, answer.audio.sample_rate) == (
        SAMPLES * 2,
        "audio/pcm",
        24_000,
    )


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answered({"text": "No."}), errors.InvalidAnswerError),
        (answered(sound("image/png")), errors.InvalidAnswerError),
        (answered(sound(data="@")), errors.InvalidAnswerError),
        (answered(finish="PROHIBITED_CONTENT"), errors.ContentFilterError),
        (
            Reply.json({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}, status=429),
            errors.RateLimitError,
        ),
    ],
)
def test_an_answer_without_sound_is_an_error(reply: Reply, kind: type[Exception]) -> None:
    """Words in its place, a picture, nothing; what was withheld, and a limit."""
    with pytest.raises(kind):
        of_google("speak", SpeechRequest(spec=spec("speaker"), text="Hello.", format="wav"), reply)


def test_a_format_that_gemini_does_not_give_is_refused_unsent() -> None:
    """Samples are not encoded here."""
    with pytest.raises(errors.UnsupportedInputError, match="wav or pcm, not mp3"):
        of_google("speak", SpeechRequest(spec=spec("speaker"), text="Hello."))


def test_gemini_transcribes_what_is_in_the_request() -> None:
    """The recording whole, with its type, and the hints in the task; tokens and seconds are counted."""
    request = TranscriptRequest(
        spec=spec("transcriber", "gemini-3.5-transcribe"), audio=read_recording(wav(2)), language="en", prompt="Nile"
    )
    answer, received = of_google("transcribe", request, answered({"text": "The Nile.\n"}))
    recording, task = received[0].json["contents"][0]["parts"]
    assert (b64decode(recording["inlineData"]["data"]), recording["inlineData"]["mimeType"]) == (wav(2), "audio/wav")
    assert "The language is en." in task["text"]
    assert "Nile" in task["text"]
    assert (answer.text, answer.duration_s, answer.language) == ("The Nile.", 2.0, "en")
    assert (answer.usage.input_tokens, answer.usage.seconds) == (9, 2.0)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answered({"text": "The Ni"}, finish="MAX_TOKENS"), errors.InvalidAnswerError),
        (answered(finish="SAFETY"), errors.ContentFilterError),
    ],
)
def test_a_transcript_that_was_cut_or_withheld_is_an_error(reply: Reply, kind: type[errors.CallError]) -> None:
    """With what had come, and what it used."""
    request = TranscriptRequest(spec=spec("transcriber"), audio=read_recording(wav()))
    with pytest.raises(kind) as caught:
        of_google("transcribe", request, reply)
    assert caught.value.usage is not None


def test_a_recording_that_is_too_large_for_a_request_is_refused_unsent() -> None:
    """It goes as a part of the request, in base64."""
    request = TranscriptRequest(spec=spec("transcriber"), audio=read_recording(wav(0.1) + bytes(14 * 1024 * 1024)))
    with pytest.raises(errors.UnsupportedInputError, match="14,680,064"):
        of_google("transcribe", request)


def of_bedrock(body: Any, model_id: str = "cohere.rerank-v3-5:0", **fields: Any) -> tuple[RerankAnswer, Any]:
    """The answer to this body of InvokeModel, and the request that was sent."""
    documents = fields.pop("documents", ("a city", "a river", "a sea"))
    request = RerankRequest(spec=spec("reranker", model_id), query="water?", documents=documents, **fields)
    reply = Reply.json(body, headers={"x-amzn-RequestId": "req-1"})

    async def main() -> Any:
        async with served(reply) as (server, backend):
            return await backend.rerank(request), server.received[0]

    answer, received = asyncio.run(main())
    return answer, received


RANKED = [
    {"index": 1, "relevance_score": 0.9},
    {"index": 2, "relevance_score": 0.7},
    {"index": 0, "relevance_score": 0.1},
]


def test_bedrock_ranks_by_invoke_model() -> None:
    """Cohere's wants a version, Amazon's none; a query with up to 100 documents is one search."""
    answer, received = of_bedrock({"results": RANKED[:2]}, top_n=2)
    assert received.path == "/model/cohere.rerank-v3-5:0/invoke"
    assert received.json == {
        "query": "water?",
        "documents": ["a city", "a river", "a sea"],
        "top_n": 2,
        "api_version": 2,
    }
    assert (answer.ranking, answer.usage, answer.request_id) == (
        (Ranked(1, 0.9), Ranked(2, 0.7)),
        Usage(searches=1),
        "req-1",
    )
    answer, received = of_bedrock({"results": [*reversed(RANKED)]}, "amazon.rerank-v1:0")
    assert received.json == {"query": "water?", "documents": ["a city", "a river", "a sea"]}
    assert [index for index, _ in answer.ranking] == [1, 2, 0]
    many = tuple(f"text {number}" for number in range(101))
    answer, _ = of_bedrock({"results": [{"index": at, "relevance_score": 0} for at in range(101)]}, documents=many)
    assert answer.usage == Usage(searches=2)


@pytest.mark.parametrize(
    "body", [{}, {"results": RANKED[:1]}, {"results": [{"index": 9, "relevance_score": 1}] * 3}, []]
)
def test_an_answer_of_bedrock_that_is_not_a_ranking_is_an_error(body: Any) -> None:
    """It was paid all the same, and counts as searched."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        of_bedrock(body)
    assert caught.value.usage == Usage(searches=1)
