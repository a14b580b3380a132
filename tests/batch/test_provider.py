"""`--via provider`: batches that are submitted once, found again, collected in any order, and paid at batch prices."""

from __future__ import annotations

from contextlib import chdir
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_backend_openai._batches as openai_module
from pipelex_batch.engine import run
from pipelex_batch.journal import journal_of
from pipelex_batch.looking import look
from pipelex_batch.ranges import as_ranges, numbers_in
from pipelex_batch.settings import BatchError, BatchSettings
from pipelex_core.batches import BatchLimits
from tests.batch.openai_batches import OpenAIBatches, half_price
from tests.batch.project import client_in, ended, read_rows, started, total, write_rows
from tests.servers.base import Reply, vector_of
from tests.servers.openai_server import error

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_batch.report import Report

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


def batch(
    folder: Path, output: str = "a.jsonl", *, model: str = "smart", settings: Any = None, **options: Any
) -> Report:
    options = {"via": "provider", "poll_s": 0.01, **options}
    made = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / output), model=model, **(settings or {})
    )
    return run(made, client_in(folder), **options)


def requested(folder: Path, *prompts: str) -> None:
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts])


def test_answers_in_any_order_at_half_price(folder: Path, server: OpenAIBatches) -> None:
    """Results come in another order, in two files, with blank lines and raw line separators in them."""
    prompts = [f"question {n}" for n in range(30)]
    requested(folder, *prompts, "fail this")
    report = batch(folder)
    rows = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in rows[:-1]] == [f"{prompt.upper()}\u2028" for prompt in prompts]
    assert (rows[-1]["error"]["type"], rows[-1]["cost"]["amount"]) == ("BadRequestError", "0")
    assert (report.state, report.done, report.failed) == ("finished", 30, 1)
    assert report.cost == total(rows) == server.money == sum(map(half_price, prompts))
    assert rows[0]["usage"]["service_tier"] == "batch"
    assert len(server.batches) == 1
    assert not list((folder / "a.jsonl.batches").iterdir())


def test_objects_and_tools_inside(folder: Path, server: OpenAIBatches) -> None:
    """Objects are validated, and sent with their schema; what a model asks for is in the line."""
    requested(folder, "one", "two")
    batch(folder, "objects.jsonl", settings={"schema": SCHEMA})
    assert [row["output"] for row in read_rows(folder / "objects.jsonl")] == [{"name": "text"}] * 2
    tool = {"name": "look_up", "description": "", "parameters": {"type": "object", "properties": {}}}
    batch(folder, "tools.jsonl", settings={"arguments": {"tools": [tool]}})
    assert read_rows(folder / "tools.jsonl")[0]["tool_calls"][0]["name"] == "look_up"


def test_a_batch_is_of_one_model_and_within_the_limits(
    folder: Path, server: OpenAIBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are split by model, by how many requests a batch takes, and by its bytes."""
    monkeypatch.setattr(openai_module, "LIMITS", BatchLimits(requests=4, bytes=900))
    server.most = 4
    rows = [{"prompt": f"question {n}", "model": "other" if n % 3 else "smart"} for n in range(12)]
    write_rows(folder / "q.jsonl", [*rows, {"prompt": "x" * 600}])
    report = batch(folder)
    assert (report.done, report.failed) == (13, 0)
    assert all(len(held.lines) <= 4 for held in server.batches.values())
    assert len(server.batches) == 4
    assert set(server.billed.values()) == {1}


def test_what_expired_goes_again_alone(folder: Path, server: OpenAIBatches) -> None:
    """Only the rows that were not asked are submitted again, and nothing is paid twice."""
    prompts = [f"question {n}" for n in range(10)]
    requested(folder, *prompts)
    server.expiring = "question 3"
    report = batch(folder)
    assert (report.done, report.failed) == (10, 0)
    assert [len(held.lines) for held in server.batches.values()] == [10, 1]
    assert set(server.billed.values()) == {1}
    assert report.cost == server.money


def test_a_submission_that_was_cut_off_is_found_again(folder: Path, server: OpenAIBatches) -> None:
    """The provider made the batch and the answer was lost: it is found by its mark, and not made twice."""
    for number in range(5):  # others' batches, over several pages
        server.batches[f"batch_x{number}"] = server.batches.get("x") or _others(number)
    requested(folder, "one", "two")
    server.cut = 1
    report = batch(folder)
    assert report.state == "stopped"
    assert "was not taken" in (report.reason or "")
    for number in range(5, 8):
        server.batches[f"batch_x{number}"] = _others(number)
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len([held for held in server.batches.values() if held.lines]) == 1
    assert set(server.billed.values()) == {1}


def _others(number: int) -> Any:
    from tests.batch.openai_batches import Held

    body = {"metadata": {"pipelex_run": f"other{number}"}, "endpoint": "/v1/chat/completions"}
    return Held(f"batch_x{number}", body, [], status="completed")


def test_killed_while_it_submits_it_submits_once(folder: Path, server: OpenAIBatches) -> None:
    """The process is killed when the provider has made the batch; the next run finds it, and pays it once."""
    requested(folder, "one", "two", "three")
    arguments = ("run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--via", "provider", "--detach", "--json")
    process = started(folder, *arguments)
    server.on_made = process.kill
    process.communicate(timeout=120)
    assert len(server.batches) == 1
    server.on_made = None
    made = BatchSettings(inputs=("q.jsonl",), output=str(folder / "a.jsonl"), model="smart")
    with chdir(folder):
        report = run(made, client_in(folder), via="provider", poll_s=0.01)
    assert (report.state, report.done, report.repeated.calls) == ("finished", 3, 0)
    assert len(server.batches) == 1
    assert set(server.billed.values()) == {1}


def test_a_submission_that_never_arrived_is_made_once_more(folder: Path, server: OpenAIBatches) -> None:
    """It is looked for several times; then its rows are new."""
    requested(folder, "one", "two")
    batch(folder, detach=True)
    journal = journal_of(folder / "a.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b"batch_submitted" not in line and b'"submitted"' not in line]
    journal.write_bytes(b"".join(kept))
    server.batches.clear()
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len(server.batches) == 1


def test_it_may_be_left_and_collected_later(folder: Path, server: OpenAIBatches) -> None:
    """`detach` ends when the batches are there; the same run collects them, and calls for none of their rows."""
    requested(folder, "one", "two")
    report = batch(folder, detach=True)
    assert (report.state, report.done, report.is_fine) == ("submitted", 0, False)
    status = look(folder / "a.jsonl")
    assert (status.state, status.batches) == ("submitted", report.batches)
    assert [(each["id"], each["rows"]) for each in status.batches] == [("batch_0", 2)]
    with pytest.raises(BatchError, match="go on with --via provider"):
        batch(folder, via="calls")
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len(server.batches) == 1
    assert report.repeated.calls == 0


def test_a_provider_that_cannot_be_asked_is_asked_again(folder: Path, server: OpenAIBatches) -> None:
    """Nothing is submitted twice because of it; results that break off are fetched from the beginning."""
    requested(folder, "one", "two")
    batch(folder, detach=True)
    (held,) = server.batches.values()
    held.requested = 1
    server.queue(error(503, "not now"), error(429, "slow down"))
    server.queue(Reply.json(server._as_json(server._finished(held))))  # it has ended
    server.queue(Reply.json(server._as_json(held)), error(500, "no file at the moment"))
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len(server.batches) == 1
    assert set(server.billed.values()) == {1}


def test_a_refused_file_names_its_rows(folder: Path, server: OpenAIBatches) -> None:
    """The rows at fault are failed, with the provider's words; the others go into another batch."""
    requested(folder, "one", "bad row", "three")
    server.refused_word = "bad"
    report = batch(folder)
    rows = read_rows(folder / "a.jsonl")
    assert (report.done, report.failed) == (2, 1)
    assert rows[1]["error"] == {"type": "BadRequestError", "message": "this line is refused"}
    assert server.billed == {"one": 1, "three": 1}


def test_a_refusal_of_the_whole_stops_the_run(folder: Path, server: OpenAIBatches) -> None:
    """With the provider's words; nothing is tried again and again."""
    requested(folder, "one", "two")
    server.most = 1
    report = batch(folder)
    assert report.state == "stopped"
    assert "too many requests" in (report.reason or "")
    assert len(server.batches) == 1


def test_a_cancelled_batch_gives_back_its_rows(folder: Path, server: OpenAIBatches) -> None:
    """What was not answered is new, and may go by calls."""
    requested(folder, "one", "two")
    batch(folder, detach=True)
    (held,) = server.batches.values()
    held.status = "cancelled"
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len(server.batches) == 2


def test_cancel_ends_the_batches_at_the_provider(folder: Path, server: OpenAIBatches) -> None:
    """On the command line; the next run collects what was answered by then, and asks for the rest."""
    requested(folder, "one", "two")
    arguments = ("run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--via", "provider", "--detach", "--json")
    code, report, _ = ended(started(folder, *arguments))
    assert (code, report["state"]) == (0, "submitted")
    code, _, err = ended(started(folder, "cancel", "a.jsonl"))
    assert code == 0
    assert "the next run collects" in err
    assert [held.status for held in server.batches.values()] == ["cancelled"]
    assert look(folder / "a.jsonl").state == "cancelled"


def test_failed_rows_may_go_again_as_a_batch(folder: Path, server: OpenAIBatches) -> None:
    """`retry` with `via="provider"`."""
    requested(folder, "one", "fail two")
    assert batch(folder).failed == 1
    server.failing = False
    assert batch(folder, retry=True).is_fine
    assert [len(held.lines) for held in server.batches.values()] == [2, 1]


def test_a_budget_holds_for_batches(folder: Path, server: OpenAIBatches) -> None:
    """Rows for which it has no room are not submitted; unknown batch prices are not submitted at all."""
    requested(folder, *[f"question {n:02}" for n in range(20)])
    one = half_price("question 00")
    settings = {"arguments": {"max_tokens": 50}}
    report = batch(folder, budget=one * 12, settings=settings)
    assert report.state == "stopped"
    assert 0 < report.done < 12
    assert report.cost == server.money <= one * 12
    assert "unknown" in (batch(folder, "b.jsonl", model="dear", budget=Decimal(1), settings=settings).reason or "")


@pytest.mark.parametrize(
    "model,rows,within,word",
    [
        ("smart", 30, 24.0, "provider"),
        ("smart", 30, None, "no time is given"),
        ("smart", 30, 2.0, "may take 24 hours"),
        ("smart", 3, 48.0, "are few"),
        ("dear", 30, 48.0, "no lower batch price"),
        ("callable", 30, 48.0, "has no batches"),
    ],
)
def test_auto_chooses_by_size_price_and_time(
    folder: Path, server: OpenAIBatches, *, model: str, rows: int, within: float | None, word: str
) -> None:
    """And says why."""
    requested(folder, *[f"question {n}" for n in range(rows)])
    assert batch(folder, via="auto", within=within, model=model).done == rows
    assert bool(server.batches) is (word == "provider")


def test_a_model_without_batches_is_named(folder: Path, server: OpenAIBatches) -> None:
    """Each of its rows is failed, unpaid, with what to do."""
    requested(folder, "one")
    report = batch(folder, model="callable")
    assert report.errors == {"UnsupportedInputError": 1}
    assert "without --via provider" in read_rows(folder / "a.jsonl")[0]["error"]["message"]


def test_a_model_without_batches_ends_a_long_run(folder: Path, server: OpenAIBatches) -> None:
    """Before a row is failed: with `--via calls` it goes on. Where some rows can be asked, the others are failed."""
    write_rows(folder / "q.jsonl", [{"prompt": f"question {n}", "model": "callable"} for n in range(500)])
    report = batch(folder)
    assert (report.state, report.failed) == ("stopped", 0)
    assert "none of the first 20 rows can go into a batch, and nothing was sent: no model of" in (report.reason or "")
    rows = [{"prompt": f"question {n}", "model": "smart" if n == 10 else "callable"} for n in range(50)]
    write_rows(folder / "q.jsonl", rows)
    assert batch(folder, "b.jsonl").errors == {"UnsupportedInputError": 49}


def test_numbers_as_ranges() -> None:
    """There and back."""
    numbers = [1, 2, 3, 7, 9, 10]
    assert as_ranges(numbers) == [[1, 3], [7, 7], [9, 10]]
    assert list(numbers_in(as_ranges(numbers))) == numbers


def test_embeddings(folder: Path, server: OpenAIBatches) -> None:
    """A vector a text, several texts a row, at the batch price; `auto` sees that it is lower."""
    prompts = [f"question {n}" for n in range(30)]
    rows: list[Any] = [{"text": prompt} for prompt in prompts]
    write_rows(folder / "q.jsonl", [*rows, {"inputs": ["a", "b"]}])
    report = batch(folder, model="vectors", via="auto", within=24, settings={"operation": "embed"})
    found = read_rows(folder / "a.jsonl")
    assert found[3]["output"]["vectors"] == [vector_of(prompts[3], 3)]
    assert len(found[30]["output"]["vectors"]) == 2
    assert report.done == 31
    assert report.cost == total(found) == sum(Decimal(len(prompt)) for prompt in [*prompts, "a"]) / 1_000_000
    assert {held.body["endpoint"] for held in server.batches.values()} == {"/v1/embeddings"}
