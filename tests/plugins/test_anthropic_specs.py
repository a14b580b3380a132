"""The models the plugin ships: complete, consistent, and asked for in a way a server that checks accepts."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import tomli

from pipelex_backend_anthropic import pipelex_backends, pipelex_model_specs
from pipelex_core.constraints import CONSTRAINTS, fit
from pipelex_core.parts import Tool
from pipelex_core.settings import REASONING_EFFORTS
from tests.servers.anthropic import ANSWER, AnthropicServer, config, opened, requested, spec

FILE = tomli.loads(pipelex_model_specs()["anthropic"].read_bytes().decode(), parse_float=Decimal)
BACKEND, DEFAULTS = FILE.pop("backend"), FILE.pop("defaults")
MODELS: dict[str, dict[str, Any]] = {name: {**DEFAULTS, **table} for name, table in FILE.items()}
OPTIONS = {option.name: option for option in pipelex_backends()["anthropic"].model_options}
KNOWN = {
    *("as_of", "constraints", "context_window", "costs", "inputs", "max_prompt_images", "max_tokens", "model_id"),
    *("model_type", "outputs", "prompting_target", "sdk", "deprecated_on", "retired_on", "successor"),
}


def test_the_backend_reads_one_variable() -> None:
    """Its table in backends.toml has a name for people and the key's variable."""
    assert BACKEND == {"display_name": "Anthropic", "api_key": "${ANTHROPIC_API_KEY}"}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_described_in_known_words(name: str) -> None:
    """Keys, constraints and options exist, and limits make sense."""
    model = MODELS[name]
    assert model.keys() <= KNOWN | OPTIONS.keys()
    assert set(model["constraints"]) <= CONSTRAINTS.keys()
    for option in model.keys() & OPTIONS.keys():
        assert not OPTIONS[option].choices or model[option] in OPTIONS[option].choices
    assert model["max_tokens"] < model["context_window"]
    assert date.fromisoformat(model["as_of"]).year == 2026


@pytest.mark.parametrize("name", [name for name in MODELS if "costs" in MODELS[name]])
def test_prices_are_a_providers(name: str) -> None:
    """Output costs five times the input, to write a cache of five minutes a quarter more, of an hour twice as much."""
    costs = MODELS[name]["costs"]
    assert costs["output"] == 5 * costs["input"]
    assert costs["input_cached"] < costs["input"] < costs["input_cache_write"]
    if not MODELS[name]["model_id"].startswith("claude-3-haiku"):  # 0.30 where 0.3125 would be exact
        assert costs["input_cache_write"] == costs["input"] * Decimal("1.25")
        assert costs.get("input_cache_write_1h") in {None, costs["input"] * 2}


def test_ids_are_told_once() -> None:
    """No two names stand for the same model."""
    ids = [model["model_id"] for model in MODELS.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_asked_rightly(name: str) -> None:
    """With settings fitted to the model, every request is one that the API is documented to take."""
    model = MODELS[name]
    options = {key: value for key, value in model.items() if key in OPTIONS}
    made = spec(
        name=name,
        model_id=model["model_id"],
        max_tokens=model["max_tokens"],
        constraints=frozenset(model["constraints"]),
        options=options,
    )
    efforts = ("minimal", "medium", "max") if options.get("thinking_off") == "never" else REASONING_EFFORTS

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            settings: list[dict[str, Any]] = [
                {"temperature": 0.5},
                *({"reasoning_effort": effort} for effort in efforts),
            ]
            for wanted in settings:
                fields = dict(fit({"seed": 1, **wanted}, made).settings)
                answer = await backend.generate_text(requested(spec=made, tools=(Tool(name="weather"),), **fields))
                assert answer.text == ANSWER
                assert server.bodies[-1]["max_tokens"] <= model["max_tokens"]

    asyncio.run(main())
