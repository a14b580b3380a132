"""Reranking in this process: the real embeddings' cosine, named as such, and what it does with texts of all kinds."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_llamacpp._settings import engine_settings
from pipelex_backend_llamacpp.models import cache_folder
from pipelex_core import Client, errors
from pipelex_core.config.starter import starter_tables
from pipelex_core.judging import RerankRequest
from pipelex_core.plugins import discover
from pipelex_core.specs import BackendConfig, ModelSpec
from tests.plugins.test_llamacpp_embeddings import SPEC as EMBEDDING
from tests.plugins.test_llamacpp_embeddings import cosine, embed
from tests.support.llamacpp import need, opened
from tests.support.passages import PASSAGES, QUERIES

if TYPE_CHECKING:
    from pathlib import Path

NAME = "all-minilm-l6-v2-similarity"
SPEC = ModelSpec(
    name=NAME,
    backend="llamacpp",
    sdk="llamacpp",
    model_id="all-minilm-l6-v2",
    model_type="reranker",
    context_window=512,
)


def rerank(*requests: tuple[str, tuple[str, ...]], top_n: int | None = None) -> list[Any]:
    """The answers of the real model, one after the other."""
    need(SPEC.model_id)

    async def main() -> list[Any]:
        async with opened() as backend:
            return [
                await backend.rerank(RerankRequest(spec=SPEC, query=query, documents=documents, top_n=top_n))
                for query, documents in requests
            ]

    return asyncio.run(main())


def test_the_passage_that_answers_is_first_in_12_of_12_cases() -> None:
    """The plugin's page tells the figure, and that the set is easy."""
    answers = rerank(*((query, PASSAGES) for query, _ in QUERIES))
    assert sum(answer.ranking[0].index == right for answer, (_, right) in zip(answers, QUERIES, strict=True)) == 12
    for answer in answers:
        scores = [score for _, score in answer.ranking]
        assert answer.score == "similarity"
        assert sorted(index for index, _ in answer.ranking) == list(range(8))
        assert scores == sorted(scores, reverse=True)
        assert all(-1 <= score <= 1 for score in scores)


def test_the_score_is_the_cosine_of_the_embeddings() -> None:
    """Of the query's and the document's; its tokens are those of all texts."""
    query, documents = "a long river", ("Paris is a city.", "The Nile is 6,650 km long.", "a long river")
    (answer,) = rerank((query, documents))
    together = embed(query, *documents)
    assert dict(answer.ranking) == {at: pytest.approx(cosine(together.vectors, 0, at + 1), abs=1e-6) for at in range(3)}
    assert [index for index, _ in answer.ranking] == [2, 1, 0]
    assert answer.ranking[0].score == pytest.approx(1, abs=1e-4)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (together.usage.input_tokens, 0)


def test_only_the_best_are_there_where_top_n_says_so() -> None:
    """And all where it is more than there are."""
    documents = tuple(f"text {at} about rivers" for at in range(40))
    (whole,), (few,), (many,) = (rerank(("a river", documents), top_n=most) for most in (None, 3, 99))
    assert few.ranking == whole.ranking[:3]
    assert len(many.ranking) == len(whole.ranking) == 40


def test_equal_documents_keep_their_order() -> None:
    """The first comes first."""
    (answer,) = rerank(("a river", ("the sea", "the sea", "the sea")))
    assert [index for index, _ in answer.ranking] == [0, 1, 2]


@pytest.mark.parametrize(
    ("query", "documents", "named"),
    [
        ("a", ("b", "word " * 600), "document 1 is too long: it has 602 tokens"),
        ("word " * 511, ("b",), "the query is too long: it has 513 tokens"),
        ("a", (*(f"text {at}" for at in range(40)), "word " * 511, "b"), "document 40 is too long: it has 513 tokens"),
    ],
)
def test_a_text_of_more_than_512_tokens_is_refused_with_its_place_and_length(
    query: str, documents: tuple[str, ...], named: str
) -> None:
    """It is not cut in silence."""
    with pytest.raises(errors.ContextTooLongError, match=f"{named}, and model '{NAME}' takes texts of 512"):
        rerank((query, documents))


def test_a_text_of_512_tokens_fits() -> None:
    """510 words and the two marks around them, in the query and in a document."""
    (answer,) = rerank(("word " * 510, ("word " * 510, "b")))
    assert answer.ranking[0].index == 0


def test_the_reranker_and_the_embedding_model_are_one_in_memory() -> None:
    """They are one file with the same options."""
    config = BackendConfig(name="llamacpp", options={"n_ctx": 4096})
    assert engine_settings(config, SPEC) == engine_settings(config, EMBEDDING)


def test_a_cross_encoder_is_refused_and_not_taken_for_an_embedding_model(tmp_path: Path) -> None:
    """Its file says so by a pooling type; here that of the real one is changed."""
    written = bytearray(need(SPEC.model_id).read_bytes())
    at = written.index(b"bert.pooling_type") + len(b"bert.pooling_type") + 4
    assert struct.unpack("<I", written[at : at + 4]) == (1,)
    written[at : at + 4] = struct.pack("<I", 4)  # LLAMA_POOLING_TYPE_RANK
    file = tmp_path / "cross.gguf"
    file.write_bytes(written)

    async def main() -> None:
        async with opened() as backend:
            request = RerankRequest(spec=evolve(SPEC, model_id=str(file)), query="a river", documents=("the sea",))
            with pytest.raises(
                errors.NotFoundError, match=r"cross\.gguf has a cross-encoder, which makes no embeddings"
            ):
                await backend.rerank(request)

    asyncio.run(main())


def test_closing_the_backend_ends_a_ranking_that_runs() -> None:
    """With an error, and soon."""
    need(SPEC.model_id)

    async def main() -> None:
        async with opened() as backend:
            documents = tuple(f"a text about {at} rivers" for at in range(5000))
            task = asyncio.create_task(backend.rerank(RerankRequest(spec=SPEC, query="a river", documents=documents)))
            await asyncio.sleep(0.5)
            await backend.close()
            with pytest.raises(errors.CallError, match="closed"):
                await task

    asyncio.run(main())


def test_a_client_without_a_key_and_without_a_folder_ranks_with_it(tmp_path: Path) -> None:
    """It is the default; it costs nothing, and the result says what its score is."""
    need(SPEC.model_id)
    environ = {"HOME": str(tmp_path / "nobody")}
    with Client.from_project(tmp_path, environ=environ, plugins=discover()) as client:
        result = client.rerank("Which river is the longest?", ["Paris is a city.", "The Nile is 6,650 km long."])
        assert (result.model, result.backend, result.score) == (NAME, "llamacpp", "similarity")
        assert result.ranking[0].index == 1
        assert result.cost is not None
        assert result.cost.amount == 0
        with pytest.raises(errors.ContextTooLongError, match="document 1 is too long"):
            client.rerank("a", ["b", "word " * 511])


def test_the_command_answers_on_a_fresh_machine(tmp_path: Path) -> None:
    """`pipelex rerank … --json` in an empty folder, with nothing in the environment but where the weights lie."""
    need(SPEC.model_id)
    environ = {"HOME": str(tmp_path), "PIPELEX_CACHE_DIR": str(cache_folder().parent)}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pipelex_core",
            "rerank",
            "long rivers",
            "Paris is a city.",
            "The Nile is a river.",
            "--json",
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["score"], printed["model"]) == ("similarity", NAME)
    assert [each["document"] for each in printed["ranking"]] == ["The Nile is a river.", "Paris is a city."]


@pytest.mark.parametrize(
    ("usable", "chosen"),
    [
        ({NAME}, "rerank_locally"),
        ({NAME, "cohere.rerank-v3-5:0"}, "rerank_documents"),
        (set(), "rerank_documents"),
    ],
)
def test_it_is_the_default_only_where_nothing_else_is_on(usable: set[str], chosen: str) -> None:
    """A key of a provider of rerankers is enough to have that one."""
    tables = starter_tables({NAME, "cohere.rerank-v3-5:0"}, usable)
    assert tables["rerank"]["choice_default"] == chosen
