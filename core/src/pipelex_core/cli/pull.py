"""`pipelex pull`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_core.cli.context import Context
from pipelex_core.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def shown_progress(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr, on a terminal; what it gives is told the bytes done and the bytes in all."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


def pull(model: str, *, json: bool = False, context: Annotated[Context, Parameter(parse=False)]) -> int:
    """Fetch the file of a local model, once, so that its first answer need not wait for it.

    Args:
        model: A handle of the deck, such as `smollm2`.
        json: Print one JSON document.
    """
    from pipelex_core.backend import ModelFetcher
    from pipelex_core.errors import ModelsManagerError

    plugins = context.plugins()
    deck = context.load(plugins).deck
    resolution = deck.resolve(model)
    member = resolution.chosen
    if member is None or member.spec is None:
        reasons = "; ".join(f"'{each.name}': {each.entry.reason}" for each in resolution.chain)
        msg = f"handle '{model}' leads to no model that can be used: {reasons}"
        raise ModelsManagerError(msg)
    spec = member.spec
    factory, plugin = plugins.require(spec.backend, spec.sdk)
    backend = factory(deck.backends[spec.backend])
    if not isinstance(backend, ModelFetcher):
        msg = f"model '{spec.name}' has no file to fetch: {plugin.label} calls a provider"
        raise ModelsManagerError(msg)
    with shown_progress(spec.name) as tell:
        path = backend.fetch_model(spec, tell)
    if json:
        print_json({"model": spec.name, "path": str(path), "bytes": path.stat().st_size})
    else:
        sys.stdout.write(f"{path}\n")
    return 0
