"""The backend `rapidocr`: what scans say, whichever way up, in which order, and what is refused."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tomli
from PIL import Image, ImageOps

from pipelex_backend_rapidocr import _documents, pipelex_backends, pipelex_model_specs
from pipelex_backend_rapidocr._order import Line, text_in_order
from pipelex_core.errors import BadRequestError, NotFoundError, UnsupportedInputError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Media
from pipelex_core.requests import ExtractRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType
from pipelex_testing.running import until
from tests.documents.pdfs import lines, pdf, pictures
from tests.documents.scans import LEFT, LETTER, RIGHT, columns, drawn, encoded, error_rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_backend_rapidocr._backend import RapidOcrBackend
    from pipelex_core.results import DocumentAnswer

MOST_ERRORS = 0.01
"""Of the characters of a scan."""


def make() -> RapidOcrBackend:
    backend: RapidOcrBackend = pipelex_backends()["rapidocr"](BackendConfig(name="rapidocr"))
    return backend


def request(
    data: bytes, model_id: str = "pp-ocrv6-small", *, dpi: int | None = None, **settings: Any
) -> ExtractRequest:
    spec = ModelSpec(
        name=model_id,
        backend="rapidocr",
        sdk="rapidocr",
        model_id=model_id,
        model_type=ModelType.TEXT_EXTRACTOR,
        options={} if dpi is None else {"dpi": dpi},
    )
    kind = "application/pdf" if data.startswith(b"%PDF-") else "image/png"
    return ExtractRequest(spec=spec, document=Media(data=data, media_type=kind), **settings)


async def answers(*requests: ExtractRequest) -> list[DocumentAnswer]:
    """What one backend answers to requests, in one process, one after the other."""
    backend = make()
    await backend.open(LoopResources())
    try:
        return await asyncio.gather(*(backend.extract(one) for one in requests))
    finally:
        await backend.close()


def texts(*files: bytes) -> list[str]:
    return [page.text for answer in asyncio.run(answers(*map(request, files))) for page in answer.pages]


def turned(image: Image.Image, angle: float) -> Image.Image:
    return image.rotate(angle, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC)


def test_scans_are_read_whichever_way_up() -> None:
    """At most one character in a hundred is wrong, upright, on a side, on its head, tilted, and white on black."""
    letter = drawn(LETTER)
    scans = [*(turned(letter, angle) for angle in (0, 90, 180, 270, 4, -3)), ImageOps.invert(letter)]
    got = [error_rate(text, " ".join(LETTER)) for text in texts(*map(encoded, scans))]
    assert max(got) <= MOST_ERRORS, got


def test_columns_are_read_one_after_the_other() -> None:
    """Also on a page that lies on its side or its head."""
    wanted = " ".join(LEFT + RIGHT)
    got = texts(*(encoded(turned(columns(), angle)) for angle in (0, 90, 180, 270)))
    rates = [error_rate(text, wanted) for text in got]
    assert max(rates) <= MOST_ERRORS, got
    assert got[0].splitlines()[0] == LEFT[0]


def test_every_format_is_read() -> None:
    """PNG with transparency and with 16 bits, JPEG turned by its EXIF data, WebP, GIF, BMP, AVIF, and all pages of a TIFF."""
    one = drawn(LETTER[:1])
    clear = one.convert("RGBA")
    clear.putalpha(ImageOps.invert(one.convert("L")))
    deep = Image.fromarray(np.asarray(one.convert("L")).astype("uint16") * 257)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    files = [
        encoded(clear),
        encoded(deep),
        encoded(one.rotate(90, expand=True), "JPEG", exif=exif, quality=90),
        encoded(one, "WEBP", quality=90),
        encoded(one, "GIF"),
        encoded(one, "BMP"),
        encoded(one, "AVIF", quality=90),
    ]
    assert [error_rate(text, LETTER[0]) <= MOST_ERRORS for text in texts(*files)] == [True] * 7
    got = texts(encoded(one, "TIFF", save_all=True, append_images=[drawn(LETTER[3:4])]))
    assert [error_rate(*pair) <= MOST_ERRORS for pair in zip(got, (LETTER[0], LETTER[3]), strict=True)] == [True] * 2


def test_a_pdf_gives_its_text_and_that_of_its_scans() -> None:
    """Both kinds of pages of one file in one call, with an image of the page where images are wanted; an empty page is."""
    scan = pictures((drawn(LETTER), 40, 400, 500, 350))
    data = pdf(lines("Of the file itself."), scan, lambda _: None)
    (answer, without) = asyncio.run(answers(request(data), request(data, max_nb_images=0)))
    first, second, third = answer.pages
    assert (first.text, third.text) == ("Of the file itself.", "")
    assert error_rate(second.text, " ".join(LETTER)) <= MOST_ERRORS, second.text
    assert [len(page.images) for page in answer.pages] == [0, 1, 0]
    assert [page.text for page in without.pages] == [page.text for page in answer.pages]
    assert answer.usage.pages == 3


@pytest.mark.parametrize("image", [Image.new("RGB", (800, 600), "white"), Image.new("L", (1, 1))], ids=["sheet", "dot"])
def test_what_says_nothing_has_no_text(image: Image.Image) -> None:
    """An empty sheet and a single pixel are no errors."""
    assert texts(encoded(image)) == [""]


def huge() -> bytes:
    """A PNG of a few bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        pytest.param(
            encoded(drawn(LETTER))[:3000], BadRequestError, "page 1 of the image cannot be read", id="cut off"
        ),
        pytest.param(
            b"\x89PNG\r\n\x1a\n" + b"x" * 50, BadRequestError, "page 1 of the image cannot be read", id="damaged"
        ),
        pytest.param(b"no image at all", UnsupportedInputError, "neither a PDF nor an image", id="text"),
        pytest.param(b"", UnsupportedInputError, "empty", id="empty"),
        pytest.param(huge(), UnsupportedInputError, "60,000 × 60,000 pixels, and at most 100,000,000", id="huge"),
        pytest.param(b"%PDF-1.7\n%%EOF\n", BadRequestError, "broken", id="broken PDF"),
    ],
)
def test_bad_input_is_a_clear_error(data: bytes, kind: type[Exception], message: str) -> None:
    """It says what is wrong; the next document is read all the same."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        try:
            with pytest.raises(kind, match=message):
                await backend.extract(request(data))
            answer = await backend.extract(request(pdf(lines("text"))))
            assert [page.text for page in answer.pages] == ["text"]
        finally:
            await backend.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "document",
    [
        lambda: _documents.ImageFile(encoded(drawn([]), "TIFF", save_all=True, append_images=[drawn([])] * 2)),
        lambda: _documents.ScannedPdf(pdf(*[lines("text")] * 3)),
    ],
    ids=["TIFF", "PDF"],
)
def test_a_document_has_so_many_pages_at_most(
    document: Callable[[], _documents.ImageFile | _documents.ScannedPdf], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond that it is refused before a page is read; the message says how many there may be."""
    monkeypatch.setattr(_documents, "MOST_PAGES", 2)
    opened = document()
    with pytest.raises(UnsupportedInputError, match="3 pages, and at most 2"):
        opened.open()
    opened.close()


def test_a_cancelled_call_ends_its_process_and_no_other() -> None:
    """In the middle of a page; the next document gets a process of its own."""

    async def main() -> None:
        backend = make()
        await backend.open(LoopResources())
        try:
            scan = encoded(drawn(LETTER), "TIFF", save_all=True, append_images=[drawn(LETTER)] * 50)
            task = asyncio.create_task(backend.extract(request(scan)))
            await until(lambda: any(job.reader is not None for job in backend._readers._jobs), "a process is at work")
            (job,) = backend._readers._jobs
            process = job.reader.process if job.reader else None
            assert process is not None
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: process.poll() is not None, "the process has ended")
            answer = await backend.extract(request(pdf(lines("text"))))
            assert [page.text for page in answer.pages] == ["text"]
        finally:
            await backend.close()

    asyncio.run(main())


def test_another_model_or_resolution_is_refused() -> None:
    """Both say what there is."""
    with pytest.raises(NotFoundError, match="pp-ocrv6-small"):
        asyncio.run(answers(request(b"x", "pp-ocrv9")))
    with pytest.raises(BadRequestError, match="1 or more"):
        asyncio.run(answers(request(b"x", dpi=0)))


def placed(*cells: tuple[float, float, str]) -> str:
    """The text of lines 20 pixels high at left and top, 10 pixels wide a character."""
    return text_in_order(
        [Line(left=x, top=y, right=x + 10 * len(text), bottom=y + 20, text=text) for x, y, text in cells]
    )


def test_a_table_is_read_row_by_row() -> None:
    """Cells that face each other are a row, figures a column of their own or not."""
    cells = [
        (0, 0, "Item"),
        (300, 2, "Price"),
        (0, 40, "Paper of A4"),
        (300, 41, "48.20"),
        (0, 80, "Ink"),
        (300, 79, "61.75"),
    ]
    assert placed(*cells[::-1]) == "Item  Price\nPaper of A4  48.20\nInk  61.75"


def test_a_heading_comes_before_its_columns_and_a_footer_after_them() -> None:
    """Whatever runs across both is cut off first."""
    rows = [(x, 60 + 30 * n, f"{name} column, line {n}") for x, name in ((0, "left"), (400, "right")) for n in range(3)]
    text = placed((0, 400, "x" * 60), *rows, (0, 0, "h" * 60))
    wanted = ["h" * 60, *(f"{name} column, line {n}" for name in ("left", "right") for n in range(3)), "x" * 60]
    assert text.splitlines() == wanted


def test_nothing_is_in_no_order() -> None:
    """No lines are not text."""
    assert text_in_order([]) == ""


def test_a_fresh_machine_reads_a_scan_without_a_key(tmp_path: Path) -> None:
    """No folder, no key: the default of extraction takes an image to this model."""
    (tmp_path / "scan.png").write_bytes(encoded(columns()))
    program = (
        "from pipelex_core import Client\n"
        "with Client.from_project() as client:\n"
        "    result = client.extract('scan.png')\n"
        "    print(result.model, result.cost)\n"
        "    print(result.pages[0].text)\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *read = done.stdout.splitlines()
    assert first.split()[0] == "pp-ocrv6-small"
    assert error_rate(" ".join(read), " ".join(LEFT + RIGHT)) <= MOST_ERRORS


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "AVIF"])
def test_a_scan_of_any_kind_is_known_by_its_bytes(kind: str) -> None:
    """As `pipelex extract` reads a file; a model that is shown pictures is not shown these."""
    from pipelex_core.media import read_image, read_media

    data = encoded(drawn([]), kind)
    assert read_media(data).media_type == f"image/{kind.lower()}"
    with pytest.raises(UnsupportedInputError, match="not an image that models are shown"):
        read_image(data)


def test_every_page_of_a_tiff_is_read_on_the_command_line(tmp_path: Path) -> None:
    """Without a key; the pages come in their order."""
    pages = [drawn(LETTER[:1]), drawn(LEFT[:2])]
    (tmp_path / "scan.tiff").write_bytes(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    command = [sys.executable, "-m", "pipelex_core", "extract", "scan.tiff"]
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("\f")
    assert error_rate(first, LETTER[0]) <= MOST_ERRORS
    assert error_rate(second, " ".join(LEFT[:2])) <= MOST_ERRORS


@pytest.mark.slow
def test_a_long_tiff_takes_no_more_memory_than_a_short_one() -> None:
    """Eight pages of 12 MB each, of which one is in memory at a time, with what reads it."""
    program = (
        "import resource\n"
        "from pipelex_backend_rapidocr._documents import ImageFile\n"
        "from tests.documents.scans import drawn, encoded\n"
        "sheet = drawn(['A page.']).resize((2000, 2000))\n"
        "document = ImageFile(encoded(sheet, 'TIFF', save_all=True, compression='tiff_lzw', append_images=[sheet] * 7))\n"
        "for page in range(document.open()):\n"
        "    document.read(page)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = list(map(int, done.stdout.split()))
    assert len(grown) == 8
    assert grown[7] - grown[1] < 36, f"megabytes: {grown}"


def test_the_plugin_imports_no_sdk_until_a_document_comes() -> None:
    """Its hooks and its backend are made in a fresh interpreter without the engine, NumPy or Pillow."""
    code = (
        "import sys, pipelex_backend_rapidocr as p; from pipelex_core.specs import BackendConfig;"
        "p.pipelex_model_specs(); p.pipelex_backends()['rapidocr'](BackendConfig(name='rapidocr'));"
        "print([m for m in ('rapidocr', 'numpy', 'PIL', 'cv2', 'onnxruntime', 'pypdfium2') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_shipped_model_is_free() -> None:
    """And takes PDFs and images."""
    shipped = tomli.loads(pipelex_model_specs()["rapidocr"].read_text(encoding="utf-8"))
    assert shipped["defaults"]["costs"] == {"input": 0, "output": 0}
    assert shipped["defaults"]["inputs"] == ["pdf", "images"]
    assert set(shipped) == {"backend", "defaults", "pp-ocrv6-small"}
