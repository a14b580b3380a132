"""`lm`, driven by DSPy itself."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMRateLimitError, LMUnsupportedFeatureError

from pipelex_core import Client
from pipelex_core.errors import RateLimitError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage
from pipelex_dspy import lm
from tests.support.scripted import PNG, Script, deck_of, plugins_for, spec

USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=4, reasoning_tokens=2)
CALL = TextAnswer(
    text="",
    finish_reason="tool_calls",
    usage=USAGE,
    tool_calls=(ToolCall(id="call-1", name="weather", arguments={"city": "Oslo"}),),
    provider_parts=(ProviderPart(provider="scripted", data={"signature": "s-1"}),),
)
ANSWERED = "[[ ## answer ## ]]\nRhine, Seine\n\n[[ ## completed ## ]]"


@pytest.fixture
def made() -> Any:
    """Makes a language model on a client with a script."""
    clients: list[Client] = []

    def make(*answers: Any, **options: Any) -> tuple[dspy.LM, Script]:
        script = Script(answers=list(answers))
        clients.append(Client(deck_of(spec("m"), spec("n")), plugins_for({"scripted": script})))
        return lm("m", client=clients[-1], **options), script

    yield make
    for client in clients:
        client.close()


def test_a_program_runs_synchronously_and_not(made: Any) -> None:
    """Settings and the signature arrive; usage is counted; LiteLLM stays out."""
    model, script = made(ANSWERED, temperature=0.3, max_tokens=50, arguments={"seed": 7})
    predict = dspy.Predict("question -> answer")
    with dspy.context(lm=model, track_usage=True):
        done = predict(question="Two rivers?")
        assert done.answer == "Rhine, Seine"
        assert asyncio.run(predict.acall(question="Two rivers?")).answer == "Rhine, Seine"
    assert done.get_lm_usage()["pipelex/m"]["prompt_tokens"] == 100
    assert len(script.requests) == 2
    for request in script.requests:
        assert (request.temperature, request.max_tokens, request.seed) == (0.3, 50, 7)
        assert "question" in request.system
        assert "Two rivers?" in request.messages[-1].text
    assert "litellm" not in sys.modules


def test_the_cache_of_dspy_is_off(made: Any) -> None:
    """It goes by the handle's name, whatever is behind it."""
    model, script = made("one", "two")
    assert (model("Rivers?"), model("Rivers?")) == (["one"], ["two"])
    assert len(script.requests) == 2


def test_a_stream_comes_as_it_is_made(made: Any) -> None:
    """Deltas of the field that is listened to."""
    whole = TextAnswer(text=ANSWERED, finish_reason="stop", usage=USAGE)
    model, _ = made("[[ ## answer ## ]]\n", "Rhine, ", "Seine, Po, Elbe", "\n\n[[ ## completed ## ]]", whole)
    predict = dspy.streamify(
        dspy.Predict("question -> answer"), stream_listeners=[dspy.streaming.StreamListener("answer")]
    )

    async def gather() -> list[Any]:
        with dspy.context(lm=model):
            return [each async for each in predict(question="Rivers?")]

    pieces = asyncio.run(gather())
    chunks = [each.chunk for each in pieces if isinstance(each, dspy.streaming.StreamResponse)]
    assert "".join(chunks) == "Rhine, Seine, Po, Elbe"
    assert len(chunks) > 1


def test_what_a_provider_wants_back_goes_back(made: Any) -> None:
    """Calls of tools, their results, and signatures."""
    model, script = made(CALL, "Rain.")
    lm15 = dspy.lm15
    tool = lm15.FunctionTool(
        name="weather", description="The weather.", parameters={"type": "object", "properties": {}}
    )
    requested = lm15.Request(model="pipelex/m", messages=(lm15.Message.user("Weather in Oslo?"),), tools=(tool,))
    answer = model(requested)
    (call,) = [part for part in answer.message.parts if isinstance(part, lm15.ToolCallPart)]
    assert (call.name, call.input) == ("weather", {"city": "Oslo"})
    assert answer.finish_reason == "tool_call"
    result = lm15.Message(role="tool", parts=(lm15.ToolResultPart(id=call.id, content=(lm15.TextPart("rain"),)),))
    model(lm15.Request(model="pipelex/m", messages=(*requested.messages, answer.message, result), tools=(tool,)))
    last = script.requests[-1]
    assert ProviderPart(provider="scripted", data={"signature": "s-1"}) in last.messages[1].parts
    assert last.messages[2].parts[0].content == "rain"
    assert [each.name for each in last.tools] == ["weather"]


def test_images_arrive(made: Any) -> None:
    """As DSPy's own type."""
    model, script = made(ANSWERED)
    import base64

    picture = dspy.Image(f"data:image/png;base64,{base64.b64encode(PNG).decode()}")
    with dspy.context(lm=model):
        dspy.Predict("picture: dspy.Image -> answer")(picture=picture)
    assert "image" in {part.type for part in script.requests[0].messages[-1].parts}


def test_an_object_is_asked_for_by_its_schema(made: Any) -> None:
    """DSPy's JSON adapter, on `generate_object`."""
    model, script = made('{"answer": "Rhine", "count": 3}')
    with dspy.context(lm=model, adapter=dspy.JSONAdapter()):
        done = dspy.Predict("question -> answer, count: int")(question="?")
    assert (done.answer, done.count) == ("Rhine", 3)
    assert len(script.requests) == 1
    assert hasattr(script.requests[0], "schema")


def test_errors_are_those_of_dspy_with_their_cause(made: Any) -> None:
    """A program tells them as with any other model; what cannot be sent is an error, not dropped."""
    model, script = made(RateLimitError("slow down", retry_after=3.0), arguments={"retries": 0})
    with pytest.raises(LMRateLimitError) as caught:
        model("?")
    assert caught.value.retry_after == 3.0
    assert isinstance(caught.value.__cause__.__cause__, RateLimitError)
    assert len(script.requests) == 1
    with pytest.raises(LMUnsupportedFeatureError, match="service_tier"):
        model("?", service_tier="flex")


def test_a_program_is_saved_without_a_key(made: Any, tmp_path: Any) -> None:
    """Its engine by handle and project."""
    model = lm("m", project={"root": str(tmp_path)})
    program = dspy.Predict("question -> answer")
    program.lm = model
    program.save(str(tmp_path / "program.json"))
    again = dspy.Predict("question -> answer")
    again.load(str(tmp_path / "program.json"), allow_unsafe_lm_state=True)
    assert again.lm.engine.model == "m"
    assert again.lm.engine.clients.project == {"root": str(tmp_path)}
