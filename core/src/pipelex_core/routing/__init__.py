"""Routing profiles: which backend a model's name leads to."""

from __future__ import annotations

from pipelex_core.routing.profiles import ModelEntry, Route, RouteMatch, RoutingProfile, assign

__all__ = ["ModelEntry", "Route", "RouteMatch", "RoutingProfile", "assign"]
