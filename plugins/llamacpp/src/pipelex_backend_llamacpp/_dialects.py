"""What llama.cpp's grammars take of JSON Schema; core adapts schemas to it."""

from __future__ import annotations

import re

from pipelex_core.dialects import Dialect

GRAMMAR = Dialect(
    name="llama.cpp's grammars",
    no_patterns=re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9k]"),  # look-around and back references
    closes="listed",
)

STYLE = {
    "whitespace_flexible": False,  # a small model may fill its context with blanks
    "item_separator": ", ",
    "key_separator": ": ",
    "coerce_one_of": True,
    "lenient": True,
}
"""LLGuidance's options: https://github.com/guidance-ai/llguidance/blob/main/docs/json_schema.md"""
