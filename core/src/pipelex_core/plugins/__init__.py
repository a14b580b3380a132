"""Plugins: found through entry points, loaded one by one, and quarantined where they are broken.

Nothing else calls a hook. A plugin that cannot be used is listed in `Plugins.records` with its reason, and the others
go on. Finding and loading imports a plugin's light module, never its SDK.
"""

from __future__ import annotations

from pipelex_core.first_party import FIRST_PARTY
from pipelex_core.plugins.discovery import discover
from pipelex_core.plugins.in_use import Plugins
from pipelex_core.plugins.records import PluginRecord, ShippedSpecs

__all__ = ["FIRST_PARTY", "PluginRecord", "Plugins", "ShippedSpecs", "discover"]
