"""Python functions as tools: what a model is told of them, and what becomes of its arguments and of their results."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal

import attrs
import pydantic
import pytest

from pipelex_core import ToolFailedError, UnsupportedInputError
from pipelex_runs.functions import function_tool
from pipelex_runs.outcomes import as_text


class Unit(Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    city: str
    country: str = "NO"


@attrs.frozen
class Sky:
    cloudy: bool


class Answer(pydantic.BaseModel):
    degrees: Decimal


def weather(
    place: Place,
    day: date,
    unit: Unit = Unit.C,
    *,
    hours: list[int] | None = None,
    kind: Literal["short", "long"] = "short",
) -> Any:
    """The weather of a place.

    Args:
        place: Where.
        day: Which day.
        unit: Of temperature.
        hours: Which hours.
        kind: How much to say.
    """
    return place, day, unit, hours, kind


def called(function: Any, **arguments: Any) -> Any:
    return asyncio.run(function_tool(function).call(arguments))  # type: ignore[arg-type]


def test_the_schema_is_made_of_signature_and_docstring() -> None:
    """Names, types, what is required, plain defaults, and what the docstring says."""
    tool = function_tool(weather).tool
    assert (tool.name, tool.description) == ("weather", "The weather of a place.")
    properties = tool.parameters["properties"]
    assert tool.parameters["type"] == "object"
    assert list(properties) == ["place", "day", "unit", "hours", "kind"]
    assert tool.parameters["required"] == ["place", "day"]
    assert properties["day"]["format"] == "date"
    assert properties["day"]["description"] == "Which day."
    assert properties["kind"]["default"] == "short"
    assert sorted(properties["kind"]["enum"]) == ["long", "short"]


def test_arguments_arrive_as_they_are_annotated() -> None:
    """Objects, dates and enums are made; what the model leaves out is the function's own default, of any class."""
    provided = called(weather, place={"city": "Bergen"}, day="2026-05-03", hours=[1.0, 2])
    assert provided == (Place("Bergen"), date(2026, 5, 3), Unit.C, [1, 2], "short")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"place": {"city": "Bergen"}}, "missing required field `day`"),
        ({"place": {"city": "Bergen"}, "day": "tomorrow"}, r"day"),
        ({"place": {"city": 3}, "day": "2026-05-03"}, r"place.city"),
        ({"place": {"city": "Bergen"}, "day": "2026-05-03", "dya": 1}, "no parameter 'dya'; did you mean 'day'?"),
        ({"place": {"city": "Bergen"}, "day": "2026-05-03", "kind": "huge"}, "kind"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_their_place(arguments: dict[str, Any], words: str) -> None:
    """The function is not called, and the message names what is wrong."""
    with pytest.raises(ToolFailedError) as caught:
        called(weather, **arguments)
    assert words in str(caught.value)


def test_pydantics_types_are_validated_by_pydantic() -> None:
    """A parameter may be a pydantic model, beside any other type."""

    def keep(answer: Answer, times: int) -> Any:
        return answer, times

    keep.__annotations__ = {"answer": Answer, "times": int}
    assert called(keep, answer={"degrees": "4.5"}, times=2) == (Answer(degrees=Decimal("4.5")), 2)
    with pytest.raises(ToolFailedError, match="degrees"):
        called(keep, answer={"degrees": "warm"}, times=2)


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, by: int, /, times: int = 1) -> int:
        """Add."""
        self.count += by * times
        return self.count

    async def __call__(self, by: int) -> int:
        self.count += by
        return self.count


def test_methods_partials_and_callable_objects_are_tools() -> None:
    """`self`, and what a partial has filled in, are not asked of the model; positional-only parameters work."""
    counter = Counter()
    assert list(function_tool(counter.add).tool.parameters["properties"]) == ["by", "times"]
    assert called(counter.add, by=2, times=3) == 6
    assert called(partial(weather, Place("Oslo")), day="2026-05-03")[0] == Place("Oslo")
    assert function_tool(counter).tool.name == "Counter"
    assert called(counter, by=4) == 10


def test_a_function_without_parameters_is_a_tool() -> None:
    """Its arguments are an empty object."""

    def now() -> str:
        return "noon"

    assert function_tool(now).tool.parameters == {"type": "object", "properties": {}}
    assert called(now) == "noon"


def test_sync_functions_run_in_a_thread_and_coroutines_in_the_loop() -> None:
    """A tool that takes its time holds up no loop."""
    threads: list[str] = []

    def sync() -> None:
        threads.append(threading.current_thread().name)

    async def not_sync() -> None:
        threads.append(threading.current_thread().name)

    called(sync)
    called(not_sync)
    assert threads == ["pipelex-work", "MainThread"]


def test_a_sync_function_that_returns_an_awaitable_is_awaited() -> None:
    """As a decorated coroutine function does."""

    async def inner(x: int) -> int:
        return x + 1

    def outer(x: int) -> Any:
        return inner(x)

    assert called(outer, x=1) == 2


def bare(city, days: int) -> str:  # type: ignore[no-untyped-def]
    return str(city) * days


def variadic(*cities: str) -> str:
    return "".join(cities)


def keywords(**cities: str) -> str:
    return "".join(cities)


def unwritable(file: threading.Thread) -> None:
    del file


def foreign(x: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    del x


@pytest.mark.parametrize(
    "function, words",
    [
        (bare, "tool 'bare': parameter 'city' has no annotation"),
        (variadic, "tool 'variadic' takes *cities"),
        (keywords, "tool 'keywords' takes **cities"),
        (unwritable, "tool 'unwritable': its parameters cannot be written as a JSON schema"),
        (foreign, "tool 'foreign': an annotation cannot be read: name 'Nowhere' is not defined"),
        (lambda: "x", "a tool's name is made of"),
        (3, "a tool is a function, or a source of tools, not int"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_by_name(function: Any, words: str) -> None:
    """The message names the tool and the parameter, before a model is asked."""
    with pytest.raises(UnsupportedInputError) as caught:
        function_tool(function)
    assert words in str(caught.value)


def annotated(days: Annotated[int, "How many"], city: Annotated[str, pydantic.Field(description="Its name")]) -> None:
    del days, city


def test_texts_in_annotations_describe_parameters() -> None:
    """A string, or what has a `description`, among the metadata of `Annotated`."""
    properties = function_tool(annotated).tool.parameters["properties"]
    assert [properties[name]["description"] for name in ("days", "city")] == ["How many", "Its name"]


@pytest.mark.parametrize(
    "value, text",
    [
        ("plain", "plain"),
        ("", ""),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a": [1, 2.5, true]}'),
        (Place("Bærum"), '{"city": "Bærum", "country": "NO"}'),
        (Sky(cloudy=True), '{"cloudy": true}'),
        (Answer(degrees=Decimal("4.5")), '{"degrees": "4.5"}'),
        ([date(2026, 5, 3), Unit.F], '["2026-05-03", "fahrenheit"]'),
    ],
)
def test_results_are_told_as_json(value: Any, text: str) -> None:
    """A string is told as it is, everything else in its JSON form."""
    assert as_text(value) == text


@pytest.mark.parametrize("value", [b"bytes", {"a": b"x"}, float("nan"), object(), "\ud83d", {1: {2: object()}}, Place])
def test_a_result_that_is_not_json_is_a_failure(value: Any) -> None:
    """The model is told that the tool ran, and that nobody can show what it gave."""
    with pytest.raises(ToolFailedError, match="the tool ran, and its result cannot be written as JSON"):
        as_text(value)


def test_a_result_that_holds_itself_is_a_failure() -> None:
    """Endless values end."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ToolFailedError):
        as_text(value)
