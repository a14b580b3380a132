"""Load for gateways: a loopback provider, a pass-through in aiohttp, requests of many clients at once, and what processes take."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 64
CHUNKS = 64

_WORD = "word of text "


# ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(other for child in children for other in family(int(child)))]


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have taken."""
    total = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Megabytes of the largest of the processes, at its peak."""
    sizes = []
    for each in family(pid):
        status = Path(f"/proc/{each}/status").read_text(encoding="ascii").split("\n")
        sizes.append(int(next(line for line in status if line.startswith("VmHWM")).split()[1]))
    return max(sizes) / 1024


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, path: str = "/health") -> None:
    """Wait until a gateway answers."""
    until = time.monotonic() + 300  # LiteLLM's takes fifteen seconds of CPU
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return
        time.sleep(0.05)
    msg = "the gateway did not start"
    raise RuntimeError(msg)


# ── Load ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def load(port: int, key: str, count: int, *, streams: bool, at_once: int = AT_ONCE) -> None:
    """So many requests, some of them at a time, on connections that are kept."""
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
    remaining = iter(range(count))
    await asyncio.gather(*(_client(port, head.encode() + content, remaining) for _ in range(min(at_once, count))))


async def _client(port: int, request: bytes, remaining: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in remaining:
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
            if b"content-length:" in head:
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
            else:
                body = await reader.readuntil(b"\r\n0\r\n\r\n")
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
    command = [sys.executable, "-m", "tools.benchmarks.load", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@contextmanager
def provider() -> Iterator[str]:
    """OpenAI's chat completions after some milliseconds, in a process of its own; the address."""
    with _started("provider") as (port, _):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def passing_on(url: str) -> Iterator[tuple[int, int]]:
    """A gateway that does nothing but pass on; its port and pid."""
    with _started("pass", url) as started:
        yield started


if __name__ == "__main__":
    if sys.argv[1] == "provider":
        asyncio.run(_serve_provider())
    else:
        import uvloop

        uvloop.run(_pass_on(sys.argv[2]))
