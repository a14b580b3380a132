"""The plugin lock of a project: which distributions may be loaded, for which backends, and with which variables."""

from __future__ import annotations

from pipelex_lock.lock import read_lock

__all__ = ["read_lock"]
