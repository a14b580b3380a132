"""Moderation and reranking: OpenAI's and Mistral's classifiers, and `/rerank` as Cohere, Jina, Voyage, vLLM and TEI have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, either, integer, listing, obj, tagged, text
from pipelex_rules.sources import Source
from pipelex_rules.values import sequence, strings
from pipelex_rules.wire import Wire

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

OPENAI = Source("openai@3.57.0 types/moderation_create_params.py", "2026-11-30")
MISTRAL = Source("mistralai@3.7.0 client/models/classificationrequest.py", "2026-11-30")
COHERE = Source("https://docs.cohere.com/reference/rerank", "2026-11")
VOYAGE = Source("https://docs.voyageai.com/reference/reranker-api", "2026-11")
TEI = Source("https://huggingface.github.io/text-embeddings-inference/ (POST /rerank)", "2026-11")
DOCUMENTS = 1_000

_IMAGE = obj("image_url", image_url=obj("url", url=text(1), closed=True))
_PART = tagged(shapes={"text": obj("text", text=TEXT), "image_url": _IMAGE})
MODERATIONS = Wire(
    provider="openai",
    api="moderations",
    shape=obj(
        "input", closed=True, model=TEXT, input=either(TEXT, listing(TEXT, at_least=1), listing(_PART, at_least=1))
    ),
    form=forms.openai,
    source=OPENAI,
)
MISTRAL_MODERATIONS = Wire(
    provider="mistral",
    api="moderations",
    shape=obj("model input", closed=True, model=text(1), input=either(TEXT, listing(TEXT)), metadata=OBJECT),
    form=forms.mistral,
    source=MISTRAL,
)


@rule(COHERE)
def documents_or_texts(request: Request) -> Findings:
    """A ranking has documents, or texts at Text Embeddings Inference, and at least one."""
    if not sequence(request.get("documents")) and not sequence(request.get("texts")):
        yield "documents", "at least one document must be given"


@rule(COHERE)
def document_count(request: Request) -> Findings:
    """At most 1,000 documents a request."""
    count = len(sequence(request.get("documents")))
    if count > DOCUMENTS:
        yield "documents", f"{count} documents exceed the limit of {DOCUMENTS}"


@rule(COHERE)
def blank_query(request: Request) -> Findings:
    """A query is not blank."""
    query = request.get("query")
    if isinstance(query, str) and not query.strip():
        yield "query", "query must not be blank"


@rule(VOYAGE)
def one_limit_of_results(request: Request) -> Findings:
    """top_n, and Voyage's top_k, exclude each other."""
    if request.has("top_n") and request.has("top_k"):
        yield "top_k", "top_n and top_k exclude each other"


@rule(TEI)
def texts_alone(request: Request) -> Findings:
    """Documents and texts exclude each other: they are the same at different servers."""
    if request.has("documents") and request.has("texts"):
        yield "texts", "documents and texts exclude each other"


_DOCUMENT = either(TEXT, OBJECT)
RERANK = Wire(
    provider="compatible",
    api="rerank",
    shape=obj(
        "query",
        model=text(1),
        query=TEXT,
        documents=listing(_DOCUMENT),
        texts=listing(TEXT),
        top_n=integer(1),
        top_k=integer(1),
        return_documents=BOOLEAN,
        return_text=BOOLEAN,
        raw_scores=BOOLEAN,
        truncation=BOOLEAN,
        max_tokens_per_doc=integer(1),
        priority=integer(0, 999),
    ),
    rules=(documents_or_texts, document_count, blank_query, one_limit_of_results, texts_alone),
    form=forms.openai,
    source=COHERE,
)


_BEDROCK = Source(
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html", "2026-11"
).assumed()


@rule(_BEDROCK)
def bedrock_documents(request: Request) -> Findings:
    """A ranking of InvokeModel has a query, and 1 to 1,000 documents."""
    if ".rerank" not in request.model:
        return
    if not isinstance(request.get("query"), str) or not request.get("query"):
        yield "query", "required key [query] not found, or it is empty"
    count = len(sequence(request.get("documents")))
    if not 1 <= count <= DOCUMENTS:
        yield "documents", f"expected 1 to {DOCUMENTS} items, found: {count}"
    if any(not item.strip() for item in strings(sequence(request.get("documents")))):
        yield "documents", "a document must not be blank"


@rule(_BEDROCK)
def bedrock_results(request: Request) -> Findings:
    """A ranking of InvokeModel has 1 to as many results as documents."""
    wanted = request.get("top_n")
    if ".rerank" in request.model and wanted is not None:
        count = len(sequence(request.get("documents")))
        if not isinstance(wanted, int) or not 1 <= wanted <= max(count, 1):
            yield "top_n", f"top_n is 1 to the number of documents, {count}"


@rule(_BEDROCK)
def bedrock_cohere_version(request: Request) -> Findings:
    """Cohere's rerankers want api_version 2; Amazon's has none."""
    if "cohere.rerank" in request.model and request.get("api_version") != 2:
        yield "api_version", "required key [api_version] not found, or it is not 2"
    if "amazon.rerank" in request.model and request.has("api_version"):
        yield "api_version", "extraneous key [api_version] is not permitted"


BEDROCK_RULES = (bedrock_documents, bedrock_results, bedrock_cohere_version)
