"""Documents that are no PDFs: known by a name or a declared type, checked by their bytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import UnsupportedInputError
from pipelex_core.documents import as_text, file_name
from pipelex_core.media import read_document, read_image, read_media
from pipelex_core.parts import Media

if TYPE_CHECKING:
    from pathlib import Path

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ZIP = b"PK\x03\x04 and so on"
OLE = b"\xd0\xcf\x11\xe0 and so on"


@pytest.mark.parametrize(
    "name, data, kind",
    [
        ("a.txt", b"hello", "text/plain"),
        ("a.TXT", b"\xef\xbb\xbfhello", "text/plain"),
        ("a.md", b"# What %PDF-1.7 means", "text/markdown"),
        ("a.csv", b"a,b", "text/csv"),
        ("a.html", b"<p>", "text/html"),
        ("a.docx", ZIP, DOCX),
        ("a.xlsx", ZIP, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.pptx", ZIP, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("a.doc", OLE, "application/msword"),
        ("a.xls", OLE, "application/vnd.ms-excel"),
        ("a.txt", b"%PDF-1.7", "application/pdf"),
    ],
)
def test_a_file_is_what_its_ending_says_if_its_bytes_can_be_that(
    name: str, data: bytes, kind: str, tmp_path: Path
) -> None:
    """From a path, a data URL and a `Media`; a URL has but its name."""
    file = tmp_path / name
    file.write_bytes(data)
    assert read_document(file) == Media(data=data, media_type=kind, name=name)
    url = f"data:{kind};charset=utf-8;base64,{base64.b64encode(data).decode()}"
    assert read_document(url) == Media(data=data, media_type=kind)
    medium = Media(data=data, media_type=kind)
    assert read_document(medium) is medium


def test_a_url_is_what_its_ending_says() -> None:
    """A PDF where it says nothing, and in what is extracted."""
    assert read_document("https://a.example/b.docx?x=y").media_type == DOCX
    assert read_document("https://a.example/b").media_type == "application/pdf"


@pytest.mark.parametrize(
    "name, data, word",
    [
        ("a.txt", b"\xff\xfeh", "not valid UTF-8: byte 0"),
        ("a.csv", b"a\0b", "zero byte"),
        ("a.docx", b"hello", "begins with b'hello'"),
        ("a.xls", ZIP, "begins with"),
        ("a.pdf", b"hello", "neither an image"),
        ("a.xyz", b"hello", "neither an image"),
        ("a", b"hello", "neither an image"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "not a document, but image/png"),
    ],
)
def test_bytes_that_are_not_what_their_name_says_are_refused(name: str, data: bytes, word: str, tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnsupportedInputError, match=word):
        read_document(tmp_path / name)


@pytest.mark.parametrize(
    "source", [b"hello", "data:video/mp4;base64,aGVsbG8=", Media(data=b"x", media_type="video/mp4")]
)
def test_what_nothing_says_to_be_a_document_is_none(source: Any) -> None:
    """Bytes without a name may be anything."""
    with pytest.raises(UnsupportedInputError):
        read_document(source)


def test_only_prompts_have_such_documents(tmp_path: Path) -> None:
    """An image is none of them, and pages are taken out of PDFs and images."""
    (tmp_path / "a.txt").write_text("hello")
    for read in (read_image, read_media):
        with pytest.raises(UnsupportedInputError, match="neither an image"):
            read(tmp_path / "a.txt")


def test_text_as_a_part_of_a_prompt() -> None:
    """Its name, and what it says, without the mark of its encoding."""
    assert as_text(Media(data=b"\xef\xbb\xbfhello", media_type="text/csv")) == "document.csv:\n\nhello"
    assert as_text(Media(data=b"hello", media_type="text/plain", name="notes")) == "notes:\n\nhello"
    for media in (
        Media(data=b"\xff", media_type="text/plain"),
        Media(url="https://a.example/b.txt", media_type="text/plain"),
    ):
        with pytest.raises(UnsupportedInputError):
            as_text(media)


def test_a_name_for_what_has_none() -> None:
    """Providers go by its ending."""
    assert file_name(Media(data=ZIP, media_type=DOCX)) == "document.docx"
    assert file_name(Media(data=b"x", media_type="application/pdf")) == "document.pdf"
    assert file_name(Media(data=b"x", media_type="application/odd")) == "document"
    assert file_name(Media(data=b"x", media_type="text/plain", name="a.log")) == "a.log"
