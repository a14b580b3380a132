"""What the keys of a configuration and the codes of its problems mean, in words for users."""

from __future__ import annotations

from pipelex_cli.schemas.meanings import BACKEND_KEYS, PROFILE_KEYS, SPEC_KEYS
from pipelex_cli.validation.codes import MEANINGS

CODES = MEANINGS

__all__ = ["BACKEND_KEYS", "CODES", "PROFILE_KEYS", "SPEC_KEYS"]
