"""The rulebook in a loopback server: what a provider would refuse is refused, with its status, code and form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

import pipelex_rules
from pipelex_rules.routes import api_of, provider_of
from pipelex_testing.replies import FormFile, Reply

if TYPE_CHECKING:
    from datetime import date

    from pipelex_rules import Violation
    from pipelex_testing.replies import Received


@frozen(kw_only=True)
class Rulebook:
    """The rules of a provider, as a server of its API applies them.

    Attributes:
        provider: Whose rules; a name that `pipelex_rules.check` knows.
        warnings: Whether what only users report or clients assume is refused as well.
        without: Ids of rules that are not applied, such as `openai.chat.effort-levels`, for a provider that differs.
        on: The day whose rules hold; None for today: models retire, and what was recorded earlier had them.
    """

    provider: str
    warnings: bool = True
    without: frozenset[str] = frozenset()
    on: date | None = None

    def violations(self, request: Received) -> tuple[Violation, ...]:
        """What a request breaks; nothing for one that is not a POST of JSON or of a form, or whose API has no rules."""
        route = api_of(self.provider, request.path) if request.method == "POST" else None
        if route is None:
            return ()
        try:
            body = _body(request)
        except (ValueError, RecursionError):
            return ()
        api, model = route
        found = pipelex_rules.check(
            self.provider,
            api,
            body,
            model=model,
            headers=request.headers,
            query=request.query,
            size=len(request.body),
            warnings=self.warnings,
            on=self.on,
        )
        return tuple(violation for violation in found if violation.rule not in self.without)

    def refuse(self, request: Received) -> Reply | None:
        """What the provider would answer to a request that breaks a rule; None where it would take it.

        The headers tell the rule and its source: `x-pipelex-rule`, `x-pipelex-source`.
        """
        found = self.violations(request)
        if not found:
            return None
        first = found[0]
        reported = {"x-pipelex-rule": first.rule, "x-pipelex-source": first.source}
        return Reply.json(dict(first.error), status=first.status, headers={**first.headers, **reported})


def _body(request: Received) -> Any:
    """A body as the rules know it; of a form, with the names of its lists as they are in JSON, and files by their size."""
    kind = request.headers.get("content-type", "application/json")
    if not kind.startswith("multipart/form-data"):
        if "json" not in kind:
            msg = f"no rules are known for {kind}"
            raise ValueError(msg)
        return json.loads(request.body)
    body: dict[str, Any] = {}
    for name, value in request.form.items():
        bare = name.removesuffix("[]")
        found = _field(bare, value)
        body[bare] = found if bare == name or isinstance(found, list) else [found]
    return body


_NOT_TEXT = frozenset({"n", "temperature", "output_compression", "partial_images", "stream"})
"""Fields of forms that are numbers, true or false."""


def _field(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_field(name, each) for each in value]
    if isinstance(value, FormFile):
        return pipelex_rules.Size(len(value.data))
    if name in _NOT_TEXT:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def rulebook_of(sdk: str, backend: str) -> Rulebook | None:
    """Choose the rules for an sdk of the first-party plugins at a backend; None for an sdk without a wire of its own."""
    provider = provider_of(sdk, backend)
    return Rulebook(provider=provider) if provider else None
