"""OCR: what is sent, what comes back, and that an uploaded file never stays behind."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from itertools import groupby
from typing import Any

import pytest

from pipelex_backend_mistral import _backend
from pipelex_backend_mistral._ocr import UPLOAD_ABOVE
from pipelex_core import errors
from pipelex_core.parts import Media
from pipelex_core.requests import ExtractRequest
from pipelex_core.results import DocumentAnswer, Image, Usage
from pipelex_core.specs import ModelType
from pipelex_testing.running import until
from tests.servers.base import Received, Reply
from tests.servers.mistral import HEADERS, PIXEL, REQUEST_ID, MistralServer, config, fault, opened, page, pages, spec

OCR = spec("mistral-ocr-latest", model_type=ModelType.TEXT_EXTRACTOR)
SMALL = Media(data=b"%PDF-1.7", media_type="application/pdf")
LARGE = Media(data=b"%PDF-1.7" + b"x" * UPLOAD_ABOVE, media_type="application/pdf", name="report.pdf")


def wanted(document: Media = SMALL, **settings: Any) -> ExtractRequest:
    return ExtractRequest(spec=OCR, document=document, **settings)


async def read(request: ExtractRequest, *replies: Reply) -> tuple[DocumentAnswer, dict[str, Any]]:
    """The answer, and what was sent."""
    async with MistralServer() as server, opened(config(server.url)) as backend:
        server.queue(*replies)
        answer = await backend.extract(request)
        return answer, server.bodies("/v1/ocr")[0]


@pytest.mark.parametrize(
    "document, sent",
    [
        (SMALL, {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERi0xLjc="}),
        (
            Media(url="https://example.com/a.pdf", media_type="application/pdf"),
            {"type": "document_url", "document_url": "https://example.com/a.pdf"},
        ),
        (
            Media(data=b"\x89PNG", media_type="image/png"),
            {"type": "image_url", "image_url": "data:image/png;base64,iVBORw=="},
        ),
        (
            Media(url="https://example.com/a.png", media_type="image/png"),
            {"type": "image_url", "image_url": "https://example.com/a.png"},
        ),
    ],
    ids=["PDF", "PDF URL", "image", "image URL"],
)
def test_a_document_is_read_page_by_page(document: Media, sent: dict[str, str]) -> None:
    """PDFs and images, bytes and addresses: pages of Markdown with their images, usage and the request's id."""
    answer, body = asyncio.run(read(wanted(document)))
    assert body == {"model": "mistral-ocr-latest", "document": sent, "include_image_base64": True}
    assert [one.index for one in answer.pages] == [0, 1]
    assert answer.pages[0].text.startswith("# Page 0")
    assert answer.pages[0].images[1] == Image(
        data=PIXEL, content_type="image/jpeg", width=30, height=20, name="img-1.jpeg"
    )
    assert (answer.usage, answer.request_id) == (Usage(pages=2), REQUEST_ID)


@pytest.mark.parametrize(
    "settings, sent, kept",
    [
        ({}, {"include_image_base64": True}, [2, 1]),
        ({"max_nb_images": 0}, {"include_image_base64": False}, [0, 0]),
        ({"max_nb_images": 1}, {"include_image_base64": True, "image_limit": 1}, [1, 0]),
        ({"max_nb_images": 2}, {"include_image_base64": True, "image_limit": 2}, [2, 0]),
        ({"max_nb_images": 9}, {"include_image_base64": True, "image_limit": 9}, [2, 1]),
        ({"image_min_size": 50}, {"include_image_base64": True, "image_min_size": 50}, [2, 1]),
    ],
)
def test_as_many_images_come_as_were_asked_for(settings: dict[str, Any], sent: dict[str, Any], kept: list[int]) -> None:
    """Limits are sent, and the number is held over the whole document, whatever the provider gives."""
    answer, body = asyncio.run(read(wanted(**settings)))
    assert {name: value for name, value in body.items() if name not in {"model", "document"}} == sent
    assert [len(one.images) for one in answer.pages] == kept


@pytest.mark.parametrize(
    "data, content_type",
    [
        (b64encode(PIXEL).decode(), "image/jpeg"),
        ("data:image/png;base64," + b64encode(PIXEL).decode(), "image/png"),
    ],
)
def test_an_image_is_base64_with_or_without_its_type(data: str, content_type: str) -> None:
    """Both forms are decoded; without a type it is a JPEG, as Mistral cuts them."""
    answer, _ = asyncio.run(read(wanted(), Reply.json(pages(page(0, images=["a"], data=data)))))
    assert answer.pages[0].images[0].data == PIXEL
    assert answer.pages[0].images[0].content_type == content_type


@pytest.mark.parametrize("data", ["", "not base64!"])
def test_an_image_without_data_is_left_out_and_logged(data: str, caplog: pytest.LogCaptureFixture) -> None:
    """The page's text is worth more than a broken picture; the log says that there was one."""
    with caplog.at_level(logging.WARNING):
        answer, _ = asyncio.run(read(wanted(), Reply.json(pages(page(0, images=["a"], data=data)))))
    assert answer.pages[0].images == ()
    assert answer.pages[0].text == "# Page 0\n\n![a](a)"
    assert "page 0" in caplog.text


def test_pages_are_counted_as_the_provider_bills_them() -> None:
    """`pages_processed` counts; without it, the pages that came."""
    answer, _ = asyncio.run(read(wanted(), Reply.json(pages(page(0), counted=3))))
    assert answer.usage.pages == 3
    answer, _ = asyncio.run(read(wanted(), Reply.json({"pages": [page(0)]})))
    assert answer.usage.pages == 1


@pytest.mark.parametrize("body", [{}, [], {"pages": []}, {"pages": [{}]}, {"pages": ["text"]}])
def test_an_answer_without_pages_is_an_error(body: Any) -> None:
    """No pages are never an empty document."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        asyncio.run(read(wanted(), Reply.json(body, headers=HEADERS)))
    assert (caught.value.raw, caught.value.request_id) == (body, REQUEST_ID)


@pytest.mark.parametrize("size", [1, UPLOAD_ABOVE + 1])
def test_what_is_neither_pdf_nor_image_is_refused(size: int) -> None:
    """An unsupported type is an error before anything is sent, uploads included."""

    async def main() -> None:
        async with MistralServer() as server, opened(config(server.url)) as backend:
            with pytest.raises(errors.UnsupportedInputError, match="audio/mpeg"):
                await backend.extract(wanted(Media(data=b"x" * size, media_type="audio/mpeg")))
            assert server.received == []

    asyncio.run(main())


def test_the_providers_refusal_is_an_error() -> None:
    """A document that Mistral cannot parse is a bad request with Mistral's words."""
    refusal = fault(400, "Document is not a valid PDF.", code="3740", kind="document_parser_invalid_file")
    with pytest.raises(errors.BadRequestError, match="not a valid PDF"):
        asyncio.run(read(wanted(), refusal))


def steps(server: MistralServer) -> list[tuple[str, str]]:
    return [(received.method, received.path) for received in server.received]


UPLOAD, URL, READ, DELETE = (
    ("POST", "/v1/files"),
    ("GET", "/v1/files/file-0/url"),
    ("POST", "/v1/ocr"),
    ("DELETE", "/v1/files/file-0"),
)


def test_a_large_document_is_uploaded_and_deleted_again() -> None:
    """Its bytes arrive whole, it is read by a signed address that is good for an hour, and nothing stays."""
    uploaded: dict[str, tuple[str, bytes]] = {}

    class Server(MistralServer):
        async def answer(self, request: Received) -> Reply:
            reply = await super().answer(request)
            uploaded.update(self.files)
            return reply

    async def main() -> None:
        async with Server() as server, opened(config(server.url)) as backend:
            answer = await backend.extract(wanted(LARGE))
            assert len(answer.pages) == 2
            assert steps(server) == [UPLOAD, URL, READ, DELETE]
            assert server.bodies("/v1/ocr")[0]["document"] == {
                "type": "document_url",
                "document_url": f"{server.url}/signed/file-0?expiry=1",
            }
            assert uploaded == {"file-0": ("report.pdf", LARGE.data)}
            assert server.files == {}

    asyncio.run(main())


def test_a_document_at_the_limit_goes_into_the_request() -> None:
    """Only what is larger than the documented size is uploaded; a URL never is."""
    assert UPLOAD_ABOVE == 10 * 1024 * 1024
    at_limit = Media(data=b"x" * UPLOAD_ABOVE, media_type="application/pdf")
    _, body = asyncio.run(read(wanted(at_limit)))
    assert body["document"]["document_url"].startswith("data:application/pdf;base64,")


class Failing(MistralServer):
    """A server that answers one step differently."""

    def __init__(self, step: tuple[str, str], reply: Reply) -> None:
        super().__init__()
        self.step, self.reply = step, reply

    async def answer(self, request: Received) -> Reply:
        return self.reply if (request.method, request.path) == self.step else await super().answer(request)


@pytest.mark.parametrize(
    "step, remaining", [(UPLOAD, [UPLOAD]), (URL, [UPLOAD, URL, DELETE]), (READ, [UPLOAD, URL, READ, DELETE])]
)
@pytest.mark.parametrize(
    "reply, kind",
    [
        (fault(429, "slow down"), errors.RateLimitError),
        (Reply.text("<html>"), errors.InvalidAnswerError),
        (Reply.json({}), errors.InvalidAnswerError),
        (Reply(fault="drop"), errors.ProviderConnectionError),
    ],
    ids=["429", "HTML", "{}", "drop"],
)
def test_a_large_document_is_deleted_when_its_reading_fails(
    step: tuple[str, str], remaining: list[tuple[str, str]], reply: Reply, kind: type[errors.CallError]
) -> None:
    """Whatever fails after the upload, the file is deleted, and the error is that of the step, mapped."""

    async def main() -> None:
        async with Failing(step, reply) as server, opened(config(server.url)) as backend:
            with pytest.raises(errors.CallError) as caught:
                await backend.extract(wanted(LARGE))
            assert type(caught.value) is kind
            # A GET on a kept-alive connection that was dropped is asked again by aiohttp, below the pool.
            assert [one for one, _ in groupby(steps(server))] == remaining
            assert server.files == {}

    asyncio.run(main())


def test_a_large_document_is_deleted_when_the_caller_gives_up() -> None:
    """Cancelling the call while Mistral reads deletes the file all the same."""

    async def main() -> None:
        async with Failing(READ, Reply(fault="hang")) as server, opened(config(server.url)) as backend:
            task = asyncio.create_task(backend.extract(wanted(LARGE)))
            await until(lambda: READ in steps(server))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert steps(server)[-1] == DELETE
            assert server.files == {}

    asyncio.run(main())


@pytest.mark.parametrize("reply", [fault(500), Reply(fault="hang")], ids=["500", "hang"])
def test_a_deletion_that_fails_is_logged_and_no_more(
    reply: Reply, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages were read: they are the answer, and the log names the file that stayed."""
    monkeypatch.setattr(_backend, "DELETE_SECONDS", 0.2)

    async def main() -> None:
        async with Failing(DELETE, reply) as server, opened(config(server.url)) as backend:
            assert len((await backend.extract(wanted(LARGE))).pages) == 2

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert "the uploaded file file-0 could not be deleted" in caplog.text
