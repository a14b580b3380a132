"""The checks that plugins add: what they find, and which of them failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipelex_core.checks import CheckedConfig, Finding
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.config import ReadConfig
    from pipelex_core.hookspecs import Check


def check_with_plugins(read: ReadConfig) -> None:
    """Report what the checks of plugins find; one that raises is a finding that names its plugin."""
    config = CheckedConfig(deck=read.loaded.deck, folder=read.loaded.folder)
    for record, checks in read.context.plugins.declared("pipelex_checks"):
        for check in checks:
            try:
                findings = list(_findings(check, config))
            except Exception as error:  # noqa: BLE001 -- whatever a plugin raises; its text could hold a key
                message = f"a check of the plugin {record.label} failed: it raised {type(error).__name__}"
                read.faults.warning("plugin-check", message, suggestion=f"report it to the authors of {record.label}")
                continue
            for found in findings:
                _report(found, record.label, read)


def _findings(check: Check, config: CheckedConfig) -> Iterator[Finding]:
    found = check(config)
    if not isinstance(found, Iterable):
        msg = "a check returns its findings"
        raise TypeError(msg)
    for each in found:
        if not isinstance(each, Finding):
            msg = "a check returns Findings"
            raise TypeError(msg)
        yield each


def _report(found: Finding, plugin: str, read: ReadConfig) -> None:
    message = f"{found.message} (found by {plugin})"
    if found.severity == "error":
        read.faults.error(
            ConfigError, "plugin-check", message, found.source, expected=found.expected, suggestion=found.suggestion
        )
    else:
        read.faults.warning("plugin-check", message, found.source, expected=found.expected, suggestion=found.suggestion)
