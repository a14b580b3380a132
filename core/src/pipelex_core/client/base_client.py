"""What both kinds of client have in common: how they are made, and what they answer without asking a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from pathlib import Path
    from typing import Self

    from pipelex_core.budgets import Budget, Unknown
    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.estimates import Estimate
    from pipelex_core.explain import Explanation
    from pipelex_core.media import MediaSource
    from pipelex_core.plugins import Plugins
    from pipelex_core.prompts import ToolLike


class BaseClient:
    """A deck and its plugins; what a client was made of cannot be replaced.

    Attributes:
        deck: The handles, and what they mean.
        plugins: The plugins in use, and those that are not.
        config: What was loaded, for a client made by `from_project`; None for one made by hand.
        total_budget: What all its calls count in, where it was made with `budget_usd`; or None.
    """

    def __init__(
        self,
        deck: ModelDeck,
        plugins: Plugins,
        *,
        config: LoadedConfig | None = None,
        budget_usd: Decimal | float | str | None = None,
    ) -> None:
        from pipelex_core.execution.execution import Execution  # what calls need, importing the package does not

        self._execution = Execution(deck, plugins, budget_usd=budget_usd)
        self._deck = deck
        self._plugins = plugins
        self._config = config

    @classmethod
    def from_project(
        cls,
        root: str | Path | None = None,
        *,
        config: str | Path | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        env_file: str | Path | None = None,
        plugins: Plugins | None = None,
        strict: bool = True,
        require: bool = False,
        budget_usd: Decimal | float | str | None = None,
    ) -> Self:
        """A client for the nearest `.pipelex` from `root` (or the working directory) upwards.

        Where there is none, the models that the installed plugins bring can be used, with the handles of a new project.

        Args:
            root: Where to begin looking; a project's folder.
            config: The `.pipelex` folder or its `inference/` itself, instead of looking.
            profile: Another routing profile than the active one.
            environ: Variables, instead of the process's.
            env_file: A `.env` file, instead of the one beside `.pipelex`.
            plugins: Plugins made by hand, instead of the installed ones that the project's plugin lock knows.
            strict: Whether it is an error that an enabled backend lacks a variable and no other backend has its key; one
                key is enough. False keeps loading whatever is lacking: the models concerned are unavailable.
            require: Whether it is an error that there is no `.pipelex`.
            budget_usd: US$ that all calls of the client may cost together; None for as much as they do.

        Raises:
            ConfigError: Every fault of the configuration, in `.problems`.
        """
        from pipelex_core.config import load

        if plugins is None:
            from pipelex_core.locate import locate, plugin_lock_of
            from pipelex_core.plugins import discover

            folder = locate(root, config=config, environ=environ, require=require)
            plugins = discover(lock=plugin_lock_of(folder))
        loaded = load(
            root,
            config=config,
            profile=profile,
            environ=environ,
            env_file=env_file,
            plugins=plugins,
            strict=strict,
            one_key_is_enough=True,
            require=require,
        )
        return cls(loaded.deck, plugins, config=loaded, budget_usd=budget_usd)

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
        return self._execution.total_budget

    def explain(self, handle: str | Mapping[str, Any], *, capability: str = "llm") -> Explanation:
        """How a handle resolves, with the origin of every value: what `pipelex explain` prints; it comes with the command line."""
        from pipelex_core.explain import explain

        return explain(handle, capability, deck=self.deck, plugins=self.plugins, config=self.config)

    def estimate(
        self,
        prompt: Any,
        *,
        model: str | Mapping[str, Any] | None = None,
        capability: str = "llm",
        system: str | None = None,
        images: Iterable[MediaSource] = (),
        documents: Iterable[MediaSource] = (),
        tools: Iterable[ToolLike] = (),
        **settings: Any,
    ) -> Estimate:
        """What a call would use and cost, member by member of its chain; nothing is sent.

        Args:
            prompt: The call's prompt; for `capability="extract"`, its source.
            model: As in the call.
            capability: Name of a capability, such as `llm` or `extract`.
            system: As in the call.
            images: As in the call.
            documents: As in the call.
            tools: As in the call.
            settings: As in the call; `max_tokens` bounds the answer.

        Raises:
            CallError: The call would be refused.
            ConfigError: The handle leads to nothing that can be called.
            PluginError: What guesses is not installed.
        """
        from pipelex_core.execution.estimating import estimate

        provided = {"system": system, "images": images, "documents": documents, "tools": tools}
        settings |= {name: value for name, value in provided.items() if value is not None and value != ()}
        return estimate(self.deck, prompt, model=model, capability=capability, **settings)

    def budget(self, *, usd: Decimal | float | str, unknown: Unknown = "refuse") -> Budget:
        """A budget for the calls begun in its `with` block: `with client.budget(usd=0.5) as budget: …`.

        Args:
            usd: What they may cost together. A request that may cost more than is left is not sent.
            unknown: Whether to `refuse` or `allow` a request where nobody knows what it may cost.

        Raises:
            UnsupportedInputError: The amount is not a positive number.
            PluginError: What keeps budgets is not installed.
        """
        return self._execution.budget(usd, unknown)
