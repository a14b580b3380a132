"""The options that a Gemini model has, whichever of Google's APIs serves it."""

from __future__ import annotations

from pipelex_core.backend import Option
from pipelex_core.specs import ModelType

__all__ = ["MODEL_OPTIONS", "MODEL_TYPES"]

MODEL_OPTIONS = (
    Option(
        name="thinking",
        default="budget before Gemini 3, level from then on",
        choices=("level", "budget"),
        help="How the model is asked to think: Gemini 3 and later by level, 2.5 by a budget of tokens.",
    ),
    Option(name="thinking_levels", type="list", help="The levels it has, of minimal, low, medium, high."),
    Option(name="min_thinking_budget", type="int", help="The smallest budget it takes; 0 where thinking can be off."),
    Option(name="image_sizes", type="table", help="The image size to ask for, by quality: low, medium, high."),
    Option(
        name="voices", type="list", help="The voices of a model that speaks; the first is taken where none is named."
    ),
    Option(name="formats", type="list", help="The encodings that a model's speech may have."),
    Option(name="max_characters", type="int", help="Most characters of a text that a model speaks."),
)

MODEL_TYPES = {
    "gemini-embedding-": ModelType.EMBEDDING,
    "text-embedding-": ModelType.EMBEDDING,
    "text-multilingual-embedding-": ModelType.EMBEDDING,
    "semantic-ranker-": ModelType.RERANKER,
}
"""What models are for by the beginning of their ids."""
