"""What every provider is asked, and what each is made to say: what the conformance kit has them say, and a little more."""

from __future__ import annotations

from typing import Any

from pipelex_testing.samples import (
    ARGUMENTS,
    CALLING,
    CITY,
    COST,
    IMAGE_PRICE,
    OBJECT,
    PAGE_PRICE,
    PLAIN,
    PNG,
    PRICES,
    PROMPT,
    SYSTEM,
    TEXT,
    THINKING,
    THOUGHT,
    TOLD,
    USAGE,
    WEATHER,
    City,
    SampleAnswer,
)
from tests.documents.pdfs import jpeg, lines, pdf, pictures

__all__ = [
    "ARGUMENTS",
    "CALLING",
    "CITY",
    "COST",
    "IMAGE_PRICE",
    "LONG_PROMPT",
    "OBJECT",
    "PAGE_PRICE",
    "PDF",
    "PLAIN",
    "PNG",
    "PRICES",
    "PROMPT",
    "SYSTEM",
    "TEXT",
    "THINKING",
    "THINKING_AND_CALLING",
    "THOUGHT",
    "TOLD",
    "USAGE",
    "WEATHER",
    "City",
    "SampleAnswer",
]

LONG_PROMPT = "Count from 1 to 10000, every number in words: one, two, three, four,"
THINKING_AND_CALLING = SampleAnswer(calls=1, thought=THOUGHT)


def _on_one_page(canvas: Any) -> None:
    lines("Paris is a city.")(canvas)
    pictures((jpeg(80, 60), 50, 300, 80, 60))(canvas)


PDF = pdf(_on_one_page, lines("It has two pages."))
"""Two pages as the kit's, the first with an image that a reader can cut out."""
