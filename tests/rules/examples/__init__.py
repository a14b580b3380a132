"""A request for each rule that no fact shows: a good one, and one that breaks this rule."""

from __future__ import annotations

from tests.rules.examples.anthropic import ANTHROPIC
from tests.rules.examples.base import Example
from tests.rules.examples.bedrock import BEDROCK
from tests.rules.examples.google import GOOGLE
from tests.rules.examples.mistral import MISTRAL
from tests.rules.examples.openai import OPENAI
from tests.rules.examples.others import OTHERS
from tests.rules.examples.schemas import schemas

__all__ = ["EXAMPLES", "Example"]

EXAMPLES: list[Example] = [*OPENAI, *ANTHROPIC, *GOOGLE, *MISTRAL, *BEDROCK, *OTHERS, *schemas()]
