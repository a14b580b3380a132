"""A secret taken out of a text, in whichever form it travels in; a short one only where it is a whole word."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE_WORDS_BELOW = 8
"""Characters below which a form is replaced only where no letter, digit or `_` is beside it: it may be part of any word."""


def hide(text: str, secret: str, mark: str = "***") -> str:
    """Replace a secret, also in base64, percent-encoded, and escaped as in JSON."""
    if not secret or len(secret) > len(text):  # no form is shorter than the secret
        return text
    for form in _forms_of(secret):
        if form in text:
            text = text.replace(form, mark) if len(form) >= WHOLE_WORDS_BELOW else _whole_words(text, form, mark)
    return text


def _whole_words(text: str, form: str, mark: str) -> str:
    import re

    return re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", lambda _: mark, text)


@lru_cache(maxsize=64)
def _forms_of(secret: str) -> tuple[str, ...]:
    """A secret as it is, as written in addresses and JSON, and as base64, alone or amid other data."""
    import json
    import re
    from urllib.parse import quote, quote_plus

    data = secret.encode("utf-8", "surrogateescape")
    encoded = (quote(data, safe=""), quote(data), quote_plus(data))
    lower = (re.sub("%..", lambda code: code[0].lower(), form) for form in encoded)
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    slashes = (form.replace("/", "\\/") for form in escaped)
    return tuple(dict.fromkeys((secret, *encoded, *lower, *escaped, *slashes, *_in_base64(data))))


def _in_base64(data: bytes) -> Iterator[str]:
    """Base64 of the data alone, then the part that is the same whatever precedes and follows it: `user:key`, say.

    What is too short to be distinguished from a part of a word is not looked for.
    """
    from base64 import b64encode, urlsafe_b64encode

    for before in (None, 0, 1, 2):
        first, end = (0, None) if before is None else (-(-8 * before // 6), 8 * (before + len(data)) // 6)
        for encode in (b64encode, urlsafe_b64encode):
            form = encode(bytes(before or 0) + data).decode()[first:end].rstrip("=")
            if len(form) >= WHOLE_WORDS_BELOW:
                yield form
