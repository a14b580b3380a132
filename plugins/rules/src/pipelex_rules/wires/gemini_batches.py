"""Gemini's `batchGenerateContent`: requests inline, or in a file of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import INTEGER, OBJECT, TEXT, listing, obj, text, union
from pipelex_rules.sources import Source
from pipelex_rules.values import encoded_size
from pipelex_rules.wire import Wire
from pipelex_rules.wires.gemini import camel_case

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

PAGE = Source("https://ai.google.dev/gemini-api/docs/batch-api", "2026-11")
MEGABYTES = 20


@rule(PAGE)
def inline_bytes(requested: Request) -> Findings:
    """Inline requests have at most 20 MB in all."""
    size = requested.size if requested.size is not None else encoded_size(requested.body)
    if size > MEGABYTES * 1024 * 1024:
        yield "batch.inputConfig.requests", f"inline requests exceed {MEGABYTES} MB: upload a file"


_REQUEST = obj("request", request=obj("contents", contents=listing(OBJECT, at_least=1)), metadata=OBJECT)
BATCH = Wire(
    provider="google",
    api="batch",
    shape=obj(
        "batch",
        batch=obj(
            "inputConfig",
            displayName=TEXT,
            model=TEXT,
            priority=INTEGER,
            inputConfig=union(
                requests=obj("requests", requests=listing(_REQUEST, at_least=1)), fileName=text(pattern=r"files/.+")
            ),
        ),
    ),
    rules=(inline_bytes,),
    form=forms.google,
    source=PAGE,
    normalise=camel_case,
)
