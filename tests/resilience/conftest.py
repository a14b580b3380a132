"""What the tests here share: no names that a resolver may lie about, and no seconds of good manners."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pipelex_backend_fal import _backend as fal


@pytest.fixture
def no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names under `.invalid` are known to nobody, also where a resolver takes its time to say so, or lies."""
    resolve = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if str(host).rstrip(".").endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def short_partings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of fal that is closed waits for jobs it cancels; here, where the provider hangs, not for seconds."""
    monkeypatch.setattr(fal, "GRACE", 0.1)
