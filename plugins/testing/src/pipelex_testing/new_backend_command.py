"""`pipelex new-backend`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipelex_core.command_line import Context


def new_backend(
    name: str,
    *,
    kind: Literal["openai-compatible", "http", "sdk"] = "openai-compatible",
    into: Path = Path(),
    json: bool = False,
    context: Context,
) -> int:
    """Write a new distribution with a backend of your own, and the tests that prove it.

    It passes lint, types and the conformance kit as it is written. What there is to change is in its README.

    Args:
        name: The provider's name, such as `acme` or `acme-cloud`.
        kind: What there is to speak to: an OpenAI-compatible endpoint, an HTTP API of its own, or a provider's SDK.
        into: The folder to put the distribution's folder in.
        json: Print one JSON document.
    """
    from pipelex_testing.scaffold import names_for, new_distribution, write_folder

    plugins = context.plugins()
    taken = {word for record in plugins.records for word in record.sdks} | {
        shipped.backend for shipped in plugins.shipped_specs
    }
    names = names_for(name, taken)
    folder = into / names.distribution
    files = new_distribution(names, kind)
    write_folder(folder, files)
    if json:
        context.print_json(
            {"folder": str(folder), "distribution": names.distribution, "kind": kind, "files": list(files)}
        )
        return 0
    for path in files:
        context.note(f"written   {folder / path}")
    context.note(f'\nNext: cd {folder}; pip install -e ".[test]"; python -m pytest --certificate certificates')
    return 0
