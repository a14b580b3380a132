#!/usr/bin/env bash
# Hyphens of a PDF's text, at the end of a line and within it, in three readers whose text goes to language models.
#
# Versions: pypdfium2 5.15.2 (PDFium), pypdf 7.1.1, pdfminer.six 20260107.
# Expected: the hyphen that is on the page, and a line break or none.
# Seen: at the end of a line PDFium puts the control character U+0002 in place of hyphen and line break where letters go on: also
#   in a compound ("state-of-the-art"), which is then one hyphen short. Between digits ("2026-" "0042") or after a space it keeps
#   both. pypdf and pdfminer.six keep the hyphen in every case. A soft hyphen (WinAnsi 0xAD) within a line is a "-" to PDFium,
#   U+00AD to pypdf, and a space to pdfminer.six, which so cuts the word in two.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pypdfium2==5.15.2' 'pypdf==7.1.1' 'pdfminer.six==20260107'
"$work/venv/bin/python" -W ignore - <<'PY'
import io

import pypdf
import pypdfium2
from pdfminer.high_level import extract_text


def page(*lines: bytes) -> bytes:
    """A PDF of one page in Helvetica, with these lines below one another."""
    text = b" T* ".join(b"(" + line + b") Tj" for line in lines)
    content = b"BT /F1 12 Tf 14 TL 20 200 Td " + text + b" ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    file, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return file + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(file)


READERS = {
    "PDFium": lambda file: pypdfium2.PdfDocument(file)[0].get_textpage().get_text_bounded(),
    "pypdf": lambda file: pypdf.PdfReader(io.BytesIO(file)).pages[0].extract_text(),
    "pdfminer.six": lambda file: extract_text(io.BytesIO(file)).rstrip(),
}
EXPECTED = {
    (b"is pay-", b"able"): ("is pay\x02able", "is pay-\nable", "is pay-\nable"),
    (b"a state-of-the-", b"art model"): ("a state-of-the\x02art model", "a state-of-the-\nart model", "a state-of-the-\nart model"),
    (b"INV-2026-", b"0042"): ("INV-2026-\r\n0042", "INV-2026-\n0042", "INV-2026-\n0042"),
    (b"from 5 -", b"7 days"): ("from 5 -\r\n7 days", "from 5 -\n7 days", "from 5 -\n7 days"),
    (b"pay\xadable",): ("pay-able", "pay\xadable", "pay able"),
    (b"pay\xad", b"able"): ("pay\x02able", "pay\xad\nable", "pay \nable"),
}
for lines, expected in EXPECTED.items():
    seen = tuple(read(page(*lines)) for read in READERS.values())
    print(*lines, *(f"{name} {text!r}" for name, text in zip(READERS, seen)), sep="; ")
    assert seen == expected, (lines, seen)
PY
