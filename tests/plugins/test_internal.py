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

from pipelex_backend_internal import _document, _images, _readers, pipelex_backends, pipelex_model_specs
from pipelex_backend_internal._document import PAGES_AN_OPENING, PdfFile
from pipelex_core.backend import DocumentExtractor
from pipelex_core.errors import BadRequestError, CallError, NotFoundError, UnsupportedInputError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Media
from pipelex_core.requests import ExtractRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType
from pipelex_testing.running import until
from tests.documents.pdfs import gradient, jpeg, lines, pdf, pictures, text_pages
from tests.documents.raw import heavy_pages, raw_pdf, without_pages

if TYPE_CHECKING:
    from pathlib import Path

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


STAND_IN = """
import os, signal, sys, time
sys.path[:] = sys.argv[1:]
from pipelex_backend_internal import _reader
from pipelex_backend_internal._document import PdfFile
read = PdfFile.read
def odd(self, *args, **options):
    if self._data.endswith(b"%sleeps"):
        time.sleep(600)
    if self._data.endswith(b"%crashes"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return read(self, *args, **options)
PdfFile.read = odd
_reader.main()
"""
"""A reader on which some documents do not end, and some crash."""

SLEEPS, CRASHES = (pdf(lines("x")) + f"\n%{what}".encode() for what in ("sleeps", "crashes"))


def readers() -> list[int]:
    """The processes below this one: those that read documents, and those that ended and nobody waited for."""
    return [child.pid for child in psutil.Process().children()]


async def at_work(backend: InternalBackend, count: int) -> None:
    """Wait until so many processes are there."""
    await until(lambda: sum(job.reader is not None for job in backend._readers._jobs) >= count, "a process started")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that sleep over some documents, and crash over others."""
    monkeypatch.setattr(_readers, "BOOT", STAND_IN)


@pytest.mark.usefixtures("odd")
def test_a_document_without_an_end_stops_with_its_call_and_holds_up_nobody() -> None:
    """Its process is killed; other extractions go on meanwhile, and a process that ended well is used again."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        endless = asyncio.create_task(backend.extract(request(SLEEPS)))
        await at_work(backend, 1)
        for _ in range(2):
            assert (await backend.extract(request(pdf(lines("fine"))))).pages[0].text == "fine"
            assert len(readers()) == 2
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        await until(lambda: len(readers()) == 1, "the process that was killed is gone")
        await backend.close()
        await until(lambda: not readers(), "every process is gone")

    asyncio.run(main())


@pytest.mark.usefixtures("odd")
def test_closing_ends_what_is_under_way() -> None:
    """The call hears that the client was closed, and no process is left."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        call = asyncio.create_task(backend.extract(request(SLEEPS)))
        await at_work(backend, 1)
        await backend.close()
        with pytest.raises(CallError, match="closed"):
            await call
        with pytest.raises(CallError, match="closed"):
            await backend.extract(request(SLEEPS))
        await until(lambda: not readers(), "every process is gone")

    asyncio.run(main())


@pytest.mark.usefixtures("odd")
def test_a_document_that_crashes_pdfium_is_its_own_fault() -> None:
    """It is refused with how the process ended, and the next document is read."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        with pytest.raises(BadRequestError, match="ended with -11"):
            await backend.extract(request(CRASHES))
        assert (await backend.extract(request(pdf(lines("fine"))))).pages[0].text == "fine"
        await backend.close()

    asyncio.run(main())


def test_a_program_ends_while_a_document_does_not(tmp_path: Path) -> None:
    """Neither the end of the program nor closing the client waits for PDFium, and the process goes too."""
    (tmp_path / "endless.pdf").write_bytes(SLEEPS)
    program = f"""
import sys, threading, time
from pipelex_backend_internal import _readers
_readers.BOOT = {STAND_IN!r}
from pipelex_core import Client
from pipelex_core.errors import DeadlineExceededError
client = Client.from_project()
try:
    client.extract("endless.pdf", model="pypdfium2-extract-text", deadline=float(sys.argv[1]))
except DeadlineExceededError:
    print("deadline")
threading.Thread(target=lambda: client.extract("endless.pdf", model="pypdfium2-extract-text"), daemon=True).start()
time.sleep(1)
"""
    (tmp_path / ".pipelex" / "inference" / "deck").mkdir(parents=True)
    (tmp_path / ".pipelex" / "inference" / "deck" / "base.toml").write_text("[aliases]\n")
    (tmp_path / ".pipelex" / "inference" / "backends.toml").write_text("[internal]\nenabled = true\n")
    (tmp_path / ".pipelex" / "inference" / "routing_profiles.toml").write_text(
        'active = "all"\n[profiles.all]\ndefault = "internal"\n'
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "2"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.returncode) == ("deadline\n", 0), run.stderr


def test_a_page_or_document_out_of_proportion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its pages, its objects, or the pixels of its images; the message says how many there may be."""
    page = pictures((gradient(40, 40), 50, 600, 90, 90), (gradient(40, 40), 50, 400, 90, 90))
    for module, name, most in (
        (_document, "MOST_PAGES", 1),
        (_document, "MOST_OBJECTS", 1),
        (_images, "MOST_PIXELS_A_PAGE", 1700),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, most)
            file = PdfFile(pdf(page, page))
            with pytest.raises(UnsupportedInputError, match=f"{most:,}"):
                file.open()
                file.read(0, most_images=None, smallest_image=0, dpi=None)
            file.close()


def test_an_answer_may_have_so_many_bytes() -> None:
    """Above `max_media_bytes` the error names it."""
    backend: InternalBackend = pipelex_backends()["pypdfium2"](BackendConfig(name="internal", max_media_bytes=1000))

    async def main() -> None:
        await backend.open(LoopResources())
        try:
            await backend.extract(request(pdf(lines("text")), "render-pages"))
        finally:
            await backend.close()

    with pytest.raises(UnsupportedInputError, match="max_media_bytes"):
        asyncio.run(main())


def test_nothing_of_pdfium_is_left_to_the_garbage_collector(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every handle is closed by name, in order."""
    from pypdfium2.internal.bases import DEBUG_AUTOCLOSE

    page = pictures((gradient(9, 9, "RGBA"), 50, 600, 90, 90), (jpeg(9, 9), 50, 400, 90, 90), alpha=True)
    document = pdf(page, lambda canvas: canvas.acroForm.textfield(name="f", value="v", x=50, y=50))
    monkeypatch.setattr(DEBUG_AUTOCLOSE, "value", logging.DEBUG)
    for dpi in (None, 20):
        file = PdfFile(document)
        file.open()
        file.read(0, most_images=None, smallest_image=0, dpi=dpi)
        file.close()
    with pytest.raises(BadRequestError):
        PdfFile(without_pages()).open()
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
