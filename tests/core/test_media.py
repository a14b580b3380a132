"""Images and documents of every kind a caller may give, and what is none."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import UnsupportedInputError
from pipelex_core.media import read_document, read_image, read_media, sniff
from pipelex_core.parts import Media
from tests.support.scripted import PNG

if TYPE_CHECKING:
    from pathlib import Path

PDF = b"%PDF-1.4\n"


@pytest.mark.parametrize(
    "data, kind",
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (PDF, "application/pdf"),
        (b"junk\n" * 100 + PDF, "application/pdf"),
        (b" " * 1020 + PDF, None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_type_is_read_from_the_first_bytes(data: bytes, kind: str | None) -> None:
    """Not from a name."""
    assert sniff(data) == kind


def test_a_path_bytes_a_data_url_and_a_medium_are_the_same(tmp_path: Path) -> None:
    """Whatever a caller has at hand."""
    file = tmp_path / "no-suffix"
    file.write_bytes(PNG)
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    for source in (file, str(file), PNG, bytearray(PNG), memoryview(PNG), url, Media(data=PNG, media_type="image/png")):
        media = read_image(source)  # type: ignore[arg-type]
        assert (media.data, media.url, media.media_type) == (PNG, None, "image/png")


def test_a_url_is_left_as_it_is() -> None:
    """Its type is that of its suffix, else the one that is wanted."""
    media = read_image("HTTPS://a.example/b%20c.webp?x=y.pdf")
    assert (media.url, media.media_type, media.name) == (
        "HTTPS://a.example/b%20c.webp?x=y.pdf",
        "image/webp",
        "b c.webp",
    )
    assert read_image("https://a.example/c").media_type == "image/jpeg"
    assert read_document("https://a.example/c").media_type == "application/pdf"


@pytest.mark.parametrize(
    "source, word",
    [
        (None, "NoneType"),
        (5, "int"),
        (["a.png"], "list"),
        ("", "expected"),
        ("/nowhere/a.png", "No such file"),
        ("/", "directory"),
        ("a\0b", "null"),
        (b"", "empty"),
        (b"hello", "neither"),
        ("A" * 5000, "too long"),
        ("file:///etc/hostname", "http"),
        ("s3://bucket/key", "http"),
        ("http://", "no host"),
        ("http://[::1", "not a URL"),
        ("http://a/\ud800", "not a URL"),
        ("data:image/png;base64", "comma"),
        ("data:image/png;base64,!!!", "base64"),
        ("data:image/png,abc", "neither"),
        (Media(media_type="image/png"), "Media"),
        (Media(data=b"", media_type="image/png"), "Media"),
        (Media(data="text", media_type="image/png"), "Media"),  # type: ignore[arg-type]
        (Media(data=PNG, url="https://a.example/", media_type="image/png"), "Media"),
        (Media(url="file:///etc/hostname", media_type="image/png"), "Media"),
        (Media(data=PNG, media_type=None), "Media"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_image_or_document_is_refused(source: Any, word: str) -> None:
    """With an error of a readable length."""
    with pytest.raises(UnsupportedInputError, match=word) as caught:
        read_media(source)
    assert len(str(caught.value)) < 400


def test_an_image_is_no_document_and_the_other_way_round() -> None:
    """The kind is checked where it is known."""
    for read, source in (
        (read_image, PDF),
        (read_document, PNG),
        (read_image, "https://a.example/b.pdf"),
        (read_document, "https://a.example/b.png"),
    ):
        with pytest.raises(UnsupportedInputError, match="is no"):
            read(source)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes into would hold up the call, deadline or not."""
    pipe = tmp_path / "pipe.pdf"
    os.mkfifo(pipe)
    with pytest.raises(UnsupportedInputError, match="is not a regular file"):
        read_media(pipe)
