"""What is answered from the cache, what is not, and what the ledger says of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, BadRequestError, CallError, Client, InvalidAnswerError
from pipelex_core.capabilities.text import STREAM_TEXT, TEXT
from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.execution import Execution
from pipelex_core.execution.plan import make_plan
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.plugins import discover
from pipelex_core.results import Image, ImageAnswer, TextAnswer, Usage
from pipelex_core.specs import Secret
from pipelex_middleware_cache import Cache, bypassed
from pipelex_testing.running import until
from tests.documents.pdfs import lines, pdf
from tests.plugins.cache_calls import DONE, cache_in, plugins_of, run, streamed, text, uses
from tests.support.scripted import KEY, PNG, USAGE, Script, ScriptedBackend, deck_of, plugin, spec

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_request_is_answered_once(tmp_path: Path) -> None:
    """The second answer is the first one, is free, and the ledger says hit; its tokens are still told."""
    script = Script()
    with cache_in(tmp_path) as cache:
        first, second = run(script, cache, text(), text())
    assert len(script.requests) == 1
    assert uses([first, second]) == ["miss", "hit"]
    assert (second.text, second.usage, second.finish_reason) == (first.text, first.usage, first.finish_reason)
    assert first.cost.amount == Decimal("0.00022")
    assert (second.cost.amount, second.attempts[0].cost.amount) == (0, 0)
    assert (first.request_id, first.raw) == ("req-1", {"said": first.text})
    assert (second.request_id, second.raw) == (None, None)


def test_it_outlives_the_client(tmp_path: Path) -> None:
    """Another client, another loop, another cache object: the file is what counts."""
    script = Script()
    for expected in ("miss", "hit"):
        with cache_in(tmp_path) as cache:
            assert uses(run(script, cache, text())) == [expected]


def test_tool_calls_reasoning_and_provider_parts_come_back(tmp_path: Path) -> None:
    """A conversation goes on from a cached answer as from any other."""
    call = ToolCall(id="1", name="look", arguments={"at": ["a", {"b": 1.5}], "none": None})
    part = ProviderPart(provider="acme", data={"signature": b"\x00\xff", "blocks": [{"type": "thinking"}]})
    answer = TextAnswer(
        text="",
        finish_reason="tool_calls",
        usage=Usage(input_tokens=1, output_tokens=2, reasoning_tokens=1),
        tool_calls=(call,),
        reasoning="Hm",
        provider_parts=(part,),
    )
    tools = [{"name": "look", "parameters": {"type": "object"}}]
    with cache_in(tmp_path) as cache:
        first, second = run(Script(answers=[answer]), cache, *[text(tools=tools)] * 2)
    assert uses([first, second]) == ["miss", "hit"]
    assert (second.message, second.tool_calls, second.reasoning) == (first.message, first.tool_calls, first.reasoning)


def test_a_stream_comes_again_in_the_same_pieces(tmp_path: Path) -> None:
    """With its result; it is not the answer to the same request without a stream."""
    script = Script(answers=["a", "b", "c", DONE, "abc"])
    with cache_in(tmp_path) as cache:
        (pieces, first), (again, second), whole = run(script, cache, streamed, streamed, text())
    assert pieces == again == ["a", "b", "c"]
    assert uses([first, second, whole]) == ["miss", "hit", "miss"]
    assert (second.text, second.cost.amount, len(script.requests)) == ("abc", 0, 2)


def test_what_comes_beside_the_text_is_in_the_answer_alone(tmp_path: Path) -> None:
    """Reasoning and calls in pieces pass to whoever asks for them, and what is kept has the text's pieces and the whole answer."""
    piece = ToolCallDelta(number=0, id="call_1", name="look", arguments="{}")
    script = Script(answers=[ReasoningDelta("Hm"), "a", "bc", piece, DONE])

    async def read(_client: AsyncClient) -> list[Any]:
        deck = deck_of(spec("m"))
        plan = evolve(make_plan(deck, TEXT, TEXT.read("Hi"), operation=STREAM_TEXT, handle="m"), with_sides=True)
        execution = Execution(deck, plugins_of(script, cache))
        try:
            return [event async for event in execution.stream(plan, Ledger())]
        finally:
            await execution.close()

    with cache_in(tmp_path) as cache:
        first, second = run(script, cache, read, read)
    assert [type(event) for event in first[:-1]] == [ReasoningDelta, str, str, ToolCallDelta]
    assert second[:-1] == ["a", "bc"]
    assert uses([first[-1], second[-1]]) == ["miss", "hit"]


def test_documents_and_images_come_back(tmp_path: Path) -> None:
    """Pages, and the bytes of images."""
    script = Script(answers=[0.0, "done"])

    def extract(client: AsyncClient) -> Any:
        return client.extract(pdf(lines("Hi")), model="ocr")

    def paint(client: AsyncClient) -> Any:
        return client.generate_image("A lighthouse", model="painter", number=2)

    with cache_in(tmp_path) as cache:
        pages, pages_again, images, images_again = run(script, cache, extract, extract, paint, paint)
    assert uses([pages, pages_again, images, images_again]) == ["miss", "hit"] * 2
    assert pages.pages == pages_again.pages
    assert (images_again.images, images_again.seed) == (images.images, 7)
    assert len(script.requests) == 2


# ── Objects ───────────────────────────────────────────────────────────────────────────────────────────────────────

SCHEMA = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]}


def river(client: AsyncClient) -> Any:
    """A call for an object; None where it fails."""

    async def ask() -> Any:
        with suppress(InvalidAnswerError):
            return await client.generate_object("A river?", SCHEMA, model="m")

    return ask()


def test_objects_are_kept_where_they_fit(tmp_path: Path) -> None:
    """And are validated again when they come back."""
    with cache_in(tmp_path) as cache:
        first, second = run(Script(answers=['{"river": "Po"}']), cache, river, river)
    assert uses([first, second]) == ["miss", "hit"]
    assert second.value == {"river": "Po"}


def test_an_object_that_does_not_fit_is_not_kept(tmp_path: Path) -> None:
    """Neither is its repair: the next call asks anew, and gets what the provider says then."""
    script = Script(answers=['{"lake": 1}', '{"sea": 1}', '{"river": "Po"}'])
    with cache_in(tmp_path) as cache:
        failed, second, third = run(script, cache, river, river, river)
    assert failed is None
    assert uses([second, third]) == ["miss", "hit"]
    assert [second.value, third.value] == [{"river": "Po"}] * 2


def test_a_kept_object_that_does_not_fit_any_more_is_asked_for_anew(tmp_path: Path) -> None:
    """A type may change what it accepts without changing its schema; the old answer is forgotten."""
    from pydantic import BaseModel, field_validator

    allowed = ["Po"]

    class River(BaseModel):
        river: str

        @field_validator("river")
        @classmethod
        def check(cls, value: str) -> str:
            if value not in allowed:
                msg = "not allowed"
                raise ValueError(msg)
            return value

    def ask(client: AsyncClient) -> Any:
        return client.generate_object("A river?", River, model="m")

    script = Script(answers=['{"river": "Po"}', '{"river": "Ob"}'])
    with cache_in(tmp_path) as cache:
        (first,) = run(script, cache, ask)
        allowed[:] = ["Ob"]
        second, third = run(script, cache, ask, ask)
    assert uses([first, second, third]) == ["miss", "miss", "hit"]
    assert [result.value.river for result in (first, second, third)] == ["Po", "Ob", "Ob"]


# ── What is not kept ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("finish_reason", ["length", "content_filter", "other"])
def test_an_answer_that_is_not_whole_is_not_kept(finish_reason: Any, tmp_path: Path) -> None:
    """Cut short or withheld, it would be so for ever."""
    script = Script(answers=[evolve(DONE, finish_reason=finish_reason)])
    with cache_in(tmp_path) as cache:
        assert uses(run(script, cache, text(), text())) == ["miss", "miss"]
        assert cache.contents().answers == 0


def test_errors_are_not_kept(tmp_path: Path) -> None:
    """The next call asks again."""
    script = Script(answers=[BadRequestError("no", status=400), "Rhine"])
    with cache_in(tmp_path) as cache:
        with pytest.raises(CallError) as failed:
            run(script, cache, text())
        assert failed.value.attempts[0].cache is None
        assert uses(run(script, cache, text(), text())) == ["miss", "hit"]


def test_a_stream_that_is_left_or_breaks_is_not_kept(tmp_path: Path) -> None:
    """Only one that was read to its end is."""

    async def remaining(client: AsyncClient) -> None:
        async with client.stream_text("Hi", model="m") as stream:
            async for _ in stream:
                break

    async def broken(client: AsyncClient) -> None:
        with pytest.raises(BadRequestError):
            await streamed(client)

    script = Script(answers=["a", BadRequestError("no", status=400), "b", DONE])
    with cache_in(tmp_path) as cache:
        _, _, (_, result) = run(script, cache, remaining, broken, streamed)
        assert result.attempts[-1].cache == "miss"
        assert cache.contents().answers == 1
    assert script.abandoned == 2


@pytest.mark.parametrize(("shared", "expected"), [(False, ["miss", "miss", "hit"]), (True, ["miss", "hit", "hit"])])
@pytest.mark.parametrize("where", ["api_key", "option", "header"])
def test_tenants_with_other_keys_share_no_answers(
    where: str, expected: list[str], tmp_path: Path, *, shared: bool
) -> None:
    """One file, two credentials: each gets its own answers, unless the configuration says that they share."""

    async def ask(key: str) -> Any:
        places: dict[str, dict[str, Any]] = {
            "api_key": {"api_key": Secret(key)},
            "option": {"options": {"token": Secret(key)}},
            "header": {"hidden": (Secret(key),)},
        }
        deck = deck_of(spec("m"))
        (config,) = deck.backends.values()
        configs = {config.name: evolve(config, **{"api_key": None} | places[where])}
        async with AsyncClient(evolve(deck, backends=configs), plugins_of(script, cache)) as client:
            return await text()(client)

    script = Script(answers=["one", "two", "three"])
    with cache_in(tmp_path, shared=shared) as cache:
        keys = ("tenant-one-0123", "tenant-two-0123", "tenant-one-0123")
        results = [asyncio.run(ask(key)) for key in keys]
        assert uses(results) == expected
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert not [key for key in keys if key.encode() in written]


def test_nothing_is_kept_that_repeats_a_key(tmp_path: Path) -> None:
    """In a text, in pieces, in a tool's arguments; the file never holds it, nor what was asked."""
    call = ToolCall(id="1", name="look", arguments={"with": [KEY]})
    whole = evolve(DONE, text=f"your key is {KEY}")
    requested = evolve(DONE, text="", finish_reason="tool_calls", tool_calls=(call,))
    script = Script(answers=[whole, requested, *KEY, DONE, "Rhine"])
    tools = [{"name": "look", "parameters": {"type": "object"}}]
    with cache_in(tmp_path) as cache:
        _, _, (pieces, _), *_ = run(
            script, cache, text("prompt-one"), text("prompt-two", tools=tools), streamed, text("prompt-three")
        )
        assert "".join(pieces) == KEY
        assert cache.contents().answers == 1
        written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Rhine" in written
    assert KEY.encode() not in written
    assert b"prompt-" not in written


def test_an_answer_that_would_come_back_changed_is_not_kept(tmp_path: Path) -> None:
    """A tuple would come back as a list: the provider is asked each time, and nothing is wrong."""
    answer = evolve(DONE, provider_parts=(ProviderPart(provider="acme", data={"pair": (1, 2), "what": object}),))
    with cache_in(tmp_path) as cache:
        assert uses(run(Script(answers=[answer]), cache, text(), text())) == ["miss", "miss"]


def test_no_image_is_no_answer_to_keep(tmp_path: Path) -> None:
    """An empty answer is asked for again."""

    class Empty(ScriptedBackend):
        async def generate_image(self, request: Any) -> ImageAnswer:
            image = Image(data=PNG, content_type="image/png")
            return ImageAnswer(images=(image,) if self.script.next() == "one" else ())

    from pipelex_core.plugins import discover
    from tests.support.scripted import PAINTER, plugin

    script = Script(answers=["none", "one"])

    async def main() -> list[Any]:
        with cache_in(tmp_path) as cache:
            made = plugin({"scripted": lambda config: Empty(config, script)})
            async with AsyncClient(deck_of(PAINTER), discover(entry_points=(), extra=[made, cache])) as client:
                return [await client.generate_image("x", model="painter") for _ in range(3)]

    assert uses(asyncio.run(main())) == ["miss", "miss", "hit"]


# ── For some calls alone ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_may_pass_the_cache_by(tmp_path: Path) -> None:
    """Inside `bypassed()` nothing is asked of it and nothing kept: also from the thread of a synchronous client."""
    script = Script()
    with cache_in(tmp_path) as cache, Client(deck_of(spec("m")), plugins_of(script, cache)) as client:
        with bypassed():
            first = client.generate_text("Hi", model="m")
        results = [first, *(client.generate_text("Hi", model="m") for _ in range(2))]
        with bypassed():
            results.append(client.generate_text("Hi", model="m"))
    assert uses(results) == [None, "miss", "hit", None]


def test_a_cache_may_be_for_some_calls(tmp_path: Path) -> None:
    """`when` decides, call by call."""
    with cache_in(tmp_path, when=lambda call: call.request.temperature == 0) as cache:
        results = run(Script(), cache, *[text(), text(temperature=0.0)] * 2)
    assert uses(results) == [None, "miss", None, "hit"]


# ── At once ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_request_at_once_is_sent_once(tmp_path: Path) -> None:
    """One asks, the others wait for its answer, and cost nothing."""
    script = Script(answers=[0.1, "Rhine"])

    async def many(client: AsyncClient) -> list[Any]:
        return list(await asyncio.gather(*(client.generate_text("Hi", model="m") for _ in range(20))))

    with cache_in(tmp_path) as cache:
        (results,) = run(script, cache, many)
    assert sorted(str(use) for use in uses(results)) == ["hit"] * 19 + ["miss"]
    assert len(script.requests) == 1
    assert sum(result.cost.amount for result in results) == Decimal("0.00022")


async def script_requested(script: Script) -> None:
    """Wait until a request has come."""
    await until(lambda: script.requests)


@pytest.mark.parametrize("how", ["fails", "is cancelled", "is cut short"])
def test_who_waits_asks_where_the_other_gets_nothing(how: str, tmp_path: Path) -> None:
    """The failure of one call is not that of another."""
    first: Any = {"fails": BadRequestError("no", status=400), "is cut short": evolve(DONE, finish_reason="length")}
    script = Script(answers=[0.05, first.get(how, 0.0), "Rhine"])

    async def main(client: AsyncClient) -> Any:
        leader = asyncio.create_task(client.generate_text("Hi", model="m"))
        await asyncio.wait_for(script_requested(script), 10)
        follower = asyncio.create_task(client.generate_text("Hi", model="m"))
        await asyncio.sleep(0.01)
        if how == "is cancelled":
            leader.cancel()
        await asyncio.wait([leader])
        if how != "is cut short":
            assert leader.cancelled() or leader.exception()
        return await follower

    with cache_in(tmp_path) as cache:
        (result,) = run(script, cache, main)
    assert (result.text, result.attempts[-1].cache, len(script.requests)) == ("Rhine", "miss", 2)


def test_who_waits_can_be_cancelled(tmp_path: Path) -> None:
    """By its own deadline too; the call it waited for goes on."""
    script = Script(answers=[0.2, "Rhine"])

    async def main(client: AsyncClient) -> Any:
        leader = asyncio.create_task(client.generate_text("Hi", model="m"))
        await asyncio.wait_for(script_requested(script), 10)
        with pytest.raises(CallError, match="deadline"):
            await client.generate_text("Hi", model="m", deadline=0.02)
        return await leader

    with cache_in(tmp_path) as cache:
        (result,) = run(script, cache, main)
    assert (result.text, len(script.requests)) == ("Rhine", 1)


def test_a_result_says_it_in_json_too(tmp_path: Path) -> None:
    """The ledger is plain data: hit or miss is in what the command line prints of it."""
    from attrs import asdict

    with cache_in(tmp_path) as cache:
        first, second = run(Script(answers=[evolve(DONE, usage=USAGE)]), cache, text(), text())
    reported = [json.loads(json.dumps(asdict(result.attempts[0]), default=str))["cache"] for result in (first, second)]
    assert reported == ["miss", "hit"]


def test_two_versions_of_an_api_are_asked_each(tmp_path: Path) -> None:
    """The same model under a backend with another option is not the same, nor is it under another key."""
    script = Script()
    one = deck_of(spec("m"))

    def ask(**fields: Any) -> str | None:
        configs = {name: evolve(config, **fields) for name, config in one.backends.items()}
        cache = Cache(tmp_path / "answers.sqlite")
        plugins = discover(
            entry_points=(), extra=[plugin({"scripted": lambda config: ScriptedBackend(config, script)}), cache]
        )
        with Client(evolve(one, backends=configs), plugins) as client:
            return client.generate_text("?", model="m").attempts[-1].cache

    assert ask(options={"api_version": "1"}) == "miss"
    assert ask(options={"api_version": "1"}) == "hit"
    assert ask(options={"api_version": "2"}) == "miss"
    assert ask(options={"api_version": "2", "second_key": Secret("another-0123456")}) == "miss"
    assert ask(options={"api_version": "2"}, api_key=Secret("another-0123456")) == "miss"
