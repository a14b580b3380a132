"""The backend `mock`: scripted answers of every kind, without a network."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import pipelex_backend_mock
from pipelex_core import Client
from pipelex_core.client import AsyncClient
from pipelex_core.config import load
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import ConfigError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.parts import Message, TextPart, Tool, ToolResult
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType
from pipelex_testing import PDF
from tests.support.projects import write_inference

if TYPE_CHECKING:
    from pathlib import Path


@attrs.frozen
class Invoice:
    number: str
    amount: float
    lines: list[str]


WEATHER = Tool(
    name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)


def deck(options: dict[str, Any] | None = None, **model_options: Any) -> ModelDeck:
    kinds = {"llm": ModelType.LLM, "reader": ModelType.TEXT_EXTRACTOR, "painter": ModelType.IMG_GEN}
    models = {
        name: ModelEntry(
            name=name,
            spec=ModelSpec(
                name=name, backend="fake", sdk="mock", model_id=name, model_type=kind, options=model_options
            ),
            available=True,
            reason=None,
            route=RouteMatch(rule="exact", backend="fake"),
        )
        for name, kind in kinds.items()
    }
    return ModelDeck(models=models, backends={"fake": BackendConfig(name="fake", options=options or {})})


def client(options: dict[str, Any] | None = None, **model_options: Any) -> Client:
    return Client(deck(options, **model_options), discover(entry_points=(), extra=[pipelex_backend_mock]))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects fails."""

    def refuse(*_: Any) -> None:
        raise AssertionError("the mock opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def test_the_default_answer_repeats_the_prompt() -> None:
    """Without a script, the prompt comes back, the same each time, and is counted in words."""
    with client() as fake:
        results = [fake.generate_text("Name a river.", model="llm") for _ in range(2)]
    assert [result.text for result in results] == ["Mock answer to: Name a river."] * 2
    assert (results[0].usage.input_tokens, results[0].usage.output_tokens) == (3, 6)


@pytest.mark.parametrize(
    ("options", "model_options", "reported"),
    [
        ({"text": "Yes."}, {}, ["Yes.", "Yes.", "Yes."]),
        ({"texts": ["one", "two"]}, {}, ["one", "two", "two"]),
        ({"template": "{model} on {system}: {prompt} {other}"}, {}, ["llm on brief: Hi {other}"] * 3),
        ({"texts": ["one", "two"]}, {"text": "mine"}, ["mine"] * 3),
    ],
)
def test_scripts(options: dict[str, Any], model_options: dict[str, Any], reported: list[str]) -> None:
    """A text, a list of texts, or a template; what the model's spec says wins over the backend's table."""
    with client(options, **model_options) as fake:
        assert [fake.generate_text("Hi", model="llm", system="brief").text for _ in reported] == reported


def test_a_template_fills_in_the_prompt_once() -> None:
    """Braces in a prompt are text."""
    with client() as fake:
        assert fake.generate_text("{system} {0}", model="llm", system="S").text == "Mock answer to: {system} {0}"


def test_the_answer_ends_where_it_has_to() -> None:
    """At most as many words as tokens; and nothing from a stop string on."""
    with client({"text": "one two three four"}) as fake:
        cut = fake.generate_text("Count.", model="llm", max_tokens=2)
    assert (cut.text, cut.finish_reason) == ("one two", "length")


def test_a_stream_has_the_same_words() -> None:
    """Deltas word by word, that give the whole text."""
    with client({"text": " one two\nthree  "}) as fake, fake.stream_text("Count.", model="llm") as stream:
        deltas = list(stream)
    assert len(deltas) > 2
    assert "".join(deltas) == stream.result.text == " one two\nthree  "


def test_objects() -> None:
    """An object of the type that was asked for, the same each time; a scripted one where there is a script."""
    with client() as fake:
        first, second = (fake.generate_object("Read it.", Invoice, model="llm").value for _ in range(2))
    assert first == second
    assert first.lines
    with client({"text": '{"number": "7", "amount": 1.5, "lines": []}'}) as fake:
        assert fake.generate_object("Read it.", Invoice, model="llm").value == Invoice("7", 1.5, [])
    with client({"text": "no object"}) as fake, pytest.raises(InvalidAnswerError):
        fake.generate_object("Read it.", Invoice, model="llm")


def test_a_schema_without_a_value_is_an_error() -> None:
    """No object is made up that the schema refuses."""
    impossible = {"type": "object", "properties": {"a": {"type": "string", "enum": [1]}}, "required": ["a"]}
    with client() as fake, pytest.raises(UnsupportedInputError, match="no value that this JSON schema allows"):
        fake.generate_object("Read it.", impossible, model="llm")


def test_tools() -> None:
    """A tool is called where one must be, with arguments of its schema; after its result comes the text."""
    with client() as fake:
        requested = fake.generate_text("Weather?", model="llm", tools=[WEATHER], tool_choice="required")
        (call,) = requested.tool_calls
        assert (call.name, list(call.arguments), requested.finish_reason) == ("weather", ["city"], "tool_calls")
        reported = Message(role="tool", parts=(ToolResult(call_id=call.id, content="Sunny."),))
        question = Message(role="user", parts=(TextPart("Weather?"),))
        answer = fake.generate_text(
            [question, requested.message, reported], model="llm", tools=[WEATHER], tool_choice="required"
        )
        assert (answer.tool_calls, answer.text) == ((), "Mock answer to: Weather?")
        assert not fake.generate_text("Weather?", model="llm", tools=[WEATHER]).tool_calls
    with client({"calls_tools": True}) as fake:
        assert fake.generate_text("Weather?", model="llm", tools=[WEATHER]).tool_calls
        assert not fake.generate_text("Weather?", model="llm", tools=[WEATHER], tool_choice="none").tool_calls


def decoded(data: bytes) -> tuple[int, int, int]:
    """Width, height and bytes of pixels of a PNG whose checksums are right."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, pixels, head = 8, b"", b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(kind + content),)
        head = content if kind == b"IHDR" else head
        pixels += content if kind == b"IDAT" else b""
        place += 12 + length
    return (*struct.unpack(">II", head[:8]), len(zlib.decompress(pixels)))


@pytest.mark.parametrize(
    ("settings", "size"),
    [({"width": 30, "height": 20}, (30, 20)), ({"aspect_ratio": "2:1"}, (1024, 512)), ({}, (1024, 1024))],
)
def test_images(settings: dict[str, Any], size: tuple[int, int]) -> None:
    """Valid PNGs, as many and as large as asked for, told apart by their seed."""
    with client() as fake:
        result = fake.generate_image("A river", model="painter", number=2, **settings)
    assert [(image.width, image.height) for image in result.images] == [size, size]
    width, height, bytes_ = decoded(result.images[0].data)
    assert (width, height, bytes_) == (*size, height * (3 * width + 1))
    assert result.images[0].data != result.images[1].data


def test_pages() -> None:
    """As many pages as the document has, with a picture unless none is wanted; scripted texts in their order."""
    with client() as fake:
        pages = fake.extract(PDF, model="reader").pages
        assert [page.text for page in pages] == ["Mock text of page 1.", "Mock text of page 2."]
        assert len(pages[0].images) == 1
        assert not fake.extract(PDF, model="reader", max_nb_images=0).pages[0].images
    with client({"texts": ["A", "B", "C"]}) as fake:
        assert fake.extract(PDF, model="reader").text == "A\n\nB\n\nC"


def test_many_at_once() -> None:
    """Calls of several loops and many tasks each get their answer."""

    async def main() -> list[str]:
        async with AsyncClient(deck(), discover(entry_points=(), extra=[pipelex_backend_mock])) as fake:
            results = await asyncio.gather(*(fake.generate_text(f"n{n}", model="llm") for n in range(50)))
            return [result.text for result in results]

    assert asyncio.run(main()) == asyncio.run(main()) == [f"Mock answer to: n{n}" for n in range(50)]


def test_in_a_project(tmp_path: Path) -> None:
    """A table in backends.toml and a spec file are all it takes; its options are checked like those of a plugin."""
    files = {
        "backends.toml": '[fake]\ntext = "From the project."\n',
        "backends/fake.toml": '[mocked]\nmodel_id = "mocked"\nsdk = "mock"\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "fake"\n',
        "deck/base_deck.toml": '[llm.presets.talk]\nmodel = "mocked"\n',
    }
    write_inference(tmp_path, files)
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock])
    with Client(load(tmp_path, environ={}, plugins=plugins).deck, plugins) as fake:
        assert fake.generate_text("Hi", model="mocked").text == "From the project."
    (tmp_path / ".pipelex/inference/backends.toml").write_text('[fake]\ntxet = "misspelt"\n')
    with pytest.raises(ConfigError, match="txet"):
        load(tmp_path, environ={}, plugins=plugins)
