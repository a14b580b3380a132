"""Typed objects: the JSON schema of a type, a JSON answer validated against it, and the turns of a call until one is valid."""

from __future__ import annotations

from pipelex_dialects.objects.object_types import object_type, read_object
from pipelex_dialects.objects.turns import fits, generate_object, stream_object

__all__ = ["fits", "generate_object", "object_type", "read_object", "stream_object"]
