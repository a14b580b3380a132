"""Speech that is made here and written down again, by the real models; and what is wrong with it, in words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_kokoro import models as kokoro
from pipelex_backend_kokoro._numbers import spoken
from pipelex_backend_whisper import models as whisper
from pipelex_core import Client
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WRITER = "whisper-tiny.en"
SPEAKER = "kokoro-82m"
SENTENCES = (
    "The invoice is due on the third of March, and it must be paid in euros.",
    "Please send the documents to the office in Vienna before Friday.",
    "She sells twenty four apples for three dollars and fifty cents.",
    "The river flows past the old mill and under a narrow bridge.",
    "Our train leaves in the morning from the last platform.",
    "Doctor Miller said that the results were better than expected.",
    "In nineteen ninety nine the company opened its first shop in Boston.",
    "Can you tell me where the nearest pharmacy is?",
    "The weather tomorrow will be cloudy with a chance of rain in the evening.",
    "He wrote a long letter to his sister, but he never sent it.",
    "Two hundred people waited outside the museum for more than an hour.",
    "Press the green button twice, then hold the lever until the light turns off.",
)


def need(*names: str) -> None:
    """Fetch models; a test that needs them is skipped where no source of them can be reached."""
    for name in names:
        try:
            (whisper if name.startswith("whisper") else kokoro).fetch(name)
        except ProviderConnectionError as error:
            pytest.skip(f"the weights of {name} cannot be fetched: {error}")


@contextmanager
def client(*, writer: str = WRITER, **options: Any) -> Iterator[Client]:
    """A client with both models; `writer` is what writes down, `options` are those of the backends."""

    def entry(name: str, sdk: str, model_type: str, model_id: str, **own: Any) -> ModelEntry:
        spec = ModelSpec(name=name, backend=sdk, sdk=sdk, model_id=model_id, model_type=model_type, options=own)
        return ModelEntry(name=name, spec=spec, available=True, reason=None, route=RouteMatch(rule="none"))

    models = {
        WRITER: entry(WRITER, "whisper", "transcriber", writer),
        SPEAKER: entry(SPEAKER, "kokoro", "speaker", SPEAKER, formats=["wav", "pcm"]),
    }
    backends = {
        name: BackendConfig(name=name, options=options, allow_private_urls=True) for name in ("whisper", "kokoro")
    }
    with Client(ModelDeck(models=models, backends=backends), discover()) as opened:
        yield opened


@cache
def sound(text: str, voice: str | None = None) -> bytes:
    """A WAV in which a text is said."""
    need(SPEAKER)
    with client() as opened:
        return opened.speak(text, model=SPEAKER, voice=voice, format="wav").audio.data


def words(text: str) -> list[str]:
    """The words of a text, numbers written out, without signs and capitals."""
    return re.sub(r"[^a-z ]", "", spoken(text.lower().replace("-", " ")).replace("-", " ").lower()).split()


def wrong_words(heard: str, wanted: str) -> float:
    """Words put in, left out or changed, by the words wanted."""
    return _edits(words(heard), words(wanted)) / len(words(wanted))


def _edits(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))
    for number, a in enumerate(one, 1):
        above, row[0] = row[0], number
        for place, b in enumerate(other, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (a != b))
    return row[-1]
