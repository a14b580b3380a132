"""A date with a time is asked for in the form it is read in."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, NamedTuple, NotRequired, TypedDict

import attrs
import pytest

from pipelex_core.objects import object_type

MOMENT = {"type": "string", "format": "date-time"}
CLOCK = {"type": "string", "format": "time"}


@dataclasses.dataclass
class Slot:
    begins: dt.time
    on: dt.date


@attrs.frozen
class Visit:
    at: dt.datetime


class Entry(TypedDict):
    at: dt.datetime
    until: NotRequired[dt.time]


class Pair(NamedTuple):
    number: int
    at: dt.datetime


@dataclasses.dataclass
class Diary:
    name: str
    at: dt.datetime
    maybe: dt.datetime | None
    either: dt.datetime | int
    lasts: dt.timedelta
    many: list[dt.datetime]
    by_name: dict[str, dt.time]
    pair: tuple[int, dt.datetime]
    several: tuple[dt.time, ...]
    slot: Slot | None
    slots: list[Slot] | None
    slots_by_name: dict[str, Slot] | None
    visit: Visit
    entry: Entry
    named: Pair
    inner: list[Diary] = dataclasses.field(default_factory=list)
    since: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_it_is_told_wherever_it_stands() -> None:
    """In fields of every kind of class, in lists, tables, tuples, beside null and in a type of itself; nowhere else."""
    schema = object_type(Diary).schema
    reported, parts = schema["properties"], schema["$defs"]
    assert reported["name"] == {"type": "string"}
    assert reported["at"] == MOMENT
    assert reported["maybe"] == {"anyOf": [MOMENT, {"type": "null"}]}
    assert MOMENT in reported["either"]["anyOf"]
    assert reported["many"]["items"] == MOMENT
    assert reported["by_name"]["additionalProperties"] == CLOCK
    assert reported["pair"]["prefixItems"] == [{"type": "integer"}, MOMENT]
    assert reported["several"]["items"] == CLOCK
    assert reported["since"] == {**MOMENT, "default": "2026-01-01T00:00:00Z"}
    assert reported["lasts"]["format"] == "duration"
    assert "no weeks, months or years" in reported["lasts"]["description"]
    assert parts["Slot"]["properties"] == {"begins": CLOCK, "on": {"type": "string", "format": "date"}}
    assert parts["Visit"]["properties"] == {"at": MOMENT}
    assert parts["Entry"]["properties"] == {"at": MOMENT, "until": CLOCK}
    assert parts["Pair"]["prefixItems"] == [{"type": "integer"}, MOMENT]
    assert parts["Diary"]["properties"]["at"] == MOMENT


@pytest.mark.parametrize("requested", [dt.datetime, list[dt.datetime], dt.datetime | None])
def test_what_is_no_class_is_told_too(requested: Any) -> None:
    """It is wrapped in an object, with its format."""
    value = object_type(requested).schema["properties"]["value"]
    assert MOMENT in (value, value.get("items"), *value.get("anyOf", ()))


@pytest.mark.parametrize("text", ["2026-05-03T12:00:00Z", "2026-05-03T12:00:00+02:00", "2026-05-03T12:00:00"])
def test_with_a_zone_or_without_it_is_read(text: str) -> None:
    """The form that is asked for has a zone; one without is not a fault."""
    assert object_type(Visit).decode(f'{{"at": "{text}"}}').at == dt.datetime.fromisoformat(text)


def test_a_duration_of_a_month_is_refused_and_days_are_read() -> None:
    """What the description rules out cannot be decoded: a month has no number of days."""
    lasting = object_type(dt.timedelta)
    assert lasting.decode('{"value": "P30DT1H"}') == dt.timedelta(days=30, hours=1)
    with pytest.raises(ValueError, match="ISO8601 duration"):
        lasting.decode('{"value": "P1M"}')
