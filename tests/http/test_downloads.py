"""URLs of images and documents, fetched for providers that do not fetch them: what they may be, and what they may not."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, DeadlineExceededError, UnsupportedInputError
from pipelex_core.parts import Media
from pipelex_http.public import is_public
from tests.servers.base import Reply, Server
from tests.support.scripted import OCR, PNG, NoUrls, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.deck import ModelDeck
    from pipelex_core.specs import ModelSpec

PDF = b"%PDF-1.4\n"


def image(data: bytes = PNG, **fields: Any) -> Reply:
    """An image, in two pieces, as a server sends it."""
    return Reply(chunks=(data[:20], data[20:]), content_type="application/octet-stream", **fields)


def inside(*specs: ModelSpec, **changes: Any) -> ModelDeck:
    """A deck whose backend may download from this machine."""
    deck = deck_of(*specs)
    backends = {
        name: evolve(config, **{"allow_private_urls": True, **changes}) for name, config in deck.backends.items()
    }
    return evolve(deck, backends=backends)


async def ask(
    script: Script, *urls: str, documents: tuple[str, ...] = (), most: int = 1 << 20, **provided: Any
) -> None:
    """One call with images by their URLs."""
    deck = inside(spec("smart"), OCR, max_media_bytes=most)
    async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
        await client.generate_text("x", model="smart", images=urls, documents=documents, **provided)


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
        deck = inside(OCR)
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
        (image(PDF), "is application/pdf, and image is wanted"),
        (image(b"x" * 5000), "more than 4,096 bytes"),
        (image(fault="drop"), "cannot be downloaded"),
        (image(cut_after=1), "cannot be downloaded"),
        (Reply(status=302, headers={"Location": "file:///etc/hostname"}), "cannot be downloaded"),
    ],
)
def test_what_gives_no_image_is_refused_unpaid(reply: Reply, word: str) -> None:
    """With the address in the error, but not its query: that may be a signature."""

    async def check(server: Server) -> None:
        script = Script()
        server.queue(reply, reply)  # a dropped request is sent once more
        with pytest.raises(UnsupportedInputError, match=word) as caught:
            await ask(script, f"{server.url}/picture?signature=abc", most=4096)
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
        deck = inside(spec("smart"))
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
        for name, word in (("a.txt", "not valid UTF-8"), ("a.docx", "begins with"), ("a", "neither an image")):
            with pytest.raises(UnsupportedInputError, match=word):
                await ask(script, documents=(f"{server.url}/{name}",))
        assert len(script.requests) == 1

    run(check)


INSIDE = [
    "http://127.0.0.1/a",
    "http://localhost/a",
    "http://10.0.0.1/a",
    "http://169.254.169.254/latest",
    "http://100.64.0.1/a",
    "http://0.0.0.0/a",
    "http://[::1]/a",
    "http://[::ffff:127.0.0.1]/a",
    "http://[fe80::1]/a",
    "http://[fd00:ec2::254]/a",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_before_it_is_connected_to(address: str) -> None:
    """The error names the switch, and the provider is not asked."""

    async def main() -> None:
        script = Script()
        deck = inside(spec("smart"), allow_private_urls=False)
        async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
            with pytest.raises(UnsupportedInputError, match="allow_private_urls"):
                await client.generate_text("x", model="smart", images=[address])
            with pytest.raises(UnsupportedInputError, match="allow_private_urls"):
                await client.generate_text("x", model="smart", documents=[f"{address}.txt"])
        assert script.requests == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("168.63.129.16", False),
        ("fe80::1%eth0", False),
    ],
)
def test_an_address_is_public_by_what_it_leads_to(address: str, public: bool) -> None:
    """An IPv4 address inside an IPv6 one counts."""
    assert is_public(address) is public


def test_a_redirect_inside_is_refused_as_the_first_address_would_be() -> None:
    """The host of the backend's own endpoint may be downloaded from; where it leads is checked anew."""

    async def check(server: Server) -> None:
        script = Script()
        deck = inside(spec("smart"), allow_private_urls=False, endpoint=f"{server.url}/v1")
        async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
            server.queue(image())
            await client.generate_text("x", model="smart", images=[f"{server.url}/a.png"])
            port = server.url.rpartition(":")[2]
            server.queue(Reply(status=302, headers={"Location": f"http://127.0.0.2:{port}/b"}))
            with pytest.raises(UnsupportedInputError, match="allow_private_urls"):
                await client.generate_text("x", model="smart", images=[f"{server.url}/a.png"])
        assert [received.path for received in server.received] == ["/a.png", "/a.png"]
        assert len(script.requests) == 1

    run(check)


def test_a_name_is_checked_by_the_address_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is looked up, and whatever it leads to then."""
    real, answers = socket.getaddrinfo, iter(["8.8.8.8"])

    def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        return real(next(answers, "127.0.0.1") if host == "rebinding.test" else host, port, *args, **options)

    async def check(server: Server) -> None:
        port = server.url.rpartition(":")[2]
        look_up("rebinding.test", port)  # whoever checked it by itself would have found it public
        deck = inside(spec("smart"), allow_private_urls=False)
        async with AsyncClient(deck, plugins_for({"scripted": Script()}, kind=NoUrls)) as client:
            with pytest.raises(UnsupportedInputError, match="not a public address"):
                await client.generate_text("x", model="smart", images=[f"http://rebinding.test:{port}/a.png"])
        assert server.connections == 0

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    run(check)


def test_a_host_that_a_proxy_leads_to_is_looked_up_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may stand inside; what it is asked for may not."""

    async def check(server: Server) -> None:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        deck = inside(spec("smart"), allow_private_urls=False)
        script = Script()
        async with AsyncClient(deck, plugins_for({"scripted": script}, kind=NoUrls)) as client:
            with pytest.raises(UnsupportedInputError, match="not a public address"):
                await client.generate_text("x", model="smart", images=["http://10.0.0.1/a.png"])
            server.queue(image())
            await client.generate_text("x", model="smart", images=["http://8.8.8.8/a.png"])
        assert len(script.requests) == len(server.received) == 1

    run(check)
