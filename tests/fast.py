"""Which tests are fast: those of one process and loopback, with no generated input; a rule, not a mark on each.

`pytest -m fast` runs them, and imports no module that has none.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FOLDERS = frozenset({"cli", "core", "dialects", "operations", "http", "limits", "mock", "runs", "servers", "testing"})
"""Folders of `tests/` whose modules may be fast; the others start programs, build wheels, import every SDK or sweep over all providers."""

_SLOW_WORDS = re.compile(
    r"\b(subprocess|multiprocessing|playwright|redis_server|built_wheels|hypothesis|os\.fork|tracemalloc|PIPELEX_KIT)\b|tests\.(conformance|resilience)"
)


@cache
def is_fast_module(file: Path) -> bool:
    """Tell whether a test module starts no program, generates no input and needs no engine, by what its source names."""
    return file.parent.name in FOLDERS and _SLOW_WORDS.search(file.read_text(encoding="utf-8")) is None


def is_fast(item: pytest.Item) -> bool:
    """Tell whether a test is fast: it stands in a fast module and is not marked as slow."""
    return is_fast_module(item.path) and item.get_closest_marker("slow") is None
