"""The key that opens the page and the metrics."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipelex_serve.keys.key import digest_of, new_secret

if TYPE_CHECKING:
    from pipelex_serve.keys.store import Store

VARIABLE = "PIPELEX_SERVE_ADMIN_KEY"
_NAME = "admin_digest"


async def admin_digest(store: Store) -> str:
    """The digest of the admin key: that of the variable, else of one that is made, and shown, at the first start."""
    provided = os.environ.get(VARIABLE)
    if provided:
        return digest_of(provided)
    fresh = new_secret()
    kept = await store.secret(_NAME, digest_of(fresh))
    if kept == digest_of(fresh):
        sys.stderr.write(
            f"The admin key of this gateway, for its page and its metrics: {fresh}\n"
            f"It is not shown again; {VARIABLE} sets another one.\n"
        )
        sys.stderr.flush()
    return kept
