"""Every operation that answers whole: by `client.map` of both clients, and as the rows of a run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchSettings
from pipelex_core import AsyncClient, Client, Job, UnsupportedInputError
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType
from pipelex_testing.samples import png
from tests.batch.project import read_rows, write_rows
from tests.documents.pdfs import lines, pdf
from tests.support.scripted import deck_of, spec
from tests.support.sounds import wav

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
DECK = deck_of(
    spec("llm", sdk="mock", inputs=frozenset({"text", "images", "pdf"})),
    *(
        spec(kind, sdk="mock", model_type=ModelType(kind))
        for kind in ("text_extractor", "img_gen", "embedding", "transcriber", "speaker", "reranker", "moderator")
    ),
)
MODELS = {
    "generate_text": "llm",
    "generate_object": "llm",
    "extract": "text_extractor",
    "generate_image": "img_gen",
    "embed": "embedding",
    "transcribe": "transcriber",
    "speak": "speaker",
    "rerank": "reranker",
    "moderate": "moderator",
}
"""Operation -> who answers."""
SOURCES: dict[str, Any] = {
    "generate_text": "Name a river.",
    "generate_object": "Name a river.",
    "extract": pdf(lines("Invoice 7")),
    "generate_image": "A lighthouse",
    "embed": "a river",
    "transcribe": wav(1),
    "speak": "Mind the gap.",
    "rerank": "rivers",
    "moderate": "a river",
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "generate_object": {"type": SCHEMA},
    "rerank": {"documents": ["The Rhine", "A lamp"]},
}


def test_there_is_a_case_for_every_operation() -> None:
    """Those of plugins too."""
    found = {each.name for capability in DECK.capabilities for each in capability.operations if not each.streams}
    assert found == set(MODELS)


@pytest.mark.parametrize("operation", MODELS)
def test_map_makes_calls_of_it(operation: str) -> None:
    """Both clients, in either order; an error is a value."""
    arguments = {"model": MODELS[operation], **ARGUMENTS.get(operation, {})}
    jobs = [SOURCES[operation], Job(SOURCES[operation], {"model": "nowhere"}), SOURCES[operation]]

    async def main() -> list[Any]:
        async with AsyncClient(DECK, discover(only=["mock"])) as client:
            found = [done async for done in client.map(jobs, operation=operation, ordered=True, **arguments)]
            ended = [done.index async for done in client.map(jobs, operation=operation, concurrency=2, **arguments)]
        assert sorted(ended) == [0, 1, 2]
        return found

    there = asyncio.run(main())
    with Client(DECK, discover(only=["mock"])) as client:
        here = list(client.map(jobs, operation=operation, ordered=True, **arguments))
    for outcomes in (there, here):
        assert [done.index for done in outcomes] == [0, 1, 2]
        assert [done.error is None for done in outcomes] == [True, False, True]
        assert isinstance(outcomes[1].error, UnsupportedInputError) or "nowhere" in str(outcomes[1].error)
        assert type(outcomes[0].get()) is type(there[0].get())


def rows_of(folder: Path, operation: str) -> list[dict[str, Any]]:
    """Rows that the operation is called for; files are beside them."""
    for name, data in (("a.pdf", pdf(lines("Invoice 7"))), ("a.wav", wav(1)), ("a.png", png())):
        (folder / name).write_bytes(data)
    if operation in {"extract", "transcribe"}:
        return [{"file": str(folder / ("a.pdf" if operation == "extract" else "a.wav"))}] * 2
    column = {"rerank": "query", "embed": "text"}.get(operation, "prompt")
    return [{column: SOURCES[operation]}, {column: f"{SOURCES[operation]} Again."}]


@pytest.mark.parametrize("operation", MODELS)
def test_rows_are_calls_of_it(tmp_path: Path, operation: str) -> None:
    """A line a row; what is bytes is in a file that the line names, and the same run again asks nothing."""
    write_rows(tmp_path / "q.jsonl", rows_of(tmp_path, operation))
    arguments = ARGUMENTS.get(operation, {})
    settings = BatchSettings(
        inputs=(str(tmp_path / "q.jsonl"),),
        output=str(tmp_path / "a.jsonl"),
        model=MODELS[operation],
        operation=operation,
        schema=arguments.get("type"),
        arguments={name: value for name, value in arguments.items() if name != "type"},
    )
    for _ in range(2):
        report = run(settings, AsyncClient(DECK, discover(only=["mock"])))
        assert (report.state, report.done, report.failed) == ("finished", 2, 0)
    for row in read_rows(tmp_path / "a.jsonl"):
        assert row["error"] is None
        assert row["output"]
        for path in _paths(row["output"]):
            assert (tmp_path / "a.jsonl.files").is_dir()
            assert path.is_file()
    table = tmp_path / "a.csv"
    report = run(
        BatchSettings(**{**_fields(settings), "output": str(table)}), AsyncClient(DECK, discover(only=["mock"]))
    )
    assert report.is_fine
    assert table.read_text(encoding="utf-8").startswith("id,")


def _fields(settings: BatchSettings) -> dict[str, Any]:
    return {**settings.to_dict(), "inputs": settings.inputs}


def _paths(value: Any) -> list[Path]:
    found = json.dumps(value)
    return [Path(part.split('"')[0]) for part in found.split('"path": "')[1:]]
