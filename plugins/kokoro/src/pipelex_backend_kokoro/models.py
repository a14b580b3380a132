"""The models this plugin knows by name, and fetching them; needs no SDK.

>>> sorted(catalogue())
['kokoro-82m']
"""

from __future__ import annotations

from pipelex_local.weights import Catalogue

__all__ = ["catalogue", "fetch"]

_CATALOGUE = Catalogue(engine="kokoro", package="pipelex_backend_kokoro")
catalogue = _CATALOGUE.models
fetch = _CATALOGUE.fetch
