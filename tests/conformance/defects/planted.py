"""The defects: each a `Sound` backend with one thing wrong, and the scenarios that must find it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.errors import BadRequestError, CallError, ProviderConnectionError, RateLimitError, ServerError
from pipelex_core.results import TextAnswer, Usage
from tests.conformance.defects.sound import Sound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from pipelex_core.requests import ObjectRequest, TextRequest
    from pipelex_core.specs import BackendConfig

_STATUS = "test_a_status_is_the_error_of_its_class"
_NO_ANSWER = "test_a_malformed_answer_is_an_error"


@frozen(kw_only=True)
class Defect:
    """A defect.

    Attributes:
        make: Makes the backend.
        found_by: The scenarios that are meant for it: at least one run of each fails.
        also: Scenarios that it cannot but fail too.
    """

    make: Callable[[BackendConfig], Any]
    found_by: frozenset[str]
    also: frozenset[str] = frozenset()


DEFECTS: dict[str, Defect] = {}


def planted(*found_by: str, also: tuple[str, ...] = ()) -> Callable[[type[Sound]], type[Sound]]:
    """Enter a backend into the table."""

    def enter(kind: type[Sound]) -> type[Sound]:
        DEFECTS[kind.__name__] = Defect(make=kind, found_by=frozenset(found_by), also=frozenset(also))
        return kind

    return enter


# ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


@planted(_STATUS)
class RetriesTwice(Sound):
    """Asks again by itself where the server fails."""

    async def post(self, body: Mapping[str, Any], seconds: float | None) -> tuple[Any, Mapping[str, str]]:
        for _ in range(2):
            try:
                return await super().post(body, seconds)
            except ServerError:
                continue
        return await super().post(body, seconds)


@planted("test_the_prompt_and_the_system_prompt_are_sent")
class ForgetsTheSystemPrompt(Sound):
    def body(self, request: TextRequest) -> dict[str, Any]:
        return super().body(evolve(request, system=None))


@planted("test_settings_are_sent_and_nothing_else")
class AddsATemperature(Sound):
    def body(self, request: TextRequest) -> dict[str, Any]:
        return {"temperature": 0.7, **super().body(request)}


@planted("test_settings_are_sent_and_nothing_else")
class ForgetsMaxTokens(Sound):
    def body(self, request: TextRequest) -> dict[str, Any]:
        return super().body(evolve(request, max_tokens=None))


@planted("test_a_conversation_is_sent_in_its_order", "test_a_result_carries_the_conversation_on")
class SendsTheLastMessageOnly(Sound):
    def body(self, request: TextRequest) -> dict[str, Any]:
        return super().body(evolve(request, messages=request.messages[-1:]))


@planted("test_another_providers_own_parts_are_not_sent")
class SendsEveryProvidersParts(Sound):
    def body(self, request: TextRequest) -> dict[str, Any]:
        body = super().body(request)
        reported = [part.data for message in request.messages for part in message.parts if hasattr(part, "data")]
        return {**body, "extra": [dict(data) for data in reported]} if reported else body


@planted("test_an_object_is_asked_for_by_its_schema")
class ForgetsTheSchema(Sound):
    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        return await self.generate_text(request)


# ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@planted("test_usage_and_cost_are_right")
class CountsCachedTokensTwice(Sound):
    def usage(self, counts: Mapping[str, Any]) -> Usage:
        made = super().usage(counts)
        return evolve(made, input_tokens=(made.input_tokens or 0) + (made.cached_tokens or 0))


@planted("test_usage_and_cost_are_right")
class ForgetsUsageInStreams(Sound):
    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        async for event in super().stream_text(request):
            yield evolve(event, usage=Usage()) if isinstance(event, TextAnswer) else event


@planted("test_the_finish_reason_is_reported", "test_an_object_cut_short_is_an_error_that_keeps_the_text")
class AlwaysStops(Sound):
    def finish(self, reason: str) -> Any:
        return "stop"


@planted("test_any_text_comes_and_goes_as_it_is")
class StripsText(Sound):
    def read(self, body: Any, headers: Mapping[str, str]) -> TextAnswer:
        made = super().read(body, headers)
        return evolve(made, text=made.text.encode("ascii", "ignore").decode())


@planted("test_a_result_has_the_providers_answer_and_id")
class LosesTheRequestId(Sound):
    def read(self, body: Any, headers: Mapping[str, str]) -> TextAnswer:
        return evolve(super().read(body, headers), request_id=None)


@planted("test_an_empty_answer_is_an_error")
class GivesEmptyAnswers(Sound):
    async def generate_text(self, request: TextRequest) -> TextAnswer:
        body, headers = await self.post(self.body(request), request.timeout)
        return self.read(body, headers)


# ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────


@planted(
    _STATUS,
    "test_the_wait_that_a_provider_asks_for_is_reported",
    "test_a_code_says_more_than_its_status",
    also=("test_an_error_that_is_a_web_page_is_the_error_of_its_status",),
)
class CallsEverythingABadRequest(Sound):
    def error(self, response: Any, data: bytes) -> CallError:
        return BadRequestError("it did not work", status=response.status_code)


@planted("test_the_wait_that_a_provider_asks_for_is_reported")
class ForgetsRetryAfter(Sound):
    def error(self, response: Any, data: bytes) -> CallError:
        made = super().error(response, data)
        return RateLimitError(made.message, status=made.status) if isinstance(made, RateLimitError) else made


@planted(
    _STATUS,
    also=(
        "test_the_wait_that_a_provider_asks_for_is_reported",
        "test_an_error_that_is_a_web_page_is_the_error_of_its_status",
        "test_a_code_says_more_than_its_status",
        "test_nothing_is_left_behind",
        "test_no_key_in_an_error_or_log",
        "test_the_key_is_not_carried_to_another_host",
    ),
)
class SwallowsErrors(Sound):
    async def generate_text(self, request: TextRequest) -> TextAnswer:
        try:
            return await super().generate_text(request)
        except CallError as error:
            if error.status is None:
                raise
            return TextAnswer(text="Sorry.", finish_reason="stop", request_id="none", raw={})


@planted(
    _NO_ANSWER,
    also=("test_no_key_in_an_error_or_log", "test_a_connection_that_breaks_is_an_error"),
)
class RaisesWhatJsonRaises(Sound):
    async def post(self, body: Mapping[str, Any], seconds: float | None) -> tuple[Any, Mapping[str, str]]:
        async with self.sent(body, seconds) as response:
            data = await response.aread()
        if response.status_code != 200:
            raise self.error(response, data)
        return json.loads(data), response.headers


@planted(
    "test_an_address_where_nobody_listens_is_a_connections_error",
    "test_a_connection_that_breaks_is_an_error",
    also=("test_a_stream_cut_at_any_event_is_an_error_with_its_text",),
)
class CallsBrokenConnectionsServerErrors(Sound):
    def broken(self, error: Exception) -> CallError:
        return ServerError(f"the connection broke: {type(error).__name__}")


# ── Streams ───────────────────────────────────────────────────────────────────────────────────────────────────────


@planted(
    "test_a_stream_is_passed_on_as_it_comes",
    "test_a_stream_comes_in_pieces_that_make_the_whole",
    also=(
        "test_a_stream_cut_at_any_event_is_an_error_with_its_text",
        "test_a_stream_that_ends_early_is_an_error_with_its_text",
        "test_an_error_in_a_stream_is_an_error_with_its_text",
        "test_a_stream_left_early_ends_at_the_provider_too",
    ),
)
class GluesStreams(Sound):
    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        events = [event async for event in super().stream_text(request)]
        yield "".join(event for event in events if isinstance(event, str))
        yield events[-1]


@planted("test_a_stream_that_ends_early_is_an_error_with_its_text")
class TakesAShortStreamForAWhole(Sound):
    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        text = ""
        try:
            async for event in super().stream_text(request):
                text += event if isinstance(event, str) else ""
                yield event
        except ProviderConnectionError as error:
            if "ended before" not in error.message or not text:
                raise
            yield TextAnswer(text=text, finish_reason="stop", raw=text)


@planted("test_an_error_in_a_stream_is_an_error_with_its_text")
class PassesErrorEventsOver(Sound):
    async def events(self, body: Any, seconds: float | None, headers: dict[str, str]) -> Any:
        async for event in super().events(body, seconds, headers):
            yield event if "error" not in event else {"choices": [{"delta": {}, "finish_reason": "stop"}]}


@planted("test_a_stream_whose_characters_are_split_is_whole")
class DecodesEachPieceByItself(Sound):
    async def events(self, body: Any, seconds: float | None, headers: dict[str, str]) -> Any:
        async with self.sent(body, seconds) as response:
            headers.update(response.headers)
            if response.status_code != 200:
                raise self.error(response, await response.aread())
            waiting = ""
            try:
                async for data in response.aiter_raw():
                    waiting += data.decode("utf-8", "replace")
                    *whole, waiting = waiting.split("\n\n")
                    for line in (line for block in whole for line in block.split("\n") if line.startswith("data: ")):
                        if line != "data: [DONE]":
                            yield json.loads(line.removeprefix("data: "))
            except Exception as error:
                if isinstance(error, ValueError):
                    raise
                raise self.broken(error) from None


# ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@planted(
    "test_a_call_given_up_ends_at_the_provider_too",
    also=("test_the_event_loop_goes_on_while_a_call_waits", "test_a_server_that_hangs_is_left_at_the_deadline"),
)
class IgnoresCancellation(Sound):
    """Lets the request go on when the caller has gone."""

    remaining: set[asyncio.Task[Any]] = set()  # noqa: RUF012 -- kept alive on purpose

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        task = asyncio.create_task(super().generate_text(request))
        self.remaining.add(task)
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in self.remaining:
            task.cancel()
        await asyncio.gather(*self.remaining, return_exceptions=True)
        self.remaining.clear()


@planted(
    "test_the_event_loop_goes_on_while_a_call_waits",
    also=(
        "test_a_call_given_up_ends_at_the_provider_too",
        "test_a_server_that_hangs_is_left_at_the_deadline",
        "test_an_answer_that_drips_is_left_at_the_deadline",
    ),
)
class BlocksTheLoop(Sound):
    """Waits for its answers as threads wait."""

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        async def block() -> None:
            while True:
                await asyncio.sleep(0)
                time.sleep(0.25)  # noqa: ASYNC251 -- the defect

        await asyncio.sleep(0)
        task = asyncio.create_task(super().generate_text(request))
        await asyncio.wait([task], timeout=0.02)
        if task.done():
            return task.result()
        blocking = asyncio.create_task(block())
        try:
            return await task
        finally:
            blocking.cancel()
            task.cancel()


# ── Secrets, and what is declared ─────────────────────────────────────────────────────────────────────────────────


@planted("test_no_key_in_an_error_or_log")
class LogsItsHeaders(Sound):
    def headers(self) -> dict[str, str]:
        made = super().headers()
        logging.getLogger("acme").debug("sending %s", made)
        return made


@planted("test_the_key_is_not_carried_to_another_host")
class PutsItsKeyIntoRedirects(Sound):
    """Follows redirects itself, with all it sent before."""

    async def post(self, body: Mapping[str, Any], seconds: float | None) -> tuple[Any, Mapping[str, str]]:
        try:
            return await super().post(body, seconds)
        except CallError as error:
            if error.status is None or not 300 <= error.status < 400:
                raise
            await self.http.post(self.location, json=body, headers=self.headers(), timeout=seconds)
            raise

    def error(self, response: Any, data: bytes) -> CallError:
        self.location = response.headers.get("location")
        return super().error(response, data)


@planted("test_nothing_is_left_behind")
class LeavesTasksBehind(Sound):
    async def generate_text(self, request: TextRequest) -> TextAnswer:
        self.beat = asyncio.create_task(asyncio.sleep(30))
        return await super().generate_text(request)
