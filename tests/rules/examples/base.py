"""An example of a rule, and what several of them are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_rules.facts.surroundings import MODELS, PATH_MODEL, body_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PNG = "data:image/png;base64,iVBORw0KGgo="
STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": FUNCTION}]


@frozen(kw_only=True)
class Example:
    """A rule, and what keeps and breaks it.

    Attributes:
        rule: Its id, such as `openai.chat.prediction-alone`.
        good: What is sent over a plain request, and taken.
        bad: What is sent, and refused.
        model: The model that is asked; by default the usual one of the API.
        headers: The headers of the bad request.
    """

    rule: str
    good: Mapping[str, Any] = field(factory=dict)
    bad: Mapping[str, Any]
    model: str = ""
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def wire(self) -> tuple[str, str]:
        """Provider and API."""
        provider, api, _ = self.rule.split(".", 2)
        return provider, api

    def request(self, fields: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The body, and the model that the path names."""
        provider, api = self.wire
        model = self.model or MODELS.get((provider, api), MODELS.get(("openai", api), ("a-model",)))[0]
        body = {**body_of(provider, api, model), **fields}
        return {name: value for name, value in body.items() if value is not None}, model if api in PATH_MODEL else ""


def strict_object(**properties: Any) -> dict[str, Any]:
    """A strict object with these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def responses_format(schema: Any) -> dict[str, Any]:
    """Structured output of the Responses API."""
    return {"text": {"format": {"type": "json_schema", "name": "r", "strict": True, "schema": schema}}}


def chat_format(schema: Any) -> dict[str, Any]:
    """Structured output of chat completions."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": schema}}}


def claude_format(schema: Any) -> dict[str, Any]:
    """Claude's structured output."""
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def user(*parts: Any) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": list(parts)}
