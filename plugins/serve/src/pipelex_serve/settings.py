"""What `pipelex serve` was started with, as its workers get it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import attrs
import msgspec
from attrs import field, frozen

VARIABLE = "PIPELEX_SERVE_SETTINGS"
"""Holds the settings, as JSON, for the processes of the workers."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@frozen(kw_only=True)
class Limits:
    """What one request may take.

    Attributes:
        head_bytes: Bytes of a request's line and headers.
        head_seconds: Seconds in which they have to arrive.
        body_bytes: Bytes of a body, before and after it is decompressed.
        body_seconds: Seconds in which it has to arrive.
        concurrent: Requests under way in one worker; more are refused with 503.
        drain_seconds: Seconds that requests under way have to end after SIGTERM.
    """

    head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    body_bytes: int = 64 * 1024 * 1024
    body_seconds: float = 60.0
    concurrent: int = 4000
    drain_seconds: float = 300.0


@frozen(kw_only=True)
class Settings:
    """What the command line says.

    Attributes:
        host: The address to listen on.
        port: The port, 0 for a free one.
        workers: Processes.
        spend: Where keys and spend are kept: a path of a SQLite file, or an address of PostgreSQL or Redis.
        page: Whether there is a page at `/`.
        watch: Whether the deck is read anew when its files change.
        access_log: Whether each request is a line of JSON on stdout.
        hosts: Names that the `host` header may have; empty for any, and on loopback for those of loopback.
        config: As `Context`.
        env_file: As `Context`.
        profile: As `Context`.
        limits: What one request may take.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    spend: str = ""
    page: bool = True
    watch: bool = True
    access_log: bool = True
    hosts: tuple[str, ...] = ()
    config: str | None = None
    env_file: str | None = None
    profile: str | None = None
    limits: Limits = field(factory=Limits)

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine reach it."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The names that a `host` header may have; empty for any."""
        return frozenset(self.hosts) | LOOPBACK | {self.host} if self.hosts or self.is_local else frozenset()

    def to_json(self) -> str:
        """For the environment of a worker."""
        return msgspec.json.encode(attrs.asdict(self)).decode("utf-8")

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        table: dict[str, Any] = msgspec.json.decode(text)
        return cls(**{**table, "hosts": tuple(table["hosts"]), "limits": Limits(**table["limits"])})


def default_spend() -> str:
    """Where keys and spend are kept by default: one file for each user of this machine."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return str(Path(base) / "pipelex" / "serve.sqlite3")
