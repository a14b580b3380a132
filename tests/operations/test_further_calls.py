"""`transcribe`, `speak`, `stream_speech`, `rerank` and `moderate`, from the client to a backend that answers by itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_backend_mock
from pipelex_core import AsyncClient, BudgetExceededError, Client, DeadlineExceededError, UnsupportedInputError
from pipelex_core.backend import Moderator, Reranker, Speaker, SpeechStreamer, Transcriber
from pipelex_core.calls import FinishedCall
from pipelex_core.errors import IdleTimeoutError, OverloadedError, ProviderConnectionError
from pipelex_core.judging import ModerationResult, Ranked, RerankResult
from pipelex_core.plugins import discover
from pipelex_core.sound import SpeechResult, TranscriptResult
from tests.support.projects import write_files
from tests.support.scripted import plugin
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pipelex_core.plugins import Plugins

MODELS = """
[ear]
sdk = "mock"
model_type = "transcriber"
text = "Three rivers meet here."
costs = { minute = 0.006 }
[deaf]
sdk = "broken"
model_type = "transcriber"
costs = { minute = 0.006 }
[mouth]
sdk = "mock"
outputs = ["audio"]
costs = { character = 0.000015 }
[hoarse]
sdk = "broken"
model_type = "speaker"
voices = ["alloy", "coral", "echo"]
formats = ["mp3", "wav"]
max_characters = 30
constraints = ["no_speed"]
[slow-judge]
sdk = "broken"
model_type = "reranker"
[slow-guard]
sdk = "broken"
model_type = "moderator"
[judge]
sdk = "mock"
outputs = ["ranking"]
costs = { search = 0.002 }
[guard]
sdk = "mock"
outputs = ["scores"]
costs = { input = 0, output = 0 }
"""
DECK = """
on_unsupported_setting = "error"
[aliases]
any-ear = ["deaf", "ear"]
any-mouth = ["hoarse", "mouth"]
[transcribe]
choice_default = "minutes"
[transcribe.presets]
minutes = { model = "ear", timestamps = "word", language = "en" }
[speak]
choice_default = "announcer"
[speak.presets]
announcer = { model = "mouth", format = "wav" }
[rerank]
choice_default = "best"
[rerank.presets]
best = { model = "judge", top_n = 2 }
[moderate]
choice_default = "safe"
[moderate.presets]
safe = { model = "guard" }
"""


class Broken(Transcriber, Speaker, SpeechStreamer, Reranker, Moderator):
    """Nothing comes of anything; speech breaks off after its first bytes."""

    async def transcribe(self, request: Any) -> Any:
        raise OverloadedError("no ears", status=503)

    async def speak(self, request: Any) -> Any:
        raise OverloadedError("no voice", status=503)

    async def stream_speech(self, request: Any) -> AsyncIterator[Any]:
        if request.text == "silence":
            raise OverloadedError("no voice", status=503)
        yield b""
        yield b"ab"
        raise ProviderConnectionError("broken off")

    async def rerank(self, request: Any) -> Any:
        await asyncio.sleep(60)

    async def moderate(self, request: Any) -> Any:
        await asyncio.sleep(60)


def plugins(*more: Any) -> Plugins:
    from pipelex_core.backend import BackendFactory, Option

    options = (
        Option(name="voices", type="list"),
        Option(name="formats", type="list"),
        Option(name="max_characters", type="int"),
    )
    broken = plugin({"broken": BackendFactory(Broken, model_options=options)})
    return discover(entry_points=(), extra=[pipelex_backend_mock, broken, *more])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a default for each of these capabilities."""
    inference = tmp_path / ".pipelex" / "inference"
    files = {
        "backends.toml": "[fake]\n",
        "backends/fake.toml": MODELS,
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "fake"\n',
        "deck/deck.toml": DECK,
    }
    write_files(inference, files)
    (tmp_path / "talk.wav").write_bytes(wav(30))
    return tmp_path


@pytest.fixture
def client(project: Path) -> Any:
    """A client of that project."""
    with Client.from_project(project, plugins=plugins()) as made:
        yield made


def test_a_recording_is_transcribed_by_the_default(client: Client, project: Path) -> None:
    """The preset's settings hold, the call's win; minutes are paid by the second."""
    result = client.transcribe(project / "talk.wav")
    assert (result.text, result.language, result.duration_s) == ("Three rivers meet here.", "en", 30.0)
    assert [segment.text for segment in result.segments] == ["Three", "rivers", "meet", "here."]
    assert result.cost is not None
    assert result.cost.amount == Decimal("0.003")
    other = client.transcribe(wav(), timestamps="segment", speakers=True, language="fr")
    assert ([segment.speaker for segment in other.segments], other.language) == (["A"], "fr")


def test_a_text_is_spoken_by_the_default(client: Client) -> None:
    """WAV, as the preset says, with the rate of its samples; characters are paid."""
    result = client.speak("Hello there.")
    assert (result.audio.content_type, result.audio.sample_rate) == ("audio/wav", 16_000)
    assert result.cost is not None
    assert result.cost.amount == Decimal("0.00018")
    assert client.speak("Hello there.", format="mp3").audio.content_type == "audio/mpeg"


def test_speech_streams_in_synchronous_and_in_asynchronous_code(client: Client, project: Path) -> None:
    """Pieces of bytes, then the result with all of them."""
    with client.stream_speech("Hello there.") as stream:
        pieces = list(stream)
    assert b"".join(pieces) == stream.result.audio.data
    assert len(pieces) == 2

    async def main() -> tuple[list[bytes], SpeechResult]:
        async with AsyncClient.from_project(project, plugins=plugins()) as other:
            async with other.stream_speech("Hello there.", deadline=60, idle_timeout=60) as stream:
                return [piece async for piece in stream], stream.result

    again, result = asyncio.run(main())
    assert (again, result.usage.characters) == (pieces, 12)


def test_documents_are_ranked_by_the_default(client: Client) -> None:
    """Two of three, as the preset says; a search is paid."""
    texts = ["Paris is a city.", "The longest river is the Nile.", "A river."]
    result = client.rerank("the longest river", texts)
    assert result.ranking[0] == Ranked(1, 1.0)
    assert (len(result.ranking), result.score) == (2, "relevance")
    assert texts[result.ranking[0].index].endswith("Nile.")
    assert result.cost is not None
    assert result.cost.amount == Decimal("0.002")
    assert client.rerank("river", (text for text in texts), top_n=1).ranking[0].index in {1, 2}


def test_texts_are_moderated_by_the_default(client: Client) -> None:
    """A verdict on each; one text is a list of one; free is a price, too."""
    result = client.moderate(["Hello.", "Bye."])
    assert (len(result.verdicts), result.flagged) == (2, False)
    assert len(client.moderate("Hello.").verdicts) == 1
    assert result.cost is not None
    assert result.cost.amount == 0


def test_the_next_member_of_a_chain_takes_over(client: Client) -> None:
    """With both attempts in the ledger; of a stream, as long as nothing has come of it."""
    heard = client.transcribe(wav(), model="any-ear", retries=0)
    assert [(each.model, each.outcome) for each in heard.attempts] == [("deaf", "error"), ("ear", "ok")]
    spoken = client.speak("Hi.", model="any-mouth", retries=0)
    assert [each.outcome for each in spoken.attempts] == ["error", "ok"]
    with client.stream_speech("silence", model="any-mouth", retries=0) as stream:
        assert b"".join(stream) == stream.result.audio.data
    assert [each.outcome for each in stream.result.attempts] == ["error", "ok"]
    with client.stream_speech("Hi.", model="any-mouth", retries=0) as stream:
        assert next(iter(stream)) == b"ab"
        with pytest.raises(ProviderConnectionError, match="broken off") as caught:
            list(stream)
    assert (len(caught.value.attempts), caught.value.partial_text) == (1, None)
    assert caught.value.attempts[0].cost is None, "it was paid, and nobody knows how much"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda client: client.speak("  "), "not empty"),
        (lambda client: client.speak(b"x"), "not empty"),
        (
            lambda client: client.speak("Hi.", model="hoarse", voice="corral"),
            "did you mean 'coral'.*alloy, coral, echo",
        ),
        (lambda client: client.speak("Hi.", model="hoarse", format="flac"), "has no format 'flac'"),
        (lambda client: client.speak("Hi.", format="mp4"), 'format cannot be .mp4.*"mp3" or "opus"'),
        (lambda client: client.speak("x" * 31, model="hoarse"), "up to 30 characters, and this one has 31"),
        (lambda client: client.speak("Hi.", model="hoarse", speed=2), "has one speed"),
        (lambda client: client.speak("Hi.", speed=9), "from 0.25 to 4"),
        (lambda client: client.transcribe(b"no sound"), "not sound"),
        (lambda client: client.transcribe(wav(), timestamps="letter"), "timestamps"),
        (lambda client: client.rerank("", ["a"]), "query"),
        (lambda client: client.rerank("q", []), "document"),
        (lambda client: client.rerank("q", ["a", " "]), r"document 1 is empty"),
        (lambda client: client.rerank("q", ["a", 5]), r"document 1 is a int"),
        (lambda client: client.rerank("q", ["a"], top_n=0), "top_n"),
        (lambda client: client.moderate([]), "input"),
        (lambda client: client.moderate(["a", ""]), "input 1 is empty"),
        (lambda client: client.moderate("a", strictness=1), "strictness"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(client: Client, call: Any, words: str) -> None:
    """It is said what is wrong, and which of several it is."""
    with pytest.raises(UnsupportedInputError, match=words) as caught:
        call(client)
    assert caught.value.attempts == ()


def test_clocks_hold(client: Client) -> None:
    """A backend that takes its time is cut by the deadline."""
    with pytest.raises(DeadlineExceededError):
        client.rerank("q", ["a"], model="slow-judge", deadline=0.2)
    with pytest.raises(IdleTimeoutError):
        client.moderate("a", model="slow-guard", idle_timeout=0.2, retries=0)


def test_budgets_and_estimates_count_minutes_characters_and_searches(client: Client, project: Path) -> None:
    """What a file's header says is what it may cost; a call that may cost more than is left is not made."""
    found = client.estimate(project / "talk.wav", capability="transcribe")
    assert (found.cost_low, found.cost_high) == (Decimal("0.003"), Decimal("0.003"))
    assert client.estimate("Hello there.", capability="speak").cost_high == Decimal("0.00018")
    many = client.estimate("q", capability="rerank", documents=["a"] * 201)
    assert (many.members[0].searches, many.cost_high) == (3, Decimal("0.006"))
    assert client.estimate(["a"], capability="moderate").cost_high == 0
    unknown = client.estimate(b"\xff\xf1\x50\x80" + bytes(500_000), capability="transcribe")
    assert unknown.cost_low is not None
    assert unknown.cost_high is not None
    assert unknown.cost_low < Decimal("0.0033") < unknown.cost_high
    with client.budget(usd="0.004"):
        client.transcribe(project / "talk.wav")
        with pytest.raises(BudgetExceededError):
            client.transcribe(project / "talk.wav")


def test_results_are_plain_data_both_ways_and_short_in_print(client: Client) -> None:
    """Also in a process that has imported nothing of them before; `raw` is left out, as always."""
    long = "Three rivers meet here. " * 50
    results = [
        client.transcribe(wav(), model={"model": "ear"}),
        client.speak(long),
        client.rerank("q", ["text"] * 200),
        client.moderate([long] * 50),
    ]
    for result in results:
        plain = json.loads(json.dumps(result.to_dict()))
        assert type(result).from_dict(plain) == result
        call = FinishedCall(operation="x", capability="x", handle="h", attempts=(), result=result)
        assert FinishedCall.from_dict(call.to_dict()) == call
        own = {name: value for name, value in vars_of(result).items() if name not in {"attempts", "usage", "cost"}}
        assert sum(len(text) for text in own.values()) < 400
    program = "import json, sys; from pipelex_core.calls import FinishedCall; print(FinishedCall.from_dict(json.load(sys.stdin)).result.model)"
    text = json.dumps(call.to_dict())
    done = subprocess.run([sys.executable, "-c", program], input=text, capture_output=True, text=True, check=True)
    assert done.stdout == "guard\n"


def vars_of(result: Any) -> dict[str, str]:
    """How each field of a result is shown."""
    from attrs import fields

    shown = {}
    for each in fields(type(result)):
        if each.repr:
            show = each.repr if callable(each.repr) else repr
            shown[each.name] = show(getattr(result, each.name))
    return shown


def test_nothing_of_sound_is_imported_before_a_call_of_it() -> None:
    """A program that asks for texts does not pay for it."""
    program = (
        "import sys; from pipelex_core import Client; import pipelex_core.capabilities;"
        "print([name for name in sys.modules if name.split('.')[-1] in {'sound', 'judging', 'audio', 'audio_length'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TranscriptResult, "transcript_result"),
        (SpeechResult, "speech_result"),
        (RerankResult, "rerank_result"),
        (ModerationResult, "moderation_result"),
    ],
)
def test_results_have_names_in_plain_data(kind: Any, name: str) -> None:
    """Those that other programs read."""
    assert kind.type == name
