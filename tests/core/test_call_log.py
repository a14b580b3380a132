"""What the library logs: where, at which level, and never what was said or a key."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, BadRequestError, OverloadedError, PipelexError
from pipelex_core.results import TextAnswer
from tests.support.scripted import KEY, USAGE, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGER = "pipelex_core.calls"
DONE = TextAnswer(text="Rhine", finish_reason="stop", usage=USAGE)


def logged(caplog: pytest.LogCaptureFixture, level: int, *answers: Any, **hooks: Any) -> list[str]:
    """The lines of one call, numbers that differ from run to run left out."""
    caplog.set_level(level, LOGGER)
    plugins = plugins_for({"scripted": Script(answers=list(answers))}, **hooks)

    async def main() -> None:
        async with AsyncClient(deck_of(spec("m")), plugins) as client:
            with suppress(PipelexError):
                await client.generate_text("Name three rivers.", model="m")

    asyncio.run(main())
    lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records if record.name == LOGGER]
    return [re.sub(r"\d+\.\d{3} s", "N s", re.sub(r"call \d+", "call N", line)) for line in lines]


def test_a_call_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, once it has ended: who answered, after how many attempts, in what time, for what."""
    (line,) = logged(caplog, logging.INFO, DONE)
    assert line == (
        "INFO call N: generate_text 'm' was answered by model 'm' of backend 'scripted': 1 attempt, N s, "
        "100 tokens in, 10 tokens out, 0.00022 USD"
    )


def test_an_attempt_is_a_line_before_and_one_after(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG: who is asked, when it is; how that ended, and what a cache said."""

    def middleware() -> list[Any]:
        async def miss(call: Any, proceed: Callable[[Any], Any]) -> Any:
            return evolve(await proceed(call), cache="miss")

        return [miss]

    requested, ended, _ = logged(caplog, logging.DEBUG, DONE, pipelex_middleware=middleware)
    assert requested == "DEBUG call N: attempt 1 asks model 'm' of backend 'scripted'"
    assert ended == (
        "DEBUG call N: attempt 1 of model 'm' of backend 'scripted': ok after N s, cache miss, "
        "100 tokens in, 10 tokens out, 0.00022 USD"
    )


@pytest.mark.parametrize("streams", [False, True])
def test_another_model_that_answers_is_one_warning(caplog: pytest.LogCaptureFixture, *, streams: bool) -> None:
    """It names both, and what the first one failed with; a call whose first model answers in the end has none."""
    caplog.set_level(logging.WARNING)
    overloaded = OverloadedError("busy", status=529)
    scripts = {"one": Script(answers=[overloaded, overloaded, DONE]), "two": Script(answers=[DONE])}
    members = (spec("m", sdk="one", backend="one"), spec("n", sdk="two", backend="other"))
    deck = deck_of(*members, aliases={"both": ["m", "n"]})

    async def main() -> None:
        async with AsyncClient(deck, plugins_for(scripts)) as client:
            if streams:
                async with client.stream_text("Hi", model="both", retries=0) as stream:
                    async for _ in stream:
                        pass
            else:
                await client.generate_text("Hi", model="both", retries=0)
            assert len(caplog.messages) == 1
            await client.generate_text("Hi", model="m", retries=2)

    asyncio.run(main())
    (message,) = caplog.messages
    assert "'both' was answered by model 'n' of backend 'other', and not by model 'm' of backend 'one' (" in message
    assert message.endswith("(OverloadedError (529))")


def test_a_call_that_failed_says_so_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """The class of the error and its status."""
    lines = logged(caplog, logging.DEBUG, BadRequestError("no such thing", status=400))
    ended = "DEBUG call N: attempt 1 of model 'm' of backend 'scripted': BadRequestError (400) after N s"
    assert lines[1].startswith(ended)
    assert lines[2:] == ["INFO call N: generate_text 'm' failed with BadRequestError (400): 1 attempt, N s"]


def test_a_call_that_was_given_up_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Cancelled by its caller."""
    caplog.set_level(logging.INFO, LOGGER)

    async def main() -> None:
        plugins = plugins_for({"scripted": Script(answers=[30.0, "late"])})
        async with AsyncClient(deck_of(spec("m")), plugins) as client:
            task = asyncio.create_task(client.generate_text("Hi", model="m"))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert "was given up: 1 attempt" in caplog.text


def test_neither_content_nor_a_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At any level: of a provider that repeats both in its answer, its ids and its errors."""
    caplog.set_level(1)
    echo = TextAnswer(text=f"Rhine {KEY}", finish_reason="stop", usage=USAGE, request_id=KEY, raw={"key": KEY})
    refusal = BadRequestError(f"what about rivers? {KEY}", status=400, request_id=KEY, raw=KEY)
    for answer in (echo, refusal, ValueError(f"rivers {KEY}")):
        logged(caplog, 1, answer)
    ours = [record for record in caplog.records if record.name.startswith("pipelex_core")]
    assert len(ours) >= 6
    reported = "\n".join(caplog.handler.format(record) for record in ours)
    assert not [word for word in ("rivers", "Rhine", KEY) if word in reported]


_QUIET = """
import asyncio, logging
from pipelex_core import AsyncClient
from tests.support.scripted import Script, deck_of, plugins_for, spec
client = AsyncClient(deck_of(spec("m")), plugins_for({"scripted": Script()}))
asyncio.run(client.generate_text("Hi", model="m"))
logging.getLogger("pipelex_core.execution").warning("seen by those who want to")
"""


@pytest.mark.parametrize(("wanted", "stated"), [(False, ""), (True, "WARNING:pipelex_core.execution:seen by those")])
def test_a_program_that_does_not_ask_for_it_sees_nothing(wanted: bool, stated: str) -> None:
    """Nothing on stderr, warnings included, until the program sets logging up."""
    program = ("import logging; logging.basicConfig()\n" if wanted else "") + _QUIET
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.startswith(stated) if stated else done.stderr == ""
