"""What the items of the Responses API look like."""

from __future__ import annotations

from pipelex_rules.shapes import OBJECT, TEXT, choice, either, listing, obj, tagged, text
from pipelex_rules.sources import Source

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
MOST = 10_485_760
FILE_CHARACTERS = 73_400_320
CALL_ID = text(1, 64, source=SPECIFICATION)
STATUS = choice("in_progress completed incomplete")
DETAIL = choice("auto low high original")
INPUT_PARTS = {
    "input_text": obj("text", text=text(0, MOST)),
    "input_image": obj(detail=DETAIL, file_id=TEXT, image_url=TEXT),
    "input_file": obj(file_data=text(0, FILE_CHARACTERS), file_id=TEXT, file_url=TEXT, filename=TEXT),
    "input_audio": OBJECT,
}
_OUTPUT_PARTS = {"output_text": obj("text", text=TEXT), "refusal": obj("refusal", refusal=TEXT)}
_CONTENT = either(text(0, MOST), listing(tagged(shapes={**INPUT_PARTS, **_OUTPUT_PARTS})))
_MESSAGE = obj("role content", role=choice("user assistant system developer"), content=_CONTENT, status=STATUS)
_TOOL_OUTPUT = either(text(0, MOST), listing(tagged(shapes=INPUT_PARTS)))
_OTHERS = (
    "file_search_call computer_call computer_call_output web_search_call tool_search_call tool_search_output additional_tools"
    " configuration_update compaction image_generation_call code_interpreter_call local_shell_call local_shell_call_output"
    " shell_call shell_call_output apply_patch_call apply_patch_call_output mcp_list_tools mcp_approval_request"
    " mcp_approval_response mcp_call compaction_trigger program program_output"
)
ITEM = tagged(
    default="message",
    shapes={
        **dict.fromkeys(_OTHERS.split(), OBJECT),
        "message": _MESSAGE,
        "function_call": obj(
            "call_id name arguments",
            call_id=CALL_ID,
            name=text(1, 128, pattern=r"[a-zA-Z0-9_-]+"),
            arguments=TEXT,
            id=TEXT,
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
