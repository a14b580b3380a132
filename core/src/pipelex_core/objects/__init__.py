"""Typed objects: the JSON schema of a type, and a JSON answer validated against it."""

from __future__ import annotations

from pipelex_core.objects.object_types import InvalidObjectError, ObjectType, object_type, read_object

__all__ = ["InvalidObjectError", "ObjectType", "object_type", "read_object"]
