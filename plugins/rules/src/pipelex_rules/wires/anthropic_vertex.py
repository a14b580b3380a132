"""Claude on Vertex AI: the Messages API behind `rawPredict` and `streamRawPredict`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.rule import rule
from pipelex_rules.shapes import text
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, encoded_size, size_of, string
from pipelex_rules.wires import anthropic_blocks as blocks
from pipelex_rules.wires.anthropic_messages import MESSAGES, request_bytes
from pipelex_rules.wires.anthropic_messages_shapes import BODY

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

PAGE = Source("https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai", "2026-11-30")
VISION = Source("https://platform.claude.com/docs/en/build-with-claude/vision", "2026-11-30")
MEGABYTES, IMAGE_BYTES = 30, 5 * 1024 * 1024
_SAMPLING = ("temperature", "top_p", "top_k")
_OF_SAMPLING = "vertex-2023-10-16"


@rule(Source("https://platform.claude.com/docs/en/api/migration-2026-10-21", "2026-10-21"))
def sampling_of_the_version(request: Request) -> Findings:
    """Only anthropic_version vertex-2023-10-16 takes temperature, top_p and top_k."""
    if request.get("anthropic_version") == _OF_SAMPLING:
        return
    for name in _SAMPLING:
        if request.has(name):
            yield name, "Extra inputs are not permitted"


@rule(VISION)
def vertex_image_bytes(request: Request) -> Findings:
    """An image has at most 5 MB of base64."""
    for place, block in blocks.all_blocks(request):
        length = size_of(dig(block, "source", "data"))
        if block.get("type") == "image" and length > IMAGE_BYTES:
            yield f"{place}.source.data", f"image exceeds 5 MB maximum: {length} bytes > {IMAGE_BYTES} bytes"


@rule(PAGE, status=413)
def vertex_request_bytes(request: Request) -> Findings:
    """A request has at most 30 MB."""
    size = request.size if request.size is not None else encoded_size(request.body)
    if size > MEGABYTES * 1024 * 1024:
        yield "", "request exceeds the maximum size"


@rule(
    client(
        "litellm@1.110.2 llms/anthropic/chat/transformation.py, which turns addresses into data for Vertex AI",
        "2026-11-30",
    )
)
def no_files_of_the_api(request: Request) -> Findings:
    """Sources are base64 or text: Vertex AI has no files, and fetches no URL of an image or document."""
    for place, block in blocks.all_blocks(request):
        kind = string(dig(block, "source", "type"))
        if kind in {"file", "url"}:
            yield f"{place}.source.type", f"source type '{kind}' is not supported"


@rule(thread("https://github.com/anthropics/anthropic-sdk-python/issues/1188", "2026-08-17"))
def structured_outputs_by_policy(request: Request) -> Findings:
    """output_config.format is refused until the organisation's policy allows it, which by default it does not."""
    if dig(request.get("output_config"), "format") is not None:
        yield "output_config.format", "Extra inputs are not permitted"


RAW_PREDICT = MESSAGES.of(
    "anthropic",
    api="rawPredict",
    source=PAGE,
    shape=BODY.having(drop="model", required="anthropic_version", anthropic_version=text(1)),
    rules=(
        *(each for each in MESSAGES.rules if each is not request_bytes),
        sampling_of_the_version,
        vertex_image_bytes,
        vertex_request_bytes,
        no_files_of_the_api,
        structured_outputs_by_policy,
    ),
)
