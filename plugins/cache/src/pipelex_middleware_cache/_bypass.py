"""Calls that no cache answers or keeps."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_bypassed = ContextVar("pipelex_cache_bypassed", default=False)


@contextmanager
def bypassed() -> Iterator[None]:
    """Calls made inside are neither answered from a cache nor kept in one."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


def is_bypassed() -> bool:
    """Whether this call is made inside `bypassed()`."""
    return _bypassed.get()
