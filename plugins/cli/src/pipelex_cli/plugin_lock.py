"""What `pipelex plugins lock` writes: the plugins in use, the backends they serve here, and the variables these name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pipelex_cli.editing import carry_out, inference_folder
from pipelex_cli.edits.files import FileChange, read_bytes
from pipelex_core.errors import PluginError
from pipelex_core.plugins.finding import normal
from pipelex_lock.lock import COMMAND, VERSION, LockedPlugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.command_line import Context
    from pipelex_core.config import ReadConfig
    from pipelex_core.plugins import PluginRecord, Plugins

_PLACEHOLDER = re.compile(r"(?<!\$)\$\{([^}]*)\}")


def write_lock(context: Context, *, check: bool, dry_run: bool, json: bool) -> int:
    """Lock the plugins in use; 1 where that was only checked, and the lock is another one.

    A check imports nothing that the lock would keep out: it is what CI runs on code that nobody has looked at yet.
    """
    from pipelex_core.locate import plugin_lock_of

    folder = inference_folder(context)
    plugins = context.plugins() if check else context.unlocked_plugins()
    file = plugin_lock_of(folder)
    text = _text(_locked(context, plugins))
    change = FileChange(path=file, old=read_bytes(file), new=text.encode())
    left_out = [f"not locked: {r.label} is {r.status}: {r.reason}" for r in plugins.records if r.status != "ok"]
    carry_out([change], dry_run=dry_run or check, json=json, notes=left_out)
    return 1 if check and change.changes else 0


def _locked(context: Context, plugins: Plugins) -> dict[str, LockedPlugin]:
    """Distribution -> what it is, and what it may have."""
    from pipelex_core.plugins.finding import installed_entry_points
    from pipelex_lock.beside import Unidentified
    from pipelex_lock.fingerprints import fingerprint

    named = _named_variables(context, plugins)
    points = {(point.name, point.dist.metadata["Name"]): point for point in installed_entry_points()[0] if point.dist}
    locked: dict[str, LockedPlugin] = {}
    for record in plugins.records:
        if record.status != "ok" or record.distribution is None or record.version is None:
            continue
        try:
            print_ = fingerprint(points[record.name, record.distribution])
        except Unidentified as reason:
            msg = f"the plugin {record.label} cannot be locked: {reason}"
            raise PluginError(msg) from None
        name = normal(record.distribution)
        mine = {backend: names for (by, backend), names in named.items() if by == record.distribution}
        earlier = locked.get(name, LockedPlugin(version=record.version))
        locked[name] = LockedPlugin(
            version=record.version,
            backends=tuple(sorted({*earlier.backends, *mine})),
            variables=tuple(sorted({*earlier.variables, *(each for names in mine.values() for each in names)})),
            **{print_.kind: print_.digest},
        )
    return locked


def _named_variables(context: Context, plugins: Plugins) -> Mapping[tuple[str | None, str], set[str]]:
    """(Distribution, backend it serves in this configuration) -> the variables that the backend's files name."""
    from pipelex_cli.written import WrittenValues
    from pipelex_core.config import read_config

    read = read_config(config=context.config, env_file=context.env_file, plugins=plugins, strict=False)
    written = WrittenValues(read.loaded.folder, plugins)
    named: dict[tuple[str | None, str], set[str]] = {}
    for backend, models in _models(read).items():
        values = [{key: each.value for key, each in written.model(backend, model).items()} for model in models]
        found = [plugins.find(backend, sdk) for sdk in dict.fromkeys(str(keys.get("sdk")) for keys in values)]
        variables = set(_variables([*values, [each.value for each in written.backend(backend).values()]]))
        for record in _servers(found, plugins, backend):
            named.setdefault((record.distribution, backend), set()).update(variables)
    return named


def _models(read: ReadConfig) -> dict[str, tuple[str, ...]]:
    """Backend -> the names of its models, also of those that are off: a key that is set later needs no new lock."""
    return {name: (*each.models.specs, *each.models.withheld) for name, each in read.catalogue.backends.items()}


def _servers(found: list[Any], plugins: Plugins, backend: str) -> Iterator[PluginRecord]:
    """Who serves a backend's models, and who ships them."""
    yield from dict.fromkeys(server[1] for server in found if server)
    yield from (shipped.plugin for shipped in plugins.shipped_specs if shipped.backend == backend)


def _variables(value: Any) -> Iterator[str]:
    """The variables that a value names, at any depth; those of the keyring with their `secret:`."""
    if isinstance(value, str):
        for body in _PLACEHOLDER.findall(value):
            for name in body.partition(":-")[0].split("|"):
                yield name.removeprefix("env:")
    elif isinstance(value, dict):
        for item in value.values():
            yield from _variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from _variables(item)


def _text(plugins: Mapping[str, LockedPlugin]) -> str:
    """The text of a lock, the same for the same plugins."""

    def line(key: str, value: Any) -> str:
        return f"{key} = {json.dumps(value, ensure_ascii=False)}"

    head = (
        "# The plugins that this project may load: what they are, the backends they may serve, and the variables these\n"
        f"# may be given. Any other, and one that has changed, is not imported. Written by: {COMMAND}\n\n"
        f"version = {VERSION}\n"
    )
    parts = [head]
    for name in sorted(plugins):
        locked = plugins[name]
        digest = line("record", locked.record) if locked.record else line("files", locked.files)
        lists = [line(key, sorted(getattr(locked, key))) for key in ("backends", "variables")]
        parts.append("\n".join([f"[plugins.{name}]", line("version", locked.version), digest, *lists, ""]))
    return "\n".join(parts)
