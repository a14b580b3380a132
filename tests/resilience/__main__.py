"""Write docs/resilience.md."""

from __future__ import annotations

from tests.resilience.document import FILE, written

FILE.write_text(written(), encoding="utf-8")
