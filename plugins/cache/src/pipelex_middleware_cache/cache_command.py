"""`pipelex cache`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError
from pipelex_middleware_cache._cache import Cache


def cache(file: Path | None = None, *, clear: bool = False, json: bool = False, context: Context) -> int:
    """Show what a cache of answers holds, or forget it.

    Args:
        file: The file; the one that PIPELEX_CACHE names by default.
        clear: Forget every answer.
        json: Print one JSON document.
    """
    chosen = file or os.environ.get("PIPELEX_CACHE", "").strip()
    if not chosen:
        msg = "no cache is named; write: pipelex cache FILE, or set PIPELEX_CACHE"
        raise PipelexError(msg)
    found = Cache(chosen)
    if not found.path.is_file():
        msg = f"there is no file '{found.path}'"
        raise PipelexError(msg)
    if clear:
        found.clear()
    contents = found.contents()
    if found.is_off:
        return 1  # the reason is in the log, which ends on stderr
    found.close()
    if json:
        context.print_json({"file": str(found.path), "answers": contents.answers, "bytes": contents.bytes})
    else:
        sys.stdout.write(f"{contents.answers} answers, {contents.bytes} bytes\n")
    return 0
