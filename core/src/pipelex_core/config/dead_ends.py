"""Handles that lead to no model that can be called: told once a cause, not once a handle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.config.problems import Faults, listed, listed_plainly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipelex_core.config.backends import BackendDraft
    from pipelex_core.config.finish import ReadBackend
    from pipelex_core.deck import ModelDeck
    from pipelex_core.routing import ModelEntry
    from pipelex_core.specs import Source

_BACKENDS_OFF = "backends that are off"
_VARIABLE = re.compile(r"(?<!\$)\$\{(?:env:)?([A-Za-z_]\w*)\}")


@frozen(kw_only=True, eq=False, repr=False)
class DeadEnd:
    """A handle none of whose models leads to a backend.

    Attributes:
        who: What it is: `alias 'best'`.
        models: The models it leads to.
        source: Where it was written.
    """

    who: str
    models: tuple[str, ...]
    source: Source


def report_dead_ends(
    dead_ends: Sequence[DeadEnd], deck: ModelDeck, backends: Mapping[str, ReadBackend], faults: Faults
) -> None:
    """One warning for all that backends which are off would mend, and one each for the others."""
    by_cause: dict[str | None, list[DeadEnd]] = {}
    for end in dead_ends:
        by_cause.setdefault(_cause(end, deck), []).append(end)
    for cause, ends in by_cause.items():
        drafts = _that_would_help(ends, backends) if cause == _BACKENDS_OFF else []
        if cause is None or len(ends) == 1:
            for end in ends:
                faults.warning("no-available-model", _reasons(end, deck), end.source, suggestion=_mend(drafts))
        elif cause == _BACKENDS_OFF:
            _report_backends_off(ends, drafts, deck, faults)
        else:
            _report_routes(ends, deck, faults)


def _cause(end: DeadEnd, deck: ModelDeck) -> str | None:
    """What a handle shares with others that lead nowhere for the same reason; None where it shares nothing."""
    entries = [deck.models[name] for name in end.models]
    if any(_is_offered_by_none(entry) for entry in entries):
        return _BACKENDS_OFF
    rules = {(entry.route.rule, entry.route.pattern) for entry in entries}
    rule, pattern = rules.pop()
    return f"{rule}:{pattern}" if not rules and rule in {"pattern", "none"} else None


def _report_routes(ends: Sequence[DeadEnd], deck: ModelDeck, faults: Faults) -> None:
    """All that one pattern, or the lack of a default, leaves without a model."""
    entry = deck.models[ends[0].models[0]]
    source = entry.route.source or (deck.profile.source if deck.profile else ends[0].source)
    names = listed_plainly((end.who for end in ends), most=20)
    message = f"{names} lead to no model that can be called: '{entry.name}': {entry.reason}"
    offered = dict.fromkeys(backend for end in ends for name in end.models for backend in deck.models[name].offered_by)
    mend = f"write routes for their models, which are offered by {listed(offered)}" if offered else None
    faults.warning("no-available-model", message, source, suggestion=mend)


def _reasons(end: DeadEnd, deck: ModelDeck) -> str:
    reasons = "; ".join(f"'{name}': {deck.models[name].reason}" for name in end.models[:3])
    more = f"; and {len(end.models) - 3} more" if len(end.models) > 3 else ""
    return f"{end.who} leads to no model that can be called: {reasons}{more}"


def _is_offered_by_none(entry: ModelEntry) -> bool:
    return entry.spec is None and not entry.offered_by and entry.route.rule not in {"exact", "pattern"}


def _report_backends_off(
    ends: Sequence[DeadEnd], drafts: Sequence[BackendDraft], deck: ModelDeck, faults: Faults
) -> None:
    has_key = any(config.api_key is not None for config in deck.backends.values())
    off = listed(draft.name for draft in drafts)
    why = f"the backends that have their models are off ({off})" if has_key else "no backend has a key"
    names = listed_plainly((end.who for end in ends), most=20)
    message = f"{why}: {names} lead to no model that can be called"
    written = next((draft for draft in drafts if draft.explicit), None)
    source = written.where("enabled") if written else ends[0].source
    faults.warning("no-available-model", message, source, suggestion=_mend(drafts))


def _that_would_help(ends: Sequence[DeadEnd], backends: Mapping[str, ReadBackend]) -> list[BackendDraft]:
    """The backends that are off and know the models, those that would mend most first."""
    helps: dict[str, int] = {}
    for name, read in backends.items():
        if read.draft.off is not None:
            known = read.models.withheld
            count = sum(any(model in known for model in end.models) for end in ends)
            if count:
                helps[name] = count
    return [backends[name].draft for name in sorted(helps, key=lambda name: -helps[name])]


def _mend(drafts: Iterable[BackendDraft]) -> str | None:
    """Which keys to set, and what to switch on."""
    keys: list[str] = []
    others: list[str] = []
    for draft in drafts:
        variables = _VARIABLE.findall(draft.table.api_key or "")
        if variables:
            keys += variables
        elif draft.help:
            others.append(draft.help)
    keys = list(dict.fromkeys(keys))
    if keys:
        which = keys[0] if len(keys) == 1 else f"one of {listed_plainly(keys)}"
        return f"set {which}, and enabled = true for its backend in backends.toml"
    return others[0] if others else None
