"""A Whisper model in memory: windows of sound in, what is spoken in them out."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ctranslate2
from attrs import frozen
from tokenizers import Tokenizer

from pipelex_backend_whisper._features import HOP, RATE, spectrogram
from pipelex_backend_whisper._sound import windows
from pipelex_backend_whisper._words import split, timed
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipelex_backend_whisper._features import Samples
    from pipelex_backend_whisper._words import Word
    from pipelex_core.sound import TranscriptRequest

NO_SPEECH = 0.6
"""Probability of silence from which what the model writes is made up: it has words for noise, too."""
LONGEST = 448
"""Tokens that the model writes or reads at most (https://github.com/openai/whisper, `n_text_ctx`)."""
_PROMPT = LONGEST // 2 - 1
_REPEATS = 2.4
"""How many times smaller a text becomes when it is packed, where it says the same again and again."""


@frozen(kw_only=True)
class Heard:
    """What is spoken in a window.

    Attributes:
        text: The words; empty where there are none.
        words: When each was spoken, where that was asked for.
        language: Code of the language.
        end: Seconds of the recording up to the window's end.
    """

    text: str
    words: tuple[Word, ...]
    language: str
    end: float


class WhisperModel:
    """A model, loaded from the folder of its files.

    Args:
        folder: Where they are.
        name: What the model is called, for messages.
        threads: How many compute.
    """

    def __init__(self, folder: Path, name: str, threads: int) -> None:
        self._name = name
        self._model: Any = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
        )
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def transcribe(self, request: TranscriptRequest) -> Iterator[Heard]:
        """What is spoken, window by window; nothing is computed before it is asked for.

        Raises:
            UnsupportedInputError: The model does not know the language, or nothing here decodes the recording.
            BadRequestError: The recording is damaged.
        """
        language = self._checked(request.language)
        prompt = self._prompt_tokens(request.prompt)
        for offset, samples in windows(request.audio):
            heard = self._hear(samples, offset, language, prompt, wants_times=request.timestamps is not None)
            language = heard.language
            yield heard

    @cached_property
    def languages(self) -> frozenset[str]:
        """Codes of the languages that it knows."""
        if not self._model.is_multilingual:
            return frozenset({"en"})
        codes = (token.strip("<|>") for token in self._tokenizer.get_vocab() if token.startswith("<|"))
        return frozenset(code for code in codes if code.isalpha() and 2 <= len(code) <= 3)

    def _checked(self, language: str | None) -> str | None:
        """The code of the language; None where the model has to find it."""
        if language is None:
            return None if self._model.is_multilingual else "en"
        code = language.lower().replace("_", "-").partition("-")[0]
        if code not in self.languages:
            knows = "knows English only" if not self._model.is_multilingual else "does not know it"
            msg = f"model '{self._name}' cannot write down language {language!r:.40}: it {knows}"
            raise UnsupportedInputError(msg)
        return code

    def _prompt_tokens(self, prompt: str | None) -> list[int]:
        if not prompt:
            return []
        tokens = self._tokenizer.encode(" " + prompt.strip(), add_special_tokens=False).ids
        return [self._token("<|startofprev|>"), *tokens[-_PROMPT:]]

    def _hear(
        self, samples: Samples, offset: float, language: str | None, prompt: Sequence[int], *, wants_times: bool
    ) -> Heard:
        end = offset + len(samples) / RATE
        encoded = self._model.encode(ctranslate2.StorageView.from_array(spectrogram(samples)))
        if language is None:
            ((best, _), *_) = self._model.detect_language(encoded)[0]
            language = best.strip("<|>")
        start = [self._token("<|startoftranscript|>")]
        if self._model.is_multilingual:
            start += [self._token(f"<|{language}|>"), self._token("<|transcribe|>")]
        requested = [*prompt, *start, self._token("<|notimestamps|>")]
        tokens, text = self._written(encoded, requested)
        words: list[Word] = []
        if tokens and wants_times:
            (aligned,) = self._model.align(encoded, start, [tokens], len(samples) // HOP)
            words = timed(split(tokens, self._decode), aligned.alignments, offset)
        return Heard(text=text, words=tuple(words), language=language, end=end)

    def _written(self, encoded: Any, prompt: Sequence[int]) -> tuple[list[int], str]:
        """The tokens of what is spoken and their text; none for silence. A text that repeats itself is written anew."""
        for settings in ({"beam_size": 1}, {"beam_size": 5, "no_repeat_ngram_size": 3}):
            (written,) = self._model.generate(
                encoded, [list(prompt)], max_length=LONGEST, return_no_speech_prob=True, **settings
            )
            if written.no_speech_prob >= NO_SPEECH:
                return [], ""
            tokens = list(written.sequences_ids[0])
            text = self._decode(tokens).strip()
            if not _repeats(text):
                break
        return (tokens, text) if text else ([], "")

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens))
        return text

    def _token(self, text: str) -> int:
        token: int = self._tokenizer.token_to_id(text)
        return token


def _repeats(text: str) -> bool:
    data = text.encode()
    return len(data) > _REPEATS * len(zlib.compress(data))
