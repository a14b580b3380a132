"""InvokeModel of Amazon Bedrock, whose body is the model's own: what embeddings of Titan and Cohere, and rerankers, refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import obj
from pipelex_rules.sources import Source
from pipelex_rules.values import sequence, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires.bedrock_blocks import SERVICE
from pipelex_rules.wires.judging import BEDROCK_RULES

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

_GUIDE = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
TITAN = Source(f"{_GUIDE}model-parameters-titan-embed-text.html", "2026-11").assumed()
COHERE = Source(f"{_GUIDE}model-parameters-embed.html", "2026-11").assumed()
TITAN_CHARACTERS, COHERE_TEXTS = 50_000, 96
TITAN_DIMENSIONS = (256, 512, 1024)
PURPOSES = ("search_document", "search_query", "classification", "clustering", "image")
CUTS = ("NONE", "START", "END")


def _is_titan(request: Request) -> bool:
    return "titan-embed-text" in request.model


def _is_cohere(request: Request) -> bool:
    return "cohere.embed" in request.model


@rule(TITAN)
def titan_text(request: Request) -> Findings:
    """An embedding of Titan is of one text, of 50,000 characters at most."""
    if _is_titan(request):
        text = string(request.get("inputText"))
        if not text:
            yield "inputText", "required key [inputText] not found, or it is not text"
        elif len(text) > TITAN_CHARACTERS:
            yield "inputText", f"expected maxLength: {TITAN_CHARACTERS}, actual: {len(text)}"


@rule(TITAN)
def titan_dimensions(request: Request) -> Findings:
    """Titan's second model has 256, 512 or 1,024 dimensions; the first one takes none."""
    if _is_titan(request) and request.has("dimensions"):
        if "-v1" in request.model:
            yield "dimensions", "extraneous key [dimensions] is not permitted"
        elif request.get("dimensions") not in TITAN_DIMENSIONS:
            yield "dimensions", f"{request.get('dimensions')} is not a valid enum value"


@rule(COHERE)
def cohere_texts(request: Request) -> Findings:
    """An embedding of Cohere has 96 texts at most."""
    if _is_cohere(request) and len(sequence(request.get("texts"))) > COHERE_TEXTS:
        yield "texts", f"expected maximum item count: {COHERE_TEXTS}, found: {len(sequence(request.get('texts')))}"


@rule(COHERE)
def cohere_purpose(request: Request) -> Findings:
    """Cohere's models want to know what the vectors are for."""
    if _is_cohere(request) and request.get("input_type") not in PURPOSES:
        yield "input_type", f"input_type is required, one of {', '.join(PURPOSES)}"


@rule(COHERE)
def cohere_cut(request: Request) -> Findings:
    """Texts are cut at their start or end, or not at all."""
    if _is_cohere(request) and request.has("truncate") and request.get("truncate") not in CUTS:
        yield "truncate", f"truncate is one of {', '.join(CUTS)}"


INVOKE = Wire(
    provider="bedrock",
    api="invoke",
    shape=obj(),
    rules=(titan_text, titan_dimensions, cohere_texts, cohere_purpose, cohere_cut, *BEDROCK_RULES),
    form=forms.bedrock,
    source=SERVICE.at("shape InvokeModelRequest"),
)
