"""What a forked child renews: locks that a thread of its parent held, and what belongs to its parent's loops."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that a fork concerns."""

    def forked(self) -> None:
        """Renew it, in the child."""


_CONCERNED: WeakSet[Forked] = WeakSet()


def after_fork(thing: Forked) -> None:
    """Have a thing renewed in every forked child, as long as it lives."""
    _CONCERNED.add(thing)


def _renew() -> None:
    for thing in list(_CONCERNED):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
