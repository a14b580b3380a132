"""What an SDK logs while its backend is open holds no configured secret."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pipelex_core import AsyncClient
from tests.support.scripted import KEY, Script, ScriptedBackend, deck_of, plugins_for, spec

if TYPE_CHECKING:
    import pytest


class Talkative(ScriptedBackend):
    """Writes its key into its SDK's log."""

    loggers = ("acme_sdk",)


def test_a_secret_is_taken_out_of_the_sdks_log_while_the_backend_is_open(caplog: pytest.LogCaptureFixture) -> None:
    """Messages and arguments alike, below the named logger too; a logger of others is left alone, and all are at the end."""
    caplog.set_level(logging.DEBUG)
    sdk, below, other = (logging.getLogger(name) for name in ("acme_sdk", "acme_sdk.wire", "acme_sdkish"))

    async def main() -> None:
        plugins = plugins_for({"scripted": Script()}, kind=Talkative)
        async with AsyncClient(deck_of(spec("m")), plugins) as client:
            await client.generate_text("Hi", model="m")
            sdk.debug("sent %s", {"key": KEY})
            below.debug(f"got {KEY}")
            below.debug("nothing to hide: %d", 7)
            other.debug(KEY)
        assert [logger.filters for logger in (sdk, below, other)] == [[], [], []]

    asyncio.run(main())
    stated = [record.getMessage() for record in caplog.records if record.name.startswith("acme_sdk")]
    assert stated == ["sent {'key': '***'}", "got ***", "nothing to hide: 7", KEY]


def test_a_secret_is_taken_out_of_what_http_libraries_log(caplog: pytest.LogCaptureFixture) -> None:
    """They write down addresses, and the words beside a server's status, for backends that name no loggers too."""
    caplog.set_level(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("httpx2", "httpx", "urllib3.connectionpool")]

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), plugins_for({"scripted": Script()})) as client:
            await client.generate_text("Hi", model="m")
            for logger in loggers:
                logger.info('HTTP Request: POST %s "HTTP/1.1 400 %s"', f"http://x/?key={KEY}", KEY)
            for fault in (KEY, "a fault"):
                loggers[0].warning("no header", exc_info=ValueError(fault))

    asyncio.run(main())
    stated = [record.getMessage() for record in caplog.records if record.name.startswith(("http", "urllib3"))]
    assert stated == ['HTTP Request: POST http://x/?key=*** "HTTP/1.1 400 ***"'] * 3 + ["no header"] * 2
    assert KEY not in caplog.text
    assert "ValueError: ***" in caplog.text
    assert "ValueError: a fault" in caplog.text
