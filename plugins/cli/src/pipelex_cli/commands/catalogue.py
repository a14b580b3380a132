"""`pipelex catalogue`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.output import note, print_json, write
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_cli.catalogue.archive import CatalogueFile
    from pipelex_cli.catalogue.changes import Change, NewerModels


def catalogue(
    what: Literal["diff", "update"],
    file: Path | None = None,
    *,
    hash: str | None = None,
    signature: Path | None = None,
    key: str | None = None,
    date: str | None = None,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Bring prices, limits and ends of models up to date without a release of their plugins.

    `diff` shows what a catalogue would change, and its hash. `update` writes the models that are newer than those of the
    installed plugins into `.pipelex/inference/catalogue/`. Prices drive budgets, so `update` takes a file only whose hash is
    known, by `--hash` or by the lock, or which a pinned key signed; and none that is older than the one in effect.

    Args:
        what: `diff` to show, `update` to write.
        file: A wheel of pipelex-catalogue, or a ZIP of its form; without one, pip brings it from the package index.
        hash: The hash that the file must have: sha256: and 64 digits.
        signature: The file's Ed25519 signature; by default the file of its name with .sig behind it.
        key: The public key whose signatures count, to be pinned in the lock: ed25519: and Base64.
        date: The day of the catalogue to fetch, such as 2026-12-01; by default that of the lock, or the newest.
        dry_run: With update: show what would be written, and write nothing.
        json: Print one JSON document.
    """
    from pipelex_cli.catalogue.changes import newer_models
    from pipelex_cli.catalogue.updating import Wish, opened, update

    wish = Wish(file=file, hash=hash, signature=signature, key=key, on=date)
    if what == "update":
        return update(context, wish, dry_run=dry_run, json=json)
    found = opened(wish)
    newer = newer_models(found, context.plugins())
    if json:
        print_json(_as_json(found, newer))
        return 0
    for each in newer:
        for change in each.changes:
            write(f"{_line(change)}\n")
    count = sum(len(each.models) for each in newer)
    note(f"the catalogue of {found.day} has {count} models that are newer than those of the installed plugins")
    note(f"to use it, run: pipelex catalogue update --date {found.day} --hash sha256:{found.digest}")
    return 0


def _line(change: Change) -> str:
    at = f"{change.backend}  {change.model}"
    if change.key == "model":
        return f"{at}  new"
    return f"{at}  {change.key}  {_shown(change.old)} -> {_shown(change.new)}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _as_json(found: CatalogueFile, newer: list[NewerModels]) -> dict[str, object]:
    return {
        "date": str(found.day),
        "hash": f"sha256:{found.digest}",
        "changes": [
            {
                "backend": change.backend,
                "model": change.model,
                "key": change.key,
                "old": _plain(change.old),
                "new": _plain(change.new),
            }
            for each in newer
            for change in each.changes
        ],
    }


def _plain(value: object) -> object:
    """A value of TOML as one of JSON: exact numbers and days are texts."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
