"""`pipelex serve` beside a pass-through in aiohttp, on a loopback server: CPU a request and a stream, memory, and start.

Only the gateway's own processes are counted, by the system; load and provider run in others. Keys, limits, budgets, spend and
metrics are on.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from tools.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 64
REQUESTS = 1500
STREAMS = 400
CHUNKS = 64

_WORD = "word of text "
_BACKENDS = '[openai]\nenabled = true\nendpoint = "{url}/v1"\napi_key = "sk-bench-0123456789"\n'
_MODELS = (
    '[defaults]\nsdk = "openai"\ncosts = {{ input = 1.0, input_cached = 0.1, output = 2.0 }}\n'
    '[m]\nmodel_id = "gpt-4o-mini"\nmax_tokens = 1000\n'
)


@frozen
class Measured:
    """What one gateway took.

    Attributes:
        request: Milliseconds of CPU a request.
        stream: The same a stream of `CHUNKS` chunks.
        memory: Megabytes at the peak.
        start: Seconds of CPU from its start to its first answer.
    """

    request: float
    stream: float
    memory: float
    start: float


def run() -> list[Row]:
    """One worker and two, beside the pass-through."""
    with _provider() as url:
        with _passing_on(url) as (port, pid):
            bare = _measure(port, pid, key="")
        one, two = _of_serve(url, workers=1), _of_serve(url, workers=2)
    note = f"pass-through: {bare.request:.2f} ms, {bare.stream:.2f} ms, {bare.memory:.0f} MB"
    return [
        Row("gateway, CPU a request, 64 at once", one.request, "ms", 1.0, note),
        Row(f"gateway, CPU a stream of {CHUNKS} chunks", one.stream, "ms", 2.0),
        Row("gateway, memory", one.memory, "MB", 80),
        Row("gateway, CPU until the first answer", one.start, "s", 1.2),
        Row("gateway of two workers / of one, CPU a request", two.request / one.request, "x", 1.1),
    ]


def _of_serve(url: str, *, workers: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        spend = f"{folder}/spend.sqlite3"
        _write(Path(folder), url)
        command = [sys.executable, "-m", "pipelex_core", "serve"]
        limits = ["--rpm", "1000000", "--tpm", "1000000000", "--day-budget", "1000", "--json"]
        added = subprocess.run(
            [*command, "keys", "add", "bench", "--spend", spend, *limits], check=True, capture_output=True, text=True
        )
        key = json.loads(added.stdout)["key"]
        port = _free_port()
        options = ["--port", str(port), "--workers", str(workers), "--spend", spend]
        with (
            Path(os.devnull).open("w") as nowhere,
            subprocess.Popen(
                [*command, "--config", f"{folder}/.pipelex", *options],
                stdout=nowhere,
                stderr=nowhere,
            ) as process,
        ):
            try:
                _wait(port)
                return _measure(port, process.pid, key=key)
            finally:
                process.send_signal(signal.SIGTERM)


def _measure(port: int, pid: int, *, key: str) -> Measured:
    asyncio.run(_load(port, key, 1, streams=False))
    start = _cpu(pid)
    asyncio.run(_load(port, key, 300, streams=False))
    asyncio.run(_load(port, key, 100, streams=True))
    figures = []
    for streams, count in ((False, REQUESTS), (True, STREAMS)):
        best = float("inf")
        for _ in range(3):
            before = _cpu(pid)
            asyncio.run(_load(port, key, count, streams=streams))
            best = min(best, (_cpu(pid) - before) / count * 1000)
        figures.append(best)
    request, stream = figures
    return Measured(request, stream, _memory(pid), start)


# ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(other for child in children for other in _family(int(child)))]


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have taken."""
    total = 0
    for each in _family(pid):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Megabytes of the largest of the processes, at its peak."""
    sizes = []
    for each in _family(pid):
        status = Path(f"/proc/{each}/status").read_text(encoding="ascii").split("\n")
        sizes.append(int(next(line for line in status if line.startswith("VmHWM")).split()[1]))
    return max(sizes) / 1024


def _write(folder: Path, url: str) -> None:
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True)
    (inference / "deck").mkdir()
    (inference / "backends.toml").write_text(_BACKENDS.format(url=url))
    (inference / "backends" / "openai.toml").write_text(_MODELS.format())
    (inference / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "openai"\n')
    (inference / "deck" / "base_deck.toml").write_text('[llm.choice_defaults]\nfor_text = "m"\nfor_object = "m"\n')


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.05)
    msg = "the gateway did not start"
    raise RuntimeError(msg)


# ── Load ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _load(port: int, key: str, count: int, *, streams: bool) -> None:
    """So many requests, `AT_ONCE` at a time, on connections that are kept."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "Name three rivers of Europe. " * 8}],
        "stream": streams,
    }
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    left = iter(range(count))
    await asyncio.gather(*(_client(port, head.encode() + content, left) for _ in range(min(AT_ONCE, count))))


async def _client(port: int, request: bytes, left: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in left:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        if b"content-length:" in head:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        else:
            await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()


# ── The provider, and the pass-through ────────────────────────────────────────────────────────────────────────────


def _chunk(delta: dict[str, str], finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}
    return b"data: " + json.dumps({**head, "choices": [choice], **more}).encode() + b"\n\n"


async def _provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    usage = {"prompt_tokens": 50, "completion_tokens": 64, "total_tokens": 114}
    message = {"role": "assistant", "content": _WORD * 20}
    whole = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }
    ).encode()
    chunks = [_chunk({"content": _WORD}) for _ in range(CHUNKS)]
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if b'"stream":true' not in body.replace(b" ", b""):
                await asyncio.sleep(0.005)
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(whole)
                    + whole
                )
                continue
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for start in range(0, CHUNKS, 8):
                await asyncio.sleep(0.002)
                piece = b"".join(chunks[start : start + 8])
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            last = _chunk({}, "stop") + _chunk({}, choices=[], usage=usage) + b"data: [DONE]\n\n"
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))


async def _pass_on(url: str) -> None:
    import aiohttp
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        async with session.post(
            url + request.path, data=await request.read(), headers={"content-type": "application/json"}
        ) as got:
            if "event-stream" not in got.headers["content-type"]:
                return web.Response(body=await got.read(), content_type="application/json")
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            async for piece in got.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _serve_provider() -> None:
    server = await asyncio.start_server(_provide, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def _started(*arguments: str) -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "tools.benchmarks.gateway", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@contextmanager
def _provider() -> Iterator[str]:
    with _started("provider") as (port, _):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _passing_on(url: str) -> Iterator[tuple[int, int]]:
    with _started("pass", url) as started:
        yield started


if __name__ == "__main__":
    if sys.argv[1] == "provider":
        asyncio.run(_serve_provider())
    else:
        import uvloop

        uvloop.run(_pass_on(sys.argv[2]))
