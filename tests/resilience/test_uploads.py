"""Uploads of recordings: flat memory however long they are, and clocks and cancellation that hold in the middle of them."""

from __future__ import annotations

import asyncio
import json
import struct
import time
import tracemalloc
from typing import TYPE_CHECKING, Any, Self

import pytest

import pipelex_backend_mistral
import pipelex_backend_openai
from pipelex_core import AsyncClient, DeadlineExceededError, IdleTimeoutError, TranscriptResult
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

MB = 1024 * 1024
AN_HOUR = 3600 * 8_000
"""Bytes of an hour of 8-bit samples at 8 kHz, as a telephone has them."""


class Sink:
    """A server that counts what is sent to it and keeps none of it; it stops reading after `most` bytes."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.taken = 0
        self.full = asyncio.Event()
        self._stop = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._stop.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            taken = 0
            while taken < length:
                if self.most is not None and self.taken >= self.most:
                    self.full.set()
                    await self._stop.wait()
                    return
                piece = await reader.read(256 * 1024)
                if not piece:
                    return
                taken += len(piece)
                self.taken += len(piece)
            body = json.dumps({"text": "Hello.", "language": None, "model": "x", "usage": {}}).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def client_for(url: str, sdk: str) -> AsyncClient:
    """A client whose one model transcribes at this address."""
    plugins = discover(entry_points=(), extra=[pipelex_backend_openai, pipelex_backend_mistral])
    spec = ModelSpec(name="ear", backend="b", sdk=sdk, model_id="x", model_type="transcriber")
    entry = ModelEntry(name="ear", spec=spec, available=True, reason=None, route=RouteMatch(rule="exact", backend="b"))
    config = BackendConfig(name="b", endpoint=f"{url}/v1", api_key=Secret("a-key-of-nobody"))
    return AsyncClient(ModelDeck(models={"ear": entry}, backends={"b": config}), plugins)


@pytest.fixture
def hour(tmp_path: Path) -> Path:
    """An hour of silence, in a file that takes no place on the disk."""
    path = tmp_path / "hour.wav"
    with path.open("wb") as file:
        head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 8_000, 8_000, 1, 8)
        file.write(head + struct.pack("<4sI", b"data", AN_HOUR))
        file.truncate(44 + AN_HOUR)
    return path


def uploading(
    sink: Sink, sdk: str, path: Path, use: Callable[[AsyncClient], Awaitable[Any]] | None = None, **terms: Any
) -> Any:
    """What comes of a transcription at the sink."""

    async def main() -> Any:
        async with sink, client_for(sink.url, sdk) as client:
            if use is not None:
                return await use(client)
            return await client.transcribe(path, model="ear", retries=0, **terms)

    return asyncio.run(main())


@pytest.mark.parametrize("sdk", ["openai", "mistral"])
def test_an_hour_is_uploaded_in_flat_memory(hour: Path, sdk: str) -> None:
    """29 MB go through in pieces: no more than a few are in memory at any time; what it costs is known by its header."""
    sink = Sink()

    async def use(client: AsyncClient) -> tuple[TranscriptResult, int]:
        await client.transcribe(wav(), model="ear")  # the SDK is imported
        tracemalloc.start()
        result = await client.transcribe(hour, model="ear")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return result, peak

    result, peak = uploading(sink, sdk, hour, use)
    assert sink.taken > AN_HOUR
    assert (result.text, result.duration_s) == ("Hello.", 3600.0)
    assert peak < 6 * MB, f"{peak / MB:.0f} MB"


@pytest.mark.parametrize("sdk", ["openai", "mistral"])
@pytest.mark.parametrize(
    ("terms", "error"), [({"deadline": 8.0}, DeadlineExceededError), ({"idle_timeout": 1.0}, IdleTimeoutError)]
)
def test_clocks_hold_in_the_middle_of_an_upload(hour: Path, sdk: str, terms: Any, error: Any) -> None:
    """A server that stops taking anything is left; the attempt is in the ledger as one that may have been paid."""
    sink = Sink(most=MB)
    with pytest.raises(error) as caught:
        uploading(sink, sdk, hour, **terms)
    assert MB <= sink.taken < AN_HOUR
    (attempt,) = caught.value.attempts
    assert (attempt.outcome, attempt.cost) == ("error", None)


@pytest.mark.parametrize("sdk", ["openai", "mistral"])
def test_cancellation_holds_in_the_middle_of_an_upload(hour: Path, sdk: str) -> None:
    """The connection is closed, and the file with it; another call works as before."""
    sink = Sink(most=MB)

    async def use(client: AsyncClient) -> float:
        task = asyncio.create_task(client.transcribe(hour, model="ear"))
        async with asyncio.timeout(60):
            await sink.full.wait()
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - begun
        sink.most, sink.taken = None, 0
        assert (await client.transcribe(wav(), model="ear")).text == "Hello."
        return took

    assert uploading(sink, sdk, hour, use) < 30


@pytest.mark.parametrize("sdk", ["openai"])
def test_an_upload_that_moves_is_not_silence(hour: Path, sdk: str) -> None:
    """Each piece that is taken is a sign of life: a slow upload outlasts an idle timeout that is shorter than all of it."""
    sink = Sink()
    real = asyncio.StreamReader.read

    async def slow(self: asyncio.StreamReader, count: int = -1) -> bytes:
        await asyncio.sleep(0.02)
        return await real(self, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.StreamReader, "read", slow)
        begun = time.monotonic()
        assert uploading(sink, sdk, hour, idle_timeout=1.0).text == "Hello."
    assert time.monotonic() - begun > 1.0
