"""The pages of `docs/errors/`, as `pipelex explain CODE` shows them: made of the same words, and shipped."""

from __future__ import annotations

import json
import re
from importlib.resources import files

_CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")
_LINK = re.compile(r"\n\[All codes\]\([^)]*\)\n")


def page_text(code: str) -> str | None:
    """The page of a code, or None where there is no such code."""
    if not _CODE.fullmatch(code):
        return None
    pages = json.loads(files(__package__).joinpath("pages.json").read_text(encoding="utf-8"))
    page = pages.get(code)
    return None if page is None else _LINK.sub("", page)
