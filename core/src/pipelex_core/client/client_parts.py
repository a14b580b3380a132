"""What a client was made of, the same for both kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.budgets import Budget
    from pipelex_core.plugins import Plugins


class ClientParts:
    """What a client was made of; nobody can give it another.

    Attributes:
        deck: The handles, and what they mean.
        plugins: The plugins in use, and those that are not.
        config: What was loaded, for a client made by `from_project`; None for one made by hand.
        total_budget: What all its calls count in, where it was made with `budget_usd`; or None.
    """

    def __init__(
        self, deck: ModelDeck, plugins: Plugins, config: LoadedConfig | None, total_budget: Budget | None
    ) -> None:
        self._deck = deck
        self._plugins = plugins
        self._config = config
        self._total_budget = total_budget

    @property
    def deck(self) -> ModelDeck:
        """The handles, and what they mean."""
        return self._deck

    @property
    def plugins(self) -> Plugins:
        """The plugins in use, and those that are not."""
        return self._plugins

    @property
    def config(self) -> LoadedConfig | None:
        """What was loaded, for a client made by `from_project`; None for one made by hand."""
        return self._config

    @property
    def total_budget(self) -> Budget | None:
        """What all its calls count in, where it was made with `budget_usd`; or None."""
        return self._total_budget
