"""What a model reads of a tool: its result as text, or why there is no result."""

from __future__ import annotations

import json
from typing import Any

from pipelex_core.errors import ToolFailedError, UnsupportedInputError
from pipelex_core.prompts.checks import check_text


def as_text(value: Any) -> str:
    """A tool's result for the model: a string as it is, everything else as JSON.

    attrs classes, dataclasses, pydantic models, dates, enums, decimals and sets have their usual JSON form.

    Raises:
        ToolFailedError: It has no JSON form, such as bytes, NaN, or an object of any other class.
    """
    import msgspec

    try:
        text = value if isinstance(value, str) else None
        if text is None:
            plain = msgspec.to_builtins(
                value, builtin_types=(bytes, bytearray, memoryview), str_keys=True, enc_hook=_plain
            )
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        check_text(text)
    except (TypeError, ValueError, RecursionError, UnsupportedInputError) as error:
        raise ToolFailedError(f"the tool ran, and its result cannot be written as JSON: {error}") from None
    return text


def _plain(value: Any) -> Any:
    for method in ("model_dump", "to_dict"):  # pydantic's models, and this library's values
        if not isinstance(value, type) and callable(getattr(value, method, None)):
            return getattr(value, method)(**({"mode": "json"} if method == "model_dump" else {}))
    raise TypeError(f"an object of class {type(value).__name__} has no JSON form")
