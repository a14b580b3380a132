"""Limits of the configuration: who may send a request now, who waits, and who is refused at once."""

from __future__ import annotations
