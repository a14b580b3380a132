"""What AI providers refuse, as validators: one for each API, every rule with its source and date.

violations = pipelex_rules.check("openai", "chat", body)
if violations:
    answer = violations[0]
    print(answer.rule, answer.place, answer.words, answer.status, answer.error, answer.source)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules.rule import Request, Rule, Severity, Violation
from pipelex_rules.sources import Source
from pipelex_rules.values import Size
from pipelex_rules.wire import Wire
from pipelex_rules.wires import UnknownWireError, speaks, wire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = [
    "Request",
    "Rule",
    "Severity",
    "Size",
    "Source",
    "UnknownWireError",
    "Violation",
    "Wire",
    "check",
    "speaks",
    "wire",
]


def check(
    provider: str,
    api: str,
    body: Any,
    *,
    model: str = "",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    size: int | None = None,
    on: date | None = None,
    warnings: bool = True,
) -> tuple[Violation, ...]:
    """Tell what the provider would refuse in a request; empty where it would take it.

    Args:
        provider: Such as `openai`, `azure_openai`, `anthropic`, `google`, `mistral`, `bedrock`, `groq`, `xai`, `deepseek`,
            `openrouter`, `ollama`, `fal`; `compatible` for any other endpoint that speaks OpenAI's chat completions.
        api: Such as `chat`, `responses`, `images`, `images/edits`, `embeddings`, `moderations`, `rerank`, `audio/speech`,
            `audio/transcriptions`, `messages`, `rawPredict`, `count_tokens`, `generateContent`, `predict`, `ocr`, `converse`,
            `queue`, `batch`.
        body: The JSON body, parsed; any value. Files of a form are bytes, or a `Size` where they are not in memory.
        model: The model, where the path names it and not the body (Gemini, Bedrock, Azure's deployments, fal).
        headers: The request's headers, names in lower case.
        query: The query's parameters.
        size: How many bytes the body has as it is sent; counted roughly where it is not given.
        on: The day for which to check: rules that came into force later are left out. None for all rules.
        warnings: Whether to tell what only users report or clients assume; such violations have the severity `warn`.

    Returns:
        The violations, those with severity `refuse` first.

    Raises:
        UnknownWireError: No rules are known for this provider's API; nothing else is raised, whatever the body is.
    """
    request = Request(body=body, model=model, headers=headers or {}, query=query or {}, size=size)
    return wire(provider, api).check(request, on=on.isoformat() if on else None, warnings=warnings)
