"""The errors of handles that lead nowhere, or in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import ConfigError, Problem
from pipelex_core.near import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.capabilities import Kind
    from pipelex_core.routing import ModelEntry


def wrong_capability(handle: str, entry: ModelEntry, own: Kind | None, wanted: Kind) -> ConfigError:
    """Make the error of a handle that leads to a model for something else."""
    is_for = own.is_for if own else "nothing"
    message = f"'{handle}' leads to model '{entry.name}', which is for {is_for}, not for {wanted.is_for}"
    return wanted.handle_error(message, [Problem(code="wrong-capability", message=message)])


def cycle(trail: list[str], name: str) -> ConfigError:
    """Aliases lead from a name back to it."""
    message = describe_cycle([*trail[trail.index(name) :], name])
    problem = Problem(code="alias-cycle", message=message, key=f"aliases.{name}")
    return ConfigError(message, [problem])


def describe_cycle(names: list[str]) -> str:
    """What is wrong with aliases that lead in a circle: the circle, its middle left out where it is long."""
    shown = names if len(names) <= 20 else [*names[:10], f"… {len(names) - 15} more …", *names[-5:]]
    return f"aliases lead in a circle: {' → '.join(shown)}"


def not_found(kind: type[ConfigError], message: str, name: str, known: Iterable[str]) -> ConfigError:
    """A name that exists nowhere, with the plugin that would bring it, or the nearest one that does."""
    from pipelex_core.first_party import install_for

    install = install_for(name)
    suggestion = f"run: {install}" if install else did_you_mean(name, known)
    problem = Problem(code="unknown-handle", message=message, suggestion=suggestion)
    return kind(f"{message}; {suggestion}" if suggestion else message, [problem])
