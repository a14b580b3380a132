"""`pipelex record`: a command that is run, its calls recorded; then run again without a provider and without a key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelex_testing import OpenAIChat, SampleAnswer, Server, in_thread
from pipelex_testing.rulebook import Rulebook
from tests.support.projects import write_inference

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
    write_inference(tmp_path, FILES)
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
    wire, server = OpenAIChat(), Server(Rulebook(provider="compatible"))
    with in_thread(server):
        server.queue(wire.answer(SampleAnswer(text="The Rhône.")), wire.stream(SampleAnswer(text="The Seine.")))
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
    """As are its options; a folder without recordings, no command, or an unknown one, is an error."""
    program = "import os, sys; print(os.environ['PIPELEX_RECORD'], sys.argv[1:]); sys.exit(7)"
    done = run(project, "--to", "tapes", "--", sys.executable, "-c", program, "--replay", "--json", "--to=x")
    assert done.returncode == 7
    assert done.stdout.startswith(str(project / "tapes"))
    assert done.stdout.endswith(" ['--replay', '--json', '--to=x']\n")
    assert "nothing is recorded" in done.stderr
    assert "there are no recordings in 'none'" in run(project, "--to", "none", "--replay", "--", "true").stderr
    assert "there is no command to run" in run(project).stderr
    assert "there is no command 'no-such-command'" in run(project, "--", "no-such-command").stderr


WRITES = """
import os
from pipelex_testing.recording.cassette import write
write(os.environ["PIPELEX_RECORD"], {"backend": "other", "operation": "generate_text", "model": "m"}, {"answer": {}})
"""


def test_recording_again_replaces_what_was_recorded(project: Path) -> None:
    """At the end, and only if a call was made: a command that fails at once leaves every cassette; `--add` keeps them."""
    folder = project / "cassettes"
    folder.mkdir()
    kept = folder / "gateway.jsonl"
    kept.write_text("{}\n")
    failed = run(project, "--", sys.executable, "-c", "raise SystemExit(3)")
    assert failed.returncode == 3
    assert "the earlier cassettes are kept" in failed.stderr
    assert [file.name for file in folder.iterdir()] == ["gateway.jsonl"]
    assert run(project, "--add", "--", sys.executable, "-c", WRITES).returncode == 0
    assert {file.name for file in folder.iterdir()} == {"gateway.jsonl", "other.jsonl"}
    looks = f"{WRITES}\nassert os.path.exists({str(kept)!r})"
    assert run(project, "--", sys.executable, "-c", looks).returncode == 0
    assert [file.name for file in folder.iterdir()] == ["other.jsonl"]


WAITS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("handled", [True, False])
def test_sigterm_goes_to_the_command(project: Path, *, handled: bool) -> None:
    """What it makes of it is the exit code of `pipelex record`, and no process remains."""
    program = WAITS if handled else WAITS.replace("signal.signal", "len or len")
    command = [str(PIPELEX), "record", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as recording:
        assert recording.stdout is not None
        child = int(recording.stdout.readline())
        recording.send_signal(signal.SIGTERM)
        assert recording.wait(30) == (9 if handled else 128 + signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
