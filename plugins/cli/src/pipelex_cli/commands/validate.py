"""`pipelex validate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.context import validation_of
from pipelex_cli.output import note, print_json
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_cli.validation import Report, Validation


def validate(
    what: Literal["inference", "all"] = "inference",
    *,
    online: bool = False,
    dry_run: bool = False,
    json: bool = False,
    format: Literal["text", "json", "github", "sarif"] = "text",
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Find every fault of a configuration, all at once: files, keys, routes, aliases, presets, plugins, credentials.

    Args:
        what: `inference` for the files below `.pipelex/inference`; `all` for the bundles (.plx, .mthds) of the project too.
        online: Ask each provider, free of charge, whether it answers, takes the key, and knows the models.
        dry_run: Call every preset and default once on the backend `mock`, and report what would fail; nothing is sent.
        json: Print one JSON document, as `--format json`.
        format: `text` for people; `json`, `github` (annotations of a workflow) or `sarif` for programs.
    """
    validation = validation_of(context, context.plugins())
    bundles = validation.check_bundles(_project(validation)) if what == "all" else None
    if online:
        _ask_providers(validation)
    tried = _try(validation) if dry_run else None
    report = validation.report()
    _show(report, "json" if json else format)
    note(_summary(report, bundles) + (f"; {tried}" if tried else ""))
    return 0 if report.ok else 1


def _show(report: Report, format: str) -> None:
    from pipelex_cli.validation import formats

    if format == "json":
        print_json(formats.as_json(report))
    elif format == "sarif":
        from pipelex_core import __version__

        print_json(formats.as_sarif(report, version=__version__))
    elif format == "github":
        sys.stdout.write(formats.as_github(report))
    elif report.problems:
        colours = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        sys.stderr.write(f"{formats.as_text(report, colours=colours)}\n")


def _project(validation: Validation) -> Path:
    """The folder whose bundles belong to the configuration: around `.pipelex`, but never a whole home."""
    here = Path.cwd()
    if validation.read is None:
        return here
    around = validation.read.loaded.folder.absolute().parent
    if around.name != ".pipelex" or around.parent == Path.home():
        return here
    return around.parent


def _try(validation: Validation) -> str | None:
    """What a dry run did, for the summary."""
    import asyncio

    tried = asyncio.run(validation.dry_run())
    if tried is None:
        return None
    return f"dry run: {tried.calls} calls, {tried.requests} requests, none sent, {tried.failed} would fail"


def _ask_providers(validation: Validation) -> None:
    """Ask every provider at once, with a bar on a terminal."""
    import asyncio

    if not sys.stderr.isatty():
        asyncio.run(validation.check_online())
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking providers", total=None)
        asyncio.run(
            validation.check_online(
                lambda done, total, name: bar.update(task, completed=done, total=total, description=f"asked {name}")
            )
        )


def _summary(report: Report, bundles: int | None) -> str:
    errors = sum(problem.severity == "error" for problem in report.problems)
    warnings = len(report.problems) - errors
    text = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    if report.loaded is not None:
        deck = report.loaded.deck
        available = sum(entry.available for entry in deck.models.values())
        text += f"; {available} models of {len(deck.backends)} enabled backends in {report.loaded.folder}"
    if bundles is not None:
        text += f"; {bundles} bundle{'' if bundles == 1 else 's'} read"
    return text
