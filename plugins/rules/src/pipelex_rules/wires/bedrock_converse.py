"""Amazon Bedrock's Converse and ConverseStream; the shape is that of AWS's service model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.schemas import claude as dialect
from pipelex_rules.schemas.others import object_root_rule
from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, integer, listing, mapping, number, obj, text, union
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, record, records, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import bedrock_blocks as blocks
from pipelex_rules.wires import bedrock_blocks_shapes
from pipelex_rules.wires import bedrock_models as models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SERVICE = blocks.SERVICE
_POINTER = re.compile(r"(/([^/~]|~[01])*)+")
_META = r"[a-zA-Z0-9\s:_@$#=/+,.-]"
TOOL_SPEC = obj(
    "name inputSchema",
    name=bedrock_blocks_shapes.TOOL_NAME,
    description=text(1),
    inputSchema=union(json=OBJECT),
    strict=BOOLEAN,
    closed=True,
)
TOOLS = obj(
    "tools",
    tools=listing(
        union(
            toolSpec=TOOL_SPEC,
            systemTool=obj("name", name=bedrock_blocks_shapes.TOOL_NAME, closed=True),
            cachePoint=bedrock_blocks_shapes.CACHE_POINT,
        ),
        at_least=1,
    ),
    toolChoice=union(
        auto=obj(closed=True),
        any=obj(closed=True),
        tool=obj("name", name=bedrock_blocks_shapes.TOOL_NAME, closed=True),
    ),
    closed=True,
)
INFERENCE = obj(
    maxTokens=integer(1),
    temperature=number(0, 1),
    topP=number(0, 1),
    stopSequences=listing(text(1), at_most=2_500),
    closed=True,
)
GUARDRAIL = obj(
    guardrailIdentifier=text(
        0, 2_048, pattern=r"(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))"
    ),
    guardrailVersion=text(pattern=r"(|([1-9][0-9]{0,7})|(DRAFT))"),
    trace=choice("enabled disabled enabled_full"),
    streamProcessingMode=choice("sync async"),
    closed=True,
)
_STRUCTURE = union(jsonSchema=obj("schema", schema=TEXT, name=TEXT, description=TEXT, strict=BOOLEAN, closed=True))
OUTPUT = obj(
    textFormat=obj("type structure", type=choice("json_schema"), structure=_STRUCTURE, strict=BOOLEAN, closed=True),
    effort=choice("low medium high xhigh max"),
    closed=True,
)
BODY = obj(
    closed=True,
    modelId=TEXT,
    messages=listing(bedrock_blocks_shapes.MESSAGE),
    system=listing(
        union(text=text(1), guardContent=bedrock_blocks_shapes.GUARD, cachePoint=bedrock_blocks_shapes.CACHE_POINT)
    ),
    inferenceConfig=INFERENCE,
    toolConfig=TOOLS,
    guardrailConfig=GUARDRAIL,
    projectIdentifier=text(1, 2_048, pattern=r"[a-zA-Z0-9_-]+|arn:aws[a-z-]*:bedrock:[0-9a-z-]+:[0-9]{12}:\S+"),
    additionalModelRequestFields=ANY,
    promptVariables=mapping(union(text=TEXT)),
    additionalModelResponseFieldPaths=listing(text(1, 256), at_most=10),
    requestMetadata=mapping(text(0, 256, pattern=f"{_META}*"), at_least=1, at_most=16, keys=f"{_META}{{1,256}}"),
    performanceConfig=obj(latency=choice("standard optimized"), closed=True),
    serviceTier=obj("type", type=choice("priority default flex reserved"), closed=True),
    outputConfig=OUTPUT,
)


def _output_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    """Find the schema of structured output, which is JSON in a text."""
    import json

    written = dig(request.get("outputConfig"), "textFormat", "structure", "jsonSchema", "schema")
    if isinstance(written, str) and models.is_claude(request):
        try:
            yield "outputConfig.textFormat.structure.jsonSchema.schema", json.loads(written)
        except (ValueError, RecursionError):
            return


def _strict_tools(request: Request) -> Iterator[tuple[str, Any]]:
    for place, tool in models.tool_specs(request):
        if tool.get("strict") is True and dig(tool, "inputSchema", "json") is not None:
            yield f"{place}.inputSchema.json", dig(tool, "inputSchema", "json")


def _strict(request: Request) -> Iterator[tuple[str, Any]]:
    yield from _output_schemas(request)
    yield from _strict_tools(request)


def _tool_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    for place, tool in models.tool_specs(request):
        if dig(tool, "inputSchema", "json") is not None:
            yield f"{place}.inputSchema.json", dig(tool, "inputSchema", "json")


@rule(SERVICE.at("shape ConverseRequest"))
def a_message_is_needed(request: Request) -> Findings:
    """A conversation has at least one message, unless a prompt is used."""
    if not request.get("messages") and ":prompt/" not in request.model:
        yield (
            "messages",
            "A conversation must start with a user message. Try again with a conversation that starts with a user message",
        )


@rule(SERVICE.at("shape OutputFormat / JsonSchemaDefinition"))
def schema_is_json(request: Request) -> Findings:
    """The schema of structured output is JSON in a text."""
    import json

    written = dig(request.get("outputConfig"), "textFormat", "structure", "jsonSchema", "schema")
    if isinstance(written, str):
        try:
            json.loads(written)
        except (ValueError, RecursionError):
            yield "outputConfig.textFormat.structure.jsonSchema.schema", "the schema is not valid JSON"


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/bedrock.py", "2026-08-23"))
def output_is_strict(request: Request) -> Findings:
    """Strict false is refused for structured output."""
    wanted = dig(request.get("outputConfig"), "textFormat")
    for place, value in (
        ("outputConfig.textFormat.strict", dig(wanted, "strict")),
        ("outputConfig.textFormat.structure.jsonSchema.strict", dig(wanted, "structure", "jsonSchema", "strict")),
    ):
        if value is False:
            yield place, "structured output needs strict true"


@rule(SERVICE.at("shape ConverseRequestAdditionalModelResponseFieldPathsList"))
def field_paths_are_pointers(request: Request) -> Findings:
    """AdditionalModelResponseFieldPaths holds JSON Pointers."""
    paths = request.get("additionalModelResponseFieldPaths")
    for index, path in enumerate(paths if isinstance(paths, list) else []):
        if isinstance(path, str) and not _POINTER.fullmatch(path):
            yield f"additionalModelResponseFieldPaths[{index}]", "is not a valid JSON Pointer"


@rule(SERVICE.at("shape ToolConfiguration"))
def tool_choice_names_a_tool(request: Request) -> Findings:
    """A named toolChoice is one of the tools."""
    name = dig(request.get("toolConfig"), "toolChoice", "tool", "name")
    known = [tool.get("name") for _, tool in models.tool_specs(request)]
    if isinstance(name, str) and known and name not in known:
        yield "toolConfig.toolChoice.tool.name", f"tool '{name[:70]}' is not in toolConfig.tools"


@rule(SERVICE.at("shape ToolConfiguration"))
def tool_names_are_unique(request: Request) -> Findings:
    """Names of tools are unique."""
    seen: set[str] = set()
    for place, tool in models.tool_specs(request):
        name = string(tool.get("name"))
        if name and name in seen:
            yield f"{place}.name", f"the tool name '{name[:70]}' is not unique"
        seen.add(name)


@rule(client("github:langchain-ai/langchain-aws (Converse needs toolConfig where the history has calls)", "2025-06"))
def calls_need_tools(request: Request) -> Findings:
    """A history with toolUse or toolResult needs toolConfig."""
    used = any(
        block.get("toolUse") is not None or block.get("toolResult") is not None
        for _, block in blocks.all_blocks(request)
    )
    if used and not request.has("toolConfig"):
        yield "toolConfig", "The toolConfig field must be defined when using toolUse and toolResult content blocks"


@rule(Source("https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html", "2026-11"))
def cache_points(request: Request) -> Findings:
    """At most 4 cache points a request."""
    count = sum(1 for _, block in blocks.all_blocks(request) if block.get("cachePoint") is not None)
    count += sum(1 for _, item in records(request.get("system")) if item.get("cachePoint") is not None)
    count += sum(
        1 for _, item in records(dig(request.get("toolConfig"), "tools")) if item.get("cachePoint") is not None
    )
    if count > 4:
        yield "", f"a maximum of 4 cache points may be provided. Found {count}"


@rule(client("https://github.com/aws-samples/generative-ai-use-cases/issues/1685", "2026"))
def blank_system(request: Request) -> Findings:
    """A system text is not blank."""
    for index, item in records(request.get("system")):
        words = item.get("text")
        if isinstance(words, str) and words and not words.strip():
            yield f"system[{index}].text", "the text field in the SystemContentBlock object is blank"


@rule(SERVICE.at("shape ToolReference.name (documentation)"))
def changed_tools_are_declared(request: Request) -> Findings:
    """A tool that is added or removed within a conversation is one of toolConfig."""
    declared = {string(tool.get("name")) for _, tool in models.tool_specs(request)}
    for index, message in records(request.get("messages")):
        for position, block in records(message.get("content")):
            for kind in ("toolAddition", "toolRemoval"):
                reference = record(dig(block, kind, "tool"))
                name = reference.get("name")
                if isinstance(name, str) and reference.get("serverName") is None and name not in declared:
                    yield (
                        f"messages[{index}].content[{position}].{kind}.tool.name",
                        f"tool '{name[:80]}' is not declared",
                    )


RULES = (
    changed_tools_are_declared,
    a_message_is_needed,
    schema_is_json,
    output_is_strict,
    field_paths_are_pointers,
    tool_choice_names_a_tool,
    tool_names_are_unique,
    calls_need_tools,
    cache_points,
    blank_system,
    object_root_rule("tool-schema-root", SERVICE.at("shape ToolInputSchema"), _tool_schemas),
    *blocks.RULES,
    *models.RULES,
    dialect.closed_explicitly(_output_schemas, thread("https://github.com/BerriAI/litellm/issues/29624", "2026")),
    *dialect.strict_rules(_strict),
)
CONVERSE = Wire(provider="bedrock", api="converse", shape=BODY, rules=RULES, form=forms.bedrock, source=SERVICE)
