"""A call for text, whichever protocol it came in, and the plan that the library makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from pipelex_core.backend import ObjectGenerator, ObjectStreamer
from pipelex_core.capabilities.text import GENERATE_TEXT, STREAM_TEXT, TEXT
from pipelex_core.constraints import refuses_every
from pipelex_core.execution.plan import make_plan
from pipelex_core.objects import ObjectType, object_type
from pipelex_serve.problems import refuse
from pipelex_serve.streams import is_streamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.capabilities.text import TextInput
    from pipelex_core.deck import ChainMember, ModelDeck, Resolution
    from pipelex_core.execution.plan import Plan
    from pipelex_core.parts import Message, Tool
    from pipelex_serve.gateway import Gateway

OBJECT_AS_IT_CAME = evolve(GENERATE_TEXT, name="generate_object", needs=ObjectGenerator, choice="for_object")
"""An object that is passed on as the provider gave it: who asked for it checks it."""

_OBJECT_IN_PIECES = evolve(STREAM_TEXT, name="stream_object", needs=ObjectStreamer, choice="for_object")

_REASONING = ("reasoning_effort", "reasoning_budget")


@frozen(kw_only=True)
class TextCall:
    """What a client asks for.

    Attributes:
        model: The handle.
        messages: The conversation, with what it has of role `system`.
        system: The system prompt that goes with it, or None.
        tools: What the model may ask for.
        tool_choice: Which of them it is to ask for, or None.
        settings: Those of the request, which win over the preset's.
        schema: JSON schema of the answer, or None for text.
        schema_name: Its name.
        streams: Whether the answer is to come as a stream.
        wide_temperature: Whether the temperature is one from 0 to 2, as in OpenAI's protocol.
        ignored: Names of the parameters that this gateway does not use.
    """

    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    settings: dict[str, Any] = field(factory=dict)
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    streams: bool = False
    wide_temperature: bool = False
    ignored: tuple[str, ...] = ()


def text_plan(deck: ModelDeck, call: TextCall) -> Plan:
    """What the library is to do for a call.

    Raises:
        CallError: The call is wrong.
        ConfigError: Its handle leads nowhere.
    """
    what: TextInput = TEXT.read(
        call.messages, system=call.system, tools=call.tools, tool_choice=call.tool_choice if call.tools else None
    )
    operation = STREAM_TEXT if call.streams and "n" not in call.settings else GENERATE_TEXT  # several come as a whole
    if call.schema is not None:
        operation = OBJECT_AS_IT_CAME
        what = evolve(what, kind=_kind(call))
    settings, wide = call.settings, None
    if settings:
        resolution = deck.resolve(call.model)
        settings = _fitted(settings, resolution)
        if call.wide_temperature and settings.get("temperature") is not None:
            wide = settings["temperature"]
            settings = {**settings, "temperature": min(wide, 1)}
    plan = make_plan(deck, TEXT, what, operation=operation, handle=call.model, settings=settings)
    if wide is None or not any(_is_wide(member) for member in plan.members):
        return plan
    return evolve(plan, members=tuple(_with_temperature(member, wide) for member in plan.members))


async def streamed_plan(gateway: Gateway, call: TextCall) -> Plan:
    """The same for a call that is to stream; its operation streams, with what comes beside the text, unless it is one for an object that not every member streams.

    Raises:
        CallError: The call is wrong.
        ConfigError: Its handle leads nowhere.
    """
    plan = evolve(text_plan(gateway.deck, call), with_sides=True)
    if (
        call.schema is None
        or call.tools
        or "n" in call.settings
        or not await is_streamed(gateway, plan, ObjectStreamer)
    ):
        return plan
    plan = text_plan(gateway.deck, call)  # of the deck as it is by now
    return evolve(plan, operation=_OBJECT_IN_PIECES, with_sides=True)


def _kind(call: TextCall) -> ObjectType[Any]:
    assert call.schema is not None  # noqa: S101 -- the caller looked
    if call.schema.get("type", "object") != "object":
        msg = f"the schema of the answer must be one of an object, not of type {call.schema.get('type')!r}"
        raise refuse(400, msg, code="invalid_json_schema", param="response_format")
    known = object_type(call.schema)
    return ObjectType(name=call.schema_name, schema=known.schema, decode=str)


def _fitted(settings: dict[str, Any], resolution: Resolution) -> dict[str, Any]:
    """The settings without what clients send to every model: more tokens than it has, and reasoning to one without."""
    specs = [member.spec for member in resolution.chain if member.available and member.spec is not None]
    if not specs:
        return settings
    most = settings.get("max_tokens")
    if most is not None and any(spec.max_tokens is not None and spec.max_tokens < most for spec in specs):
        bounds = [spec.max_tokens for spec in specs]
        if None not in bounds:
            settings = {**settings, "max_tokens": max(bound for bound in bounds if bound is not None)}
    for name in _REASONING:
        if name in settings and all(refuses_every(name, spec) for spec in specs):
            settings = {key: value for key, value in settings.items() if key != name}
    return settings


def _is_wide(member: ChainMember) -> bool:
    constraints = member.spec.constraints if member.spec is not None else ()
    return "temperature_must_be_multiplied_by_2" in constraints or "temperature_up_to_2" in constraints


def _with_temperature(member: ChainMember, temperature: float) -> ChainMember:
    """The member with the temperature as the client means it, where its wire has temperatures up to 2, too."""
    if not _is_wide(member) or "temperature" not in member.settings:
        return member
    return evolve(member, settings={**member.settings, "temperature": temperature})
