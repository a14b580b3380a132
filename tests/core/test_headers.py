"""What a provider's headers ask for, and what a request's can carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from pipelex_core.errors import AuthenticationError
from pipelex_core.headers import check_key, retry_after
from pipelex_core.specs import Secret


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_the_wait_is_read_or_unknown(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds win over seconds; nonsense is no wait."""
    assert retry_after(headers) == seconds


def test_a_date_is_the_time_until_then() -> None:
    """Counted from now, or from the answer's own date where it has one, however wrong this machine's clock is."""
    then = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after({"retry-after": format_datetime(then, usegmt=True)}) == pytest.approx(90, abs=3)
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:27:15 GMT"}
    assert retry_after(headers) == 45
    assert retry_after(headers | {"date": "yesterday"}) == 0


@pytest.mark.parametrize("key", ["clé", "sk-1\n", "sk\r\nx: y", "sk-…", "\x00"])
def test_a_key_that_no_header_can_carry(key: str) -> None:
    """It is refused, without a word of it."""
    with pytest.raises(AuthenticationError) as caught:
        check_key(Secret(key))
    assert key not in str(caught.value)


@pytest.mark.parametrize("key", [None, Secret(""), Secret("sk-1_2/3+4=~")])
def test_a_key_that_a_header_can_carry(key: Secret | None) -> None:
    """Visible ASCII is fine, and so is none."""
    check_key(key)
