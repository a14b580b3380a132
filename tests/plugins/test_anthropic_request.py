"""Settings on their way to the API: token limits, sampling, stop strings, tools demanded, reasoning."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipelex_backend_anthropic._request import message_body
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import Tool
from tests.servers.anthropic import ANSWER, AnthropicServer, config, opened, requested, spec

TOOLS = (Tool(name="weather"), Tool(name="news"))


def body_of(options: dict[str, Any] | None = None, /, **fields: Any) -> dict[str, Any]:
    return message_body(requested(**fields), options or {})


@pytest.mark.parametrize(
    "of_spec, requested_for, sent",
    [
        (64000, None, 32000),
        (4096, None, 4096),
        (None, None, 4096),
        (64000, 50000, 50000),
        (None, 100, 100),
    ],
)
def test_max_tokens_is_always_sent(of_spec: int | None, requested_for: int | None, sent: int) -> None:
    """The API wants a number: the request's, else the model's own, no more than 32,000, else what every model has."""
    assert body_of(spec=spec(max_tokens=of_spec), max_tokens=requested_for)["max_tokens"] == sent


@pytest.mark.parametrize(
    "model_id, is_capped",
    [
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-0", True),
        ("claude-4-opus-20250514", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4", True),
        ("anthropic/claude-sonnet-4@20250514", True),
        ("claude-3-haiku-20240307", False),
        ("claude-3-7-sonnet-20250219", False),
        ("claude-sonnet-5", False),
        ("claude-opus-41", False),
    ],
)
def test_claude_4_tokens_limit(model_id: str, is_capped: bool) -> None:
    """The backend's option caps what is asked of a Claude 4 model, and of no other."""
    options = {"claude_4_tokens_limit": 8192}
    model = spec(model_id=model_id)
    limit = 8192 if is_capped else 32000
    assert body_of(options, spec=model)["max_tokens"] == limit
    assert body_of(options, spec=model, max_tokens=32000)["max_tokens"] == limit
    assert body_of(options, spec=model, max_tokens=100)["max_tokens"] == 100


def test_settings_that_are_absent_are_not_sent() -> None:
    """A plain request has a model, a limit and messages, and nothing else."""
    assert body_of().keys() == {"model", "max_tokens", "messages"}


def test_settings_are_sent_as_they_are() -> None:
    """What core left in a request goes out unchanged."""
    body = body_of(temperature=0.25, top_p=0.5, stop=("END", "\n\n"))
    assert (body["temperature"], body["top_p"], body["stop_sequences"]) == (0.25, 0.5, ["END", "\n\n"])


def test_a_seed_is_refused() -> None:
    """The API has no seed; a spec without the constraint gets a clear error, not a request that fails."""
    with pytest.raises(UnsupportedInputError, match="no_seed"):
        body_of(seed=7)


@pytest.mark.parametrize(
    "choice, sent",
    [
        (None, None),
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("news", {"type": "tool", "name": "news"}),
    ],
)
def test_tool_choices(choice: str | None, sent: dict[str, str] | None) -> None:
    """Each choice is the API's own."""
    assert body_of(tools=TOOLS, tool_choice=choice).get("tool_choice") == sent


@pytest.mark.parametrize("choice", ["required", "news"])
def test_a_model_may_not_let_a_tool_be_demanded(choice: str) -> None:
    """Where the spec says so, or while it reasons, a demanded tool is refused before the API does."""
    with pytest.raises(UnsupportedInputError, match="at all"):
        body_of(spec=spec(options={"forced_tools": False}), tools=TOOLS, tool_choice=choice)
    with pytest.raises(UnsupportedInputError, match="while it reasons"):
        body_of(reasoning_effort="high", tools=TOOLS, tool_choice=choice)
    assert body_of(spec=spec(options={"forced_tools": False}), tools=TOOLS, tool_choice="auto")["tool_choice"]


BUDGET = {"thinking": "budget"}
ADAPTIVE = {"thinking": "adaptive", "effort_levels": ["low", "medium", "high", "max"]}
ON = {"thinking": "on", "thinking_off": "disabled"}


@pytest.mark.parametrize(
    "options, effort, thinking, sent_effort",
    [
        (BUDGET, None, None, None),
        (BUDGET, "none", None, None),
        (BUDGET, "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        (BUDGET, "medium", {"type": "enabled", "budget_tokens": 8192}, None),
        (ADAPTIVE, "none", None, None),
        (ADAPTIVE, "minimal", {"type": "adaptive"}, "low"),
        (ADAPTIVE, "high", {"type": "adaptive"}, "high"),
        (ADAPTIVE, "xhigh", {"type": "adaptive"}, "high"),
        (ADAPTIVE, "max", {"type": "adaptive"}, "max"),
        ({}, "xhigh", {"type": "adaptive"}, "xhigh"),
        ({"effort_levels": ["medium", "high"]}, "low", {"type": "adaptive"}, "medium"),
        (ON, "none", {"type": "disabled"}, None),
        (ON, "low", None, "low"),
        ({"thinking_off": "between_tools"}, "none", {"type": "between_tools"}, None),
    ],
)
def test_reasoning_effort(
    options: dict[str, Any], effort: str | None, thinking: dict[str, Any] | None, sent_effort: str | None
) -> None:
    """An effort is asked for in the form the model knows; one it lacks becomes the next lower."""
    body = body_of(spec=spec(options=options), reasoning_effort=effort)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == sent_effort


def test_a_model_that_always_reasons() -> None:
    """Not to reason cannot be asked of it; the error names the least that can."""
    with pytest.raises(UnsupportedInputError, match='reasoning_effort = "low"'):
        body_of(spec=spec(options={"thinking_off": "never"}), reasoning_effort="none")


def test_a_budget_of_the_request() -> None:
    """It is sent as it is, 0 meaning none, and a default limit leaves room for the answer beside it."""
    body = body_of(reasoning_budget=20_000)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 20_000}
    assert body["max_tokens"] == 52_000
    assert body_of(reasoning_budget=40_000)["max_tokens"] == 64_000
    assert "thinking" not in body_of(reasoning_budget=0)


@pytest.mark.parametrize("fields", [{"reasoning_budget": 500}, {"reasoning_budget": 4000, "max_tokens": 4000}])
def test_a_budget_the_api_would_refuse(fields: dict[str, int]) -> None:
    """Below 1,024, or not below max_tokens, is an error of its own, before a request."""
    with pytest.raises(UnsupportedInputError, match="reasoning_budget"):
        body_of(**fields)


def test_an_effort_fits_its_budget_into_max_tokens() -> None:
    """An effort stands for a budget that leaves room to answer; where there is none, that is an error."""
    body = body_of(spec=spec(options=BUDGET), reasoning_effort="max", max_tokens=4000)
    assert body["thinking"]["budget_tokens"] == 4000 - 1024
    with pytest.raises(UnsupportedInputError, match="max_tokens of 1500"):
        body_of(spec=spec(options=BUDGET), reasoning_effort="low", max_tokens=1500)


@pytest.mark.parametrize("setting", [{"temperature": 0.5}, {"top_p": 0.5}])
def test_reasoning_bars_sampling(setting: dict[str, float]) -> None:
    """The API refuses a temperature or top_p beside thinking; so do we, saying which two."""
    with pytest.raises(UnsupportedInputError, match="leave one of them out"):
        body_of(reasoning_effort="high", **setting)
    assert body_of(reasoning_effort="high", temperature=1.0)["temperature"] == 1.0
    assert body_of(reasoning_effort="none", **setting).items() >= setting.items()


@pytest.mark.parametrize(
    "options, fields",
    [
        (BUDGET, {"reasoning_effort": "max"}),
        (BUDGET, {"reasoning_effort": "minimal", "max_tokens": 2048, "temperature": 1.0}),
        (BUDGET, {"reasoning_budget": 63_000, "max_tokens": 64_000}),
        (ADAPTIVE, {"reasoning_effort": "max", "tools": TOOLS, "tool_choice": "auto"}),
        (ON, {"reasoning_effort": "low", "tools": TOOLS, "tool_choice": "required"}),
        ({}, {"temperature": 0.0, "stop": ("END",), "tools": TOOLS, "tool_choice": "weather"}),
    ],
)
def test_what_is_sent_is_accepted(options: dict[str, Any], fields: dict[str, Any]) -> None:
    """A server that checks requests as the API does takes what the settings become."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            assert (await backend.generate_text(requested(spec=spec(options=options), **fields))).text == ANSWER

    asyncio.run(main())
