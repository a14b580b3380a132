#!/usr/bin/env bash
# A refusal of OpenAI's chat completions (`message.refusal`), whole and in a stream, in three libraries.
#
# Versions: litellm 1.110.2, langchain-openai 1.7.4 (langchain-core 1.8.3), llama-index-llms-openai 0.8.3 (llama-index-core
#   0.14.25), openai 2.54.0.
# Expected: a model's refusal reaches the program in the same place, whether or not the answer was streamed.
# Seen: whole, litellm and langchain keep it beside an empty text, and llama-index drops it. Streamed, all three drop it: every
#   piece has an empty text, the finish reason is "stop", and what each library assembles of the pieces has no refusal. Litellm does
#   not even pass on the chunks that had it. So a program that streams sees an answer that ended well and says nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm==1.110.2' 'langchain-openai==1.7.4' \
    'langchain-core==1.8.3' 'llama-index-llms-openai==0.8.3' 'llama-index-core==0.14.25' 'openai==2.54.0'
LITELLM_LOCAL_MODEL_COST_MAP=True "$work/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import litellm
from langchain_openai import ChatOpenAI
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

litellm.suppress_debug_info = True
WORDS = ["I cannot ", "help with that."]
REFUSAL = "".join(WORDS)


class Api(BaseHTTPRequestHandler):
    """Chat completions that refuse, whole or in chunks."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        common = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o"}
        if request.get("stream"):
            deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
            deltas += [{"refusal": words} for words in WORDS]
            chunks = [
                {**common, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
                for delta, reason in [*((delta, None) for delta in deltas), ({}, "stop")]
            ]
            body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
            kind = "text/event-stream"
        else:
            message = {"role": "assistant", "content": None, "refusal": REFUSAL}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
            body = json.dumps({**common, "object": "chat.completion", "choices": choices, "usage": usage})
            kind = "application/json"
        data = body.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def found(value: Any) -> bool:
    return any(words in repr(value) for words in WORDS)


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/v1"
seen: dict[str, tuple[bool, bool, str]] = {}
try:
    call = dict(model="openai/gpt-4o", api_base=address, api_key="unused", messages=[{"role": "user", "content": "x"}])
    whole = litellm.completion(**call)
    chunks = list(litellm.completion(**call, stream=True))
    built = litellm.stream_chunk_builder(chunks)
    seen["litellm"] = (found(whole.choices[0].message), found(chunks) or found(built), built.choices[0].finish_reason)

    model = ChatOpenAI(model="gpt-4o", base_url=address, api_key="unused")
    pieces = list(model.stream("x"))
    joined = pieces[0]
    for piece in pieces[1:]:
        joined += piece
    seen["langchain"] = (found(model.invoke("x")), found(pieces) or found(joined), joined.response_metadata["finish_reason"])

    other = OpenAI(model="gpt-4o", api_base=address, api_key="unused")
    messages = [ChatMessage(role="user", content="x")]
    parts = list(other.stream_chat(messages))
    seen["llama-index"] = (
        found(other.chat(messages).message),
        any(found(part.message) or found(part.delta) for part in parts),
        parts[-1].raw.choices[0].finish_reason,
    )
finally:
    server.shutdown()
for name, (in_whole, in_stream, reason) in seen.items():
    print(f"{name}: refusal in the whole answer: {in_whole}, in the stream: {in_stream}; the stream's finish reason: {reason}")
assert seen == {
    "litellm": (True, False, "stop"),
    "langchain": (True, False, "stop"),
    "llama-index": (False, False, "stop"),
}, seen
PY
