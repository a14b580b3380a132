"""What a terminal is shown: text of models, plugins and files never steers it; a pipe gets it as it is."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_cli.terminal import shown
from pipelex_testing import OpenAIChat, SampleAnswer, Server, in_thread
from pipelex_testing.rulebook import Rulebook
from tests.support.projects import write_inference

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPELEX = str(Path(sys.executable).with_name("pipelex"))
STEERING = "a\x1b[31mred\x1b]0;title\x07\x9b2J\u202eevil\u2066\rback\x7f\u200b"
FILES = {
    "backends.toml": '[gateway]\nendpoint = "${GATEWAY_URL}"\napi_key = "sk-0123456789"\n',
    "backends/gateway.toml": (
        '[defaults]\nsdk = "openai"\n[talker]\nmodel_id = "talker-1"\n'
        "costs = { input = 1000000.0, output = 1000000.0 }\n"
    ),
    "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "gateway"\n',
    "deck/base_deck.toml": '[llm.presets.talk]\nmodel = "talker"\n',
}


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@given(st.text())
def test_nothing_steers_a_terminal(text: str) -> None:
    """No control character but line feed, tab and form feed reaches it, and none of the direction of text."""
    written = shown(text, Screen())
    assert not re.search(
        "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", written.replace("\r\n", "")
    )
    assert shown(text, io.StringIO()) == text


@pytest.mark.parametrize("text", ["10\u00a0€\tÄ\n", "👩\u200d🚀 می\u200cخواهم", "日本\u3000語", "line\r\n"])
def test_what_scripts_are_written_with_stays(text: str) -> None:
    """Wide spaces, joiners and line ends."""
    assert shown(text, Screen()) == text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose model talks to a gateway."""
    write_inference(tmp_path, FILES)
    return tmp_path


@pytest.fixture
def gateway() -> Iterator[Server]:
    """A gateway whose answers steer terminals."""
    with in_thread(Server(Rulebook(provider="compatible"))) as server:
        yield server


def on_a_terminal(command: list[str], cwd: Path, **variables: str) -> tuple[int, bytes]:
    """The exit code of a command, and all that it wrote on its terminal."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", **variables}
    with subprocess.Popen(command, cwd=cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                block = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not block:
                break
            written += block
        os.close(ours)
    return process.returncode, written


@pytest.mark.parametrize("more", [(), ("--no-stream",), ("--json",)])
def test_a_models_text_is_escaped_on_a_terminal(project: Path, gateway: Server, more: tuple[str, ...]) -> None:
    """Streamed, whole and as JSON; who answered and what it cost stands below, except beside JSON."""
    wire, stated = OpenAIChat(), SampleAnswer(text=STEERING)
    gateway.queue(wire.answer(stated) if more else wire.stream(stated))
    command = [PIPELEX, "generate", "Hi", "-m", "talk", *more]
    code, written = on_a_terminal(command, project, GATEWAY_URL=f"{gateway.url}/v1")
    assert code == 0, written
    text = written.decode().replace("\r\n", "\n")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066]", text), repr(text)
    assert "red" in text
    assert "evil" in text
    assert ("(talker of gateway, " in text) == (more != ("--json",))


def test_a_models_text_is_raw_in_a_pipe(project: Path, gateway: Server) -> None:
    """Programs get what the model wrote, and nobody is told who answered."""
    gateway.queue(OpenAIChat().answer(SampleAnswer(text=STEERING)))
    command = [PIPELEX, "generate", "Hi", "-m", "talk"]
    environ = {**os.environ, "GATEWAY_URL": f"{gateway.url}/v1"}
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{STEERING}\n"


INTERRUPTED = """
import signal, sys
wanted = sys.argv.pop(1)

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv += ["show", "models"]
import pipelex_cli
pipelex_cli.main()
"""


@pytest.mark.parametrize("module", ["pipelex_cli.app", "cyclopts", "pipelex_cli.commands.show", "pipelex_core.plugins"])
def test_control_c_while_it_starts_ends_in_silence(tmp_path: Path, module: str) -> None:
    """Whatever is being imported then: exit code 130, and nothing is written."""
    command = [sys.executable, "-c", INTERRUPTED, module]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 128 + signal.SIGINT)


WAITS_AT_EXIT = """
import atexit, signal, sys
atexit.register(lambda: signal.raise_signal(signal.SIGINT))
sys.argv[1:] = ["schema", "--help"]
import pipelex_cli
pipelex_cli.main()
"""


def test_control_c_while_it_ends_ends_in_silence(tmp_path: Path) -> None:
    """No traceback of what Python does at its end."""
    command = [sys.executable, "-c", WAITS_AT_EXIT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stderr, done.returncode) == ("", 128 + signal.SIGINT)
