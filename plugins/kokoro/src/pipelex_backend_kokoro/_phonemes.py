"""English text as the phonemes that Kokoro was trained on, by misaki's lists of words: nothing here is under the GPL.

What is in no list is taken apart into a known word and an ending, or into two known words, and otherwise spelt.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelex_backend_kokoro._numbers import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LONGEST = 500
"""Phonemes that the model takes at a time, at most: it has places for 512, with the signs around them."""

_WEAK = {"a": "ɐ", "the": "ðə", "to": "tə", "of": "əv", "and": "ænd", "i": "ˌI"}
"""How small words are spoken in a sentence; the lists have them as they are spoken alone."""
_VOWELS = "AIOQWYaæɑɐɒeɛəɚɜiɪoɔuʊʌᵻ"
_UNVOICED = "ptkfθ"
_HISSING = "szʃʒʧʤ"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[.,!?;:—…]")
_END = re.compile(r"(?<=[.!?…])[\"')\]\N{RIGHT DOUBLE QUOTATION MARK}]*\s+|\n\s*\n")
_SOFT_END = re.compile(r"(?<=[,;:—])\s+")
_PARTS = 3
"""Letters of each of two words, at least, that one is taken apart into."""


class Phonemes:
    """The lists, and what is made with them.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._lists: list[Mapping[str, Any]] = [
            json.loads((folder / f"us_{name}.json").read_text(encoding="utf-8")) for name in ("gold", "silver")
        ]
        self._stated = lru_cache(10_000)(self._of_word)

    def sentences(self, text: str) -> Iterator[str]:
        """The phonemes of a text, at most `LONGEST` at a time: sentence by sentence, a long one at its commas or words."""
        for sentence in _END.split(spoken(text)):
            yield from self._pieces(sentence)

    def _pieces(self, sentence: str) -> Iterator[str]:
        phonemes = self._of(sentence)
        if len(phonemes) <= LONGEST:
            if any(sound.isalpha() for sound in phonemes):
                yield phonemes
            return
        parts = _SOFT_END.split(sentence)
        if len(parts) == 1:
            parts = sentence.split()
        if len(parts) == 1:
            parts = [sentence[: len(sentence) // 2], sentence[len(sentence) // 2 :]]
        half = len(parts) // 2
        for part in (parts[:half], parts[half:]):
            yield from self._pieces(" ".join(part))

    def _of(self, sentence: str) -> str:
        found: list[str] = []
        for token in _WORD.findall(sentence):
            if not token[0].isalpha():
                if found:
                    found[-1] += token
                continue
            stated = self._stated(token)
            if stated:
                if found and found[-1] == _WEAK["the"] and stated.lstrip("ˈˌ")[0] in _VOWELS:
                    found[-1] = "ði"
                found.append(stated)
        return " ".join(found)

    def _of_word(self, word: str) -> str:
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.combining(sign))
        lowered = plain.lower()
        stem = plain.removesuffix("'s")
        if len(stem) > 1 and stem.isupper():
            stated = self._listed(stem) or self._spelt(stem)
            return stated if stem == plain else stated + _ending("'s", stated[-1])
        return _WEAK.get(lowered) or self._known(lowered) or self._joined(lowered) or self._spelt(lowered)

    def _known(self, word: str) -> str | None:
        if stated := self._look_up(word):
            return stated
        if "'" in word and (stated := self._look_up(word.replace("'", ""))) and not word.endswith("'s"):
            return stated
        for ending, also in (
            ("'s", ""),
            ("s", ""),
            ("es", ""),
            ("ed", "e"),
            ("d", ""),
            ("ing", "e"),
            ("ly", ""),
            ("er", "e"),
        ):
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < 3:
                continue
            stated = self._look_up(stem) or (self._look_up(stem + also) if also else None)
            if stated is None and len(stem) > 3 and stem[-1] == stem[-2]:
                stated = self._look_up(stem[:-1])
            if stated is not None:
                return stated + _ending(ending, stated[-1])
        return None

    def _joined(self, word: str) -> str | None:
        """Two known words that make one, the first as long as can be."""
        for place in range(len(word) - _PARTS, _PARTS - 1, -1):
            first, second = self._look_up(word[:place]), self._known(word[place:])
            if first and second:
                return first + second.replace("ˈ", "ˌ")
        return None

    def _look_up(self, word: str) -> str | None:
        return self._listed(word) or self._listed(word.capitalize()) or self._listed(word.upper())

    def _listed(self, word: str) -> str | None:
        for words in self._lists:
            stated = words.get(word)
            if isinstance(stated, dict):
                stated = stated.get("DEFAULT") or next((one for one in stated.values() if one), None)
            if stated:
                return str(stated)
        return None

    def _spelt(self, word: str) -> str:
        return " ".join(stated for letter in word.upper() if (stated := self._listed(letter)))


def _ending(ending: str, last: str) -> str:
    """How an ending is spoken after a sound."""
    if ending in {"'s", "s", "es"}:
        return "ᵻz" if last in _HISSING else "s" if last in _UNVOICED else "z"
    if ending in {"ed", "d"}:
        return "ᵻd" if last in "td" else "t" if last in _UNVOICED + _HISSING.replace("z", "") else "d"
    return {"ing": "ɪŋ", "ly": "li", "er": "əɹ"}[ending]
