"""What every OpenAI-compatible endpoint is expected to refuse: a gateway, or a provider without rules of its own."""

from __future__ import annotations

from pipelex_rules.shapes import OBJECT, obj, tagged
from pipelex_rules.wires import openai_chat, openai_chat_messages

# Perplexity answered a schema without a name: recorded traffic perplexity-chat-04a7c69b.
_FORMAT = tagged(shapes={"json_schema": obj("json_schema", json_schema=obj("schema", schema=OBJECT))}, open=True)
CHAT = openai_chat.CHAT.of(
    "compatible",
    shape=openai_chat.open_body(response_format=_FORMAT),
    rules=(openai_chat_messages.assistant_says_something,),
)
