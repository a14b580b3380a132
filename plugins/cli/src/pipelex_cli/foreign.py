"""`provider:model` of LangChain and `provider/model` of LiteLLM, as handles of a deck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_cli.providers import PROVIDERS

if TYPE_CHECKING:
    from pipelex_core.deck import ModelDeck


def handle_of(name: str, deck: ModelDeck) -> str | None:
    """The model that a string of another library names: by its name here, or by what its provider calls it; None for none."""
    for separator in (":", "/"):
        provider, found, model = name.partition(separator)
        if found and provider in PROVIDERS:
            backend = PROVIDERS[provider].backend
            specs = {key: entry.spec for key, entry in deck.models.items() if entry.spec is not None}
            own = [key for key, spec in specs.items() if spec.backend == backend and model in {key, spec.model_id}]
            if own:
                return own[0]
            return model if model in deck.models else None
    return None
