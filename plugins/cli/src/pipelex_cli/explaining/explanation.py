"""How a handle resolves, from the very object that a call uses: what `pipelex explain` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_cli.explaining.facts import facts_of
from pipelex_cli.explaining.remedies import Remedies
from pipelex_cli.written import WrittenValues
from pipelex_core.errors import CallError, ConfigError
from pipelex_core.explain import Explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck, Resolution
    from pipelex_core.plugins import Plugins


def explain(
    handle: str | Mapping[str, Any],
    capability: str,
    *,
    deck: ModelDeck,
    plugins: Plugins,
    config: LoadedConfig | None = None,
    prompt: Any = None,
) -> Explanation:
    """Resolve a handle as a call would, and gather what there is to say about it.

    Args:
        handle: As for a call.
        capability: What the handle is for.
        deck: What the call resolves it in.
        plugins: Who serves the models.
        config: What the deck was loaded from; without it, origins and remedies are left out.
        prompt: A prompt, or a document for extraction, to estimate the call with; None for no estimate.

    Raises:
        ConfigError: The handle exists nowhere.
        UnsupportedInputError: There is no such capability.
    """
    deck.capabilities[capability]
    explanation = Explainer(deck=deck, plugins=plugins, config=config).explain(deck.resolve(handle, capability))
    return explanation if prompt is None else _estimated(explanation, deck, handle, prompt)


class Explainer:
    """Explains handles of one deck; the files are read once for all of them."""

    def __init__(self, *, deck: ModelDeck, plugins: Plugins, config: LoadedConfig | None) -> None:
        self._deck, self._plugins, self._config = deck, plugins, config
        self._written: WrittenValues | None = None
        if config is not None:
            self._written = WrittenValues(config.folder, plugins)

    def explain(self, resolution: Resolution) -> Explanation:
        """What there is to say about a handle that was resolved."""
        members = []
        for member in resolution.chain:
            remedies: tuple[str, ...] = ()
            if self._config is not None and self._written is not None and not member.available:
                tell = Remedies(deck=self._deck, plugins=self._plugins, config=self._config, written=self._written)
                remedies = tell.of(member, resolution.capability)
            members.append(
                facts_of(
                    member,
                    resolution,
                    deck=self._deck,
                    plugins=self._plugins,
                    written=self._written,
                    remedies=remedies,
                )
            )
        profile = self._deck.profile
        return Explanation(
            resolution=resolution,
            members=tuple(members),
            purpose=self._deck.capabilities[resolution.capability].is_for,
            profile=profile.name if profile else None,
        )


def _estimated(explanation: Explanation, deck: ModelDeck, handle: Any, prompt: Any) -> Explanation:
    from pipelex_core.execution.estimating import estimate

    try:
        found = estimate(deck, prompt, model=handle, capability=explanation.resolution.capability)
    except (CallError, ConfigError) as error:
        return evolve(explanation, no_estimate=str(error))
    return evolve(explanation, estimate=found)
