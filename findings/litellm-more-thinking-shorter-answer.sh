#!/usr/bin/env bash
# The token limit that LiteLLM sends to Anthropic, with and without `reasoning_effort`.
#
# Versions: litellm 1.110.2 (its own model table, not the one fetched at run time).
# Expected: asking for more thinking leaves the answer's limit alone or raises it, and a thinking budget fits under the caller's limit,
#   as Anthropic's API requires (`budget_tokens` below `max_tokens`).
# Seen: a call without `max_tokens` sends the model's own maximum, 64,000. With `reasoning_effort="high"` the same call sends 8,192:
#   a budget of 4,096 and 4,096 for the answer, so the harder question gets an eighth of the room. With `max_tokens=100` the budget
#   of 4,096 goes out beside the limit of 100. Besides, a `user` that looks like an e-mail address is left out without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm==1.110.2'
LITELLM_LOCAL_MODEL_COST_MAP=True "$work/venv/bin/python" -W ignore - <<'PY'
import json

import httpx
import litellm
from litellm.llms.custom_httpx.http_handler import HTTPHandler

sent = []


def answer(request: httpx.Request) -> httpx.Response:
    sent.append(json.loads(request.content))
    message = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hello"}]}
    return httpx.Response(200, json={**message, "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}})


client = HTTPHandler(client=httpx.Client(transport=httpx.MockTransport(answer)))


def send(**options: object) -> dict:
    messages = [{"role": "user", "content": "hello"}]
    litellm.completion(model="anthropic/claude-sonnet-4-5", api_key="none", messages=messages, client=client, **options)
    body = {key: value for key, value in sent[-1].items() if key not in ("model", "messages")}
    print(options, "->", body)
    return body


thinking = {"type": "enabled", "budget_tokens": 4_096}
assert send() == {"max_tokens": 64_000}
assert send(reasoning_effort="high") == {"max_tokens": 8_192, "thinking": thinking}
assert send(reasoning_effort="high", max_tokens=100) == {"max_tokens": 100, "thinking": thinking}
assert send(user="user-7") == {"max_tokens": 64_000, "metadata": {"user_id": "user-7"}}
assert send(user="seven@example.com") == {"max_tokens": 64_000}
PY
