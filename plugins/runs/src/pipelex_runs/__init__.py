"""Tools that run: Python functions, and what plugins bring, in a conversation that `client.run` carries to its end."""

from __future__ import annotations

from pipelex_runs.running import run

__all__ = ["run"]
