"""JSON as it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelex_core.errors import UnsupportedInputError


def encoded(value: Any) -> str:
    """A value as JSON.

    Raises:
        UnsupportedInputError: It holds something JSON has no form for.
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"this cannot be sent as JSON: {error}"
        raise UnsupportedInputError(msg) from error


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    msg = f"{type(value).__name__} is not a JSON type"
    raise TypeError(msg)
