"""Several answers and likelihoods of tokens through the gateway, in OpenAI's own form: in requests, answers and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from pipelex_core import Client
from pipelex_core.results import TokenLogprob
from tests.servers.base import Reply
from tests.servers.openai_server import chunk, chunks, completion
from tests.support.serving import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serve.providers import Providers
    from tests.support.serving import Served

HELLO: Any = [{"role": "user", "content": "Hello"}]
LISTED = [
    {
        "token": "The",
        "logprob": -0.1,
        "bytes": [84, 104, 101],
        "top_logprobs": [
            {"token": "The", "logprob": -0.1, "bytes": [84, 104, 101]},
            {"token": "A", "logprob": -2.5, "bytes": [65]},
        ],
    },
    {"token": " Nile", "logprob": -0.5, "bytes": [32, 78, 105, 108, 101], "top_logprobs": []},
]


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def two() -> Reply:
    """Two answers, of which the first tells how likely its tokens were."""
    whole = completion("The Nile")
    whole["choices"][0]["logprobs"] = {"content": LISTED}
    further = {"index": 1, "message": {"role": "assistant", "content": "The Rhine"}, "finish_reason": "stop"}
    whole["choices"].append(further)
    return Reply.json(whole)


def test_a_chat_completion_has_both(client: openai.OpenAI, providers: Providers) -> None:
    """What is asked goes to the provider; a choice for each answer, and each token with the likeliest in its place."""
    providers[0].queue(two())
    answer = client.chat.completions.create(model="gpt", messages=HELLO, n=2, logprobs=True, top_logprobs=2)
    sent = providers[0].received[-1].json
    assert (sent["n"], sent["logprobs"], sent["top_logprobs"]) == (2, True, 2)
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [(0, "The Nile"), (1, "The Rhine")]
    first, second = answer.choices
    assert first.logprobs is not None
    assert first.logprobs.content is not None
    assert [each.model_dump() for each in first.logprobs.content] == LISTED
    assert second.logprobs is None
    assert (first.finish_reason, second.finish_reason) == ("stop", "stop")


def test_several_answers_stream_one_after_the_other(client: openai.OpenAI, providers: Providers) -> None:
    """The provider is asked for them whole: a stream of the library is one answer."""
    providers[0].queue(two())
    stream = client.chat.completions.create(model="gpt", messages=HELLO, n=2, logprobs=True, stream=True)
    texts, reasons, tokens = {0: "", 1: ""}, {}, []
    for event in stream:
        for choice in event.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
            tokens += (choice.logprobs.content or []) if choice.logprobs else []
    assert "stream" not in providers[0].received[-1].json
    assert (texts, reasons) == ({0: "The Nile", 1: "The Rhine"}, {0: "stop", 1: "stop"})
    assert [each.token for each in tokens] == ["The", " Nile"]


def test_a_stream_tells_likelihoods_at_its_end(client: openai.OpenAI, providers: Providers) -> None:
    """Joined over its chunks, as clients join them, they are those of the whole text; the helper for streams does so."""
    events = list(chunks("The Nile"))
    likely = chunk({"content": ""})
    likely["choices"][0]["logprobs"] = {"content": LISTED}
    providers[0].queue(Reply.sse(events[0], likely, *events[1:]))
    with client.chat.completions.stream(model="gpt", messages=HELLO, logprobs=True) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "The Nile"
    assert final.choices[0].logprobs is not None
    assert [each.token for each in final.choices[0].logprobs.content or []] == ["The", " Nile"]


def test_a_response_tells_likelihoods_where_it_is_asked(client: openai.OpenAI, providers: Providers) -> None:
    """By `include`, or by `top_logprobs`."""
    for more in ({"include": ["message.output_text.logprobs"]}, {"top_logprobs": 2}):
        providers[0].queue(two())
        answer: Any = client.responses.create(model="gpt", input="Hello", **more)
        assert providers[0].received[-1].json["logprobs"] is True
        part = answer.output[0].content[0]
        assert (part.text, [each.token for each in part.logprobs]) == ("The Nile", ["The", " Nile"])
        assert part.logprobs[0].top_logprobs[1].token == "A"
    answer = client.responses.create(model="gpt", input="Hello")
    assert "logprobs" not in providers[0].received[-1].json


def test_a_streamed_response_tells_likelihoods_with_the_whole_text(client: openai.OpenAI, providers: Providers) -> None:
    """In the event that ends it, and in the response at the end."""
    events = list(chunks("The Nile"))
    likely = chunk({"content": ""})
    likely["choices"][0]["logprobs"] = {"content": LISTED}
    providers[0].queue(Reply.sse(events[0], likely, *events[1:]))
    stream: Any = client.responses.create(model="gpt", input="Hello", top_logprobs=2, stream=True)
    kinds = {event.type: event for event in stream}
    for tokens in (
        kinds["response.output_text.done"].logprobs,
        kinds["response.completed"].response.output[0].content[0].logprobs,
    ):
        assert [each.token for each in tokens] == ["The", " Nile"]


def test_the_first_form_of_completions_has_both(client: openai.OpenAI, providers: Providers) -> None:
    """Its likelihoods are lists side by side, with the place of each token in the text."""
    for streams in (False, True):
        providers[0].queue(two())
        answer: Any = client.completions.create(model="gpt", prompt="Hello", n=2, logprobs=2, stream=streams)
        choices = [choice for event in (answer if streams else [answer]) for choice in event.choices]
        texts = ["".join(choice.text for choice in choices if choice.index == index) for index in (0, 1)]
        assert texts == ["The Nile", "The Rhine"]
        (likely,) = [choice.logprobs for choice in choices if choice.logprobs]
        assert (likely.tokens, likely.token_logprobs, likely.text_offset) == (["The", " Nile"], [-0.1, -0.5], [0, 3])
        assert likely.top_logprobs == [{"The": -0.1, "A": -2.5}, {}]


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"top_logprobs": 2}, "needs 'logprobs'"),
        ({"logprobs": True, "top_logprobs": 21}, "from 0 to 20"),
        ({"logprobs": "yes"}, "true or false"),
        ({"n": 129}, "from 1 to 128"),
        ({"n": 1.5}, "whole number"),
    ],
)
def test_what_the_api_does_not_take_is_refused(client: openai.OpenAI, more: Any, match: str) -> None:
    """With status 400, and what it takes."""
    with pytest.raises(openai.BadRequestError, match=match):
        client.chat.completions.create(model="m", messages=HELLO, extra_body=more)


@pytest.mark.parametrize(("more", "match"), [({"logprobs": True}, "how likely"), ({"n": 2}, "one answer a call")])
def test_a_provider_without_them_is_not_asked(
    client: openai.OpenAI, providers: Providers, more: Any, match: str
) -> None:
    """The error says what to leave out."""
    with pytest.raises(openai.BadRequestError, match=match):
        client.chat.completions.create(model="claude", messages=HELLO, **more)
    assert providers[1].received == []


def test_both_come_through_two_hops(served: Served, providers: Providers, tmp_path: Path) -> None:
    """A client of this library whose backend is the gateway gets what the provider behind it gave."""
    config = write_project(tmp_path, {"pipelex_inference": f"{served.url}/v1"})
    models = '[far]\nsdk = "openai"\nmodel_id = "gpt"\n'
    (config / "inference" / "backends" / "pipelex_inference.toml").write_text(models)
    providers[0].queue(two())
    with Client.from_project(config=config) as client:
        result = client.generate_text("Hello", model="far", n=2, logprobs=2)
    assert (result.text, result.alternatives) == ("The Nile", ("The Rhine",))
    assert result.logprobs == (
        TokenLogprob(token="The", logprob=-0.1, top={"The": -0.1, "A": -2.5}),
        TokenLogprob(token=" Nile", logprob=-0.5),
    )
