"""What is sent to llama.cpp's server, what its chunks become, and how options become a load; no model is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_backend_llamacpp._body import chat_body
from pipelex_backend_llamacpp._dialects import GRAMMAR
from pipelex_backend_llamacpp._generation import Generation
from pipelex_backend_llamacpp._settings import engine_settings, most_tokens
from pipelex_core import errors
from pipelex_core.dialects import adapt
from pipelex_core.parts import Message, ProviderPart, TextPart, Tool
from pipelex_core.results import TextAnswer
from pipelex_core.specs import BackendConfig
from tests.support.llamacpp import object_request, spec, text_request, user

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.requests import TextRequest


def body(request: TextRequest) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(chat_body(request, most_tokens=77))
    return sent


# ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_settings_that_are_given_are_sent() -> None:
    """The rest is llama.cpp's default, but for the limit that every call has, and what makes it stoppable."""
    assert body(text_request("hi", system=None, temperature=None)) == {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 77,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }


def test_every_setting_has_its_place() -> None:
    """Settings go out as they are."""
    sent = body(
        text_request(
            "hi", system="Be brief.", temperature=0.5, top_p=0.9, seed=7, stop=("x",), max_tokens=5, reasoning_budget=9
        )
    )
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    wanted = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ["x"], "max_tokens": 5, "thinking_budget_tokens": 9}
    assert sent.items() >= wanted.items()


@pytest.mark.parametrize(
    ("settings", "cached"),
    [
        ({"temperature": None}, True),
        ({"temperature": 0.2}, True),
        ({"temperature": 0}, False),
        ({"temperature": 0.2, "seed": 0}, False),
    ],
)
def test_a_repeatable_call_does_without_the_prompt_cache(settings: dict[str, Any], cached: bool) -> None:
    """A prompt read in other pieces gives slightly other numbers, and then other words."""
    assert body(text_request("hi", **settings)).get("cache_prompt", True) is cached


@pytest.mark.parametrize(
    ("effort", "sent"),
    [
        (None, None),
        ("none", {"enable_thinking": False, "reasoning_effort": "none"}),
        ("low", {"enable_thinking": True, "reasoning_effort": "low"}),
    ],
)
def test_reasoning_effort_is_told_to_the_template(effort: str | None, sent: dict[str, Any] | None) -> None:
    """Templates of thinking models read it there."""
    assert body(text_request("hi", reasoning_effort=effort)).get("chat_template_kwargs") == sent


def test_an_object_is_asked_for_in_words_and_by_a_grammar() -> None:
    """The schema stands in the system prompt, after the caller's own, and in the grammar."""
    schema = {"type": "object", "properties": {"größe": {"type": "integer"}}, "required": ["größe"]}
    sent = body(object_request("hi", schema, system="Be brief."))
    system = sent["messages"][0]["content"]
    assert system.startswith("Be brief.\n\n")
    assert json.dumps(schema, ensure_ascii=False) in system
    assert "größe" in sent["grammar"]
    assert sent["reasoning_format"] == "none"
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}


def test_parts_of_another_provider_are_left_out() -> None:
    """A thinking signature means nothing here."""
    part = ProviderPart(provider="anthropic", data={"signature": "x"})
    message = Message(role="assistant", parts=(part, TextPart("a"), TextPart("b")))
    assert body(text_request(messages=(message, user("c"))))["messages"][1] == {"role": "assistant", "content": "ab"}


def test_tools_that_may_not_be_called_are_no_obstacle() -> None:
    """`tool_choice = none` asks for text."""
    assert "tools" not in body(text_request("hi", tools=(Tool(name="clock"),), tool_choice="none"))


# ── Schemas ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_objects_are_closed_where_the_schema_says_nothing() -> None:
    """The model is not to invent keys; what the schema says itself stays."""
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {
            "a": inner,
            "list": {"type": "array", "items": inner},
            "open": {**inner, "additionalProperties": True},
            "both": {"allOf": [inner, {"properties": {"b": {"minLength": 1}}}]},
            "any": {"type": "object"},
            "either": {"anyOf": [inner, {"type": "null"}]},
        },
    }
    made = adapt(schema, GRAMMAR).schema
    closed = {**inner, "additionalProperties": False}
    assert made["additionalProperties"] is False
    assert made["properties"] == {
        "a": closed,
        "list": {"type": "array", "items": closed},
        "open": {**inner, "additionalProperties": True},
        "both": {**closed, "properties": {"b": {"type": "string", "minLength": 1}}},
        "any": {"type": "object"},
        "either": {"anyOf": [closed, {"type": "null"}]},
    }
    assert "additionalProperties" not in schema


@pytest.mark.parametrize(
    ("pattern", "kept"), [("^[a-z]+$", True), (r"^\d{3}(?:-\d)?$", True), ("(?=a)b", False), (r"(a)\1", False)]
)
def test_patterns_beyond_a_grammar_are_left_to_the_validation(pattern: str, kept: bool) -> None:
    """A grammar with look-around or a back reference would not compile, and constrain nothing."""
    made = adapt({"type": "object", "properties": {"pattern": {"type": "string", "pattern": pattern}}}, GRAMMAR).schema
    assert ("pattern" in made["properties"]["pattern"]) is kept


# ── Chunks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def delta(finish_reason: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"id": "chat-1", "choices": [{"finish_reason": finish_reason, "index": 0, "delta": parts}]}


def reported(*chunks: Any, is_json: bool = False) -> tuple[list[Any], int]:
    """What a generation tells of chunks that are handed to it until it stops, and how many it took."""
    events: list[Any] = []
    generation = Generation(b"{}", events.append, deltas=True, is_json=is_json)
    return events, feed(generation, *chunks)


def feed(generation: Generation, *chunks: Any) -> int:
    taken = 0
    for chunk in chunks:
        taken += 1
        if generation.take(chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()):
            break
    generation.finish()
    return taken


def test_chunks_become_deltas_and_an_answer() -> None:
    """Text and reasoning are kept apart; usage comes in the last chunk; what comes without text is a sign of life."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    progress = {**delta(role="assistant", content=None), "prompt_progress": {"processed": 0}}
    end = {"id": "chat-1", "choices": [], "usage": usage}
    events, _ = reported(
        progress, delta(reasoning_content="hm"), delta(content="A"), delta(content="b"), delta("stop"), end
    )
    *deltas, answer = events
    assert deltas == ["", "", "A", "b", "", ""]
    assert isinstance(answer, TextAnswer)
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("Ab", "hm", "stop")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens) == (9, 3, 4)
    assert answer.request_id == "chat-1"


@pytest.mark.parametrize(
    ("type_", "code", "expected"),
    [
        ("exceed_context_size_error", 400, errors.ContextTooLongError),
        ("invalid_request_error", 400, errors.BadRequestError),
        ("not_supported_error", 501, errors.UnsupportedInputError),
        ("unavailable_error", 503, errors.OverloadedError),
        ("server_error", 500, errors.ServerError),
        ("a_new_error", 403, errors.PermissionDeniedError),
        ("a_new_error", None, errors.ServerError),
    ],
)
def test_the_servers_errors_have_classes(type_: str, code: int | None, expected: type[errors.CallError]) -> None:
    """By their type, else by their status, never by their text."""
    (error,), _ = reported({"error": {"type": type_, "code": code, "message": "no"}})
    assert type(error) is expected
    assert (error.message, error.status) == ("no", code)


@pytest.mark.parametrize("chunk", [b"<html>", b"[]", b"{}", {"choices": [{"delta": None}]}, b"\xff"])
def test_a_chunk_that_is_none_ends_the_call(chunk: Any) -> None:
    """An exception would be lost inside the library: it becomes the call's error, and nothing more is read."""
    events, taken = reported(delta(content="A"), chunk, delta("stop"))
    assert events[0] == "A"
    assert isinstance(events[1], errors.InvalidAnswerError)
    assert taken == 2


def test_a_stream_without_its_end_is_an_error_that_keeps_the_text() -> None:
    """Never a silent half answer."""
    events, _ = reported(delta(content="Half"))
    assert isinstance(events[-1], errors.ProviderConnectionError)
    assert events[-1].partial_text == "Half"


def test_text_where_json_was_constrained_ends_the_call() -> None:
    """The grammar did not compile: noticed at the first character that is not a brace, before anything is told."""
    events, taken = reported(delta(content=" "), delta(content="Sure"), delta("stop"), is_json=True)
    assert isinstance(events[-1], errors.UnsupportedInputError)
    assert "Sure" not in events
    assert taken == 2
    events, _ = reported(delta(content=" "), delta(content='{"a"'), delta(content=":1}"), delta("stop"), is_json=True)
    assert isinstance(events[-1], TextAnswer)


def test_nothing_is_told_after_a_cancel() -> None:
    """The listener may be gone by then."""
    events: list[Any] = []

    def hear(event: Any) -> None:
        events.append(event)
        generation.cancel()

    generation = Generation(b"{}", hear, deltas=True)
    assert feed(generation, delta(content="A"), delta(content="B"), delta("stop")) == 2
    assert events == ["A"]


# ── Options ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_models_options_win_over_its_backends() -> None:
    """Each key for itself."""
    config = BackendConfig(name="llamacpp", options={"n_ctx": 100, "n_threads": 3, "verbose": True, "n_predict": 10})
    settings = engine_settings(config, spec(n_ctx=200, n_parallel=2))
    assert (settings.n_ctx, settings.n_threads, settings.n_parallel, settings.verbose) == (200, 3, 2, True)
    assert (most_tokens(config, spec()), most_tokens(config, spec(n_predict=20))) == (10, 20)


@pytest.mark.parametrize(("window", "n_ctx"), [(None, 8192), (2048, 2048), (131_072, 8192)])
def test_the_context_is_the_models_own_within_reason(window: int | None, n_ctx: int) -> None:
    """Its memory is taken at once, so a huge window is not the default."""
    assert engine_settings(BackendConfig(name="llamacpp"), evolve(spec(), context_window=window)).n_ctx == n_ctx


@pytest.mark.parametrize(("most", "limit"), [(None, 2048), (512, 512), (100_000, 2048)])
def test_the_default_limit_is_within_the_models_own(most: int | None, limit: int) -> None:
    """A model's max_tokens is not exceeded by a default."""
    assert most_tokens(BackendConfig(name="llamacpp"), evolve(spec(), max_tokens=most)) == limit


def test_the_cache_folder_is_an_option(tmp_path: Path) -> None:
    """Where models lie can be said in backends.toml."""
    config = BackendConfig(name="llamacpp", options={"cache_dir": str(tmp_path)})
    assert engine_settings(config, spec()).file.path.is_relative_to(tmp_path)
