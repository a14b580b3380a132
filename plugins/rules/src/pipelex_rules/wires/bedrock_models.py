"""What single models refuse in Converse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families.claude import claude
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, client
from pipelex_rules.values import amount, dig, record, records, sequence
from pipelex_rules.wires.bedrock_blocks import all_blocks, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

CASSETTES = Source(
    "github:pydantic/pydantic-ai@4fda3898 tests/models/cassettes/test_multimodal_tool_returns (bedrock_claude)",
    "2026-08-23",
)
COMMENTS = client("github:pydantic/pydantic-ai@4fda3898 models/bedrock.py (comment)", "2026-08-23")
LITELLM = client("litellm@1.110.2 litellm_core_utils/prompt_templates/factory.py (#31582)", "2026-11-30")
THINKING = Source(
    "https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html", "2026-08"
)
_NO_RESULTS = (
    "titan",
    "llama2",
    "llama3-8b-instruct-v1:0",
    "llama3-70b-instruct-v1:0",
    "nova-canvas",
    "nova-reel",
    "amazon.nova-sonic",
)


def is_claude(request: Request) -> bool:
    """Tell whether the model is one of Claude's."""
    return "anthropic." in request.model or claude(request.model).known


def tool_specs(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the tools that a request describes."""
    for index, tool in records(dig(request.get("toolConfig"), "tools")):
        if isinstance(tool.get("toolSpec"), dict):
            yield f"toolConfig.tools[{index}].toolSpec", tool["toolSpec"]


def _thinking(request: Request) -> Mapping[str, Any]:
    extra = record(request.get("additionalModelRequestFields"))
    return record(extra.get("thinking") or extra.get("reasoning_config"))


def _thinks(request: Request) -> bool:
    return is_claude(request) and _thinking(request).get("type") in ("enabled", "adaptive")


@rule(CASSETTES)
def videos_of_claude(request: Request) -> Findings:
    """Claude takes no video and no audio."""
    if is_claude(request):
        for place, block in all_blocks(request):
            for kind in ("video", "audio"):
                if block.get(kind) is not None:
                    yield (
                        place,
                        f"This model doesn't support the {kind} content block that you provided. Update the content block and try again",
                    )


@rule(CASSETTES)
def s3_of_claude(request: Request) -> Findings:
    """Claude takes no s3Location."""
    if is_claude(request):
        for place, block in all_blocks(request):
            for kind in ("image", "document"):
                if dig(block, kind, "source", "s3Location") is not None:
                    yield (
                        f"{place}.{kind}.source",
                        "This model doesn't support the s3Uri field. Remove s3Uri and try again",
                    )


@rule(COMMENTS)
def status_of_palmyra(request: Request) -> Findings:
    """Writer's Palmyra refuses toolResult.status."""
    if "writer.palmyra" in request.model:
        for place, block in blocks(request):
            if dig(block, "toolResult", "status") is not None:
                yield f"{place}.toolResult.status", "This model doesn't support the status field"


@rule(Source("recorded traffic bedrock-converse-a65f420c", "2026-08-23"))
def results_of_models_without_tools(request: Request) -> Findings:
    """Models without tools refuse toolResult, toolUse and toolConfig."""
    if any(name in request.model for name in _NO_RESULTS):
        for place, block in blocks(request):
            if block.get("toolResult") is not None or block.get("toolUse") is not None:
                yield (
                    place,
                    "Malformed input request: extraneous key [toolResult] is not permitted, please reformat your input and try again",
                )
        if request.has("toolConfig"):
            yield "toolConfig", "This model doesn't support tool use"


@rule(Source("recorded traffic bedrock-converse-a65f420c", "2026-08-23"))
def results_of_nova(request: Request) -> Findings:
    """Nova takes a toolResult only after a toolUse."""
    if "amazon.nova" not in request.model:
        return
    history = sequence(request.get("messages"))
    for index, message in records(history):
        before = history[index - 1] if index else None
        called = any(block.get("toolUse") is not None for _, block in records(record(before).get("content")))
        for number, block in records(message.get("content")):
            if block.get("toolResult") is not None and not called:
                yield (
                    f"messages[{index}].content[{number}]",
                    f"Malformed input request: #/messages/{index}/content/{number}: extraneous key [toolResult] is not permitted",
                )


@rule(COMMENTS)
def first_message(request: Request) -> Findings:
    """The conversation begins with the user, but for Claude and Qwen."""
    first = next(iter(sequence(request.get("messages"))), None)
    if dig(first, "role") == "assistant" and "qwen" not in request.model and not is_claude(request):
        yield (
            "messages[0].role",
            "A conversation must start with a user message. Try again with a conversation that starts with a user message",
        )


@rule(LITELLM)
def strict_tools(request: Request) -> Findings:
    """toolSpec.strict is Claude's, without Opus 4.7 and 4.8."""
    family = claude(request.model)
    refused = (request.model and not is_claude(request)) or (
        family.tier == "opus" and family.version in {(4, 7), (4, 8)}
    )
    for place, tool in tool_specs(request):
        if refused and tool.get("strict") is not None:
            yield f"{place}.strict", "This model doesn't support the strict field"


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/bedrock.py line 959", "2026-08-23"))
def effort_none(request: Request) -> Findings:
    """reasoning_effort none is not known on Bedrock."""
    extra = request.get("additionalModelRequestFields")
    if dig(extra, "reasoning_effort") == "none":
        yield "additionalModelRequestFields.reasoning_effort", "'none' is not accepted"


@rule(
    Source(
        "botocore@1.44.8 data/bedrock-runtime/2023-09-30/service-2.json shape OutputConfigEffortString", "2026-11-30"
    )
)
def effort_without_thinking(request: Request) -> Findings:
    """With thinking off effort is at most high."""
    if _thinking(request).get("type") == "disabled" and dig(request.get("outputConfig"), "effort") in ("xhigh", "max"):
        yield "outputConfig.effort", "with thinking disabled effort is at most 'high'"


@rule(THINKING)
def sampling_of_claude(request: Request) -> Findings:
    """With thinking temperature is 1 or absent and topP at least 0.95; from Claude 4.7 on both are refused."""
    config = record(request.get("inferenceConfig"))
    if not is_claude(request):
        return
    if claude(request.model).refuses_sampling:
        for name in ("temperature", "topP"):
            if config.get(name) is not None:
                yield f"inferenceConfig.{name}", f"`{name}` is not supported by this model"
    elif (
        claude(request.model).refuses_both_samplings
        and config.get("temperature") is not None
        and config.get("topP") is not None
    ):
        yield (
            "inferenceConfig.temperature",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one",
        )
    if _thinks(request) and config.get("temperature") not in (None, 1):
        yield "inferenceConfig.temperature", "`temperature` may only be set to 1 when thinking is enabled"


@rule(THINKING)
def thinking_of_claude(request: Request) -> Findings:
    """A budget of thinking is at least 1,024 and below maxTokens; forced tools exclude thinking."""
    if not _thinks(request):
        return
    budget, most = (
        amount(_thinking(request).get("budget_tokens")),
        amount(dig(request.get("inferenceConfig"), "maxTokens")),
    )
    place = "additionalModelRequestFields.thinking.budget_tokens"
    if budget is not None and budget < 1_024:
        yield place, "Input should be greater than or equal to 1024"
    if budget is not None and most is not None and budget >= most:
        yield place, "`max_tokens` must be greater than `thinking.budget_tokens`"
    wanted = record(dig(request.get("toolConfig"), "toolChoice"))
    if wanted.get("any") is not None or wanted.get("tool") is not None:
        yield "toolConfig.toolChoice", "Thinking may not be enabled when tool_choice forces tool use"
    if claude(request.model).refuses_budgets and _thinking(request).get("type") == "enabled":
        yield (
            "additionalModelRequestFields.thinking.type",
            "thinking with a budget is not supported for this model; use adaptive",
        )


RULES = (
    videos_of_claude,
    s3_of_claude,
    status_of_palmyra,
    results_of_models_without_tools,
    results_of_nova,
    first_message,
    strict_tools,
    effort_none,
    effort_without_thinking,
    sampling_of_claude,
    thinking_of_claude,
)
