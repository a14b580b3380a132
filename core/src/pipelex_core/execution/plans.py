"""What a client is asked to do, each as a plan: whom to ask, and what its request holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.backend import DocumentExtractor, ImageGenerator, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.execution.plan import Plan, resolve
from pipelex_core.execution.terms import NO_TERMS, Terms
from pipelex_core.parts import Message, TextPart
from pipelex_core.prompts import check_inputs
from pipelex_core.prompts.checks import check_text
from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.calls import Operation
    from pipelex_core.deck import Choice, ModelDeck
    from pipelex_core.objects import ObjectType
    from pipelex_core.parts import Media, Tool
    from pipelex_core.prompts import Conversation
    from pipelex_core.specs import ModelSpec

_NOT_SENT = frozenset({"prompting_target"})


def plan_text(
    deck: ModelDeck,
    handle: Any,
    settings: Mapping[str, Any],
    conversation: Conversation,
    *,
    tools: tuple[Tool, ...] = (),
    tool_choice: str | None = None,
    terms: Terms = NO_TERMS,
    operation: Operation = "generate_text",
    kind: ObjectType[Any] | None = None,
) -> Plan:
    """A text, a stream of text, or (with `kind`) an object.

    Raises:
        UnsupportedInputError: A wrong setting or tool choice.
        ConfigError: The handle leads to nothing.
    """
    _check_tool_choice(tool_choice, tools)
    chosen = tool_choice if tools else None  # providers refuse a choice among none
    choice: Choice = "llm.for_text" if kind is None else "llm.for_object"
    name, members = resolve(deck, handle, choice, "llm", settings)
    for stop in settings.get("stop") or ():
        check_text(stop, "a stop string")

    needs = {"generate_text": TextGenerator, "stream_text": TextStreamer}.get(operation, ObjectGenerator)
    return Plan(
        operation=operation,
        capability="llm",
        handle=name,
        members=members,
        needs=needs,
        build=_TextBuild(conversation, tools, chosen, kind),
        terms=terms,
        fits=None if kind is None else partial(_fits, kind),
    )


@frozen
class _TextBuild:
    """Makes the request for a text or an object; see `Plan.build`."""

    conversation: Conversation
    tools: tuple[Tool, ...]
    tool_choice: str | None
    kind: ObjectType[Any] | None

    def __call__(self, spec: ModelSpec, fitted: Mapping[str, Any], timeout: float | None) -> TextRequest:
        check_inputs(self.conversation, spec)
        fields = {key: value for key, value in fitted.items() if key not in _NOT_SENT}
        if "stop" in fields:
            fields["stop"] = tuple(fields["stop"])
        fields.update(_told(self.conversation, spec))
        fields.update(spec=spec, tools=self.tools, tool_choice=self.tool_choice, timeout=timeout)
        if self.kind is None:
            return TextRequest(**fields)
        if spec.outputs and "structured" not in spec.outputs:
            msg = f"model '{spec.name}' gives no structured output: its outputs are {', '.join(sorted(spec.outputs))}"
            raise UnsupportedInputError(msg)
        return ObjectRequest(schema=self.kind.schema, schema_name=self.kind.name, **fields)


def _fits(kind: ObjectType[Any], answer: Any) -> bool:
    """Whether an object can be made of an answer."""
    from pipelex_core.objects import InvalidObjectError, bare_json

    try:
        kind.decode(bare_json(answer.text))
    except InvalidObjectError:
        return False
    return True


def plan_extract(
    deck: ModelDeck, handle: Any, settings: Mapping[str, Any], document: Media, *, terms: Terms = NO_TERMS
) -> Plan:
    """The pages of a document; errors as in `plan_text`."""
    name, members = resolve(deck, handle, "extract", "extract", settings)
    kind = "pdf" if document.media_type == "application/pdf" else "images"

    def build(spec: ModelSpec, fitted: Mapping[str, Any], timeout: float | None) -> ExtractRequest:
        if spec.inputs and kind not in spec.inputs:
            msg = f"model '{spec.name}' takes no {document.media_type}: its inputs are {', '.join(sorted(spec.inputs))}"
            raise UnsupportedInputError(msg)
        return ExtractRequest(spec=spec, document=document, timeout=timeout, **fitted)

    return Plan(
        operation="extract",
        capability="extract",
        handle=name,
        members=members,
        needs=DocumentExtractor,
        build=build,
        terms=terms,
    )


def plan_image(
    deck: ModelDeck, handle: Any, settings: Mapping[str, Any], prompt: str, *, terms: Terms = NO_TERMS
) -> Plan:
    """Images; errors as in `plan_text`."""
    name, members = resolve(deck, handle, "img_gen", "img_gen", settings)

    def build(spec: ModelSpec, fitted: Mapping[str, Any], timeout: float | None) -> ImageRequest:
        return ImageRequest(spec=spec, prompt=prompt, timeout=timeout, **fitted)

    return Plan(
        operation="generate_image",
        capability="img_gen",
        handle=name,
        members=members,
        needs=ImageGenerator,
        build=build,
        terms=terms,
    )


def _check_tool_choice(choice: object, tools: tuple[Tool, ...]) -> None:
    if choice is None or choice in ("auto", "none") or (tools and choice == "required"):
        return
    if choice == "required":
        msg = "tool_choice 'required' needs tools to choose from"
        raise UnsupportedInputError(msg)
    if not any(choice == tool.name for tool in tools):
        msg = f"tool_choice is auto, none, required, or the name of a tool given, not {choice!r}"
        raise UnsupportedInputError(msg)


def _told(conversation: Conversation, spec: ModelSpec) -> dict[str, Any]:
    """The messages and system prompt; for a model without system prompts, that is the first message's beginning."""
    if conversation.system is None or "no_system_prompt" not in spec.constraints:
        return {"messages": conversation.messages, "system": conversation.system}
    first, *rest = conversation.messages
    if first.role != "user":
        told = Message(role="user", parts=(TextPart(conversation.system),))
        return {"messages": (told, first, *rest), "system": None}
    return {
        "messages": (evolve(first, parts=(TextPart(f"{conversation.system}\n\n"), *first.parts)), *rest),
        "system": None,
    }
