"""What a call would use and cost, before it is made, as values; what guesses them is a distribution of its own.

It comes with every backend, beside the limits and budgets that need it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, NamedTuple

from attrs import frozen

from pipelex_core.first_party import LIMITER, brought
from pipelex_core.ledger import Usage
from pipelex_core.plain import Plain

GROUP = "pipelex_core.estimates"
"""The entry point of the module that guesses."""


class Guess(NamedTuple):
    """A count that is not known yet; `high` is None where nothing bounds it."""

    low: int = 0
    likely: int = 0
    high: int | None = 0

    def plus(self, other: Guess) -> Guess:
        """Both together."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Guess(self.low + other.low, self.likely + other.likely, high)

    def times(self, low: int, likely: int, high: int) -> Guess:
        """So many of each."""
        return Guess(self.low * low, self.likely * likely, None if self.high is None else self.high * high)


@frozen(kw_only=True)
class Expectation:
    """What a request will use.

    Attributes:
        input_tokens: Tokens of the prompt: `low`, `likely` and `high`; None where it is not billed by tokens.
        output_tokens: Tokens of the answer, likewise; `high` is None where nothing bounds it.
        images: Images that will be made, or None.
        megapixels: Millions of their pixels, or None where the size is not asked for.
        pages: Pages that will be read, or None.
        seconds: Seconds of audio or video, or None.
        characters: Characters of text, where they are what is paid, or None.
        searches: Searches that will be counted, or None.
    """

    input_tokens: Guess | None = None
    output_tokens: Guess | None = None
    images: int | None = None
    megapixels: Decimal | None = None
    pages: Guess | None = None
    seconds: Guess | None = None
    characters: Guess | None = None
    searches: int | None = None

    def bound(self, which: Literal["low", "likely", "high"]) -> Usage:
        """The least, the likely, or the most that will be used; None for what nothing bounds."""

        def count(guess: Guess | None) -> int | None:
            return None if guess is None else getattr(guess, which)

        return Usage(
            input_tokens=count(self.input_tokens),
            output_tokens=count(self.output_tokens),
            images=self.images,
            megapixels=self.megapixels,
            pages=count(self.pages),
            seconds=count(self.seconds),
            characters=count(self.characters),
            searches=self.searches,
        )

    @property
    def tokens(self) -> int:
        """Tokens that will likely be used, input and output; what a limit reserves."""
        return sum(guess.likely for guess in (self.input_tokens, self.output_tokens) if guess)


@frozen(kw_only=True)
class MemberEstimate(Plain):
    """What one member of a chain would use and cost, if it is the one that answers.

    Attributes:
        model: Name of the model.
        backend: Its backend.
        model_id: What the provider calls it.
        input_tokens: Tokens of the prompt: `low`, `likely` and `high`; None where it is not billed by tokens.
        output_tokens: Tokens of the answer, likewise; `high` is None where nothing bounds it.
        images: Images that will be made, or None.
        megapixels: Millions of their pixels, or None where the size is not asked for.
        pages: Pages that will be read, or None.
        seconds: Seconds of audio or video, or None.
        characters: Characters of text, where they are what is paid, or None.
        searches: Searches that will be counted, or None.
        cost_low: The least it will cost; None where prices are unknown.
        cost_high: The most it will cost; None where prices, or a bound, are unknown.
        refused: Why it would not be asked at all, or None.
    """

    model: str
    backend: str
    model_id: str
    input_tokens: Guess | None = None
    output_tokens: Guess | None = None
    images: int | None = None
    megapixels: Decimal | None = None
    pages: Guess | None = None
    seconds: Guess | None = None
    characters: Guess | None = None
    searches: int | None = None
    cost_low: Decimal | None = None
    cost_high: Decimal | None = None
    refused: str | None = None


@frozen(kw_only=True)
class Estimate(Plain):
    """What a call would use and cost.

    Attributes:
        handle: The handle it was asked for.
        members: Those that would be asked, first to last; the first that answers is paid.
        currency: Of the costs.
    """

    handle: str
    members: tuple[MemberEstimate, ...]
    currency: str = "USD"

    @property
    def cost_low(self) -> Decimal | None:
        """The least that the call costs: what the cheapest member costs at least; None where one is unknown."""
        lows = [member.cost_low for member in self.members if member.refused is None]
        return None if not lows or None in lows else min(low for low in lows if low is not None)

    @property
    def cost_high(self) -> Decimal | None:
        """The most that one answer costs: what the dearest member costs at most; None where one is unknown."""
        highs = [member.cost_high for member in self.members if member.refused is None]
        return None if not highs or None in highs else max(high for high in highs if high is not None)


def counting() -> Any:
    """Import what guesses.

    Raises:
        PluginError: It is not installed.
    """
    return brought(GROUP, LIMITER, "what a call will use is guessed by a distribution that is not installed")


def tokens_of(text: str) -> Guess:
    """Tokens of a text, by how many characters of each kind it has.

    Raises:
        PluginError: What guesses is not installed.
    """
    found: Guess = counting().tokens_of(text)
    return found
