"""Speech of Gemini both ways, and reranking at Bedrock: what is sent, and what comes of the answers."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_google._sound import speech_body, transcription_body
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.judging import Ranked, RerankRequest
from pipelex_core.results import Usage
from pipelex_core.sound import SpeechRequest, TranscriptRequest
from pipelex_core.specs import ModelSpec
from pipelex_operations.audio import read_recording
from pipelex_testing.rulebook import Rulebook
from tests.plugins import test_google as google
from tests.plugins import test_vertexai as vertexai
from tests.servers import bedrock
from tests.servers.base import Reply, Server
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


def test_what_gemini_has_not_is_refused_unsent() -> None:
    """Times, speakers and a speed, which it would pass over in silence."""
    unheard: tuple[Any, ...] = ({"timestamps": "word"}, {"speakers": True})
    for wanted in unheard:
        with pytest.raises(errors.UnsupportedInputError, match="the text alone"):
            transcription_body(TranscriptRequest(spec=spec("transcriber"), audio=read_recording(wav()), **wanted))
    with pytest.raises(errors.UnsupportedInputError, match="no speed"):
        speech_body(SpeechRequest(spec=spec("speaker"), text="Hello.", format="wav", speed=2))


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


# ── Speech of Gemini in pieces, rankings of Google ────────────────────────────────────────────────────────────────────────


def pieces_of_speech(request: SpeechRequest, *replies: Reply) -> tuple[list[Any], list[Any]]:
    """What a stream of AI Studio gives, and the requests that were sent."""

    async def main() -> Any:
        async with GoogleServer() as server, google.opened(server) as backend:
            server.queue(*replies)
            return [event async for event in backend.stream_speech(request)], server.received

    events, received = asyncio.run(main())
    return events, received


def piece(*parts: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A piece of a stream."""
    candidate = {"content": {"role": "model", "parts": [*parts]}, **({"finishReason": finish} if finish else {})}
    return {"candidates": [candidate], "responseId": "res-2", **({"usageMetadata": USAGE} if finish else {})}


@pytest.mark.parametrize("form", ["pcm", "wav"])
def test_gemini_speaks_piece_by_piece(form: Any) -> None:
    """Samples as they come; a WAV's header comes first, without a length, which the whole has."""
    request = SpeechRequest(spec=spec("speaker"), text="Hello.", format=form)
    events, received = pieces_of_speech(request, Reply.sse(piece(sound()), piece(sound()), piece(finish="STOP")))
    assert received[0].path.endswith(":streamGenerateContent")
    *pieces, answer = events
    head = 44 if form == "wav" else 0
    assert [len(each) for each in pieces] == [head + len(SAMPLES), len(SAMPLES)]
    assert b"".join(pieces)[head:] == SAMPLES * 2
    assert answer.audio.data.endswith(SAMPLES * 2)
    assert (answer.audio.sample_rate, answer.usage.output_tokens, answer.usage.characters) == (16_000, 50, 6)
    assert answer.request_id == "res-2"
    if form == "wav":
        assert read_recording(answer.audio.data).seconds == 2 * len(SAMPLES) / 32_000
        assert pieces[0][:4] == b"RIFF"


@pytest.mark.parametrize(
    "replies, kind, match",
    [
        ([piece(sound())], errors.ProviderConnectionError, "ended before the speech was complete"),
        ([piece(finish="STOP")], errors.InvalidAnswerError, "made no speech"),
        ([piece(finish="SAFETY")], errors.ContentFilterError, "withheld the speech"),
        ([piece(sound("audio/mpeg"), finish="STOP")], errors.InvalidAnswerError, "another form"),
    ],
)
def test_speech_of_gemini_that_breaks_off(replies: Any, kind: type[errors.CallError], match: str) -> None:
    """What is not whole is an error, and no sound of another kind passes for samples."""
    with pytest.raises(kind, match=match):
        pieces_of_speech(SpeechRequest(spec=spec("speaker"), text="Hello.", format="pcm"), Reply.sse(*replies))


def ranked_by_google(request: RerankRequest, *replies: Reply, key: str | None = None) -> tuple[Any, list[Any]]:
    """The ranking of Vertex AI, and the requests that were sent."""

    async def main() -> Any:
        async with Server(Rulebook(provider="google")) as server:
            server.queue(*replies)
            backend, resources = vertexai.vertex(server.url, key=key), LoopResources()
            try:
                await backend.open(resources)
                return await backend.rerank(request), server.received
            finally:
                await backend.close()
                await resources.close()

    answer, received = asyncio.run(main())
    return answer, received


def test_google_ranks_documents() -> None:
    """By their numbers, in the project that pays; a hundred documents are billed as a search."""
    request = RerankRequest(
        spec=spec("reranker", "semantic-ranker-default-004"), query="a river", documents=("Oslo", "Rhine"), top_n=5
    )
    reply = Reply.json({"records": [{"id": "1", "score": 0.9}, {"id": "0", "score": 0.2}]})
    answer, received = ranked_by_google(request, reply)
    assert received[0].path == ("/v1/projects/my-project/locations/global/rankingConfigs/default_ranking_config:rank")
    assert received[0].headers["authorization"] == "Bearer anonymous"
    assert received[0].headers["x-goog-user-project"] == "my-project"
    assert received[0].json == {
        "model": "semantic-ranker-default-004",
        "query": "a river",
        "records": [{"id": "0", "content": "Oslo"}, {"id": "1", "content": "Rhine"}],
        "ignoreRecordDetailsInResponse": True,
        "topN": 2,
    }
    assert answer.ranking == (Ranked(1, 0.9), Ranked(0, 0.2))
    assert answer.usage == Usage(searches=1)


@pytest.mark.parametrize(
    "reply, kind, match",
    [
        (Reply.json({"error": {"message": "No such model"}}, status=404), errors.NotFoundError, "No such model"),
        (Reply.json({}, status=429, headers={"retry-after": "3"}), errors.RateLimitError, "refused the ranking"),
        (Reply.json({"records": [{"id": "0", "score": 1}]}), errors.InvalidAnswerError, "a ranking of 2 documents"),
        (Reply.json({"records": [{"id": "7", "score": 1}] * 2}), errors.InvalidAnswerError, "a ranking of 2"),
        (Reply.json([]), errors.InvalidAnswerError, "a ranking of 2 documents"),
        (Reply(fault="drop"), errors.ProviderConnectionError, "."),
    ],
)
def test_rankings_that_are_none(reply: Reply, kind: type[errors.CallError], match: str) -> None:
    """Each error in its class; the answer that is not one stays with it."""
    request = RerankRequest(spec=spec("reranker", "semantic-ranker"), query="a", documents=("b", "c"))
    with pytest.raises(kind, match=match):
        ranked_by_google(request, reply)


def test_more_documents_than_google_ranks_are_refused() -> None:
    """Before a request; and express mode has no project to rank in."""
    many = RerankRequest(spec=spec("reranker", "semantic-ranker"), query="a", documents=("b",) * 201)
    with pytest.raises(errors.UnsupportedInputError, match="200 documents at once, not 201"):
        ranked_by_google(many)
    few = RerankRequest(spec=spec("reranker", "semantic-ranker"), query="a", documents=("b",))
    with pytest.raises(errors.AuthenticationError, match="express mode does not reach"):
        ranked_by_google(few, key="express")
