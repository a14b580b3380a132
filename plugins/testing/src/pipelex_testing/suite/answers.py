"""Scenarios: text, streams and objects, as they come when all goes well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core.errors import InvalidAnswerError
from pipelex_testing.absence import absent
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import about, each_call
from pipelex_testing.running import until
from pipelex_testing.samples import (
    CHARACTER_PRICE,
    CITY,
    COST,
    IMAGE_PRICE,
    OBJECT,
    PAGE_PRICE,
    PLAIN,
    PRICES,
    PROMPT,
    REQUEST_PRICE,
    SEARCH_PRICE,
    SECOND_PRICE,
    SPOKEN,
    SYSTEM,
    TEXT,
    USAGE,
    WORLD,
    City,
    SampleAnswer,
)
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running


class Answers(Scenarios):
    """What comes of a good answer."""

    @each_call
    def test_a_good_answer_becomes_a_result(self, call: Kind) -> None:
        """One request, one attempt, and the provider's text."""

        async def use(at: Running) -> None:
            call.prepare(at)
            result = await call.make(at)
            call.verify(at, result)
            assert not at.has_server or len(at.calls) == 1, "one call is one request"
            (attempt,) = result.attempts
            assert (attempt.outcome, attempt.error) == ("ok", None)
            assert (result.backend, result.model_id) == (self.suite.backend_name, attempt.model_id)

        self.run(use)

    @each_call
    def test_a_result_has_the_providers_answer_and_id(self, call: Kind) -> None:
        """`raw` is what the SDK gave, but for sound, which is the answer itself; `request_id` is the provider's, where it says one."""

        async def use(at: Running) -> None:
            call.queue(at)
            result = await call.make(at)
            assert result.raw is not None or call.capability in {"speech", "speech stream"}
            if at.has_server and not result.request_id and "request ids" in at.wire.lacking():
                absent("request ids")
            assert result.request_id or not at.has_server

        self.run(use)

    @each_call
    def test_usage_and_cost_are_right(self, call: Kind) -> None:
        """Tokens as our terms have them (input with what was cached, output with reasoning), pages, images, and the price."""

        async def use(at: Running) -> None:
            call.prepare(at)
            result = await call.make(at)
            if at.has_server:
                _check_counts(at, call, result)
            else:
                assert result.cost is not None
                assert result.cost.amount > 0

        self.run(use)

    @about("text")
    def test_the_prompt_and_the_system_prompt_are_sent(self) -> None:
        """Once each, whole."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            await at.client.generate_text(PROMPT, model=at.llm, system=SYSTEM)
            (request,) = at.calls
            assert (request.body.count(PROMPT.encode()), request.body.count(SYSTEM.encode())) == (1, 1)

        self.run(use)

    @about("text")
    def test_settings_are_sent_and_nothing_else(self) -> None:
        """Model id, temperature and limit where they are given; no temperature of the plugin's own where not."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN), at.wire.answer(PLAIN))
            result = await at.client.generate_text(PROMPT, model=at.llm, temperature=0.5, max_tokens=77)
            await at.client.generate_text(PROMPT, model=at.llm)
            provided, bare = (at.wire.settings(request) for request in at.calls)
            if provided is None or bare is None or "settings" in at.wire.lacks:
                absent("settings in the wire")
            assert dict(provided) == {"model": result.model_id, "temperature": 0.5, "max_tokens": 77}
            assert bare["temperature"] is None

        self.run(use)

    @about("text")
    @pytest.mark.parametrize(
        "text", [WORLD, "x" * 300_000, ' \\"{}\n\t\x7f', "0"], ids=["world", "long", "odd", "zero"]
    )
    def test_any_text_comes_and_goes_as_it_is(self, text: str) -> None:
        """Scripts of the world, lengths, quotes and controls, in prompt and answer."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(text=text)))
            result = await at.client.generate_text(f"Say this: {text}", model=at.llm)
            assert result.text == text
            assert result.message.text == text

        self.run(use)

    @about("text")
    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    def test_the_finish_reason_is_reported(self, reason: Any) -> None:
        """An answer cut short or withheld is not one that ended by itself."""

        async def use(at: Running) -> None:
            for fact in ("finish reasons", *(["content filters"] if reason == "content_filter" else [])):
                if fact in at.wire.lacks:
                    absent(fact)
            at.server.queue(at.wire.answer(SampleAnswer(text="The capital", finish=reason)))
            result = await at.client.generate_text(PROMPT, model=at.llm)
            assert (result.finish_reason, result.text) == (reason, "The capital")

        self.run(use)

    @about("text")
    def test_an_empty_answer_is_an_error(self) -> None:
        """Never a result that says nothing."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(text="")))
            with pytest.raises(InvalidAnswerError):
                await at.client.generate_text(PROMPT, model=at.llm, retries=0)

        self.run(use)

    @about("stream")
    def test_a_stream_comes_in_pieces_that_make_the_whole(self) -> None:
        """Deltas of text, none empty, and last the result that holds them all."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.server.queue(at.wire.stream(PLAIN))
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                deltas = [delta async for delta in stream]
            assert len(deltas) > 1
            assert all(deltas)
            assert "".join(deltas) == stream.result.text
            assert not at.has_server or stream.result.text == TEXT

        self.run(use)

    @about("stream")
    def test_a_stream_is_passed_on_as_it_comes(self) -> None:
        """The first delta is there before the provider has sent the rest."""

        async def use(at: Running) -> None:
            reply = at.wire.stream(PLAIN)
            at.server.queue(evolve(reply, stall_after=_after_first_text(reply.chunks)))
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                first = await anext(stream)
            assert first
            assert TEXT.startswith(first)
            await until(lambda: at.server.abandoned, "the connection of a stream that was left is closed")

        self.run(use)

    @about("stream")
    def test_a_stream_whose_characters_are_split_is_whole(self) -> None:
        """Wherever the network cuts the bytes of a character, no delta holds half of one."""

        async def use(at: Running) -> None:
            for size in (2, 5):
                whole = at.wire.stream(SampleAnswer(text=WORLD))
                data = b"".join(whole.chunks)
                pieces = tuple(data[start : start + size] for start in range(0, len(data), size))
                at.server.queue(evolve(whole, chunks=pieces, pause=0.0005))
                async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                    deltas = [delta async for delta in stream]
                assert "".join(deltas) == stream.result.text == WORLD

        self.run(use)

    @about("stream")
    def test_streams_at_the_same_time_are_kept_apart(self) -> None:
        """Each reader gets the words of its own stream."""
        import asyncio

        async def one(at: Running) -> str:
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                deltas = [delta async for delta in stream]
            assert "".join(deltas) == stream.result.text
            return stream.result.text

        async def use(at: Running) -> None:
            texts = [f"This is answer number {number} of ten." for number in range(10)]
            at.server.queue(*(evolve(at.wire.stream(SampleAnswer(text=text)), pause=0.01) for text in texts))
            assert sorted(await asyncio.gather(*(one(at) for _ in texts))) == sorted(texts)

        self.run(use)

    @about("object")
    def test_an_object_is_asked_for_by_its_schema(self) -> None:
        """The request holds the fields of the type."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(value={"name": "Rome", "is_capital": True})))
            result = await at.client.generate_object(PROMPT, City, model=at.llm)
            assert result.value == City("Rome", True)
            (request,) = at.calls
            assert b'"is_capital"' in request.body.replace(b"\\", b"")

        self.run(use)

    @about("object")
    def test_an_object_cut_short_is_an_error_that_keeps_the_text(self) -> None:
        """Half a JSON document is not an object, and is not thrown away."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(SampleAnswer(text='{"name": "Par', finish="length")))
            with pytest.raises(InvalidAnswerError):
                await at.client.generate_object(PROMPT, City, model=at.llm, retries=0)
            assert len(at.calls) == 1, "a cut answer is not worth a repair"

        self.run(use)

    @about("object stream")
    def test_an_object_comes_piece_by_piece(self) -> None:
        """Each partial object holds what has come, and the last one is whole, validated, and that of the result."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.server.queue(at.wire.stream(OBJECT))
            async with at.client.stream_object(PROMPT, City, model=at.llm) as stream:
                *partial, last = [value async for value in stream]
            assert isinstance(last, City)
            assert (last, stream.result.finish_reason) == (stream.result.value, "stop")
            assert partial, "the object came as a whole"
            assert all(value.keys() <= {"name", "is_capital"} for value in partial)
            if not at.has_server:
                return
            assert last == CITY
            (request,) = at.calls
            assert b'"is_capital"' in request.body.replace(b"\\", b"")

        self.run(use)

    @about("object stream")
    def test_a_streamed_object_that_does_not_fit_is_repaired(self) -> None:
        """One more request, which shows the fault; both are in the ledger."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.stream(SampleAnswer(value={"name": 3, "is_capital": True})), at.wire.stream(OBJECT))
            async with at.client.stream_object(PROMPT, City, model=at.llm) as stream:
                values = [value async for value in stream]
            assert (values[-1], stream.result.value) == (CITY, CITY)
            assert (len(at.calls), len(stream.result.attempts)) == (2, 2)

        self.run(use)


def _check_counts(at: Running, call: Kind, result: Any) -> None:
    """The counts that the wire tells, and what they cost."""
    usage, cost = result.usage, result.cost
    if call.capability == "embeddings" and not at.wire.counts_embeddings:
        return
    if "counts" in at.wire.lacks:
        absent("counts")
    assert cost is not None
    match call.capability:
        case "embeddings":
            assert USAGE.input_tokens is not None
            assert PRICES.input is not None
            assert (usage.input_tokens, usage.output_tokens) == (USAGE.input_tokens, 0)
            assert cost.amount == USAGE.input_tokens * PRICES.input / 1_000_000
        case "moderation":
            assert cost.amount == REQUEST_PRICE.request
        case capability if capability in _COUNTED:
            unit, counted, price = _COUNTED[capability]
            assert (getattr(usage, unit), cost.amount) == (counted, counted * (price or 0))
        case "stream" if not at.wire.counts_in_stream:
            pass
        case _ if "cached counts" in at.wire.lacks:
            counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
            assert counts == (USAGE.input_tokens, USAGE.output_tokens, None)
            assert cost.amount >= COST
        case _:
            counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
            assert counts == (USAGE.input_tokens, USAGE.output_tokens, USAGE.cached_tokens)
            assert cost.amount == COST


_COUNTED = {
    "transcription": ("seconds", 1, SECOND_PRICE.second),
    "speech": ("characters", len(SPOKEN), CHARACTER_PRICE.character),
    "speech stream": ("characters", len(SPOKEN), CHARACTER_PRICE.character),
    "OCR": ("pages", 2, PAGE_PRICE.input),
    "image out": ("images", 1, IMAGE_PRICE.output),
    "image edits": ("images", 1, IMAGE_PRICE.output),
    "rerank": ("searches", 1, SEARCH_PRICE.search),
}
"""What is counted besides tokens: the seconds of `SOUND`, the characters of `SPOKEN`, pages, pictures, and the price of one."""


def _after_first_text(chunks: Any) -> int:
    """How many pieces of a stream hold its first delta: those up to the one with the text's first word."""
    word = TEXT.split(" ", maxsplit=1)[0].encode()
    return 1 + next(number for number, chunk in enumerate(chunks) if word in chunk)
