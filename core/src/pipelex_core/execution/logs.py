"""A configured key does not end in a log either: SDKs write requests and answers there, headers included, at DEBUG."""

from __future__ import annotations

import logging
from traceback import format_exception
from typing import TYPE_CHECKING

from pipelex_core.execution.redaction import redacted

if TYPE_CHECKING:
    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig


HTTP_LOGGERS = ("httpx2", "httpx", "httpcore", "aiohttp", "urllib3")
"""Those of the libraries below the SDKs, which write down addresses, and what a server says before its answer."""


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
        if record.exc_info and record.exc_info[0]:
            written = "".join(format_exception(*record.exc_info)).rstrip()
            clean = redacted(written, self._config)
            if clean != written:
                record.exc_info, record.exc_text = None, clean
        return True


class GuardedLogs:
    """The loggers of one open backend's SDK, and of what it sends with, with a filter on each."""

    def __init__(self, backend: Backend) -> None:
        self._filter = KeyFilter(backend.config)
        known = logging.root.manager.loggerDict
        tops = (*backend.loggers, *(name for name in HTTP_LOGGERS if name in known))
        below = [name for name in tuple(known) if _is_below(name, tops)]
        self._loggers = [logging.getLogger(name) for name in dict.fromkeys((*tops, *below))]
        for logger in self._loggers:
            logger.addFilter(self._filter)

    def release(self) -> None:
        """Take the filters off again."""
        for logger in self._loggers:
            logger.removeFilter(self._filter)


def _is_below(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{prefix}.") for prefix in prefixes)
