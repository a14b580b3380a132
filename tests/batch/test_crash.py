"""A run that is killed, or whose disk is full, loses no answer, and pays none twice but those under way."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import run
from pipelex_batch.logs import Log, read_lines, rescues, take_in
from pipelex_batch.looking import look
from pipelex_batch.settings import BatchError, BatchSettings
from tests.batch.project import (
    BillingServer,
    client_in,
    ended,
    kill_what_runs,
    price_of,
    read_rows,
    started,
    total,
    write_project,
    write_rows,
)
from tests.servers.base import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 8
SEED = 20261201


@pytest.fixture
def server() -> Iterator[BillingServer]:
    server = BillingServer()
    with in_thread(server):
        yield server
        kill_what_runs()


@pytest.fixture
def folder(tmp_path: Path, server: BillingServer) -> Path:
    write_project(tmp_path, server.url)
    return tmp_path


def prompts(count: int) -> list[str]:
    """Prompts of different lengths, and so of different prices."""
    return [f"question {n} {'x' * (n % 97)}" for n in range(count)]


def killed_after(folder: Path, server: BillingServer, answers: int, *arguments: str) -> int:
    """Run until the server has billed so many more answers, and kill the process; its exit code."""
    wanted = sum(server.billed.values()) + answers
    process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", f"--concurrency={AT_ONCE}", *arguments)
    while sum(server.billed.values()) < wanted and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    return process.returncode


def check_books(
    server: BillingServer, rows: list[dict[str, Any]], requested: list[str], repeated: dict[str, Any]
) -> int:
    """Compare what was billed with what the output holds; how many calls were paid twice."""
    assert [row["row"] for row in rows] == list(range(1, len(requested) + 1))
    assert [row["output"] for row in rows] == [prompt.upper() for prompt in requested]
    twice = Counter({number: server.billed[prompt] - 1 for number, prompt in enumerate(requested, 1)})
    twice = +twice
    assert twice <= Counter(repeated["rows"])
    extra = sum((price_of(requested[number - 1]) * count for number, count in twice.items()), Decimal(0))
    assert server.money - total(rows) == extra  # to the last decimal
    assert extra <= Decimal(repeated["cost"])
    most = sum((price_of(requested[number - 1]) for number in repeated["rows"]), Decimal(0))
    assert Decimal(repeated["cost"]) == most
    return sum(twice.values())


def kill_and_resume(folder: Path, server: BillingServer, kills: int, rows: int, seed: int) -> None:
    chance = random.Random(seed)
    requested = prompts(rows)
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in requested])
    server.delay = 0.004
    killed = 0
    for _ in range(kills):
        killed += killed_after(folder, server, chance.randrange(1, 2 * rows // kills)) == -signal.SIGKILL
    process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json")
    code, report, _ = ended(process)
    assert (code, report["state"], report["rows"], report["failed"]) == (0, "finished", rows, 0)
    paid_twice = check_books(server, read_rows(folder / "a.jsonl"), requested, report["repeated"])
    assert paid_twice <= report["repeated"]["calls"] <= killed * AT_ONCE
    assert killed > kills // 3
    status = look(folder / "a.jsonl")
    assert status.to_dict() == {**report, "output": str(folder / "a.jsonl")}


def test_killed_at_any_moment_nothing_is_lost(folder: Path, server: BillingServer) -> None:
    """Every row has one answer; what was billed besides is the price of calls under way at a kill, and is reported."""
    kill_and_resume(folder, server, kills=5, rows=400, seed=SEED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_killed_hundreds_of_times(folder: Path, server: BillingServer, seed: int) -> None:
    """The same, three hundred times in all."""
    kill_and_resume(folder, server, kills=30, rows=4000, seed=seed)


def test_a_kill_before_the_first_call_costs_nothing(folder: Path, server: BillingServer) -> None:
    """Killed while it starts, at any moment, the run begins anew."""
    requested = prompts(20)
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in requested])
    for delay in (0.05, 0.4, 0.8):
        process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart")
        time.sleep(delay)
        process.kill()
        process.communicate()
    code, report, _ = ended(started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json"))
    assert (code, report["done"]) == (0, 20)
    check_books(server, read_rows(folder / "a.jsonl"), requested, report["repeated"])


def batch(folder: Path, **options: Any) -> Any:
    made = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / "a.jsonl"), model="smart")
    return run(made, client_in(folder), **options)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.journal"])
def test_a_torn_last_line_is_cut_off(folder: Path, server: BillingServer, name: str) -> None:
    """In either file, wherever it is torn: the row whose line it was is called again."""
    requested = prompts(6)
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in requested])
    batch(folder)
    rows, journal = (folder / "a.jsonl").read_bytes(), (folder / "a.jsonl.journal").read_bytes()
    whole = journal[: journal.index(b'{"event":"finished"')]
    for cut in (1, 7, 40):
        (folder / "a.jsonl").write_bytes(rows[:-cut] if name == "a.jsonl" else rows)
        (folder / "a.jsonl.journal").write_bytes(whole if name == "a.jsonl" else journal[:-cut])
        report = batch(folder)
        assert (report.state, report.done) == ("finished", 6)
        assert [row["output"] for row in read_rows(folder / "a.jsonl")] == [prompt.upper() for prompt in requested]
    assert server.billed[requested[-1]] == (4 if name == "a.jsonl" else 1)
    assert all(server.billed[prompt] == 1 for prompt in requested[:-1])


def test_damage_in_the_middle_is_reported_with_its_line(folder: Path, server: BillingServer) -> None:
    """And nothing is sent, nor overwritten."""
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(3)])
    batch(folder)
    damaged = (folder / "a.jsonl").read_bytes().replace(b'"row":2', b'"row":2"')
    (folder / "a.jsonl").write_bytes(damaged)
    with pytest.raises(BatchError, match="line 2 of"):
        batch(folder)
    assert (folder / "a.jsonl").read_bytes() == damaged
    assert sum(server.billed.values()) == 3


def test_two_runs_of_one_output_are_refused(folder: Path, server: BillingServer) -> None:
    """The second one ends at once, and says so; the first one goes on."""
    server.hold_after = 5
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(40)])
    first = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json")
    while not server.billed:
        time.sleep(0.01)
    assert look(folder / "a.jsonl").state == "running"
    code, _, err = ended(started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart"))
    assert code == 1
    assert "another process is running" in err
    server.hold_after = None
    code, report, _ = ended(first)
    assert (code, report["done"]) == (0, 40)
    assert set(server.billed.values()) == {1}


def test_ctrl_c_ends_what_is_under_way(folder: Path, server: BillingServer) -> None:
    """Once: no answer is given up, and the same command goes on, without a call paid twice."""
    server.hold_after = 20
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(200)])
    process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json")
    while sum(server.billed.values()) < 20:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    server.hold_after = None
    code, report, err = ended(process)
    assert (code, report["state"], report["reason"]) == (1, "stopped", "interrupted")
    assert "the calls under way end" in err
    assert report["in_flight"] == 0
    assert report["done"] == sum(server.billed.values()) == len(read_rows(folder / "a.jsonl"))
    assert ended(started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json"))[1]["done"] == 200
    assert set(server.billed.values()) == {1}


def test_ctrl_c_twice_cancels_it(folder: Path, server: BillingServer) -> None:
    """What was under way is counted, and made again."""
    server.delay = 30
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(10)])
    process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--concurrency=4")
    while sum(server.billed.values()) < 4:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    status = look(folder / "a.jsonl")
    assert (status.state, status.in_flight) == ("interrupted", 4)
    server.delay = 0
    report = ended(started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json"))[1]
    assert (report["done"], report["repeated"]["calls"]) == (10, 4)


def test_what_is_written_is_on_the_disk_soon(
    folder: Path, server: BillingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While calls are under way, both files are synced again and again: a power cut costs what came since."""
    synced: list[str] = []
    real = Log.sync

    def noted(self: Log) -> None:
        synced.append(self.path.name)
        real(self)

    monkeypatch.setattr(Log, "sync", noted)
    server.delay = 0.4
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(3)])
    batch(folder, concurrency=1)
    under_way = synced[synced.index("a.jsonl") : -4]
    assert under_way.count("a.jsonl") >= 2
    assert under_way.count("a.jsonl.journal") >= 2


# ── A full disk ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_takes_no_more_loses_no_answer(folder: Path, server: BillingServer) -> None:
    """Answers under way are kept beside it, the run stops and says where; with room again it goes on and pays nothing twice."""
    server.delay = 0.05
    requested = prompts(120)
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in requested])

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    padding = [{"prompt": "y" * 60_000}] * 1
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in requested] + padding * 30)
    arguments = ("run", "q.jsonl", "-o", "a.jsonl", "-m", "cheap", f"--concurrency={AT_ONCE}", "--json")
    code, report, _ = ended(started(folder, *arguments, preexec_fn=small_files))
    assert (code, report["state"]) == (1, "stopped")
    assert "File too large" in report["reason"]
    assert "rescued" in report["reason"]
    assert report["in_flight"] == 0
    paid = sum(server.billed.values())
    assert report["done"] == paid < 150
    assert look(folder / "a.jsonl").done == paid
    code, report, err = ended(started(folder, *arguments))
    assert (code, report["done"], report["repeated"]["calls"]) == (0, 150, 0)
    assert "are in 'a.jsonl' again" in err
    assert sum(server.billed.values()) == 150
    assert total(read_rows(folder / "a.jsonl")) == server.money


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes, where this machine lets one be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_no_answer(folder: Path, server: BillingServer, small_disk: Path) -> None:
    """There is room kept for the answers under way; the run stops, and goes on when there is room again."""
    server.delay = 0.05
    padding = small_disk / "padding"
    padding.write_bytes(bytes(1_200_000))
    write_rows(folder / "q.jsonl", [{"prompt": f"{n} " + "y" * 20_000} for n in range(60)])
    output = small_disk / "a.jsonl"
    arguments = ("run", "q.jsonl", "-o", str(output), "-m", "cheap", f"--concurrency={AT_ONCE}", "--json")
    code, report, _ = ended(started(folder, *arguments))
    assert (code, report["state"]) == (1, "stopped")
    assert "No space left on device" in report["reason"]
    assert report["done"] == sum(server.billed.values()) < 60
    padding.unlink()
    code, report, _ = ended(started(folder, *arguments))
    assert (report["done"], report["repeated"]["calls"]) == (60, 0)
    assert set(server.billed.values()) == {1}
    rows = read_rows(output) if output.exists() else []
    assert total(rows) == server.money


def test_lines_go_elsewhere_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the file first, else into the temporary folder; what is lost is counted, and a torn line never follows."""
    path = tmp_path / "log"
    log = Log(path)
    log.append(b"one\n")
    write, remaining = os.write, [3]

    def full(file: int, data: bytes) -> int:
        if remaining[0] <= 0:
            raise OSError(28, "No space left on device")
        taken = min(len(data), remaining[0])
        remaining[0] -= taken
        return write(file, data[:taken])

    monkeypatch.setattr("pipelex_batch.logs.os.write", full)
    log.append(b"two two\n")
    assert path.read_bytes() == b"one\n"
    assert (log.lost, log.failure and log.failure.errno) == (1, 28)
    remaining[0] = 1000
    log.append(b"three\n")
    assert log.rescue == rescues(path)[0]
    log.close()
    monkeypatch.undo()
    again = Log(path)
    assert take_in(again) == 1
    assert take_in(again) == 0
    assert list(read_lines(path)) == [b"one\n", b"three\n"]
    again.close()


def test_the_temporary_folder_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the folder of the output takes nothing at all."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    path = tmp_path / "log"
    beside, elsewhere = rescues(path)
    assert elsewhere.parent == tmp_path / "temp"
    log = Log(path)
    beside.mkdir()  # no file can be made there
    log.failure = OSError(28, "No space left on device")
    log.append(b"kept\n")
    assert log.rescue == elsewhere
    log.close()
    beside.rmdir()
    assert elsewhere.read_bytes() == b"kept\n"


# ── The command line ──────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_from_stdin_are_kept(folder: Path, server: BillingServer) -> None:
    """So that a run from a pipe goes on too."""
    server.delay = 0.05
    text = "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts(60)).encode()
    (folder / "in").write_bytes(text)
    with (folder / "in").open("rb") as stdin:
        process = started(folder, "run", "-", "-o", "a.jsonl", "-m", "smart", stdin=stdin)
    while sum(server.billed.values()) < 20:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    server.delay = 0
    with Path(os.devnull).open("rb") as nothing:
        code, report, _ = ended(started(folder, "run", "-", "-o", "a.jsonl", "-m", "smart", "--json", stdin=nothing))
    assert (code, report["done"]) == (0, 60)
    assert [row["output"] for row in read_rows(folder / "a.jsonl")] == [prompt.upper() for prompt in prompts(60)]


def test_status_results_and_cancel(folder: Path, server: BillingServer) -> None:
    """`status` tells, `results` prints and converts what there is, `cancel` ends a run that is under way."""
    server.hold_after = 20
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts(300)])
    process = started(folder, "run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--json")
    while sum(server.billed.values()) < 20:
        time.sleep(0.01)
    assert ended(started(folder, "status", "a.jsonl", "--json"))[1]["state"] == "running"
    assert ended(started(folder, "cancel", "a.jsonl"))[0] == 0
    server.hold_after = None
    code, report, _ = ended(process)
    assert (code, report["state"]) == (1, "stopped")
    done = sum(server.billed.values())
    code, _, _ = ended(started(folder, "results", "a.jsonl"))
    assert (code, len(read_rows(folder / "a.jsonl"))) == (0, done)
    assert ended(started(folder, "results", "a.jsonl", "--to", "a.csv"))[0] == 0
    assert len((folder / "a.csv").read_text().splitlines()) == done + 1
    code, _, err = ended(started(folder, "results", "a.jsonl", "--to", "a.csv"))
    assert "exists" in err
    code, status, _ = ended(started(folder, "status", "a.jsonl", "--json"))
    assert (code, status["state"], status["rows"], status["done"]) == (0, "stopped", 300, done)
    code, _, err = ended(started(folder, "status", "nothing.jsonl"))
    assert (code, "there is no run of 'nothing.jsonl'" in err) == (1, True)


def test_the_package_is_imported_without_a_command_line() -> None:
    """Neither the plugin nor its engine needs what the command line is made of."""
    code = (
        "import pipelex_batch, pipelex_batch.engine, sys; assert not {'cyclopts', 'rich', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
