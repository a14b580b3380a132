"""What a request of chat completions looks like."""

from __future__ import annotations

from pipelex_rules.shapes import (
    BOOLEAN,
    OBJECT,
    TEXT,
    choice,
    either,
    integer,
    listing,
    mapping,
    number,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source, thread
from pipelex_rules.wires import openai_chat_messages as messages

SDK = Source("openai@3.57.0 types/chat/completion_create_params.py", "2026-11-30")
EFFORTS = "none minimal low medium high xhigh max"
NAME = r"[a-zA-Z0-9_-]+"
METADATA = mapping(text(0, 512), at_most=16, keys=r"(?s).{1,64}", source=SDK)
CACHE_KEY = text(0, 64, source=thread("https://github.com/openai/codex/issues/8200", "2026-01"))
FUNCTION = obj(
    "name",
    name=text(1, 64, pattern=NAME),
    description=text(0, 1024, source=thread("https://github.com/getsentry/sentry-mcp/issues/106", "2025-04-25")),
    parameters=OBJECT,
    strict=BOOLEAN,
)
_GRAMMAR = tagged(
    shapes={
        "text": obj(),
        "grammar": obj("grammar", grammar=obj("definition syntax", definition=TEXT, syntax=choice("lark regex"))),
    }
)
TOOL = tagged(
    shapes={
        "function": obj("type function", type=TEXT, function=FUNCTION),
        "custom": obj("custom", custom=obj("name", name=text(1, 64, pattern=NAME), description=TEXT, format=_GRAMMAR)),
    }
)
JSON_SCHEMA = obj("name", name=text(1, 64, pattern=NAME), description=TEXT, schema=OBJECT, strict=BOOLEAN)
RESPONSE_FORMAT = tagged(
    shapes={"text": obj(), "json_object": obj(), "json_schema": obj("json_schema", json_schema=JSON_SCHEMA)}
)
_NAMED = obj("name", name=TEXT)
TOOL_CHOICE = either(
    choice("none auto required"),
    tagged(
        shapes={
            "function": obj("function", function=_NAMED),
            "custom": obj("custom", custom=_NAMED),
            "allowed_tools": obj(
                "allowed_tools",
                allowed_tools=obj("mode tools", mode=choice("auto required"), tools=listing(OBJECT, at_least=1)),
            ),
        }
    ),
)
VOICE = either(TEXT, obj("id", id=TEXT))
_LOCATION = obj(
    "type approximate",
    type=choice("approximate"),
    approximate=obj(city=TEXT, country=text(2, 2), region=TEXT, timezone=TEXT),
)
_MODERATION_MODE = obj("mode", mode=choice("score block"))
MODERATION = obj("model", model=TEXT, policy=obj(input=_MODERATION_MODE, output=_MODERATION_MODE))
CACHE_OPTIONS = obj(mode=choice("implicit explicit"), ttl=choice("30m"))
BODY = obj(
    "model messages",
    closed=True,
    model=text(1),
    messages=listing(messages.MESSAGE, at_least=1),
    audio=obj("format voice", format=choice("wav aac mp3 flac opus pcm16"), voice=VOICE),
    frequency_penalty=number(-2, 2),
    presence_penalty=number(-2, 2),
    function_call=either(choice("none auto"), _NAMED),
    functions=listing(
        obj("name", name=text(1, 64, pattern=NAME), description=TEXT, parameters=OBJECT), at_least=1, at_most=128
    ),
    logit_bias=mapping(number(-100, 100)),
    logprobs=BOOLEAN,
    top_logprobs=integer(0, 20),
    max_completion_tokens=integer(1),
    max_tokens=integer(1),
    metadata=METADATA,
    modalities=listing(choice("text audio"), at_least=1),
    moderation=MODERATION,
    n=integer(1, 128),
    parallel_tool_calls=BOOLEAN,
    prediction=tagged(
        shapes={"content": obj("content", content=either(TEXT, listing(messages.TEXT_PART, at_least=1)))}
    ),
    prompt_cache_key=CACHE_KEY,
    prompt_cache_options=CACHE_OPTIONS,
    prompt_cache_retention=choice("in_memory in-memory 24h"),
    reasoning_effort=choice(EFFORTS, source=Source("openai@3.57.0 types/shared/reasoning_effort.py", "2026-11-30")),
    response_format=RESPONSE_FORMAT,
    safety_identifier=text(0, 128, source=SDK),
    seed=integer(-(2**63), 2**63 - 1),
    service_tier=choice("auto default flex scale priority fast", source=SDK),
    stop=either(text(), listing(TEXT, at_least=1, at_most=4)),
    store=BOOLEAN,
    stream=BOOLEAN,
    stream_options=obj(include_obfuscation=BOOLEAN, include_usage=BOOLEAN, closed=True),
    temperature=number(0, 2),
    top_p=number(0, 1),
    tool_choice=TOOL_CHOICE,
    tools=listing(TOOL, at_least=1, at_most=128),
    user=TEXT,
    verbosity=choice("low medium high"),
    web_search_options=obj(search_context_size=choice("low medium high"), user_location=_LOCATION),
)
