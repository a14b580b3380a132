"""E-mail addresses in prompts are replaced before a provider sees them."""

import re

import attrs

from pipelex_core.hookspecs import hookimpl
from pipelex_core.parts import TextPart

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def _without_addresses(text):
    return _ADDRESS.sub("[e-mail]", text)


def _clean(message):
    parts = (TextPart(_without_addresses(part.text)) if isinstance(part, TextPart) else part for part in message.parts)
    return attrs.evolve(message, parts=tuple(parts))


async def redact_addresses(call, proceed):
    if call.capability == "llm":
        request = call.request
        system = request.system and _without_addresses(request.system)
        messages = tuple(_clean(message) for message in request.messages)
        call = attrs.evolve(call, request=attrs.evolve(request, messages=messages, system=system))
    return await proceed(call)


@hookimpl
def pipelex_middleware():
    return [redact_addresses]
