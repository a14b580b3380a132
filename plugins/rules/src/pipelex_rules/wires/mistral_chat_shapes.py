"""What Mistral's chat looks like."""

from __future__ import annotations

from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text

_IMAGE = either(text(1), obj("url", url=text(1), detail=choice("low auto high"), closed=True))
_TEXT_PART = obj("text", type=TEXT, text=TEXT, closed=True)
_PARTS = {
    "text": _TEXT_PART,
    "image_url": obj("image_url", type=TEXT, image_url=_IMAGE, closed=True),
    "document_url": obj("document_url", type=TEXT, document_url=text(1), document_name=TEXT, closed=True),
    "reference": obj("reference_ids", type=TEXT, reference_ids=listing(), closed=True),
    "file": obj("file_id", type=TEXT, file_id=TEXT, closed=True),
    "thinking": obj(
        "thinking",
        fields={"type": TEXT, "thinking": listing(OBJECT), "signature": TEXT, "closed": BOOLEAN},
        closed=True,
    ),
    "input_audio": obj("input_audio", type=TEXT, input_audio=ANY, closed=True),
    "resource": OBJECT,
    "resource_link": OBJECT,
}
_CONTENT = either(TEXT, listing(tagged(shapes=_PARTS)))
_FUNCTION_CALL = obj("name arguments", name=text(1), arguments=either(TEXT, OBJECT), closed=True)
CALL = obj("function", id=TEXT, type=TEXT, index=integer(0), function=_FUNCTION_CALL, closed=True)
MESSAGE = tagged(
    "role",
    shapes={
        "system": obj("content", role=TEXT, content=_CONTENT, closed=True),
        "user": obj("content", role=TEXT, content=_CONTENT, closed=True),
        "assistant": obj(role=TEXT, content=_CONTENT, tool_calls=listing(CALL), prefix=BOOLEAN, closed=True),
        "tool": obj(role=TEXT, content=_CONTENT, tool_call_id=TEXT, name=TEXT, closed=True),
    },
)
FUNCTION = obj(
    "name parameters",
    name=text(1, 256, pattern=r"[a-zA-Z0-9_-]+"),
    description=TEXT,
    parameters=OBJECT,
    strict=BOOLEAN,
    closed=True,
)
TOOL = tagged(
    shapes={"function": obj("function", type=TEXT, function=FUNCTION, closed=True)}, open=True, default="function"
)
JSON_SCHEMA = obj("name schema", name=text(1), description=TEXT, schema=OBJECT, strict=BOOLEAN, closed=True)
RESPONSE_FORMAT = obj(type=choice("text json_object json_schema"), json_schema=JSON_SCHEMA, closed=True)
TOOL_CHOICE = either(
    choice("auto none any required"),
    obj("function", type=TEXT, function=obj("name", name=TEXT, closed=True), closed=True),
)
BODY = obj(
    "model messages",
    closed=True,
    model=text(1),
    messages=listing(MESSAGE),
    temperature=number(0, 1.5),
    top_p=number(0, 1),
    max_tokens=integer(0),
    min_tokens=integer(0),
    stream=BOOLEAN,
    stream_options=OBJECT,
    stop=either(TEXT, listing(TEXT)),
    random_seed=integer(0),
    metadata=OBJECT,
    response_format=RESPONSE_FORMAT,
    tools=listing(TOOL),
    tool_choice=TOOL_CHOICE,
    presence_penalty=number(-2, 2),
    frequency_penalty=number(-2, 2),
    repetition_penalty=number(0),
    top_k=integer(1),
    logprobs=BOOLEAN,
    top_logprobs=integer(0),
    prompt_logprobs=BOOLEAN,
    top_prompt_logprobs=integer(0),
    n=integer(1),
    prediction=obj(type=choice("content"), content=either(TEXT, listing())),
    parallel_tool_calls=BOOLEAN,
    prompt_mode=choice("reasoning"),
    reasoning_effort=choice("none minimal low medium high xhigh max"),
    safe_prompt=BOOLEAN,
    guardrails=listing(OBJECT),
    prompt_cache_key=TEXT,
    service_tier=choice("auto standard_only"),
)
