"""`pipelex transcribe`, `speak`, `rerank` and `moderate`: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.app import run
from tests.support.projects import write_files
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Pipelex

FILES = {
    "backends.toml": "[fake]\n",
    "backends/fake.toml": (
        '[ear]\nsdk = "mock"\nmodel_type = "transcriber"\ntext = "Three rivers"\ncosts = { minute = 0.006 }\n'
        '[mouth]\nsdk = "mock"\nmodel_type = "speaker"\n'
        '[judge]\nsdk = "mock"\nmodel_type = "reranker"\n'
        '[guard]\nsdk = "mock"\nmodel_type = "moderator"\n'
        '[chat]\nsdk = "mock"\ntext = "The Rhine"\n'
    ),
    "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "fake"\n',
    "deck/deck.toml": "\n".join(
        f'[{name}]\nchoice_default = "p-{name}"\n[{name}.presets]\np-{name} = {{ model = "{model}" }}'
        for name, model in (("transcribe", "ear"), ("speak", "mouth"), ("rerank", "judge"), ("moderate", "guard"))
    ),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose defaults are mocks, as the working directory, with a recording."""
    inference = tmp_path / ".pipelex" / "inference"
    write_files(inference, FILES)
    (tmp_path / "talk.wav").write_bytes(wav(4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipelex(project: Path, pipelex: Pipelex) -> Callable[..., tuple[int, str]]:
    """The command in the project: exit code and stdout."""
    assert project.is_dir()
    return lambda *tokens: pipelex(*tokens)[:2]


def test_transcribe_prints_the_text_or_the_times(pipelex: Any) -> None:
    """Text alone; a line for each segment with its time and its speaker; or one JSON document with all of it."""
    assert pipelex("transcribe", "talk.wav") == (0, "Three rivers\n")
    code, out = pipelex("transcribe", "talk.wav", "--timestamps", "word", "--speakers")
    assert (code, out) == (0, "00:00:00.000 A: Three\n00:00:02.000 A: rivers\n")
    code, out = pipelex("transcribe", "talk.wav", "--language", "de", "--json")
    reported = json.loads(out)
    assert (code, reported["text"], reported["duration_s"], reported["language"]) == (0, "Three rivers", 4.0, "de")
    assert (reported["segments"], reported["cost"]["amount"], reported["model"]) == ([], "0.0004", "ear")


def test_speak_writes_a_file_whose_suffix_says_its_encoding(pipelex: Any, project: Path) -> None:
    """A file without a suffix gets that of its type; a place that cannot be written is refused before anything is made."""
    assert pipelex("speak", "Hello there.") == (0, "speech.mp3\n")
    assert pipelex("speak", "Hello there.", "-o", "a/b.wav") == (0, "a/b.wav\n")
    assert (project / "a" / "b.wav").read_bytes()[:4] == b"RIFF"
    code, out = pipelex("speak", "Hello there.", "-o", "c", "--format", "pcm", "--json")
    reported = json.loads(out)
    assert (code, reported["path"], reported["content_type"], reported["sample_rate"]) == (
        0,
        "c.pcm",
        "audio/pcm",
        16_000,
    )
    assert reported["bytes"] == (project / "c.pcm").stat().st_size
    assert pipelex("speak", "Hello there.", "-o", str(project))[0] == 1
    assert pipelex("speak", " ")[0] == 1


def test_rerank_prints_documents_best_first(pipelex: Any, project: Path) -> None:
    """Of the command line, of a file's lines, or both."""
    code, out = pipelex("rerank", "long river", "a city", "a long river")
    assert (code, out) == (0, "1.0000  a long river\n0.0000  a city\n")
    (project / "texts.txt").write_text("a long river\n\na river\n")
    code, out = pipelex("rerank", "long river", "a city", "--lines", "texts.txt", "--top-n", "2", "--json")
    reported = json.loads(out)
    assert [each["index"] for each in reported["ranking"]] == [1, 2]
    assert (code, reported["ranking"][0]["document"], reported["score"]) == (0, "a long river", "relevance")
    assert pipelex("rerank", "long river")[0] == 2


def test_moderate_prints_a_verdict_for_each_text(pipelex: Any) -> None:
    """A dash for what is harmless; all categories and scores in JSON."""
    assert pipelex("moderate", "Hello.", "Bye.") == (0, "-\n-\n")
    code, out = pipelex("moderate", "Hello.", "--json")
    reported = json.loads(out)
    assert (code, reported["flagged"], reported["verdicts"][0]["scores"]) == (0, False, {"violence": 0.0})
    assert pipelex("moderate")[0] == 2


def test_every_one_of_them_can_be_called_by_its_name(pipelex: Any) -> None:
    """`pipelex call` reads what any capability takes."""
    assert pipelex("call", "transcribe", "talk.wav") == (0, "Three rivers\n")
    code, out = pipelex("call", "rerank", "long river", "a city", "a long river", "--set", "top_n=1", "--json")
    assert (code, json.loads(out)["ranking"]) == (0, [[1, 1.0]])
    assert json.loads(pipelex("call", "moderate", "Hello.", "--json")[1])["verdicts"][0]["flagged"] is False


def test_a_dry_run_and_an_explanation_know_them(pipelex: Any) -> None:
    """Each preset is tried with its record's sample; each handle is explained with its capability."""
    code, out = pipelex("validate", "--dry-run")
    assert code == 0
    code, out = pipelex("explain", "p-speak", "--capability", "speak", "--json")
    assert code == 0
    assert "mouth" in out


def test_generate_gives_several_answers_and_tells_likelihoods(pipelex: Any) -> None:
    """The answers one below the other; in JSON with how likely the first one's tokens were."""
    wanted = ("generate", "Name a river.", "-m", "chat", "-n", "2", "--logprobs", "1")
    assert pipelex(*wanted) == (0, "--- 1\nThe Rhine\n--- 2\nThe Rhine\n")
    code, out = pipelex(*wanted, "--json")
    found = json.loads(out)
    assert (code, found["text"], found["alternatives"]) == (0, "The Rhine", ["The Rhine"])
    assert "".join(token["token"] for token in found["logprobs"]) == "The Rhine"
    assert pipelex("generate", "Hi", "-m", "chat", "-n", "0")[0] == 1


def test_a_command_without_its_input_names_its_own_help(pipelex: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """And not that of all commands."""
    for name in ("rerank", "moderate", "embed"):
        assert pipelex(name)[0] == 2
    capsys.readouterr()
    assert run(["moderate"]) == 2
    assert "`pipelex moderate --help`" in capsys.readouterr().err
