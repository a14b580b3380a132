"""URLs of images and documents, fetched for providers that do not fetch them: what they may be, and what they may not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import AsyncClient, DeadlineExceededError, UnsupportedInputError
from pipelex_core.execution import downloads
from pipelex_core.parts import Media
from tests.servers.base import Reply, Server
from tests.support.scripted import OCR, PNG, NoUrls, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable

PDF = b"%PDF-1.4\n"


def image(data: bytes = PNG, **fields: Any) -> Reply:
    """An image, in two pieces, as a server sends it."""
    return Reply(chunks=(data[:20], data[20:]), content_type="application/octet-stream", **fields)


async def ask(script: Script, *urls: str, documents: tuple[str, ...] = (), **given: Any) -> None:
    """One call with images by their URLs."""
    deck = deck_of(spec("smart"), OCR)
    async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
        await client.generate_text("x", model="smart", images=urls, documents=documents, **given)


def run(check: Callable[[Server], Any]) -> None:
    """Runs a check beside a server."""

    async def main() -> None:
        async with Server() as server:
            await check(server)

    asyncio.run(main())


def test_the_plugin_gets_the_bytes_and_their_true_type() -> None:
    """Whatever the server calls them, also after a redirect; what needs no download stays."""

    async def check(server: Server) -> None:
        script = Script()
        server.queue(Reply(status=302, headers={"Location": "/b"}))
        server.queue(image())
        await ask(script, f"{server.url}/a.jpg")
        (part, _) = script.requests[0].messages[0].parts
        assert (part.media.data, part.media.url, part.media.media_type) == (PNG, None, "image/png")
        assert [received.path for received in server.received] == ["/a.jpg", "/b"]
        await ask(script)
        assert len(server.received) == 2

    run(check)


def test_a_document_to_extract_is_fetched_too() -> None:
    """As images are."""

    async def check(server: Server) -> None:
        script = Script()
        server.queue(image(PDF))
        deck = deck_of(OCR)
        async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
            await client.extract(f"{server.url}/report", model="ocr")
        assert script.requests[0].document.data == PDF

    run(check)


@pytest.mark.parametrize(
    "reply, word",
    [
        (Reply(status=404), "answered 404"),
        (Reply(status=204), "answered 204"),
        (Reply(chunks=(b"<html>",), content_type="image/png"), "neither an image"),
        (Reply(), "neither an image"),
        (image(PDF), "is no image"),
        (image(b"x" * 5000), "larger than 0 MB"),
        (image(fault="drop"), "cannot be downloaded"),
        (image(cut_after=1), "cannot be downloaded"),
        (Reply(status=302, headers={"Location": "file:///etc/hostname"}), "cannot be downloaded"),
    ],
)
def test_what_gives_no_image_is_refused_unpaid(reply: Reply, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address in the error, but not its query: that may be a signature."""
    monkeypatch.setattr(downloads, "LARGEST", 4096)

    async def check(server: Server) -> None:
        script = Script()
        server.queue(reply, reply)  # a dropped request is sent once more
        with pytest.raises(UnsupportedInputError, match=word) as caught:
            await ask(script, f"{server.url}/picture?signature=abc")
        assert "/picture" in str(caught.value)
        assert "signature" not in str(caught.value)
        assert caught.value.backend == "scripted"
        assert script.requests == []

    run(check)


def test_a_circle_of_redirects_ends() -> None:
    """In an error."""

    async def check(server: Server) -> None:
        for _ in range(50):
            server.queue(Reply(status=302, headers={"Location": "/again"}))
        with pytest.raises(UnsupportedInputError, match="redirects"):
            await ask(Script(), f"{server.url}/again")

    run(check)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/a", "http://a..b/a", f"http://{'a' * 300}/a", "http://x:99999/a"]
)
def test_an_address_that_leads_nowhere_is_refused(address: str) -> None:
    """Nobody listens, or it is none."""
    with pytest.raises(UnsupportedInputError, match="cannot be downloaded"):
        asyncio.run(ask(Script(), address))


def test_credentials_in_a_url_are_sent_as_a_header_and_never_shown() -> None:
    """To the server alone."""

    async def check(server: Server) -> None:
        url = server.url.replace("http://", "http://me:hidden@")
        server.queue(image())
        await ask(Script(), f"{url}/a.png")
        assert server.received[0].headers["authorization"].startswith("Basic ")
        server.queue(Reply(status=403))
        with pytest.raises(UnsupportedInputError, match="403") as caught:
            await ask(Script(), f"{url}/a.png")
        assert "hidden" not in str(caught.value)

    run(check)


def test_the_deadline_bounds_a_download_too() -> None:
    """A server that falls silent holds nobody up, whole or streamed."""

    async def check(server: Server) -> None:
        for _ in range(2):
            server.queue(image(stall_after=1))
        with pytest.raises(DeadlineExceededError):
            await ask(Script(), f"{server.url}/a.png", deadline=0.3)
        deck = deck_of(spec("smart"))
        async with AsyncClient(deck, plugins_for({"scripted": Script()}, kind=NoUrls)) as client:
            with pytest.raises(DeadlineExceededError):
                await anext(client.stream_text("x", model="smart", images=[f"{server.url}/a.png"], deadline=0.3))

    run(check)


def test_a_document_where_an_image_is_wanted_is_refused_only_where_it_is_one() -> None:
    """A URL without a suffix may be either; its bytes tell."""

    async def check(server: Server) -> None:
        script = Script()
        server.queue(image(PDF))
        await ask(script, documents=(f"{server.url}/a",))
        assert script.requests[0].messages[0].parts[0].media == Media(data=PDF, media_type="application/pdf", name="a")

    run(check)


def test_a_document_that_is_no_pdf_is_fetched_as_what_its_name_says() -> None:
    """Text, say; what is there must be of that kind."""

    async def check(server: Server) -> None:
        script = Script()
        server.queue(image("Grün".encode()), image(b"\xff\xfe"), image(b"no zip"), image(b"no PDF"))
        await ask(script, documents=(f"{server.url}/notes.txt",))
        (part, _) = script.requests[0].messages[0].parts
        assert (part.media.data, part.media.url, part.media.media_type) == ("Grün".encode(), None, "text/plain")
        for name, word in (("a.txt", "no text in UTF-8"), ("a.docx", "begins with"), ("a", "neither an image")):
            with pytest.raises(UnsupportedInputError, match=word):
                await ask(script, documents=(f"{server.url}/{name}",))
        assert len(script.requests) == 1

    run(check)
