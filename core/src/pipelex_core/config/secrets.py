"""Where the secrets of `${scheme:NAME}` come from: the keyring, and what plugins read.

The keyring's reader is built in: `${secret:NAME}` belongs to the format itself, and the library is imported only where it is
installed and a name is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.hookspecs import SecretReader
    from pipelex_core.plugins import Plugins

KEYRING_SERVICE = "pipelex"
"""The service name under which the keyring library keeps `${secret:NAME}`; NAME is the user name."""

PATIENCE = 10.0
"""Seconds a reader may take for one secret."""


class SecretFault(Exception):  # noqa: N818 -- becomes a fault of the configuration
    """A reader broke its contract; the text names the scheme and the plugin, and no value."""


class Secrets:
    """The readers by scheme; each name is read once a load, and a reader that hung is not asked again."""

    def __init__(self, readers: Mapping[str, tuple[SecretReader, str]] | None = None) -> None:
        self._readers = {"secret": (keyring_reader, "pipelex-core"), **(readers or {})}
        self._known: dict[tuple[str, str], str | None] = {}
        self._faults: dict[str, str] = {}

    @property
    def schemes(self) -> tuple[str, ...]:
        """Every scheme that has a reader."""
        return tuple(self._readers)

    def read(self, scheme: str, name: str) -> str | None:
        """A secret, or None where there is none of that name.

        Raises:
            SecretFault: The reader raised, returned something else, or did not return.
        """
        if scheme in self._faults:
            raise SecretFault(self._faults[scheme])
        if (scheme, name) not in self._known:
            reader, owner = self._readers[scheme]
            try:
                self._known[scheme, name] = _read(reader, name) or None
            except SecretFault as fault:
                self._faults[scheme] = f"the reader of '{scheme}:' ({owner}) {fault}"
                raise SecretFault(self._faults[scheme]) from None
        return self._known[scheme, name]


def secrets_of(plugins: Plugins) -> Secrets:
    """The keyring's secrets, and those of plugins."""
    readers = plugins.offered("pipelex_secrets")
    return Secrets({scheme: (reader, f"plugin {record.label}") for scheme, (reader, record) in readers.items()})


def keyring_reader(name: str) -> str | None:
    """A password of the keyring, or None where there is none, or no keyring library."""
    from importlib import import_module

    try:
        keyring = import_module("keyring")
        return keyring.get_password(KEYRING_SERVICE, name) or None
    except Exception:  # noqa: BLE001 -- no library, no backend, locked, denied: each means that there is no value to be had
        return None


def _read(reader: SecretReader, name: str) -> str | None:
    """What a reader returns, in a thread of its own: it may ask a server, and must not hold a load up for ever."""
    from concurrent.futures import wait

    from pipelex_core.runtime.daemon_threads import DaemonThreads

    reading = DaemonThreads().submit(reader, name)
    if not wait([reading], PATIENCE).done:
        raise SecretFault(f"did not answer within {PATIENCE:g} s")
    if (error := reading.exception()) is not None:
        raise SecretFault(f"raised {type(error).__name__}")  # its text could hold a value
    answer: object = reading.result()
    if answer is not None and not isinstance(answer, str):
        raise SecretFault(f"returned a {type(answer).__name__}, not a string or None")
    return answer
