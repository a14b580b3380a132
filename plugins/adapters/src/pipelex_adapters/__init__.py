"""What the adapters of pipelex-core to other libraries share: clients of both kinds, and answers that go back as they came."""

from __future__ import annotations

from pipelex_adapters.clients import Clients
from pipelex_adapters.kept import KEPT, is_unchanged, kept_message, media_part

__all__ = ["KEPT", "Clients", "is_unchanged", "kept_message", "media_part"]
