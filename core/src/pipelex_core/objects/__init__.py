"""Typed objects: the JSON schema of a type, and a JSON answer validated against it."""

from __future__ import annotations

from pipelex_core.objects.object_types import InvalidObjectError, ObjectType, bare_json, object_type

__all__ = ["InvalidObjectError", "ObjectType", "bare_json", "object_type"]
