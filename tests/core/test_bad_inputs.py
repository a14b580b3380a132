"""Bad input of every kind of call: refused before anything is sent, or read by the model, in words that help."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_backend_mock
from pipelex_core import Client, UnsupportedInputError
from pipelex_core.parts import ToolCall, ToolResult
from pipelex_core.plugins import discover
from pipelex_core.results import TextAnswer
from pipelex_testing.samples import JPEG, png
from tests.support.scripted import Script, deck_of, plugins_for, spec
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODELS = """
[defaults]
sdk = "mock"
[vectors]
model_type = "embedding"
context_window = 40
dimensions = 8
dimensions_allowed = [4, 8]
[mouth]
model_type = "speaker"
voices = ["alloy", "coral", "echo"]
formats = ["mp3", "wav"]
max_characters = 30
[ear]
model_type = "transcriber"
[painter]
model_type = "img_gen"
[judge]
model_type = "reranker"
[guard]
model_type = "moderator"
[deaf]
model_type = "llm"
inputs = ["text"]
"""
DECK = """
[llm.choice_defaults]
for_text = "deaf"
for_object = "deaf"
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of mocks, whose models say what they take."""
    folder: Path = tmp_path_factory.mktemp("bad")
    for name, text in {
        "backends.toml": "[fake]\n",
        "backends/fake.toml": MODELS,
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "fake"\n',
        "deck/deck.toml": DECK,
    }.items():
        file = folder / ".pipelex" / "inference" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock])
    with Client.from_project(folder, plugins=plugins) as client:
        yield client


LONG = "river " * 100

BAD: dict[str, tuple[Callable[[Client], Any], tuple[str, ...]]] = {
    "an empty prompt": (lambda c: c.generate_text(" ", model="deaf"), ("the prompt is empty",)),
    "an empty text to embed": (
        lambda c: c.embed(["a river", "", "a city"], model="vectors"),
        ("inputs[1]", "is empty"),
    ),
    "a text over the limit: which, and how long": (
        lambda c: c.embed(["a river", LONG], model="vectors"),
        ("inputs[1] is too long", "600 characters", "takes texts of 40"),
    ),
    "dimensions the model does not have": (
        lambda c: c.embed("a river", model="vectors", dimensions=5),
        ("gives vectors of 4 or 8 dimensions, not 5",),
    ),
    "an empty text to speak": (lambda c: c.speak(" ", model="mouth"), ("a text that is not empty",)),
    "a text too long to speak": (
        lambda c: c.speak("a" * 31, model="mouth"),
        ("up to 30 characters", "this one has 31"),
    ),
    "a voice that does not exist: the nearest name": (
        lambda c: c.speak("Hello.", model="mouth", voice="corale"),
        ("has no voice 'corale'", "did you mean 'coral'", "alloy, coral, echo"),
    ),
    "an encoding that does not exist": (
        lambda c: c.speak("Hello.", model="mouth", format="flac"),
        ("has no format 'flac'", "mp3, wav"),
    ),
    "audio that is none": (
        lambda c: c.transcribe(b"<html>not a sound</html>", model="ear"),
        ("is not sound that is known (MP3, WAV",),
    ),
    "a language that is not a code": (
        lambda c: c.transcribe(wav(1), model="ear", language="English please"),
        ("a code such as 'en'", "'English please'"),
    ),
    "a recording at an address of another kind": (
        lambda c: c.transcribe("ftp://a.example/b.mp3", model="ear"),
        ("an http(s) or gs URL", "'ftp://a.example/b.mp3'"),
    ),
    "a file that is open": (
        lambda c: c.transcribe(io.BytesIO(wav(1)), model="ear"),  # type: ignore[arg-type]  # what is refused
        ("BytesIO", "what its read() gives"),
    ),
    "a function as a tool of a single call": (
        lambda c: c.generate_text("Which river?", model="deaf", tools=[raises]),  # type: ignore[list-item]  # as above
        ("`client.run` takes functions",),
    ),
    "audio that is empty": (lambda c: c.transcribe(b"", model="ear"), ("is empty",)),
    "audio that is not there": (lambda c: c.transcribe("no-such.mp3", model="ear"), ("cannot be read",)),
    "audio for a model that does not hear": (
        lambda c: c.generate_text("What is it?", model="deaf", audio=[wav(1)]),
        ("takes no audio: its inputs are text",),
    ),
    "a mask of another size: both sizes": (
        lambda c: c.generate_image("Night", model="painter", images=[png(2)], mask=png(3, transparent=True)),
        ("it is 3x3", "the first picture 2x2"),
    ),
    "a mask without transparency": (
        lambda c: c.generate_image("Night", model="painter", images=[png(2)], mask=png(2)),
        ("no alpha channel",),
    ),
    "a mask that is a photo": (
        lambda c: c.generate_image("Night", model="painter", images=[png(2)], mask=JPEG),
        ("a mask is a PNG",),
    ),
    "an empty query": (lambda c: c.rerank(" ", ["a"], model="judge"), ("query",)),
    "no documents": (lambda c: c.rerank("a river", [], model="judge"), ("documents",)),
    "an empty document: which": (lambda c: c.rerank("a river", ["a", ""], model="judge"), ("document 1 is empty",)),
    "nothing to moderate": (lambda c: c.moderate([], model="guard"), ("at least one",)),
    "an empty text to moderate: which": (lambda c: c.moderate(["a", " "], model="guard"), ("input 1 is empty",)),
}


@pytest.mark.parametrize("bad", BAD)
def test_it_is_refused_before_anything_is_sent(client: Client, bad: str) -> None:
    """With what is wrong, where there are several which one, and what would be right."""
    make, words = BAD[bad]
    with pytest.raises(UnsupportedInputError) as caught:
        make(client)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert all(attempt.is_free for attempt in caught.value.attempts)


def raises() -> str:
    """Raise."""
    raise ValueError("no such river")


def hangs() -> str:
    """Hang."""
    time.sleep(2)
    return "late"


def gives_no_json() -> Any:
    """Give what JSON cannot say."""
    return {"rivers": {object()}}


@pytest.mark.parametrize(
    "tool, words",
    [
        (raises, "ValueError: no such river"),
        (hangs, "tool 'hangs' did not end within 0.1 s"),
        (gives_no_json, "JSON"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tool_that_goes_wrong_is_read_by_the_model(tool: Any, words: str) -> None:
    """The run goes on; a server of tools that dies is in tests/plugins/test_mcp.py."""
    call = ToolCall(id="call_1", name=tool.__name__, arguments={})
    script = Script(answers=[TextAnswer(text="", finish_reason="tool_calls", tool_calls=(call,)), "I could not."])
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
        result = client.run("Which river?", tools=[tool], model="smart", tool_timeout=0.1)
    assert result.text == "I could not."
    (read,) = (part for part in script.requests[1].messages[-1].parts if isinstance(part, ToolResult))
    assert read.is_error
    assert words in read.content
