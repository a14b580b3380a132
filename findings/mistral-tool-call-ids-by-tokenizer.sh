#!/usr/bin/env bash
# Which requests Mistral's own validator admits, by the version of the model's tokenizer.
#
# Versions: mistral-common 1.13.1.
# Expected: rules that a later version only relaxes, and the same request valid for each model of the provider.
# Seen: an id like OpenAI's ("call_123456789") is valid in version 1, refused from 3 to 5, where it must have exactly nine letters or
#   digits, and valid again in version 13. An assistant's message with text and tool calls, or with neither (empty text), is refused
#   in version 3 and valid from 5 on. A system message after the user's is valid in every one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'mistral-common==1.13.1'
"$work/venv/bin/python" -W ignore - <<'PY'
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct import validator
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.tool_calls import FunctionCall, ToolCall

VALIDATORS = {
    "1": validator.MistralRequestValidator,
    "3": validator.MistralRequestValidatorV3,
    "5": validator.MistralRequestValidatorV5,
    "13": validator.MistralRequestValidatorV13,
}


def tool_turn(tool_call_id: str, text: str | None) -> list:
    call = ToolCall(id=tool_call_id, function=FunctionCall(name="look_up", arguments="{}"))
    answer = AssistantMessage(content=text, tool_calls=[call])
    return [UserMessage(content="hello"), answer, ToolMessage(content="found", tool_call_id=tool_call_id)]


CASES = {
    "an id of nine letters": (tool_turn("abcdefghi", None), {"1", "3", "5", "13"}),
    "an id like OpenAI's": (tool_turn("call_123456789", None), {"1", "13"}),
    "text and a tool call": (tool_turn("abcdefghi", "I look."), {"5", "13"}),
    "an empty answer": ([UserMessage(content="hello"), AssistantMessage(content=""), UserMessage(content="and?")], {"5", "13"}),
    "a late system message": ([UserMessage(content="hello"), SystemMessage(content="Be short.")], {"1", "3", "5", "13"}),
}
for name, (messages, expected) in CASES.items():
    valid = set()
    for version, kind in VALIDATORS.items():
        try:
            kind().validate_request(ChatCompletionRequest(messages=messages))
        except MistralCommonException as error:
            print(f"{name}, version {version}: {error}")
        else:
            valid.add(version)
    print(f"{name}: valid in", sorted(valid, key=int))
    assert valid == expected, name
PY
