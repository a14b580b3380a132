"""What the items of the Responses API look like."""

from __future__ import annotations

from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    choice,
    either,
    listing,
    mapping,
    obj,
    tagged,
    text,
)
from pipelex_rules.wires.openai_responses_hosted import ENVIRONMENT, MOST, SPECIFICATION, TOOLS

FILE_CHARACTERS = 73_400_320
CALL_ID = text(1, 64, source=SPECIFICATION)
STATUS = choice("in_progress completed incomplete")
DETAIL = choice("auto low high original")
BREAKPOINT = obj("mode", mode=choice("explicit"))
INPUT_PARTS = {
    "input_text": obj("text", text=text(0, MOST), prompt_cache_breakpoint=BREAKPOINT),
    "input_image": obj(detail=DETAIL, file_id=TEXT, image_url=TEXT, prompt_cache_breakpoint=BREAKPOINT),
    "input_file": obj(
        prompt_cache_breakpoint=BREAKPOINT,
        file_data=text(0, FILE_CHARACTERS),
        file_id=TEXT,
        file_url=TEXT,
        filename=TEXT,
    ),
    "input_audio": OBJECT,
}
_OUTPUT_PARTS = {"output_text": obj("text", text=TEXT), "refusal": obj("refusal", refusal=TEXT)}
_CONTENT = either(text(0, MOST), listing(tagged(shapes={**INPUT_PARTS, **_OUTPUT_PARTS})))
_MESSAGE = obj(
    "role content",
    role=choice("user assistant system developer"),
    content=_CONTENT,
    status=STATUS,
    phase=choice("commentary final_answer"),
)
_TOOL_OUTPUT = either(text(0, MOST), listing(tagged(shapes=INPUT_PARTS)))
_OTHERS = ("configuration_update", "compaction_trigger")
_POINT = obj("x y", x=INTEGER, y=INTEGER)
_KEYS = listing(TEXT)
_COMPUTER_ACTION = tagged(
    shapes={
        "click": obj("button x y", button=choice("left right wheel back forward"), x=INTEGER, y=INTEGER),
        "double_click": _POINT,
        "drag": obj("path", path=listing(_POINT)),
        "keypress": obj("keys", keys=_KEYS),
        "move": _POINT,
        "screenshot": obj(),
        "scroll": obj("x y scroll_x scroll_y", x=INTEGER, y=INTEGER, scroll_x=INTEGER, scroll_y=INTEGER),
        "type": obj("text", text=TEXT),
        "wait": obj(),
    }
)
_TOOL = tagged(shapes=TOOLS)
_CALLER = tagged(shapes={"direct": obj(), "program": obj("caller_id", caller_id=text(1, 64))})
_CHECK = obj("id", id=TEXT, code=TEXT, message=TEXT)
_SEARCH_ACTION = tagged(
    shapes={
        "search": obj(
            query=TEXT, queries=listing(TEXT), sources=listing(obj("type url", type=choice("url api"), url=TEXT))
        ),
        "open_page": obj(url=TEXT),
        "find_in_page": obj("url pattern", url=TEXT, pattern=TEXT),
    }
)
_EXEC = obj("type command env", type=choice("exec"), command=listing(TEXT), timeout_ms=INTEGER, env=mapping(TEXT))
_SHELL_ACTION = obj("commands", commands=listing(TEXT), timeout_ms=INTEGER, max_output_length=INTEGER)
_OUTCOME = tagged(shapes={"exit": obj("exit_code", exit_code=INTEGER), "timeout": obj()})
_SHELL_OUTPUT = obj("stdout stderr outcome", stdout=text(0, MOST), stderr=text(0, MOST), outcome=_OUTCOME)
_DIFF = obj("path diff", path=text(1), diff=text(0, MOST))
_PATCH = tagged(shapes={"create_file": _DIFF, "update_file": _DIFF, "delete_file": obj("path", path=text(1))})
_CODE_OUTPUT = tagged(shapes={"logs": obj("logs", logs=TEXT), "image": obj("url", url=TEXT)})
_MCP_STATUS = choice("in_progress completed incomplete calling failed")
_HOSTED_ITEMS = {
    "file_search_call": obj(
        "id status queries",
        id=TEXT,
        status=choice("in_progress searching completed incomplete failed"),
        queries=listing(TEXT),
        results=listing(obj(file_id=TEXT, text=TEXT, filename=TEXT, score=NUMBER)),
    ),
    "computer_call": obj(
        "id call_id pending_safety_checks status",
        id=TEXT,
        call_id=TEXT,
        action=_COMPUTER_ACTION,
        actions=listing(_COMPUTER_ACTION),
        pending_safety_checks=listing(_CHECK),
        status=STATUS,
    ),
    "computer_call_output": obj(
        "call_id output",
        call_id=CALL_ID,
        output=obj("type", type=choice("computer_screenshot"), image_url=TEXT, file_id=TEXT),
        acknowledged_safety_checks=listing(_CHECK),
        status=STATUS,
    ),
    "web_search_call": obj(
        "id status", id=TEXT, status=choice("in_progress searching completed failed"), action=_SEARCH_ACTION
    ),
    "tool_search_call": obj(
        "arguments", call_id=CALL_ID, execution=choice("server client"), arguments=ANY, status=STATUS
    ),
    "tool_search_output": obj(
        "tools", call_id=CALL_ID, execution=choice("server client"), tools=listing(_TOOL), status=STATUS
    ),
    "additional_tools": obj("role tools", role=choice("developer"), tools=listing(_TOOL)),
    "compaction": obj("encrypted_content", encrypted_content=text(0, 20_971_520)),
    "image_generation_call": obj(
        "id status", id=TEXT, status=choice("in_progress completed generating failed"), result=TEXT
    ),
    "code_interpreter_call": obj(
        "id status container_id",
        id=TEXT,
        status=choice("in_progress completed incomplete interpreting failed"),
        container_id=TEXT,
        code=TEXT,
        outputs=listing(_CODE_OUTPUT),
    ),
    "local_shell_call": obj("id call_id action status", id=TEXT, call_id=TEXT, action=_EXEC, status=STATUS),
    "local_shell_call_output": obj("id output", id=TEXT, output=TEXT, status=STATUS),
    "shell_call": obj(
        "call_id action", call_id=CALL_ID, action=_SHELL_ACTION, status=STATUS, caller=_CALLER, environment=ENVIRONMENT
    ),
    "shell_call_output": obj(
        "call_id output",
        call_id=CALL_ID,
        caller=_CALLER,
        output=listing(_SHELL_OUTPUT),
        status=STATUS,
        max_output_length=INTEGER,
    ),
    "apply_patch_call": obj(
        "call_id status operation", call_id=CALL_ID, status=choice("in_progress completed"), operation=_PATCH
    ),
    "apply_patch_call_output": obj(
        "call_id status", call_id=CALL_ID, status=choice("completed failed"), output=text(0, MOST)
    ),
    "mcp_list_tools": obj("id server_label tools", id=TEXT, server_label=TEXT, tools=listing(obj("name", name=TEXT))),
    "mcp_approval_request": obj(
        "id server_label name arguments", id=TEXT, server_label=TEXT, name=TEXT, arguments=TEXT
    ),
    "mcp_approval_response": obj("approval_request_id approve", approval_request_id=TEXT, approve=BOOLEAN, reason=TEXT),
    "mcp_call": obj(
        "id server_label name arguments",
        id=TEXT,
        server_label=TEXT,
        name=TEXT,
        arguments=TEXT,
        output=TEXT,
        status=_MCP_STATUS,
    ),
    "program": obj(
        "id call_id code fingerprint", id=TEXT, call_id=CALL_ID, code=text(0, MOST), fingerprint=text(0, MOST)
    ),
    "program_output": obj(
        "id call_id result status",
        id=TEXT,
        call_id=CALL_ID,
        result=text(0, MOST),
        status=choice("completed incomplete"),
    ),
}
"""Calls of the tools that OpenAI itself runs, as they are given back."""
ITEM = tagged(
    default="message",
    shapes={
        **dict.fromkeys(_OTHERS, OBJECT),
        **_HOSTED_ITEMS,
        "message": _MESSAGE,
        "function_call": obj(
            "call_id name arguments",
            call_id=CALL_ID,
            name=text(1, 128, pattern=r"[a-zA-Z0-9_-]+"),
            arguments=TEXT,
            id=TEXT,
            caller=_CALLER,
            namespace=text(1, 64),
            status=STATUS,
        ),
        "function_call_output": obj("call_id output", call_id=CALL_ID, output=_TOOL_OUTPUT, id=TEXT, status=STATUS),
        "custom_tool_call": obj("call_id name input", call_id=CALL_ID, name=text(1), input=TEXT),
        "custom_tool_call_output": obj("call_id output", call_id=CALL_ID, output=_TOOL_OUTPUT),
        "reasoning": obj(
            "summary",
            id=TEXT,
            summary=listing(tagged(shapes={"summary_text": obj("text", text=TEXT)})),
            content=listing(OBJECT),
            encrypted_content=TEXT,
            status=STATUS,
        ),
        "item_reference": obj("id", id=text(1)),
    },
    source=SPECIFICATION,
)
