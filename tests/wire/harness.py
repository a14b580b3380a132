"""Recorded provider traffic through a plugin and its real SDK.

One adapter a wire format says how a record becomes a request; everything else is here: which records there are, the
replay server, running the call, and comparing what came out with the record's `expect`.
The records are no part of this project: where their folder is absent, the tests that use it are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from attrs import define, field, frozen

from pipelex_core import errors
from pipelex_core.backend import (
    DocumentExtractor,
    ImageGenerator,
    ObjectGenerator,
    TextGenerator,
    TextStreamer,
)
from pipelex_core.execution.resources import LoopResources
from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import DocumentAnswer, ImageAnswer, TextAnswer
from tests.wire.replaying import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Backend
    from pipelex_core.requests import Request
    from tests.wire.replaying import Sent

Record = dict[str, Any]

ERROR_CLASSES: dict[str, tuple[type[errors.CallError], ...]] = {
    "auth": (errors.AuthenticationError,),
    "permission": (errors.PermissionDeniedError,),
    "not_found": (errors.NotFoundError,),
    "bad_request": (errors.BadRequestError,),
    "rate_limit": (errors.RateLimitError,),
    "overloaded": (errors.OverloadedError,),
    "server": (errors.ServerError, errors.OverloadedError),
    "content_filter": (errors.ContentFilterError,),
    "timeout": (errors.ProviderConnectionError, errors.DeadlineExceededError, errors.ServerError),
}


class NoCapabilityError(Exception):
    """A recorded request has what this project has no capability for; the message says what."""


def no_capability(what: str) -> NoCapabilityError:
    """The reason why a record is not played."""
    return NoCapabilityError(f"no capability of this project: {what}")


def wire_folder() -> Path | None:
    """The folder with `records/`, or None."""
    here = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("PIPELEX_WIRE") or here.parent / "shared" / "wire")
    return folder if (folder / "records").is_dir() else None


def load_records(*stems: str) -> list[Record]:
    """Every record of the files named, such as `openai__chat`, that are there; empty where the folder is absent."""
    folder = wire_folder()
    if folder is None:
        return []
    files = [folder / "records" / f"{stem}.jsonl" for stem in stems]
    return [
        json.loads(line)
        for file in files
        if file.is_file()
        for line in file.read_text(encoding="utf-8").split("\n")  # JSON may hold other line separators
        if line.strip()
    ]


@frozen(kw_only=True)
class Expected:
    """What a record must come out as, in our terms; None is not checked."""

    text: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    tool_calls: tuple[tuple[str, Any], ...] | None = None
    reasoning: str | None = None
    n_images: int | None = None
    n_pages: int | None = None
    error: tuple[type[errors.CallError], ...] = ()
    partial_text: str | None = None


@define(kw_only=True)
class Outcome:
    """What a plugin made of a record: an answer or an error, and the requests the server saw."""

    answer: TextAnswer | DocumentAnswer | ImageAnswer | None = None
    deltas: list[str] = field(factory=list)
    error: errors.CallError | None = None
    log: list[Sent] = field(factory=list)


class Adapter(Protocol):
    """What the harness needs to know of a wire format.

    Attributes:
        stems: The record files, such as `openai__chat`.
        skipped: Scenario (its stream too) or record id -> why this project has no capability for it.
        replay_options: Further keyword arguments of `ReplayServer`.
    """

    stems: tuple[str, ...]
    skipped: dict[str, str]
    replay_options: dict[str, Any]

    def __hash__(self) -> int:
        """An adapter is itself."""

    def backend(self, record: Record, url: str) -> Backend:
        """The plugin's backend, made by its own factory, with `url` as its endpoint; not opened yet."""

    def request(self, record: Record) -> Request:
        """The recorded request in our terms; the class chooses the capability, `record["stream"]` streaming.

        Raises:
            NoCapabilityError: It has what this project has no capability for.
        """

    def expected(self, record: Record) -> Expected:
        """The record's `expect` in our terms; mostly `default_expected` and what differs."""


def default_expected(record: Record) -> Expected:
    """`expect` as it stands, for providers whose counts mean what ours mean (the OpenAI family, Mistral)."""
    expect = record["expect"]
    failing = bool("error_class" in expect or expect.get("stream_error"))
    refusal = expect.get("refusal")  # is the text here, and the reason for the end
    calls = expect.get("tool_calls")
    return Expected(
        text=None if failing else (expect.get("text") or refusal or expect.get("text")),
        finish_reason=None if failing else ("content_filter" if refusal else expect.get("finish_reason")),
        input_tokens=expect.get("input_tokens"),
        output_tokens=expect.get("output_tokens"),
        cached_tokens=expect.get("cached_tokens"),
        cache_write_tokens=expect.get("cache_write_tokens"),
        reasoning_tokens=expect.get("reasoning_tokens"),
        tool_calls=None if calls is None else tuple((call["name"], call["arguments"]) for call in calls),
        reasoning=expect.get("thinking"),
        n_images=expect.get("n_images"),
        n_pages=expect.get("n_pages"),
        error=_error_classes(expect) if failing else (),
        partial_text=expect.get("partial_text"),
    )


def _error_classes(expect: dict[str, Any]) -> tuple[type[errors.CallError], ...]:
    """The classes that an error may have: that of the record, and those that its note calls right too."""
    note = str(expect.get("note"))
    also = [kinds for name, kinds in ERROR_CLASSES.items() if f"{name} is also right" in note]
    named = ERROR_CLASSES.get(expect.get("error_class", ""), (errors.CallError,))
    return (*named, *(kind for kinds in also for kind in kinds))


def play(record: Record, adapter: Adapter, *, cut_after: int | None = None) -> Outcome:
    """Serve one record and make the plugin ask for it; `cut_after` is `ReplayServer.give`'s."""
    return asyncio.run(_play(record, adapter, cut_after))


def flow_of(record: Record, adapter: Adapter) -> list[Record]:
    """The record with those of its flow (a queue's submit, status and result), in their order.

    An adapter whose flows were not recorded whole completes them: its `completed(records)` gives them with what is missing.
    """
    if not record.get("flow"):
        return [record]
    recorded = [other for other in load_records(*adapter.stems) if other.get("flow") == record["flow"]]
    flow = [record if other["id"] == record["id"] else other for other in recorded]
    flow.sort(key=lambda other: int(other["seq"]))
    complete: Callable[[list[Record]], list[Record]] = getattr(adapter, "completed", list)
    return complete(flow)


async def _play(record: Record, adapter: Adapter, cut_after: int | None) -> Outcome:
    async with ReplayServer(flow_of(record, adapter), **adapter.replay_options) as server:
        if not record.get("flow"):
            server.give(record, cut_after=cut_after)
        outcome = Outcome(log=server.sent)
        resources = LoopResources()
        backend = adapter.backend(record, server.url)
        try:
            await backend.open(resources)
            outcome.answer = await run(backend, requested(record, adapter), record["stream"], outcome.deltas)
        except errors.CallError as error:
            outcome.error = error
        finally:
            await backend.close()
            await resources.close()
        assert server.refused == [], "the provider would refuse the request"
    return outcome


async def run(
    backend: Backend, request: Request, stream: bool, deltas: list[str]
) -> TextAnswer | DocumentAnswer | ImageAnswer:
    """The answer of an open backend; the pieces of a stream go into `deltas`."""
    if isinstance(request, ObjectRequest):
        assert isinstance(backend, ObjectGenerator)
        return await backend.generate_object(request)
    if isinstance(request, TextRequest) and stream:
        assert isinstance(backend, TextStreamer)
        answer: TextAnswer | None = None
        async for event in backend.stream_text(request):
            assert answer is None, "something came after the TextAnswer"
            if isinstance(event, str):
                deltas.append(event)
            else:
                answer = event
        assert answer is not None, "the stream ended without a TextAnswer"
        assert sum(map(len, deltas)) == len(answer.text), "the pieces are not the text"
        return answer
    if isinstance(request, TextRequest):
        assert isinstance(backend, TextGenerator)
        return await backend.generate_text(request)
    if isinstance(request, ExtractRequest):
        assert isinstance(backend, DocumentExtractor)
        return await backend.extract(request)
    assert isinstance(request, ImageRequest)
    assert isinstance(backend, ImageGenerator)
    return await backend.generate_image(request)


def check(outcome: Outcome, expected: Expected) -> None:
    """Compare; the first difference fails."""
    if expected.error:
        assert outcome.error is not None, f"an error was expected, not {outcome.answer!r}"
        assert isinstance(outcome.error, expected.error), repr(outcome.error)
        if expected.partial_text is not None:
            assert outcome.error.partial_text == expected.partial_text
        return
    assert outcome.error is None, repr(outcome.error)
    answer = outcome.answer
    assert answer is not None
    for name in ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert (name, getattr(answer.usage, name) or 0) == (name, wanted)
    if isinstance(answer, TextAnswer):
        _check_text(answer, outcome.deltas, expected)
    elif isinstance(answer, DocumentAnswer):
        assert expected.n_pages is None or len(answer.pages) == expected.n_pages
        assert expected.text is None or "\n\n".join(page.text for page in answer.pages) == expected.text
    else:
        assert expected.n_images is None or len(answer.images) == expected.n_images


def _check_text(answer: TextAnswer, deltas: list[str], expected: Expected) -> None:
    if expected.text is not None:
        assert answer.text == expected.text
    if deltas:
        assert "".join(deltas) == answer.text
    if expected.finish_reason is not None:
        assert answer.finish_reason == expected.finish_reason
    if expected.tool_calls is not None:
        assert tuple((call.name, call.arguments) for call in answer.tool_calls) == expected.tool_calls
    if expected.reasoning is not None:
        assert answer.reasoning == expected.reasoning


def why_skipped(record: Record, adapter: Adapter) -> str | None:
    """Why an adapter does not play a record; None where it does."""
    skipped = adapter.skipped
    reason = skipped.get(record["id"]) or skipped.get(record["scenario"].removesuffix("_stream"))
    if reason:
        return reason
    try:
        adapter.request(record)
    except NoCapabilityError as error:
        return str(error)
    return None


def requested(record: Record, adapter: Adapter) -> Request:
    """A record's request; where this project cannot say it, another plain one of the same provider: the answer is read all the same."""
    if why_skipped(record, adapter) is None:
        return adapter.request(record)
    request = _stand_in(adapter, record["provider"], is_streamed=record["stream"])
    assert request is not None, "what stands in for nothing has no parameters"
    return request


def is_sayable(record: Record, adapter: Adapter) -> bool:
    """Whether the request was recorded, and this project can say the same."""
    return record["request"].get("recorded", True) and why_skipped(record, adapter) is None


def why_unread(record: Record, adapter: Adapter) -> str | None:
    """Why not even a record's answer is read; None where it is."""
    reason = why_skipped(record, adapter)
    if reason is None:
        return None
    if record["expect"].get("n_images") and not record["expect"].get("text"):
        return f"a picture is not text: {reason}"
    return None if _stand_in(adapter, record["provider"], is_streamed=record["stream"]) else reason


@cache
def _stand_in(adapter: Adapter, provider: str, *, is_streamed: bool) -> TextRequest | None:
    """The first request for a plain text among an adapter's records that was answered."""
    for record in load_records(*adapter.stems):
        is_alike = record["provider"] == provider and record["stream"] == is_streamed
        if is_alike and not default_expected(record).error and why_skipped(record, adapter) is None:
            request = adapter.request(record)
            if type(request) is TextRequest and not (request.tools or request.stop):
                return request
    return None


def answers(adapter: Adapter) -> list[Any]:
    """As `parameters`, for a test that looks at answers alone."""
    return parameters(adapter, why_not=why_unread)


def parameters(
    adapter: Adapter,
    wanted: Callable[[Record], bool] = lambda _: True,
    *,
    why_not: Callable[[Record, Adapter], str | None] = why_skipped,
) -> list[Any]:
    """The records of an adapter, as parameters for one test; what is skipped says why."""
    if wire_folder() is None:
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="no recorded traffic here"))]
    params = []
    for record in load_records(*adapter.stems):
        if not wanted(record):
            continue
        try:
            reason = why_not(record, adapter)
        except Exception:  # the record's own test shows it, and no other record's is lost
            reason = None
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        params.append(pytest.param(record, id=f"{record['id']}-{record['scenario']}", marks=marks))
    return params
