"""PDFs written object by object, for what reportlab does not draw."""

from __future__ import annotations


def raw_pdf(*objects: bytes) -> bytes:
    """A PDF of numbered objects, the first of which is the catalogue."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(data), entries, data)


def one_page(content: bytes, resources: bytes, *more: bytes, page: bytes = b"") -> bytes:
    """A PDF with one page of 600 by 800 points; its further objects begin with number 5."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << %b >> %b >>"
        % (resources, page),
        stream(content),
        *more,
    )


def without_pages() -> bytes:
    """A PDF that is sound and has no page."""
    return raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>")


def text_meaning(characters: str, content: bytes | None = None) -> bytes:
    """A page that shows the letters A, B, C …, which mean these characters: any script, without a font for it.

    Args:
        characters: What A, B, C … stand for.
        content: The page's content; by default the letters in one line.
    """
    letters = bytes(range(65, 65 + len(characters)))
    meanings = b"".join(
        b"<%02X> <%b>\n" % (65 + number, character.encode("utf-16-be").hex().encode())
        for number, character in enumerate(characters)
    )
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
        b"1 begincodespacerange <00> <FF> endcodespacerange %d beginbfchar\n%bendbfchar "
        b"endcmap CMapName currentdict /CMap defineresource pop end end" % (len(characters), meanings)
    )
    return one_page(
        content or b"BT /F1 20 Tf 100 700 Td (%b) Tj ET" % letters,
        b"/Font << /F1 5 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode 6 0 R >>",
        stream(cmap),
    )


def heavy_pages(count: int, size: int) -> bytes:
    """A PDF of many pages, each with a number as text and an image of its own, of `size` random bytes."""
    from random import Random

    random, objects = Random(0), []
    for number in range(count):
        first = 4 + 3 * number
        content = b"BT /F1 12 Tf 50 700 Td (page %d) Tj ET q 100 0 0 100 50 50 cm /I1 Do Q" % number
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources "
            b"<< /Font << /F1 3 0 R >> /XObject << /I1 %d 0 R >> >> >>" % (first + 1, first + 2),
            stream(content),
            stream(
                random.randbytes(size),
                b"/Type /XObject /Subtype /Image /Width %d /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
                % size,
            ),
        ]
    kids = b" ".join(b"%d 0 R" % (4 + 3 * number) for number in range(count))
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *objects,
    )
