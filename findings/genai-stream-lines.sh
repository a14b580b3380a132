#!/usr/bin/env bash
# Which lines of an event stream google-genai understands.
#
# Versions: google-genai 2.34.0 (httpx 0.28.1).
# Expected: the lines that any event stream may hold, as the server announces `text/event-stream`: comments (keep-alive), `id:`,
#   `event:`, `retry:`, `data:` without a space, and a U+2028 inside a JSON string, which JSON allows unescaped.
# Seen: only `data: ` with the space; every other line is collected as JSON and ends in UnknownApiResponseError, also a proxy's
#   `: keep-alive`. A raw U+2028 or U+0085 in the answer's text breaks the stream too, since lines are split as Python's
#   `splitlines` does. JSON spread over several `data:` lines is read, and so are lines that end in CR alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'google-genai==2.34.0' 'httpx==0.28.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import json

import httpx
from google import genai
from google.genai import errors, types


def read(body: str) -> list[str] | None:
    """The texts of a stream; None if the SDK raises."""
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode())
    )
    client = genai.Client(api_key="none", http_options=types.HttpOptions(httpx_client=httpx.Client(transport=transport)))
    try:
        return [chunk.text for chunk in client.models.generate_content_stream(model="m", contents="hello")]
    except errors.UnknownApiResponseError as error:
        print("   ", type(error).__name__, ascii(str(error))[:70])
        return None


def chunk(text: str, indent: int | None = None) -> str:
    answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}
    return json.dumps(answer, ensure_ascii=False, indent=indent)


lines = "".join(f"data: {line}\n" for line in chunk("hello", indent=1).split("\n"))
STREAMS = {
    "one line": (f"data: {chunk('hello')}\n\n", True),
    "several data lines": (f"{lines}\n", True),
    "CR alone": (f"data: {chunk('hello')}\r\r", True),
    "comment": (f": keep-alive\n\ndata: {chunk('hello')}\n\n", False),
    "id": (f"id: 4\ndata: {chunk('hello')}\n\n", False),
    "event": (f"event: message\ndata: {chunk('hello')}\n\n", False),
    "no space": (f"data:{chunk('hello')}\n\n", False),
}
for name, (stream, is_read) in STREAMS.items():
    print(f"{name}:")
    found = read(stream)
    print("   ", found)
    assert (found == ["hello"]) is is_read, name
for text in ("a\u2028b", "a\u0085b"):
    print(ascii(text), "in the text:")
    assert read(f"data: {chunk(text)}\n\n") is None
PY
