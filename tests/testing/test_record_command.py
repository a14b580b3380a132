"""`pipelex record`: a command that is run, its calls recorded; then run again without a provider and without a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelex_testing import OpenAIChat, Said, Server, in_thread

PIPELEX = Path(sys.executable).with_name("pipelex")
FILES = {
    "backends.toml": '[gateway]\nendpoint = "${GATEWAY_URL}"\napi_key = "${GATEWAY_KEY}"\n',
    "backends/gateway.toml": '[defaults]\nsdk = "openai"\n[talker]\nmodel_id = "talker-1"\n',
    "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "gateway"\n',
    "deck/base_deck.toml": '[llm.presets.talk]\nmodel = "talker"\n',
}
TEST = """
from pipelex_core import Client

def test_rivers():
    with Client.from_project() as client:
        assert client.generate_text("Name a river.", model="talk").text == "The Rhône."
        with client.stream_text("Name another.", model="talk") as stream:
            assert "".join(stream) == "The Seine."
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project: a configuration and a test."""
    for name, text in FILES.items():
        file = tmp_path / ".pipelex" / "inference" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "test_rivers.py").write_text(TEST)
    return tmp_path


def run(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`pipelex record`, with these variables besides those of the process, and no other of the gateway's."""
    gone = {"GATEWAY_URL", "GATEWAY_KEY", "PIPELEX_RECORD", "PIPELEX_REPLAY", "PYTEST_ADDOPTS"}
    environ = {name: value for name, value in os.environ.items() if name not in gone}
    return subprocess.run(
        [PIPELEX, "record", *arguments],
        cwd=project,
        env=environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_users_tests_run_without_the_provider(project: Path) -> None:
    """Recorded once with a key; replayed with neither key nor address, in another process, as often as one likes."""
    pytest_command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    wire, server = OpenAIChat(), Server()
    with in_thread(server):
        server.queue(wire.answer(Said(text="The Rhône.")), wire.stream(Said(text="The Seine.")))
        first = run(project, "--", *pytest_command, GATEWAY_URL=f"{server.url}/v1", GATEWAY_KEY="sk-canary-0123456789")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 attempts recorded in cassettes" in first.stderr
    (cassette,) = (project / "cassettes").iterdir()
    assert cassette.name == "gateway.jsonl"
    assert "sk-canary" not in cassette.read_text()
    again = run(project, "--replay", "--", *pytest_command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 passed" in again.stdout
    (project / "test_rivers.py").write_text(TEST.replace("Name a river.", "Name a lake."))
    changed = run(project, "--replay", "--", *pytest_command)
    assert changed.returncode == 1
    assert "the nearest recorded one is generate_text of 'talker' with 'Name a river.'" in changed.stdout


def test_the_commands_own_code_is_given_back(project: Path) -> None:
    """As are its options; a folder without recordings, no command, or an unknown one, is told."""
    program = "import os, sys; print(os.environ['PIPELEX_RECORD'], sys.argv[1:]); sys.exit(7)"
    done = run(project, "--to", "tapes", "--", sys.executable, "-c", program, "--replay", "--json", "--to=x")
    assert done.returncode == 7
    assert done.stdout == f"{project / 'tapes'} ['--replay', '--json', '--to=x']\n"
    assert "nothing is recorded" in done.stderr
    assert "there are no recordings in 'none'" in run(project, "--to", "none", "--replay", "--", "true").stderr
    assert "there is no command to run" in run(project).stderr
    assert "there is no command 'no-such-command'" in run(project, "--", "no-such-command").stderr


def test_recording_again_replaces_what_was_recorded(project: Path) -> None:
    """`--add` keeps it."""
    folder = project / "cassettes"
    folder.mkdir()
    kept = folder / "gateway.jsonl"
    kept.write_text("{}\n")
    assert run(project, "--add", "--", sys.executable, "-c", "").returncode == 0
    assert kept.exists()
    assert run(project, "--", sys.executable, "-c", "").returncode == 0
    assert not kept.exists()
