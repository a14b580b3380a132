"""The backend `internal`: whole extractions, in threads and event loops, and what is refused."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import tomli

from pipelex_backend_internal import pipelex_backends, pipelex_model_specs
from pipelex_backend_internal._document import PAGES_AN_OPENING, PdfFile
from pipelex_core.backend import DocumentExtractor
from pipelex_core.errors import BadRequestError, CallError, NotFoundError, UnsupportedInputError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Media
from pipelex_core.requests import ExtractRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType
from tests.documents.pdfs import gradient, jpeg, lines, pdf, pictures, text_pages
from tests.documents.raw import heavy_pages, raw_pdf, without_pages

if TYPE_CHECKING:
    from pipelex_backend_internal._backend import InternalBackend
    from pipelex_core.results import DocumentAnswer


def spec(model_id: str = "extract-text", **options: Any) -> ModelSpec:
    return ModelSpec(
        name=f"pypdfium2-{model_id}",
        backend="internal",
        sdk="pypdfium2",
        model_id=model_id,
        model_type=ModelType.TEXT_EXTRACTOR,
        options=options,
    )


def request(data: bytes, model_id: str = "extract-text", **settings: Any) -> ExtractRequest:
    options = {"dpi": settings.pop("dpi")} if "dpi" in settings else {}
    media = Media(data=data, media_type="application/pdf")
    return ExtractRequest(spec=spec(model_id, **options), document=media, **settings)


def make() -> InternalBackend:
    backend: InternalBackend = pipelex_backends()["pypdfium2"](BackendConfig(name="internal"))
    return backend


async def answers(*requests: ExtractRequest) -> list[DocumentAnswer]:
    """What one backend answers to requests made at the same time."""
    backend = make()
    await backend.open(LoopResources())
    try:
        return await asyncio.gather(*(backend.extract(one) for one in requests))
    finally:
        await backend.close()


def answer(data: bytes, model_id: str = "extract-text", **settings: Any) -> DocumentAnswer:
    return asyncio.run(answers(request(data, model_id, **settings)))[0]


def test_pages_come_in_order_with_text_images_and_count() -> None:
    """An answer has every page, its index from 0, its text, its images, and the pages as usage."""

    def draw(canvas: Any) -> None:
        lines("with a picture")(canvas)
        pictures((jpeg(60, 40), 50, 300, 60, 40))(canvas)

    got = answer(pdf(lines("first page"), draw, lambda _: None))
    assert [(page.index, page.text, len(page.images)) for page in got.pages] == [
        (0, "first page", 0),
        (1, "with a picture", 1),
        (2, "", 0),
    ]
    assert got.usage.pages == 3
    assert got.usage.input_tokens is None


def test_the_most_images_are_counted_over_the_whole_document() -> None:
    """`max_nb_images` is no limit a page, and small images do not count."""
    small, large = gradient(10, 10), gradient(60, 60)
    page = pictures((small, 50, 600, 10, 10), (large, 50, 400, 60, 60), (large, 50, 200, 60, 60))
    got = answer(pdf(page, page, page), max_nb_images=3, image_min_size=50)
    assert [len(one.images) for one in got.pages] == [2, 1, 0]
    assert [len(one.images) for one in answer(pdf(page, page), max_nb_images=0).pages] == [0, 0]
    assert [len(one.images) for one in answer(pdf(page, page)).pages] == [3, 3]


def test_the_other_model_renders_pages() -> None:
    """`render-pages` gives the same text and one picture a page, at the resolution of the spec."""
    document = pdf(lines("first"), lines("second"))
    got = answer(document, "render-pages")
    assert [page.text for page in got.pages] == ["first", "second"]
    assert [(image.width, image.content_type) for page in got.pages for image in page.images] == [
        (1240, "image/png"),
        (1240, "image/png"),
    ]
    assert answer(document, "render-pages", dpi=72).pages[0].images[0].width == 595
    assert [len(page.images) for page in answer(document, "render-pages", max_nb_images=1).pages] == [1, 0]
    assert not answer(document, "render-pages", dpi=10, image_min_size=100).pages[0].images


@pytest.mark.parametrize(
    "data, kind, message",
    [
        (b"", UnsupportedInputError, "is empty"),
        (b"plain text", UnsupportedInputError, "not a PDF"),
        (jpeg(9, 9), UnsupportedInputError, "not a PDF"),
        (pdf(lines("secret"), password="open sesame"), UnsupportedInputError, "password"),
        (without_pages(), BadRequestError, "broken, or has no pages"),
        (raw_pdf(b"<< /Type /Catalog >>"), BadRequestError, "no pages"),
        (b"%PDF-1.7\nrubbish", BadRequestError, "broken"),
        (text_pages(3)[:900], BadRequestError, "broken"),
        (
            raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [9 0 R] /Count 1 >>"),
            BadRequestError,
            "page 1 of the PDF",
        ),
    ],
    ids=["empty", "text", "jpeg", "encrypted", "0-pages", "no-page-tree", "rubbish", "truncated", "page-missing"],
)
def test_what_is_no_readable_pdf_is_refused(data: bytes, kind: type[CallError], message: str) -> None:
    """Each kind of unreadable document has its error, and none crashes the process."""
    with pytest.raises(kind, match=message) as caught:
        answer(data)
    assert type(caught.value) is kind


def test_a_pdf_with_an_owner_password_only_is_read() -> None:
    """Encryption that opens without a password is no obstacle."""
    assert answer(pdf(lines("open to read"), owner_password="boss")).pages[0].text == "open to read"


def test_a_pdf_may_begin_with_something_else() -> None:
    """Up to 1,024 bytes may stand before the header."""
    assert answer(b"\r\n" * 100 + pdf(lines("later"))).pages[0].text == "later"


def test_a_damaged_end_is_mended() -> None:
    """A file whose cross-reference table is missing its end is still read."""
    assert len(answer(text_pages(3)[:-20]).pages) == 3


def test_unknown_models_and_resolutions_are_refused() -> None:
    """A model id must be one of the two, and a resolution at least one dot per inch."""
    with pytest.raises(NotFoundError, match="'ocr'"):
        answer(pdf(lines("x")), "ocr")
    with pytest.raises(BadRequestError, match="dpi"):
        answer(pdf(lines("x")), "render-pages", dpi=0)


def test_a_document_without_bytes_is_refused() -> None:
    """Core downloads URLs for this backend; one that arrives here is an error."""
    backend = make()
    assert backend.fetches_urls is False
    media = Media(url="http://127.0.0.1:9/x.pdf", media_type="application/pdf")

    async def main() -> None:
        await backend.open(LoopResources())
        with pytest.raises(UnsupportedInputError, match="bytes"):
            await backend.extract(ExtractRequest(spec=spec(), document=media))
        await backend.close()

    asyncio.run(main())


def test_sixteen_threads_at_once() -> None:
    """Sixteen event loops in threads read different documents, each page right, over one PDFium."""
    documents = [pdf(*(lines(f"document {n} page {m}") for m in range(8))) for n in range(16)]
    results: dict[int, list[str]] = {}
    begin = threading.Barrier(16)

    def work(number: int) -> None:
        begin.wait()
        pages = answer(documents[number], "render-pages" if number % 4 == 0 else "extract-text", dpi=36).pages
        results[number] = [page.text for page in pages]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [f"document {n} page {m}" for m in range(8)] for n in range(16)}


def test_three_event_loops_one_after_the_other() -> None:
    """Nothing is left behind in an event loop that ended."""
    document = pdf(lines("again"))
    for _ in range(3):
        assert answer(document).pages[0].text == "again"


def test_many_documents_in_one_event_loop() -> None:
    """Requests made at the same time are read page by page in turn, and each has its own pages."""
    documents = [pdf(*(lines(f"{n}-{m}") for m in range(5))) for n in range(10)]
    got = asyncio.run(answers(*map(request, documents)))
    assert [[page.text for page in one.pages] for one in got] == [[f"{n}-{m}" for m in range(5)] for n in range(10)]


class Reading:
    """Notes the thread of each page that is read, in order."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self._changed = threading.Condition()

    def note(self) -> None:
        with self._changed:
            self.threads.append(threading.current_thread())
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.threads) >= count, 20)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """What is noted of the pages read in a test."""
    notes, read = Reading(), PdfFile.read

    def noted(self: PdfFile, index: int, **options: Any) -> Any:
        notes.note()
        return read(self, index, **options)

    monkeypatch.setattr(PdfFile, "read", noted)
    return notes


def test_the_event_loop_does_not_wait_for_pdfium(reading: Reading) -> None:
    """Pages are read in a thread of the backend's own, which ends with it."""
    answer(text_pages(3))
    assert len(set(reading.threads)) == 1
    assert reading.threads[0] is not threading.main_thread()
    assert not reading.threads[0].is_alive()


def test_a_cancelled_extraction_stops_between_pages(reading: Reading) -> None:
    """After a cancellation no further page is begun, and the document is closed."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        call = asyncio.create_task(backend.extract(request(document)))
        await asyncio.to_thread(reading.wait_for, 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        begun = len(reading.threads)
        await backend.close()
        assert len(reading.threads) == begun

    document = text_pages(200)
    asyncio.run(main())
    assert len(reading.threads) < 50


def test_a_client_closed_during_a_call_ends_it(reading: Reading) -> None:
    """Closing the backend under a call is a `CallError` of that call, and frees its document."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        call = asyncio.create_task(backend.extract(request(document)))
        await asyncio.to_thread(reading.wait_for, 2)
        await backend.close()
        with pytest.raises(CallError, match="closed"):
            await call

    document = text_pages(200)
    asyncio.run(main())
    assert len(reading.threads) < 50


def test_nothing_of_pdfium_is_left_to_the_garbage_collector(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every handle is closed by name, under the lock: a finalizer would call PDFium from any thread."""
    from pypdfium2.internal.bases import DEBUG_AUTOCLOSE

    page = pictures((gradient(9, 9, "RGBA"), 50, 600, 90, 90), (jpeg(9, 9), 50, 400, 90, 90), alpha=True)
    document = pdf(page, lambda canvas: canvas.acroForm.textfield(name="f", value="v", x=50, y=50))
    monkeypatch.setattr(DEBUG_AUTOCLOSE, "value", logging.DEBUG)
    answer(document)
    answer(document, "render-pages", dpi=20)
    with pytest.raises(BadRequestError):
        answer(without_pages())
    gc.collect()
    log = capfd.readouterr().err
    assert "Close (explicit)" in log
    assert "Close (auto)" not in log


def test_memory_stays_flat_over_500_pages() -> None:
    """PDFium's memory does not grow with the pages read, though every page has 40 kB of its own."""
    data = heavy_pages(500, 40_000)
    process = psutil.Process()
    file = PdfFile(data)
    sizes = []
    for index in range(file.open()):
        assert file.read(index, most_images=0, smallest_image=0, dpi=None).text == f"page {index}"
        if index % PAGES_AN_OPENING == PAGES_AN_OPENING - 1:
            sizes.append(process.memory_info().rss)
    file.close()
    assert len(data) > 20_000_000
    assert max(sizes) - sizes[0] < 6_000_000, sizes


def test_the_plugin_is_found_and_imports_no_sdk() -> None:
    """Its hooks answer in a fresh interpreter without PDFium or Pillow being imported."""
    (point,) = entry_points(group="pipelex_core.plugins", name="internal")
    assert point.value == "pipelex_backend_internal"
    code = (
        "import sys, pipelex_backend_internal as p; p.pipelex_backends(); p.pipelex_model_specs();"
        "print([m for m in ('pypdfium2', 'PIL', 'pypdfium2_raw') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_shipped_specs_name_models_the_backend_has() -> None:
    """Every shipped model is a free text extractor with a known model id."""
    shipped = tomli.loads(pipelex_model_specs()["internal"].read_text(encoding="utf-8"))
    assert shipped.pop("backend") == {"display_name": "Internal"}
    defaults = shipped.pop("defaults")
    assert defaults["costs"] == {"input": 0, "output": 0}
    assert {name: model["model_id"] for name, model in shipped.items()} == {
        "pypdfium2-extract-text": "extract-text",
        "pypdfium2-render-pages": "render-pages",
    }
    assert isinstance(make(), DocumentExtractor)
