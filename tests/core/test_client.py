"""What a call does around its plugin: handles, settings, chains, clocks, the ledger, and what never leaves."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
import traceback
from decimal import Decimal
from typing import Any, get_overloads, get_type_hints

import pytest
from attrs import evolve

from pipelex_core import (
    AllAttemptsFailedError,
    AsyncClient,
    Client,
    ConfigError,
    DeadlineExceededError,
    LLMHandleNotFoundError,
    Message,
    ModelsManagerError,
    PluginError,
    RateLimitError,
    ServerError,
    TextPart,
    Tool,
    ToolCall,
    UnsupportedInputError,
    Usage,
)
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.client.arguments import (
    EmbedSettings,
    ExtractSettings,
    ImgGenSettings,
    LLMSettings,
    RerankSettings,
    SpeakSettings,
    TranscribeSettings,
)
from pipelex_core.deck import Preset
from pipelex_core.results import TextAnswer
from tests.support.scripted import KEY, OCR, PAINTER, PNG, USAGE, Script, ScriptedBackend, deck_of, plugins_for, spec

ANSWER = TextAnswer(text="Rhine, Seine", finish_reason="stop", usage=USAGE, request_id="req-2")


def client_for(script: Script, **fields: Any) -> Client:
    """A client whose one model is `smart`."""
    return Client(deck_of(spec("smart"), OCR, PAINTER, **fields), plugins_for({"scripted": script}))


def test_a_result_tells_everything_of_its_call() -> None:
    """Text, model, backend, model id, finish reason, usage, cost, attempts, request id and raw answer are in a result."""
    with client_for(Script()) as client:
        result = client.generate_text("Name three rivers.", model="smart")
    assert result.text == "Rhine, Seine, Po"
    assert (result.model, result.backend, result.model_id) == ("smart", "scripted", "id-of-smart")
    assert result.finish_reason == "stop"
    assert result.usage == USAGE
    assert result.cost is not None
    assert result.cost.amount == Decimal("0.00022")  # 60 fresh at 2, 40 cached at 0.5, 10 out at 8, per million
    assert result.request_id == "req-1"
    assert result.raw == {"said": "Rhine, Seine, Po"}
    (attempt,) = result.attempts
    assert (attempt.outcome, attempt.model, attempt.usage, attempt.cost) == ("ok", "smart", USAGE, result.cost)
    assert result.message == Message(role="assistant", parts=(TextPart("Rhine, Seine, Po"),))


def test_a_call_without_model_takes_the_default_of_its_capability() -> None:
    """`model=` left out means the deck's default for text, for objects, for extraction, for images."""
    presets = (Preset(name="p", capability="llm", model="smart", settings={"temperature": 0.3}),)
    script = Script(answers=['{"a": 1}'])
    choices = {"llm.for_text": "p", "llm.for_object": "smart", "extract": "ocr", "img_gen": "painter"}
    with client_for(script, presets=presets, choices=choices) as client:
        client.generate_text("x")
        assert script.requests[-1].temperature == 0.3
        client.generate_object("x", {"type": "object"})
        assert script.requests[-1].temperature is None
        assert [page.text for page in client.extract(PNG).pages] == ["one", "two"]
        assert client.generate_image("A lighthouse", number=2).cost.amount == Decimal("0.08")  # type: ignore[union-attr]


def test_without_a_default_a_call_without_model_says_which_key_is_missing() -> None:
    """The error of a missing default names the key that would set it."""
    with client_for(Script()) as client, pytest.raises(ConfigError) as caught:
        client.generate_text("x")
    assert caught.value.problems[0].key == "llm.choice_defaults.for_text"


def test_a_calls_settings_win_over_the_presets_and_inline_tables_work() -> None:
    """Call over inline table over preset."""
    presets = (Preset(name="p", capability="llm", model="smart", settings={"temperature": 0.3, "max_tokens": 50}),)
    script = Script()
    with client_for(script, presets=presets) as client:
        client.generate_text("x", model="p", temperature=0.9)
        assert (script.requests[-1].temperature, script.requests[-1].max_tokens) == (0.9, 50)
        client.generate_text("x", model={"model": "p", "max_tokens": 7, "temperature": 0.1})
        assert (script.requests[-1].temperature, script.requests[-1].max_tokens) == (0.1, 7)


@pytest.mark.parametrize(
    "settings, word",
    [({"temperature": 3}, "0 to 2"), ({"temprature": 0.5}, "'temperature'"), ({"max_tokens": 0}, "at least 1")],
)
def test_a_wrong_setting_is_refused_before_anything_is_sent(settings: Any, word: str) -> None:
    """Out of range, misspelled, of the wrong type: an error that says what was expected."""
    script = Script()
    with client_for(script) as client, pytest.raises(UnsupportedInputError, match=word):
        client.generate_text("x", model="smart", **settings)
    assert script.requests == []


@pytest.mark.parametrize("handle", ["smrat", ""])
def test_an_unknown_handle_suggests_the_nearest(handle: str) -> None:
    """A handle that exists nowhere is its own error."""
    with client_for(Script()) as client, pytest.raises(LLMHandleNotFoundError) as caught:
        client.generate_text("x", model=handle)
    assert ("smart" in str(caught.value)) == bool(handle)


@pytest.mark.parametrize("handle", [3, ["smart"], b"smart"])
def test_a_handle_that_is_no_name_is_refused(handle: Any) -> None:
    """Only names and tables are handles."""
    with client_for(Script()) as client, pytest.raises(UnsupportedInputError, match="handle"):
        client.generate_text("x", model=handle)


@pytest.mark.parametrize("prompt", ["", "  \n", [], [{"role": "user", "content": ""}], "lone \ud800", 3, b"x"])
def test_a_prompt_that_says_nothing_or_is_no_text_is_refused(prompt: Any) -> None:
    """Empty prompts, lone surrogates and other types are refused before anything is sent."""
    script = Script()
    with client_for(script) as client, pytest.raises(UnsupportedInputError):
        client.generate_text(prompt, model="smart")
    assert script.requests == []


def test_a_prompt_of_ten_megabytes_goes_through() -> None:
    """Size alone is not a fault."""
    script = Script()
    with client_for(script) as client:
        client.generate_text("é" * 5_000_000, model="smart")
    assert len(script.requests[0].messages[0].text) == 5_000_000


def test_a_conversation_with_tools_is_carried_on() -> None:
    """The calls a model asks for are in the result, and its message and a tool's result make the next prompt."""
    calls = (
        ToolCall(id="c1", name="weather", arguments={"city": "Basel"}),
        ToolCall(id="c2", name="weather", arguments={"city": "Bonn"}),
    )
    script = Script(answers=[TextAnswer(text="", finish_reason="tool_calls", tool_calls=calls), "Sunny."])
    tool = {"name": "weather", "description": "The weather.", "parameters": {"type": "object"}}
    with client_for(script) as client:
        first = client.generate_text("Weather?", model="smart", tools=[tool], tool_choice="required")
        assert first.tool_calls == calls
        assert first.finish_reason == "tool_calls"
        answers = [{"type": "tool_result", "call_id": c.id, "content": {"sky": "blue"}} for c in first.tool_calls]
        prompt: list[Any] = [
            {"role": "user", "content": "Weather?"},
            first.message,
            {"role": "tool", "content": answers},
        ]
        assert client.generate_text(prompt, model="smart", tools=[tool]).text == "Sunny."
    request = script.requests[-1]
    assert request.tools == (Tool(name="weather", description="The weather.", parameters={"type": "object"}),)
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    assert request.messages[1].parts == calls
    assert request.messages[2].parts[1].content == '{"sky": "blue"}'


@pytest.mark.parametrize(
    "tools",
    [
        [{"name": ""}],
        [{"name": "a", "parameters": {"type": "array"}}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "x": 1}],
    ],
)
def test_a_malformed_tool_is_refused(tools: Any) -> None:
    """No name, no object, twice the same name, an unknown key."""
    with client_for(Script()) as client, pytest.raises(UnsupportedInputError, match="tool"):
        client.generate_text("x", model="smart", tools=tools)


def test_system_messages_become_the_system_prompt() -> None:
    """`system=` and messages of role system are one text; a model without system prompts gets it in the first message."""
    script = Script()
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    deck = deck_of(spec("smart"), spec("old", constraints=frozenset({"no_system_prompt"})))
    with Client(deck, plugins_for({"scripted": script})) as client:
        client.generate_text(prompt, model="smart", system="In French.")
        assert script.requests[-1].system == "In French.\n\nBe brief."
        assert [message.role for message in script.requests[-1].messages] == ["user"]
        client.generate_text(prompt, model="old")
        assert script.requests[-1].system is None
        assert script.requests[-1].messages[0].text == "Be brief.\n\nHi"


def test_images_and_documents_are_checked_against_the_model(tmp_path: Any) -> None:
    """What a model does not take is refused before it is paid for, and so is what is not an image."""
    deck = deck_of(
        spec("blind", inputs=frozenset({"text"})),
        spec("seeing", inputs=frozenset({"text", "images"}), max_prompt_images=1),
    )
    picture = tmp_path / "dot.png"
    picture.write_bytes(PNG)
    script = Script()
    with Client(deck, plugins_for({"scripted": script})) as client:
        for model, fields, word in [
            ("blind", {"images": [PNG]}, "takes no images"),
            ("seeing", {"images": [PNG, PNG]}, "1 images at most"),
            ("seeing", {"documents": [b"%PDF-1.7"]}, "takes no documents"),
            ("seeing", {"images": [b"hello"]}, "neither an image"),
            ("seeing", {"images": [b"%PDF-1.7"]}, "not an image"),
            ("seeing", {"images": [tmp_path / "none.png"]}, "cannot be read"),
            ("seeing", {"images": "dot.png"}, "is a list"),
            ("seeing", {"images": ["data:image/png;base64,!!!"]}, "base64"),
        ]:
            with pytest.raises(UnsupportedInputError, match=word):
                client.generate_text("x", model=model, **fields)  # type: ignore[arg-type]
        assert script.requests == []
        client.generate_text("x", model="seeing", images=[str(picture)])
    assert script.requests[0].messages[0].parts[0].media.media_type == "image/png"


def test_a_chain_moves_on_when_a_provider_cannot_now() -> None:
    """Rate limits and server faults move on to the next member; the ledger tells of both."""
    first, second = Script(answers=[RateLimitError("slow down", status=429, retry_after=30)]), Script()
    deck = deck_of(spec("a", sdk="one"), spec("b", sdk="two"), aliases={"either": ["a", "b"]})
    with Client(deck, plugins_for({"one": first, "two": second})) as client:
        result = client.generate_text("x", model="either")
    assert result.model == "b"
    assert [(a.model, a.outcome, a.error, a.status) for a in result.attempts] == [
        ("a", "error", "RateLimitError", 429),
        ("b", "ok", None, None),
    ]


def test_a_chain_stops_when_the_request_is_wrong_and_tells_when_all_failed() -> None:
    """A wrong request is not repeated elsewhere; when every member failed, one error lists them."""
    from pipelex_core import BadRequestError

    first, second = (
        Script(answers=[BadRequestError("no", status=400)]),
        Script(answers=[ServerError("down", status=500)]),
    )
    deck = deck_of(spec("a", sdk="one"), spec("b", sdk="two"), aliases={"ab": ["a", "b"], "bb": ["b", "c"]})
    deck = evolve(deck, models={**deck.models, "c": deck_of(spec("c", sdk="two")).models["c"]})
    with Client(deck, plugins_for({"one": first, "two": second})) as client:
        with pytest.raises(BadRequestError) as caught:
            client.generate_text("x", model="ab")
        assert second.requests == []
        assert (caught.value.backend, caught.value.model, len(caught.value.attempts)) == ("one", "a", 1)
        with pytest.raises(AllAttemptsFailedError) as all_failed:
            client.generate_text("x", model="bb", retries=0)
    assert [attempt.model for attempt in all_failed.value.attempts] == ["b", "c"]


def test_a_chain_skips_members_that_cannot_take_the_input() -> None:
    """A member without image input is passed over, unpaid, for one that has it."""
    script = Script()
    deck = deck_of(
        spec("blind", inputs=frozenset({"text"})),
        spec("seeing", inputs=frozenset({"images"})),
        aliases={"any": ["blind", "seeing"]},
    )
    with Client(deck, plugins_for({"scripted": script})) as client:
        assert client.generate_text("x", model="any", images=[PNG]).model == "seeing"
    assert len(script.requests) == 1


def test_refused_settings_are_an_error_alone_and_dropped_in_a_chain() -> None:
    """A temperature that a model refuses: an error where the handle leads to it alone, dropped inside a chain."""
    script = Script()
    fixed = spec("fixed", constraints=frozenset({"temperature_must_be_1"}))
    deck = deck_of(fixed, spec("free"), aliases={"chain": ["fixed", "free"]})
    with Client(deck, plugins_for({"scripted": script})) as client:
        with pytest.raises(UnsupportedInputError, match="refuses every temperature but 1"):
            client.generate_text("x", model="fixed", temperature=0.5)
        client.generate_text("x", model="chain", temperature=0.5)
        assert script.requests[-1].temperature is None
        client.generate_text("x", model="fixed", temperature=1)
        assert script.requests[-1].temperature == 1


def test_a_handle_whose_models_are_all_unavailable_says_why() -> None:
    """The reasons of every member are in the error."""
    deck = deck_of(spec("a"))
    gone = evolve(deck.models["a"], spec=None, available=False, reason="backend 'x' is disabled")
    with Client(evolve(deck, models={"a": gone}), plugins_for({})) as client:
        with pytest.raises(ModelsManagerError, match="backend 'x' is disabled"):
            client.generate_text("x", model="a")


def test_a_missing_plugin_says_which_pip_install_brings_it() -> None:
    """The error of a model without a plugin is a command."""
    with Client(deck_of(spec("a", sdk="mistral")), plugins_for({})) as client:
        with pytest.raises(PluginError, match="pip install pipelex-backend-mistral"):
            client.generate_text("x", model="a")


def test_the_deadline_bounds_the_call() -> None:
    """A slow provider is given up after the deadline, and the ledger says so."""
    with client_for(Script(answers=[20.0, "late"])) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            client.generate_text("x", model="smart", deadline=0.2)
        assert time.monotonic() - started < 2
        assert [(a.outcome, a.error) for a in caught.value.attempts] == [("error", "DeadlineExceededError")]
        assert caught.value.model == "smart"


@pytest.mark.parametrize("deadline", [0, -1, "3", True])
def test_a_deadline_is_a_positive_number(deadline: Any) -> None:
    """Anything else is refused."""
    with client_for(Script()) as client, pytest.raises(UnsupportedInputError, match="deadline"):
        client.generate_text("x", model="smart", deadline=deadline)


def test_a_stream_gives_deltas_and_ends_with_the_result() -> None:
    """The deltas joined are the text of the result, which is there after the last one."""
    script = Script(answers=["Rhine", ", Seine", ANSWER])
    with client_for(script) as client, client.stream_text("x", model="smart") as stream:
        assert script.requests == []  # nothing is sent before the first delta is asked for
        with pytest.raises(RuntimeError, match="not ended"):
            _ = stream.result
        assert list(stream) == ["Rhine", ", Seine"]
        assert stream.result.text == "Rhine, Seine"
        assert stream.result.request_id == "req-2"
        assert stream.result.cost is not None
    assert script.abandoned == 0


def test_a_slow_reader_holds_a_stream_back() -> None:
    """A stream reads ahead by a bounded number of deltas, and loses none."""
    script = Script(answers=[*("x" * 1000), evolve(ANSWER, text="x" * 1000)])
    with client_for(script) as client, client.stream_text("x", model="smart") as stream:
        assert next(stream) == "x"
        time.sleep(0.1)
        assert len(script.answers) > 500
        assert len(list(stream)) == 999


def test_leaving_a_stream_early_closes_it() -> None:
    """The plugin's generator is closed at once, in the sync and the async client; the ledger says cancelled."""
    finished: list[Any] = []
    script = Script(answers=["a", "b"])
    plugins = plugins_for({"scripted": script}, pipelex_call_finished=lambda call: finished.append(call))
    deck = deck_of(spec("smart"))
    with Client(deck, plugins) as client:
        with client.stream_text("x", model="smart") as stream:
            assert next(stream) == "a"
        assert script.abandoned == 1

    async def main() -> None:
        async with AsyncClient(deck, plugins) as aclient, aclient.stream_text("x", model="smart") as astream:
            async for _ in astream:
                break
        assert script.abandoned == 2

    asyncio.run(main())
    assert [call.attempts[0].outcome for call in finished] == ["cancelled", "cancelled"]


def test_a_stream_that_breaks_keeps_its_partial_text_and_does_not_move_on() -> None:
    """After the first delta there is no silent change of model; the partial text is in the error."""
    first = Script(answers=["Rhi", ServerError("gone", status=500)])
    second = Script(answers=["Po", ANSWER])
    deck = deck_of(spec("a", sdk="one"), spec("b", sdk="two"), aliases={"ab": ["a", "b"]})
    with Client(deck, plugins_for({"one": first, "two": second})) as client:
        with client.stream_text("x", model="ab") as stream:
            assert next(stream) == "Rhi"
            with pytest.raises(ServerError) as caught:
                next(stream)
        assert caught.value.partial_text == "Rhi"
        assert second.requests == []
        first.answers = [ServerError("gone", status=500)]
        with client.stream_text("x", model="ab") as stream:
            assert list(stream) == ["Po"]
        assert [attempt.model for attempt in stream.result.attempts] == ["a", "b"]


def test_the_deadline_bounds_a_stream() -> None:
    """A stream that falls silent ends with the deadline, its partial text kept."""
    with client_for(Script(answers=["a", 20.0, "b"])) as client:
        started = time.monotonic()
        with client.stream_text("x", model="smart", deadline=1.5) as stream:
            assert next(stream) == "a"
            with pytest.raises(DeadlineExceededError) as caught:
                next(stream)
        assert caught.value.partial_text == "a"
        assert time.monotonic() - started < 3.2


def test_one_async_client_serves_three_event_loops() -> None:
    """Each loop has its own backend, closed with the loop even where nobody closes the client."""
    script = Script()
    client = AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script}))

    async def main() -> None:
        assert (await client.generate_text("x", model="smart")).text
        await asyncio.gather(*(client.generate_text("x", model="smart") for _ in range(5)))

    for number in range(1, 4):
        asyncio.run(main())
        assert (script.opened, script.closed) == (number, number)


def test_one_sync_client_is_first_used_by_sixteen_threads() -> None:
    """One loop, one backend, whoever comes first; also from within a running loop."""
    script = Script()
    with client_for(script) as client:
        barrier = threading.Barrier(16)
        failures: list[BaseException] = []

        def work() -> None:
            barrier.wait()
            try:
                for _ in range(5):
                    client.generate_text("x", model="smart")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert (script.opened, len(script.requests)) == (1, 80)

        async def inside() -> str:
            return client.generate_text("x", model="smart").text

        assert asyncio.run(inside())
    assert script.closed == 1


def test_a_client_works_again_after_it_was_closed() -> None:
    """Closing ends the thread; the next call starts anew."""
    script = Script()
    client = client_for(script)
    for number in (1, 2):
        client.generate_text("x", model="smart")
        client.close()
        assert (script.opened, script.closed) == (number, number)
    assert not [thread for thread in threading.enumerate() if thread.name == "pipelex-core"]


def test_cancelling_a_call_is_seen_by_the_ledger_and_the_plugin() -> None:
    """Cancellation passes through, and those who listen hear of a call without result or error."""
    finished: list[Any] = []
    script = Script(answers=[20.0, "late"])
    client = AsyncClient(
        deck_of(spec("smart")),
        plugins_for({"scripted": script}, pipelex_call_finished=lambda call: finished.append(call)),
    )

    async def main() -> None:
        task = asyncio.create_task(client.generate_text("x", model="smart"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (call,) = finished
    assert (call.result, call.error) == (None, None)
    assert call.attempts[0].outcome == "cancelled"


def test_middlewares_stand_around_every_attempt() -> None:
    """The first is the outermost; they may change the request, and errors pass through them."""
    seen: list[str] = []

    def named(name: str) -> Any:
        async def middleware(call: Any, proceed: Any) -> Any:
            seen.append(f"{name} {call.request.spec.name}")
            changed = evolve(call, request=evolve(call.request, system=(call.request.system or "") + name))
            try:
                return await proceed(changed)
            finally:
                seen.append(f"{name} done")

        return middleware

    script = Script(answers=[ServerError("down"), "fine"])
    deck = deck_of(spec("a"), spec("b"), aliases={"ab": ["a", "b"]})
    plugins = plugins_for({"scripted": script}, pipelex_middleware=lambda: [named("1"), named("2")])
    with Client(deck, plugins) as client:
        client.generate_text("x", model="ab")
    assert seen == ["1 a", "2 a", "2 done", "1 done", "1 b", "2 b", "2 done", "1 done"]
    assert script.requests[-1].system == "12"


def test_a_listener_that_raises_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What `pipelex_call_finished` raises is logged."""

    def listen(call: Any) -> None:
        raise RuntimeError(call.handle)

    with Client(deck_of(spec("smart")), plugins_for({"scripted": Script()}, pipelex_call_finished=listen)) as client:
        assert client.generate_text("x", model="smart").text
    assert "pipelex_call_finished raised" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_in_an_error_is_taken_out(stream: bool) -> None:
    """A plugin that lets a key into an error, or raises what is not an error of ours, still leaks nothing."""
    for failure in (ServerError(f"bad key {KEY}", raw=f"Bearer {KEY}"), ValueError(f"boom {KEY}")):
        with client_for(Script(answers=[failure])) as client, pytest.raises((ServerError, PluginError)) as caught:
            if stream:
                with client.stream_text("x", model="smart") as events:
                    list(events)
            else:
                client.generate_text("x", model="smart")
        reported = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
        assert KEY not in reported
        assert "***" in reported


def test_a_plugin_that_answers_nonsense_is_named() -> None:
    """An answer of the wrong class is the plugin's fault, and said so."""
    with client_for(Script(answers=[Usage()])) as client, pytest.raises(PluginError, match="sdk 'scripted'"):
        client.generate_text("x", model="smart")


def test_both_clients_have_the_same_calls() -> None:
    """`Client` has each method of `AsyncClient`, with the same arguments, defaults, types, overloads and result."""
    methods = {name for name in vars(AsyncClient) if not name.startswith("_")} - {"aclose"}
    assert methods == {name for name in vars(Client) if not name.startswith("_")} - {"close"}
    for name in sorted({*methods, "__init__"}):
        sync, later = getattr(Client, name), getattr(AsyncClient, name)
        assert _signatures(sync) == _signatures(later), name
        overloads = [list(map(_signatures, get_overloads(getattr(kind, name)))) for kind in (Client, AsyncClient)]
        assert overloads[0] == overloads[1], name


def _signatures(function: Any) -> tuple[Any, str]:
    """The parameters of a method, and its result, which is another class where it is a stream.

    What an asynchronous method iterates over may be asynchronous.
    """
    found = inspect.signature(function)
    parameters = [
        each.replace(annotation=str(each.annotation).replace(" | AsyncIterable[Any]", ""))
        for each in found.parameters.values()
    ]
    return parameters, str(found.return_annotation).replace("Async", "")


def test_the_typed_settings_are_the_settings() -> None:
    """What type checkers see of a call's settings is what `settings.py` knows."""
    for capability, typed in (
        ("llm", LLMSettings),
        ("extract", ExtractSettings),
        ("img_gen", ImgGenSettings),
        ("embed", EmbedSettings),
        ("transcribe", TranscribeSettings),
        ("speak", SpeakSettings),
        ("rerank", RerankSettings),
    ):
        hints = get_type_hints(typed, localns={"Sequence": list})
        assert list(hints) == list(BUILT_IN[capability].settings)


@pytest.mark.parametrize("failure", [ValueError(f"bad address {KEY}"), TimeoutError("slow")])
def test_a_backend_that_does_not_open_is_a_plugins_fault(failure: Exception) -> None:
    """Whatever `open` or the factory raises: a `PluginError` without the key, and no deadline that nobody set."""

    class Closed(ScriptedBackend):
        async def open(self, resources: Any) -> None:
            raise failure

    with Client(deck_of(spec("smart")), plugins_for({"scripted": Script()}, kind=Closed)) as client:
        with pytest.raises(PluginError, match=type(failure).__name__) as caught:
            client.generate_text("x", model="smart")
        assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_middlewares_own_timeout_is_not_the_callers_deadline() -> None:
    """Errors pass through middlewares as through any function, also where the call has a deadline."""

    async def impatient(call: Any, proceed: Any) -> Any:
        async with asyncio.timeout(0.01):
            return await proceed(call)

    plugins = plugins_for({"scripted": Script(answers=[20.0, "late"])}, pipelex_middleware=lambda: [impatient])
    with Client(deck_of(spec("smart")), plugins) as client, pytest.raises(TimeoutError):
        client.generate_text("x", model="smart", deadline=20)


def test_a_call_that_ends_with_a_plugins_fault_is_in_the_ledger() -> None:
    """Those who listen see the attempt, whole or streamed."""
    finished: list[Any] = []
    plugins = plugins_for(
        {"scripted": Script(answers=[ValueError("boom")])}, pipelex_call_finished=lambda call: finished.append(call)
    )
    with Client(deck_of(spec("smart")), plugins) as client:
        with pytest.raises(PluginError):
            client.generate_text("x", model="smart")
        with pytest.raises(PluginError):
            list(client.stream_text("x", model="smart"))
    assert [[(a.outcome, a.error) for a in call.attempts] for call in finished] == [[("error", "PluginError")]] * 2


def test_no_request_is_sent_when_the_time_is_over() -> None:
    """Neither the first one nor a repair; the ledger keeps what was paid before."""
    script = Script(answers=["[]"])

    async def slow(call: Any, proceed: Any) -> Any:
        try:
            return await proceed(call)
        finally:
            until = time.monotonic() + 0.6
            while time.monotonic() < until:  # keeps the loop busy: the deadline passes without being seen
                pass

    plugins = plugins_for({"scripted": script}, pipelex_middleware=lambda: [slow])
    with Client(deck_of(spec("smart")), plugins) as client:
        with pytest.raises(DeadlineExceededError):
            client.generate_text("x", model="smart", deadline=1e-9)
        assert script.requests == []
        with pytest.raises(DeadlineExceededError) as caught:
            client.generate_object("x", {"type": "object"}, model="smart", deadline=0.5)
    assert len(script.requests) == 1
    assert [attempt.outcome for attempt in caught.value.attempts] == ["ok"]


@pytest.mark.parametrize("deadline", [float("inf"), 10**400, 1e300])
def test_a_deadline_beyond_any_life_is_none(deadline: float) -> None:
    """It bounds nothing, and overflows nothing."""
    script = Script()
    with client_for(script) as client:
        assert client.generate_text("x", model="smart", deadline=deadline).text
    assert script.requests[0].timeout is None


def test_a_class_is_no_handle_and_a_capability_is_one_of_three() -> None:
    """Other arguments of the wrong type have clear errors too."""
    with client_for(Script()) as client:
        with pytest.raises(UnsupportedInputError, match="handle"):
            client.generate_text("x", model=dict)  # type: ignore[arg-type]
        with pytest.raises(UnsupportedInputError, match="capability"):
            client.explain("smart", capability="foo")


def test_files_are_read_beside_the_event_loop(tmp_path: Any) -> None:
    """A slow disk holds up its own call, and nobody else's."""
    (tmp_path / "a.png").write_bytes(PNG)
    read_in: list[threading.Thread] = []

    class Watched:
        def __fspath__(self) -> str:
            read_in.append(threading.current_thread())
            return str(tmp_path / "a.png")

    os.PathLike.register(Watched)

    async def main() -> None:
        seeing = spec("seeing", inputs=frozenset({"text", "images"}))
        async with AsyncClient(deck_of(seeing, OCR), plugins_for({"scripted": Script()})) as client:
            await client.generate_text("What is it?", model="seeing", images=[Watched()])
            await client.extract(Watched(), model="ocr")

    asyncio.run(main())
    assert read_in
    assert threading.current_thread() not in read_in


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", ["deck", "plugins", "config", "total_budget"])
def test_what_a_client_was_made_of_stays(kind: type[Client | AsyncClient], name: str) -> None:
    """To give it another deck would change nothing, so it is refused."""
    client = kind(deck_of(spec("smart")), plugins_for({"scripted": Script()}))
    before = getattr(client, name)
    with pytest.raises(AttributeError):
        setattr(client, name, None)
    assert getattr(client, name) is before
