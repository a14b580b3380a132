#!/usr/bin/env bash
# A conversation in Anthropic's form, turned into OpenAI's by LangChain's two converters.
#
# Versions: langchain-core 1.8.3 (`convert_to_openai_messages`), langchain-openai 1.7.4 (what ChatOpenAI sends).
# Expected: a conversation that OpenAI's chat completions take: the result of a tool directly after its call, and content parts of
#   the types that the API has (text, image_url, input_audio, file, refusal).
# Seen: a user's turn of a tool result and a further question comes out of the public converter as the question first and the
#   result after it, and `is_error` is gone. ChatOpenAI itself leaves the same turn as it is, a user's message with a part of
#   type `tool_result`. The public converter keeps `thinking` with its signature as a content part, ChatOpenAI drops it and keeps
#   `redacted_thinking`; both drop citations, and both hand on a PDF as Anthropic's `document`.
#   Only the picture, also the one in a ToolMessage, becomes OpenAI's part.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'langchain-core==1.8.3' 'langchain-openai==1.7.4'
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, convert_to_openai_messages
from langchain_openai import ChatOpenAI

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PAPER = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
CITED = [{"type": "char_location", "cited_text": "a", "document_index": 0, "start_char_index": 0, "end_char_index": 1}]
CONVERSATION = [
    HumanMessage([{"type": "text", "text": "look"}, PICTURE, PAPER]),
    AIMessage(
        [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "text", "text": "one moment", "citations": CITED},
            {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"a": 1}},
        ],
        tool_calls=[{"id": "toolu_1", "name": "look_up", "args": {"a": 1}}],
    ),
    HumanMessage(
        [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such city", "is_error": True},
            {"type": "text", "text": "try again"},
        ]
    ),
]
sent: list[Any] = []


class Api(BaseHTTPRequestHandler):
    """Chat completions that keep what they are sent."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        sent.extend(json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"])
        message = {"role": "assistant", "content": "fine"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
        body = json.dumps({**answer, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def outline(messages: list[dict[str, Any]]) -> list[Any]:
    """The role of each message, and the types of its parts."""
    return [
        (message["role"], [part["type"] for part in message["content"]] if isinstance(message["content"], list) else message["content"])
        for message in messages
    ]


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    ChatOpenAI(model="gpt-4o", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="unused").invoke(CONVERSATION)
finally:
    server.shutdown()
public = convert_to_openai_messages(CONVERSATION)
for name, messages in (("convert_to_openai_messages", public), ("ChatOpenAI", sent)):
    print(name)
    for line in outline(messages):
        print("  ", *line)
assert outline(public) == [
    ("user", ["text", "image_url", "document"]),
    ("assistant", ["thinking", "redacted_thinking", "text"]),
    ("user", "try again"),
    ("tool", "no such city"),
]
assert "is_error" not in json.dumps(public) and "citations" not in json.dumps(public)
assert outline(sent) == [
    ("user", ["text", "image_url", "document"]),
    ("assistant", ["redacted_thinking", "text"]),
    ("user", ["tool_result", "text"]),
]
assert "is_error" in json.dumps(sent) and "citations" not in json.dumps(sent)
PY
