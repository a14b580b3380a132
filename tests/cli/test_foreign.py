"""Strings of other libraries are understood by `explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import run_pipelex

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "model", "backend"),
    [
        ("openai:gpt-4o-mini", "gpt-4o-mini", "openai"),
        ("google_genai:gemini-3.8-flash", "gemini-3.8-flash", "google"),
        ("anthropic:claude-sonnet-4-5", "claude-sonnet-4-5", "anthropic"),
    ],
)
def test_a_string_of_another_library_is_explained(tmp_path: Path, name: str, model: str, backend: str) -> None:
    """As the model that it is here, which is named."""
    keys = {"OPENAI_API_KEY": "k-0123456789", "ANTHROPIC_API_KEY": "k-0123456789", "GOOGLE_API_KEY": "k-0123456789"}
    done = run_pipelex("explain", name, "--json", cwd=tmp_path, **keys)
    assert done.returncode == 0, done.stderr
    chosen = json.loads(done.stdout)["chosen"]
    assert (chosen["backend"], chosen["model_id"].startswith(model)) == (backend, True)
    assert f"'{name}' is '" in done.stderr


def test_a_string_that_names_nothing_is_the_usual_error(tmp_path: Path) -> None:
    """With what was asked for."""
    done = run_pipelex("explain", "openai:no-such-model", cwd=tmp_path, OPENAI_API_KEY="k-0123456789")
    assert done.returncode == 1
    assert "'openai:no-such-model'" in done.stderr
