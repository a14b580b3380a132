"""`pipelex validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_core.cli.context import Context
from pipelex_core.cli.output import note, print_json, problem_as_json

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig
    from pipelex_core.errors import Problem


def validate(
    what: Literal["inference", "all"] = "inference",
    *,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Find every fault of a configuration, all at once: files, keys, routes, aliases, presets, plugins, credentials.

    Args:
        what: `inference` for the files below `.pipelex/inference`, which are all there is to check yet.
        json: Print one JSON document.
    """
    _ = what
    plugins = context.plugins()
    loaded, problems = context.check(plugins)
    faulty = any(problem.severity == "error" for problem in problems)
    if json:
        print_json({"ok": not faulty, "problems": [problem_as_json(problem) for problem in problems]})
    else:
        for problem in problems:
            note(f"{problem.severity}: {problem}")
        note(_summary(loaded, problems))
    return 1 if faulty else 0


def _summary(loaded: LoadedConfig | None, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    if loaded is None:
        return counted
    available = sum(entry.available for entry in loaded.deck.models.values())
    return f"{counted}; {available} models of {len(loaded.deck.backends)} enabled backends in {loaded.folder}"
