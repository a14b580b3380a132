"""Gemini's features through the plugin and the real SDK, against the checking server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_google import pipelex_backends
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.media import read_document, read_image
from pipelex_core.parts import DocumentPart, ImagePart, Media, Message, ProviderPart, TextPart, Tool, ToolResult
from pipelex_core.requests import ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers.base import Reply
from tests.servers.google import KEY, SIGNATURE, GoogleServer, answer, error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pipelex_backend_google._backend import GoogleBackend

WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
CLOCK = Tool(name="clock", description="What time it is.")
EVERYTHING = Usage(input_tokens=20, output_tokens=12, cached_tokens=12, reasoning_tokens=7)


def spec(model_id: str = "gemini-test", **options: Any) -> ModelSpec:
    return ModelSpec(name="gemini", backend="google", sdk="google", model_id=model_id, options=options)


def asks(*parts: Any, **settings: Any) -> TextRequest:
    message = Message(role="user", parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))
    return TextRequest(**{"spec": spec(), "messages": (message,), **settings})


@asynccontextmanager
async def opened(server: GoogleServer, **config: Any) -> AsyncIterator[GoogleBackend]:
    settings = {"name": "google", "endpoint": server.url, "api_key": Secret(KEY), **config}
    backend = pipelex_backends()["google"](BackendConfig(**settings))
    resources = LoopResources()
    await backend.open(resources)
    try:
        yield backend
    finally:
        await backend.close()
        await resources.close()


def run(use: Callable[[GoogleServer, GoogleBackend], Awaitable[None]]) -> None:
    async def main() -> None:
        async with GoogleServer() as server, opened(server) as backend:
            await use(server, backend)

    asyncio.run(main())


async def streamed(backend: GoogleBackend, request: TextRequest) -> tuple[list[str], TextAnswer]:
    *deltas, last = [event async for event in backend.stream_text(request)]
    assert isinstance(last, TextAnswer)
    return [str(delta) for delta in deltas], last


def test_text() -> None:
    """A prompt with every setting: each goes where Google reads it, and nothing else does."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        request = asks("hello", system="Be brief.", temperature=0.5, max_tokens=9, top_p=0.9, seed=3, stop=("x",))
        got = await backend.generate_text(request)
        assert (got.text, got.finish_reason, got.usage, got.request_id) == (
            "You said: hello",
            "stop",
            EVERYTHING,
            "response-1",
        )
        assert got.raw["modelVersion"] == "gemini-test"
        assert server.received[0].json == {
            "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {
                "temperature": 0.5,
                "maxOutputTokens": 9,
                "topP": 0.9,
                "seed": 3,
                "stopSequences": ["x"],
            },
        }

    run(use)


def test_a_request_without_settings_sends_none() -> None:
    """What is not set is not sent."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        await backend.generate_text(asks("hello"))
        assert server.received[0].json["generationConfig"] == {}

    run(use)


def test_a_stream() -> None:
    """Deltas as they come, then one answer with the whole text and the last counts."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        deltas, got = await streamed(backend, asks("hello"))
        assert deltas == ["You sai", "d: hello"]
        assert (got.text, got.finish_reason, got.usage, got.request_id) == (
            "You said: hello",
            "stop",
            EVERYTHING,
            "response-1",
        )

    run(use)


def test_leaving_a_stream_closes_its_connection() -> None:
    """A caller that stops listening is noticed by the server."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(Reply.sse(answer({"text": "one"}, finish=None), answer({"text": "two"}), stall_after=1))
        stream = backend.stream_text(asks("hello"))
        assert await anext(stream) == "one"
        await stream.aclose()  # type: ignore[attr-defined]
        await until(lambda: bool(server.abandoned))

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_call_that_is_cancelled_closes_its_connection(streaming: bool) -> None:
    """Cancelling passes through as it is, and the server notices."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        server.queue(Reply(fault="hang"))
        call = streamed(backend, asks("hello")) if streaming else backend.generate_text(asks("hello"))
        task = asyncio.ensure_future(call)
        await until(lambda: bool(server.received))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: bool(server.abandoned))

    run(use)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


def test_an_object() -> None:
    """A JSON schema goes as it is, references and all, and Google holds its answer to it."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        schema = {
            "type": "object",
            "properties": {"first_name": {"$ref": "#/$defs/Name"}, "max_tokens": {"type": "integer"}},
            "$defs": {"Name": {"type": "string"}},
        }
        request = ObjectRequest(spec=spec(), messages=asks("who?").messages, schema=schema)
        got = await backend.generate_object(request)
        assert got.text == '{"first_name": 7, "max_tokens": 7}'
        config = server.received[0].json["generationConfig"]
        assert config == {"responseMimeType": "application/json", "responseJsonSchema": schema}

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_tools_and_their_results(streaming: bool) -> None:
    """Parallel calls come out with ids, and go back with Google's ids, their signature and one turn of results."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        async def ask(request: TextRequest) -> TextAnswer:
            return (await streamed(backend, request))[1] if streaming else await backend.generate_text(request)

        first = asks("weather and time?", tools=(WEATHER, CLOCK))
        got = await ask(first)
        assert (got.text, got.finish_reason) == ("", "tool_calls")
        weather, clock = got.tool_calls
        assert (weather.id, weather.name, weather.arguments) == ("id-0", "weather", {"city": "some city"})
        assert (clock.name, clock.arguments) == ("clock", {})
        assert clock.id
        requested = Message(role="assistant", parts=(TextPart(got.text), *got.tool_calls, *got.provider_parts))
        results = (
            Message(role="tool", parts=(ToolResult(call_id=weather.id, content='{"sky": "blue"}'),)),
            Message(role="tool", parts=(ToolResult(call_id=clock.id, content="noon", is_error=streaming),)),
        )
        more = asks("", messages=(*first.messages, requested, *results), tools=(WEATHER, CLOCK))
        last = await ask(more)
        key = "error" if streaming else "output"
        assert last.text == f'The tools say [{{"sky": "blue"}}, {{"{key}": "noon"}}].'
        # The server has checked signature, ids and number of results; this is the form of the rest.
        contents = server.received[1].json["contents"]
        assert [content["role"] for content in contents] == ["user", "model", "user"]
        assert contents[1]["parts"][1] == {"functionCall": {"name": "clock", "args": {}}}

        # The signature of the text goes back with it, whatever provider's parts stand beside it.
        foreign = ProviderPart(provider="anthropic", data={"text": "", "thoughtSignature": "leaked"})
        stated = Message(role="assistant", parts=(foreign, *last.provider_parts, TextPart(last.text)))
        await ask(asks("", messages=(*first.messages, stated, Message(role="user", parts=(TextPart("thanks"),)))))
        signed = {"text": "" if streaming else last.text, "thoughtSignature": SIGNATURE}
        assert server.received[2].json["contents"][1]["parts"] == (
            [{"text": last.text}, signed] if streaming else [signed]
        )

    run(use)


def test_a_signature_whose_text_was_changed_is_left_out() -> None:
    """A signature is bound to its text: another text goes without it."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        signature = ProviderPart(provider="google", data={"text": "yes", "thoughtSignature": SIGNATURE})
        stated = Message(role="assistant", parts=(TextPart("no"), signature))
        await backend.generate_text(asks("", messages=(*asks("well?").messages, stated, *asks("sure?").messages)))
        assert server.received[0].json["contents"][1]["parts"] == [{"text": "no"}]

    run(use)


def test_a_result_that_answers_no_call_is_refused_before_the_request() -> None:
    """A result needs a name, and the conversation does not tell it."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        stray = Message(role="tool", parts=(ToolResult(call_id="call_1", content="5"),))
        with pytest.raises(errors.BadRequestError, match="call_1"):
            await backend.generate_text(asks("", messages=(stray,)))
        assert not server.received

    run(use)


@pytest.mark.parametrize(
    "choice, sent",
    [
        (None, None),
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("clock", {"mode": "ANY", "allowedFunctionNames": ["clock"]}),
    ],
)
def test_the_choice_of_tools(choice: str | None, sent: dict[str, Any] | None) -> None:
    """Each choice has its mode; a tool's name allows that one alone."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        await backend.generate_text(asks("time?", tools=(CLOCK,), tool_choice=choice))
        assert server.received[0].json.get("toolConfig", {}).get("functionCallingConfig") == sent

    run(use)


def test_images_and_documents() -> None:
    """Bytes travel inline, URLs as they are for Google to fetch, each with its type, in the caller's order."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        picture = ImagePart(Media(data=b"\x89PNG\xff\xfb", media_type="image/png"))
        paper = DocumentPart(Media(data=b"%PDF-1.7", media_type="application/pdf"))
        linked = ImagePart(Media(url="https://example.org/a.jpg", media_type="image/jpeg"))
        got = await backend.generate_text(asks(picture, paper, linked, "What is this?"))
        assert got.text == "You said: image/png + application/pdf + image/jpeg + What is this?"
        assert server.received[0].json["contents"][0]["parts"][:3] == [
            {"inlineData": {"mimeType": "image/png", "data": "iVBOR//7"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0xLjc="}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.org/a.jpg"}},
        ]

    run(use)


def test_files_in_googles_storage_are_told_by_their_address() -> None:
    """Nobody but Google can read them."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        image, document = read_image("gs://bucket/a.png"), read_document("gs://bucket/b.pdf")
        await backend.generate_text(asks(ImagePart(image), DocumentPart(document), "What is it?"))
        assert server.received[0].json["contents"][0]["parts"][:2] == [
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/b.pdf"}},
        ]

    run(use)


@pytest.mark.parametrize("streaming", [False, True])
def test_thoughts_are_reasoning(streaming: bool) -> None:
    """Thoughts are kept out of the text and its deltas."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        request = asks("hello", reasoning_effort="low")
        if streaming:
            deltas, got = await streamed(backend, request)
            assert "".join(deltas) == "You said: hello"
        else:
            got = await backend.generate_text(request)
        assert (got.text, got.reasoning) == ("You said: hello", "Hm. Yes.")

    run(use)


@pytest.mark.parametrize(
    "options, settings, sent",
    [
        ({}, {"reasoning_effort": "minimal"}, {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ({}, {"reasoning_effort": "none"}, {"thinkingLevel": "MINIMAL", "includeThoughts": False}),
        ({}, {"reasoning_effort": "max"}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ({}, {"reasoning_budget": 500}, {"thinkingBudget": 500, "includeThoughts": True}),
        ({}, {"reasoning_budget": 0}, {"thinkingBudget": 0, "includeThoughts": False}),
        (
            {"thinking_levels": ["low", "high"]},
            {"reasoning_effort": "medium"},
            {"thinkingLevel": "HIGH", "includeThoughts": True},
        ),
        (
            {"thinking_levels": ["low", "medium", "high"]},
            {"reasoning_effort": "none"},
            {"thinkingLevel": "LOW", "includeThoughts": False},
        ),
        (
            {"thinking": "budget"},
            {"reasoning_effort": "medium"},
            {"thinkingBudget": 8192, "includeThoughts": True},
        ),
        ({"thinking": "budget"}, {"reasoning_effort": "xhigh"}, {"thinkingBudget": 24576, "includeThoughts": True}),
        ({"thinking": "budget"}, {"reasoning_effort": "none"}, {"thinkingBudget": 0, "includeThoughts": False}),
        (
            {"thinking": "budget", "min_thinking_budget": 128},
            {"reasoning_effort": "none"},
            {"thinkingBudget": 128, "includeThoughts": False},
        ),
    ],
)
def test_how_thinking_is_asked_for(options: dict[str, Any], settings: dict[str, Any], sent: dict[str, Any]) -> None:
    """A level or a budget, by the model's options; thoughts come along unless thinking is off."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        await backend.generate_text(asks("hello", spec=spec(**options), **settings))
        assert server.received[0].json["generationConfig"] == {"thinkingConfig": sent}

    run(use)


@pytest.mark.parametrize("model_id", ["gemini-2.5-flash", "models/gemini-2.5-flash"])
def test_a_model_from_before_levels_gets_a_budget(model_id: str) -> None:
    """Though its spec does not say so: a project may have written a bare one."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        bare = evolve(spec(), model_id=model_id)
        await backend.generate_text(asks("hello", spec=bare, reasoning_effort="medium"))
        sent = server.received[0].json["generationConfig"]["thinkingConfig"]
        assert sent == {"thinkingBudget": 8192, "includeThoughts": True}

    run(use)


def test_an_image() -> None:
    """Image generation goes through generateContent; the size follows the quality where the model has sizes."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        sizes = spec(image_sizes={"low": "1K", "high": "2K"})
        hints = {"guidance_scale": 7.5, "nb_steps": None, "is_moderated": True, "safety_tolerance": 3}
        got = await backend.generate_image(
            ImageRequest(spec=sizes, prompt="A cat", quality="high", aspect_ratio="16:9", seed=4, **hints)  # type: ignore[arg-type]
        )
        (image,) = got.images
        assert (image.data[:4], image.content_type) == (b"\x89PNG", "image/png")
        assert got.usage.images == 1
        assert server.received[0].json == {
            "contents": [{"role": "user", "parts": [{"text": "A cat"}]}],
            "generationConfig": {
                "responseModalities": ["IMAGE"],
                "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
                "seed": 4,
            },
        }
        await backend.generate_image(ImageRequest(spec=spec(), prompt="A cat", quality="high"))
        assert server.received[1].json["generationConfig"] == {"responseModalities": ["IMAGE"]}

    run(use)


def test_pictures_to_change_go_with_the_prompt() -> None:
    """After it, in their order: bytes inline, and what Google fetches as it is."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        pictures = (
            Media(data=b"abc", media_type="image/png"),
            Media(url="https://a.example/b.webp", media_type="image/webp"),
        )
        await backend.generate_image(ImageRequest(spec=spec(), prompt="Make it night", images=pictures))
        assert server.received[0].json["contents"] == [
            {
                "role": "user",
                "parts": [
                    {"text": "Make it night"},
                    {"inlineData": {"mimeType": "image/png", "data": "YWJj"}},
                    {"fileData": {"mimeType": "image/webp", "fileUri": "https://a.example/b.webp"}},
                ],
            }
        ]

    run(use)


@pytest.mark.parametrize(
    "settings",
    [{"number": 2}, {"width": 10, "height": 10}, {"background": "transparent"}, {"output_format": "webp"}],
    ids=str,
)
def test_a_picture_gemini_cannot_make_is_refused_before_the_request(settings: dict[str, Any]) -> None:
    """What would come back as something else than asked for costs nothing."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        with pytest.raises(errors.UnsupportedInputError):
            await backend.generate_image(ImageRequest(spec=spec(), prompt="A cat", **settings))
        assert not server.received

    run(use)


def test_the_models_of_ai_studio() -> None:
    """Ids as a spec writes them."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        assert await backend.list_models() == ("gemini-2.5-flash", "gemini-2.5-pro")

    run(use)


def test_everything_goes_through_the_shared_pool() -> None:
    """The SDK makes no connection of its own, and leaves the pool open."""

    async def main() -> None:
        async with GoogleServer() as server:
            resources = LoopResources()
            config = BackendConfig(name="google", endpoint=server.url, api_key=Secret(KEY))
            for _ in range(2):
                backend = pipelex_backends()["google"](config)
                await backend.open(resources)
                await backend.generate_text(asks("hello"))
                await streamed(backend, asks("hello"))
                await backend.list_models()
                await backend.close()
            assert not resources.http().is_closed
            assert (server.connections, len(server.received)) == (1, 6)
            await resources.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "path, version, expected",
    [
        ("", None, "/v1beta/models/"),
        ("/", None, "/v1beta/models/"),
        ("/v1beta", None, "/v1beta/models/"),
        ("/gateway/v1beta/", None, "/gateway/v1beta/models/"),
        ("/v1", "v1", "/v1/models/"),
        ("/v1", None, "/v1/v1beta/models/"),
    ],
)
def test_an_endpoint_may_end_with_the_version(path: str, version: str | None, expected: str) -> None:
    """The version stands before every path anyway: it is not put there twice."""

    async def main() -> str:
        async with GoogleServer() as server:
            options = {"api_version": version} if version else {}
            async with opened(server, endpoint=server.url + path, options=options) as backend:
                server.queue(Reply.json(answer({"text": "Hi"})))
                await backend.generate_text(asks("hello"))
            return server.received[0].path

    assert asyncio.run(main()).startswith(expected)


def test_one_call_is_one_request() -> None:
    """Nothing is repeated: no error, no open end, no continuation token makes a second request."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        more = answer({"text": "half"}, finish="CONTINUATION")
        more["candidates"][0]["continuationToken"] = "dG9rZW4="
        open_end = answer({"text": "half"}, finish=None)
        open_end["candidates"][0]["continuationToken"] = "dG9rZW4="
        server.queue(error(503, "UNAVAILABLE", "later"), Reply.json(more), Reply.sse(more), Reply.sse(open_end))
        with pytest.raises(errors.OverloadedError):
            await backend.generate_text(asks("hello"))
        assert (await backend.generate_text(asks("hello"))).finish_reason == "other"
        assert (await streamed(backend, asks("hello")))[1].finish_reason == "other"
        with pytest.raises(errors.ProviderConnectionError) as caught:
            await streamed(backend, asks("hello"))
        assert caught.value.partial_text == "half"
        assert len(server.received) == 4

    run(use)
