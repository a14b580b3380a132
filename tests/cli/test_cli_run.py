"""`pipelex run`: tools by module and function, or by a plugin's address."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Pipelex


TOOLS = '''
def shout(words: str) -> str:
    """Say it loudly."""
    return words.upper()


def bare(words):
    return words


class Kept:
    both = [shout]


number = 3
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one scripted model that calls its first tool, and a module beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    for name in [name for name in sys.modules if name == "loud_tools"]:
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / ".pipelex" / "inference"
    (folder / "backends").mkdir(parents=True)
    (folder / "backends.toml").write_text("[desk]\nenabled = true\n", encoding="utf-8")
    spec = '[talker]\nsdk = "mock"\nmodel_id = "talker"\ncalls_tools = true\ntext = "done"\ncosts = { input = 1, output = 2 }\n'
    (folder / "backends" / "desk.toml").write_text(spec, encoding="utf-8")
    (folder / "deck").mkdir()
    (folder / "deck" / "deck.toml").write_text('[aliases]\nbest = "talker"\n', encoding="utf-8")
    routing = 'active = "all"\n[profiles.all]\ndefault = "desk"\n'
    (folder / "routing_profiles.toml").write_text(routing, encoding="utf-8")
    (tmp_path / "loud_tools.py").write_text(TOOLS, encoding="utf-8")
    return tmp_path


def test_a_function_of_the_folder_is_a_tool(project: Path, pipelex: Pipelex) -> None:
    """The text goes to stdout; with `--json`, one document holds every message and every turn."""
    assert pipelex("run", "Hello", "--tool", "loud_tools:shout", "--model", "talker")[:2] == (0, "done\n")
    code, out, _ = pipelex("run", "Hello", "--tool", "loud_tools:Kept.both", "-m", "talker", "--json")
    document = json.loads(out)
    assert (code, document["text"], document["model"], len(document["turns"])) == (0, "done", "talker", 2)
    assert [message["role"] for message in document["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert [turn["finish_reason"] for turn in document["turns"]] == ["tool_calls", "stop"]
    assert len(document["attempts"]) == 2


def test_a_run_that_ends_early_prints_what_it_has(project: Path, pipelex: Pipelex) -> None:
    """The error object has the messages and attempts: what was paid is not lost."""
    code, out, _ = pipelex("run", "Hello", "--tool", "loud_tools:shout", "-m", "talker", "--max-turns", "1", "--json")
    error = json.loads(out)["error"]
    assert (code, error["type"], len(error["messages"]), len(error["attempts"])) == (1, "TurnLimitError", 2, 1)


@pytest.mark.parametrize(
    "tool, code, words",
    [
        ([], 2, "run needs a tool"),
        (["--tool", "shout"], 2, "--tool takes module:function, or an address that a plugin knows, not 'shout'"),
        (["--tool", "loud_tools:"], 2, "--tool takes module:function"),
        (["--tool", "no_such_module:shout"], 2, "No module named 'no_such_module'"),
        (["--tool", "loud_tools:shuot"], 2, "has no attribute 'shuot'"),
        (["--tool", "loud_tools:number"], 1, "a tool is a function, or a source of tools, not int"),
        (["--tool", "loud_tools:bare"], 1, "tool 'bare': parameter 'words' has no annotation"),
        (["--tool", "loud_tools:shout", "--tool", "loud_tools:shout"], 1, "two tools are named 'shout'"),
    ],
)
def test_a_wrong_tool_is_named(project: Path, pipelex: Pipelex, tool: list[str], code: int, words: str) -> None:
    """Wrong usage exits with 2, a function that cannot be a tool with 1; the message says which."""
    found, out, err = pipelex("run", "Hello", "-m", "talker", *tool)
    assert (found, out) == (code, "")
    assert words in err
