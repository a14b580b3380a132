"""What was read of another tool's configuration, in our terms and not yet in files."""

from __future__ import annotations

from typing import Any

from attrs import define, field


@define
class Imported:
    """A configuration to be.

    Attributes:
        backends: Name -> its table in backends.toml.
        models: Backend -> model -> its table.
        aliases: Name -> a model, a chain, or a table.
        presets: Capability -> name -> table.
        prompts: Name -> prompt template.
        defaults: Choice of `[llm.choice_defaults]` -> handle.
        policy: `on_unsupported_setting`, or None.
        variables: Name -> value, for `.env`.
    """

    backends: dict[str, dict[str, Any]] = field(factory=dict)
    models: dict[str, dict[str, dict[str, Any]]] = field(factory=dict)
    aliases: dict[str, Any] = field(factory=dict)
    presets: dict[str, dict[str, dict[str, Any]]] = field(factory=dict)
    prompts: dict[str, dict[str, Any]] = field(factory=dict)
    defaults: dict[str, str] = field(factory=dict)
    policy: str | None = None
    variables: dict[str, str] = field(factory=dict)
    _remaining: dict[str, list[str]] = field(factory=dict)

    def leave(self, why: str, what: str) -> None:
        """Note something that has no counterpart, or that became another thing."""
        names = self._remaining.setdefault(why, [])
        if what not in names:
            names.append(what)

    def notes(self) -> list[str]:
        """A line a reason, with what it holds for."""
        return [f"{why}: {', '.join(names)}" for why, names in self._remaining.items()]

    def secret(self, name: str, value: str) -> str:
        """Keep a key that was written out for `.env`; the variable that has it.

        Args:
            name: What the variable is called, unless another key has that name.
            value: The key.
        """
        chosen, number = name, 2
        while self.variables.get(chosen, value) != value:
            chosen, number = f"{name}_{number}", number + 1
        self.variables[chosen] = value
        self.leave("keys that were written out are moved to .env, which only you may read", chosen)
        return chosen
