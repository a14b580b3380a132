"""Whatever an error answer holds, each provider's table makes the error of its status of it, and nothing else."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelex_core.errors import (
    CallError,
    ContentFilterError,
    InvalidAnswerError,
    OverloadedError,
    error_class_for_status,
)
from tests.conformance.provider import reached
from tests.conformance.rows import ROWS
from tests.conformance.scenario import PDF, PROMPT, City, SampleAnswer
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from tests.conformance.provider import Column, Provider, Reached

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

KEY = "sk-fuzz-0123456789-abcdef"
STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 529, 599)
WORDS = st.sampled_from(
    ["error", "message", "type", "code", "status", "detail", "details", "param", "reason", "msg", "loc", "__type"]
)
SAID = st.one_of(st.text(max_size=12), st.sampled_from(["", KEY, f"the key {KEY} is wrong", "<b>", "429", "\ud800"]))
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), SAID)
JSON = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(WORDS, st.text(max_size=4)), inner, max_size=4)
    ),
    max_leaves=8,
)
ENVELOPES = st.builds(lambda inner: {"type": "error", "error": inner, "message": inner, "detail": inner}, JSON)
BODIES = st.one_of(
    st.builds(lambda value: json.dumps(value).encode(), st.one_of(JSON, ENVELOPES)),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"null",
            b"{",
            b"<html><body>Bad gateway</body></html>",
            f"<html>{KEY}</html>".encode(),
            b"\xff\xfe\x00",
            b'{"error": ' + b"[" * 400 + b"]" * 400 + b"}",
            b'{"error": {"message": "' + b"x" * 300_000 + b'"}}',
        ]
    ),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "retry-after": st.sampled_from(["", "-1", "1e400", "nan", "soon", "Thu, 99 Foo 2026 00:00:00 GMT", "0.5"]),
        "x-amzn-errortype": st.sampled_from(["", ":", "Odd", KEY]),
        "x-fal-error-type": st.sampled_from(["", "odd", KEY]),
        "x-request-id": st.sampled_from(["", KEY, "req-1"]),
        "request-id": st.sampled_from(["", KEY]),
    },
)
TYPES = st.sampled_from(["application/json", "text/html", "text/event-stream", "application/octet-stream", "odd"])
HTTP = [row for row in ROWS if row.is_scripted and row.name not in {"compatible", "azure_responses", "vertexai"}]
"""One row a table of errors and form of API. At fal the submission of a job is answered so: what it is asked afterwards
it is asked again, in test_fal."""
DEPTH = 200_000
NESTED = b"[" * DEPTH + b"]" * DEPTH
"""JSON by its grammar, deeper than any parser goes."""
WITHIN = b'{"choices": %b, "content": %b, "candidates": %b, "output": %b, "data": %b, "pages": %b}' % ((NESTED,) * 6)
"""The same below the names that answers have."""
DEEP: dict[str, bytes] = {"all of it": NESTED, "below": WITHIN}

_MORE: dict[int, set[type[CallError]]] = {
    400: {ContentFilterError},
    422: {ContentFilterError},
    503: {OverloadedError},
}


async def requested(at: Reached, what: Column) -> None:
    """The call that a column is about."""
    match what:
        case "stream":
            async with at.client.stream_text(PROMPT, model=at.llm, retries=0) as deltas:
                async for _ in deltas:
                    pass
        case "object":
            await at.client.generate_object(PROMPT, City, model=at.llm, retries=0)
        case "OCR":
            await at.client.extract(PDF, model=at.ocr, retries=0)
        case "image out":
            await at.client.generate_image(PROMPT, model=at.painter, retries=0)
        case _:
            await at.client.generate_text(PROMPT, model=at.llm, retries=0)


def first_of(provider: Provider, *, stream: bool = False) -> Column:
    """The call that suits the provider."""
    if stream and "stream" in provider.cells:
        return "stream"
    return "text" if "text" in provider.cells else "image out"


def deep_reply(provider: Provider, what: Column, body: bytes) -> Reply:
    """An answer of 200 with this body, in the form of a stream where that is what was asked for."""
    if what != "stream":
        return Reply(chunks=(body,))
    if provider.sdk_module == "botocore":
        start = bedrock.event("messageStart", role="assistant")
        reported = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
        return bedrock.stream(start, bedrock.frame_of(reported, body))
    return Reply.sse(body.decode())


def held(error: CallError) -> str:
    """Everything of an error that is shown or kept."""
    return "".join(traceback.format_exception(error)) + repr(error.args) + repr(vars(error)) + repr(error.attempts)


@pytest.mark.parametrize("provider", HTTP, ids=lambda row: row.name)
def test_any_error_answer_is_the_error_of_its_status(provider: Provider) -> None:
    """Whatever body and headers come with a status: its class, or one below it, no other exception, and no key."""
    runner = asyncio.Runner()
    context = reached(provider, KEY)
    at = runner.run(context.__aenter__())

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(STATUSES), BODIES, HEADERS, TYPES, st.booleans())
    @example(429, b"", {"retry-after": "nan"}, "application/json", False)
    @example(400, b'{"error": [{"message": 5}]}', {}, "application/json", True)
    def check(status: int, body: bytes, headers: dict[str, str], kind: str, stream: bool) -> None:
        at.server.forget()
        at.server.queue(*[Reply(status=status, chunks=(body,), headers=headers, content_type=kind)] * 8)
        with pytest.raises(CallError) as caught:
            runner.run(requested(at, first_of(provider, stream=stream)))
        error = caught.value
        allowed = (error_class_for_status(status), *_MORE.get(status, ()))
        assert isinstance(error, allowed), (status, type(error))
        assert error.status == status
        assert error.retry_after is None or 0 <= error.retry_after < float("inf")
        assert KEY not in held(error)

    try:
        check()
    finally:
        runner.run(context.__aexit__(None, None, None))
        runner.close()


ANSWERS: tuple[Column, ...] = ("text", "stream", "object", "OCR", "image out")


@pytest.mark.parametrize("form", DEEP)
@pytest.mark.parametrize(
    ("provider", "what"),
    [pytest.param(row, what, id=f"{row.name}-{what}") for row in HTTP for what in ANSWERS if what in row.cells],
)
def test_an_answer_that_nests_too_deeply_is_no_answer(provider: Provider, what: Column, form: str) -> None:
    """200,000 brackets in place of an answer, whatever was asked: an invalid answer, and no `RecursionError`."""

    async def main() -> CallError:
        async with asyncio.timeout(30), reached(provider, KEY) as at:
            at.server.queue(*[deep_reply(provider, what, DEEP[form])] * 8)
            with pytest.raises(CallError) as caught:
                await requested(at, what)
            return caught.value

    error = asyncio.run(main())
    assert type(error) is InvalidAnswerError, repr(error)
    assert len(str(error)) < 2000
    assert KEY not in held(error)


@pytest.mark.parametrize("provider", [row for row in HTTP if "object" in row.cells], ids=lambda row: row.name)
def test_an_object_that_nests_too_deeply_is_none(provider: Provider) -> None:
    """A sound answer whose words are the brackets is not an object."""

    async def main() -> None:
        async with asyncio.timeout(30), reached(provider, KEY) as at:
            at.says(*[SampleAnswer(text=NESTED.decode())] * 4)
            with pytest.raises(InvalidAnswerError):
                await requested(at, "object")

    asyncio.run(main())
