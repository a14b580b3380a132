"""`pipelex enable`, `disable`, `use`, `set-key`, and `init` run again: what they change, show, and never lose."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli
from dotenv import dotenv_values

if TYPE_CHECKING:
    from tests.cli.conftest import Pipelex

KEY = "sk-hidden 'quoted' ${HOME} #\\ \u00e9"
INFERENCE = Path(".pipelex", "inference")
BACKENDS = INFERENCE / "backends.toml"


def test_a_backend_is_switched_on_and_off(initialised: Path, pipelex: Pipelex) -> None:
    """One line changes, the difference is shown, what is missing is told; switched back, the file is as it was."""
    before = BACKENDS.read_bytes()
    code, out, err = pipelex("enable", "openai", "mistral")
    assert code == 0
    assert tomli.loads(BACKENDS.read_text())["openai"]["enabled"] is True
    assert tomli.loads(BACKENDS.read_text())["mistral"]["enabled"] is True
    assert [line for line in out.splitlines() if line[0] in "+-" and line[:3] not in {"+++", "---"}] == [
        "-enabled = false",
        "+enabled = true",
    ] * 2
    assert "openai needs OPENAI_API_KEY, which is not set; run: pipelex set-key openai" in err
    assert pipelex("disable", "mistral", "openai")[0] == 0
    assert BACKENDS.read_bytes() == before


def test_a_dry_run_writes_nothing(initialised: Path, pipelex: Pipelex) -> None:
    """It shows the same difference."""
    before = BACKENDS.read_bytes()
    _, dry, err = pipelex("enable", "openai", "--dry-run")
    assert BACKENDS.read_bytes() == before
    assert "not yet written" in err
    _, wet, _ = pipelex("enable", "openai")
    assert dry == wet != ""
    code, out, err = pipelex("enable", "openai")
    assert (code, out) == (0, "")
    assert "as it was" in err


def test_a_backend_that_only_a_plugin_brings_gets_its_table(initialised: Path, pipelex: Pipelex) -> None:
    """Whole, at the end of the file; switched off, a table of one line."""
    BACKENDS.write_bytes(b"\xef\xbb\xbf# mine\r\n[internal]")
    assert pipelex("enable", "openai")[0] == 0
    assert BACKENDS.read_bytes() == (
        b'\xef\xbb\xbf# mine\r\n[internal]\r\n\r\n[openai]\r\ndisplay_name = "OpenAI"\r\nenabled = true\r\n'
        b'api_key = "${OPENAI_API_KEY}"\r\n'
    )
    assert pipelex("disable", "llamacpp", "internal")[0] == 0
    tables = tomli.loads(BACKENDS.read_text(encoding="utf-8-sig"))
    assert tables["llamacpp"] == tables["internal"] == {"enabled": False}


@pytest.mark.parametrize(
    "command,suggestion",
    [(["enable", "opnai"], "openai"), (["use", "all_opnai"], "all_openai"), (["set-key", "opnai"], "openai")],
)
def test_an_unknown_name_is_told_the_nearest(
    initialised: Path, pipelex: Pipelex, command: list[str], suggestion: str
) -> None:
    """And nothing is written."""
    before = {file: file.read_bytes() for file in initialised.rglob("*") if file.is_file()}
    code, _, err = pipelex(*command, stdin=b"key")
    assert code == 1
    assert f"did you mean '{suggestion}'?" in err
    assert {file: file.read_bytes() for file in initialised.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("command", [["enable", "openai"], ["disable", "openai"], ["set-key", "openai"], ["init"]])
def test_a_broken_file_is_refused_with_its_fault(initialised: Path, pipelex: Pipelex, command: list[str]) -> None:
    """Nothing is written into a file that is not TOML; where the fault is, is told."""
    BACKENDS.write_text("[openai]\nenabled = yes\n")
    code, out, err = pipelex(*command, stdin=b"key")
    assert (code, out) == (1, "")
    assert "backends.toml:2:11: the file backends.toml is not TOML" in err
    assert BACKENDS.read_text() == "[openai]\nenabled = yes\n"


def test_a_profile_is_used(initialised: Path, pipelex: Pipelex) -> None:
    """`active` changes, and the rest of the file stays."""
    file = INFERENCE / "routing_profiles.toml"
    before = file.read_text()
    assert pipelex("use", "all_openai")[0] == 0
    assert file.read_text() == before.replace('active = "first_enabled"', 'active = "all_openai"')
    document = json.loads(pipelex("use", "first_enabled", "--json", "--dry-run")[1])
    assert document["dry_run"] is True
    assert document["files"][0]["changes"] is True
    assert '+active = "first_enabled"' in document["files"][0]["diff"]


def test_a_key_goes_to_the_env_file_alone(initialised: Path, pipelex: Pipelex) -> None:
    """It is read from stdin, comes back whole, is nowhere else, and only its owner may read it."""
    Path(".env").write_text("# mine\nOTHER='x' # kept\n")
    code, out, err = pipelex("set-key", "openai", stdin=f"  {KEY}\r\n".encode())
    assert code == 0
    assert dotenv_values(".env") == {"OTHER": "x", "OPENAI_API_KEY": KEY}
    assert Path(".env").read_text().startswith("# mine\nOTHER='x' # kept\n")
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    assert KEY not in out + err
    assert "hidden" not in out + err
    assert pipelex("set-key", "openai", stdin=b"sk-new")[0] == 0
    assert Path(".env").read_text().count("OPENAI_API_KEY") == 1
    code, out, err = pipelex("set-key", "openai", "--json", "--dry-run", stdin=b"sk-newest")
    assert json.loads(out)["files"][-1]["diff"] == ""
    assert dotenv_values(".env")["OPENAI_API_KEY"] == "sk-new"


def on_terminal(*words: str, typed: bytes = b"", after: bytes = b"", environ: dict[str, str] | None = None) -> bytes:
    """What a command shows on a terminal; `typed` is typed once `after` was shown."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelex_core", *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        env=environ,
    )
    os.close(follower)
    seen, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                seen += os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
        elif process.poll() is not None:
            break
        if typed and after in seen:
            os.write(leader, typed)
            typed = b""
    os.close(leader)
    assert process.wait(60) == 0, seen
    return seen


def test_a_key_is_asked_for_unseen_on_a_terminal(initialised: Path) -> None:
    """What is typed is not echoed."""
    seen = on_terminal("set-key", "openai", typed=b"sk-typed\n", after=b"OPENAI_API_KEY (openai)")
    assert b"OPENAI_API_KEY is set in" in seen
    assert b"sk-typed" not in seen
    assert dotenv_values(".env") == {"OPENAI_API_KEY": "sk-typed"}


@pytest.mark.parametrize("stdin", [b"", b" \n", b"\xff"])
def test_no_key_is_no_key(initialised: Path, pipelex: Pipelex, stdin: bytes) -> None:
    """An empty stdin, or one that is not text, changes nothing."""
    code, _, err = pipelex("set-key", "openai", stdin=stdin)
    assert code == 1
    assert "nothing was written" in err
    assert not Path(".env").exists()


def test_which_variable_a_backend_reads(initialised: Path, pipelex: Pipelex) -> None:
    """Its api_key's; another one has to be named; one that reads none is told what to write."""
    code, _, err = pipelex("set-key", "bedrock", stdin=b"x")
    assert code == 1
    assert "--variable: AWS_REGION" in err
    assert pipelex("set-key", "bedrock", "--variable", "AWS_REGION", stdin=b"eu-west-1")[0] == 0
    assert dotenv_values(".env") == {"AWS_REGION": "eu-west-1"}
    code, _, err = pipelex("set-key", "bedrock", "--variable", "AWS_REGON", stdin=b"x")
    assert "did you mean 'AWS_REGION'?" in err
    BACKENDS.write_text('[gate-way]\n[literal]\napi_key = "sk-1"\n[first]\napi_key = "${secret:a|env:FIRST|SECOND}"\n')
    assert 'api_key = "${GATE_WAY_API_KEY}"' in pipelex("set-key", "gate-way", stdin=b"x")[2]
    code, _, err = pipelex("set-key", "literal", stdin=b"x")
    assert 'api_key = "${LITERAL_API_KEY}"' in err
    assert "sk-1" not in err
    assert pipelex("set-key", "first", stdin=b"x")[0] == 0
    assert dotenv_values(".env")["FIRST"] == "x"


def git(*command: str) -> str:
    """Run git in the working directory."""
    return subprocess.run(["git", *command], check=True, capture_output=True, text=True).stdout


def test_git_is_made_to_ignore_the_keys(initialised: Path, pipelex: Pipelex) -> None:
    """In a clone, a line in `.gitignore` comes before the key; once it is there, none is added."""
    git("init", "--quiet")
    Path(".gitignore").write_text("*.log")
    _, out, err = pipelex("set-key", "openai", stdin=b"sk-hidden")
    assert Path(".gitignore").read_text() == "*.log\n/.env\n"
    assert "+/.env" in out
    assert "git did not ignore" in err
    assert ".env" not in git("status", "--short", "--untracked-files=all").replace(".env.example", "").split()
    assert "git did not" not in pipelex("set-key", "openai", stdin=b"sk-hidden")[2]
    assert Path(".gitignore").read_text() == "*.log\n/.env\n"


def test_keys_that_git_tracks_are_warned_of(initialised: Path, pipelex: Pipelex) -> None:
    """An entry in `.gitignore` would not help; what to run is told."""
    Path(".env").write_text("")
    git("init", "--quiet")
    git("add", ".env")
    _, _, err = pipelex("set-key", "openai", stdin=b"sk-hidden")
    assert "WARNING: git tracks" in err
    assert "git rm --cached .env" in err


def test_init_run_again_adds_and_shows(initialised: Path, pipelex: Pipelex) -> None:
    """A table that was taken out comes back at the end; nothing else changes, and a dry run shows it first."""
    whole = BACKENDS.read_text()
    start = whole.index("[groq]")
    BACKENDS.write_text((whole[:start] + whole[whole.index("[", start + 1) :]).replace("\n", "\r\n"), newline="")
    before = BACKENDS.read_bytes()
    code, dry, _ = pipelex("init", "--dry-run")
    assert (code, BACKENDS.read_bytes()) == (0, before)
    assert "+[groq]" in dry
    _, out, err = pipelex("init")
    assert out == dry
    assert BACKENDS.read_bytes().startswith(before)
    assert tomli.loads(BACKENDS.read_text()) == tomli.loads(whole)
    assert "added to" in err
    assert pipelex("init")[1] == ""


def test_colours_are_for_terminals(initialised: Path) -> None:
    """On one, additions are green; with NO_COLOR there is nothing but text."""
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    seen = on_terminal("enable", "openai", "--dry-run", environ=plain)
    assert b"\x1b[32m+enabled = true\x1b[0m" in seen
    seen = on_terminal("enable", "openai", "--dry-run", environ={**plain, "NO_COLOR": "1"})
    assert b"+enabled = true" in seen
    assert b"\x1b[" not in seen
    for words in (["--help"], ["generate", "-h"], []):
        assert b"\x1b[" in on_terminal(*words, environ={**plain, "TERM": "xterm"})
        seen = on_terminal(*words, environ={**plain, "TERM": "xterm", "NO_COLOR": "1"})
        assert b"Usage" in seen
        assert b"\x1b[" not in seen
