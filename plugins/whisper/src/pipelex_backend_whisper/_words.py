"""When each word was spoken, and words put together to sentences."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from pipelex_core.sound import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PAUSE = 1.0
"""Seconds of silence that part two segments of a sentence."""
_ENDS = (".", "?", "!", "。", "？", "！")
_FRAMES_A_SECOND = 50
"""Of the encoder's output, in which words are placed."""
_LONGEST = 1.0
"""Seconds of a word, at most, where not all are spoken slowly: the model counts a pause before a word among it."""
_UNFINISHED = "\ufffd"


@frozen(kw_only=True)
class Word:
    """A word as it is written, with the space before it, and its time in seconds."""

    text: str
    start: float
    end: float


def split(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[tuple[str, int, int]]:
    """Words, with how many tokens each has, and how many of them are spoken: the signs that it ends with are not."""
    words: list[tuple[str, int, int]] = []
    held: list[int] = []
    for token in tokens:
        held.append(token)
        text = decode(held)
        if _UNFINISHED in text:
            continue  # the bytes of one character are in several tokens
        if words and not text.startswith(" "):
            before, count, stated = words[-1]
            count += len(held)
            words[-1] = (before + text, count, count if any(sign.isalnum() for sign in text) else stated)
        else:
            words.append((text, len(held), len(held)))
        held = []
    return words


def timed(words: Sequence[tuple[str, int, int]], alignments: Iterable[tuple[int, int]], offset: float) -> list[Word]:
    """Words with their times.

    Args:
        words: As `split` gives them.
        alignments: Pairs of the index of a token and a frame that it was heard in, in order.
        offset: Seconds of the recording before the window.
    """
    first: dict[int, int] = {}
    last = 0
    for token, frame in alignments:
        first.setdefault(token, frame)
        last = frame
    found = []
    place = 0
    for text, count, stated in words:
        start, end = first.get(place, last), first.get(place + stated, last)  # a pause belongs to the sign before it
        found.append(Word(text=text, start=offset + start / _FRAMES_A_SECOND, end=offset + end / _FRAMES_A_SECOND))
        place += count
    longest = max(_LONGEST, 2 * median(word.end - word.start for word in found)) if found else 0
    return [evolve(word, start=max(word.start, word.end - longest)) for word in found]


def sentences(words: Iterable[Word]) -> list[Segment]:
    """Segments that end where a sentence does, or before a pause."""
    segments: list[Segment] = []
    held: list[Word] = []
    for word in words:
        if held and word.start - held[-1].end >= PAUSE:
            segments.append(_segment(held))
            held = []
        held.append(word)
        if word.text.endswith(_ENDS):
            segments.append(_segment(held))
            held = []
    return [*segments, _segment(held)] if held else segments


def _segment(words: Sequence[Word]) -> Segment:
    text = "".join(word.text for word in words).strip()
    return Segment(start=round(words[0].start, 2), end=round(words[-1].end, 2), text=text)


def each(words: Iterable[Word]) -> list[Segment]:
    """A segment a word."""
    return [_segment([word]) for word in words]
