"""Scenarios about what a provider does not have: they end without a verdict, and the certificate names them."""

from __future__ import annotations

from typing import NoReturn

import pytest

ABSENT = "absent: "
"""How the reason of such a scenario begins."""

SERVER = "a server"
"""What an engine in this process does not have."""


def absent(what: str) -> NoReturn:
    """End a scenario that is about something which the provider does not have."""
    pytest.skip(ABSENT + what)
