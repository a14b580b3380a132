"""The limits of backends and models: how many requests at once, how many requests and tokens in a minute."""

from __future__ import annotations

from pipelex_limits.limiter import limiter_of
from pipelex_limits.place import place_at

__all__ = ["limiter_of", "place_at"]
