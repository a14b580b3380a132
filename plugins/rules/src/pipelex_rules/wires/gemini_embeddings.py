"""Gemini's embeddings, one and many; and `predict` of Vertex AI, which the older models have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import BOOLEAN, TEXT, choice, integer, listing, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import dig, records, sequence, string, words_in
from pipelex_rules.wire import Wire
from pipelex_rules.wires import gemini_contents as contents
from pipelex_rules.wires.gemini import camel_case
from pipelex_rules.wires.gemini_shapes import SPECIFICATION

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

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


_PREDICT = Source(
    "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api", "2026-11"
)
_TASKS = choice(
    "RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING"
    " FACT_VERIFICATION CODE_RETRIEVAL_QUERY"
)
_INSTANCE = obj("content", content=text(1), task_type=_TASKS, taskType=_TASKS, title=TEXT)
MOST_TEXTS, WORDS = 250, 20_000


@rule(_PREDICT)
def texts_of_predict(request: Request) -> Findings:
    """At most 250 texts of 20,000 tokens in all; gemini-embedding-001 takes one."""
    instances = sequence(request.get("instances"))
    most = 1 if request.model.startswith("gemini-embedding") else MOST_TEXTS
    if len(instances) > most:
        yield "instances", f"{len(instances)} instance(s) is more than the max of {most}"
    if sum(words_in(string(dig(each, "content"))) for each in instances) > WORDS:
        yield "instances", f"the input token count exceeds {WORDS}"


@rule(_PREDICT)
def titles_of_documents(request: Request) -> Findings:
    """A title needs the task RETRIEVAL_DOCUMENT."""
    for index, instance in records(request.get("instances")):
        task = instance.get("task_type", instance.get("taskType"))
        if instance.get("title") and task != "RETRIEVAL_DOCUMENT":
            yield f"instances[{index}].title", "title is only valid with task_type RETRIEVAL_DOCUMENT"


PREDICT = Wire(
    provider="google",
    api="predict",
    form=forms.google,
    source=_PREDICT,
    rules=(texts_of_predict, titles_of_documents),
    shape=obj(
        "instances",
        instances=listing(_INSTANCE, at_least=1),
        parameters=obj(outputDimensionality=integer(1, 3_072), autoTruncate=BOOLEAN),
    ),
)
