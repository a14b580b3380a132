"""Azure OpenAI: OpenAI's APIs, with limits of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.rule import rule
from pipelex_rules.schemas.walk import object_levels, walk
from pipelex_rules.shapes import OBJECT, choice, listing, obj
from pipelex_rules.sources import Source
from pipelex_rules.values import dig, record, sequence, size_of
from pipelex_rules.wires import (
    openai_chat,
    openai_chat_messages,
    openai_chat_shapes,
    openai_images,
    openai_others,
    openai_responses,
)

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

QUOTAS = Source("https://learn.microsoft.com/azure/ai-services/openai/quotas-limits", "2025")
ON_YOUR_DATA = Source("https://learn.microsoft.com/azure/ai-services/openai/references/on-your-data", "2025")


@rule(ON_YOUR_DATA)
def data_sources_alone(request: Request) -> Findings:
    """data_sources excludes tools of newer models' structured output."""
    if request.has("data_sources") and request.has("response_format"):
        yield "response_format", "response_format is not supported with data_sources"


SCHEMAS = Source(
    "https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs#supported-schemas-and-limitations",
    "2026-11",
)
PROPERTIES, LEVELS = 100, 5


@rule(SCHEMAS)
def smaller_schemas(request: Request) -> Findings:
    """A strict schema has at most 100 properties and 5 levels."""
    for place, schema in openai_chat.strict_schemas(request):
        count = sum(len(record(node.schema.get("properties"))) for node in walk(schema, place))
        if count > PROPERTIES:
            yield place, f"expected at most {PROPERTIES} properties, but got {count}"
        levels = object_levels(schema)
        if levels > LEVELS:
            yield place, f"expected at most {LEVELS} levels of nesting, but got {levels}"


_MESSAGES = listing(openai_chat_messages.MESSAGE, at_least=1, at_most=2_048, source=QUOTAS)
# The deployment in the path names the model, so that the body need not.
_BODY = openai_chat_shapes.BODY.having(
    drop="model",
    model=openai_chat_shapes.BODY.fields["model"],
    messages=_MESSAGES,
    data_sources=listing(OBJECT),
    enhancements=OBJECT,
)
CHAT = openai_chat.CHAT.of("azure_openai", shape=_BODY, rules=(*openai_chat.RULES, data_sources_alone, smaller_schemas))
FOUNDRY = CHAT.of(
    "azure_openai",
    api="foundry",
    shape=obj("messages", fields={"messages": listing(openai_chat_messages.open_message(), at_least=1)}),
    rules=openai_chat.COMMON[:4],
)
RESPONSES = openai_responses.RESPONSES.of("azure_openai")
IMAGES = openai_images.IMAGES.of("azure_openai")
IMAGE_EDITS = openai_images.IMAGE_EDITS.of("azure_openai")
_EMBEDDINGS = openai_others.EMBEDDINGS_BODY.having(drop="model", model=openai_others.EMBEDDINGS_BODY.fields["model"])
EMBEDDINGS = openai_others.EMBEDDINGS.of("azure_openai", shape=_EMBEDDINGS)
SPEECH = openai_others.SPEECH.of("azure_openai")
TRANSCRIPTION = openai_others.TRANSCRIPTION.of("azure_openai")
BATCHES = Source("https://learn.microsoft.com/azure/ai-services/openai/how-to/batch", "2026-11")
LINES = 100_000


@rule(BATCHES)
def lines_of_a_batch(request: Request) -> Findings:
    """A batch file has at most 100,000 requests and 200 MB."""
    file = request.get("input_file")
    count = len(sequence(dig(file, "requests")) or sequence(file))
    if count > LINES:
        yield "input_file", f"{count} requests exceed the limit of {LINES}"
    if size_of(file) > openai_others.BATCH_MEGABYTES * 1024 * 1024:
        yield "input_file", f"the file is larger than {openai_others.BATCH_MEGABYTES} MB"


BATCH = openai_others.BATCH.of(
    "azure_openai",
    shape=openai_others.BATCH_BODY.having(
        endpoint=choice("/chat/completions /v1/chat/completions /responses /v1/responses /embeddings /v1/embeddings"),
    ),
    rules=(lines_of_a_batch, openai_others.ids_of_a_batch_are_unique),
    source=BATCHES,
)
FILES = openai_others.FILES.of("azure_openai")
