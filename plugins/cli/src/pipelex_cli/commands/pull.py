"""`pipelex pull`."""

from __future__ import annotations

from pipelex_cli.fetching import chosen_spec, fetch_file
from pipelex_cli.output import print_json, write
from pipelex_core.command_line import Context
from pipelex_core.errors import ModelsManagerError


def pull(model: str, *, json: bool = False, context: Context) -> int:
    """Fetch the file of a local model, once, so that its first answer need not wait for it.

    Args:
        model: A handle of the deck, such as `smollm2`.
        json: Print one JSON document.
    """
    plugins = context.plugins()
    deck = context.load(plugins).deck
    spec = chosen_spec(deck, model)
    path = fetch_file(spec, deck, plugins, context.progress)
    if path is None:
        msg = f"model '{spec.name}' has no file to fetch: sdk '{spec.sdk}' calls a provider"
        raise ModelsManagerError(msg)
    if json:
        print_json({"model": spec.name, "path": str(path), "bytes": path.stat().st_size})
    else:
        write(f"{path}\n")
    return 0
