"""What holds for every wire: no body makes a check raise, and every rule says where it was read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pipelex_rules
from pipelex_rules.facts.surroundings import MODELS, TOOLS, body_of
from pipelex_rules.wires import PLACES

WIRES = [(provider, api) for provider, apis in PLACES.items() for api in apis]
_WORDS = st.sampled_from(
    [
        "role",
        "content",
        "messages",
        "tools",
        "type",
        "function",
        "name",
        "parameters",
        "schema",
        "user",
        "assistant",
        "tool",
        "text",
        "image_url",
        "url",
        "input",
        "parts",
        "contents",
        "thinking",
        "tool_calls",
        "tool_use",
        "id",
        "tool_use_id",
        "call_id",
        "output_config",
        "format",
        "response_format",
        "json_schema",
        "strict",
        "$ref",
        "$defs",
        "properties",
        "items",
        "anyOf",
        "enum",
        "required",
        "system",
        "temperature",
        "model",
        "max_tokens",
        "source",
        "data",
        "generationConfig",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


def _mutate(value: Any, draw: Any) -> Any:
    """Replace something somewhere in a good body by anything."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: _mutate(value[key], draw)}
    if isinstance(value, list) and value and draw(st.booleans()):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], _mutate(value[index], draw), *value[index + 1 :]]
    return draw(_JSON)


@pytest.mark.parametrize(("provider", "api"), WIRES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_body_raises(provider: str, api: str, data: st.DataObject) -> None:
    """A check tells violations of any JSON value, or of a good body of which something was replaced, and raises nothing."""
    model = data.draw(
        st.sampled_from(
            [*MODELS.get((provider, api), ("a-model",)), "", "gpt-5.6-sol", "claude-opus-5", "gemini-3-flash"]
        )
    )
    good = {**body_of(provider, api, model), **({"tools": TOOLS[api]} if api in TOOLS else {})}
    body = data.draw(_JSON) if data.draw(st.booleans()) else _mutate(good, data.draw)

    violations = pipelex_rules.check(provider, api, body, model=model)

    for violation in violations:
        assert violation.words
        assert 400 <= violation.status <= 599
        assert violation.error
        assert violation.source
        assert violation.severity in {"refuse", "warn"}


@pytest.mark.parametrize(("provider", "api"), WIRES)
def test_deep_bodies_do_not_raise(provider: str, api: str) -> None:
    """A body nested thousands of levels deep is checked like any other."""
    deep: object = "x"
    for _ in range(5_000):
        deep = (
            {"properties": {"a": deep}, "content": deep, "items": [deep], "type": "object"}
            if isinstance(deep, str)
            else {"items": deep, "type": "array"}
        )
    good = body_of(provider, api, "a-model")

    for name in (*good, "tools", "response_format", "generationConfig"):
        pipelex_rules.check(provider, api, {**good, name: deep})
        pipelex_rules.check(provider, api, {**good, name: [deep]})


@pytest.mark.parametrize(("provider", "api"), WIRES)
def test_rules_say_where_they_were_read(provider: str, api: str) -> None:
    """Every rule has a name of its own in its wire, words, a source and a date."""
    wire = pipelex_rules.wire(provider, api)
    names = [rule.name for rule in wire.rules]

    assert len(names) == len(set(names))
    for rule in wire.rules:
        assert re.fullmatch(r"[a-z0-9-]+", rule.name)
        assert rule.words.endswith(".")
        assert rule.source.where
        assert re.fullmatch(r"20\d\d(-\d\d){0,2}", rule.source.as_of)


def test_unknown_wires_are_named() -> None:
    """A provider or API without rules is told by name."""
    with pytest.raises(pipelex_rules.UnknownWireError, match="no rules are known for cohere chat"):
        pipelex_rules.check("cohere", "chat", {})
    assert not pipelex_rules.speaks("openai", "ocr")
    assert pipelex_rules.speaks("vertexai", "generateContent")


def test_warnings_can_be_switched_off() -> None:
    """What only users report is told as a warning, and not at all with warnings=False."""
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "a"}], "tools": []}
    tool = {"type": "function", "function": {"name": "f", "description": "d" * 1_025}}
    request = {**body, "tools": [tool]}

    assert [violation.severity for violation in pipelex_rules.check("openai", "chat", request)] == ["warn"]
    assert pipelex_rules.check("openai", "chat", request, warnings=False) == ()
