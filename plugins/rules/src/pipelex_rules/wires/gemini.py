"""Gemini's generateContent and streamGenerateContent, at AI Studio and Vertex AI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.families import gemini as family
from pipelex_rules.rule import rule
from pipelex_rules.schemas import gemini as dialect
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, record, records, sequence, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import gemini_contents as contents
from pipelex_rules.wires.gemini_models import budget_range, level_and_budget, minimal_thinking, thinking_of_old_models
from pipelex_rules.wires.gemini_shapes import BODY, SDK, SPECIFICATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")
_FREE = frozenset(
    {
        "args",
        "response",
        "responseJsonSchema",
        "parametersJsonSchema",
        "labels",
        "partMetadata",
        "default",
        "example",
        "enum",
    }
)
"""Fields that hold a value of the caller's, whose names are the caller's too."""


def camel_case(value: Any, depth: int = 0) -> Any:
    """Write the names of fields in camel case: the API takes them in snake case as well (the JSON form of protocol buffers)."""
    if depth > 100:
        return value
    if isinstance(value, list):
        return [camel_case(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    written = {}
    for name, item in value.items():
        key = (
            _SNAKE.sub(lambda match: match[1].upper(), name)
            if isinstance(name, str) and not name.startswith("$")
            else name
        )
        if key in _FREE:
            written[key] = item
        elif key == "properties" and isinstance(item, dict):
            written[key] = {inner: camel_case(schema, depth + 1) for inner, schema in item.items()}
        else:
            written[key] = camel_case(item, depth + 1)
    return written


def declarations(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the function declarations."""
    for index, tool in records(request.get("tools")):
        for position, declaration in records(tool.get("functionDeclarations")):
            yield f"tools[{index}].functionDeclarations[{position}]", dict(declaration)


def _json_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    schema = dig(request.get("generationConfig"), "responseJsonSchema")
    if schema is not None:
        yield "generationConfig.responseJsonSchema", schema
    for place, declaration in declarations(request):
        if declaration.get("parametersJsonSchema") is not None:
            yield f"{place}.parametersJsonSchema", declaration["parametersJsonSchema"]


def _response_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    schema = dig(request.get("generationConfig"), "responseSchema")
    if schema is not None:
        yield "generationConfig.responseSchema", schema


def _parameters(request: Request) -> Iterator[tuple[str, Any]]:
    for place, declaration in declarations(request):
        if declaration.get("parameters") is not None:
            yield f"{place}.parameters", declaration["parameters"]


@rule(SPECIFICATION)
def contents_are_needed(request: Request) -> Findings:
    """Contents is not empty, unless cached content is used."""
    if request.get("contents") == [] and not request.has("cachedContent"):
        yield "contents", "contents is not specified"


@rule(dialect.JSON_SCHEMA)
def schema_needs_json(request: Request) -> Findings:
    """ResponseSchema and responseJsonSchema need responseMimeType application/json (or text/x.enum)."""
    config = record(request.get("generationConfig"))
    for name, allowed in (
        ("responseJsonSchema", ("application/json",)),
        ("responseSchema", ("application/json", "text/x.enum")),
    ):
        if config.get(name) is not None and config.get("responseMimeType") not in allowed:
            yield f"generationConfig.{name}", f"{name} needs responseMimeType application/json"


@rule(dialect.JSON_SCHEMA)
def two_schemas(request: Request) -> Findings:
    """ResponseSchema and responseJsonSchema exclude each other."""
    config = record(request.get("generationConfig"))
    if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
        yield "generationConfig.responseJsonSchema", "responseSchema and responseJsonSchema exclude each other"


@rule(SDK.at("FunctionDeclaration.parameters_json_schema"))
def two_parameter_schemas(request: Request) -> Findings:
    """A function has one form of its parameters, and one of its response."""
    for place, declaration in declarations(request):
        for one, other in (("parameters", "parametersJsonSchema"), ("response", "responseJsonSchema")):
            if declaration.get(one) is not None and declaration.get(other) is not None:
                yield f"{place}.{other}", f"{one} and {other} exclude each other"


@rule(SDK.at("FunctionDeclaration.parameters"))
def parameter_names(request: Request) -> Findings:
    """Names of parameters begin with a letter or _, have letters, digits and _, at most 64 characters."""
    for place, schema in _parameters(request):
        for name in record(record(schema).get("properties")):
            if not (name.replace("_", "a").isascii() and name.isidentifier() and len(name) <= 64):
                yield (
                    f"{place}.properties.{name[:70]}",
                    "a parameter's name has letters, digits and _, and begins with a letter or _",
                )


@rule(Source("google-cloud-aiplatform@2.7.0 aiplatform_v1/types/tool.py Tool", "2026-11-30"))
def function_count(request: Request) -> Findings:
    """At most 128 function declarations."""
    count = sum(1 for _ in declarations(request))
    if count > 128:
        yield "tools", f"{count} function declarations exceed the limit of 128"


@rule(thread("https://github.com/google-gemini/gemini-cli/issues/5014", "2025-08"))
def function_names_are_unique(request: Request) -> Findings:
    """Names of functions are unique."""
    seen: set[str] = set()
    for place, declaration in declarations(request):
        name = string(declaration.get("name"))
        if name in seen:
            yield f"{place}.name", f"Duplicate function declaration found: {name[:80]}"
        seen.add(name)


@rule(SDK.at("FunctionCallingConfig.allowed_function_names"))
def allowed_names_need_any(request: Request) -> Findings:
    """AllowedFunctionNames needs the mode ANY or VALIDATED, and names declared functions."""
    config = record(dig(request.get("toolConfig"), "functionCallingConfig"))
    names = sequence(config.get("allowedFunctionNames"))
    place = "toolConfig.functionCallingConfig.allowedFunctionNames"
    if names and string(config.get("mode")).upper() not in {"ANY", "VALIDATED"}:
        yield place, "allowed_function_names should only be set when the function calling mode is ANY"
    known = {string(declaration.get("name")) for _, declaration in declarations(request)}
    if known and any(name not in known for name in names):
        yield place, "names a function that is not declared"


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/google.py", "2026-08-23"))
def calling_needs_functions(request: Request) -> Findings:
    """FunctionCallingConfig needs function declarations."""
    config, tools = dig(request.get("toolConfig"), "functionCallingConfig"), request.get("tools")
    if isinstance(config, dict) and tools and not any(True for _ in declarations(request)):
        yield "toolConfig.functionCallingConfig", "Function calling config is set without function_declarations"


@rule(thread("https://github.com/enola-dev/enola/issues/1784", "2025-09-22"))
def functions_without_hosted_tools(request: Request) -> Findings:
    """Before Gemini 3 functions exclude Google's own tools."""
    if not (0, 0) < family.version(request.model) < (3, 0) or not any(True for _ in declarations(request)):
        return
    for index, tool in records(request.get("tools")):
        for name in ("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps"):
            if tool.get(name) is not None:
                yield f"tools[{index}].{name}", "Tool use with function calling is unsupported"


@rule(
    Source(
        "google-ai-generativelanguage@0.12.1 v1beta types/generative_service.py GenerateContentRequest", "2026-11-30"
    )
)
def one_setting_a_category(request: Request) -> Findings:
    """A category of safetySettings has one setting."""
    seen: set[str] = set()
    for index, setting in records(request.get("safetySettings")):
        name = string(setting.get("category"))
        if name in seen:
            yield f"safetySettings[{index}].category", f"more than one setting for {name[:60]}"
        seen.add(name)


@rule(thread("https://github.com/vercel/ai/pull/16540", "2026-07-01"))
def forced_calls_without_json(request: Request) -> Findings:
    """The mode ANY excludes responseMimeType application/json."""
    mode = string(dig(request.get("toolConfig"), "functionCallingConfig", "mode")).upper()
    if mode == "ANY" and dig(request.get("generationConfig"), "responseMimeType") == "application/json":
        yield (
            "generationConfig.responseMimeType",
            "Forced function calling (ANY mode) with a response mime type: 'application/json' is unsupported",
        )


@rule(thread("https://github.com/google-gemini/cookbook/issues/393", "2025-01-04"))
def functions_without_json(request: Request) -> Findings:
    """Before Gemini 3 functions exclude a JSON answer."""
    old = (0, 0) < family.version(request.model) < (3, 0)
    if (
        old
        and any(True for _ in declarations(request))
        and dig(request.get("generationConfig"), "responseMimeType") == "application/json"
    ):
        yield (
            "generationConfig.responseMimeType",
            "Function calling with a response mime type: 'application/json' is unsupported",
        )


@rule(client("litellm@1.110.2 llms/vertex_ai/gemini/transformation.py", "2026-11-30"))
def cached_content_alone(request: Request) -> Findings:
    """CachedContent excludes systemInstruction, tools and toolConfig."""
    if request.has("cachedContent"):
        for name in ("systemInstruction", "tools", "toolConfig"):
            if request.has(name):
                yield (
                    name,
                    "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config",
                )


@rule(SPECIFICATION.at("GenerationConfig"))
def logprobs_are_requested_for(request: Request) -> Findings:
    """Logprobs needs responseLogprobs true."""
    config = record(request.get("generationConfig"))
    if config.get("logprobs") is not None and config.get("responseLogprobs") is not True:
        yield "generationConfig.logprobs", "logprobs needs responseLogprobs"


@rule(client("github:pydantic/pydantic-ai@4fda3898 profiles/google.py", "2026-08-23"))
def server_side_invocations(request: Request) -> Findings:
    """IncludeServerSideToolInvocations is known from Gemini 3 on."""
    if dig(request.get("toolConfig"), "includeServerSideToolInvocations") is True and (0, 0) < family.version(
        request.model
    ) < (3, 0):
        yield "toolConfig.includeServerSideToolInvocations", "Tool call context circulation is not enabled"


@rule(SDK.at("SpeechConfig.multi_speaker_voice_config"))
def one_voice_or_two(request: Request) -> Findings:
    """One voice and those of several speakers exclude each other."""
    speech = record(dig(request.get("generationConfig"), "speechConfig"))
    if speech.get("voiceConfig") is not None and speech.get("multiSpeakerVoiceConfig") is not None:
        yield "generationConfig.speechConfig", "voiceConfig and multiSpeakerVoiceConfig exclude each other"


@rule(SDK.at("VertexAISearch"))
def datastore_or_engine(request: Request) -> Findings:
    """A search of Vertex AI has a datastore or an engine."""
    for index, tool in records(request.get("tools")):
        search = record(dig(tool, "retrieval", "vertexAiSearch"))
        if search.get("datastore") is not None and search.get("engine") is not None:
            yield f"tools[{index}].retrieval.vertexAiSearch", "datastore and engine are mutually exclusive"


@rule(SDK.at("Interval"))
def times_in_order(request: Request) -> Findings:
    """A range of times does not end before it starts."""
    for index, tool in records(request.get("tools")):
        times = record(dig(tool, "googleSearch", "timeRangeFilter"))
        start, end = string(times.get("startTime")), string(times.get("endTime"))
        if start and end and end < start:
            yield f"tools[{index}].googleSearch.timeRangeFilter", "start_time must be less than or equal to end_time"


RULES = (
    one_voice_or_two,
    datastore_or_engine,
    times_in_order,
    contents_are_needed,
    schema_needs_json,
    two_schemas,
    two_parameter_schemas,
    parameter_names,
    function_count,
    function_names_are_unique,
    allowed_names_need_any,
    calling_needs_functions,
    forced_calls_without_json,
    functions_without_json,
    functions_without_hosted_tools,
    one_setting_a_category,
    cached_content_alone,
    logprobs_are_requested_for,
    minimal_thinking,
    level_and_budget,
    budget_range,
    thinking_of_old_models,
    server_side_invocations,
    *contents.RULES,
    *dialect.json_schema_rules(_json_schemas),
    *dialect.openapi_rules(_response_schemas, prefix="response-schema"),
    *dialect.openapi_rules(_parameters, prefix="parameters"),
    *dialect.upper_case_rules(_response_schemas),
)
GENERATE = Wire(
    provider="google",
    api="generateContent",
    shape=BODY,
    rules=RULES,
    form=forms.google,
    source=SPECIFICATION,
    normalise=camel_case,
)
