"""Write the generated parts of the documentation, and the data of `pipelex-catalogue`: `poe docs`."""

from __future__ import annotations

from tools.catalogue import distribution
from tools.docs import providers, resilience
from tools.docs.error_pages import FOLDER, SHIPPED, error_pages, shipped_pages
from tools.docs.llms import FILE as LLMS
from tools.docs.llms import llms_txt
from tools.docs.markdown import documents, with_made
from tools.docs.picture import FILE, svg
from tools.docs.tables import made_parts


def main() -> None:
    """Rewrite every file whose made parts are out of date."""
    FILE.write_text(svg(), encoding="utf-8")
    made = made_parts()
    for file in documents():
        old = file.read_text(encoding="utf-8")
        new = with_made(old, made)
        if new != old:
            file.write_text(new, encoding="utf-8")
            print(f"written {file.name}")
    FOLDER.mkdir(exist_ok=True)
    pages = error_pages()
    for file in FOLDER.glob("*.md"):
        if file not in pages:
            file.unlink()
    for file, text in pages.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written errors/{file.name}")
    SHIPPED.write_text(shipped_pages(pages), encoding="utf-8")
    for page in (providers, resilience):
        page.FILE.write_text(page.written(), encoding="utf-8")
    LLMS.write_text(llms_txt(), encoding="utf-8")
    distribution.main([])


if __name__ == "__main__":
    main()
