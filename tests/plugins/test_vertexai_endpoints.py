"""Models on Vertex AI's endpoints, through the plugin and google-cloud-aiplatform, against a prediction service on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from pipelex_backend_vertexai import pipelex_backends
from pipelex_backend_vertexai._deployed import _events
from pipelex_backend_vertexai._endpoints import endpoint_of, host_of
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import DocumentPart, ImagePart, Media, Message, TextPart, Tool, ToolResult
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers.google import KEY, GoogleServer
from tests.servers.vertexai_endpoints import EndpointServer, Failure, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

PLACE = {"gcp_project_id": "my-project", "gcp_location": "europe-west4"}
OWN = "projects/my-project/locations/europe-west4/endpoints/123"
WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})


def spec(model_id: str = "123", **options: Any) -> ModelSpec:
    return ModelSpec(name="mine", backend="vertexai", sdk="vertexai", model_id=model_id, options=options)


def asks(*parts: Any, **settings: Any) -> TextRequest:
    message = Message(role="user", parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))
    return TextRequest(**{"spec": spec(), "messages": (message,), **settings})


@asynccontextmanager
async def opened(url: str, key: str | None = None) -> AsyncIterator[Any]:
    secret = Secret(key) if key else None
    backend: Any = pipelex_backends()["vertexai"](
        BackendConfig(name="vertexai", endpoint=url, api_key=secret, options=PLACE)
    )
    resources = LoopResources()
    await backend.open(resources)
    try:
        yield backend
    finally:
        await backend.close()
        await resources.close()


def run(use: Callable[[EndpointServer, Any], Awaitable[None]]) -> None:
    async def main() -> None:
        async with serving() as server, opened(server.url) as backend:
            await use(server, backend)

    asyncio.run(asyncio.wait_for(main(), 60))


async def streamed(backend: Any, request: TextRequest) -> tuple[list[str], TextAnswer]:
    *deltas, last = [event async for event in backend.stream_text(request)]
    assert isinstance(last, TextAnswer)
    return [str(delta) for delta in deltas], last


async def failure(backend: Any, *, streaming: bool = False) -> errors.CallError:
    with pytest.raises(errors.CallError) as caught:
        await (streamed(backend, asks("hello")) if streaming else backend.generate_text(asks("hello")))
    return caught.value


@pytest.mark.parametrize(
    "model_id, name, location, model",
    [
        ("123", OWN, "europe-west4", ""),
        ("endpoints/123", OWN, "europe-west4", ""),
        (
            "projects/p/locations/us-central1/endpoints/9",
            "projects/p/locations/us-central1/endpoints/9",
            "us-central1",
            "",
        ),
        ("meta/llama-4-scout", OWN.replace("123", "openapi"), "europe-west4", "meta/llama-4-scout"),
    ],
)
def test_a_model_id_leads_to_an_endpoint(model_id: str, name: str, location: str, model: str) -> None:
    """An endpoint's name or number is one's own; a publisher's model is served by the endpoint of open models."""
    found = endpoint_of(spec(model_id), project="my-project", location="europe-west4")
    assert found is not None
    assert (found.name, found.location, found.model) == (name, location, model)


@pytest.mark.parametrize("model_id", ["gemini-2.5-pro", "google/gemini-2.5-pro", "publishers/google/models/gemini-x"])
def test_gemini_stays_with_the_native_api(model_id: str) -> None:
    """None of its ids is taken for an endpoint."""
    assert endpoint_of(spec(model_id), project="p", location="global") is None


def test_a_location_has_its_host() -> None:
    """Regions, the two multi-regions and the global location each have a name of their own form."""
    assert [host_of(place) for place in ("global", "eu", "europe-west4")] == [
        "aiplatform.googleapis.com",
        "aiplatform.eu.rep.googleapis.com",
        "europe-west4-aiplatform.googleapis.com",
    ]


def test_text() -> None:
    """A prompt with every setting goes to the endpoint, with a token; the answer has its counts and thoughts."""

    async def use(server: EndpointServer, backend: Any) -> None:
        settings = {"temperature": 0.5, "max_tokens": 9, "top_p": 0.9, "seed": 3, "stop": ("x",)}
        got = await backend.generate_text(asks("hello", system="Be brief.", reasoning_effort="low", **settings))
        assert (got.text, got.finish_reason, got.reasoning, got.request_id) == (
            "You said: hello",
            "stop",
            "Hm.",
            "chat-1",
        )
        assert got.usage == Usage(input_tokens=20, output_tokens=12, cached_tokens=8, reasoning_tokens=5)
        endpoint, body, metadata = server.received[0]
        assert endpoint == OWN
        assert metadata["authorization"] == "Bearer anonymous"
        assert body == {
            "model": "",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
            "reasoning_effort": "low",
            **settings,
            "stop": ["x"],
        }

    run(use)


def test_a_stream() -> None:
    """Deltas as they come, whichever way the bytes are cut, then one answer with the whole text and the counts."""

    async def use(server: EndpointServer, backend: Any) -> None:
        deltas, got = await streamed(backend, asks("hello"))
        assert deltas == ["You sai", "d: hello"]
        assert (got.text, got.finish_reason, got.reasoning, got.usage.output_tokens) == (
            "You said: hello",
            "stop",
            "Hm.",
            12,
        )
        assert server.received[0][1]["stream_options"] == {"include_usage": True}

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_tools_and_their_results(streaming: bool) -> None:
    """Calls come back whole, and their results go to the calls that they answer."""

    async def use(server: EndpointServer, backend: Any) -> None:
        request = asks("weather?", tools=(WEATHER, Tool(name="clock")), tool_choice="required")
        got = (await streamed(backend, request))[1] if streaming else await backend.generate_text(request)
        assert got.finish_reason == "tool_calls"
        assert [(call.id, call.name, dict(call.arguments)) for call in got.tool_calls] == [
            ("id-0", "weather", {"city": "Łódź"}),
            ("id-1", "clock", {"city": "Łódź"}),
        ]
        results = tuple(ToolResult(call_id=call.id, content="fine") for call in got.tool_calls)
        messages = (
            *request.messages,
            Message(role="assistant", parts=got.tool_calls),
            Message(role="tool", parts=results),
        )
        last = await backend.generate_text(TextRequest(spec=spec(), messages=messages, tools=request.tools))
        assert last.text == "The tool says fine."

    run(use)


def test_an_object() -> None:
    """The schema goes along, and the answer is the document."""

    async def use(server: EndpointServer, backend: Any) -> None:
        schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
        base = asks("7")
        got = await backend.generate_object(ObjectRequest(spec=base.spec, messages=base.messages, schema=schema))
        assert got.text == '{"total": 7}'

    run(use)


def test_an_open_model_of_model_garden() -> None:
    """It is named in the body, and served by the endpoint `openapi`."""

    async def use(server: EndpointServer, backend: Any) -> None:
        picture = ImagePart(Media(data=b"\x89PNG\r\n\x1a\n-and-the-rest", media_type="image/png"))
        await backend.generate_text(asks("What is it?", picture, spec=spec("meta/llama-4-scout")))
        endpoint, body, _ = server.received[0]
        assert (endpoint, body["model"]) == (OWN.replace("123", "openapi"), "meta/llama-4-scout")
        assert [part["type"] for part in body["messages"][0]["content"]] == ["text", "image_url"]

    run(use)


def test_a_dedicated_endpoint_is_reached_at_its_own_host() -> None:
    """`endpoint_host` wins over the backend's address."""

    async def main() -> None:
        async with serving() as server, opened("http://127.0.0.1:1") as backend:
            got = await backend.generate_text(asks("hello", spec=spec(endpoint_host=server.url)))
            assert got.text == "You said: hello"

    asyncio.run(main())


def test_a_tuned_gemini_is_called_through_the_native_api() -> None:
    """`endpoint_api = "gemini"`: google-genai calls generateContent of the endpoint, and no gRPC."""

    async def main() -> None:
        async with GoogleServer() as server, opened(server.url) as backend:
            with pytest.raises(errors.NotFoundError):  # the server knows Google's own models alone
                await backend.generate_text(asks("hello", spec=spec(endpoint_api="gemini")))
            assert server.received[0].path == f"/v1beta1/{OWN}:generateContent"

    asyncio.run(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "code, kind",
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.BadRequestError),
        (grpc.StatusCode.UNAUTHENTICATED, errors.AuthenticationError),
        (grpc.StatusCode.PERMISSION_DENIED, errors.PermissionDeniedError),
        (grpc.StatusCode.NOT_FOUND, errors.NotFoundError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.RateLimitError),
        (grpc.StatusCode.CANCELLED, errors.ProviderConnectionError),
        (grpc.StatusCode.INTERNAL, errors.ServerError),
        (grpc.StatusCode.UNAVAILABLE, errors.OverloadedError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.ServerError),
    ],
)
def test_a_status_has_its_error(code: grpc.StatusCode, kind: type[errors.CallError], streaming: bool) -> None:
    """Each google.rpc status is the error that its HTTP status is, with one request and without the token."""

    async def use(server: EndpointServer, backend: Any) -> None:
        server.queue.append(Failure(code=code, words="Bearer anonymous is not enough"))
        got = await failure(backend, streaming=streaming)
        assert type(got) is kind
        assert "anonymous" not in got.message
        assert (got.__cause__, got.__context__) == (None, None)
        assert len(server.received) == 1

    run(use)


def test_the_details_of_an_error_are_read() -> None:
    """The request's id and the time to wait come from the structured details."""
    details = []
    for message in (
        error_details_pb2.RequestInfo(request_id="req-7"),
        error_details_pb2.RetryInfo(retry_delay={"seconds": 48, "nanos": 500_000_000}),
    ):
        packed = AnyMessage()
        packed.Pack(message)
        details.append(packed)
    status = status_pb2.Status(code=8, message="no", details=details)

    async def use(server: EndpointServer, backend: Any) -> None:
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        server.queue.append(Failure(code=code, details=status.SerializeToString()))
        got = await failure(backend)
        assert (got.request_id, got.retry_after, got.status) == ("req-7", 48.5, 429)

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "pieces, kind",
    [
        ([b'{"error": {"code": 503, "message": "no"}}'], errors.OverloadedError),
        ([b'[{"error": {"code": 429, "message": "no"}}]'], errors.RateLimitError),
        ([b'{"error": "no"}'], errors.ServerError),
        ([b"{}"], errors.InvalidAnswerError),
        ([b'{"choices": [{"index": 0}]}'], errors.InvalidAnswerError),
    ],
)
def test_a_body_that_is_no_answer_is_an_error(
    pieces: list[bytes], kind: type[errors.CallError], streaming: bool
) -> None:
    """An error of the model's server comes in the body; anything else of another form cannot be used."""

    async def use(server: EndpointServer, backend: Any) -> None:
        server.queue.append(pieces)
        assert type(await failure(backend, streaming=streaming)) is kind

    run(use)


def test_a_whole_answer_that_cannot_be_read() -> None:
    """A page, or nothing, in place of JSON."""

    async def use(server: EndpointServer, backend: Any) -> None:
        server.queue += [[b"<html>"], []]
        assert type(await failure(backend)) is errors.InvalidAnswerError
        assert type(await failure(backend)) is errors.InvalidAnswerError

    run(use)


def test_a_stream_that_ends_early_is_no_answer() -> None:
    """Without a finish reason it is a broken connection, and keeps the text that came."""

    async def use(server: EndpointServer, backend: Any) -> None:
        server.queue.append([b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'])
        got = await failure(backend, streaming=True)
        assert (type(got), got.partial_text) == (errors.ProviderConnectionError, "half")

    run(use)


def test_nobody_listens() -> None:
    """A refused connection is one, and not an answer."""

    async def main() -> None:
        async with opened("http://127.0.0.1:1") as backend:
            assert type(await failure(backend)) is errors.ProviderConnectionError

    asyncio.run(main())


def test_a_stream_may_be_closed_early() -> None:
    """The call is cancelled, and the next one works."""

    async def use(server: EndpointServer, backend: Any) -> None:
        begun = b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'
        server.queue.append([begun, None])
        async with aclosing(backend.stream_text(asks("hello"))) as events:
            assert await anext(events) == "half"
        await server.cancelled.wait()
        assert (await backend.generate_text(asks("again"))).text == "You said: again"

    run(use)


def test_a_call_may_be_cancelled() -> None:
    """The endpoint hears of it, and the next call works."""

    async def use(server: EndpointServer, backend: Any) -> None:
        server.queue.append([None])
        call = asyncio.create_task(backend.generate_text(asks("hello")))
        await server.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.cancelled.wait()
        assert (await backend.generate_text(asks("again"))).text == "You said: again"

    run(use)


def test_what_an_endpoint_does_not_take_is_refused_unsent() -> None:
    """A PDF and a budget of reasoning tokens have no place in chat completions."""

    async def use(server: EndpointServer, backend: Any) -> None:
        document = DocumentPart(Media(data=b"%PDF-1.7", media_type="application/pdf"))
        for request in (asks("read", document), asks("think", reasoning_budget=100)):
            with pytest.raises(errors.UnsupportedInputError, match="model 'mine'"):
                await backend.generate_text(request)
        assert not server.received

    run(use)


def test_express_mode_reaches_no_endpoint() -> None:
    """A key is not a credential for endpoints: the error says what to set."""

    async def main() -> None:
        async with opened("http://127.0.0.1:1", key=KEY) as backend:
            with pytest.raises(errors.AuthenticationError, match="gcp_project_id"):
                await backend.generate_text(asks("hello"))

    asyncio.run(main())


def test_gemini_alone_imports_no_grpc() -> None:
    """The plugin's modules are loaded without google-cloud-aiplatform and gRPC: only a call of an endpoint needs them."""
    code = (
        "import sys, pipelex_backend_vertexai._backend\n"
        "print([name for name in sys.modules if name.startswith(('google.cloud.', 'grpc', 'google.api_core'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf: hello\n\ndata: {"a": 1}\n\ndata:{"a":\ndata: 2}\n\ndata: [DONE]\n\n',
        b'data: {"a": 1}\r\n\r\ndata: {"a": 2}',
        b'data: {"a": 1}\r\rdata: {"a": 2}\r\rdata: [DONE]',
    ],
    ids=["LF", "CR LF", "CR"],
)
def test_a_stream_is_read_as_the_format_means_it(body: bytes, size: int) -> None:
    """A byte order mark, comments, several lines of data, any line ends, no blank at the end; in pieces of any size."""

    async def read(whole: bytes) -> list[Any]:
        async def pieces() -> AsyncGenerator[bytes, None]:
            for start in range(0, len(whole), size):
                yield whole[start : start + size]

        return [event async for event in _events(pieces())]

    assert asyncio.run(read(body)) == [{"a": 1}, {"a": 2}]
    for odd in (b'\xef\xbb\xbf{"a":\n 1}\n', b' {"a": 1}'):
        assert asyncio.run(read(odd)) == [{"a": 1}]
