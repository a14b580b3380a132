"""Models that a deck uses and that their providers serve no more, or not for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_cli.lifetime import shown_lifetime
from pipelex_core.config.starter import starter_chains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.config import ReadConfig
    from pipelex_core.specs import Source


def check_lifetimes(read: ReadConfig) -> None:
    """Warn of each such model once, where the deck names it first.

    One that is only deprecated is not a finding in a chain as `init` wrote it: that chain changes with the next release.
    """
    seen: set[str] = set()
    for name, source, alias in _named(read):
        entry = read.loaded.deck.models.get(name)
        if name in seen or entry is None or entry.spec is None:
            continue
        seen.add(name)
        spec = entry.spec
        if spec.retired_on is None and spec.deprecated_on is None:
            continue
        message = f"model '{name}' of backend '{spec.backend}' {shown_lifetime(spec)}"
        mend = f"use {spec.successor}" if spec.successor else None
        if spec.is_retired():
            read.faults.warning("model-retired", message, source, suggestion=mend)
        elif name not in starter_chains().get(f"alias '{alias}'", ()):
            read.faults.warning("model-deprecated", message, source, suggestion=mend)


def _named(read: ReadConfig) -> Iterator[tuple[str, Source, str | None]]:
    """The models that aliases, presets and defaults name, where, and in which alias."""
    deck = read.loaded.deck
    for alias in deck.aliases.values():
        source = alias.origins.get("model", alias.source)
        for number, target in enumerate(alias.targets):
            yield target, source.child(str(number)) if len(alias.targets) > 1 else source, alias.name
    for presets in deck.presets.values():
        for preset in presets.values():
            yield preset.model, preset.origins.get("model", preset.source), None
    for choice, handle in deck.choices.items():
        if isinstance(handle, str):
            yield handle, read.loaded.choices[choice], None
