"""Mistral's OCR, embeddings, batches and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import decoded_size, pages, split_data_url
from pipelex_rules.rule import rule
from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    OBJECT,
    TEXT,
    choice,
    either,
    integer,
    listing,
    mapping,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source
from pipelex_rules.values import dig, size_of, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires.mistral_chat import LIMITS, SPECIFICATION
from pipelex_rules.wires.mistral_chat_shapes import RESPONSE_FORMAT

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

OCR_PAGE = Source(
    "github:mistralai/platform-docs-public public/studio-api/document-processing/basic_ocr.md@222f4ba", "2026-08-21"
)
ANNOTATIONS = Source(
    "github:mistralai/platform-docs-public public/studio-api/document-processing/annotations.md@222f4ba", "2026-08-21"
)
DOCUMENT_BYTES, PAGES, FILE_BYTES, LINES = 50 * 1024 * 1024, 1_000, 512 * 1024 * 1024, 10_000

_ADDRESS = either(text(1), obj("url", url=text(1), detail=choice("low auto high"), closed=True))
DOCUMENT = tagged(
    shapes={
        "document_url": obj("document_url", type=TEXT, document_url=text(1), document_name=TEXT, closed=True),
        "image_url": obj("image_url", type=TEXT, image_url=_ADDRESS, closed=True),
        "file": obj("file_id", type=TEXT, file_id=text(1), closed=True),
    },
)
OCR_BODY = obj(
    "document",
    closed=True,
    model=TEXT,
    id=TEXT,
    document=DOCUMENT,
    pages=either(TEXT, listing(integer(0))),
    include_image_base64=BOOLEAN,
    image_limit=integer(0),
    image_min_size=integer(0),
    bbox_annotation_format=RESPONSE_FORMAT,
    document_annotation_format=RESPONSE_FORMAT,
    document_annotation_prompt=TEXT,
    table_format=choice("markdown html"),
    extract_header=BOOLEAN,
    extract_footer=BOOLEAN,
    include_blocks=BOOLEAN,
    confidence_scores_granularity=choice("word page block"),
)


def _provided(request: Request) -> tuple[str, str] | None:
    document = request.get("document")
    url = dig(document, "document_url") or dig(document, "image_url", "url") or dig(document, "image_url")
    return split_data_url(string(url))


@rule(OCR_PAGE)
def document_bytes(request: Request) -> Findings:
    """A document has at most 50 MB."""
    found = _provided(request)
    if found is not None and decoded_size(found[1]) > DOCUMENT_BYTES:
        yield "document", "the document has more than 50 MB"


@rule(OCR_PAGE)
def document_pages(request: Request) -> Findings:
    """A document has at most 1,000 pages."""
    found = _provided(request)
    count = pages(found[1]) if found is not None and "pdf" in found[0] else None
    if count is not None and count > PAGES:
        yield "document", f"the document has {count} pages, at most {PAGES}"


@rule(ANNOTATIONS)
def prompt_has_its_format(request: Request) -> Findings:
    """document_annotation_prompt needs document_annotation_format."""
    if request.has("document_annotation_prompt") and not request.has("document_annotation_format"):
        yield "document_annotation_prompt", "document_annotation_prompt needs document_annotation_format"


@rule(SPECIFICATION, status=422)
def annotation_has_its_schema(request: Request) -> Findings:
    """An annotation format of type json_schema has its schema."""
    for name in ("document_annotation_format", "bbox_annotation_format"):
        wanted = request.get(name)
        if dig(wanted, "type") == "json_schema" and dig(wanted, "json_schema") is None:
            yield f"{name}.json_schema", "json_schema must be provided when type is json_schema"


OCR = Wire(
    provider="mistral",
    api="ocr",
    shape=OCR_BODY,
    form=forms.mistral,
    source=SPECIFICATION,
    rules=(document_bytes, document_pages, prompt_has_its_format, annotation_has_its_schema),
)

EMBEDDINGS_BODY = obj(
    "model input",
    closed=True,
    model=text(1),
    input=either(text(), listing(TEXT)),
    metadata=OBJECT,
    output_dimension=integer(1),
    output_dtype=choice("float int8 uint8 binary ubinary"),
    encoding_format=choice("float base64"),
)
EMBEDDINGS = Wire(provider="mistral", api="embeddings", shape=EMBEDDINGS_BODY, form=forms.mistral, source=SPECIFICATION)

BATCH_BODY = obj(
    closed=True,
    endpoint=choice(
        "/v1/chat/completions /v1/embeddings /v1/fim/completions /v1/moderations /v1/chat/moderations /v1/ocr"
        " /v1/classifications /v1/chat/classifications /v1/conversations /v1/audio/transcriptions",
        source=Source("mistralai@3.7.0 client/models/apiendpoint.py", "2026-11-30").assumed(),
    ),
    input_files=listing(TEXT, at_least=1),
    requests=listing(obj("body", body=OBJECT, custom_id=TEXT), at_most=LINES),
    model=TEXT,
    agent_id=TEXT,
    metadata=mapping(text(1, 512), keys=r"(?s).{1,64}"),
    timeout_hours=integer(1, 168),
)


@rule(SPECIFICATION, status=422)
def files_or_requests(request: Request) -> Findings:
    """A batch has input_files or requests, not both."""
    if request.get("input_files") and request.get("requests"):
        yield "requests", "input_files and requests exclude each other"


@rule(SPECIFICATION, status=422)
def model_or_agent(request: Request) -> Findings:
    """A batch has a model or an agent, not both."""
    if request.get("model") and request.get("agent_id"):
        yield "agent_id", "model and agent_id exclude each other"


BATCH = Wire(
    provider="mistral",
    api="batch",
    shape=BATCH_BODY,
    rules=(files_or_requests, model_or_agent),
    form=forms.mistral,
    source=SPECIFICATION,
)


@rule(LIMITS)
def file_bytes(request: Request) -> Findings:
    """A file has at most 512 MB."""
    if size_of(request.get("file")) > FILE_BYTES:
        yield "file", "the file has more than 512 MB"


FILES_BODY = obj(file=ANY, purpose=choice("fine-tune batch ocr audio"))
FILES = Wire(
    provider="mistral", api="files", shape=FILES_BODY, rules=(file_bytes,), form=forms.mistral, source=SPECIFICATION
)
