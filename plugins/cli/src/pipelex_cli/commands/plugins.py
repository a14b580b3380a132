"""`pipelex plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from pipelex_core.plugins import PluginRecord

from pipelex_core.command_line import Context


def plugins(
    what: Literal["list", "lock", "search"] = "list",
    words: str = "",
    *,
    check: bool = False,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show the installed plugins: versions, sdks, hooks, those that are not in use and why; or lock them.

    `lock` writes `.pipelex/plugins.lock.toml`. From then on a plugin that is not in it, or is not as it was, is not even
    imported, and a backend is given only the variables that it had then.

    Args:
        what: `list` to show them, `lock` to lock those that are in use, `search` to find further ones to install.
        words: With search: words of its name, or of what it brings.
        check: With lock: write nothing, and fail where something would change: for CI.
        dry_run: With lock: show what would change, and write nothing.
        json: Print one JSON document.
    """
    if what == "lock":
        from pipelex_cli.plugin_lock import write_lock

        return write_lock(context, check=check, dry_run=dry_run, json=json)
    if what == "search":
        return _search(words, json=json)
    records = context.plugins().records
    if json:
        print_json([_as_json(record) for record in records])
        return 0
    print_table(
        ("plugin", "distribution", "version", "sdks", "ms", "status", "reason"),
        [
            (r.name, r.distribution, r.version, ", ".join(r.sdks), f"{r.seconds * 1e3:.1f}", r.status, r.reason)
            for r in records
        ],
        empty="no plugin is installed; run: pip install 'pipelex-core[openai]'",
    )
    for record in records:
        if record.touched:
            note(f"the plugin {record.label} changed, when it was loaded: {', '.join(record.touched)}")
    note(f"loading them took {sum(record.seconds for record in records) * 1e3:.1f} ms")
    return 0


def _search(words: str, *, json: bool) -> int:
    """Show what the directory of plugins lists."""
    from attrs import asdict

    from pipelex_cli.directory import listed

    found = listed(words)
    if json:
        print_json([asdict(each) for each in found])
        return 0
    rows = [(each.distribution, each.summary, each.by or "this project", each.installed or "no") for each in found]
    print_table(("distribution", "brings", "by", "installed"), rows, empty=f"no plugin that is listed has '{words}'")
    if rows:
        note("install one with pip install DISTRIBUTION")
    return 0 if rows else 1


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
        "times": dict(record.times),
        "touched": list(record.touched),
    }
