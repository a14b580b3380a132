"""Gemini's embeddings, one and many."""

from __future__ import annotations

from pipelex_rules import forms
from pipelex_rules.shapes import TEXT, choice, integer, listing, obj
from pipelex_rules.sources import Source
from pipelex_rules.wire import Wire
from pipelex_rules.wires import gemini_contents as contents
from pipelex_rules.wires.gemini import camel_case
from pipelex_rules.wires.gemini_shapes import SPECIFICATION

_EMBED = obj(
    "content",
    content=contents.CONTENT,
    model=TEXT,
    taskType=choice(
        "TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY"
    ),
    title=TEXT,
    outputDimensionality=integer(1, 3_072),
    closed=False,
)


EMBED = Wire(
    provider="google", api="embedContent", shape=_EMBED, form=forms.google, source=SPECIFICATION, normalise=camel_case
)


_TEXTS = Source("google-ai-generativelanguage@0.12.1 v1beta types/text_service.py", "2026-11-30")


BATCH_EMBED = Wire(
    provider="google",
    api="embeddings",
    form=forms.google,
    source=SPECIFICATION,
    normalise=camel_case,
    shape=obj("requests", requests=listing(_EMBED, at_least=1, at_most=100, source=_TEXTS), model=TEXT),
)
