"""A request in the SDK's words, and an answer in ours."""

import json

from pipelex_core.answers import count
from pipelex_core.errors import InvalidAnswerError, ServerError, UnsupportedInputError
from pipelex_core.parts import ProviderPart, TextPart, ToolCall, ToolResult
from pipelex_core.results import TextAnswer, Usage

_FINISHES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
_CHOICES = {"required": "REQUIRED", "none": "NONE"}


def arguments_of(request):
    if request.reasoning_effort or request.reasoning_budget:
        raise UnsupportedInputError("this backend takes no settings of reasoning")
    tools = [_tool(tool) for tool in request.tools]
    choice = request.tool_choice
    if choice not in (None, "auto", *_CHOICES):
        tools, choice = [tool for tool in tools if tool["function"]["name"] == choice], "required"
    settings = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "p": request.top_p,
        "seed": request.seed,
        "stop_sequences": list(request.stop) or None,
        "tools": tools or None,
        "tool_choice": _CHOICES.get(choice) if tools else None,
    }
    system = [{"role": "system", "content": request.system}] if request.system else []
    turns = [turn for message in request.messages for turn in _turns(message)]
    sent = {name: value for name, value in settings.items() if value is not None}
    return {"model": request.spec.model_id, "messages": [*system, *turns], **sent}


def _tool(tool):
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _turns(message):
    calls = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": json.dumps(dict(part.arguments))}
            calls.append({"id": part.id, "type": "function", "function": function})
        elif not isinstance(part, (TextPart, ProviderPart)):
            raise UnsupportedInputError("this backend takes text alone")
    if message.role != "tool":
        stated = {"content": message.text} if message.text or not calls else {}
        yield {"role": message.role, **stated, **({"tool_calls": calls} if calls else {})}


def answer_of(stated):
    message = stated.message
    texts = [item.text for item in message.content or () if item.type == "text"]
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    return _answer(
        "".join(texts), calls, stated.finish_reason, stated.usage, stated.id, raw=stated, plan=message.tool_plan
    )


def _answer(text, calls, finish, usage, request_id, *, raw, plan=None):
    if not isinstance(text, str) or not isinstance(finish, str):
        raise InvalidAnswerError("the answer has no text, or no reason why it ended", raw=raw)
    if finish in ("ERROR", "TIMEOUT", "ERROR_TOXIC"):
        raise ServerError(f"Cohere could not finish its answer ({finish})")
    made = tuple(
        ToolCall(id=call_id, name=name, arguments=json.loads(arguments or "{}")) for call_id, name, arguments in calls
    )
    return TextAnswer(
        text=text,
        finish_reason="tool_calls" if made else _FINISHES.get(finish, "other"),
        tool_calls=made,
        reasoning=plan or None,
        usage=_usage(usage),
        request_id=request_id,
        raw=raw,
    )


def _usage(reported):
    """Cohere counts in floats."""
    tokens = getattr(reported, "tokens", None)
    found = (getattr(tokens, "input_tokens", None), getattr(tokens, "output_tokens", None))
    numbers = [
        None if each is None else count(int(each)) for each in (*found, getattr(reported, "cached_tokens", None))
    ]
    return Usage(input_tokens=numbers[0], output_tokens=numbers[1], cached_tokens=numbers[2])


class Gathered:
    """The events of a stream, put together."""

    def __init__(self):
        self.text, self.finish, self._id, self._usage, self._last, self._plan = "", None, None, None, None, ""
        self._calls = {}

    def take(self, event):
        """The text that an event brings; empty where it brings something else."""
        kind = getattr(event, "type", None)
        message = getattr(getattr(event, "delta", None), "message", None)
        if kind == "message-start":
            self._id = event.id
        elif kind == "content-delta":
            delta = message.content.text or ""
            self.text += delta
            return delta
        elif kind == "tool-plan-delta":
            self._plan += message.tool_plan or ""
        elif kind == "tool-call-start":
            call = message.tool_calls
            self._calls[event.index] = [call.id, call.function.name, call.function.arguments or ""]
        elif kind == "tool-call-delta":
            self._calls[event.index][2] += message.tool_calls.function.arguments or ""
        elif kind == "message-end":
            if getattr(event.delta, "error", None):
                raise ServerError(f"the provider failed in the middle of its answer: {event.delta.error[:300]}")
            self.finish, self._usage, self._last = event.delta.finish_reason, event.delta.usage, event
        return ""

    def answer(self):
        """The whole."""
        calls = [tuple(call) for call in self._calls.values()]
        return _answer(self.text, calls, self.finish, self._usage, self._id, raw=self._last, plan=self._plan)
