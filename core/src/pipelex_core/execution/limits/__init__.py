"""Limits of the configuration: who may send a request now, who waits, and who is told at once that it will not do."""

from __future__ import annotations
