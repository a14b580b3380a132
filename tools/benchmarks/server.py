"""A server of fixed answers in a process of its own, so that only the client's CPU is measured: OpenAI's chat format."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = 400
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Rhine, Seine, Po. " * 20, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 80,
        "total_tokens": 110,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
    "system_fingerprint": "fp",
}


def _chunk(delta: dict[str, str], finish: str | None = None, **more: object) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "system_fingerprint": "fp",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _stream() -> bytes:
    usage = _chunk({}, choices=[], usage=ANSWER["usage"])
    deltas = b"".join(_chunk({"content": f"word{number} "}) for number in range(CHUNKS))
    return _chunk({"role": "assistant", "content": ""}) + deltas + _chunk({}, "stop") + usage + b"data: [DONE]\n\n"


OBJECT = {"river": "Rhine", "ends": {"sea": "North Sea", "country": "NL"}, "lengths_km": [1232.7, 865.0]}
_CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": json.dumps(OBJECT), "refusal": None},
    "logprobs": None,
    "finish_reason": "stop",
}
_BODY, _EVENTS = json.dumps(ANSWER).encode(), _stream()
_TYPED_BODY = json.dumps({**ANSWER, "choices": [_CHOICE]}).encode()
_HEAD = b"HTTP/1.1 200 OK\r\nx-request-id: req-1\r\ncontent-length: %d\r\ncontent-type: %s\r\n\r\n"
_WHOLE = _HEAD % (len(_BODY), b"application/json") + _BODY
_TYPED = _HEAD % (len(_TYPED_BODY), b"application/json") + _TYPED_BODY
_STREAMED = _HEAD % (len(_EVENTS), b"text/event-stream") + _EVENTS


_FAULT = b'{"error": {"message": "not now", "type": "server_error"}}'


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, status: int) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length)
            if delay:
                await asyncio.sleep(delay)
            if status != 200:
                writer.write(_HEAD.replace(b"200 OK", b"%d No" % status) % (len(_FAULT), b"application/json") + _FAULT)
                continue
            if b'"stream":true' in body.replace(b" ", b""):
                writer.write(_STREAMED)
            else:
                writer.write(_TYPED if b'"response_format"' in body else _WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(delay: float, status: int) -> None:
    server = await asyncio.start_server(lambda r, w: _serve(r, w, delay, status), "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def fixed_server(*, delay: float = 0.0, status: int = 200) -> Iterator[str]:
    """The base URL of a running server; `delay` seconds before each answer, which is an error for any other status."""
    command = [sys.executable, "-m", "tools.benchmarks.server", str(delay), str(status)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1]), int(sys.argv[2])))
