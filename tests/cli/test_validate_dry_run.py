"""`validate --dry-run`: every preset is called once, on the mock; what would fail is told, and nothing is sent."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.app import run
from pipelex_cli.validation import Validation
from pipelex_core.plugins import discover
from tests.support.projects import write_inference

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.errors import Problem

FILES = {
    "backends.toml": '[acme]\nendpoint = "https://acme.test/v1"\napi_key = "a-key-of-acme"\n[reader]\napi_key = "a-key-of-reader"\n',
    "backends/acme.toml": """
        [talker]
        sdk = "openai"
        outputs = ["text", "structured"]
        [teller]
        sdk = "openai"
        outputs = ["text"]
        [painter]
        sdk = "openai_img_gen"
        [no-painter]
        sdk = "anthropic"
        model_type = "img_gen"
    """,
    "backends/reader.toml": '[scan]\nsdk = "mistral"\nmodel_type = "text_extractor"\ninputs = ["images"]\n',
    "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "acme"\n[profiles.a.routes]\nscan = "reader"\n',
    "deck/deck.toml": """
        [llm.choice_defaults]
        for_text = "talk"
        for_object = "talk"
        [llm.presets.talk]
        model = "talker"
        temperature = 0.5
        [extract.presets.read]
        model = "scan"
        [img_gen.presets.paint]
        model = "painter"
        quality = "low"
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_inference(tmp_path, FILES)
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whoever makes a connection, or looks up a name, is noted and refused."""
    requested: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        requested.append(repr(arguments))
        raise OSError("no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
    return requested


def tried(project: Path) -> tuple[Any, list[Problem]]:
    """The dry run, and its problems."""
    validation = Validation(project, environ={}, plugins=discover())
    done = asyncio.run(validation.dry_run())
    return done, [problem for problem in validation.report().problems if problem.code == "dry-run-failed"]


def test_a_sound_deck(project: Path, no_network: list[str]) -> None:
    """Every preset and default is called, whatever it is for, and nothing is sent."""
    done, problems = tried(project)
    assert [problem.message for problem in problems] == []
    assert (done.calls, done.requests, done.failed) == (5, 5, 0)
    assert no_network == []


def test_what_would_fail_is_told_where_it_is_written(project: Path, no_network: list[str]) -> None:
    """A plugin that cannot do it, and a model that gives no objects: an error each, with file and line."""
    deck = project / ".pipelex/inference/deck/deck.toml"
    text = deck.read_text().replace('model = "painter"', 'model = "no-painter"')
    deck.write_text(text.replace('for_object = "talk"', 'for_object = "teller"'))
    done, problems = tried(project)
    assert done.failed == 2
    assert [problem.severity for problem in problems] == ["error", "error"]
    reported = "\n".join(problem.message for problem in problems)
    assert (
        "preset 'paint' would fail: 'no-painter': sdk 'anthropic' of backend 'acme' has no ImageGenerator" in reported
    )
    assert "the default for llm.for_object would fail: 'teller': model 'teller' gives no structured output" in reported
    assert all(problem.file == str(deck) and problem.line for problem in problems)
    assert no_network == []


def test_a_chain_that_would_move_on_is_a_warning(project: Path) -> None:
    """Another member answers: it is told, and no error."""
    deck = project / ".pipelex/inference/deck/deck.toml"
    aliases = '[aliases]\npictures = ["no-painter", "painter"]\n'
    deck.write_text(aliases + deck.read_text().replace('model = "painter"', 'model = "pictures"'))
    done, problems = tried(project)
    assert (done.requests, done.failed) == (6, 0)
    assert [(problem.severity, "would move on" in problem.message) for problem in problems] == [("warning", True)]


def test_a_model_that_cannot_be_called_is_a_warning(project: Path) -> None:
    """A preset of a backend that is off: it would fail, which the mock cannot mend."""
    backends = project / ".pipelex/inference/backends.toml"
    backends.write_text(backends.read_text().replace("[reader]", "[reader]\nenabled = false"))
    done, problems = tried(project)
    assert done.failed == 1
    assert [(problem.severity, "preset 'read' cannot be called" in problem.message) for problem in problems] == [
        ("warning", True)
    ]


def test_the_command(project: Path, capsys: pytest.CaptureFixture[str], no_network: list[str]) -> None:
    """`--dry-run` ends with 0 or 1, and its summary says what was done."""
    config = ["--config", os.fspath(project / ".pipelex"), "validate", "--dry-run"]
    assert run(config) == 0
    assert "dry run: 5 calls, 5 requests, none sent, 0 would fail" in capsys.readouterr().err
    deck = project / ".pipelex/inference/deck/deck.toml"
    deck.write_text(deck.read_text().replace('model = "painter"', 'model = "no-painter"'))
    assert run(config) == 1
    assert "dry-run-failed" in capsys.readouterr().err
    assert no_network == []


@pytest.mark.parametrize(
    "model_id, preset, rule",
    [
        ("gpt-5", "temperature = 0.5", "openai.chat.sampling-while-reasoning"),
        ("gpt-4.1", "temperature = 0.5", None),
        ("gpt-4o", "max_tokens = 20000", "openai.chat.more-tokens-than-the-model-has"),
    ],
)
def test_what_a_provider_would_refuse_is_a_fault(
    tmp_path: Path, no_network: list[str], model_id: str, preset: str, rule: str | None
) -> None:
    """A preset whose request its provider would refuse is a fault that names the rule; nothing is sent, no key is told."""
    files = {
        "backends.toml": '[openai]\napi_key = "sk-a-key-of-openai"\n',
        "backends/openai.toml": f'[thinker]\nsdk = "openai"\nmodel_id = "{model_id}"\noutputs = ["text"]\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "openai"\n',
        "deck/deck.toml": f'[llm.presets.talk]\nmodel = "thinker"\n{preset}\n',
    }
    write_inference(tmp_path, files)

    done, problems = tried(tmp_path)

    assert done.failed == (1 if rule else 0)
    assert [(problem.severity, f"(rule {rule}," in problem.message) for problem in problems] == (
        [("error", True)] if rule else []
    )
    assert "sk-a-key" not in "".join(problem.message for problem in problems)
    assert no_network == []


@pytest.mark.parametrize("credentials", ['aws_profile = "nobody"', 'aws_role_arn = "arn:aws:iam::1:role/r"', ""])
@pytest.mark.parametrize(
    "preset, rule",
    [
        ("temperature = 0.5\ntop_p = 0.5", "bedrock.converse.sampling-of-claude"),
        ("temperature = 0.5", None),
    ],
)
def test_what_bedrock_would_refuse_is_a_fault(
    tmp_path: Path, no_network: list[str], credentials: str, preset: str, rule: str | None
) -> None:
    """Though botocore brings connections of its own: none is opened, and no credentials are looked up."""
    files = {
        "backends.toml": f'[bedrock]\naws_region = "us-east-1"\n{credentials}\n',
        "backends/bedrock.toml": '[thinker]\nsdk = "bedrock"\nmodel_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"\noutputs = ["text"]\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "bedrock"\n',
        "deck/deck.toml": f'[llm.presets.talk]\nmodel = "thinker"\n{preset}\n',
    }
    write_inference(tmp_path, files)

    done, problems = tried(tmp_path)

    assert done.failed == (1 if rule else 0)
    assert [(problem.severity, f"(rule {rule}," in problem.message) for problem in problems] == (
        [("error", True)] if rule else []
    )
    assert no_network == []


@pytest.mark.parametrize(
    "backend, model_id, preset, rule",
    [
        ("openai", "gpt-4o-transcribe", 'timestamps = "word"', "openai.audio/transcriptions.format-of-the-model"),
        ("openai", "whisper-1", 'timestamps = "word"', None),
        ("mistral", "voxtral-mini-latest", 'timestamps = "word"', None),
        ("groq", "whisper-large-v3", 'timestamps = "word"', None),
    ],
)
def test_forms_are_looked_at(  # noqa: PLR0917 -- one argument a column
    tmp_path: Path, no_network: list[str], backend: str, model_id: str, preset: str, rule: str | None
) -> None:
    """What is sent as a form, with a file in it, has rules as well."""
    sdk = "mistral" if backend == "mistral" else "openai"
    files = {
        "backends.toml": f'[{backend}]\napi_key = "a-key-of-theirs"\n',
        f"backends/{backend}.toml": f'[hearer]\nsdk = "{sdk}"\nmodel_type = "transcriber"\nmodel_id = "{model_id}"\n',
        "routing_profiles.toml": f'active = "a"\n[profiles.a]\ndefault = "{backend}"\n',
        "deck/deck.toml": f'[transcribe.presets.hear]\nmodel = "hearer"\n{preset}\n',
    }
    write_inference(tmp_path, files)

    done, problems = tried(tmp_path)

    assert done.calls == 1
    assert [f"(rule {rule}," in problem.message for problem in problems] == ([True] if rule else []), problems
    assert no_network == []


_AZURE = 'endpoint = "https://acme.openai.azure.com"\napi_version = "2025-04-01-preview"\nazure_ad_token = "an-entra-token"\n'
_VERTEX = 'gcp_project_id = "p"\ngcp_location = "europe-west4"\ngcp_credentials_file_path = "nowhere.json"\n'


@pytest.mark.parametrize(
    "backend, table, model, preset, rule",
    [
        (
            "azure_openai",
            _AZURE,
            'sdk = "azure_openai"\nmodel_id = "gpt-4o"',
            "max_tokens = 20000",
            "azure_openai.chat.more-tokens-than-the-model-has",
        ),
        ("azure_openai", _AZURE, 'sdk = "azure_openai"\nmodel_id = "gpt-4o"', "max_tokens = 200", None),
        (
            "vertexai",
            _VERTEX,
            'sdk = "vertexai"\nmodel_id = "gemini-2.5-pro"\nthinking = "budget"',
            "reasoning_budget = 40000",
            "google.generateContent.budget-range",
        ),
        (
            "vertexai",
            _VERTEX,
            'sdk = "openai"\nmodel_id = "google/gemini-2.5-pro"\nthinking = "budget"',
            "reasoning_budget = 40000",
            "google.generateContent.budget-range",
        ),
        (
            "vertexai",
            _VERTEX,
            'sdk = "anthropic"\nmodel_id = "claude-sonnet-4-5@20250929"',
            "temperature = 0.5\ntop_p = 0.5",
            "anthropic.rawPredict.both-samplings",
        ),
        ("vertexai", _VERTEX, 'sdk = "anthropic"\nmodel_id = "claude-sonnet-4-5"', "temperature = 0.5", None),
        (
            "vertexai",
            _VERTEX,
            'sdk = "mistral"\nmodel_id = "mistral-medium-3"',
            "temperature = 1.8",
            "mistral.chat.temperature.high",
        ),
        (
            "ollama",
            'endpoint = "http://127.0.0.1:11434/v1"\n',
            'sdk = "openai"\nmodel_id = "llama3.2"',
            'reasoning_effort = "high"',
            "ollama.chat.thinking-of-the-model",
        ),
    ],
)
def test_what_is_sent_without_a_key_is_looked_at_as_well(  # noqa: PLR0917 -- one argument a column
    tmp_path: Path, no_network: list[str], backend: str, table: str, model: str, preset: str, rule: str | None
) -> None:
    """A token, a service account's file, or nothing at all in its place: no file is read, and no token is fetched."""
    files = {
        "backends.toml": f"[{backend}]\n{table}",
        f"backends/{backend}.toml": f'[thinker]\n{model}\noutputs = ["text"]\nconstraints = ["temperature_up_to_2"]\n',
        "routing_profiles.toml": f'active = "a"\n[profiles.a]\ndefault = "{backend}"\n',
        "deck/deck.toml": f'[llm.presets.talk]\nmodel = "thinker"\n{preset}\n',
    }
    write_inference(tmp_path, files)

    done, problems = tried(tmp_path)

    assert [(problem.severity, f"(rule {rule}," in problem.message) for problem in problems] == (
        [("error", True)] if rule else []
    ), [problem.message for problem in problems]
    assert done.failed == (1 if rule else 0)
    assert "an-entra-token" not in "".join(problem.message for problem in problems)
    assert no_network == []
