"""What the table of a Claude model may hold, whoever serves it; imports no SDK."""

from __future__ import annotations

from pipelex_core.backend import Option

CACHING = "Have the prompt cached: a mark on the system prompt (else the tools) and on the last user message."

MODEL_OPTIONS = (
    Option(
        name="structured_output",
        default="native",
        choices=("native", "tool"),
        help="How objects are asked for: by the API's structured output, or by a tool.",
    ),
    Option(
        name="forced_tools",
        default="true",
        type="bool",
        help="Whether tool_choice may demand a tool.",
    ),
    Option(
        name="thinking",
        default="adaptive",
        choices=("budget", "adaptive", "on"),
        help="How reasoning is asked for: by a budget of tokens, as adaptive thinking with an effort, or "
        "by the effort alone, because the model thinks unasked.",
    ),
    Option(
        name="thinking_off",
        default="omit",
        choices=("omit", "disabled", "between_tools", "never"),
        help='What reasoning_effort = "none" sends: nothing, a thinking type, or an error.',
    ),
    Option(
        name="prefill",
        default="true",
        type="bool",
        help="Whether it goes on with its own message at the end of a conversation: from 4.6 on Claude does not.",
    ),
    Option(name="effort_levels", default="all five", type="list", help="The efforts the model knows, least first."),
    Option(name="prompt_caching", default="the backend's", type="bool", help=f"{CACHING} Wins over the backend's."),
)
"""Options of a model."""
