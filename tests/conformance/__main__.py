"""Write docs/providers.md."""

from __future__ import annotations

from tests.conformance.document import FILE, written

FILE.write_text(written(), encoding="utf-8")
