"""A wire: one API of one provider, with the shape of its bodies and its other rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_rules.faults import find_faults
from pipelex_rules.rule import Request, Violation
from pipelex_rules.values import string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_rules.faults import Fault
    from pipelex_rules.forms import Form
    from pipelex_rules.rule import Rule, Severity
    from pipelex_rules.shapes import Shape
    from pipelex_rules.sources import Source

_INDICES = re.compile(r"\[\d+\]")
MOST = 50
"""How many violations of one kind of place are reported; a list of a thousand wrong items repeats itself a thousand times."""


def _as_it_is(body: Any) -> Any:
    return body


@frozen(kw_only=True)
class Wire:
    """An API that a provider offers.

    Attributes:
        provider: Such as `openai`.
        api: Such as `chat`.
        shape: What its bodies look like.
        rules: What a shape cannot say.
        form: How the provider words a refusal.
        source: Where the shape was read, unless a part of it has a source of its own.
        normalise: Writes a body in the one form that shape and rules know, where the provider takes several.
    """

    provider: str
    api: str
    shape: Shape
    form: Form
    source: Source
    rules: tuple[Rule, ...] = ()
    normalise: Callable[[Any], Any] = _as_it_is

    @property
    def name(self) -> str:
        """The wire's name, with which its rules' ids begin."""
        return f"{self.provider}.{self.api}"

    def of(
        self,
        provider: str,
        *,
        form: Form | None = None,
        shape: Shape | None = None,
        rules: tuple[Rule, ...] | None = None,
        source: Source | None = None,
        api: str | None = None,
    ) -> Wire:
        """Copy the wire for another provider, with what differs there."""
        return evolve(
            self,
            provider=provider,
            api=api or self.api,
            form=form or self.form,
            shape=shape or self.shape,
            rules=self.rules if rules is None else rules,
            source=source or self.source,
        )

    def check(self, request: Request, *, on: str | None = None, warnings: bool = True) -> tuple[Violation, ...]:
        """Tell what a request breaks, at the day `on` (ISO; None for today's rules), worst first."""
        request = evolve(request, body=self.normalise(request.body))
        if not request.model:
            request = evolve(request, model=string(request.get("model")))
        found = [*self._faults(request, on), *self._broken(request, on)]
        kept = [violation for violation in found if warnings or violation.severity == "refuse"]
        return tuple(sorted(kept, key=lambda violation: violation.severity))

    def _faults(self, request: Request, on: str | None) -> Iterator[Violation]:
        reported: dict[tuple[str, str], int] = {}
        for fault in find_faults(self.shape, request.body, source=self.source):
            if on is not None and fault.since is not None and on < fault.since:
                continue
            key = (_INDICES.sub("[]", fault.place), fault.kind)
            reported[key] = reported.get(key, 0) + 1
            if reported[key] <= MOST:
                yield self._of_fault(fault, key[0])

    def _of_fault(self, fault: Fault, generic: str) -> Violation:
        source = fault.source or self.source
        answer = self.form(fault.kind, fault.of, fault.place, fault.words, status=None, type=None, code=None)
        return Violation(
            rule=".".join(filter(None, (self.name, generic, fault.kind))),
            place=fault.place,
            words=fault.words,
            status=answer.status,
            error=answer.body,
            headers=answer.headers,
            source=source.where,
            as_of=source.as_of,
            severity=_severity(source),
        )

    def _broken(self, request: Request, on: str | None) -> Iterator[Violation]:
        for rule in self.rules:
            if on is not None and rule.since is not None and on < rule.since:
                continue
            for number, (place, words) in enumerate(rule.find(request)):
                if number >= MOST:
                    break
                answer = self.form("", "", place, words, status=rule.status, type=rule.type, code=rule.code)
                yield Violation(
                    rule=f"{self.name}.{rule.name}",
                    place=place,
                    words=words,
                    status=answer.status,
                    error=answer.body,
                    headers=answer.headers,
                    source=rule.source.where,
                    as_of=rule.source.as_of,
                    severity=rule.severity,
                )


def _severity(source: Source) -> Severity:
    return "refuse" if source.certainty == "documented" else "warn"
