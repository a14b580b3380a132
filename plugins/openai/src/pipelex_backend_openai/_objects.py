"""What requests for objects have in common, whichever API they go to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.efforts import nearest_effort
from pipelex_core.errors import ContentFilterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.dialects import Adapted
    from pipelex_core.requests import ObjectRequest, TextRequest
    from pipelex_core.results import TextAnswer

_JSON_MODE = "Answer with nothing but a JSON object that follows this JSON schema:\n{schema}"


@frozen(kw_only=True)
class ObjectBody:
    """The body of a request for an object, and what the answer needs.

    Attributes:
        body: What to send.
        tool: Name of the tool whose arguments are the object, or None where the text is.
        sent: The schema that was sent, which answers are restored by; None where none was.
        others: Names of the caller's own tools beside that one.
    """

    body: dict[str, Any]
    tool: str | None = None
    sent: Adapted | None = None
    others: tuple[str, ...] = ()


def reported_schema(request: ObjectRequest) -> str:
    """What tells the model the schema: JSON mode knows none, and OpenAI wants the word JSON in the messages."""
    return _JSON_MODE.format(schema=json.dumps(request.schema, ensure_ascii=False))


def tool_choice(choice: str, named: Callable[[str], dict[str, Any]]) -> str | dict[str, Any]:
    """The choice of tools as it is sent: a word, or a tool by its name."""
    return choice if choice in ("auto", "none", "required") else named(choice)


def effort_of(request: TextRequest, traits: Traits) -> str | None:
    """The reasoning effort as the model takes it."""
    effort = request.reasoning_effort
    return effort if effort is None or not traits.effort_levels else nearest_effort(effort, traits.effort_levels)


def object_answer(answer: TextAnswer, sent: Adapted | None) -> TextAnswer:
    """The answer as a JSON document; a refusal is an error."""
    if answer.finish_reason == "content_filter":
        msg = f"the provider refused to answer: {answer.text}" if answer.text else "the provider withheld the answer"
        raise ContentFilterError(msg, request_id=answer.request_id, raw=answer.raw, usage=answer.usage)
    text = answer.text if sent is None else sent.restore(answer.text)
    return answer if text is answer.text else evolve(answer, text=text)
