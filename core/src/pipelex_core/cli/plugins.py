"""`pipelex plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_core.cli.output import print_json, print_table

if TYPE_CHECKING:
    from pipelex_core.plugins import PluginRecord

from pipelex_core.cli.context import Context


def plugins(*, json: bool = False, context: Annotated[Context, Parameter(parse=False)]) -> int:
    """Show the installed plugins: versions, sdks, hooks, and those that are quarantined and why.

    Args:
        json: Print one JSON document.
    """
    records = context.plugins().records
    if json:
        print_json([_as_json(record) for record in records])
    else:
        print_table(
            ("plugin", "distribution", "version", "sdks", "ms", "status", "reason"),
            [
                (r.name, r.distribution, r.version, ", ".join(r.sdks), f"{r.seconds * 1e3:.1f}", r.status, r.reason)
                for r in records
            ],
            empty="no plugin is installed; run: pip install 'pipelex-core[openai]'",
        )
    return 0


def _as_json(record: PluginRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "sdks": list(record.sdks),
        "hooks": list(record.hooks),
        "status": record.status,
        "reason": record.reason,
        "seconds": record.seconds,
    }
