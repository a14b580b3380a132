"""Typed objects: the JSON schema of a type, and a JSON answer validated against it."""

from __future__ import annotations

from pipelex_dialects.objects.object_types import object_type, read_object
from pipelex_dialects.objects.partial_json import NOTHING, PartialJson

__all__ = ["NOTHING", "PartialJson", "object_type", "read_object"]
