"""Results of batches that are not as they should be: each is named, nothing is lost, and nothing is asked twice unseen."""

from __future__ import annotations

import asyncio
import json
from contextlib import chdir
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import RunOptions, run_batch
from pipelex_batch.journal import journal_of
from pipelex_batch.looking import look
from pipelex_batch.preparing import Look
from pipelex_batch.settings import BatchError, BatchSettings
from tests.batch.openai_batches import OpenAIBatches, half_price
from tests.batch.project import client_in, ended, read_rows, started, total, write_rows
from tests.batch.test_provider import SCHEMA
from tests.servers.openai_server import error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_batch.report import Report

PROMPTS = ("one", "two", "three", "four")


class Noted:
    """A run, and its notes for people."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.notes: list[str] = []

    @property
    def settings(self) -> BatchSettings:
        """Those of the command in the folder."""
        return BatchSettings(inputs=("q.jsonl",), output="a.jsonl", model="smart")

    def run(self, settings: BatchSettings | None = None, **options: Any) -> Report:
        """Run it, by the provider."""
        made = RunOptions(**{"via": "provider", "poll_s": 0.01, **options})

        async def main() -> Report:
            async with client_in(self._folder) as client:
                return await run_batch(settings or self.settings, client, made, self.notes.append)

        with chdir(self._folder):
            return asyncio.run(main())

    def says(self, words: str) -> bool:
        """Whether a note has these words."""
        return any(words in note for note in self.notes)


def submitted(folder: Path, server: OpenAIBatches, *prompts: str) -> Noted:
    """A run whose one batch is at the provider, and has ended there."""
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts or PROMPTS])
    noted = Noted(folder)
    assert noted.run(detach=True).state == "submitted"
    for held in server.batches.values():
        server._finish(held)
    return noted


def change(server: OpenAIBatches, made: Callable[[list[dict[str, Any]]], Any], batch: str = "batch_0") -> None:
    """Have the results of a batch be others."""
    lines = [json.loads(line) for line in server.files[f"out-{batch}"].split(b"\n") if line]
    server.files[f"out-{batch}"] = b"\n".join(json.dumps(line).encode() for line in made(lines) or lines)


def test_a_result_that_is_missing_is_not_asked_for_again_unseen(folder: Path, server: OpenAIBatches) -> None:
    """The provider says that it answered: the row is failed, of unknown cost, and `retry` is a decision."""
    noted = submitted(folder, server)
    change(server, lambda lines: [line for line in lines if not line["custom_id"].endswith("-2")])
    report = noted.run()
    rows = read_rows(folder / "a.jsonl")
    assert (report.state, report.done, report.failed, report.unpriced) == ("finished", 3, 1, 1)
    assert "is not in the results of batch batch_0; it may have been paid" in rows[1]["error"]["message"]
    assert (rows[1]["cost"], rows[1]["batch"]) == (None, "batch_0")
    assert noted.says("its results lack row 2")
    assert len(server.batches) == 1
    assert noted.run(retry=True).is_fine
    assert [len(held.lines) for held in server.batches.values()] == [4, 1]


def test_a_missing_result_is_seen_beside_one_that_failed(folder: Path, server: OpenAIBatches) -> None:
    """A request that was refused has a line too."""
    noted = submitted(folder, server, "one", "two", "fail three")
    change(server, lambda lines: [line for line in lines if not line["custom_id"].endswith("-2")])
    report = noted.run()
    assert (report.state, report.done) == ("finished", 1)
    assert report.errors == {"BadRequestError": 1, "InvalidAnswerError": 1}
    assert len(server.batches) == 1


def test_a_request_that_the_provider_did_not_answer_goes_again(folder: Path, server: OpenAIBatches) -> None:
    """Where its count says so too: it is unpaid, and named."""
    noted = submitted(folder, server)
    (held,) = server.batches.values()
    held.output = [line for line in held.output if not line["custom_id"].endswith("-2")]
    change(server, lambda _: held.output)
    report = noted.run()
    assert (report.state, report.done) == ("finished", 4)
    assert noted.says("has nothing for row 2, which were not answered: asked for again")
    assert [len(held.lines) for held in server.batches.values()] == [4, 1]


def test_a_result_that_comes_twice_counts_once(folder: Path, server: OpenAIBatches) -> None:
    """The first of them; and it is named."""
    noted = submitted(folder, server)
    change(server, lambda lines: [*lines, *(line for line in lines if line["custom_id"].endswith("-3"))])
    report = noted.run()
    assert (report.state, report.done) == ("finished", 4)
    assert noted.says("several results of row 3: the first of each counts")
    assert report.cost == total(read_rows(folder / "a.jsonl")) == server.money


def test_results_of_nobody_are_left_out(folder: Path, server: OpenAIBatches) -> None:
    """Whatever their ids look like; the first is named."""
    noted = submitted(folder, server)
    mark = next(iter(server.batches.values())).lines[0]["custom_id"].partition("-")[0]
    strangers = ["another-1", f"{mark}-99", f"{mark}-x", mark, "", f"{mark}-²"]
    change(server, lambda lines: [*({**lines[0], "custom_id": each} for each in strangers), *lines])
    report = noted.run()
    assert (report.state, report.done) == ("finished", 4)
    assert noted.says("6 results that are of none of its rows, such as 'another-1'")


def test_results_that_are_gone_can_be_given_up(folder: Path, server: OpenAIBatches) -> None:
    """The run says so, pays nothing twice, and goes on when its owner gives the batch up: its rows are failed then."""
    noted = submitted(folder, server)
    del server.batches["batch_0"]
    report = noted.run()
    assert report.state == "stopped"
    assert "no such batch" in (report.reason or "")
    assert "`pipelex batch cancel a.jsonl --lost` gives them up" in (report.reason or "")
    assert not server.batches
    code, _, err = ended(started(folder, "cancel", "a.jsonl"))
    assert code == 1
    assert "cannot be cancelled: " in err
    code, _, err = ended(started(folder, "cancel", "a.jsonl", "--lost"))
    assert (code, "4 rows are failed" in err) == (0, True)
    status = look(folder / "a.jsonl")
    assert (status.failed, status.unpriced) == (4, 4)
    assert "was given up, and may have been paid" in read_rows(folder / "a.jsonl")[0]["error"]["message"]
    assert noted.run(retry=True, via="calls").is_fine


def test_a_batch_that_is_gone_does_not_hold_up_others(folder: Path, server: OpenAIBatches) -> None:
    """What the others answered is written down."""
    rows = [{"prompt": prompt, "model": "other" if prompt == "two" else "smart"} for prompt in PROMPTS]
    write_rows(folder / "q.jsonl", rows)
    noted = Noted(folder)
    noted.run(detach=True)
    gone = next(held.id for held in server.batches.values() if held.lines[0]["body"]["model"] == "other-1")
    del server.batches[gone]
    report = noted.run()
    assert (report.state, report.done) == ("stopped", 3)


def test_killed_while_it_collects_it_counts_once(folder: Path, server: OpenAIBatches) -> None:
    """A row that failed at a price is written down once, and its price counts once."""
    write_rows(folder / "q.jsonl", [{"prompt": "one"}, {"prompt": "two"}])
    noted = Noted(folder)
    settings = BatchSettings(inputs=("q.jsonl",), output="a.jsonl", model="smart", schema=SCHEMA)
    noted.run(settings, detach=True)
    (held,) = server.batches.values()
    server._finish(held)

    def unfit(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            line["response"]["body"]["choices"][0]["message"]["content"] = "{}"

    change(server, unfit)
    assert noted.run(settings).errors == {"InvalidAnswerError": 2}
    rows = (folder / "a.jsonl").read_bytes()
    journal = journal_of(folder / "a.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b"batch_collected" not in line and b"finished" not in line))
    report = noted.run(settings)
    assert (folder / "a.jsonl").read_bytes() == rows
    assert report.cost == half_price("one") + half_price("two")


def test_an_input_that_changed_meanwhile_is_refused(folder: Path, server: OpenAIBatches) -> None:
    """An answer is not another row's; a row that is no longer there is missed."""
    noted = submitted(folder, server)
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in ("one", "TWO", "three")])
    with pytest.raises(BatchError, match="1 row changed since") as caught:
        noted.run()
    assert "and 1 row of those that were asked no longer there" in str(caught.value)
    assert "row 2: " in str(caught.value)
    report = noted.run(changed="keep")
    assert report.done == 3
    assert noted.says("1 results are of rows that are no longer in the input")


def test_an_answered_row_that_is_no_longer_there_is_missed(folder: Path, server: OpenAIBatches) -> None:
    """In a run of calls too."""
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in PROMPTS])
    noted = Noted(folder)
    noted.run(via="calls")
    write_rows(folder / "q.jsonl", [{"prompt": "one"}])
    with pytest.raises(BatchError, match="3 rows of those that were asked no longer there"):
        noted.run(via="calls")
    assert noted.run(via="calls", changed="keep").done == 4


def test_a_provider_that_cannot_be_asked_for_a_lost_batch_is_asked_again(folder: Path, server: OpenAIBatches) -> None:
    """A submission that was cut off is not made anew because the list of batches cannot be had for a moment."""
    write_rows(folder / "q.jsonl", [{"prompt": "one"}])
    noted = Noted(folder)
    server.cut = 1
    assert "was not taken" in (noted.run().reason or "")
    server.queue(error(500, "not now"), error(429, "slow down"))
    assert noted.run().done == 1
    assert len(server.batches) == 1
    assert noted.says("is found again")


def test_a_row_that_cannot_be_read_any_more_waits(folder: Path, server: OpenAIBatches) -> None:
    """Its answer is paid, and is not given up: the run says what it needs."""
    (folder / "a.txt").write_text("Invoice 8")
    write_rows(folder / "q.jsonl", [{"file": "a.txt"}])
    settings = BatchSettings(inputs=("q.jsonl",), output="a.jsonl", model="smart", prompt="Read", attach=("file",))
    noted = Noted(folder)
    noted.run(settings, detach=True)
    (folder / "a.txt").rename(folder / "elsewhere.txt")
    report = noted.run(settings)
    assert report.state == "stopped"
    assert "the answer to row 1 has come" in (report.reason or "")
    (folder / "elsewhere.txt").rename(folder / "a.txt")
    assert noted.run(settings).is_fine
    assert server.billed == {"Read\n\nInvoice 8": 1}


def test_a_run_that_another_has_finished_meanwhile_asks_nothing(
    folder: Path, server: OpenAIBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look at the rows and its own turn."""
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in PROMPTS])
    looked, looks = Look.look, [0]

    def slow(self: Look) -> None:
        looked(self)
        looks[0] += 1
        if looks[0] == 1:
            other = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json")
            assert ended(other)[1]["done"] == 4

    monkeypatch.setattr(Look, "look", slow)
    assert Noted(folder).run(via="calls").done == 4
    assert looks == [2]
    looks[0] = 10
    assert Noted(folder).run(via="calls").done == 4
    settings = BatchSettings(inputs=("q.jsonl",), output="new.jsonl", model="smart")
    assert Noted(folder).run(settings, via="calls").done == 4
    assert looks == [12]  # nobody else was there: one look each
    assert set(server.billed.values()) == {2}
    looks[0] = 0
    (folder / "a.jsonl").unlink()
    journal_of(folder / "a.jsonl").unlink()
    with pytest.raises(BatchError, match="a run with another model"):
        Noted(folder).run(BatchSettings(inputs=("q.jsonl",), output="a.jsonl", model="other"), via="calls")
