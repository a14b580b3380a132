"""What makes two requests the same: everything that is sent, and to whom; nothing else, and no key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from pipelex_core.calls import Call

FORMAT = 2
"""Counts the forms of keys and values; another number is another cache."""

_NOT_SENT = frozenset({"spec", "timeout"})
_OF_SPEC = ("backend", "sdk", "model_id", "model_type", "inputs", "outputs", "max_tokens", "constraints", "options")


def key_of(call: Call) -> bytes:
    """The key of a request: a SHA-256, from which nothing of it can be read.

    Raises:
        TypeError: The request holds something that has no canonical form.
    """
    spec, request = call.request.spec, call.request
    requested = {field.name: getattr(request, field.name) for field in attrs.fields(type(request))}
    whole = {
        "format": FORMAT,
        "operation": call.operation,
        "endpoint": call.endpoint,
        "options": sorted(call.options.items(), key=itemgetter(0)),
        "model": {name: getattr(spec, name) for name in _OF_SPEC},
        "request": {name: value for name, value in requested.items() if name not in _NOT_SENT},
    }
    return sha256(json.dumps(_canonical(whole)).encode()).digest()


def _canonical(value: Any) -> Any:
    """A value in JSON, each kind distinct; bytes by their hash. The order of a mapping counts: models see it too."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return ["bytes", sha256(value).hexdigest()]
    if isinstance(value, Mapping):
        return ["mapping", [[_canonical(key), _canonical(item)] for key, item in value.items()]]
    if isinstance(value, (list, tuple)):
        return ["sequence", [_canonical(item) for item in value]]
    if isinstance(value, frozenset):
        return ["set", sorted(value)]
    if attrs.has(type(value)):
        fields = [field.name for field in attrs.fields(type(value)) if field.eq]
        return [type(value).__name__, [[name, _canonical(getattr(value, name))] for name in fields]]
    msg = f"a {type(value).__name__} has no canonical form"
    raise TypeError(msg)
