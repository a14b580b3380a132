"""Recordings: what they are by their first bytes, how long they are, and what is refused."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import Media, UnsupportedInputError
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.sound import Recording
from pipelex_operations.audio import read_recording, sniff_audio, with_bytes
from tests.support.sounds import flac, m4a, mp3, opus, wav

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("data", "kind", "seconds"),
    [
        (wav(1.5), "audio/wav", 1.5),
        (flac(7), "audio/flac", 7.0),
        (opus(7), "audio/ogg", 7.0),
        (m4a(7), "audio/mp4", 7.0),
        (mp3(100), "audio/mpeg", 100 * 417 * 8 / 128_000),
        (mp3(1000, xing=True), "audio/mpeg", 1000 * 1152 / 44_100),
    ],
)
def test_a_recording_is_known_by_its_first_bytes_and_its_length_by_its_header(
    data: bytes, kind: str, seconds: float, tmp_path: Path
) -> None:
    """The same in memory and in a file, whatever the file is called; its name gets the suffix that providers go by."""
    (tmp_path / "memo.bin").write_bytes(data)
    for recording in (read_recording(data), read_recording(tmp_path / "memo.bin")):
        assert recording.media_type == kind
        assert recording.seconds == pytest.approx(seconds, rel=0.001)
        assert recording.size == len(data)
        with recording.open() as file:
            assert file.read() == data
    assert read_recording(tmp_path / "memo.bin").name == f"memo{recording.name.removeprefix('memo')}"
    assert recording.name.endswith((".wav", ".flac", ".ogg", ".m4a", ".mp3"))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x1aE\xdf\xa3" + bytes(60), "audio/webm"),
        (b"#!AMR\n", "audio/amr"),
        (b"FORM\0\0\0\0AIFF", "audio/aiff"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xfb\x90\xc4", "audio/mpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8), None),
        (b"\xff\xd8\xff\xe0" + bytes(8), None),
        (b"RIFF\0\0\0\0WEBP", None),
        (b"\0\0\0\x1cftypavif", None),
        (b"%PDF-1.7", None),
        (b"<!doctype html>", None),
        (b"", None),
    ],
)
def test_what_is_not_sound_is_not_taken_for_it(head: bytes, kind: str | None) -> None:
    """JPEG begins as a frame of MPEG audio does, but for a bit; AVIF is in the container of MP4."""
    assert sniff_audio(head) == kind


@pytest.mark.parametrize("cut", range(1, 60, 3))
@pytest.mark.parametrize("made", [wav, flac, opus, m4a, mp3])
def test_a_damaged_header_has_no_length_and_is_no_error(made: Any, cut: int) -> None:
    """Sound that was cut anywhere is read without a length, or with one that is a number."""
    data = made()[: len(made()) * cut // 60]
    if sniff_audio(data) is not None:
        seconds = read_recording(data).seconds
        assert seconds is None or 0 < seconds < 10**7


def test_a_file_is_not_read_into_memory(tmp_path: Path) -> None:
    """A recording of 64 MB costs one or two, and its digest stands for it in its plain form."""
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav(0.1)[:40] + (64 * 1024 * 1024).to_bytes(4, "little"))
        file.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    recording = read_recording(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
    assert recording.data is None
    assert recording.seconds == pytest.approx((64 * 1024 * 1024 - 44) / 32_000)
    plain = recording.to_dict()
    assert "path" not in plain
    assert Recording.from_dict(plain) == recording
    path.write_bytes(wav(0.2))
    assert read_recording(path) != recording
    path.unlink()
    with pytest.raises(UnsupportedInputError, match="cannot be read"):
        recording.open()
    with pytest.raises(UnsupportedInputError, match="plain form"):
        Recording.from_dict(plain).open()


def test_the_ways_to_give_a_recording(tmp_path: Path) -> None:
    """A path as text, bytes, a data URL, a `Media`, a URL that stays one, and a recording that was read already."""
    data = wav()
    (tmp_path / "a.wav").write_bytes(data)
    url = f"data:audio/wav;base64,{b64encode(data).decode()}"
    made = [read_recording(url), read_recording(data), read_recording(Media(data=data, media_type="audio/wav"))]
    assert {recording.data for recording in made} == {data}
    assert read_recording(str(tmp_path / "a.wav")).name == "a.wav"
    there = read_recording("https://example.com/talk.m4a?key=1")
    assert (there.url, there.media_type, there.name) == ("https://example.com/talk.m4a?key=1", "audio/mp4", "talk.m4a")
    assert read_recording(there) is there


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "empty"),
        (b"hello, world", "not sound that is known .MP3, WAV.*hello"),
        ("no/such/file.mp3", "cannot be read"),
        (".", "cannot be read"),
        ("data:audio/wav;base64,@@", "base64"),
        ("https:///nowhere", "no host"),
        (42, "not int"),
    ],
)
def test_what_cannot_be_a_recording_is_refused(source: Any, words: str) -> None:
    """It is said what it is, and nothing is sent."""
    with pytest.raises(UnsupportedInputError, match=words):
        read_recording(source)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It may never end."""
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UnsupportedInputError, match="regular file"):
        read_recording(tmp_path / "pipe.wav")


def test_what_is_at_a_url_is_looked_at_when_it_is_fetched() -> None:
    """A page in place of sound is an error before anything is sent on; so is what cannot be fetched."""

    async def main(answer: Any) -> Recording:
        async def download(_url: str) -> tuple[bytes, str]:
            if isinstance(answer, Exception):
                raise answer
            return answer, "audio/mpeg"

        return await with_bytes(read_recording("https://example.com/a.mp3"), download)

    assert asyncio.run(main(mp3())).data == mp3()
    with pytest.raises(UnsupportedInputError, match=r"example.com/a.mp3' is not sound"):
        asyncio.run(main(b"<html>"))
    with pytest.raises(UnsupportedInputError, match="down"):
        asyncio.run(main(ProviderConnectionError("it is down")))
