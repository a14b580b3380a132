"""How likely tokens were, and several answers to a prompt: what is asked, what is read, and who refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_anthropic import pipelex_backends as anthropic_backends
from pipelex_backend_google._answer import Gathered as GoogleGathered
from pipelex_backend_google._body import text_body
from pipelex_backend_mistral._chat_answer import gathered_answer
from pipelex_backend_mistral._chat_request import chat_body
from pipelex_backend_openai._responses import response_body
from pipelex_backend_openai._responses_answer import ResponseReading
from pipelex_backend_openai._traits import traits_of
from pipelex_core import UnsupportedInputError
from pipelex_core.backend import Backend, BackendFactory
from pipelex_core.capabilities.text import GENERATE_OBJECT, GENERATE_TEXT, STREAM_TEXT
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer, TokenLogprob
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.mock.test_mock import client as mocked
from tests.plugins.openai_calls import config, spec, text_request, with_backend
from tests.servers.base import Reply
from tests.servers.openai_server import USAGE, chunk, completion
from tests.wire.harness import load_records, play, wire_folder
from tests.wire.openai_chat import ChatAdapter

if TYPE_CHECKING:
    from tests.servers.base import Server

LISTED = [
    {
        "token": "The",
        "logprob": -0.1,
        "bytes": [84],
        "top_logprobs": [{"token": "The", "logprob": -0.1}, {"token": "A", "logprob": -2.5}],
    },
    {"token": " Nile", "logprob": -0.5, "top_logprobs": []},
]
READ = (
    TokenLogprob(token="The", logprob=-0.1, top={"The": -0.1, "A": -2.5}),
    TokenLogprob(token=" Nile", logprob=-0.5),
)


def requested(model_id: str = "m", **fields: Any) -> TextRequest:
    model = ModelSpec(name="m", backend="b", sdk="s", model_id=model_id)
    return TextRequest(spec=model, messages=(Message(role="user", parts=(TextPart("Name rivers."),)),), **fields)


def of_openai(*replies: Reply, is_streamed: bool = False, **fields: Any) -> tuple[TextAnswer, Any]:
    """The answer of chat completions, and the body that was sent."""

    async def use(backend: Any, server: Server) -> Any:
        request = text_request(spec=spec("openai"), **fields)
        if is_streamed:
            *_, answer = [event async for event in backend.stream_text(request)]
        else:
            answer = await backend.generate_text(request)
        return answer, server.received[-1].json

    answer, body = with_backend(use, *replies, make=lambda url: config(url, "openai"))
    return answer, body


def test_chat_completions_tell_both() -> None:
    """Several answers, of which the first is the text; each token with the likeliest in its place."""
    whole = completion("The Nile", usage=USAGE)
    whole["choices"][0]["logprobs"] = {"content": LISTED}
    whole["choices"].append(
        {"index": 1, "message": {"role": "assistant", "content": "The Rhine"}, "finish_reason": "stop"}
    )
    answer, body = of_openai(Reply.json(whole), logprobs=2, n=2)
    assert (body["logprobs"], body["top_logprobs"], body["n"]) == (True, 2, 2)
    assert (answer.text, answer.alternatives, answer.logprobs) == ("The Nile", ("The Rhine",), READ)
    _, body = of_openai(Reply.json(completion("The Nile")), logprobs=0, n=1)
    assert body["logprobs"] is True
    assert not body.keys() & {"top_logprobs", "n"}
    _, body = of_openai(Reply.json(completion("The Nile")))
    assert not body.keys() & {"logprobs", "top_logprobs", "n"}


def test_a_stream_tells_how_likely_its_tokens_were() -> None:
    """Piece by piece, put together at the end."""
    first, second = chunk({"content": "The"}), chunk({"content": " Nile"})
    for each, listed in ((first, LISTED[0]), (second, LISTED[1])):
        each["choices"][0]["logprobs"] = {"content": [listed]}
    reply = Reply.sse(first, second, chunk({}, finish_reason="stop"), "[DONE]")
    answer, _ = of_openai(reply, is_streamed=True, logprobs=2)
    assert answer.logprobs == READ


def test_the_responses_api_tells_how_likely_tokens_were_and_gives_one_answer() -> None:
    """It is told what to include, beside the reasoning that is wanted back."""
    body = response_body(requested(logprobs=2, reasoning_effort="low"), traits_of("openai", {}), "p")
    assert (body["include"], body["top_logprobs"]) == (
        ["reasoning.encrypted_content", "message.output_text.logprobs"],
        2,
    )
    with pytest.raises(UnsupportedInputError, match="takes no n"):
        response_body(requested(n=2), traits_of("openai", {}), "p")
    reading = ResponseReading("p")
    part = {"type": "output_text", "text": "The Nile", "annotations": [], "logprobs": LISTED}
    reading.whole({"status": "completed", "output": [{"type": "message", "content": [part]}]})
    assert reading.answer(None).logprobs == READ


def test_mistral_tells_both() -> None:
    """In OpenAI's form."""
    body = chat_body(requested(logprobs=2, n=2))
    assert (body["logprobs"], body["top_logprobs"], body["n"]) == (True, 2, 2)
    first = {"index": 0, "message": {"content": "The Nile"}, "finish_reason": "stop", "logprobs": {"content": LISTED}}
    second = {"index": 1, "message": {"content": [{"type": "text", "text": "The Rhine"}]}, "finish_reason": "stop"}
    answer = gathered_answer({"choices": [first, second]}, None).answer()
    assert (answer.text, answer.alternatives, answer.logprobs) == ("The Nile", ("The Rhine",), READ)


def test_gemini_tells_both() -> None:
    """In words of its own: chosen candidates, and the top ones of each place."""
    wanted = text_body(requested("gemini-2.5-flash", logprobs=2, n=2))["generationConfig"]
    assert wanted == {"responseLogprobs": True, "logprobs": 2, "candidateCount": 2}
    chosen = [{"token": "The", "logProbability": -0.1}, {"token": " Nile", "logProbability": -0.5}]
    top = [{"candidates": [{"token": "The", "logProbability": -0.1}, {"token": "A", "logProbability": -2.5}]}, {}]
    result = {"chosenCandidates": chosen, "topCandidates": top}
    gathered = GoogleGathered(request_id=None)
    candidates = [
        {"content": {"parts": [{"text": "The Nile"}]}, "finishReason": "STOP", "logprobsResult": result},
        {"content": {"parts": [{"text": "The "}, {"text": "Rhine"}]}, "finishReason": "STOP", "index": 1},
    ]
    gathered.take({"candidates": candidates})
    answer = gathered.answer()
    assert (answer.text, answer.alternatives, answer.logprobs) == ("The Nile", ("The Rhine",), READ)


class Plain(Backend):
    """Has neither."""


@pytest.mark.parametrize(
    "operation, fields, match",
    [
        (GENERATE_TEXT, {"n": 2}, "gives one answer a call"),
        (GENERATE_TEXT, {"logprobs": 0}, "does not tell how likely tokens were"),
        (STREAM_TEXT, {"n": 2}, "a stream, or an object, is one answer"),
        (GENERATE_OBJECT, {"n": 2}, "a stream, or an object, is one answer"),
        (STREAM_TEXT, {"logprobs": 3}, "does not tell how likely tokens were"),
    ],
)
def test_who_has_neither_refuses_both(operation: Any, fields: dict[str, Any], match: str) -> None:
    """In a sentence; one answer is what everybody gives."""
    backend = Plain(BackendConfig(name="b"))
    assert match in (operation.refuse(requested(**fields), backend) or "")
    assert operation.refuse(requested(n=1), backend) is None


def test_anthropic_has_neither() -> None:
    """Its API has no words for them."""
    factory = anthropic_backends()["anthropic"]
    assert isinstance(factory, BackendFactory)
    backend = factory(BackendConfig(name="anthropic", api_key=Secret("k")))
    assert not backend.gives_logprobs
    assert not backend.gives_several


@pytest.mark.skipif(wire_folder() is None, reason="no recorded traffic here")
def test_recorded_answers_of_both() -> None:
    """OpenAI's, OpenRouter's and Ollama's."""
    found = {}
    for record in load_records("openai__chat", "openrouter__chat", "ollama__chat"):
        if record["scenario"] in {"logprobs", "n_choices"}:
            answer = play(record, ChatAdapter()).answer
            assert isinstance(answer, TextAnswer)
            found[record["provider"], record["scenario"]] = answer
    assert len(found["openai", "n_choices"].alternatives) == 2
    assert all(found["openai", "n_choices"].alternatives)
    for provider in ("openai", "openrouter"):
        answer = found[provider, "logprobs"]
        assert "".join(each.token for each in answer.logprobs) == answer.text
        assert all(each.logprob <= 0 for each in answer.logprobs)
    assert all(len(each.top) == 2 for each in found["openrouter", "logprobs"].logprobs)


def test_the_result_has_both_and_its_print_is_short() -> None:
    """Through the client, with the mock; the tokens are not printed."""
    with mocked() as client:
        result = client.generate_text("Hi there", model="llm", logprobs=1, n=3)
        assert len(result.alternatives) == 2
        assert "".join(each.token for each in result.logprobs) == result.text
        assert "TokenLogprob" not in repr(result)
        assert type(result).from_dict(result.to_dict()) == result
        with (
            pytest.raises(UnsupportedInputError, match="is one answer"),
            client.stream_text("Hi", model="llm", n=2) as stream,
        ):
            list(stream)
