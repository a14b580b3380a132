"""`pipelex chat` and `pipelex logs`: a conversation through a pipe, saved and gone on with; calls in a log that is off at first."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_chat.recorder import Recorder
from pipelex_chat.store import Store
from pipelex_core.calls import Call, FinishedCall
from pipelex_core.parts import Message, TextPart, ToolCall
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer
from pipelex_core.specs import ModelSpec
from tests.support.processes import run_pipelex
from tests.support.scripted import PNG

if TYPE_CHECKING:
    from pathlib import Path

DECK = """
[aliases]
other = "second"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose backend answers by itself."""
    inference = tmp_path / ".pipelex" / "inference"
    (inference / "deck").mkdir(parents=True)
    (inference / "backends").mkdir()
    (inference / "backends.toml").write_text('[pretend]\nsdk = "mock"\napi_key = "sk-canary-0123456789"\n')
    prices = "costs = { input = 1, output = 2 }\n"
    (inference / "backends" / "pretend.toml").write_text(
        f'[first]\nsdk = "mock"\n{prices}[second]\nsdk = "mock"\n{prices}'
    )
    (inference / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "pretend"\n')
    (inference / "deck" / "deck.toml").write_text(DECK + '[llm.choice_defaults]\nfor_text = "first"\n')
    return tmp_path


def database(project: Path) -> Path:
    """The file that the commands use; the home is the project's folder."""
    return project / ".local" / "share" / "pipelex" / "logs.db"


def test_a_conversation_through_a_pipe(project: Path) -> None:
    """Each line is answered; commands change model and system prompt, tell the cost, and end it; it is saved for its owner alone."""
    lines = "Hello\n/model other\n/system Be brief.\n/cost\nAnd \\\nagain\n/list\n/nonsense\n/quit\nnever said\n"
    done = run_pipelex("chat", cwd=project, stdin=lines)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) >= 2
    assert "US$ so far" in done.stderr
    assert "   1  " in done.stderr
    assert "there is no /nonsense" in done.stderr
    assert stat.S_IMODE(database(project).stat().st_mode) == 0o600
    again = run_pipelex("chat", "-c", cwd=project, stdin="/model\n/undo\n/undo\n/undo\n")
    assert "other" in again.stderr
    assert again.stderr.count("taken back") == 2
    assert "there is nothing to take back" in again.stderr


def test_what_fails_is_said_and_the_conversation_goes_on(project: Path) -> None:
    """An unknown model, a file that is not there, a tool that cannot be imported; the exit code tells a script."""
    done = run_pipelex(
        "chat", "--no-save", cwd=project, stdin="/model nosuch\n/attach nofile.png\n/tool no:thing\nHello\n"
    )
    assert done.returncode == 1
    assert "there is no LLM model, alias or preset 'nosuch'" in done.stderr
    assert "there is no file 'nofile.png'" in done.stderr
    assert "the tool 'no:thing' cannot be imported" in done.stderr
    assert done.stdout.strip()
    assert not database(project).exists()
    done = run_pipelex("chat", "-c", cwd=project)
    assert done.returncode == 1
    assert "no conversation is saved" in done.stderr


def test_the_log_is_off_until_it_is_switched_on(project: Path) -> None:
    """Then each call is a row, without what was said; with `--contents`, with it; never with a key."""
    run_pipelex("generate", "A secret word", cwd=project)
    assert not database(project).exists()
    assert run_pipelex("logs", "on", cwd=project).returncode == 0
    run_pipelex("generate", "A secret word", cwd=project)
    (row,) = json.loads(run_pipelex("logs", "--json", cwd=project).stdout)
    assert (row["handle"], row["model"], row["backend"], row["outcome"]) == ("first", "first", "pretend", "ok")
    assert row["cost"].endswith("USD")
    assert row["prompt"] is None
    assert row["answer"] is None
    run_pipelex("logs", "on", "--contents", cwd=project)
    run_pipelex("generate", "Another sk-canary-0123456789 word", "-m", "other", cwd=project)
    (found,) = json.loads(run_pipelex("logs", "search", "Another", "--json", cwd=project).stdout)
    assert "Another" in found["prompt"]
    assert found["answer"]
    assert "sk-canary" not in found["prompt"]
    shown = run_pipelex("logs", "show", str(found["id"]), cwd=project)
    assert "second" in shown.stdout
    run_pipelex("logs", "off", cwd=project)
    run_pipelex("generate", "Again", cwd=project)
    assert len(json.loads(run_pipelex("logs", "--json", cwd=project).stdout)) == 2
    assert "2 calls forgotten" in run_pipelex("logs", "forget", cwd=project).stderr


def test_a_logged_call_is_gone_on_with(project: Path) -> None:
    """Its system prompt, its handle, what was said and answered; pictures are noted; the conversation is saved as its own."""
    done = run_pipelex("logs", "-c", cwd=project, stdin="Hello\n")
    assert done.returncode == 1
    assert "pipelex logs on --contents" in done.stderr
    run_pipelex("logs", "on", "--contents", cwd=project)
    (project / "a.png").write_bytes(PNG)
    stated = (
        "generate",
        "Name a sk-canary-0123456789 river.",
        "-m",
        "other",
        "--system",
        "Be brief.",
        "--image",
        "a.png",
    )
    assert run_pipelex(*stated, cwd=project).returncode == 0
    run_pipelex("logs", "on", cwd=project)
    run_pipelex("generate", "Without contents", cwd=project)
    done = run_pipelex("logs", "-c", cwd=project, stdin="/model\n/system\nAnd another?\n")
    assert done.returncode == 0, done.stderr
    assert "going on after: [attached: a.png] Name a *** river." in done.stderr
    assert "other" in done.stderr
    assert done.stdout.strip()
    with closing(sqlite3.connect(database(project))) as connection:
        ((kept,),) = connection.execute("SELECT messages FROM conversations").fetchall()
        assert [row[0] for row in connection.execute("SELECT conversation IS NULL FROM calls ORDER BY id")][:2] == [
            0,
            1,
        ]
    messages = json.loads(kept)
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert "[attached: " in json.dumps(messages)
    assert "sk-canary" not in database(project).read_bytes().decode("latin-1")
    done = run_pipelex("logs", "show", "2", "-c", cwd=project)
    assert done.returncode == 1
    assert "call 2 was not kept with its contents" in done.stderr
    assert run_pipelex("logs", "continue", "1", cwd=project, stdin="More?\n").returncode == 0


def test_a_log_that_cannot_be_written_costs_no_answer(project: Path) -> None:
    """The answer is given, and one warning."""
    (project / "file").write_text("no folder")
    done = run_pipelex("generate", "Hello", cwd=project, PIPELEX_LOGS=str(project / "file" / "calls.db"))
    assert done.returncode == 0
    assert done.stdout.strip()
    assert done.stderr.count("calls are not logged") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show",), "name the number of a call"),
        (("show", "7"), "the log has no call 7"),
        (("search",), "name what to look for"),
        (("continue", "x"), "name the number of a call"),
    ],
)
def test_wrong_arguments_are_errors(project: Path, arguments: tuple[str, ...], message: str) -> None:
    """With what to write."""
    done = run_pipelex("logs", *arguments, cwd=project)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_call_whose_words_cannot_be_written_is_answered_and_logged_without_them(tmp_path: Path) -> None:
    """Arguments of a tool that are nested too deeply, say: the next call is logged in full."""
    arguments: dict[str, Any] = {}
    for _ in range(900):
        arguments = {"a": arguments}
    recorder = Recorder(Store(tmp_path / "logs.db"), contents=True)
    question = Message(role="user", parts=(TextPart("Hello"),))
    for number, message in enumerate(
        (question, Message(role="assistant", parts=(ToolCall(id="c", name="t", arguments=arguments),)), question)
    ):
        spec = ModelSpec(name="m", backend="b", sdk="mock", model_id="m")
        call = Call(
            operation="generate_text",
            capability="llm",
            handle="m",
            request=TextRequest(spec=spec, messages=(message,)),
            call_id=number,
        )

        async def proceed(_: Call) -> TextAnswer:
            return TextAnswer(text="Hi", finish_reason="stop")

        assert isinstance(asyncio.run(recorder.around(call, proceed)), TextAnswer)
        recorder.finished(
            FinishedCall(operation="generate_text", capability="llm", handle="m", attempts=(), call_id=number)
        )
    with closing(sqlite3.connect(tmp_path / "logs.db")) as written:
        prompts = [row[0] for row in written.execute("select prompt from calls order by rowid")]
    assert prompts == ["user: Hello", None, "user: Hello"]
