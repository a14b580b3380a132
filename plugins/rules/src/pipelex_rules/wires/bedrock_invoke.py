"""InvokeModel of Amazon Bedrock, whose body is the model's own: what embeddings of Titan, Nova, Cohere and Marengo, and rerankers, refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import obj
from pipelex_rules.sources import Source
from pipelex_rules.values import record, sequence, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires.bedrock_blocks import SERVICE
from pipelex_rules.wires.judging import BEDROCK_RULES

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

_GUIDE = "https://docs.aws.amazon.com/bedrock/latest/userguide/"
TITAN = Source(f"{_GUIDE}model-parameters-titan-embed-text.html", "2026-11")
COHERE = Source("https://docs.cohere.com/reference/embed", "2026-11")
NOVA = Source("https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html", "2026-11")
MARENGO = Source(f"{_GUIDE}model-parameters-marengo-3.html", "2026-11")
TITAN_CHARACTERS, COHERE_TEXTS = 50_000, 96
TITAN_DIMENSIONS = (256, 512, 1024)
PURPOSES = ("search_document", "search_query", "classification", "clustering", "image")
CUTS = ("NONE", "START", "END")
NOVA_DIMENSIONS = (256, 384, 1024, 3072)
NOVA_PURPOSES = (
    *("GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL"),
    *("DOCUMENT_RETRIEVAL", "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING"),
)
NOVA_PARTS = ("text", "image", "audio", "video")
MARENGO_INPUTS = ("text", "image", "text_image", "audio", "video", "multi_input")


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


def _nova(request: Request) -> Any:
    """The parameters of an embedding of Nova; None for another model, and for a job on segments."""
    if "nova-2-multimodal-embeddings" not in request.model or request.get("taskType") == "SEGMENTED_EMBEDDING":
        return None
    return record(request.get("singleEmbeddingParams"))


@rule(NOVA)
def nova_task(request: Request) -> Findings:
    """An embedding of Nova has a task, and its parameters."""
    if "nova-2-multimodal-embeddings" in request.model:
        if request.get("taskType") not in {"SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING"}:
            yield "taskType", "required key [taskType] is SINGLE_EMBEDDING or SEGMENTED_EMBEDDING"
        elif _nova(request) == {}:
            yield "singleEmbeddingParams", "required key [singleEmbeddingParams] not found"


@rule(NOVA)
def nova_parameters(request: Request) -> Findings:
    """Nova's parameters have a purpose, one of four numbers of dimensions, and exactly one input."""
    wanted = _nova(request)
    if not wanted:
        return
    if wanted.get("embeddingPurpose") not in NOVA_PURPOSES:
        yield "singleEmbeddingParams.embeddingPurpose", f"one of {', '.join(NOVA_PURPOSES)}"
    if "embeddingDimension" in wanted and wanted["embeddingDimension"] not in NOVA_DIMENSIONS:
        yield "singleEmbeddingParams.embeddingDimension", f"{wanted['embeddingDimension']} is not a valid enum value"
    provided = [name for name in NOVA_PARTS if name in wanted]
    if len(provided) != 1:
        yield "singleEmbeddingParams", f"exactly one of {', '.join(NOVA_PARTS)}, not {len(provided)}"
    text = record(wanted.get("text"))
    if "text" in wanted and (text.get("truncationMode") not in CUTS or not (text.get("value") or text.get("source"))):
        yield "singleEmbeddingParams.text", f"a value or a source, and a truncationMode of {', '.join(CUTS)}"


@rule(MARENGO)
def marengo_input(request: Request) -> Findings:
    """An embedding of Marengo 3 says what its input is, and has it in a table of that name."""
    if "marengo-embed-3" in request.model:
        kind = request.get("inputType")
        if kind not in MARENGO_INPUTS:
            yield "inputType", f"inputType is one of {', '.join(MARENGO_INPUTS)}"
        elif kind == "text" and not string(record(request.get("text")).get("inputText")):
            yield "text.inputText", "required key [inputText] not found, or it is not text"


INVOKE = Wire(
    provider="bedrock",
    api="invoke",
    shape=obj(),
    rules=(
        titan_text,
        titan_dimensions,
        cohere_texts,
        cohere_purpose,
        cohere_cut,
        nova_task,
        nova_parameters,
        marengo_input,
        *BEDROCK_RULES,
    ),
    form=forms.bedrock,
    source=SERVICE.at("shape InvokeModelRequest"),
)
