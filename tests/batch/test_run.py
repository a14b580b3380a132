"""`pipelex batch run`: rows in, one line a row out, in every form; what is wrong is named before anything is paid."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from attrs import evolve
from pyarrow import parquet

from pipelex_batch import outputs as outputs_module
from pipelex_batch.calls import make_calls
from pipelex_batch.engine import Run, RunOptions, run, run_batch
from pipelex_batch.estimating import estimate_rows
from pipelex_batch.looking import look
from pipelex_batch.settings import BatchError, BatchSettings
from pipelex_core.errors import PipelexError
from tests.batch.project import BillingServer, client_in, price_of, read_rows, total, write_project, write_rows
from tests.documents.pdfs import lines, pdf
from tests.servers.base import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.progress import Progress
    from pipelex_batch.report import Report

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "string"}},
        "total": {"type": "number"},
        "paid": {"type": "boolean"},
        "id": {"type": ["integer", "null"]},
    },
    "required": ["number", "lines", "total", "paid", "id"],
    "additionalProperties": False,
}


@pytest.fixture
def server() -> Iterator[BillingServer]:
    server = BillingServer()
    with in_thread(server):
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: BillingServer) -> Path:
    write_project(tmp_path, server.url)
    return tmp_path


def batch(folder: Path, *inputs: str, output: str = "answers.jsonl", options: Any = None, **settings: Any) -> Report:
    paths = tuple(str(folder / each) for each in inputs)
    settings.setdefault("model", "smart")
    made = BatchSettings(inputs=paths, output=str(folder / output), **settings)
    return run(made, client_in(folder), **(options or {}))


def test_one_row_one_line(folder: Path, server: BillingServer) -> None:
    """In the order of the input, with id, output, model, usage, cost and attempts."""
    server.delay = 0.01
    write_rows(folder / "q.jsonl", [{"id": f"q{n}", "prompt": f"question {n}"} for n in range(40)])
    report = batch(folder, "q.jsonl", options={"concurrency": 7})
    rows = read_rows(folder / "answers.jsonl")
    assert [row["id"] for row in rows] == [f"q{n}" for n in range(40)]
    assert [row["row"] for row in rows] == list(range(1, 41))
    assert rows[3]["output"] == "QUESTION 3"
    assert rows[3]["error"] is None
    assert (rows[3]["model"], rows[3]["backend"]) == ("smart", "gateway")
    assert rows[3]["usage"] == {"input_tokens": 10, "output_tokens": 20}
    assert rows[3]["cost"] == {"amount": f"{price_of('question 3'):f}", "currency": "USD"}
    assert [attempt["outcome"] for attempt in rows[3]["attempts"]] == ["ok"]
    assert total(rows) == report.cost == server.money
    assert (report.state, report.rows, report.done, report.failed) == ("finished", 40, 40, 0)
    assert report.models == {"smart": {"rows": 40, "cost": f"{report.cost:f}"}}


def test_what_failed_is_a_line_too_and_is_run_again_alone(folder: Path, server: BillingServer) -> None:
    """`run` leaves it; `retry` calls it again, and its line takes the place of the other."""
    write_rows(folder / "q.jsonl", [{"prompt": "one"}, {"prompt": "fail two"}, {"prompt": "three"}])
    report = batch(folder, "q.jsonl")
    failed = read_rows(folder / "answers.jsonl")[1]
    assert (failed["id"], failed["output"], failed["error"]["type"]) == (2, None, "BadRequestError")
    assert "refused" in failed["error"]["message"]
    assert (report.state, report.failed, report.errors) == ("finished", 1, {"BadRequestError": 1})
    assert not report.is_fine
    assert batch(folder, "q.jsonl").errors == {"BadRequestError": 1}
    assert sum(server.billed.values()) == 2
    server.failing = False
    again = batch(folder, "q.jsonl", options={"retry": True})
    assert (again.done, again.failed) == (3, 0)
    assert [row["output"] for row in read_rows(folder / "answers.jsonl")] == ["ONE", "FAIL TWO", "THREE"]
    assert server.billed == {"one": 1, "fail two": 1, "three": 1}
    assert look(folder / "answers.jsonl").is_fine


def test_the_same_run_again_asks_nothing_and_a_longer_input_only_what_is_new(
    folder: Path, server: BillingServer
) -> None:
    """Rows that have an answer are not called again."""
    rows = [{"prompt": f"question {n}"} for n in range(5)]
    write_rows(folder / "q.jsonl", rows)
    batch(folder, "q.jsonl")
    batch(folder, "q.jsonl")
    assert sum(server.billed.values()) == 5
    write_rows(folder / "q.jsonl", [*rows, {"prompt": "a new one"}])
    assert batch(folder, "q.jsonl").done == 6
    assert set(server.billed.values()) == {1}


def test_templates_columns_and_csv(folder: Path, server: BillingServer) -> None:
    """A template is filled in from the columns of a row; CSV in, CSV out, with commas, quotes and line breaks."""
    with (folder / "in.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["id", "text", "n"], ["a", 'say "hi",\nplease', "007"], ["b", "plain", "2"]])
    batch(folder, "in.csv", output="out.csv", prompt="{{n}} {n}: {text}", system="in {n}")
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["output"] == '{N} 007: SAY "HI",\nPLEASE'
    assert Decimal(rows[0]["cost"]) == price_of(rows[0]["output"])
    assert [each.json["messages"][0]["content"] for each in server.received] == ["in 007", "in 2"]


def test_objects_to_a_table(folder: Path, server: BillingServer) -> None:
    """Each property of the schema is a column of its own type; a name that the run has too is the schema's."""
    write_rows(folder / "q.jsonl", [{"id": "x", "prompt": "read"}, {"id": "y", "prompt": "fail"}])
    batch(folder, "q.jsonl", output="out.parquet", schema=SCHEMA)
    table = parquet.read_table(folder / "out.parquet")
    first, second = table.to_pylist()
    assert first["number"] == "text"
    assert (first["total"], first["paid"], first["id"]) == (1.5, True, 1)
    assert json.loads(first["lines"]) == ["text"]
    assert (first["call_id"], first["error_type"], first["cost"]) == ("x", None, price_of("read"))
    assert (second["call_id"], second["error_type"], second["number"]) == ("y", "BadRequestError", None)
    assert table.schema.field("total").type == pa.float64()
    assert table.schema.field("id").type == pa.int64()


def test_parquet_in_with_odd_types(folder: Path, server: BillingServer) -> None:
    """Dates, decimals, lists and nulls come into a template as JSON has them; bytes are refused, by row."""
    table = pa.table(
        {
            "day": [date(2026, 1, 2), None],
            "sum": [Decimal("1.10"), Decimal("2.20")],
            "tags": [["a", "b"], []],
            "big": [2**62, 1],
            "raw": [b"\xff", b""],
        }
    )
    parquet.write_table(table, folder / "in.parquet")
    batch(folder, "in.parquet", prompt="{day} {sum} {tags} {big}")
    assert [row["output"] for row in read_rows(folder / "answers.jsonl")] == [
        '2026-01-02 1.10 ["A","B"] 4611686018427387904',
        " 2.20 [] 1",
    ]
    with pytest.raises(BatchError, match=r"2 rows cannot be called(.|\n)*rows 1-2: its column 'raw' holds bytes"):
        batch(folder, "in.parquet", output="other.jsonl", prompt="{raw}")


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"workers": 0}, {"poll_s": 0.0}, {"poll_s": -1.0}])
def test_a_run_that_would_wait_for_ever_is_refused(options: dict[str, Any]) -> None:
    """Before anything is read."""
    with pytest.raises(BatchError, match=r"at least, not 0|after some seconds"):
        RunOptions(**options)


def test_inputs_that_are_none_are_named(folder: Path, server: BillingServer) -> None:
    """An empty folder, and no argument at all."""
    (folder / "empty").mkdir()
    with pytest.raises(BatchError, match=r"there is no file in '.*empty'"):
        batch(folder, "empty", prompt="Read")
    with pytest.raises(BatchError, match="name a file of rows, a folder, or - for stdin"):
        batch(folder, prompt="Read")


def test_an_output_among_the_inputs_is_refused(folder: Path, server: BillingServer) -> None:
    """Its files would be rows of the next run."""
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("one")
    with pytest.raises(BatchError, match=r"is in the folder '.*in', whose files are rows: name a place outside"):
        batch(folder, "in", output="in/answers.csv", prompt="Read")
    assert server.received == []
    assert batch(folder, "in", prompt="Read").is_fine


def test_broken_parquet_is_named(folder: Path, server: BillingServer) -> None:
    """Two columns of one name, or a file that is cut: before anything is sent."""
    double = pa.table({"a": ["x"], "b": ["y"]}).rename_columns(["a", "a"])
    parquet.write_table(double, folder / "in.parquet")
    with pytest.raises(BatchError, match="two columns named 'a'"):
        batch(folder, "in.parquet", prompt="{a}")
    (folder / "in.parquet").write_bytes((folder / "in.parquet").read_bytes()[:-10])
    with pytest.raises(BatchError, match="cannot be read as Parquet, after row 0"):
        batch(folder, "in.parquet", prompt="{a}")
    assert server.received == []


def test_an_input_without_rows_is_named(folder: Path, server: BillingServer) -> None:
    """It is not an error: the output has no rows either."""
    (folder / "q.csv").write_text("a,b\n")
    settings = BatchSettings(inputs=(str(folder / "q.csv"),), output=str(folder / "o.csv"), model="smart", prompt="{a}")
    notes: list[str] = []

    async def main() -> Report:
        async with client_in(folder) as client:
            return await run_batch(settings, client, RunOptions(), notes.append)

    assert asyncio.run(main()).is_fine
    assert any("there are no rows in" in note for note in notes)
    assert (folder / "o.csv").read_text().startswith("id,output")


def test_a_folder_of_files(folder: Path, server: BillingServer) -> None:
    """Each file is a row: PDFs are attached, a text goes behind the prompt, hidden files are left out."""
    invoices = folder / "invoices"
    (invoices / "deep").mkdir(parents=True)
    (invoices / "b.pdf").write_bytes(pdf(lines("Invoice 7")))
    (invoices / "deep" / "a.txt").write_text("Invoice 8")
    (invoices / ".hidden.pdf").write_bytes(b"x")
    batch(folder, "invoices", prompt="Read {name}")
    rows = read_rows(folder / "answers.jsonl")
    assert [row["id"] for row in rows] == [str(invoices / "b.pdf"), str(invoices / "deep" / "a.txt")]
    assert rows[1]["output"] == "READ A.TXT\n\nINVOICE 8"
    kinds = {part["type"] for request in server.received for part in _parts(request.json)}
    assert kinds == {"file", "text"}


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"type": "text"}]


def test_rows_have_models_settings_and_tools_of_their_own(folder: Path, server: BillingServer) -> None:
    """Where there is no template; what the model asks for is in the line."""
    tool = {"name": "look_up", "description": "", "parameters": {"type": "object", "properties": {}}}
    write_rows(
        folder / "q.jsonl",
        [
            {"prompt": "one", "model": "cheap", "temperature": 0.5},
            {"messages": [{"role": "user", "content": "two"}], "tools": [tool]},
        ],
    )
    batch(folder, "q.jsonl", arguments={"max_tokens": 50})
    rows = read_rows(folder / "answers.jsonl")
    assert [row["model"] for row in rows] == ["cheap", "smart"]
    assert rows[1]["tool_calls"] == [{"id": "call_1", "name": "look_up", "arguments": {}}]
    sent = {text["messages"][-1]["content"]: text for text in (each.json for each in server.received)}
    assert sent["one"]["temperature"] == 0.5
    assert all(50 in each.values() for each in sent.values())


BAD = {
    '{"prompt": ': "it is not JSON",
    "\x00": "it is not JSON",
    "[1]": "it is a JSON list, and not an object",
    "3": "it is a JSON int, and not an object",
    '{"promt": "x"}': "it lacks the column 'prompt'; did you mean 'promt'?",
    '{"prompt": ""}': "its 'prompt' is empty",
    '{"prompt": 3}': "its 'prompt' is not text",
    '{"prompt": "\\ud800"}': "lone surrogate",
    '{"prompt": "x", "model": "nowhere"}': "nowhere",
    '{"prompt": "x", "temperature": 9}': "temperature",
    '{"messages": [{"role": "nobody", "content": "x"}]}': "role",
    '{"prompt": "x", "images": ["missing.png"]}': "missing.png",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_is_named_before_anything_is_paid(folder: Path, server: BillingServer, line: str) -> None:
    """With its number and what is wrong; nothing is sent, and no output is made."""
    (folder / "q.jsonl").write_text(f'{{"prompt": "fine"}}\n\n{line}\n')
    with pytest.raises(BatchError) as caught:
        batch(folder, "q.jsonl")
    assert "row 3: " in str(caught.value)
    assert BAD[line] in str(caught.value)
    assert server.received == []
    assert not (folder / "answers.jsonl").exists()


def test_a_row_that_is_too_long_is_named(folder: Path, server: BillingServer) -> None:
    """By the context window of its model: not one token is paid to find out."""
    write_rows(folder / "q.jsonl", [{"prompt": "word " * 5000}, {"prompt": "short"}])
    with pytest.raises(BatchError, match=r"row 1: it is too long: at least .* tokens, and model 'smart' takes 2000"):
        batch(folder, "q.jsonl")
    assert server.received == []


def test_bad_rows_may_be_written_as_failed(folder: Path, server: BillingServer) -> None:
    """With `skip_bad`: the others are called, and every row has its line."""
    (folder / "q.jsonl").write_text('{"prompt": "one"}\nnonsense\n{"prompt": "three"}\n')
    report = batch(folder, "q.jsonl", skip_bad=True)
    rows = read_rows(folder / "answers.jsonl")
    assert [row["error"] and row["error"]["type"] for row in rows] == [None, "BadRowError", None]
    assert (report.state, report.done, report.failed) == ("finished", 2, 1)
    again = batch(folder, "q.jsonl", skip_bad=True, options={"retry": True})
    assert again.errors == {"BadRowError": 1}
    assert len((folder / "answers.jsonl").read_bytes().splitlines()) == 3
    assert any("--failed` shows what failed" in line for line in again.lines())


def test_a_fault_that_many_rows_have_is_named_once(folder: Path, server: BillingServer) -> None:
    """With their numbers; of very many different faults the first are named, and the others counted."""
    write_rows(folder / "q.jsonl", [{"prompt": "fine" if n in {3, 5} else ""} for n in range(1, 10)])
    with pytest.raises(BatchError, match=r"7 rows cannot be called(.|\n)*rows 1-2, 4, 6-9: its 'prompt' is empty$"):
        batch(folder, "q.jsonl")
    write_rows(folder / "q.jsonl", [{"prompt": "" if n % 2 else "fine"} for n in range(1, 31)])
    with pytest.raises(BatchError, match="rows 1, 3, 5, 7, 9 and 10 more: its 'prompt' is empty"):
        batch(folder, "q.jsonl")
    write_rows(folder / "q.jsonl", [{f"column_{n}": "x"} for n in range(25)])
    with pytest.raises(BatchError, match=r"row 20: it lacks(.|\n)*… and 5 more$"):
        batch(folder, "q.jsonl", prompt="{column}")


@pytest.mark.parametrize(
    "content,message",
    [
        (b"a;b\n1;2\n", None),
        (b'a,b\n1,"2\n3,4\n', "is not CSV"),
        (b"a,a\n1,2\n", "two columns named 'a'"),
        (b"", "no header"),
        (b"a,b\n\xff,2\n", "not valid UTF-8"),
        (b"a,b\n1,2,3\n", "row 1: it has 3 values, and the header has 2 columns"),
    ],
)
def test_odd_csv(folder: Path, server: BillingServer, content: bytes, message: str | None) -> None:
    """A semicolon is read where there is no comma; what is broken is named."""
    (folder / "in.csv").write_bytes(content)
    if message is None:
        batch(folder, "in.csv", prompt="{a}{b}")
        assert read_rows(folder / "answers.jsonl")[0]["output"] == "12"
    else:
        with pytest.raises(BatchError, match=message):
            batch(folder, "in.csv", prompt="{a}{b}")
        assert server.received == []


def test_raw_line_separators_are_text(folder: Path, server: BillingServer) -> None:
    """U+2028, U+0085 and a lone carriage return do not end a line of JSONL; a BOM before the first is nothing."""
    text = "a\u2028b\u0085c"
    (folder / "q.jsonl").write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"prompt": text}, ensure_ascii=False).encode() + b"\r\n"
    )
    batch(folder, "q.jsonl")
    assert read_rows(folder / "answers.jsonl")[0]["output"] == text.upper()


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"schema": {"type": "nonsense"}}, "schema"),
        ({"operation": "nothing"}, "an operation is one of"),
        ({"operation": "stream_text", "schema": SCHEMA}, "a schema is for generate_object"),
        ({"operation": "generate_object"}, "needs a schema"),
        ({"prompt": "{}"}, "a template has columns"),
        ({"prompt": "{a"}, "not well formed"),
        ({"output": "out.xlsx"}, "an output is a file"),
        ({"output": "no/where.jsonl"}, "there is no folder"),
        ({"model": "nowhere"}, "nowhere"),
        ({"arguments": {"tempreature": 1}}, "temperature"),
    ],
)
def test_what_is_wrong_with_a_run_is_named_at_once(
    folder: Path, server: BillingServer, settings: dict[str, Any], message: str
) -> None:
    """Nothing is sent."""
    write_rows(folder / "q.jsonl", [{"prompt": "x"}])
    with pytest.raises(PipelexError, match=message):
        batch(folder, "q.jsonl", **settings)
    assert server.received == []


def test_an_output_with_other_content_is_left_alone(folder: Path, server: BillingServer) -> None:
    """Also where the run is another one: another prompt, another model."""
    write_rows(folder / "q.jsonl", [{"prompt": "x"}])
    (folder / "mine.jsonl").write_text("precious\n")
    with pytest.raises(BatchError, match="exists, and no run of this kind wrote it"):
        batch(folder, "q.jsonl", output="mine.jsonl")
    assert (folder / "mine.jsonl").read_text() == "precious\n"
    batch(folder, "q.jsonl")
    with pytest.raises(BatchError, match="a run with another model"):
        batch(folder, "q.jsonl", model="cheap")
    assert sum(server.billed.values()) == 1


@pytest.mark.parametrize(
    "settings,words",
    [
        ({"prompt": "Other {text}"}, "prompt"),
        ({"system": "Be brief."}, "system"),
        ({"schema": SCHEMA}, "operation and another schema"),
        ({"arguments": {"temperature": 0.5}}, "arguments"),
        ({"model": "cheap", "attach": ("file",)}, "model and another attach"),
    ],
)
def test_a_run_that_is_another_is_refused(
    folder: Path, server: BillingServer, settings: dict[str, Any], words: str
) -> None:
    """With what differs; nothing is sent, and nothing is overwritten."""
    write_rows(folder / "q.jsonl", [{"text": "x", "file": "none"}])
    batch(folder, "q.jsonl", prompt="Say {text}")
    before = (folder / "answers.jsonl").read_bytes()
    with pytest.raises(BatchError, match=f"a run with another {words}: name another output"):
        batch(folder, "q.jsonl", **{"prompt": "Say {text}", **settings})
    assert (folder / "answers.jsonl").read_bytes() == before
    assert sum(server.billed.values()) == 1


def test_a_handle_that_leads_elsewhere_now_is_noted(folder: Path, server: BillingServer) -> None:
    """The run goes on: its owner has changed the deck, and each row has its model."""
    write_rows(folder / "q.jsonl", [{"prompt": "one"}])
    notes: list[str] = []
    settings = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / "answers.jsonl"), model="best")

    async def main() -> Report:
        async with client_in(folder) as client:
            return await run_batch(settings, client, RunOptions(), notes.append)

    asyncio.run(main())
    deck = folder / ".pipelex" / "inference" / "deck" / "deck.toml"
    deck.write_text(deck.read_text().replace('best = "smart"', 'best = "cheap"'))
    write_rows(folder / "q.jsonl", [{"prompt": "one"}, {"prompt": "two"}])
    assert asyncio.run(main()).models.keys() == {"smart", "cheap"}
    assert any("'best' leads to cheap at gateway: cheap-1 now" in note and "smart-1" in note for note in notes)


def test_a_changed_input_is_reported(folder: Path, server: BillingServer) -> None:
    """Rows that hold something else than when they were answered are named; they are kept only where that is wanted."""
    write_rows(folder / "q.jsonl", [{"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"}])
    batch(folder, "q.jsonl")
    write_rows(folder / "q.jsonl", [{"prompt": "one"}, {"prompt": "other"}, {"prompt": "three"}, {"prompt": "four"}])
    with pytest.raises(BatchError, match=r"1 row changed since(.|\n)*row 2"):
        batch(folder, "q.jsonl")
    assert sum(server.billed.values()) == 3
    batch(folder, "q.jsonl", options={"changed": "keep"})
    assert [row["output"] for row in read_rows(folder / "answers.jsonl")] == ["ONE", "TWO", "THREE", "FOUR"]


def test_a_budget_stops_a_run_cleanly(folder: Path, server: BillingServer) -> None:
    """Before it is exceeded; a larger one goes on, and counts what was spent before."""
    write_rows(folder / "q.jsonl", [{"prompt": f"question number {n:03}"} for n in range(60)])
    one = price_of("question number 000")
    settings: dict[str, Any] = {"arguments": {"max_tokens": 100}}
    report = batch(folder, "q.jsonl", options={"budget": one * 20, "concurrency": 8}, **settings)
    assert report.state == "stopped"
    assert report.reason is not None
    assert "budget" in report.reason
    assert 0 < report.done < 20
    assert report.cost == server.money <= one * 20
    assert look(folder / "answers.jsonl").state == "stopped"
    assert batch(folder, "q.jsonl", options={"budget": one * 20}, **settings).cost <= one * 20
    report = batch(folder, "q.jsonl", options={"budget": one * 100}, **settings)
    assert (report.state, report.done) == ("finished", 60)
    assert set(server.billed.values()) == {1}


def test_a_budget_needs_prices(folder: Path, server: BillingServer) -> None:
    """Where nobody knows what a call may cost, it is not made."""
    write_rows(folder / "q.jsonl", [{"prompt": "x"}])
    report = batch(folder, "q.jsonl", model="unpriced", options={"budget": Decimal(5)})
    assert (report.state, report.done) == ("stopped", 0)
    assert "unknown" in (report.reason or "")
    assert server.received == []


def test_an_estimate_sends_nothing(folder: Path, server: BillingServer) -> None:
    """It bounds what the run costs then, names the rows that cannot be called, and has batch prices where there are any."""
    write_rows(folder / "q.jsonl", [{"prompt": f"question number {n:03}"} for n in range(30)] + ["", 3])
    settings = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output="x.jsonl", model="smart", arguments={"max_tokens": 50}, skip_bad=True
    )
    found = estimate_rows(settings, client_in(folder).deck)
    assert server.received == []
    assert (found.rows, found.bad) == (30, 2)
    assert "row 32: it is a JSON int" in found.faults[1]
    assert found.cost_low is not None
    assert found.cost_high is not None
    assert found.cost_likely is not None
    assert found.batch_likely == found.cost_likely / 2
    report = batch(folder, "q.jsonl", skip_bad=True, arguments={"max_tokens": 50})
    assert found.cost_low <= report.cost <= found.cost_high


def test_hopeless_runs_stop(folder: Path, server: BillingServer) -> None:
    """Where the key is wrong, not a million calls are made to find out."""
    from tests.servers.openai_server import error

    write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(500)])
    server.queue(*[error(401, "wrong key", code="invalid_api_key")] * 500)
    report = batch(folder, "q.jsonl", options={"concurrency": 4})
    assert report.state == "stopped"
    assert "all failed" in (report.reason or "")
    assert len(server.received) < 60


def test_no_more_calls_than_wanted(folder: Path, server: BillingServer) -> None:
    """`concurrency` bounds what is under way."""
    server.delay = 0.02
    write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(30)])
    batch(folder, "q.jsonl", options={"concurrency": 3})
    assert server.connections <= 3


def test_the_key_is_in_no_file(folder: Path, server: BillingServer) -> None:
    """Neither the output nor the journal has it."""
    write_rows(folder / "q.jsonl", [{"prompt": "x"}, {"prompt": "fail"}])
    batch(folder, "q.jsonl")
    for file in folder.glob("answers*"):
        assert b"sk-canary-batch" not in file.read_bytes()


def test_a_source_that_goes_away_costs_its_row_alone(folder: Path, server: BillingServer) -> None:
    """A file that is removed between the check and the call is a failed row."""
    (folder / "in").mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / "in" / name).write_text(name)
    settings = BatchSettings(
        inputs=(str(folder / "in"),), output=str(folder / "answers.jsonl"), model="smart", prompt="Read"
    )

    async def main() -> Report:
        async with client_in(folder) as client:
            one = Run(settings, client, RunOptions(), note=lambda _: None)

            async def send(run: Run, progress: Progress) -> None:
                (folder / "in" / "b.txt").write_text("")
                await make_calls(run, progress)

            return await one.run(send)

    report = asyncio.run(main())
    assert (report.done, report.failed) == (1, 1)


def test_a_folder_of_parquet_files(folder: Path, server: BillingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written whole, is read as one table in the order of the rows, and may be written anew when the run goes on."""
    monkeypatch.setattr(outputs_module, "_PER_FILE", 4)
    write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(10)])
    settings = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=f"{folder / 'answers'}/", model="smart")
    assert run(settings, client_in(folder)).done == 10
    assert sorted(part.name for part in (folder / "answers").iterdir()) == [f"part-0000{n}.parquet" for n in range(3)]
    assert parquet.read_table(folder / "answers")["output"].to_pylist() == [f"QUESTION {n}" for n in range(10)]
    write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(11)])
    assert run(settings, client_in(folder)).done == 11
    assert parquet.read_table(folder / "answers").num_rows == 11
    assert set(server.billed.values()) == {1}
    assert not (folder / "answers.part").exists()
    (folder / "other").mkdir()
    (folder / "other" / "file").write_text("mine")
    with pytest.raises(BatchError, match="no run of this kind wrote it"):
        run(evolve(settings, output=str(folder / "other")), client_in(folder))
    assert (folder / "other" / "file").read_text() == "mine"
