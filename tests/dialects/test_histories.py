"""A conversation as a wire takes it: ids, blanks, results at their calls, parts of providers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit, turns
from pipelex_core.parts import DocumentPart, Media, Message, Part, ProviderPart, Role, TextPart, ToolCall, ToolResult

FORM = HistoryForm(provider="acme", call_id="[a-z_0-9]{1,10}", made_id=8)
PDF = DocumentPart(Media(data=b"%PDF-", media_type="application/pdf"))


def stated(role: Role, *parts: Part | str) -> Message:
    """A message."""
    return Message(role=role, parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def call(call_id: str) -> ToolCall:
    """A call."""
    return ToolCall(id=call_id, name="look_up", arguments={})


def result(call_id: str, content: str = "ok") -> ToolResult:
    """Its result."""
    return ToolResult(call_id=call_id, content=content)


def shape(messages: tuple[Message, ...]) -> list[tuple[str, list[str]]]:
    """Roles, and of each part what tells it from others."""
    return [(message.role, [_reported(part) for part in message.parts]) for message in messages]


def _reported(part: Any) -> str:
    for name in ("text", "content", "id", "provider"):
        if hasattr(part, name):
            return str(getattr(part, name))
    return type(part).__name__


@given(st.lists(st.sampled_from(["a", "call_0", "x" * 217, "fc|1", "", "Ü"]) | st.text(), min_size=1, max_size=6))
def test_ids_are_legal_unique_and_the_same_for_call_and_result(ids: list[str]) -> None:
    """Whatever they were; the same conversation, and a longer one, has the same ids again."""
    reported = [message for each in ids for message in (stated("assistant", call(each)), stated("tool", result(each)))]
    fitted = fit(reported, FORM, "m")
    called = [part.id for message in fitted for part in message.parts if isinstance(part, ToolCall)]
    answered = [part.call_id for message in fitted for part in message.parts if isinstance(part, ToolResult)]
    assert called == answered
    assert len(set(called)) == len(ids)
    assert all(re.fullmatch(FORM.call_id, each) for each in called)
    assert fit([*reported, stated("user", "And?")], FORM, "m")[: len(fitted)] == fitted


@given(st.lists(st.sampled_from(["fs.read", "fs:read", "x" * 90, "Ü", "look_up"]) | st.text(), min_size=1, max_size=6))
def test_names_are_legal_and_apart(names: list[str]) -> None:
    """Equal ones stay equal, legal ones what they were; a result that is named has the name of its call."""
    legal = "[A-Za-z0-9_-]{1,64}"
    form = HistoryForm(provider="acme", call_name=legal, result_names=True)
    calls = [ToolCall(id=f"c{n}", name=name, arguments={}) for n, name in enumerate(names)]
    fitted = fit((stated("assistant", *calls), stated("tool", *(result(each.id) for each in calls))), form, "m")
    made = [part.name for part in fitted[0].parts if isinstance(part, ToolCall)]
    assert [part.name for part in fitted[1].parts if isinstance(part, ToolResult)] == made
    assert all(re.fullmatch(legal, each) for each in made)
    assert len(set(made)) == len(set(names))
    assert all(new == name for name, new in zip(names, made, strict=True) if re.fullmatch(legal, name))


def test_names_stay_where_the_wire_takes_any() -> None:
    """And those in a provider's own part change with the call's where they do."""
    called = ToolCall(id="a", name="fs.read", arguments={})
    own = ProviderPart(provider="acme", data={"output": [{"call_id": "a", "name": "fs.read", "text": "fs.read"}]})
    reported = (stated("assistant", called, own), stated("tool", result("a")))
    assert fit(reported, HistoryForm(provider="acme"), "m")[0] == reported[0]
    first, second = fit(reported, HistoryForm(provider="acme", call_name="[a-z0-9_]+"), "m")[0].parts
    assert isinstance(first, ToolCall)
    assert second == ProviderPart(
        provider="acme", data={"output": [{"call_id": "a", "name": first.name, "text": "fs.read"}]}
    )


def test_legal_ids_stay() -> None:
    """A provider gets its own ids back."""
    reported = (stated("user", "?"), stated("assistant", call("toolu_1")), stated("tool", result("toolu_1")))
    assert [part.id for part in fit(reported, FORM, "m")[1].parts if isinstance(part, ToolCall)] == ["toolu_1"]


def test_blanks_are_left_out() -> None:
    """A blank text is not a part, a message of nothing else no message, a blank result empty."""
    reported = (
        stated("user", " ", "Hi", "\n"),
        stated("assistant", " "),
        stated("assistant", "\t", call("a")),
        stated("tool", result("a", " \n")),
    )
    assert shape(fit(reported, FORM, "m")) == [("user", ["Hi"]), ("assistant", ["a"]), ("tool", [""])]


@pytest.mark.parametrize(("closes", "last"), [(True, "user"), (False, "assistant")])
def test_a_model_that_cannot_go_on_with_its_own_words_is_asked_to_go_on(closes: bool, last: str) -> None:
    """Where the wire wants the user's word at the end; nothing of the conversation is lost."""
    form = HistoryForm(provider="acme", opens_with_user=True, closes_with_user=closes)
    (opening, own, *after) = fit((stated("assistant", "It is"),), form, "m")
    assert (opening.role, own.text) == ("user", "It is")
    assert [message.role for message in (own, *after)][-1] == last
    requested = (stated("user", "?"),)
    assert fit(requested, form, "m") == requested


def own_result(call_id: str, provider: str = "acme") -> ProviderPart:
    """A result in the provider's own form."""
    return ProviderPart(provider=provider, data={"result": {"for": call_id, "picture": "…"}})


def test_a_result_in_the_providers_own_form_answers_its_call() -> None:
    """It follows the call, under the call's id; that of another provider stays here, and the call is answered for it."""
    form = HistoryForm(provider="acme", call_id="[a-z_0-9]{1,10}", made_id=8, result_id=("result", "for"))
    reported = (
        stated("user", "?"),
        stated("assistant", call("A|1"), call("b")),
        stated("user", "So?", own_result("A|1")),
    )
    fitted = fit((*reported, stated("tool", own_result("b", "other"))), form, "m")
    (first, second) = [part for part in fitted[1].parts if isinstance(part, ToolCall)]
    assert fitted[2] == stated(
        "tool",
        own_result(first.id),
        ToolResult(call_id=second.id, content="The call was not carried out.", is_error=True),
    )
    assert fitted[3] == stated("user", "So?")
    assert first.id != "A|1"


def test_what_only_looks_like_a_result_stays_in_its_place() -> None:
    """A part of the provider that names no call of the conversation is what it was."""
    form = HistoryForm(provider="acme", result_id=("result", "for"))
    reported = (stated("user", "?"), stated("assistant", own_result("its own tool"), "Found."))
    assert fit(reported, form, "m") == reported


@pytest.mark.parametrize(("wanted", "name"), [(True, "look_up"), (False, None)])
def test_a_result_is_named_where_the_wire_wants_it(wanted: bool, name: str | None) -> None:
    """By its call; elsewhere the result is as the caller wrote it."""
    form = HistoryForm(provider="acme", result_names=wanted)
    reported = (stated("user", "?"), stated("assistant", call("a"), call("b")), stated("tool", result("a")))
    results = [part for message in fit(reported, form, "m") for part in message.parts if isinstance(part, ToolResult)]
    assert [part.name for part in results] == [name, name]


def test_results_stand_at_their_calls() -> None:
    """In the order of the calls, in one message, also those that came later or beside the user's words."""
    reported = (
        stated("assistant", call("a"), call("b")),
        stated("user", "One moment.", result("b", "B")),
        stated("tool", result("a", "A")),
    )
    assert shape(fit(reported, FORM, "m")) == [
        ("assistant", ["a", "b"]),
        ("tool", ["A", "B"]),
        ("user", ["One moment."]),
    ]


def test_a_repeated_id_is_answered_by_the_result_that_follows_it() -> None:
    """Endpoints without ids begin to count anew with each answer."""
    reported = (
        stated("assistant", call("a")),
        stated("user", "Go on."),
        stated("assistant", call("a")),
        stated("tool", result("a", "2")),
    )
    fitted = fit(reported, FORM, "m")
    assert [part.content for message in fitted for part in message.parts if isinstance(part, ToolResult)] == [
        "The call was not carried out.",
        "2",
    ]


def test_a_result_without_its_call_is_refused() -> None:
    """The message names the call."""
    with pytest.raises(BadRequestError, match="call 'lost' answers no tool call"):
        fit((stated("user", "?"), stated("tool", result("lost"))), FORM, "m")


def test_provider_parts_go_to_their_provider_and_their_model_alone() -> None:
    """A part that names no model goes to each of the provider's."""
    parts = [
        ProviderPart(provider="acme", data={"n": 1}),
        ProviderPart(provider="acme", data={"n": 2, "model_id": "m"}),
        ProviderPart(provider="acme", data={"n": 3, "model_id": "other"}),
        ProviderPart(provider="another", data={"n": 4}),
    ]
    (fitted,) = fit((stated("assistant", "Hm.", *parts),), FORM, "m")
    assert [part.data["n"] for part in fitted.parts if isinstance(part, ProviderPart)] == [1, 2]


def test_an_id_that_changes_changes_in_the_provider_part_too() -> None:
    """Wherever it is a key or a value of its own."""
    part = ProviderPart(
        provider="acme", data={"of": {"A B": 1}, "items": [{"id": "A B"}, {"id": "x", "text": "A B c"}]}
    )
    fitted = fit((stated("assistant", call("A B"), part), stated("tool", result("A B"))), FORM, "m")
    made = fitted[0].parts[0]
    assert isinstance(made, ToolCall)
    assert fitted[0].parts[1] == ProviderPart(
        provider="acme", data={"of": {made.id: 1}, "items": [{"id": made.id}, {"id": "x", "text": "A B c"}]}
    )


@pytest.mark.parametrize(
    "bridge, words, roles",
    [
        ("never", "And now?", ["assistant", "tool", "user"]),
        ("document", "And now?", ["assistant", "tool", "user"]),
        ("always", "And now?", ["assistant", "tool", "assistant", "user"]),
    ],
)
def test_a_bridge_between_results_and_the_user(bridge: Any, words: str, roles: list[str]) -> None:
    """Where the wire wants one; before a document where it wants it there."""
    form = HistoryForm(provider="acme", bridge=bridge)
    reported = (stated("assistant", call("a")), stated("tool", result("a")), stated("user", words))
    assert [message.role for message in fit(reported, form, "m")] == roles
    reported = (*reported[:2], stated("user", PDF, words))
    expected = ["assistant", "tool", *([] if bridge == "never" else ["assistant"]), "user"]
    assert [message.role for message in fit(reported, form, "m")] == expected


def test_a_document_alone_gets_words() -> None:
    """Where the wire needs some; the caller's own are enough."""
    form = HistoryForm(provider="acme", document_words=True)
    assert shape(fit((stated("user", PDF, " "),), form, "m")) == [
        ("user", ["DocumentPart", "The document is attached."])
    ]
    assert shape(fit((stated("user", PDF, "Sum up."),), form, "m")) == [("user", ["DocumentPart", "Sum up."])]
    assert shape(fit((stated("user", PDF),), FORM, "m")) == [("user", ["DocumentPart"])]


def test_the_user_opens_where_the_wire_wants_it() -> None:
    """A history that was cut at its beginning is still one."""
    form = HistoryForm(provider="acme", opens_with_user=True)
    assert [m.role for m in fit((stated("assistant", "A"), stated("user", "B")), form, "m")] == [
        "user",
        "assistant",
        "user",
    ]


def test_a_conversation_of_which_nothing_is_left_is_refused() -> None:
    """Unsent: another provider may understand it."""
    with pytest.raises(UnsupportedInputError, match="nothing of the conversation"):
        fit((stated("assistant", ProviderPart(provider="another", data={})),), FORM, "m")


def test_turns_alternate() -> None:
    """Neighbours of one side are together, the results of tools on the user's."""
    reported = (
        stated("user", "a"),
        stated("user", "b"),
        stated("assistant", call("c")),
        stated("tool", result("c")),
        stated("user", "d"),
    )
    assert [(role, len(group)) for role, group in turns(reported)] == [("user", 2), ("assistant", 1), ("user", 2)]
