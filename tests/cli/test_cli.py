"""The command line: its JSON, its exit codes, and what it writes."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli

from pipelex_cli.app import run
from pipelex_cli.starter import starter_files
from pipelex_core.client import Client
from pipelex_core.plugins import discover
from tests.documents.pdfs import lines, pdf

ROOT = Path(__file__).resolve().parents[2]


def test_the_repositorys_own_configuration_is_what_init_writes() -> None:
    """`.pipelex/` and `.env.example` are made from what the first-party plugins ship, and so never out of date."""
    expected = starter_files(discover(), {})
    for name, text in expected.items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"run: pipelex init --force ({name})"
    there = {str(file.relative_to(ROOT)) for file in (ROOT / ".pipelex").rglob("*") if file.is_file()}
    assert there | {".env.example"} == set(expected)


def test_env_example_has_every_variable_that_a_shipped_backend_reads() -> None:
    """Each once, with a comment above it."""
    import re

    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.split("=")[0] for line in lines if "=" in line and not line.startswith("#")]
    read: set[str] = set()
    for shipped in discover().shipped_specs:
        table = tomli.loads(shipped.file.read_text(encoding="utf-8"))["backend"]
        read |= {name for value in table.values() for name in re.findall(r"\$\{([A-Z0-9_]+)", str(value))}
    assert set(named) == read
    assert len(named) == len(set(named))
    assert all(lines[lines.index(f"{name}=") - 1].startswith("# ") for name in named)


def test_init_enables_what_needs_no_key_and_what_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment or in `.env` switches its backend on."""
    monkeypatch.setenv("MISTRAL_API_KEY", "m-123456")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-123456\n")
    assert run(["init", str(tmp_path)]) == 0
    backends = tomli.loads((tmp_path / ".pipelex/inference/backends.toml").read_text())
    enabled = {name for name, table in backends.items() if table["enabled"]}
    assert {"internal", "llamacpp", "mistral", "openai"} <= enabled
    assert not {"anthropic", "ollama", "google"} & enabled
    assert "123456" not in "".join(file.read_text() for file in (tmp_path / ".pipelex").rglob("*.toml"))


def test_init_again_adds_and_loses_nothing(initialised: Path, pipelex: Any) -> None:
    """Files stay; a table that is missing is added, a changed line is kept, `--force` replaces."""
    backends = initialised / ".pipelex/inference/backends.toml"
    tables = tomli.loads(backends.read_text())
    text = backends.read_text().replace('display_name = "OpenAI"', 'display_name = "Ours" # mine')
    start = text.index("[mistral]")
    end = text.index("[", start + 1)
    backends.write_text(text[:start] + text[end:])
    assert pipelex("init")[0] == 0
    after = backends.read_text()
    assert 'display_name = "Ours" # mine' in after
    assert set(tomli.loads(after)) == set(tables)
    code, out, _ = pipelex("init", "--json")
    assert (code, {row["outcome"] for row in json.loads(out)}) == (0, {"kept"})
    assert pipelex("init", "--force")[0] == 0
    assert "mine" not in backends.read_text()


def test_what_init_writes_is_valid_and_answers_by_default(initialised: Path, pipelex: Any) -> None:
    """No error, and each default leads to a model that needs no key."""
    code, out, _ = pipelex("validate", "--json")
    report = json.loads(out)
    assert (code, report["ok"]) == (0, True)
    assert not [problem for problem in report["problems"] if problem["severity"] == "error"]
    code, out, _ = pipelex("explain", Client.from_project(initialised).deck.default("llm.for_text"), "--json")
    assert (code, json.loads(out)["chosen"]["backend"]) == (0, "llamacpp")


def test_validate_shows_every_fault_with_its_place(initialised: Path, pipelex: Any) -> None:
    """Exit 1; each fault has the keys of the stable JSON shape, file and line."""
    deck = initialised / ".pipelex/inference/deck/base_deck.toml"
    deck.write_text(deck.read_text().replace("temperature = 0.9", "temprature = 0.9"))
    overrides = initialised / ".pipelex/inference/deck/overrides.toml"
    overrides.write_text('[aliases]\nround = "about"\nabout = "round"\n')
    code, out, _ = pipelex("validate", "inference", "--json")
    report = json.loads(out)
    assert (code, report["ok"]) == (1, False)
    errors = {problem["code"]: problem for problem in report["problems"] if problem["severity"] == "error"}
    assert set(errors) == {"unknown-key", "alias-cycle"}
    assert set(errors["unknown-key"]) >= {"severity", "code", "message", "file", "line", "column", "key", "suggestion"}
    assert errors["unknown-key"]["file"] == str(deck)
    assert "temprature" in deck.read_text().splitlines()[errors["unknown-key"]["line"] - 1]
    assert "temperature" in errors["unknown-key"]["suggestion"]
    code, out, err = pipelex("validate")
    assert (code, out) == (1, "")
    assert f"{deck}:{errors['unknown-key']['line']}:" in err


def test_a_faulty_configuration_is_an_error_object_for_every_command(initialised: Path, pipelex: Any) -> None:
    """No traceback; with `--json` one document, else a message on stderr; exit 1."""
    (initialised / ".pipelex/inference/backends.toml").write_text("[openai\n")
    code, out, _ = pipelex("generate", "Hi", "--json")
    error = json.loads(out)["error"]
    assert (code, error["type"]) == (1, "ModelsManagerError")
    assert set(error) >= {"type", "message", "backend", "model", "status", "request_id", "attempts"}
    code, out, err = pipelex("show", "models")
    assert (code, out) == (1, "")
    assert "backends.toml:1" in err


@pytest.mark.parametrize(
    "tokens", [["nonsense"], ["show"], ["show", "nonsense"], ["generate"], ["plugins", "--nonsense"]]
)
def test_wrong_usage_is_exit_2(pipelex: Any, tokens: list[str]) -> None:
    """With a hint on stderr, and nothing on stdout."""
    code, out, err = pipelex(*tokens)
    assert (code, out) == (2, "")
    assert "pipelex --help" in err


def test_show_models_has_every_model_of_every_enabled_backend_once(initialised: Path, pipelex: Any) -> None:
    """In the stable JSON shape."""
    code, out, _ = pipelex("show", "models", "--json")
    rows = json.loads(out)
    assert code == 0
    names = [row["model"] for row in rows]
    assert {"smollm2", "pypdfium2-extract-text"} <= set(names)
    assert len(names) == len(set(names))
    for row in rows:
        assert set(row) >= {
            "model",
            "backend",
            "sdk",
            "model_id",
            "model_type",
            "available",
            "reason",
            "route",
            "source",
        }
        assert set(row["route"]) == {"rule", "pattern", "backend", "source"}
    (row,) = (row for row in rows if row["model"] == "smollm2")
    assert (row["backend"], row["sdk"], row["available"], row["route"]["rule"]) == (
        "llamacpp",
        "llamacpp",
        True,
        "default",
    )
    assert row["source"].startswith("pipelex-backend-llamacpp ")


@pytest.mark.parametrize("what", ["backends", "models", "presets", "aliases", "routes"])
def test_show_prints_a_table_or_a_document(initialised: Path, pipelex: Any, what: str) -> None:
    """Every kind, both ways; `--available` leaves out what cannot be used."""
    code, out, _ = pipelex("show", what)
    assert code == 0
    assert len(out.splitlines()) > 2
    code, out, _ = pipelex("show", what, "--json")
    everything = json.loads(out)
    assert code == 0
    assert everything
    usable = json.loads(pipelex("show", what, "--available", "--json")[1])
    assert all(row.get("available", True) for row in usable)
    assert all(row["reason"] for row in everything if not row.get("available", True))


def test_explain_has_the_stable_shape(initialised: Path, pipelex: Any) -> None:
    """A preset over an alias over a chain: every member, its route, why it is skipped, and what was chosen."""
    (initialised / ".env").write_text("OPENAI_API_KEY=sk-a-key-of-openai\n")
    assert pipelex("enable", "openai")[0] == 0
    code, out, _ = pipelex("explain", "llm_to_extract_invoice", "--json")
    reported = json.loads(out)
    assert code == 0
    assert set(reported) >= {
        "handle", "kind", "capability", "setting", "chain", "chosen", "plugin", "endpoint", "api_key_variable", "costs",
    }  # fmt: skip
    assert (reported["kind"], reported["capability"], reported["setting"]) == ("preset", "llm", {"temperature": 0.1})
    assert reported["chosen"] == {
        "model": "gpt-6.1-sol",
        "backend": "openai",
        "sdk": "openai",
        "model_id": "gpt-6.1-sol",
    }
    assert reported["plugin"]["distribution"] == "pipelex-backend-openai"
    for member in reported["chain"]:
        assert set(member) >= {
            "model",
            "backend",
            "sdk",
            "model_id",
            "available",
            "reason",
            "route",
            "dropped_settings",
        }
        assert member["available"] or member["reason"]
    code, out, _ = pipelex("explain", "extract_text_from_pdf", "--json")
    assert json.loads(out)["capability"] == "extract"
    code, out, _ = pipelex("explain", "llm_to_extract_invoice")
    assert "base_deck.toml:" in out
    code, out, _ = pipelex("explain", "llm_to_extract_invoise", "--json")
    error = json.loads(out)["error"]
    assert (code, error["type"]) == (1, "LLMHandleNotFoundError")
    assert "llm_to_extract_invoice" in error["message"]


def test_plugins_are_listed_in_the_stable_shape(pipelex: Any) -> None:
    """Name, distribution, version, sdks, hooks, status, reason, and what loading it cost and changed."""
    rows = json.loads(pipelex("plugins", "--json")[1])
    assert {"openai", "llamacpp", "internal"} <= {row["name"] for row in rows}
    for row in rows:
        reported = {
            "name",
            "distribution",
            "version",
            "sdks",
            "hooks",
            "status",
            "reason",
            "seconds",
            "times",
            "touched",
        }
        assert set(row) == reported
        assert row["status"] == "ok"


def test_extract_gives_pages(initialised: Path, pipelex: Any) -> None:
    """Text for people, a document for programs; a missing file is an error that names it."""
    (initialised / "two.pdf").write_bytes(pdf(lines("First page"), lines("Second page")))
    code, out, _ = pipelex("extract", "two.pdf", "-m", "extract_text_from_pdf")
    assert (code, out) == (0, "First page\n\f\nSecond page\n")
    reported = json.loads(pipelex("extract", "two.pdf", "-m", "extract_text_from_pdf", "--json")[1])
    assert [(page["index"], page["text"], page["images"]) for page in reported["pages"]] == [
        (0, "First page", []),
        (1, "Second page", []),
    ]
    assert reported["usage"]["pages"] == 2
    code, _, err = pipelex("extract", "three.pdf")
    assert code == 1
    assert "three.pdf" in err


def test_another_profile_and_folder_for_one_run(
    initialised: Path, pipelex: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--profile` and `--config`, before or after the command."""
    monkeypatch.chdir("/")
    config = str(initialised / ".pipelex")
    for tokens in (
        ["--config", config, "explain", "smollm2", "--json"],
        ["explain", "smollm2", "--json", "--config", config],
    ):
        assert (
            json.loads(pipelex(*tokens, "--profile", "all_llamacpp")[1])["chain"][0]["route"]["backend"] == "llamacpp"
        )
    code, _, err = pipelex("--config", config, "--profile", "nonsense", "explain", "smollm2")
    assert code == 1
    assert "nonsense" in err


def test_pull_refuses_a_model_that_has_no_file(initialised: Path, pipelex: Any) -> None:
    """And says why."""
    code, _, err = pipelex("pull", "nonsense")
    assert code == 1
    assert "nonsense" in err


def test_a_schema_that_is_none_is_an_error(initialised: Path, pipelex: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is generated; the prompt may come from stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hello")))
    (initialised / "schema.json").write_text("[]")
    code, _, err = pipelex("generate", "-", "--schema", "schema.json")
    assert code == 1
    assert "not a JSON object" in err


def test_help_imports_no_sdk_and_the_module_runs() -> None:
    """`python -m pipelex_core --help` in a fresh interpreter; nothing heavy is imported for it."""
    program = "import sys; sys.argv = ['pipelex', '--help']\nfrom pipelex_cli import main\ntry: main()\nexcept SystemExit: pass\n"
    heavy = "openai anthropic xllamacpp pypdfium2 boto3 httpx2 aiohttp msgspec jsonschema pydantic"
    program += f"loaded = set('{heavy}'.split()) & set(sys.modules)\nassert not loaded, loaded"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "pipelex_core", "--version"], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "0.1.0"


PIPELEX = (sys.executable, "-m", "pipelex_core")


def shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command line in a shell, `pipelex` meaning this one; its exit code is that of `pipelex`."""
    script = f'set -o pipefail; pipelex() {{ {" ".join(PIPELEX)} "$@"; }}; {command}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env}
    )


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_reader_that_has_seen_enough_is_no_fault(initialised: Path, more: str) -> None:
    """`pipelex show routes | head -1`: one line, nothing on stderr, exit code 0."""
    done = shell(f"for _ in 1 2 3; do pipelex show routes {more} | (read line; echo line); done")
    assert (done.stdout, done.stderr, done.returncode) == ("line\nline\nline\n", "", 0)


@pytest.mark.parametrize("command", ["--help", "show --help", ""])
def test_help_without_a_reader_is_no_fault(command: str) -> None:
    """`pipelex --help | true`: exit code 0, like every other command."""
    done = shell(f"pipelex {command} | true")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_what_cannot_be_written_is_an_error_without_a_traceback(initialised: Path) -> None:
    """A full disk: one line, exit code 1. A closed stdout: nothing."""
    done = shell("pipelex show backends >/dev/full")
    assert (done.stderr, done.returncode) == ("pipelex: [Errno 28] No space left on device\n", 1)
    done = shell("pipelex show backends >&-")
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_terminal_without_unicode_gets_escapes(initialised: Path, more: str) -> None:
    """Not a traceback; JSON stays JSON."""
    done = shell(f"pipelex explain base-gpt {more}", PYTHONIOENCODING="ascii")
    assert (done.stderr, done.returncode) == ("", 0)
    if more:
        assert json.loads(done.stdout)["handle"] == "base-gpt"
    else:
        assert "\\u2192" in done.stdout


@pytest.mark.parametrize(
    "command, reported",
    [
        ("printf '\\xff' | pipelex generate -", "UnsupportedInputError: stdin is not UTF-8"),
        ("pipelex generate - <&-", "UnsupportedInputError: there is no stdin"),
        ("pipelex generate - </dev/null", "UnsupportedInputError: the prompt is empty"),
        ("pipelex generate $'\\xff'", "UnsupportedInputError: the text has a lone surrogate"),
        ("pipelex image - <&-", "UnsupportedInputError: there is no stdin"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_an_error(initialised: Path, command: str, reported: str) -> None:
    """From stdin or from the command line."""
    done = shell(command)
    assert done.stderr.startswith(reported)
    assert (done.stdout, done.returncode) == ("", 1)


def test_control_c_ends_a_call_quietly(initialised: Path) -> None:
    """Exit code 130, no traceback, and the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        backends = initialised / ".pipelex/inference/backends.toml"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        backends.write_text(f'[openai]\nendpoint = "{address}"\napi_key = "sk-123456"\n')
        for more in ((), ("--json",), ("--stream",)):
            command = [*PIPELEX, "generate", "x", "-m", "gpt-4o-mini", *more]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                connection, _ = server.accept()
                connection.recv(1)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=20)
                connection.close()
            assert (out.strip(), err, process.returncode) == ("", "", 130)


@pytest.mark.parametrize("name", [".env.example", ".env", ".pipelex/inference/routing_profiles.toml"])
def test_init_names_a_file_that_is_not_utf_8(tmp_path: Path, pipelex: Any, name: str) -> None:
    """It replaces nothing it cannot read."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"A=\xff")
    code, _, err = pipelex("init", str(tmp_path))
    assert code == 1
    assert str(file) in err
    assert "is not UTF-8" in err
    assert file.read_bytes() == b"A=\xff"


def test_help_has_no_options_that_only_negate(pipelex: Any) -> None:
    """No `--no-json` or `--empty-image`; `--no-stream` means something."""
    _, out, _ = pipelex("generate", "--help")
    assert "--no-stream" in out
    assert not {"--no-json", "--empty-image", "--no-debug"} & set(out.split())


@pytest.mark.parametrize("schema", [b"\xff", b"{", b"[" * 100_000, b"3"])
def test_a_schema_file_that_is_none_is_an_error(initialised: Path, pipelex: Any, schema: bytes) -> None:
    """Not UTF-8, not JSON, nested too deeply, no object."""
    (initialised / "schema.json").write_bytes(schema)
    code, out, err = pipelex("generate", "x", "--schema", "schema.json")
    assert (code, out) == (1, "")
    assert "schema.json" in err


def test_a_table_has_one_line_a_row_where_there_is_no_terminal(initialised: Path, pipelex: Any) -> None:
    """However long a reason is, so that `grep` finds it; and no blanks at its end."""
    _, out, _ = pipelex("show", "aliases")
    _, listed, _ = pipelex("show", "aliases", "--json")
    assert len(out.splitlines()) == len(json.loads(listed)) + 1
    assert all(line == line.rstrip() for line in out.splitlines())
