"""Images out of real PDFs: embedded ones, and pictures of whole pages."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow
from PIL import ImageChops

from pipelex_backend_internal import _images
from pipelex_backend_internal._document import PdfFile
from tests.documents.pdfs import gradient, jpeg, lines, pdf, pictures
from tests.documents.raw import one_page, stream

if TYPE_CHECKING:
    from pipelex_core.results import Image


def images(data: bytes, *, most: int | None = None, smallest: int = 0, dpi: int | None = None) -> tuple[Image, ...]:
    file = PdfFile(data)
    file.open()
    try:
        return file.read(0, most_images=most, smallest_image=smallest, dpi=dpi).images
    finally:
        file.close()


def decoded(image: Image) -> Pillow.Image:
    assert image.content_type == "image/png"
    picture = Pillow.open(BytesIO(image.data))
    assert (picture.format, picture.size) == ("PNG", (image.width, image.height))
    return picture


def same(one: Pillow.Image, other: Pillow.Image) -> bool:
    return one.mode == other.mode and ImageChops.difference(one, other).getbbox() is None


def test_a_jpeg_comes_as_its_own_bytes() -> None:
    """A stream that is a JPEG is not encoded anew."""
    original = jpeg(120, 80)
    (image,) = images(pdf(pictures((original, 50, 600, 200, 100))))
    assert image.data == original
    assert (image.content_type, image.width, image.height) == ("image/jpeg", 120, 80)


def test_other_images_come_as_png_pixel_by_pixel() -> None:
    """Neither the size nor the angle it is drawn at changes an image."""
    original = gradient(33, 21)

    def draw(canvas: Any) -> None:
        canvas.translate(300, 300)
        canvas.rotate(30)
        pictures((original, 0, 0, 150, 50))(canvas)

    (image,) = images(pdf(draw))
    assert same(decoded(image), original)


def test_transparency_is_kept() -> None:
    """An image with an alpha mask has it in its PNG; hidden pixels have no colour to compare."""
    original = gradient(40, 30, "RGBA")
    (image,) = images(pdf(pictures((original, 50, 600, 200, 100), alpha=True)))
    picture = decoded(image)
    assert same(picture.getchannel("A"), original.getchannel("A"))
    shown = picture.getchannel("A").point(lambda alpha: 255 if alpha else 0)
    black = Pillow.new("RGB", picture.size)
    assert same(
        Pillow.composite(picture.convert("RGB"), black, shown), Pillow.composite(original.convert("RGB"), black, shown)
    )


def test_an_inline_image_is_an_image() -> None:
    """Images written into the page's content are found."""
    original = gradient(20, 10)
    (image,) = images(pdf(lambda canvas: canvas.drawInlineImage(original, 50, 100, 60, 30)))
    assert same(decoded(image), original)


def test_an_image_inside_a_form_object_is_found() -> None:
    """Images drawn through a form XObject are images of the page."""
    pixels = stream(
        bytes(range(12)),
        b"/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceRGB /BitsPerComponent 8",
    )
    form = stream(
        b"q 100 0 0 100 0 0 cm /I1 Do Q",
        b"/Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /I1 6 0 R >> >>",
    )
    (image,) = images(one_page(b"/X1 Do", b"/XObject << /X1 5 0 R >>", form, pixels))
    assert [decoded(image).getpixel((x, y)) for y in (0, 1) for x in (0, 1)] == [
        (0, 1, 2),
        (3, 4, 5),
        (6, 7, 8),
        (9, 10, 11),
    ]


def test_a_stencil_is_drawn_in_its_colour() -> None:
    """An image mask of one bit shows the colour it is painted with, and nothing beside it."""
    stencil = stream(b"\x80", b"/Type /XObject /Subtype /Image /Width 2 /Height 1 /ImageMask true /BitsPerComponent 1")
    (image,) = images(one_page(b"1 0 0 rg q 100 0 0 50 0 0 cm /I1 Do Q", b"/XObject << /I1 5 0 R >>", stencil))
    picture = decoded(image)
    assert picture.getpixel((1, 0)) == (255, 0, 0, 255)
    assert picture.getchannel("A").getpixel((0, 0)) == 0


def test_small_images_are_left_out_by_their_smaller_side() -> None:
    """`image_min_size` is about the smaller side, and a side just as long is long enough."""
    page = pdf(pictures((gradient(100, 20), 50, 600, 100, 20), (gradient(50, 50), 50, 400, 50, 50)))
    assert [(image.width, image.height) for image in images(page, smallest=21)] == [(50, 50)]
    assert len(images(page, smallest=20)) == 2
    assert images(page, smallest=51) == ()


def test_no_more_images_than_asked_for() -> None:
    """Images are taken in the order they are drawn until there are enough."""
    page = pdf(pictures(*((gradient(10 + n, 10), 50, 100 * n, 50, 50) for n in range(4))))
    assert [image.width for image in images(page, most=2)] == [10, 11]
    assert images(page, most=0) == ()
    assert len(images(page)) == 4


def test_an_image_that_cannot_be_decoded_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One broken image does not cost the page its text and its other images."""
    broken = stream(
        b"no such thing", b"/Type /XObject /Subtype /Image /Width 9 /Height 9 /Filter /JPXDecode /ColorSpace /DeviceRGB"
    )
    good = stream(
        b"\x00" * 12,
        b"/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceRGB /BitsPerComponent 8",
    )
    page = one_page(
        b"q 90 0 0 90 0 0 cm /I1 Do Q q 90 0 0 90 200 0 cm /I2 Do Q",
        b"/XObject << /I1 5 0 R /I2 6 0 R >>",
        broken,
        good,
    )
    with caplog.at_level(logging.WARNING, logger=_images.__name__):
        assert [image.width for image in images(page)] == [2]
    assert "image 0 of a page cannot be decoded" in caplog.text


def test_an_image_of_more_pixels_than_fit_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is never larger than the limit, and keeps its shape."""
    monkeypatch.setattr(_images, "MOST_PIXELS", 5000)
    (image,) = images(pdf(pictures((gradient(200, 100), 50, 600, 200, 100))))
    assert (image.width, image.height) == (100, 50)
    (page,) = images(pdf(lines("text")), dpi=300)
    assert page.width is not None
    assert page.height is not None
    assert 4000 < page.width * page.height < 5500


def test_a_page_is_drawn_as_it_is_shown() -> None:
    """A picture of a page has its size at the resolution asked for, its rotation, colours, and form fields."""

    def draw(canvas: Any) -> None:
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(0, 0, 100, 100, stroke=0, fill=1)
        canvas.acroForm.textfield(name="f", value="XXXX", x=300, y=400, width=200, height=40, fillColor=None)

    (image,) = images(pdf(draw), dpi=72)
    picture = decoded(image)
    assert picture.size == (595, 842)
    assert picture.getpixel((50, 800)) == (255, 0, 0)
    assert picture.getpixel((50, 50)) == (255, 255, 255)
    field = picture.crop((300, 402, 500, 442)).convert("L")
    assert min(field.tobytes()) < 100, "nothing was drawn for the field"


def test_a_rotated_page_is_drawn_rotated() -> None:
    """/Rotate turns the picture too."""
    (image,) = images(one_page(b"1 0 0 rg 0 0 100 100 re f", b"", page=b"/Rotate 90"), dpi=72)
    picture = decoded(image)
    assert picture.size == (800, 600)
    assert picture.getpixel((50, 50)) == (255, 0, 0)


@pytest.mark.parametrize("decode", [b"", b"/Decode [%b]"])
@pytest.mark.parametrize(("mode", "space"), [("L", b"Gray"), ("RGB", b"RGB"), ("CMYK", b"CMYK")])
def test_a_jpeg_has_the_colours_of_the_page(mode: str, space: bytes, decode: bytes) -> None:
    """One that a `/Decode` array turns round, or that has four inks, comes as PNG; any other as its own bytes."""
    file = BytesIO()
    Pillow.linear_gradient("L").resize((60, 40)).convert(mode).save(file, "JPEG")
    turned = decode.replace(b"%b", b" ".join([b"1 0"] * len(Pillow.new(mode, (1, 1)).getbands())))
    entries = b"/Type /XObject /Subtype /Image /Width 60 /Height 40 /BitsPerComponent 8 /Filter /DCTDecode "
    picture = stream(file.getvalue(), entries + b"/ColorSpace /Device%b %b" % (space, turned))
    page = one_page(b"q 60 0 0 40 100 100 cm /I1 Do Q", b"/XObject << /I1 5 0 R >>", picture)
    (image,) = images(page)
    assert image.content_type == ("image/jpeg" if mode != "CMYK" and not decode else "image/png")
    (shown,) = images(page, dpi=72)
    cut = decoded(shown).convert("RGB").crop((100, 660, 160, 700))
    own = Pillow.open(BytesIO(image.data)).convert("RGB")
    assert max(high for _, high in ImageChops.difference(cut, own).getextrema()) < 12  # type: ignore[misc]  # of three bands
