"""One fixed answer a provider and form, as bytes, and a server for all of them in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelex_testing.samples import PNG
from pipelex_testing.wires import fal_queue as fal
from tests.servers import anthropic, bedrock, google, mistral
from tests.servers.base import sse_event
from tools.benchmarks.server import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT = "Rhine, Seine, Po. " * 20
WORDS = [f"word{number} " for number in range(CHUNKS)]


def _response(body: bytes, content_type: str = "application/json") -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nx-request-id: req-1\r\ncontent-length: {len(body)}\r\ncontent-type: {content_type}\r\n\r\n"
    )
    return head.encode() + body


def _document(value: Any) -> bytes:
    return _response(json.dumps(value).encode())


def _events(events: Iterable[Any]) -> bytes:
    return _response(b"".join(map(sse_event, events)), "text/event-stream")


def _anthropic_events() -> list[Any]:
    events = anthropic.events(anthropic.message(anthropic.text("ab")))
    deltas = [event for event in events if event[0] == "content_block_delta"]
    start, end = events.index(deltas[0]), events.index(deltas[-1]) + 1
    stated: list[Any] = [
        (name, {**data, "delta": {"type": "text_delta", "text": word}}) for word in WORDS for name, data in deltas[:1]
    ]
    return [*events[:start], *stated, *events[end:]]


_USAGE = {"prompt_tokens": 30, "completion_tokens": 80, "total_tokens": 110}
_PICTURE: dict[str, Any] = {"url": "", "width": 1024, "height": 768, "content_type": "image/png"}
_JOB: dict[str, Any] = {
    "status": "COMPLETED",
    "request_id": "job-1",
    "response_url": f"{fal.QUEUE}/fal-ai/flux/requests/job-1",
    "status_url": f"{fal.QUEUE}/fal-ai/flux/requests/job-1/status",
    "cancel_url": f"{fal.QUEUE}/fal-ai/flux/requests/job-1/cancel",
    "logs": None,
    "metrics": {},
}
WHOLE = {
    "/v1/messages": _document(anthropic.message(anthropic.text(TEXT))),
    "/v1/chat/completions": _document(mistral.message(TEXT, usage=_USAGE)),
    ":generateContent": _document(google.answer({"text": TEXT})),
    "/converse": _response(bedrock.stated(TEXT).chunks[0]),
    "/status": _document(_JOB),
    "/media/a.png": _response(PNG, "image/png"),
}
STREAMED = {
    "/v1/messages": _events(_anthropic_events()),
    "/v1/chat/completions": _events(
        [mistral.chunk(""), *map(mistral.chunk, WORDS), mistral.chunk("", finish_reason="stop", usage=_USAGE), "[DONE]"]
    ),
    ":streamGenerateContent": _events(
        [*(google.answer({"text": word}, finish=None) for word in WORDS), google.answer({"text": ""})]
    ),
    "/converse-stream": _response(b"".join(bedrock.text_events(*WORDS)), "application/vnd.amazon.eventstream"),
}


def answer_to(path: str, body: bytes, url: str) -> bytes:
    """The answer to a request."""
    path = path.partition("?")[0]
    stream = b'"stream":true' in body.replace(b" ", b"") or "tream" in path
    for ending, answer in (STREAMED if stream else WHOLE).items():
        if path.endswith(ending):
            return answer
    if body:
        return _document({**_JOB, "status": "IN_QUEUE", "queue_position": 0})
    return _document({"images": [{**_PICTURE, "url": f"{url}/media/a.png"}], "seed": 42, "has_nsfw_concepts": [False]})


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("sockname")
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(lengths[0] if lengths else 0)
            writer.write(answer_to(head.split(b" ", 2)[1].decode(), body, f"http://{host}:{port}"))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def provider_server() -> Iterator[str]:
    """The base URL of a running server."""
    command = [sys.executable, "-m", "tools.benchmarks.provider_answers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_main())
