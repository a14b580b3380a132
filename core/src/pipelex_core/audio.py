"""Recordings: read, recognised and measured by a distribution of its own, which backends that take sound bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.first_party import OPERATIONS, brought

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_core.media import MediaSource
    from pipelex_core.parts import Media
    from pipelex_core.sound import Recording


def _work() -> Any:
    return brought(
        "pipelex_core.capabilities", OPERATIONS, "recordings come with a distribution that is not installed"
    )("audio")


def read_audio(source: MediaSource | Recording) -> Media:
    """Sound for a prompt, whole: providers take it as part of the request.

    Raises:
        UnsupportedInputError: It is missing, empty, or not sound.
    """
    media: Media = _work().read_audio(source)
    return media


def sniff_audio(head: bytes) -> str | None:
    """The MIME type of sound by its first bytes, or None where it is not sound that is known."""
    kind: str | None = _work().sniff_audio(head)
    return kind


def seconds_of(media: Media) -> float | None:
    """The length of sound that is here; None where its header does not say it."""
    seconds: float | None = _work().length_of(media)
    return seconds


async def with_bytes(recording: Recording, download: Callable[[str], Awaitable[tuple[bytes, str]]]) -> Recording:
    """A recording with the bytes behind its URL; one that is here is given back as it is.

    Raises:
        UnsupportedInputError: There is no sound behind the URL.
    """
    made: Recording = await _work().with_bytes(recording, download)
    return made
