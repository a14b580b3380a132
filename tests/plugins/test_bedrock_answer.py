"""What the Bedrock plugin makes of Converse's answers."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import CallError, InvalidAnswerError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import MODEL_ID, REQUEST_ID, message, object_request, request, served, spec, stated

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def answer_to(reply: Reply, requested: TextRequest | None = None) -> TextAnswer:
    async def main() -> TextAnswer:
        async with served(reply) as (_, backend):
            return await backend.generate_text(requested or request())

    return asyncio.run(main())


def error_of(reply: Reply) -> CallError:
    async def main() -> CallError:
        async with served(reply) as (_, backend):
            with pytest.raises(CallError) as caught:
                await backend.generate_text(request())
            return caught.value

    return asyncio.run(main())


def test_text_usage_and_request_id() -> None:
    """An answer holds its text, why it ended, what it used, and AWS's id of the request."""
    answer = answer_to(message({"text": "Good "}, {"text": "day"}))
    assert (answer.text, answer.finish_reason, answer.request_id) == ("Good day", "stop", REQUEST_ID)
    assert answer.usage == Usage(input_tokens=12, output_tokens=7)
    assert answer.raw["output"]["message"]["content"][0] == {"text": "Good "}


def test_input_counts_the_cache() -> None:
    """Bedrock counts what it read from and wrote to the cache apart; we count all input."""
    usage = {
        "inputTokens": 6,
        "outputTokens": 3,
        "totalTokens": 109,
        "cacheReadInputTokens": 90,
        "cacheWriteInputTokens": 10,
    }
    assert answer_to(stated("x", usage=usage)).usage == Usage(
        input_tokens=106, output_tokens=3, cached_tokens=90, cache_write_tokens=10
    )


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "other"),
        ("something_new", "other"),
    ],
)
def test_finish_reasons(stop: str, reason: str) -> None:
    """Every stop reason of Converse has its word; one that is new is other."""
    assert answer_to(stated("x", stop=stop)).finish_reason == reason


def test_parallel_tool_calls() -> None:
    """The calls come in the model's order, with parsed arguments."""
    calls = [{"toolUse": {"toolUseId": f"t{n}", "name": "add", "input": {"n": n}}} for n in range(3)]
    answer = answer_to(message({"text": "So."}, *calls, stop="tool_use"))
    assert answer.tool_calls == tuple(ToolCall(id=f"t{n}", name="add", arguments={"n": n}) for n in range(3))
    assert (answer.text, answer.finish_reason) == ("So.", "tool_calls")


def test_calls_of_aws_own_tools_are_not_the_callers() -> None:
    """They were answered by AWS already."""
    own = {"toolUse": {"toolUseId": "t1", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    assert answer_to(message(own, {"text": "Found."})).tool_calls == ()


def test_reasoning_is_apart_and_kept_for_the_next_turn() -> None:
    """Reasoning is not a part of the text; its signature and redacted pieces come back as provider parts."""
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
    redacted = {"reasoningContent": {"redactedContent": "AAE="}}
    answer = answer_to(message(thought, redacted, {"text": "Yes"}))
    assert (answer.text, answer.reasoning) == ("Yes", "Hm.")
    assert answer.provider_parts == (
        ProviderPart(provider="bedrock", data={**thought, "model_id": MODEL_ID}),
        ProviderPart(
            provider="bedrock", data={"reasoningContent": {"redactedContent": b"\x00\x01"}, "model_id": MODEL_ID}
        ),
    )


def test_cited_text_is_text() -> None:
    """A block with citations holds text as any other."""
    cited = {"citationsContent": {"content": [{"text": "in 1993"}], "citations": [{"title": "facts"}]}}
    assert answer_to(message({"text": "Made "}, cited, {"text": "."})).text == "Made in 1993."


def test_an_object_is_the_arguments_of_the_tool() -> None:
    """The answer's text is the JSON document, and there is no call left to answer."""
    call = {"toolUse": {"toolUseId": "t1", "name": "Person", "input": {"name": "Zoë", "age": 3}}}
    answer = answer_to(message(call, stop="tool_use"), object_request(SCHEMA))
    assert json.loads(answer.text) == {"name": "Zoë", "age": 3}
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())


def test_an_object_of_a_misspelt_tool_is_one_all_the_same() -> None:
    """A call of a tool that nobody offered holds the object."""
    call = {"toolUse": {"toolUseId": "t1", "name": "final_result", "input": {"name": "Zoë"}}}
    answer = answer_to(message(call, stop="tool_use"), object_request(SCHEMA))
    assert (json.loads(answer.text), answer.finish_reason) == ({"name": "Zoë"}, "stop")


def test_an_object_cut_short_says_so() -> None:
    """The finish reason stays, so that nobody takes half an object for a whole one."""
    call = {"toolUse": {"toolUseId": "t1", "name": "Person", "input": {}}}
    assert answer_to(message(call, stop="max_tokens"), object_request(SCHEMA)).finish_reason == "length"


def test_an_object_in_text_is_kept() -> None:
    """A model that could not be forced, and answered in text, is taken at its word."""
    assert answer_to(stated('{"name": "A"}'), object_request(SCHEMA)).text == '{"name": "A"}'


def test_an_object_by_json_schema_is_the_text() -> None:
    """In that mode nothing is unwrapped."""
    requested = object_request(SCHEMA, spec=spec(structured_output="json_schema"))
    assert answer_to(stated('{"name":"A"}'), requested).text == '{"name":"A"}'


@pytest.mark.parametrize("stop", ["end_turn", "malformed_model_output", "tool_use"])
def test_an_empty_answer_is_an_error(stop: str) -> None:
    """An answer with nothing in it is none; it names the stop reason and keeps what came."""
    error = error_of(message(stop=stop))
    assert isinstance(error, InvalidAnswerError)
    assert stop in error.message
    assert error.request_id == REQUEST_ID


@pytest.mark.parametrize("stop", ["guardrail_intervened", "content_filtered"])
def test_a_withheld_answer_says_so(stop: str) -> None:
    """Nothing but a refusal is an answer that says why it ended, as at every provider."""
    answer = answer_to(message(stop=stop))
    assert (answer.text, answer.finish_reason) == ("", "content_filter")


def test_an_answer_may_be_empty_where_it_says_why() -> None:
    """Reasoning that used up all tokens, and a stop string met at once."""
    assert answer_to(message(stop="max_tokens")).finish_reason == "length"
    assert answer_to(message(stop="stop_sequence")).text == ""


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json({}),
        Reply.json([]),
        Reply.json({"output": {}, "stopReason": "end_turn"}),
        Reply.json({"output": {"message": {"role": "assistant"}}, "stopReason": "end_turn"}),
        Reply.json({"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}}),
        Reply.json({"output": {"message": {"role": "assistant", "content": [{"text": 5}]}}, "stopReason": "end_turn"}),
        Reply.json(
            {"output": {"message": {"role": "assistant", "content": [{"toolUse": {}}]}}, "stopReason": "end_turn"}
        ),
        Reply.text("<html><body>Sign in</body></html>"),
        Reply(chunks=(b'{"output": {"mess',)),
        Reply(chunks=(b"\xff\xfe\xfa",)),
        Reply(chunks=()),
    ],
    ids=["object", "list", "no message", "no content", "no reason", "text", "call", "html", "cut", "bytes", "nothing"],
)
def test_an_answer_that_is_none_is_an_error(reply: Reply) -> None:
    """Status 200 alone makes no answer."""
    assert isinstance(error_of(reply), InvalidAnswerError)


def test_unknown_fields_do_no_harm() -> None:
    """What AWS adds to its answers later is passed over."""
    body: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": [{"text": "x"}, {"novelty": {"a": 1}}]}},
        "stopReason": "end_turn",
        "usage": {**bedrock.USAGE, "serverToolUsage": {}},
        "somethingElse": [1],
    }
    assert answer_to(Reply.json(body)).text == "x"
