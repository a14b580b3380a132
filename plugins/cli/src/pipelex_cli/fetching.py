"""The files of local models: fetched under a progress bar, before a call would fetch them in silence."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelex_core.backend import ModelFetcher
from pipelex_core.errors import ModelsManagerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeAlias

    from pipelex_core.client import Client
    from pipelex_core.deck import ModelDeck
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import ModelSpec

    Progress: TypeAlias = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]


def fetch_file(spec: ModelSpec, deck: ModelDeck, plugins: Plugins, progress: Progress | None = None) -> Path | None:
    """Where the file of a model lies, once it is there; None for a model that has none.

    Raises:
        CallError: It cannot be fetched.
        PluginError: No plugin serves the model.
    """
    factory, _ = plugins.require(spec.backend, spec.sdk)
    backend = factory(deck.backends[spec.backend])
    if not isinstance(backend, ModelFetcher):
        return None
    with (progress or shown_progress)(f"fetching {spec.name}") as tell:
        return backend.fetch_model(spec, tell)


def fetch_first(client: Client, model: str | None) -> None:
    """On a terminal, fetch the file that the coming call of `generate_text` needs."""
    if not sys.stderr.isatty():
        return
    chosen = client.deck.resolve(client.deck.default("llm.for_text") if model is None else model).chosen
    if chosen is not None and chosen.spec is not None:
        fetch_file(chosen.spec, client.deck, client.plugins)


def chosen_spec(deck: ModelDeck, handle: str) -> ModelSpec:
    """The model a handle leads to.

    Raises:
        ModelsManagerError: To none that can be used.
    """
    resolution = deck.resolve(handle)
    if resolution.chosen is None or resolution.chosen.spec is None:
        reasons = "; ".join(f"'{each.name}': {each.entry.reason}" for each in resolution.chain)
        msg = f"handle '{handle}' leads to no model that can be used: {reasons}"
        raise ModelsManagerError(msg)
    return resolution.chosen.spec


@contextmanager
def shown_progress(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr, on a terminal; its result is called with the bytes done and the bytes in all."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(title, total=None, visible=False)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        yield tell
