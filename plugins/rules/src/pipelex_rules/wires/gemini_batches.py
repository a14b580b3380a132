"""Gemini's `batchGenerateContent` and `asyncBatchEmbedContent`: requests inline, or in a file of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import INTEGER, OBJECT, TEXT, listing, obj, text, union
from pipelex_rules.sources import Source
from pipelex_rules.values import encoded_size
from pipelex_rules.wire import Wire
from pipelex_rules.wires.gemini import camel_case
from pipelex_rules.wires.gemini_embeddings import EMBED

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request
    from pipelex_rules.shapes import Shape

PAGE = Source("https://ai.google.dev/gemini-api/docs/batch-api", "2026-11")
MEGABYTES = 20


@rule(PAGE)
def inline_bytes(requested: Request) -> Findings:
    """Inline requests have at most 20 MB in all."""
    size = requested.size if requested.size is not None else encoded_size(requested.body)
    if size > MEGABYTES * 1024 * 1024:
        yield "batch.inputConfig.requests", f"inline requests exceed {MEGABYTES} MB: upload a file"


def _batch(request: Shape) -> Shape:
    """A batch of such requests, each with metadata of its own."""
    inlined = obj("request", request=request, metadata=OBJECT)
    return obj(
        "batch",
        batch=obj(
            "inputConfig",
            displayName=TEXT,
            model=TEXT,
            priority=INTEGER,
            inputConfig=union(
                requests=obj("requests", requests=listing(inlined, at_least=1)), fileName=text(pattern=r"files/.+")
            ),
        ),
    )


BATCH = Wire(
    provider="google",
    api="batch",
    shape=_batch(obj("contents", contents=listing(OBJECT, at_least=1))),
    rules=(inline_bytes,),
    form=forms.google,
    source=PAGE,
    normalise=camel_case,
)
BATCH_EMBEDDINGS = Wire(
    provider="google",
    api="batchEmbeddings",
    shape=_batch(EMBED.shape),
    rules=(inline_bytes,),
    form=forms.google,
    source=PAGE,
    normalise=camel_case,
)
