#!/usr/bin/env bash
# A byte order mark, an empty event and a last event without its blank line, in the streams of four SDKs.
#
# Versions: openai 3.57.0, anthropic 2.14.0, mistralai 3.7.0, google-genai 2.34.0 (httpx 0.28.1).
# Expected: what the WHATWG's rules for event streams say: one leading U+FEFF is skipped, an event without data is not dispatched,
#   and an event that the end of the stream cuts off before its blank line is dropped.
# Seen: with the mark, openai and anthropic lose the first piece of text without an error, google-genai raises, and only mistralai
#   reads everything. An event that has a name and no data breaks openai (JSONDecodeError) and google-genai. The unfinished last
#   event is dropped by openai and anthropic and delivered by mistralai and google-genai. So no two of the three rules split the
#   SDKs in the same way, and a proxy that is tested with one SDK shows nothing about the others.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'openai==3.57.0' 'anthropic==2.14.0' 'mistralai==3.7.0' 'google-genai==2.34.0' 'httpx==0.28.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import json

import anthropic
import httpx
import httpx2
import openai
from google import genai
from google.genai import types
from mistralai.client import Mistral

EVENT_STREAM = {"content-type": "text/event-stream"}
QUESTION = [{"role": "user", "content": "hello"}]


def chat_chunk(text: str) -> dict:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def claude_chunk(text: str) -> dict:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def gemini_chunk(text: str) -> dict:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]}


def http2(body: bytes) -> httpx2.Client:
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, headers=EVENT_STREAM, content=body)))


def read_openai(body: bytes) -> list:
    client = openai.OpenAI(api_key="none", base_url="http://host/v1", max_retries=0, http_client=http2(body))
    return [chunk.choices[0].delta.content for chunk in client.chat.completions.create(model="m", messages=QUESTION, stream=True)]


def read_anthropic(body: bytes) -> list:
    client = anthropic.Anthropic(api_key="none", base_url="http://host", max_retries=0, http_client=http2(body))
    return [event.delta.text for event in client.messages.create(model="m", max_tokens=9, messages=QUESTION, stream=True)]


def read_mistral(body: bytes) -> list:
    client = Mistral(api_key="none", server_url="http://host", client=http2(body))
    return [event.data.choices[0].delta.content for event in client.chat.stream(model="m", messages=QUESTION)]


def read_genai(body: bytes) -> list:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=EVENT_STREAM, content=body))
    client = genai.Client(api_key="none", http_options=types.HttpOptions(httpx_client=httpx.Client(transport=transport)))
    return [chunk.text for chunk in client.models.generate_content_stream(model="m", contents="hello")]


SDKS = {
    "openai": (chat_chunk, "", read_openai),
    "anthropic": (claude_chunk, "event: content_block_delta\n", read_anthropic),
    "mistralai": (chat_chunk, "", read_mistral),
    "google-genai": (gemini_chunk, "", read_genai),
}
BOTH, FIRST, LAST = ["one", "two"], ["one"], ["two"]
EXPECTED = {
    "plain": [BOTH, BOTH, BOTH, BOTH],
    "byte order mark": [LAST, LAST, BOTH, "UnknownApiResponseError"],
    "event without data": ["JSONDecodeError", BOTH, BOTH, "UnknownApiResponseError"],
    "no blank line at the end": [FIRST, FIRST, BOTH, BOTH],
}
VARIANTS = {
    "plain": lambda stream: stream,
    "byte order mark": lambda stream: "\ufeff" + stream,
    "event without data": lambda stream: "event: ping\n\n" + stream,
    "no blank line at the end": lambda stream: stream[:-1],
}
for variant, change in VARIANTS.items():
    for (name, (chunk, event, read)), expected in zip(SDKS.items(), EXPECTED[variant], strict=True):
        stream = "".join(f"{event}data: {json.dumps(chunk(text))}\n\n" for text in BOTH)
        try:
            found = read(change(stream).encode())
        except Exception as error:
            found = type(error).__name__
        print(f"{variant}: {name}: {found}")
        assert found == expected, (variant, name, expected)
PY
