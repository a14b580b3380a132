"""xAI: OpenAI's chat completions, Responses and images, with what Grok refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import decoded_size, split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.schemas.others import xai_rules
from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, records, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import openai_chat, openai_chat_messages, openai_responses_items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SDK = Source("xai_sdk@1.21.0 chat.py", "2026-11-30")
REASONING = Source("https://docs.x.ai/docs/guides/reasoning", "2026")
PARAMETERS = thread("https://github.com/mnfst/modelparams.dev/pull/330", "2026-08-31")
IMAGE_BYTES = 20 * 1024 * 1024

BODY = openai_chat.open_body(
    model=text(1),
    messages=listing(
        openai_chat_messages.open_message(), at_least=1, source=client("xai_sdk@1.21.0 chat.py line 444", "2026-11-30")
    ),
    n=integer(1),
    top_logprobs=integer(0, 8),
    temperature=number(0, 2),
    stop=either(TEXT, listing(TEXT, at_most=4, source=SDK)),
    tools=listing(
        tagged(shapes={"function": obj("function", function=obj("name", name=text(1)))}, open=True),
        at_most=128,
        source=SDK,
    ),
    reasoning_effort=choice("none minimal low medium high xhigh"),
    tool_choice=either(choice("auto none required"), OBJECT),
    search_parameters=OBJECT,
    deferred=BOOLEAN,
).but(required=frozenset({"model", "messages"}))


@rule(SDK)
def top_logprobs_without_logprobs(requested: Request) -> Findings:
    """top_logprobs needs logprobs true."""
    if requested.has("top_logprobs") and requested.get("logprobs") is not True:
        yield "top_logprobs", "top_logprobs needs logprobs"


@rule(REASONING)
def penalties_of_reasoning_models(requested: Request) -> Findings:
    """grok-4 and later refuse presence_penalty and frequency_penalty, 0 too; so does grok-3-mini."""
    if requested.model.startswith(("grok-4", "grok-5", "grok-3-mini")):
        for name in ("presence_penalty", "frequency_penalty"):
            if requested.has(name):
                yield name, f"Model {requested.model[:60]} does not support parameter {name}"


@rule(REASONING)
def stop_of_reasoning_models(requested: Request) -> Findings:
    """grok-4.6 and grok-3-mini refuse stop."""
    if requested.has("stop") and requested.model.startswith(("grok-4.6", "grok-3-mini", "grok-4-0709")):
        yield "stop", f"Model {requested.model[:60]} does not support parameter stop"


def _effort(requested: Request) -> tuple[str, object]:
    nested = dig(requested.get("reasoning"), "effort")
    return (
        ("reasoning.effort", nested) if nested is not None else ("reasoning_effort", requested.get("reasoning_effort"))
    )


@rule(thread("https://github.com/chenyme/grok2api/issues/814", "2026-07-28"))
def effort_of_fixed_models(requested: Request) -> Findings:
    """grok-4.20 reasoning and non-reasoning refuse any effort."""
    place, wanted = _effort(requested)
    if wanted is not None and requested.model.startswith("grok-4.20") and requested.model.endswith("reasoning"):
        yield place, f"Model {requested.model[:60]} does not support parameter reasoningEffort"


@rule(PARAMETERS)
def highest_effort(requested: Request) -> Findings:
    """Xhigh is known to grok-4.6 and later, and to multi-agent models."""
    place, wanted = _effort(requested)
    newer = (
        requested.model.startswith(("grok-4.6", "grok-4.7", "grok-4.8", "grok-4.9", "grok-5"))
        or "multi-agent" in requested.model
    )
    if wanted == "xhigh" and not newer:
        yield place, f"Model {requested.model[:60]} does not support reasoning effort xhigh"


@rule(SDK)
def image_types(requested: Request) -> Findings:
    """Images are PNG or JPEG, at most 20 MiB."""
    for place, part in openai_chat_messages.parts(requested, "image_url"):
        yield from _image(f"{place}.image_url.url", string(dig(part, "image_url", "url")))


def _image(place: str, url: str) -> Findings:
    found = split_data_url(url)
    if found is not None:
        if found[0] not in ("image/png", "image/jpeg", "image/jpg"):
            yield place, f"image type '{found[0][:60]}' is not supported: use PNG or JPEG"
        if decoded_size(found[1]) > IMAGE_BYTES:
            yield place, "the image has more than 20 MiB"
        return
    path = url.partition("?")[0].lower()
    if path.endswith((".webp", ".gif", ".tiff", ".tif", ".bmp", ".svg", ".heic", ".avif")):
        yield place, "images are PNG or JPEG"


@rule(REASONING)
def effort_of_grok_4(requested: Request) -> Findings:
    """grok-4 takes no effort; later models do."""
    place, wanted = _effort(requested)
    if wanted is not None and requested.model in {"grok-4", "grok-4-0709", "grok-4-latest"}:
        yield place, f"Model {requested.model[:60]} does not support parameter reasoningEffort"


def _schemas(requested: Request) -> Iterator[tuple[str, Any]]:
    schema = dig(requested.get("response_format"), "json_schema", "schema") or dig(
        requested.get("text"), "format", "schema"
    )
    if schema is not None:
        yield "response_format.json_schema.schema", schema


RULES = (
    openai_chat_messages.arguments_are_text,
    top_logprobs_without_logprobs,
    penalties_of_reasoning_models,
    stop_of_reasoning_models,
    effort_of_fixed_models,
    highest_effort,
    effort_of_grok_4,
    image_types,
    openai_chat.tool_choice_names_a_tool,
    openai_chat_messages.calls_are_answered,
    openai_chat_messages.results_follow_calls,
    *xai_rules(_schemas),
)
CHAT = openai_chat.CHAT.of("xai", shape=BODY, rules=RULES, form=forms.xai, source=SDK)

_RESPONSES_BODY = obj(
    "model",
    model=text(1),
    input=either(TEXT, listing(OBJECT, at_least=1)),
    tools=listing(OBJECT, at_most=128),
    temperature=number(0, 2),
    top_p=number(0, 1),
    store=BOOLEAN,
    stream=BOOLEAN,
    max_output_tokens=integer(1),
)
RESPONSES = Wire(
    provider="xai",
    api="responses",
    shape=_RESPONSES_BODY,
    form=forms.xai,
    source=Source("https://docs.x.ai/docs/api-reference#create-new-response", "2026-08"),
    rules=(
        effort_of_fixed_models,
        highest_effort,
        penalties_of_reasoning_models,
        openai_responses_items.outputs_follow_calls,
        *xai_rules(_schemas),
    ),
)


@rule(SDK)
def batch_ids_are_unique(requested: Request) -> Findings:
    """batch_request_id is unique in the batch."""
    seen: set[str] = set()
    for index, request in records(requested.get("requests") or requested.get("batch_requests")):
        name = string(request.get("batch_request_id"))
        if name and name in seen:
            yield f"requests[{index}].batch_request_id", f"the batch_request_id '{name[:60]}' is not unique"
        seen.add(name)


BATCH = Wire(provider="xai", api="batch", shape=OBJECT, rules=(batch_ids_are_unique,), form=forms.xai, source=SDK)
