"""A configured key does not end in a log either: SDKs write requests and answers there, headers included, at DEBUG."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelex_core.execution.redaction import redacted

if TYPE_CHECKING:
    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig


class KeyFilter(logging.Filter):
    """Takes a backend's secrets out of every record; costs nothing where a logger's level keeps records from being made.

    The text is made here and now, for a handler that keeps records: an SDK writes a request down, and adds the key to
    that same request afterwards.
    """

    def __init__(self, config: BackendConfig) -> None:
        super().__init__()
        self._config = config

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, cleaned."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # the record's own fault, which logging reports
            return True
        record.msg, record.args = redacted(text, self._config), None
        return True


class GuardedLogs:
    """The loggers of one open backend's SDK, with a filter on each."""

    def __init__(self, backend: Backend) -> None:
        self._filter = KeyFilter(backend.config)
        names = [name for name in tuple(logging.root.manager.loggerDict) if _is_below(name, backend.loggers)]
        self._loggers = [logging.getLogger(name) for name in dict.fromkeys((*backend.loggers, *names))]
        for logger in self._loggers:
            logger.addFilter(self._filter)

    def release(self) -> None:
        """Take the filters off again."""
        for logger in self._loggers:
            logger.removeFilter(self._filter)


def _is_below(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{prefix}.") for prefix in prefixes)
