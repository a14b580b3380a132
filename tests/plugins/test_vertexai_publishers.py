"""Claude and Mistral on Vertex AI, against a server that refuses what the rulebook does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_vertexai import pipelex_backends
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import DocumentPart, Media, Message, TextPart, Tool
from pipelex_core.requests import ExtractRequest, ObjectRequest, TextRequest
from pipelex_core.results import TextAnswer
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.plugins.test_vertexai import PLACE, private_key, service_account
from tests.servers.base import Reply
from tests.servers.google import TOKEN
from tests.servers.vertexai_publishers import REQUEST_ID, PublisherServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

__all__ = ["private_key"]

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="weather", description="Tell the weather.", parameters=CITY)
CLAUDE, MISTRAL = "claude-sonnet-4-6@default", "mistral-medium-3"
MODELS = [("anthropic", CLAUDE, CLAUDE, "anthropic"), ("mistral", f"mistralai/{MISTRAL}", MISTRAL, "mistralai")]


def spec(sdk: str, model_id: str, **options: Any) -> ModelSpec:
    by_tool = {"structured_output": "tool"} if sdk == "anthropic" else {}
    return ModelSpec(
        name="m", backend="vertexai", sdk=sdk, model_id=model_id, max_tokens=4_000, options={**by_tool, **options}
    )


def asks(model: ModelSpec, **settings: Any) -> TextRequest:
    return TextRequest(spec=model, messages=(Message(role="user", parts=(TextPart("Which city?"),)),), **settings)


def asks_for_a_city(model: ModelSpec) -> ObjectRequest:
    stated = Message(role="user", parts=(TextPart("Which city?"),))
    return ObjectRequest(spec=model, messages=(stated,), schema=CITY, schema_name="city")


@asynccontextmanager
async def opened(sdk: str, url: str, *, key: str | None = None, **options: Any) -> AsyncIterator[Any]:
    secret = Secret(key) if key else None
    config = BackendConfig(name="vertexai", endpoint=url, api_key=secret, options={**PLACE, **options})
    backend: Any = pipelex_backends()[f"vertexai:{sdk}"](config)
    resources = LoopResources()
    try:
        await backend.open(resources)
        yield backend
    finally:
        await backend.close()
        await resources.close()


def run(sdk: str, use: Callable[[PublisherServer, Any], Awaitable[None]], *without: str, **options: Any) -> None:
    async def main() -> None:
        async with PublisherServer(*without) as server, opened(sdk, server.url, **options) as backend:
            await use(server, backend)

    asyncio.run(asyncio.wait_for(main(), 60))


async def streamed(events: AsyncIterator[str | TextAnswer]) -> tuple[str, TextAnswer]:
    *deltas, last = [event async for event in events]
    assert isinstance(last, TextAnswer)
    return "".join(map(str, deltas)), last


@pytest.mark.parametrize("sdk, model_id, in_path, publisher", MODELS)
def test_text_whole_and_streamed(sdk: str, model_id: str, in_path: str, publisher: str) -> None:
    """The project, the location, the publisher and the model are in the path, which says whether the answer is streamed."""

    async def use(server: PublisherServer, backend: Any) -> None:
        request = asks(spec(sdk, model_id))
        assert (await backend.generate_text(request)).text == "Paris."
        text, answer = await streamed(backend.stream_text(request))
        assert text == answer.text == "Paris."
        place = f"/v1/projects/my-project/locations/europe-west4/publishers/{publisher}/models/{in_path}"
        assert [each.path for each in server.received] == [f"{place}:rawPredict", f"{place}:streamRawPredict"]
        assert all(each.headers["authorization"] == "Bearer anonymous" for each in server.received)
        if sdk == "anthropic":
            assert answer.request_id == REQUEST_ID
            assert all("model" not in each.json for each in server.received)

    run(sdk, use)


@pytest.mark.parametrize("sdk, model_id", [model[:2] for model in MODELS])
def test_objects_and_tools(sdk: str, model_id: str) -> None:
    """An object comes whole and streamed, and calls of tools as from the publisher itself."""

    async def use(server: PublisherServer, backend: Any) -> None:
        model = spec(sdk, model_id)
        assert (await backend.generate_object(asks_for_a_city(model))).text.replace(" ", "") == '{"city":"Paris"}'
        _, answer = await streamed(backend.stream_object(asks_for_a_city(model)))
        assert answer.text.replace(" ", "") == '{"city":"Paris"}'
        called = await backend.generate_text(asks(model, tools=(WEATHER,)))
        assert [(call.name, call.arguments) for call in called.tool_calls] == [("weather", {"city": "Paris"})]

    run(sdk, use)


def test_tokens_are_counted() -> None:
    """By the API of its own, whose body names the model."""

    async def use(server: PublisherServer, backend: Any) -> None:
        assert await backend.count_tokens(asks(spec("anthropic", CLAUDE), tools=(WEATHER,))) == 9
        (counted,) = server.received
        assert counted.path.endswith("/publishers/anthropic/models/count-tokens:rawPredict")
        assert counted.json["model"] == CLAUDE

    run("anthropic", use)


def test_a_version_that_takes_sampling_settings_is_named_with_them() -> None:
    """In the body, where Vertex AI has it; without them the SDK names its own."""

    async def use(server: PublisherServer, backend: Any) -> None:
        model = spec("anthropic", "claude-sonnet-4-5")
        await backend.generate_text(asks(model, temperature=0.5))
        await backend.generate_text(asks(model))
        first, second = (each.json["anthropic_version"] for each in server.received)
        assert first == "vertex-2023-10-16"
        assert second != first

    run("anthropic", use)


def test_structured_output_where_the_organisation_allows_it() -> None:
    """By default it does not, and the request is refused; a model's table says how it is asked."""
    request = asks_for_a_city(spec("anthropic", CLAUDE, structured_output="native"))

    async def refused(server: PublisherServer, backend: Any) -> None:
        with pytest.raises(errors.BadRequestError, match="Extra inputs"):
            await backend.generate_object(request)

    async def allowed(server: PublisherServer, backend: Any) -> None:
        server.queue(Reply.json({**_MESSAGE, "content": [{"type": "text", "text": '{"city": "Paris"}'}]}))
        assert (await backend.generate_object(request)).text == '{"city": "Paris"}'
        assert server.received[0].json["output_config"]["format"]["type"] == "json_schema"

    run("anthropic", refused)
    run("anthropic", allowed, "anthropic.rawPredict.structured-outputs-by-policy")


_MESSAGE = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}


def test_ocr() -> None:
    """Mistral's OCR reads what goes along with the request, whatever its size."""

    async def use(server: PublisherServer, backend: Any) -> None:
        document = Media(data=b"%PDF-1.4\n%%EOF\n", media_type="application/pdf", name="a.pdf")
        got = await backend.extract(ExtractRequest(spec=spec("mistral", "mistral-ocr-2505"), document=document))
        assert [page.text for page in got.pages] == ["# Page 0"]
        assert server.received[0].path.endswith("/publishers/mistralai/models/mistral-ocr-2505:rawPredict")
        assert server.received[0].json["document"]["document_url"].startswith("data:application/pdf;base64,")

    run("mistral", use)


@pytest.mark.parametrize("sdk", ["anthropic", "mistral"])
def test_what_goes_along_is_downloaded_before(sdk: str) -> None:
    """Neither fetches an address of a picture or document here, so that core does."""
    config = BackendConfig(name="vertexai", endpoint=None, api_key=None, options=PLACE)
    assert not pipelex_backends()[f"vertexai:{sdk}"](config).fetches_urls


@pytest.mark.parametrize("sdk, model_id", [model[:2] for model in MODELS])
def test_a_service_account_gets_its_token_once(sdk: str, model_id: str, tmp_path: Path, private_key: str) -> None:
    """Every call carries the token of the file's own token endpoint."""

    async def main() -> None:
        async with PublisherServer() as server:
            file = service_account(tmp_path, private_key, f"{server.url}/token")
            async with opened(sdk, server.url, gcp_credentials_file_path=str(file), gcp_project_id=None) as backend:
                await backend.generate_text(asks(spec(sdk, model_id)))
                await streamed(backend.stream_text(asks(spec(sdk, model_id))))
            _, *calls = server.received
            assert server.tokens == 1
            assert {call.headers["authorization"] for call in calls} == {f"Bearer {TOKEN}"}
            assert all("/projects/files-project/" in call.path for call in calls)

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("sdk, model_id", [model[:2] for model in MODELS])
def test_a_refused_service_account_is_an_authentication_error(
    sdk: str, model_id: str, tmp_path: Path, private_key: str
) -> None:
    """And nothing is sent to the model."""

    async def main() -> None:
        async with PublisherServer() as server:
            server.queue(Reply.json({"error": "invalid_grant"}, status=400))
            file = service_account(tmp_path, private_key, f"{server.url}/token")
            async with opened(sdk, server.url, gcp_credentials_file_path=str(file)) as backend:
                with pytest.raises(errors.AuthenticationError):
                    await backend.generate_text(asks(spec(sdk, model_id)))
            assert [each.path for each in server.received] == ["/token"]

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("sdk, model_id", [model[:2] for model in MODELS])
@pytest.mark.parametrize(
    "status, rpc_status, kind",
    [
        (404, "NOT_FOUND", errors.NotFoundError),
        (403, "PERMISSION_DENIED", errors.PermissionDeniedError),
        (429, "RESOURCE_EXHAUSTED", errors.RateLimitError),
        (503, "UNAVAILABLE", errors.OverloadedError),
    ],
)
def test_what_google_refuses_itself(
    sdk: str, model_id: str, status: int, rpc_status: str, kind: type[errors.CallError]
) -> None:
    """Google's own form of an error, alone or in a list, is that error with its words; the token is not in it."""

    async def use(server: PublisherServer, backend: Any) -> None:
        body = {"error": {"code": status, "message": "Not so. Bearer anonymous", "status": rpc_status}}
        for reply in (body, [body]):
            server.queue(Reply.json(reply, status=status))
            with pytest.raises(kind) as caught:
                await backend.generate_text(asks(spec(sdk, model_id)))
            assert "Not so." in str(caught.value)
            assert "anonymous" not in repr(caught.value.raw)

    run(sdk, use)


@pytest.mark.parametrize("sdk", ["anthropic", "mistral"])
def test_express_mode_does_not_reach_other_publishers(sdk: str) -> None:
    """A key is said to be of no use, before anything is sent."""

    async def main() -> None:
        with pytest.raises(errors.AuthenticationError, match="express mode"):
            async with opened(sdk, "http://127.0.0.1:9", key="AIza-express-key"):
                pass

    asyncio.run(main())


def test_a_text_document_goes_to_claude_as_text() -> None:
    """The parts of a prompt are those of the Messages API."""

    async def use(server: PublisherServer, backend: Any) -> None:
        request = asks(spec("anthropic", CLAUDE))
        part = DocumentPart(Media(data=b"A list.", media_type="text/plain", name="list.txt"))
        stated = evolve(request.messages[0], parts=(*request.messages[0].parts, part))
        await backend.generate_text(evolve(request, messages=(stated,)))
        kinds = [
            block["source"]["type"] for block in server.received[0].json["messages"][0]["content"] if "source" in block
        ]
        assert kinds == ["text"]

    run("anthropic", use)
