"""What every provider is asked, and what each is made to say: the same words, object, picture and counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import frozen

from pipelex_core.parts import Tool
from pipelex_core.results import Usage
from pipelex_core.specs import Costs
from pipelex_core.testing.samples import png
from tests.documents.pdfs import jpeg, lines, pdf, pictures

SYSTEM = "You know every capital."
PROMPT = "What is the capital of France?"
LONG_PROMPT = "Count from 1 to 10000, every number in words: one, two, three, four,"
TEXT = "The capital of France is Paris, on the Seine."
THOUGHT = "France, so Paris."
PNG = png(24)


def _on_one_page(canvas: Any) -> None:
    lines("Paris is a city.")(canvas)
    pictures((jpeg(80, 60), 50, 300, 80, 60))(canvas)


PDF = pdf(_on_one_page, lines("It has two pages."))


@frozen
class City:
    """The object that is asked for."""

    name: str
    is_capital: bool


CITY = City("Paris", True)
WEATHER = Tool(
    name="get_weather",
    description="The weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ARGUMENTS = {"city": "Paris"}
TOLD = "Sunny, 24 degrees."

USAGE = Usage(input_tokens=20, output_tokens=12, cached_tokens=8)
PRICES = Costs(input=Decimal(2), output=Decimal(8), input_cached=Decimal("0.5"))
COST = Decimal("0.000124")
"""(12 × 2 + 8 × 0.5 + 12 × 8) dollars for a million of `USAGE`."""
PAGE_PRICE = Costs(unit="page", input=Decimal("0.001"))
IMAGE_PRICE = Costs(unit="image", output=Decimal("0.04"))


@frozen(kw_only=True)
class Said:
    """What a provider says.

    Attributes:
        text: Its words.
        value: An object instead.
        calls: Whether it asks for the weather of Paris instead.
        thought: What it thought before.
    """

    text: str = TEXT
    value: dict[str, Any] | None = None
    calls: bool = False
    thought: str | None = None


PLAIN = Said()
OBJECT = Said(value={"name": CITY.name, "is_capital": CITY.is_capital})
CALLING = Said(calls=True)
THINKING = Said(thought=THOUGHT)
THINKING_AND_CALLING = Said(calls=True, thought=THOUGHT)
