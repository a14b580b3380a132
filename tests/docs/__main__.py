"""Writes the made parts of the documentation anew: `poe docs`."""

from __future__ import annotations

from tests.docs.markdown import documents, with_made
from tests.docs.tables import made_parts


def main() -> None:
    """Rewrite every file whose made parts are out of date."""
    made = made_parts()
    for file in documents():
        old = file.read_text(encoding="utf-8")
        new = with_made(old, made)
        if new != old:
            file.write_text(new, encoding="utf-8")
            print(f"written {file.name}")


if __name__ == "__main__":
    main()
