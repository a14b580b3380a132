"""The rows of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.rows.anthropic import Anthropic
from tests.conformance.rows.bedrock import Bedrock
from tests.conformance.rows.fal import Fal
from tests.conformance.rows.google import Google, Vertex
from tests.conformance.rows.internal import Internal
from tests.conformance.rows.llamacpp import LlamaCpp
from tests.conformance.rows.mistral import Mistral
from tests.conformance.rows.openai import AzureOpenAI, AzureResponses, Compatible, OpenAI, OpenAIResponses
from tests.conformance.rows.rapidocr import RapidOcr

if TYPE_CHECKING:
    from tests.conformance.provider import Provider

ROWS: tuple[Provider, ...] = (
    OpenAI(),
    OpenAIResponses(),
    AzureOpenAI(),
    AzureResponses(),
    Compatible(),
    Anthropic(),
    Mistral(),
    Google(),
    Vertex(),
    Bedrock(),
    Fal(),
    Internal(),
    RapidOcr(),
    LlamaCpp(),
)
