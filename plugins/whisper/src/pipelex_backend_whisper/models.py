"""The models this plugin knows by name, and fetching them; needs no SDK.

>>> sorted(catalogue())
['whisper-base', 'whisper-tiny.en']
"""

from __future__ import annotations

from pipelex_local.weights import Catalogue

__all__ = ["catalogue", "fetch"]

_CATALOGUE = Catalogue(engine="whisper", package="pipelex_backend_whisper")
catalogue = _CATALOGUE.models
fetch = _CATALOGUE.fetch
