"""Values as plain data, and back: exact through JSON, strict, and open to web frameworks."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import pytest
from fastapi import Body, FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelex_core import errors
from pipelex_core.backend import TextGenerator
from pipelex_core.calls import FinishedCall
from pipelex_core.error_data import error_from_dict, error_to_dict
from pipelex_core.errors import CallError, PipelexError, PlainDataError, RateLimitError, UnsupportedInputError
from pipelex_core.estimates import Estimate
from pipelex_core.explain import Explanation
from pipelex_core.parts import (
    DocumentPart,
    ImagePart,
    Media,
    Message,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from pipelex_core.plain import Plain
from pipelex_core.prompts import read_prompt, read_tools
from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import (
    Attempt,
    Cost,
    DocumentAnswer,
    DocumentResult,
    Image,
    ImageAnswer,
    ImageResult,
    ObjectResult,
    Result,
    TextAnswer,
    TextResult,
    Usage,
)
from pipelex_core.routing import ModelEntry
from pipelex_core.specs import Costs, Limits, ModelSpec, Secret, Source

TYPES: list[Any] = [
    *(Media, TextPart, ImagePart, DocumentPart, ToolCall, ToolResult, ProviderPart, Message, Tool),
    *(Usage, Cost, Attempt, TextAnswer, DocumentAnswer, ImageAnswer, Image),
    *(TextResult, ObjectResult, DocumentResult, ImageResult, FinishedCall),
    *(TextRequest, ObjectRequest, ExtractRequest, ImageRequest, Source, Costs, Limits, ModelSpec),
    *(Estimate, Explanation, errors.Problem),
]

# ── Values of any class, from its annotations ─────────────────────────────────────────────────────────────────────

_TEXTS = st.text(max_size=4)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS | st.just("$bytes"), inner, max_size=2),
    max_leaves=4,
)
_ANYTHING = st.recursive(
    _JSON | st.binary(max_size=3) | st.decimals(allow_nan=False) | st.datetimes() | st.dates() | st.times()
    | st.floats(allow_nan=False) | st.frozensets(st.integers(), max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.tuples(inner) | st.dictionaries(_TEXTS | st.integers(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXTS,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=4),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=6),
    type(None): st.none(),
    Any: _ANYTHING,
}


def values_of(type_: Any, above: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:  # noqa: PLR0911 -- one a kind of annotation
    """Values of a type as an annotation names it, in a value of the classes `above`."""
    origin, inner = get_origin(type_), get_args(type_)
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if isinstance(type_, TypeVar):
        return _JSON
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in {Union, UnionType}:
        wanted = [each for each in inner if not _is_deep(each, above)] or inner
        return st.one_of(*(values_of(each, above) for each in reversed(wanted)))
    if inner[:1] == (Secret,):
        return st.just(())
    if origin in {tuple, frozenset}:
        return st.lists(values_of(inner[0], above), max_size=2).map(origin)
    if origin is Mapping:
        return st.dictionaries(_TEXTS, values_of(inner[1], above), max_size=2)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return st.sampled_from(type_)
    if type_ in {Secret, Exception}:
        return st.none()
    if isinstance(type_, type) and issubclass(type_, tuple):
        return st.builds(type_)
    if type_ is Result:
        return st.one_of(*(values_of(each, above) for each in (TextResult, ObjectResult, DocumentResult, ImageResult)))
    return class_of(type_, above)


def _is_deep(type_: Any, above: tuple[Any, ...]) -> bool:
    """Whether a type holds a class that is above it twice: price lists hold price lists in ten fields."""
    return above.count(type_) > 1 or any(_is_deep(inner, above) for inner in get_args(type_))


@cache
def class_of(cls: Any, above: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of an attrs class, every field set; what is never written has its default."""
    fields = [field for field in attrs.fields(attrs.resolve_types(cls)) if field.eq and field.init]
    inside = (*above, cls)
    made = st.deferred(lambda: st.builds(cls, **{field.name: values_of(field.type, inside) for field in fields}))
    if cls is ModelEntry:
        return made.map(
            lambda entry: (
                entry if entry.spec is None else attrs.evolve(entry, spec=attrs.evolve(entry.spec, options={}))
            )
        )
    return made


quick = settings(
    max_examples=12, phases=[Phase.explicit, Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_type_round_trips_through_json(cls: Any, data: st.DataObject) -> None:
    """`from_dict` makes an equal value of what `json` made of `to_dict`; `dict(value)` is the same plain data."""
    value = data.draw(class_of(cls))
    plain = value.to_dict()
    again = cls.from_dict(json.loads(json.dumps(plain)))
    assert again == value
    assert again.to_dict() == plain
    assert dict(value) == plain


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_the_compact_form_is_exact_too(cls: Any, data: st.DataObject) -> None:
    """What files of this library keep comes back equal, with bytes as bytes."""
    from pipelex_core.converter import from_plain, to_plain

    value = data.draw(class_of(cls))
    assert from_plain(cls, to_plain(value, compact=True), compact=True) == value


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_damaged_data_is_the_clear_error_and_nothing_else(cls: Any, data: st.DataObject) -> None:
    """Whatever stands in the place of whatever part: it is read, or refused with a path."""
    plain = data.draw(class_of(cls)).to_dict()
    damaged = data.draw(_damaged(plain))
    try:
        cls.from_dict(damaged)
    except PlainDataError as refused:
        faults = refused.faults
        assert faults
        assert all(fault.startswith("$") for fault in faults)


@st.composite
def _damaged(draw: Any, plain: Any) -> Any:
    """Plain data with one part replaced, removed or added."""
    wrong = draw(_JSON | st.just({"$bytes": "%"}) | st.just({"$tuple": 3}) | st.just({"$datetime": "now"}))
    if isinstance(plain, dict) and plain and draw(st.booleans() | st.just(True)):
        key = draw(st.sampled_from(sorted(plain)))
        if draw(st.integers(0, 5)) == 0:
            return {name: item for name, item in plain.items() if name != key}
        if draw(st.integers(0, 5)) == 0:
            return {**plain, draw(_TEXTS): wrong}
        return {**plain, key: draw(_damaged(plain[key]))}
    if isinstance(plain, list) and plain and draw(st.booleans()):
        number = draw(st.integers(0, len(plain) - 1))
        return [*plain[:number], draw(_damaged(plain[number])), *plain[number + 1 :]]
    return wrong


# ── What it looks like ────────────────────────────────────────────────────────────────────────────────────────────

MESSAGE = Message(
    role="assistant",
    parts=(
        TextPart("Look."),
        ImagePart(Media(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")),
        ToolCall(id="call-1", name="weather", arguments={"city": "Oslo", "days": [1, 2]}),
        ProviderPart(provider="anthropic", data={"type": "thinking", "signature": b"\x00\xff"}),
    ),
)
RESULT = TextResult(
    model="gpt",
    backend="openai",
    model_id="gpt-1",
    usage=Usage(input_tokens=3, output_tokens=4),
    cost=Cost(amount=Decimal("0.000000070")),
    attempts=(Attempt(model="gpt", backend="openai", model_id="gpt-1", outcome="ok", seconds=0.5),),
    request_id="r-1",
    raw=object(),
    text="Look.",
    finish_reason="tool_calls",
    tool_calls=(MESSAGE.parts[2],),  # type: ignore[arg-type]
    message=MESSAGE,
)


def test_the_message_of_a_result_as_json() -> None:
    """`json.dumps` takes the plain form of a message: parts name their type, bytes are base64 beside their media type."""
    plain = json.loads(json.dumps(RESULT.message.to_dict()))
    assert plain == {
        "role": "assistant",
        "parts": [
            {"type": "text", "text": "Look."},
            {
                "type": "image",
                "media": {"data": "iVBORw0KGgo=", "url": None, "media_type": "image/png", "name": None},
            },
            {"type": "tool_call", "id": "call-1", "name": "weather", "arguments": {"city": "Oslo", "days": [1, 2]}},
            {
                "type": "provider",
                "provider": "anthropic",
                "data": {"type": "thinking", "signature": {"$bytes": "AP8="}},
            },
        ],
    }
    assert Message.from_dict(plain) == MESSAGE


def test_a_result_as_json() -> None:
    """Money is an exact string without an exponent, the SDK's own answer is left out, and the tag finds the class."""
    plain = json.loads(json.dumps(RESULT.to_dict()))
    assert plain["type"] == "text_result"
    assert plain["cost"] == {"amount": "0.000000070", "currency": "USD"}
    assert "raw" not in plain
    assert Result.from_dict(plain) == RESULT
    assert isinstance(Result.from_dict(plain), TextResult)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"text": 3}, "$.text: must be a string, not int"),
        ({"usage": {"input_tokens": "3"}}, "$.usage.input_tokens: must be a whole number, not str"),
        ({"usage": {"input_tokens": True}}, "$.usage.input_tokens: must be a whole number, not bool"),
        ({"cost": {"amount": 0.1}}, "$.cost.amount: must be a decimal number as a string, not float"),
        ({"attempts": "abc"}, "$.attempts: must be a list, not str"),
        ({"finish_reason": "end"}, "$.finish_reason: must be one of stop, length, tool_calls, content_filter, other, not 'end'"),
        ({"txet": "a"}, "$: there is no key 'txet': did you mean 'text'?"),
        ({"message": {"role": "user", "parts": [{"type": "txt"}]}}, "$.message.parts[0]: its type must be one of text, image,"),
        ({"type": "image_answer"}, "$: its type must be one of text_result, "),
    ],
)  # fmt: skip
def test_reading_is_strict_and_says_where(change: dict[str, Any], fault: str) -> None:
    """`3` is not `"3"`, `true` is not 1, an unknown key is a fault; each with its path."""
    with pytest.raises(PlainDataError) as caught:
        TextResult.from_dict({**RESULT.to_dict(), **change})
    (found,) = caught.value.faults
    assert found.startswith(fault)
    assert fault in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    """One error holds every fault; it is a PipelexError, and a ValueError as that of `json.loads` is."""
    with pytest.raises(PlainDataError) as caught:
        Attempt.from_dict({"model": 1, "backend": "b", "outcome": "fine", "x": 1})
    assert len(caught.value.faults) == 4
    assert isinstance(caught.value, PipelexError)
    assert isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


def test_a_boolean_is_no_word() -> None:
    """`"false"` is not True, nor anything else."""
    with pytest.raises(PlainDataError, match=r"\$\.is_error: must be true or false, not str"):
        ToolResult.from_dict({"call_id": "1", "content": "", "is_error": "false"})


def test_a_key_with_a_default_may_be_missing() -> None:
    """What was written before a release added a field is still read."""
    assert Usage.from_dict({}) == Usage()
    assert ToolCall.from_dict({"id": "1", "name": "f", "arguments": {}}) == ToolCall(id="1", name="f", arguments={})


def test_what_has_no_plain_form_is_refused() -> None:
    """An object among the arguments of a tool call cannot be written; nothing else is raised, whatever its depth."""
    with pytest.raises(PlainDataError, match="ToolCall has no plain form: an object of class object"):
        ToolCall(id="1", name="f", arguments={"a": object()}).to_dict()
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(PlainDataError, match="nested too deeply"):
        ToolCall(id="1", name="f", arguments={"a": deep}).to_dict()
    with pytest.raises(PlainDataError, match="nested too deeply"):
        ToolCall.from_dict({"id": "1", "name": "f", "arguments": {"a": deep}})


def test_a_secret_is_never_written() -> None:
    """A secret among a model's options is `***`."""
    spec = ModelSpec(name="m", backend="b", sdk="s", model_id="i", options={"token": Secret("sk-12345678")})
    assert "sk-12345678" not in json.dumps(spec.to_dict())
    assert spec.to_dict()["options"] == {"token": "***"}


def test_a_value_is_not_iterable() -> None:
    """`messages += message` is a mistake, and fails as one."""
    messages: list[Any] = []
    with pytest.raises(TypeError, match="not iterable"):
        messages += MESSAGE  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        MESSAGE["content"]
    assert MESSAGE["role"] == "assistant"


# ── Typed objects, errors ─────────────────────────────────────────────────────────────────────────────────────────


@attrs.frozen
class Invoice:
    number: str
    total: Decimal


def _object_result(value: Any, text: str) -> ObjectResult[Any]:
    common = {
        name: RESULT.to_dict()[name] for name in ("model", "backend", "model_id", "usage", "attempts", "request_id")
    }
    read: ObjectResult[Any] = ObjectResult.from_dict(
        {**common, "cost": None, "value": None, "text": text, "finish_reason": "stop"}
    )
    return attrs.evolve(read, value=value)


def test_the_value_of_an_object_result() -> None:
    """It is written as plain data, and read as plain data, or as the type that was asked for."""
    result = _object_result(Invoice("A-1", Decimal("1.50")), '{"number": "A-1", "total": "1.50"}')
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["value"] == {"number": "A-1", "total": "1.50"}
    assert ObjectResult.from_dict(plain).value == plain["value"]
    assert ObjectResult.from_dict(plain, Invoice) == result
    with pytest.raises(PlainDataError, match=r"\$\.text: .*number"):
        ObjectResult.from_dict({**plain, "text": "{}"}, Invoice)


def test_the_value_of_a_pydantic_model() -> None:
    """Pydantic writes and reads its own models, also inside other types."""
    from pydantic import BaseModel

    class Line(BaseModel):
        price: Decimal

    result = _object_result([Line(price=Decimal("2.5"))], '{"value": [{"price": "2.5"}]}')
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["value"] == [{"price": "2.5"}]
    assert ObjectResult.from_dict(plain, list[Line]) == result


@pytest.mark.parametrize("name", [name for name in errors.__dict__ if name.endswith("Error")])
def test_errors_as_data(name: str) -> None:
    """Every error comes back as its class, with what it says; `raw` is left out."""
    kind = getattr(errors, name)
    error = kind("It broke.")
    for field, value in {
        "status": 429,
        "retry_after": 2.5,
        "attempts": RESULT.attempts,
        "usage": Usage(),
        "raw": object(),
    }.items():
        if hasattr(error, field):
            setattr(error, field, value)
    again = error_from_dict(json.loads(json.dumps(error_to_dict(error))))
    assert type(again) is kind
    assert str(again) == str(error)
    assert getattr(again, "attempts", ()) == getattr(error, "attempts", ())
    assert getattr(again, "usage", None) == getattr(error, "usage", None)


def test_errors_of_other_classes() -> None:
    """A plugin's error is written as the nearest class of this library, any other as a PipelexError; unknown data is refused."""

    class BusyError(RateLimitError):
        pass

    assert error_to_dict(BusyError("busy", retry_after=1)) == {
        "type": "RateLimitError",
        "message": "busy",
        "retry_after": 1,
    }
    assert error_to_dict(KeyError("k")) == {"type": "PipelexError", "message": "k"}
    cases: list[Any] = [
        {"type": "NoError"},
        {"type": "Problem"},
        {"type": "CallError", "status": "429"},
        {},
        [],
        {"type": []},
    ]
    for wrong in cases:
        with pytest.raises(PlainDataError):
            error_from_dict(wrong)


def test_a_finished_call() -> None:
    """What a hook receives can be kept as JSON: with the result, or the error."""
    head: dict[str, Any] = {
        "operation": "generate_text",
        "capability": "llm",
        "handle": "gpt",
        "attempts": RESULT.attempts,
    }
    done = FinishedCall(**head, result=RESULT)
    assert FinishedCall.from_dict(json.loads(json.dumps(done.to_dict()))) == done
    failed = FinishedCall(**head, error=CallError("It broke.", status=500))
    again = FinishedCall.from_dict(json.loads(json.dumps(failed.to_dict())))
    assert isinstance(again.error, CallError)
    assert again.error.status == 500


# ── Conversations ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_conversation_goes_on_from_json() -> None:
    """The plain forms of messages are messages: every part is what it was, the provider's own ones included."""
    conversation = [
        Message(role="system", parts=(TextPart("Be brief."),)),
        Message(
            role="user",
            parts=(TextPart("Weather?"), DocumentPart(Media(data=b"%PDF-1.7", media_type="application/pdf"))),
        ),
        MESSAGE,
        Message(role="tool", parts=(ToolResult(call_id="call-1", content="rain", is_error=True),)),
    ]
    kept = json.loads(json.dumps([message.to_dict() for message in conversation]))
    assert read_prompt(kept) == read_prompt(conversation)
    mixed = [kept[0], {"role": "user", "content": "Weather?"}, conversation[2], kept[3]]
    assert read_prompt(mixed).messages[1:] == tuple(conversation[2:])


def test_parts_and_tools_go_on_from_json() -> None:
    """The plain form of a part is content of a message, and that of a tool is a tool."""
    parts = (MESSAGE.parts[1], ToolResult(call_id="1", content="x"), ProviderPart(provider="p", data={"a": b"1"}))
    message = {"role": "user", "content": [json.loads(json.dumps(part.to_dict())) for part in parts]}
    assert read_prompt([message]).messages == (Message(role="user", parts=parts),)
    tool = Tool(name="f", description="d")
    assert read_tools([tool.to_dict()]) == (tool,)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "user", "parts": [], "content": "hi"},
        {"role": "owner", "parts": []},
        {"role": "user", "content": [{"type": "image", "media": {"data": "%", "media_type": "image/png"}}]},
    ],
)
def test_a_damaged_message_is_refused_before_anything_is_sent(message: dict[str, Any]) -> None:
    """With the path of what is wrong."""
    with pytest.raises(UnsupportedInputError, match=r"\$"):
        read_prompt([message])


# ── Web frameworks ────────────────────────────────────────────────────────────────────────────────────────────────


def _app() -> Any:
    app = FastAPI()

    @app.get("/bare")
    def bare():  # type: ignore[no-untyped-def]
        return RESULT

    @app.get("/nested")
    def nested():  # type: ignore[no-untyped-def]
        return {"messages": [RESULT.message], "usage": RESULT.usage}

    app.post("/echo")(_echo)
    app.get("/typed")(_typed)
    return app


def _typed() -> TextResult:
    return RESULT


def _echo(message: Annotated[Message, Body()]) -> Message:
    return message


def _get(app: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask an ASGI app, as a server does."""
    import asyncio

    import httpx

    async def ask() -> tuple[int, Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
            answer = await client.request(method, path, json=body)
            return answer.status_code, answer.json()

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/bare", "/typed"])
def test_a_result_returned_from_a_handler(path: str) -> None:
    """FastAPI answers with the plain form, whether the handler is annotated or not."""
    status, plain = _get(_app(), "GET", path)
    assert status == 200
    assert TextResult.from_dict(plain) == RESULT


def test_values_inside_what_a_handler_returns() -> None:
    """A message in a list, and counts in a dict, are plain data too."""
    status, plain = _get(_app(), "GET", "/nested")
    assert status == 200
    assert Message.from_dict(plain["messages"][0]) == MESSAGE
    assert Usage.from_dict(plain["usage"]) == RESULT.usage


def test_a_message_as_the_body_of_a_request() -> None:
    """FastAPI reads one strictly, and answers 422 with the path of what is wrong; its description of the app is made."""
    app = _app()
    status, plain = _get(app, "POST", "/echo", MESSAGE.to_dict())
    assert (status, plain) == (200, MESSAGE.to_dict())
    status, refused = _get(app, "POST", "/echo", {"role": "user", "parts": [{"type": "text", "text": 3}]})
    assert status == 422
    assert "$.parts[0].text: must be a string, not int" in json.dumps(refused)
    status, schema = _get(app, "GET", "/openapi.json")
    assert status == 200
    assert "/echo" in schema["paths"]


# ── Start-up ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cattrs_is_imported_by_the_first_conversion() -> None:
    """Neither the package, nor a client, nor a value that is not converted imports it; pydantic is never imported."""
    program = """
import sys
import pipelex_core, pipelex_core.client, pipelex_core.calls, pipelex_core.explain, pipelex_core.results
from pipelex_core import Message, TextPart
message = Message(role="user", parts=(TextPart("a"),))
assert "cattrs" not in sys.modules
message.to_dict()
assert "cattrs" in sys.modules
assert "pydantic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_value_is_plain() -> None:
    """What a call gives or takes has `to_dict` and `from_dict`."""
    assert all(issubclass(cls, Plain) for cls in TYPES)
    assert TextGenerator.__abstractmethods__  # a backend is none
