#!/usr/bin/env bash
# How readers of streamed tool calls put the pieces together, where an endpoint numbers or names them in a way of its own.
#
# Versions: openai 3.57.0 (its own stream helper), openai-agents 0.24.0, pydantic-ai-slim 2.68.0; langchain-openai 1.7.4 with
#   langchain-core 1.8.3, litellm 1.106.12.
# Expected: the id says which call a piece belongs to. OpenAI itself counts the calls from 0 and sends id and name once.
# Seen: an endpoint that repeats id and name in every piece makes openai's helper call "rainrain" with id "c1c1"; pydantic-ai and
#   langchain glue the names and keep the id, litellm and openai-agents keep both. Two whole calls that share index 0, each with
#   an id of its own, are two calls to langchain alone; the others glue their arguments to one text that is no JSON, under the
#   first id, the last, or both. Where these two calls come in pieces, langchain too gives the end of the second call to the
#   first. A call without an index, or the first with index 1, raises in openai's helper and is read by all others; and empty
#   arguments are {} to langchain and litellm, and an empty string to the rest.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/read.py" <<'PY'
import asyncio
import json
import sys

import httpx2
import openai

MESSAGES = [{"role": "user", "content": "hello"}]
PARAMETERS = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "rain", "parameters": PARAMETERS}}]
EVENT_STREAM = {"content-type": "text/event-stream"}
URL = "http://host/v1"


def piece(arguments: str, index: int | None = 0, **start: str) -> dict:
    call = {"index": index, "function": {"arguments": arguments}}
    if "id" in start:
        call |= {"id": start["id"], "type": "function"}
        call["function"]["name"] = "rain"
    if index is None:
        del call["index"]
    return {"tool_calls": [call]}


ROME, OSLO = '{"at":"Rome"}', '{"at":"Oslo"}'
STREAMS = {
    "id and name in every piece": [piece(ROME[:6], id="c1"), piece(ROME[6:], id="c1")],
    "two calls at index 0": [piece(ROME, id="c1"), piece(OSLO, id="c2")],
    "the same in pieces": [piece(ROME[:6], id="c1"), piece(ROME[6:]), piece(OSLO[:6], id="c2"), piece(OSLO[6:])],
    "no index": [piece(ROME, index=None, id="c1")],
    "from index 1": [piece(ROME, index=1, id="c1")],
    "no arguments": [piece("", id="c1")],
}


def chunks(deltas: list[dict]) -> list[dict]:
    ends = [*((delta, None) for delta in [{"role": "assistant"}, *deltas]), ({}, "tool_calls")]
    return [
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        for delta, reason in ends
    ]


def body(deltas: list[dict]) -> bytes:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks(deltas)).encode() + b"data: [DONE]\n\n"


def transport(deltas: list[dict], module):
    return module.MockTransport(lambda _: module.Response(200, headers=EVENT_STREAM, content=body(deltas)))


def asynchronous(deltas: list[dict]) -> openai.AsyncOpenAI:
    client = httpx2.AsyncClient(transport=transport(deltas, httpx2))
    return openai.AsyncOpenAI(api_key="none", base_url=URL, max_retries=0, http_client=client)


def read_openai(deltas: list[dict]) -> list:
    client = httpx2.Client(transport=transport(deltas, httpx2))
    sdk = openai.OpenAI(api_key="none", base_url=URL, max_retries=0, http_client=client)
    with sdk.chat.completions.stream(model="m", messages=MESSAGES, tools=TOOLS) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    return [(call.id, call.function.name, call.function.arguments) for call in calls]


def read_agents(deltas: list[dict]) -> list:
    from agents import ModelSettings, ModelTracing, OpenAIChatCompletionsModel

    async def main() -> list:
        model = OpenAIChatCompletionsModel("m", asynchronous(deltas))
        off = ModelTracing.DISABLED
        nothing = {"previous_response_id": None, "conversation_id": None, "prompt": None}
        events = model.stream_response(None, "hello", ModelSettings(), [], None, [], off, **nothing)
        last = [event async for event in events][-1]
        return [(item.call_id, item.name, item.arguments) for item in last.response.output if item.type == "function_call"]

    return asyncio.run(main())


def read_pydantic_ai(deltas: list[dict]) -> list:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def main() -> list:
        model = OpenAIChatModel("m", provider=OpenAIProvider(openai_client=asynchronous(deltas)))
        async with model_request_stream(model, [ModelRequest.user_text_prompt("hello")]) as stream:
            async for _ in stream:
                pass
            parts = stream.get().parts
        return [(part.tool_call_id, part.tool_name, part.args) for part in parts if part.part_kind == "tool-call"]

    return asyncio.run(main())


def read_langchain(deltas: list[dict]) -> list:
    from langchain_openai import ChatOpenAI

    client = openai.OpenAI(api_key="none", base_url=URL, http_client=httpx2.Client(transport=transport(deltas, httpx2)))
    model = ChatOpenAI(model="m", api_key="none", base_url=URL, client=client.chat.completions, root_client=client)
    made = None
    for one in model.bind_tools(TOOLS).stream("hello"):
        made = one if made is None else made + one
    good = [(call["id"], call["name"], json.dumps(call["args"], separators=(",", ":"))) for call in made.tool_calls]
    return good + [(call["id"], call["name"], call["args"]) for call in made.invalid_tool_calls]


def read_litellm(deltas: list[dict]) -> list:
    import litellm

    litellm.suppress_debug_info = True
    made = litellm.stream_chunk_builder([litellm.ModelResponseStream(**chunk) for chunk in chunks(deltas)], messages=MESSAGES)
    return [(call.id, call.function.name, call.function.arguments) for call in made.choices[0].message.tool_calls]


GLUED = ROME + OSLO
def one(id: str = "c1", name: str = "rain", arguments: str = ROME) -> list[tuple[str, str, str]]:
    return [(id, name, arguments)]


NONE = one(arguments="")
EXPECTED = {
    "openai": [one("c1c1", "rainrain"), *[one("c1c2", "rainrain", GLUED)] * 2, "TypeError", "IndexError", NONE],
    "agents": [one(), *[one("c2", "rain", GLUED)] * 2, one(), one(), NONE],
    "pydantic_ai": [one("c1", "rainrain"), *[one("c2", "rainrain", GLUED)] * 2, one(), one(), NONE],
    "langchain": [
        one("c1", "rainrain"),
        one() + one("c2", "rain", OSLO),
        one("c2", "rain", "{}") + one("c1", "rain", ROME + '"Oslo"}'),
        one(),
        one(),
        one(arguments="{}"),
    ],
    "litellm": [one(), *[one("c2", "rain", GLUED)] * 2, one(), one(), one(arguments="{}")],
}
for name in sys.argv[1:]:
    for (stream, deltas), expected in zip(STREAMS.items(), EXPECTED[name], strict=True):
        try:
            found = globals()[f"read_{name}"](deltas)
        except (TypeError, IndexError) as error:
            found = type(error).__name__
        print(f"{stream}: {name}: {found}")
        assert found == expected, (stream, name, expected)
PY
python3 -m venv "$work/one"
"$work/one/bin/pip" install --quiet --disable-pip-version-check 'openai==3.57.0' 'openai-agents==0.24.0' 'pydantic-ai-slim[openai]==2.68.0'
"$work/one/bin/python" -W ignore "$work/read.py" openai agents pydantic_ai
python3 -m venv "$work/other"
"$work/other/bin/pip" install --quiet --disable-pip-version-check \
    'langchain-openai==1.7.4' 'langchain-core==1.8.3' 'litellm==1.106.12' 'openai==2.54.0' 'httpx2==2.16.2'
LITELLM_LOCAL_MODEL_COST_MAP=True "$work/other/bin/python" -W ignore "$work/read.py" langchain litellm
