"""Every language model that plugins ship is asked as its provider takes it: alone, with an effort, without one, with a temperature."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation import Validation
from pipelex_core.config import load
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = """
[anthropic]
api_key = "a-key-of-anthropic"
[azure_openai]
endpoint = "https://acme.openai.azure.com"
api_version = "2025-04-01-preview"
azure_ad_token = "an-entra-token"
[bedrock]
aws_region = "us-east-1"
[deepseek]
api_key = "a-key-of-deepseek"
[google]
api_key = "a-key-of-google"
[groq]
api_key = "a-key-of-groq"
[mistral]
api_key = "a-key-of-mistral"
[openai]
api_key = "a-key-of-openai"
[openrouter]
api_key = "a-key-of-openrouter"
[perplexity]
api_key = "a-key-of-perplexity"
[vertexai]
gcp_project_id = "p"
gcp_location = "europe-west4"
[xai]
api_key = "a-key-of-xai"
"""
NAMES = ("openai", "azure_openai", "anthropic", "bedrock", "google", "groq", "mistral", "openrouter", "vertexai", "xai")
SLICES = 4
QUICK = {("groq", 0), ("xai", 1)}
"""What a default run looks at; the slow one looks at every model."""


@pytest.mark.parametrize(
    "backend, part",
    [
        pytest.param(backend, part, marks=[] if (backend, part) in QUICK else [pytest.mark.slow])
        for backend in NAMES
        for part in range(SLICES)
    ],
)
def test_no_shipped_model_is_asked_for_what_it_refuses(tmp_path: Path, backend: str, part: int) -> None:
    """Whatever its table says that it takes, its provider takes."""
    folder = tmp_path / ".pipelex" / "inference"
    (folder / "deck").mkdir(parents=True)
    (folder / "backends.toml").write_text(BACKENDS)
    (folder / "routing_profiles.toml").write_text(f'active = "one"\n[profiles.one]\ndefault = "{backend}"\n')
    deck = folder / "deck" / "all.toml"
    deck.write_text("[aliases]\n")
    models = load(config=folder, environ={}, plugins=discover()).deck.models
    specs = [
        entry.spec
        for entry in models.values()
        if entry.spec is not None
        and entry.spec.backend == backend
        and entry.spec.model_type == ModelType.LLM
        and entry.available
        and not entry.spec.retired_on
    ]
    presets = []
    for number, spec in enumerate(specs[part::SLICES]):
        settings = [""]
        if "no_reasoning_effort" not in spec.constraints:
            settings += ['reasoning_effort = "high"', 'reasoning_effort = "none"']
        if not {"no_temperature", "temperature_must_be_1"} & set(spec.constraints):
            settings.append("temperature = 0.3")
        presets += [
            f"[llm.presets.p{number}_{at}]\nmodel = {json.dumps(spec.name)}\n{setting}\n"
            for at, setting in enumerate(settings)
        ]
    assert presets
    deck.write_text("\n".join(presets))
    validation = Validation(tmp_path, environ={}, plugins=discover())
    done = asyncio.run(validation.dry_run())
    assert done is not None, validation.report().problems
    reported = [problem.message for problem in validation.report().problems if problem.code == "dry-run-failed"]
    assert (reported, done.failed) == ([], 0)
