"""A configured key is in no part of an error that leaves the execution layer."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelex_core import Client, InvalidAnswerError, ServerError
from pipelex_core.execution.redaction import redact_error, redacted, without_key
from pipelex_core.results import TextAnswer
from pipelex_core.specs import BackendConfig, Secret
from tests.support.scripted import KEY as CANARY
from tests.support.scripted import Script, deck_of, plugins_for, spec

KEY = "sk/canary+0123"
LONGER = f"{KEY}-and-more"
CONFIG = BackendConfig(name="acme", api_key=Secret(KEY), options={"token": Secret(LONGER), "region": "eu-west-3"})


@pytest.mark.parametrize("form", [KEY, LONGER, quote(KEY, safe=""), b64encode(LONGER.encode()).decode()])
def test_a_secret_is_found_in_each_form_it_travels_in(form: str) -> None:
    """As it is, percent-encoded, in base64; nothing is left of one that begins with another."""
    assert redacted(f"<{form.rstrip('=')}>", CONFIG) == "<***>"


@pytest.mark.parametrize(
    "form",
    [
        *(quote(KEY), quote_plus(KEY), quote(KEY, safe="").lower(), json.dumps(KEY).replace("/", "\\/")[1:-1]),
        urlsafe_b64encode(b"abc??/key>>0123").decode(),
    ],
)
def test_a_secret_is_found_as_addresses_and_json_write_it(form: str) -> None:
    """With the slashes left as they are, with codes in lower case, with slashes escaped, in base64 for addresses."""
    config = evolve(CONFIG, options={"token": Secret("abc??/key>>0123")})
    assert redacted(f"<{form}>", config) == "<***>"


@pytest.mark.parametrize("before", ["", ":", "me:", "Bearer "])
@pytest.mark.parametrize("after", ["", "@", "@x", "@xy"])
def test_a_secret_is_found_amid_what_was_encoded_with_it(before: str, after: str) -> None:
    """Base64 of a user with a password, or of a whole header: nothing is left that tells more than an end of the key."""
    remaining = redacted(b64encode(f"{before}{KEY}{after}".encode()).decode(), CONFIG)
    assert "***" in remaining
    assert len(remaining) <= len(b64encode(f"{before}{after}xx".encode())) + 6


def test_what_came_from_variables_into_tables_and_addresses_is_a_secret_too() -> None:
    """A gateway's key may stand in a header or in a query."""
    config = BackendConfig(name="acme", endpoint=f"https://me:{KEY}@x/v1?sig={KEY}", hidden=(Secret(KEY),))
    assert redacted(f"at ?sig={quote(KEY, safe='')} with {KEY}", config) == "at ?sig=*** with ***"
    assert "endpoint='https://***@x/v1?***'" in repr(config)


def test_what_is_not_a_secret_stays() -> None:
    """Other options do, and an empty key hides nothing."""
    config = BackendConfig(name="acme", api_key=Secret(""), options={"region": "eu-west-3"})
    assert redacted("the key of eu-west-3", config) == "the key of eu-west-3"


@pytest.mark.parametrize("key", ["k", "key", "sk-1", "none", "EMPTY", "1234567"])
def test_a_short_key_is_hidden_where_it_is_a_whole_word(key: str) -> None:
    """No letter, digit or underscore is beside it; as a part of a word it stays, and so does the message."""
    config = BackendConfig(name="acme", api_key=Secret(key))
    clean = redacted(f"Bearer {key}, '{key}'; x{key}y _{key} {key}", config)
    assert clean == f"Bearer ***, '***'; x{key}y _{key} ***"


@given(secret=st.text(min_size=8), before=st.text(), after=st.text())
def test_a_key_of_eight_characters_is_hidden_anywhere(secret: str, before: str, after: str) -> None:
    """Whatever is beside it."""
    assume("*" not in secret)
    config = BackendConfig(name="acme", api_key=Secret(secret))
    assert secret not in redacted(f"{before}{secret}{after}", config)


def test_a_key_that_is_no_unicode_hides_no_error() -> None:
    """An environment variable may hold any bytes."""
    config = BackendConfig(name="acme", api_key=Secret("abc\udcff0123"))
    assert redacted("a fault", config) == "a fault"
    assert redacted("a fault of abc\udcff0123", config) == "a fault of ***"


@pytest.mark.parametrize("raw", [f"Bearer {KEY}", {"error": {"message": [f"bad key {KEY}"]}}, ({KEY: 1}, None)])
def test_every_part_of_an_error_is_cleaned(raw: Any) -> None:
    """Message, arguments, notes, the raw answer however it is nested, and what caused it."""
    cause = ValueError(f"rejected {KEY}", {"key": KEY})
    cause.add_note(f"with {KEY}")
    error = ServerError(f"no {KEY}", raw=raw, partial_text=KEY, request_id=KEY)
    error.add_note(KEY)
    error.__cause__ = cause
    redact_error(error, CONFIG)
    reported = repr((error.args, error.__dict__, cause.args, cause.__notes__, str(error)))
    assert KEY not in reported
    assert reported.count("***") >= 8


@pytest.mark.parametrize("depth", [900, 100_000])
def test_an_answer_is_cleaned_however_deep_it_is(depth: int) -> None:
    """No recursion of ours is shallower than a parser's; an answer that contains itself is cleaned once."""
    raw: list[Any] = [KEY]
    innermost = raw
    for _ in range(depth):
        raw = [{KEY: raw}] if depth < 1000 else [raw]
    innermost.append(raw)
    error = ServerError("no", raw=raw)
    redact_error(error, CONFIG)
    inner: Any = error.raw
    for _ in range(depth):
        inner = inner[0] if depth >= 1000 else inner[0]["***"]
    assert inner[0] == "***"
    assert inner[1] is error.raw


@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_too_deep_for_a_plugin_is_invalid_and_the_chain_moves_on(*, streams: bool) -> None:
    """What the plugin or its SDK raises is an error of the answer, in the ledger."""
    done = TextAnswer(text="Rhine", finish_reason="stop")
    scripts = {"one": Script(answers=[RecursionError("deep")]), "two": Script(answers=["Rhine", done])}
    deck = deck_of(spec("m", sdk="one"), spec("n", sdk="two", backend="other"), aliases={"both": ["m", "n"]})
    with Client(deck, plugins_for(scripts)) as client:
        if streams:
            with client.stream_text("Hi", model="both") as stream:
                assert "".join(stream) == "Rhine"
            result = stream.result
        else:
            result = client.generate_text("Hi", model="both")
    assert [(attempt.model, attempt.error) for attempt in result.attempts] == [("m", "InvalidAnswerError"), ("n", None)]


def test_the_key_in_place_of_a_requests_id_goes_nowhere() -> None:
    """A server that answers well may say anything in its headers; the id goes into the ledger."""
    answer = TextAnswer(text="Hi", finish_reason="stop", request_id=f"req {KEY}")
    assert without_key(answer, CONFIG).request_id == "req ***"
    other = evolve(answer, request_id="req 1")
    assert without_key(other, CONFIG) is other


def test_an_error_that_causes_itself_is_cleaned_once() -> None:
    """A circle of causes ends."""
    error, other = ServerError(KEY), ValueError(KEY)
    error.__cause__, other.__context__ = other, error
    redact_error(error, CONFIG)
    assert (error.message, str(other)) == ("***", "***")


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_an_answer_that_is_no_object_brings_no_key_along(finish_reason: Any) -> None:
    """What a provider echoes is in no part of the error over its answer, and of nothing that the error leads to."""
    stated = TextAnswer(text=f"<p>{CANARY}</p>", request_id=CANARY, finish_reason=finish_reason)
    with (
        Client(deck_of(spec("m")), plugins_for({"scripted": Script(answers=[stated])})) as client,
        pytest.raises(InvalidAnswerError) as caught,
    ):
        client.generate_object("x", {"type": "object"}, model="m")
    reported: list[Any] = [caught.value]
    for each in reported:
        reported += [one for one in (each.__cause__, each.__context__) if one is not None and one not in reported]
    assert all(CANARY not in repr((each.args, vars(each), str(each))) for each in reported)
    assert caught.value.raw == "<p>***</p>"


def test_the_ledger_of_an_answer_holds_no_key() -> None:
    """Of a whole one, and of a stream."""
    stated = TextAnswer(text="Hi", finish_reason="stop", request_id=CANARY)
    with Client(deck_of(spec("m")), plugins_for({"scripted": Script(answers=[stated])})) as client:
        results = [client.generate_text("x", model="m")]
        with client.stream_text("x", model="m") as stream:
            list(stream)
        results.append(stream.result)
    assert [(result.request_id, result.attempts[0].request_id) for result in results] == [("***", "***")] * 2
