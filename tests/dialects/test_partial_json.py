"""Objects while their JSON comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelex_dialects.objects.partial_json import NOTHING, PartialJson

DOCUMENTS = [
    {
        "name": "Rhine",
        "length_km": 1233,
        "ends": None,
        "is_long": True,
        "cities": ["Köln", "Mainz"],
        "more": {"a": [[]], "b": {}},
    },
    {"quotes": '"}{][,:\\" \\\\ \\u00e9', "": "", "emoji": "😀", "control": "\n\t\b\u0000"},
    {"deep": {"deep": {"deep": [{"deep": [1.5e-7, -0.0, 10**20]}]}}},
    {},
]


def partials(text: str, size: int) -> list[Any]:
    """The values that come of a text in pieces of this size."""
    partial = PartialJson()
    values = [partial.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return [value for value in values if value is not NOTHING]


def grows(before: Any, after: Any) -> bool:
    """Whether a value holds all that an earlier one held."""
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    if isinstance(before, list):
        return isinstance(after, list) and len(before) <= len(after) and all(map(grows, before, after))
    if isinstance(before, dict):
        return isinstance(after, dict) and all(name in after and grows(before[name], after[name]) for name in before)
    return type(before) is type(after) and before == after


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_comes_only_grows_until_it_is_whole(document: Any, size: int, ascii_only: bool) -> None:
    """Wherever the text is cut: no number, word or escape is shown half, nothing that was shown is taken back."""
    values = partials(json.dumps(document, ensure_ascii=ascii_only), size)
    assert values[-1] == document
    assert all(map(grows, values, values[1:]))


def test_strings_are_shown_as_they_come() -> None:
    """A string that has not ended is there as far as it has come; a key is not."""
    assert partials('{"na', 1) == [{}]
    assert partials('{"name": "Rhi', 1)[-1] == {"name": "Rhi"}
    assert partials('{"name": "Rhi\\u00', 1)[-1] == {"name": "Rhi"}
    assert partials('{"name": "\\ud83d', 1)[-1] == {"name": ""}
    assert partials('{"km": 12', 1) == [{}]
    assert partials('{"km": 12,', 1)[-1] == {"km": 12}


@pytest.mark.parametrize("around", ["```json\n{}\n```", "Here it is: {} - have fun {{", "\ufeff{}"])
def test_words_and_fences_around_are_passed_over(around: str) -> None:
    """As in a whole answer."""
    text = '{"a": [1, 2]}'
    assert partials(around.replace("{}", text), 1)[-1] == {"a": [1, 2]}


@pytest.mark.parametrize("text", ["", "no object", "[1, 2]", "{]", '{"a" 1}', '{"a": nope}', "{{{{"])
def test_what_is_not_json_gives_nothing_more(text: str) -> None:
    """It raises nothing: the validation of the whole answer says what is wrong."""
    assert all(value == {} for value in partials(text, 1))


def test_a_long_document_is_read_a_bounded_number_of_times() -> None:
    """The longer it is, the larger the steps: the last value is there all the same."""
    document = {"rows": [{"number": number, "name": f"row {number}"} for number in range(5_000)]}
    values = partials(json.dumps(document), 4)
    assert values[-1] == document
    assert len(values) < 500
