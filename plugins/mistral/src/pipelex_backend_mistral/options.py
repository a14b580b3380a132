"""What the table of a model of Mistral may hold, whoever serves it; imports no SDK."""

from __future__ import annotations

from pipelex_core.backend import Option

MODEL_OPTIONS = (
    Option(
        name="structured_output",
        default="json_schema",
        choices=("json_schema", "json_mode"),
        help="How the model is made to answer with an object: by its schema, or JSON mode for older models.",
    ),
    Option(
        name="prompt_mode",
        choices=("reasoning",),
        help="Sent as it is: `reasoning` puts Mistral's own system prompt for reasoning before yours.",
    ),
    Option(
        name="effort_levels",
        type="list",
        help="Reasoning efforts that the model takes: another becomes the nearest. Empty to send each as it is.",
    ),
    Option(
        name="voices", type="list", help="The voices of a model that speaks; the first is taken where none is named."
    ),
    Option(name="formats", type="list", help="The encodings that a model's speech may have; empty for all."),
    Option(name="max_characters", type="int", help="Most characters of a text that a model speaks."),
)
"""Options of a model."""
