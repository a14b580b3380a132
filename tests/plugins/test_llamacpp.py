"""The backend `llamacpp` with a real model: text, streams, objects, errors. Fetches the model once into the cache."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import tomli

from pipelex_backend_llamacpp import pipelex_backends, pipelex_model_specs
from pipelex_backend_llamacpp._settings import engine_settings
from pipelex_backend_llamacpp._shared import ENGINES
from pipelex_backend_llamacpp.models import catalogue, fetch
from pipelex_core import errors
from pipelex_core.backend import ModelFetcher, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.parts import ImagePart, Media, Message, TextPart, Tool
from pipelex_core.results import TextAnswer
from pipelex_core.specs import BackendConfig
from tests.support.llamacpp import make, object_request, opened, spec, text_request, user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_core.requests import TextRequest

INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"enum": ["paid", "open"]},
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": "string", "maxLength": 12},
                    "number": {"type": ["integer", "null"], "maximum": 99},
                },
                "required": ["what", "number"],
            },
        },
    },
    "required": ["status", "lines"],
}


@pytest.fixture(scope="module", autouse=True)
def kept() -> Iterator[None]:
    """The model stays loaded between these tests."""
    engine = ENGINES.acquire(engine_settings(make().config, spec()))
    yield
    ENGINES.release(engine).result(60)


def generate(request: TextRequest, **options: Any) -> TextAnswer:
    async def main() -> TextAnswer:
        async with opened(**options) as backend:
            return await backend.generate_text(request)

    return asyncio.run(main())


# ── What the plugin is ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_plugin_is_found_and_declares_what_it_serves() -> None:
    """Its entry point names the light module; the class header is the table of capabilities."""
    (point,) = entry_points(group="pipelex_core.plugins", name="llamacpp")
    assert point.load().__name__ == "pipelex_backend_llamacpp"
    backend = pipelex_backends()["llamacpp"](BackendConfig(name="llamacpp"))
    for capability in (TextGenerator, TextStreamer, ObjectGenerator, ModelFetcher):
        assert isinstance(backend, capability)


def test_the_light_module_and_the_catalogue_import_no_sdk() -> None:
    """Finding the plugin and asking what it can fetch cost neither llama.cpp nor the hub's client."""
    code = """
import sys
from pipelex_backend_llamacpp import pipelex_backends, pipelex_model_specs
from pipelex_backend_llamacpp.models import catalogue, locate
pipelex_backends(), pipelex_model_specs()["llamacpp"].read_bytes(), locate("smollm2")
print([name for name in ("xllamacpp", "huggingface_hub", "asyncio") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_model_shipped_is_in_the_catalogue_and_free() -> None:
    """A shipped spec names a model that can be fetched; it costs nothing and needs no key."""
    shipped = tomli.loads(pipelex_model_specs()["llamacpp"].read_text(encoding="utf-8"))
    assert "api_key" not in shipped.pop("backend")
    assert shipped.pop("defaults") == {"model_type": "llm", "sdk": "llamacpp"}
    assert {table["model_id"] for table in shipped.values()} == set(catalogue())
    assert all(table["costs"] == {"input": 0, "output": 0} for table in shipped.values())


def test_typing_and_data_files_are_in_the_package() -> None:
    """Type checkers see the package's types; the catalogue travels with it."""
    package = files("pipelex_backend_llamacpp")
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("catalogue.toml").is_file()


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_ends_at_its_limit_with_its_usage() -> None:
    """An answer cut by max_tokens says so, and the server's own counts are the usage."""
    answer = generate(text_request("Name three rivers.", max_tokens=8))
    assert answer.text.strip()
    assert answer.finish_reason == "length"
    assert answer.usage.output_tokens == 8
    assert answer.usage.input_tokens is not None
    assert answer.usage.input_tokens > 8
    assert answer.request_id
    assert answer.raw["timings"]["predicted_n"] == 8


def test_n_predict_limits_a_call_without_max_tokens() -> None:
    """A small model may never stop by itself: the backend's option ends it."""
    answer = generate(text_request("Count to a thousand."), n_predict=5)
    assert (answer.finish_reason, answer.usage.output_tokens) == ("length", 5)


def test_a_stop_string_ends_the_text() -> None:
    """What follows a stop string is not given, and the reason is `stop`."""
    answer = generate(text_request("Write about the sea.", max_tokens=60, stop=("a", "e")))
    assert answer.finish_reason == "stop"
    assert not set("ae") & set(answer.text)


def test_a_conversation_and_its_system_prompt_reach_the_model() -> None:
    """All messages, in their roles, are the input; with an empty prompt too."""
    talk = (user("My name is Zoe."), Message(role="assistant", parts=(TextPart("Hello Zoe."),)), user("Who am I?"))

    async def main() -> list[TextAnswer]:
        async with opened() as backend:
            return [
                await backend.generate_text(text_request(messages=messages, system=system, max_tokens=1))
                for messages, system in (
                    ((user(""),), "Hi."),
                    (talk, "Hi."),
                    (talk, "Answer in the voice of a pirate."),
                )
            ]

    empty, stated, reported = asyncio.run(main())
    counts = [answer.usage.input_tokens or 0 for answer in (empty, stated)]
    assert counts[0] < counts[1]
    assert reported.usage.input_tokens != stated.usage.input_tokens


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"temperature": 0.9, "top_p": 0.9, "seed": 11}])
def test_the_same_request_gives_the_same_text(settings: dict[str, Any]) -> None:
    """At temperature 0, and with a seed, a text repeats itself, whatever the model read in between."""
    repeated = text_request("Describe a castle, a river and a fox in the winter forest.", max_tokens=16, **settings)

    async def main() -> list[str]:
        async with opened() as backend:
            texts = [(await backend.generate_text(repeated)).text]
            await backend.generate_text(text_request("Describe a castle, a river and an owl.", max_tokens=2))
            texts.append((await backend.generate_text(repeated)).text)
            return texts

    first, second = asyncio.run(main())
    assert first == second


def test_without_a_seed_the_text_varies() -> None:
    """Sampling is random unless a seed is given."""

    async def main() -> set[str]:
        async with opened() as backend:
            request = text_request("Invent a name.", temperature=1.5, max_tokens=12)
            return {(await backend.generate_text(request)).text for _ in range(3)}

    assert len(asyncio.run(main())) > 1


# ── Streams ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_gives_deltas_and_then_the_whole_answer() -> None:
    """The deltas are the text; one answer, with its usage, ends the stream."""

    async def main() -> list[str | TextAnswer]:
        async with opened() as backend:
            request = text_request("Say hello to 🌍 and 東京.", max_tokens=16)
            return [event async for event in backend.stream_text(request)]

    *deltas, answer = asyncio.run(main())
    assert isinstance(answer, TextAnswer)
    assert len(deltas) > 3
    assert "".join(str(delta) for delta in deltas) == answer.text
    assert answer.usage.output_tokens == 16


# ── Objects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def objects(*requests: Any) -> list[TextAnswer]:
    async def main() -> list[TextAnswer]:
        async with opened() as backend:
            return [await backend.generate_object(request) for request in requests]

    return asyncio.run(main())


def test_an_object_follows_its_schema() -> None:
    """Nested objects, lists, enums and null: the grammar leaves the model no other way, and it stops by itself."""
    (answer,) = objects(object_request("Ada Lovelace owes for 3 apples.", INVOICE, max_tokens=200))
    jsonschema.validate(json.loads(answer.text), INVOICE)
    assert answer.finish_reason == "stop"


def test_the_model_sees_the_facts_of_the_prompt() -> None:
    """It is a real model: what it fills in comes from the text."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    (answer,) = objects(object_request("Marie Curie is 66 years old.", schema, max_tokens=60))
    assert json.loads(answer.text) == {"name": "Marie Curie", "age": 66}


def test_an_object_cut_short_says_so() -> None:
    """The finish reason tells that the JSON is not whole."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 40}}, "required": ["a"]}
    (answer,) = objects(object_request("Hello.", schema, max_tokens=4))
    assert answer.finish_reason == "length"


def test_keywords_beyond_a_grammar_do_not_lose_it() -> None:
    """Look-around and `uniqueItems` are left to the validation; the answer is JSON of the schema's form."""
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^(?!x)[a-z]{2}$", "maxLength": 4},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "maxItems": 2},
        },
        "required": ["code", "tags"],
    }
    (answer,) = objects(object_request("Give me a code.", schema, max_tokens=80))
    assert set(json.loads(answer.text)) == {"code", "tags"}


@pytest.mark.parametrize("part", [{"$ref": "#/$defs/none"}, {"type": "spell"}])
def test_a_schema_that_is_no_grammar_is_refused(part: dict[str, Any]) -> None:
    """llama.cpp would write free text instead: that is noticed at the first token."""
    schema = {"type": "object", "properties": {"a": part}, "required": ["a"]}
    with pytest.raises(errors.UnsupportedInputError, match="grammar"):
        objects(object_request("Give me a person.", schema, max_tokens=200))


# ── What is refused, and what is broken ───────────────────────────────────────────────────────────────────────────


def test_more_input_than_context_is_refused() -> None:
    """The server's error is its own class, and says how long the input was."""
    with pytest.raises(errors.ContextTooLongError, match="256") as caught:
        generate(text_request("word " * 400), n_ctx=256)
    assert caught.value.status == 400
    assert caught.value.raw["n_prompt_tokens"] > 400


@pytest.mark.parametrize(
    "settings",
    [
        {"messages": (Message(role="user", parts=(ImagePart(Media(data=b"x", media_type="image/png")),)),)},
        {"tools": (Tool(name="clock"),)},
    ],
)
def test_images_and_tools_are_refused_before_anything_is_loaded(settings: dict[str, Any]) -> None:
    """They would be dropped in silence otherwise; no file is looked for."""
    with pytest.raises(errors.UnsupportedInputError):
        generate(text_request(model_id="/nowhere/model.gguf", **settings))


def test_text_that_is_no_unicode_is_refused() -> None:
    """A lone surrogate cannot be written as UTF-8."""
    with pytest.raises(errors.BadRequestError, match="Unicode"):
        generate(text_request("half a pair: \ud83d"))


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [("smollm", "did you mean 'smollm2'"), ("gpt-4o", "smollm2"), ("/nowhere/model.gguf", "No such file")],
)
def test_a_model_that_is_not_there(model_id: str, expected: str) -> None:
    """An unknown name gets the nearest one; a path that leads nowhere is named."""
    with pytest.raises(errors.NotFoundError, match=expected):
        generate(text_request(model_id=model_id))
    with pytest.raises(errors.NotFoundError, match=r"smollm2|does not exist"):
        make().fetch_model(spec(model_id), lambda done, total: None)


@pytest.mark.parametrize("broken", ["text", "empty", "folder", "short", "garbled"])
def test_a_file_that_is_no_model(broken: str, tmp_path: Path) -> None:
    """Whatever is wrong with the file, the error names it, and the process lives on."""
    path = tmp_path / "model.gguf"
    with fetch("smollm2").open("rb") as file:
        head = file.read(4_000_000)
    content = {"text": b"hello", "empty": b"", "short": head, "garbled": head[:32] + b"\xff" * 400 + head[432:]}
    if broken == "folder":
        path.mkdir()
    else:
        path.write_bytes(content[broken])
    with pytest.raises(errors.NotFoundError, match=str(path)):
        generate(text_request(model_id=str(path)))


def test_a_file_that_was_mended_loads_at_the_next_call(tmp_path: Path) -> None:
    """A failed load is not remembered."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF?")

    async def main() -> TextAnswer:
        async with opened() as backend:
            with pytest.raises(errors.NotFoundError):
                await backend.generate_text(text_request(model_id=str(path)))
            path.unlink()
            path.symlink_to(fetch("smollm2"))
            return await backend.generate_text(text_request(model_id=str(path), max_tokens=1))

    assert asyncio.run(main()).usage.output_tokens == 1


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./model.gguf` is where the program runs."""
    (tmp_path / "model.gguf").symlink_to(fetch("smollm2"))
    monkeypatch.chdir(tmp_path)
    assert generate(text_request(model_id="./model.gguf", max_tokens=1)).usage.output_tokens == 1
    assert make().fetch_model(spec("model.gguf"), lambda done, total: None) == fetch("smollm2").resolve()


@pytest.mark.parametrize("option", ["n_ctx", "n_threads", "n_parallel", "n_batch", "n_predict"])
def test_an_option_out_of_range_is_named(option: str) -> None:
    """Zero threads, or a context of nothing, is refused before anything is loaded."""
    with pytest.raises(errors.BadRequestError, match=f"'{option}' must be at least 1, not 0"):
        generate(text_request(model_id="/nowhere/model.gguf"), **{option: 0})
