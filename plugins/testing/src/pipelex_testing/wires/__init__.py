"""The wires of the first-party plugins; a third-party backend that speaks one of them needs no canned answers."""

from __future__ import annotations

from pipelex_testing.wires.anthropic_messages import AnthropicMessages
from pipelex_testing.wires.bedrock_converse import BedrockConverse
from pipelex_testing.wires.fal_queue import FalQueue
from pipelex_testing.wires.gemini import Gemini
from pipelex_testing.wires.mistral import Mistral
from pipelex_testing.wires.openai_chat import OpenAIChat
from pipelex_testing.wires.openai_responses import OpenAIResponses

__all__ = [
    "AnthropicMessages",
    "BedrockConverse",
    "FalQueue",
    "Gemini",
    "Mistral",
    "OpenAIChat",
    "OpenAIResponses",
]
