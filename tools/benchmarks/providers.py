"""One call and one streamed chunk of each provider, beside its own SDK's typed call on the same payload."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core import AsyncClient
from tests.conformance.provider import deck_of, installed
from tests.conformance.rows.anthropic import Anthropic
from tests.conformance.rows.bedrock import Bedrock
from tests.conformance.rows.fal import Fal
from tests.conformance.rows.google import Google
from tests.conformance.rows.mistral import Mistral
from tools.benchmarks.calls import MESSAGES, PROMPT
from tools.benchmarks.provider_answers import provider_server
from tools.benchmarks.server import CHUNKS
from tools.benchmarks.table import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.conformance.provider import Provider

CALLS = 20
"""Calls in a row: few enough that both sides meet the same moments of a busy machine, and too many for the first one,
whose code the collection before each row has driven out of the processor's caches, to be what is measured."""


class Raw(ABC):
    """A provider's SDK, used as its documentation shows.

    Attributes:
        provider: Whose it is.
        streams: Whether it streams.
        note: What is compared, where that needs saying.
        target: What ours should be at most; None where that says nothing.
    """

    provider: ClassVar[Provider]
    streams: ClassVar[bool] = True
    note: ClassVar[str] = ""
    target: ClassVar[float | None] = 0.9

    @abstractmethod
    def open(self, url: str) -> None:
        """Make the SDK's client, inside the loop."""

    @abstractmethod
    async def call(self) -> Any:
        """One whole answer."""

    async def stream(self) -> None:
        """One streamed answer, read to its end."""
        raise NotImplementedError

    @abstractmethod
    async def close(self) -> None:
        """Close the client."""


class RawAnthropic(Raw):
    """`messages.create`."""

    provider = Anthropic()

    def open(self, url: str) -> None:
        import anthropic

        self.client = anthropic.AsyncAnthropic(base_url=url, api_key="sk-bench", max_retries=0)

    async def call(self) -> Any:
        return await self.client.messages.create(model="a-model", max_tokens=4096, messages=MESSAGES)

    async def stream(self) -> None:
        events = await self.client.messages.create(model="a-model", max_tokens=4096, messages=MESSAGES, stream=True)
        async for _ in events:
            pass

    async def close(self) -> None:
        await self.client.close()


class RawMistral(Raw):
    """`chat.complete_async`, `chat.stream_async`."""

    provider = Mistral()

    def open(self, url: str) -> None:
        from mistralai.client import Mistral as Client

        self.client = Client(api_key="sk-bench", server_url=url)

    async def call(self) -> Any:
        return await self.client.chat.complete_async(model="mistral-small-latest", messages=MESSAGES)

    async def stream(self) -> None:
        events = await self.client.chat.stream_async(model="mistral-small-latest", messages=MESSAGES)
        async for _ in events:
            pass

    async def close(self) -> None:
        await self.client.__aexit__(None, None, None)  # type: ignore[no-untyped-call]


class RawGoogle(Raw):
    """`aio.models.generate_content`, `…_stream`."""

    provider = Google()

    def open(self, url: str) -> None:
        from google import genai

        self.client = genai.Client(api_key="sk-bench", http_options={"base_url": url})

    async def call(self) -> Any:
        return await self.client.aio.models.generate_content(model="gemini-2.5-flash", contents=PROMPT)

    async def stream(self) -> None:
        events = await self.client.aio.models.generate_content_stream(model="gemini-2.5-flash", contents=PROMPT)
        async for _ in events:
            pass

    async def close(self) -> None:
        await self.client.aio.aclose()


class RawBedrock(Raw):
    """`converse` and `converse_stream`, called straight in this thread: the cheapest there is, without any asyncio.

    No target for a call: the way into a thread and back is a tenth of it, and the SDK has no other way for a program
    that does more than one thing at a time.
    """

    provider = Bedrock()
    note = "the SDK without threads or asyncio, as no program of many calls can use it"
    target: ClassVar[float | None] = None

    def open(self, url: str) -> None:
        import botocore.session

        self.client: Any = botocore.session.get_session().create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="AKIDTEST",
            aws_secret_access_key="test",
        )
        self.requested: Any = [{"role": "user", "content": [{"text": PROMPT}]}]

    async def call(self) -> Any:
        return self.client.converse(modelId="a-model", messages=self.requested)

    async def stream(self) -> None:
        for _ in self.client.converse_stream(modelId="a-model", messages=self.requested)["stream"]:
            pass

    async def close(self) -> None:
        self.client.close()


class RawBedrockInThreads(RawBedrock):
    """The same in `asyncio.to_thread`, as an asynchronous program has to."""

    note = "the SDK in asyncio.to_thread, a stream read there whole"
    target = 1.05

    async def call(self) -> Any:
        return await asyncio.to_thread(self.client.converse, modelId="a-model", messages=self.requested)

    async def stream(self) -> None:
        def read() -> None:
            for _ in self.client.converse_stream(modelId="a-model", messages=self.requested)["stream"]:
                pass

        await asyncio.to_thread(read)


class RawFal(Raw):
    """`submit`, `get`, and the image fetched; sent to the server by a transport, because the SDK has no address to set."""

    provider = Fal()
    streams = False
    note = "a job submitted, awaited, its image fetched"

    def open(self, url: str) -> None:
        import fal_client
        import httpx

        address = httpx.URL(url)

        class Here(httpx.AsyncHTTPTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                request.url = request.url.copy_with(scheme="http", host=address.host, port=address.port)
                return await super().handle_async_request(request)

        self.http = http = httpx.AsyncClient(transport=Here(), headers={"Authorization": "Key sk-bench"})

        class Client(fal_client.AsyncClient):
            @property
            async def _client(self) -> httpx.AsyncClient:
                return http

        self.client = Client(key="sk-bench")

    async def call(self) -> Any:
        handle = await self.client.submit("fal-ai/flux/dev", {"prompt": PROMPT})
        result = await handle.get()
        return (await self.http.get(result["images"][0]["url"])).content

    async def close(self) -> None:
        await self.http.aclose()


RAW: tuple[type[Raw], ...] = (RawAnthropic, RawMistral, RawGoogle, RawBedrock, RawBedrockInThreads, RawFal)


def run(*, rounds: int = 31) -> list[Row]:
    """Each provider, interleaved with its SDK."""
    with provider_server() as url:
        return [row for kind in RAW for row in _measured(kind(), url, rounds)]


def our_call(client: AsyncClient, provider: Provider) -> Coroutine[Any, Any, Any]:
    """What is compared with `Raw.call`."""
    if "text" in provider.cells:
        return client.generate_text(PROMPT, model=f"{provider.name} llm")
    return client.generate_image(PROMPT, model=f"{provider.name} painter")


def _measured(raw: Raw, url: str, rounds: int) -> list[Row]:
    provider = raw.provider
    with asyncio.Runner() as runner:

        async def start() -> AsyncClient:
            raw.open(url)
            return AsyncClient(deck_of((provider, provider.config(url))), installed())

        client = runner.run(start())

        async def ours() -> Any:
            return await our_call(client, provider)

        async def ours_streamed() -> None:
            async with client.stream_text(PROMPT, model=f"{provider.name} llm") as stream:
                async for _ in stream:
                    pass

        def many(call: Callable[[], Coroutine[Any, Any, Any]], times: int) -> Callable[[], None]:
            async def loop() -> None:
                for _ in range(times):
                    await call()

            return lambda: runner.run(loop())

        times = CALLS if raw.streams else CALLS // 2
        tasks = {"ours": many(ours, times), "SDK": many(raw.call, times)}
        if raw.streams:
            tasks |= {"stream ours": many(ours_streamed, 1), "stream SDK": many(raw.stream, 1)}
        taken = interleaved(tasks, rounds=rounds)
        runner.run(client.aclose())
        runner.run(raw.close())
    rows = [_row(raw, "one call", taken["ours"] / times, taken["SDK"] / times)]
    if raw.streams:
        rows.append(_row(raw, "one streamed chunk", taken["stream ours"] / CHUNKS, taken["stream SDK"] / CHUNKS))
    return rows


def _row(raw: Raw, what: str, ours: float, theirs: float) -> Row:
    note = f"{ours * 1e6:.0f} us beside {theirs * 1e6:.0f} us"
    return Row(
        f"{raw.provider.name}: {what} / SDK typed call, CPU",
        ours / theirs,
        "x",
        raw.target,
        f"{note}; {raw.note}".rstrip("; "),
    )
