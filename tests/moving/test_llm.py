"""The folder of the command llm comes over: keys, further models, templates, aliases, the default model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipelex_core import Client, PipelexError
from tests.support.processes import run_pipelex

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
- model_id: house-7b
  model_name: house/7b-instruct
  api_base: http://127.0.0.1:8080/v1
  api_key_name: house
  aliases: [h]
  supports_schema: true
- model_id: house-70b
  api_base: http://127.0.0.1:8080/v1
  api_key_name: house
"""


@pytest.fixture
def llm(tmp_path: Path) -> Path:
    """A folder as llm writes it."""
    folder = tmp_path / "llm"
    (folder / "templates").mkdir(parents=True)
    keys = {
        "// Note": "a note",
        "openai": "sk-openai-0123456789",
        "house": "k-house-0123456789",
        "nobody": "k-nobody-0123",
    }
    (folder / "keys.json").write_text(json.dumps(keys))
    (folder / "aliases.json").write_text(
        json.dumps({"quick": "gpt-4o-mini", "best": "quick", "opus": "anthropic/claude-opus-4-5"})
    )
    (folder / "extra-openai-models.yaml").write_text(MODELS)
    (folder / "default_model.txt").write_text("gpt-4o-mini\n")
    (folder / "templates" / "short.yaml").write_text("In one line, $input")
    (folder / "templates" / "translate.yaml").write_text(
        'system: "Translate into $language; it costs $$1"\nmodel: best\ndefaults: {language: French}\nschema_object: {}\n'
    )
    return folder


def test_it_comes_over(llm: Path, tmp_path: Path) -> None:
    """Each handle leads to its model, templates are filled, keys are in `.env` alone."""
    done = run_pipelex("import", "llm", str(llm), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    environ = {"HOME": str(tmp_path), "ANTHROPIC_API_KEY": "k-0123456789"}
    with Client.from_project(tmp_path, environ=environ) as client:
        deck = client.deck

        def first(handle: str) -> tuple[str, str]:
            chosen = deck.resolve(handle).chosen
            assert chosen is not None
            assert chosen.spec is not None
            return chosen.spec.model_id, chosen.spec.backend

        assert first("best") == first(str(deck.default("llm.for_text")))
        assert first("best")[1] == "openai"
        assert first("h") == ("house/7b-instruct", "house")
        assert first("house-70b") == ("house-70b", "house")
        assert first("opus")[1] == "anthropic"
        assert deck.prompt("short").fill("Hi.") == (None, "In one line, Hi.")
        assert deck.prompt("translate").fill("Hi.") == ("Translate into French; it costs $1", "Hi.")
        assert deck.prompt("translate").model == "best"
    assert "no backend here is known to use the key of: nobody" in done.stderr
    assert "supports_schema" in done.stderr
    assert "schema_object" in done.stderr
    assert "0123456789" not in done.stdout + done.stderr
    assert (tmp_path / ".env").read_text().count("0123456789") == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("keys.json", "{", "keys.json: not valid JSON"),
        ("aliases.json", '{"a": "b", "b": "a"}', "aliases lead in a circle: a → b → a"),
        ("extra-openai-models.yaml", "a: 1", "a list of tables with model_id is expected"),
        ("templates/short.yaml", "[1]", "a template is a text"),
    ],
)
def test_a_fault_is_an_error_with_its_file(llm: Path, tmp_path: Path, name: str, text: str, message: str) -> None:
    """And nothing is written."""
    (llm / name).write_text(text)
    done = run_pipelex("import", "llm", str(llm), cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / ".pipelex").exists()


def test_no_folder_is_said(tmp_path: Path) -> None:
    """With how to find it."""
    from pipelex_core.plugins import discover
    from pipelex_import.catalogue import Known
    from pipelex_import.llm import read_llm

    with pytest.raises(PipelexError, match="there is no folder"):
        read_llm(tmp_path / "nowhere", Known.of(discover()))
