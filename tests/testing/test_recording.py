"""Record and replay: what a provider said once is said again, through each SDK, without the provider and without a key."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from attrs import evolve

import pipelex_backend_mock
import pipelex_testing.plugin
from pipelex_backend_mock.backend import MockBackend
from pipelex_core.client import AsyncClient
from pipelex_core.errors import CallError, PluginError, ProviderConnectionError, RateLimitError, UnsupportedInputError
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType
from pipelex_testing import PDF
from pipelex_testing.calls import CALLS
from pipelex_testing.recording.cassette import NotRecordedError, Tape, write
from pipelex_testing.running import Running, deck_for, running
from pipelex_testing.samples import CALLING, THINKING, WEATHER
from tests.conformance import test_suites as suites
from tests.servers.bedrock import clean_aws
from tests.support import scripted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pipelex_core.deck import ModelDeck
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

CANARY = "sk-canary/0123+456=789~x"
FORMS = (CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode().rstrip("="))
NOWHERE = "http://127.0.0.1:9"

SUITES: tuple[type[Conformance], ...] = (
    suites.TestOpenAI,
    suites.TestOpenAIResponses,
    suites.TestAzureOpenAI,
    suites.TestAnthropic,
    suites.TestMistral,
    suites.TestGoogle,
    suites.TestBedrock,
    suites.TestFal,
)


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets `PIPELEX_RECORD` or `PIPELEX_REPLAY`, and not the other."""

    def to(mode: str, folder: Path | str) -> None:
        monkeypatch.delenv("PIPELEX_RECORD", raising=False)
        monkeypatch.delenv("PIPELEX_REPLAY", raising=False)
        monkeypatch.setenv(f"PIPELEX_{mode}", str(folder))

    return to


def recorded(suite: Conformance, use: Callable[[Running], Awaitable[Any]], *, key: str | None = None) -> Any:
    """What a call gives at the kit's server."""

    async def main() -> Any:
        async with running(suite, key=key) as at:
            return await use(at)

    return asyncio.run(main())


def replayed(suite: Conformance, use: Callable[[Any], Awaitable[Any]], *, url: str = NOWHERE) -> Any:
    """What it gives where the provider's address leads nowhere."""

    async def main() -> Any:
        async with AsyncClient(deck_for(suite, url), suite.plugins()) as client:
            return await use(Running(suite, None, client))

    return asyncio.run(main())


def bare(result: Any) -> Any:
    """A result without what differs from run to run."""
    attempts = tuple(evolve(attempt, seconds=0.0) for attempt in result.attempts)
    return evolve(result, raw=None, attempts=attempts)


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


async def text_of(client: AsyncClient, prompt: str = "Hi", **settings: Any) -> Any:
    return await client.generate_text(prompt, model="llm", **settings)


@pytest.mark.usefixtures("clean_aws")
@pytest.mark.parametrize("kind", SUITES, ids=lambda kind: kind.sdk)
def test_every_sdk_and_every_kind_of_call(
    kind: type[Conformance], tmp_path: Path, switch: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Results are the same, costs and counts included; the SDK is gone through, and no key is in a cassette."""
    suite = kind()
    calls = [call for call in CALLS if call.capability in suite.claims]

    async def ask(at: Running) -> list[Any]:
        results = []
        for call in calls:
            if at.server is not None:
                call.queue(at)
            result = await call.make(at)
            call.check(result)
            results.append(bare(result))
        return results

    switch("RECORD", tmp_path)
    first = recorded(suite, ask, key=CANARY)
    switch("REPLAY", tmp_path)
    assert replayed(suite, ask) == first
    assert caplog.messages == []  # no SDK was left out
    assert len(lines_of(tmp_path)) == len(calls)
    written = "".join(file.read_text() for file in tmp_path.iterdir())
    assert not [form for form in FORMS if form in written]
    assert "uthorization" not in written


def test_tools_and_thinking(tmp_path: Path, switch: Callable[..., None]) -> None:
    """Tool calls, reasoning, and what a provider wants back come again as they were."""
    suite = suites.TestAnthropic()

    async def ask(at: Running) -> list[Any]:
        results = []
        for stated in (CALLING, THINKING):
            if at.server is not None:
                at.server.queue(at.wire.answer(stated))
            tools = [WEATHER] if stated.calls else []
            thinking: dict[str, Any] = {} if tools else {"reasoning_effort": "high", "max_tokens": 4000}
            results.append(bare(await at.client.generate_text("Go", model="llm", tools=tools, **thinking)))
        return results

    switch("RECORD", tmp_path)
    first = recorded(suite, ask)
    assert first[0].tool_calls
    assert first[1].reasoning
    switch("REPLAY", tmp_path)
    assert replayed(suite, ask) == first


def test_a_key_that_is_echoed_is_in_no_cassette(tmp_path: Path, switch: Callable[..., None]) -> None:
    """Not from a prompt, an answer, a stream's pieces, or an error; as it is, in a URL, or in base64."""
    suite, echo = suites.TestOpenAI(), " ".join(FORMS)

    async def ask(at: Running) -> None:
        stated = evolve(CALLING, calls=0, text=echo)
        at.server.queue(at.wire.answer(stated), at.wire.stream(stated), at.wire.error(400, echo))
        await text_of(at.client, f"My key is {echo}", system=echo)
        async with at.client.stream_text(echo, model="llm") as stream:
            [delta async for delta in stream]
        with pytest.raises(CallError):
            await text_of(at.client, "Fail")

    switch("RECORD", tmp_path)
    recorded(suite, ask, key=CANARY)
    written = "".join(file.read_text() for file in tmp_path.iterdir())
    assert len(lines_of(tmp_path)) == 3
    assert not [form for form in FORMS if form in written or json.dumps(form)[1:-1] in written]
    for line in lines_of(tmp_path):
        for form in FORMS:
            assert form not in "".join(line.get("deltas", ()))


def test_errors_come_again_and_retries_end_as_they_did(tmp_path: Path, switch: Callable[..., None]) -> None:
    """The n-th same request gets the n-th answer: a call that was refused once is refused once."""
    suite = suites.TestOpenAI()

    async def ask(at: Running) -> list[Any]:
        if at.server is not None:
            at.server.queue(at.wire.error(429), at.wire.answer(evolve(CALLING, calls=0)), at.wire.error(429))
        with pytest.raises(RateLimitError) as caught:
            await text_of(at.client, "Hi", retries=0)
        return [caught.value.status, (await text_of(at.client, "Hi", retries=0)).text]

    switch("RECORD", tmp_path)
    first = recorded(suite, ask)
    switch("REPLAY", tmp_path)
    assert replayed(suite, ask) == first == [429, evolve(CALLING, calls=0).text]


def test_a_stream_that_was_left(tmp_path: Path, switch: Callable[..., None]) -> None:
    """It is recorded as far as it was read; who reads further than that is told."""
    suite = suites.TestOpenAI()

    async def leave(at: Running) -> str:
        if at.server is not None:
            at.server.queue(at.wire.stream(evolve(CALLING, calls=0)))
        async with at.client.stream_text("Hi", model="llm") as stream:
            return str(await anext(aiter(stream)))

    async def read_on(at: Running) -> None:
        async with at.client.stream_text("Hi", model="llm", retries=0) as stream:
            [delta async for delta in stream]

    switch("RECORD", tmp_path)
    first = recorded(suite, leave)
    switch("REPLAY", tmp_path)
    assert replayed(suite, leave) == first
    with pytest.raises(ProviderConnectionError, match="was left here"):
        replayed(suite, read_on)


def test_what_was_not_recorded_is_told_with_the_nearest(tmp_path: Path, switch: Callable[..., None]) -> None:
    """The error names the request, the nearest recorded one, and in what they differ; nobody is asked."""
    suite = suites.TestOpenAI()

    async def ask(at: Running) -> None:
        for prompt in ("Name a river of France.", "Count to ten."):
            at.server.queue(at.wire.answer(evolve(CALLING, calls=0)))
            await text_of(at.client, prompt)

    switch("RECORD", tmp_path)
    recorded(suite, ask)
    switch("REPLAY", tmp_path)
    with pytest.raises(NotRecordedError) as caught:
        replayed(suite, lambda at: text_of(at.client, "Name a river of Spain."))
    assert "'Name a river of Spain.'; the nearest recorded one" in caught.value.message
    assert "'Name a river of France.', which differs in messages" in caught.value.message
    with pytest.raises(NotRecordedError, match="which differs in temperature"):
        replayed(suite, lambda at: text_of(at.client, "Count to ten.", temperature=0.1))


def test_a_folder_that_is_none(tmp_path: Path, switch: Callable[..., None]) -> None:
    """No folder, a broken line, both variables: each is an error that says so."""
    suite = suites.TestOpenAI()
    switch("REPLAY", tmp_path / "none")
    with pytest.raises(PluginError, match="there are no recordings in"):
        replayed(suite, lambda at: text_of(at.client))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "openai.jsonl").write_text('{"format": 1}\n')
    switch("REPLAY", broken)
    with pytest.raises(PluginError, match=r"openai\.jsonl:1: this is not a line of a cassette"):
        replayed(suite, lambda at: text_of(at.client))


def test_both_variables_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are either recorded or replayed."""
    monkeypatch.setenv("PIPELEX_RECORD", str(tmp_path))
    monkeypatch.setenv("PIPELEX_REPLAY", str(tmp_path))
    with pytest.raises(PluginError, match="are both set"):
        replayed(suites.TestOpenAI(), lambda at: text_of(at.client))


def test_nothing_is_imported_while_it_is_off() -> None:
    """A call without the variables imports neither this package nor the mock."""
    program = (
        "import asyncio, os, sys\n"
        "os.environ.pop('PIPELEX_RECORD', None); os.environ.pop('PIPELEX_REPLAY', None)\n"
        "from pipelex_core.client import AsyncClient\n"
        "from tests.support import scripted\n"
        "async def main():\n"
        "    async with AsyncClient(scripted.deck_of(scripted.spec('a', sdk='a')), scripted.plugins_for({'a': scripted.Script()})) as client:\n"
        "        await client.generate_text('Hi', model='a')\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if 'pipelex_testing.recording' in name or 'pipelex_backend_mock' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def mock_deck() -> ModelDeck:
    """A deck whose models answer by themselves: an sdk that has no wire."""
    specs = [scripted.spec("llm", sdk="mock"), scripted.spec("painter", sdk="mock", model_type=ModelType.IMG_GEN)]
    specs.append(scripted.spec("reader", sdk="mock", model_type=ModelType.TEXT_EXTRACTOR))
    return scripted.deck_of(*specs)


def test_an_sdk_without_a_wire(tmp_path: Path, switch: Callable[..., None]) -> None:
    """Its recordings answer directly: text, pieces of a stream, pictures and pages, byte for byte."""

    async def main() -> list[Any]:
        async with AsyncClient(
            mock_deck(), discover(entry_points=(), extra=[pipelex_backend_mock, pipelex_testing.plugin])
        ) as client:
            async with client.stream_text("Hi there", model="llm") as stream:
                pieces = [delta async for delta in stream]
            pictures = await client.generate_image("A river", model="painter", width=9, height=7, number=2)
            pages = await client.extract(PDF, model="reader")
            return [pieces, pictures.images, pages.pages, (await text_of(client)).text]

    switch("RECORD", tmp_path)
    first = asyncio.run(main())
    switch("REPLAY", tmp_path)
    text = (tmp_path / "mock.jsonl").read_text().replace("Mock answer to: Hi", "Recorded")
    (tmp_path / "mock.jsonl").write_text(text)
    second = asyncio.run(main())
    assert second[1:3] == first[1:3]
    assert len(second[0]) == len(first[0]) > 2
    assert second[3] == "Recorded"  # from the cassette, and not from the backend


def test_a_text_may_hold_any_character(tmp_path: Path, switch: Callable[..., None]) -> None:
    """Lines end at a line feed alone: U+2028, U+0085 and a lone carriage return in a text do not end one."""
    prompt = "a\u2028b\u2029c\x85d\re\x0bf\x1cg"

    async def main() -> str:
        async with AsyncClient(
            mock_deck(), discover(entry_points=(), extra=[pipelex_backend_mock, pipelex_testing.plugin])
        ) as client:
            return str((await text_of(client, prompt)).text)

    switch("RECORD", tmp_path)
    first = asyncio.run(main())
    switch("REPLAY", tmp_path)
    assert asyncio.run(main()) == first
    assert prompt in first


FULL = """
import asyncio, resource, sys
import pipelex_backend_mock, pipelex_testing.plugin
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.testing.test_recording import mock_deck, text_of

async def main():
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock, pipelex_testing.plugin])
    async with AsyncClient(mock_deck(), plugins) as client:
        await text_of(client, "short")
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        for _ in range(2):
            result = await text_of(client, "long " * 1000)
            assert len(result.attempts) == 1, result.attempts
        async with client.stream_text("long " * 1000, model="llm") as stream:
            assert len([delta async for delta in stream]) > 1

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
def test_a_full_disk_loses_no_answer_and_breaks_no_cassette(tmp_path: Path) -> None:
    """Every answer is given at the first attempt, one warning is logged, and the cassette has whole lines only."""
    environ = {**os.environ, "PIPELEX_RECORD": str(tmp_path)}
    command = [sys.executable, "-c", FULL]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not every answer is recorded in") == 1
    assert [line["request"]["messages"][0]["parts"][0]["text"] for line in lines_of(tmp_path)] == ["short"]


def test_an_answer_without_a_plain_form_is_given(
    tmp_path: Path, switch: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out of the cassette, with one warning, and is the caller's all the same."""
    generate = MockBackend.generate_text

    async def answer(self: MockBackend, request: TextRequest) -> TextAnswer:
        odd: Any = object()
        return evolve(await generate(self, request), request_id=odd)

    async def main() -> str:
        async with AsyncClient(
            mock_deck(), discover(entry_points=(), extra=[pipelex_backend_mock, pipelex_testing.plugin])
        ) as client:
            return str((await text_of(client)).text) + str((await text_of(client)).text)

    monkeypatch.setattr(MockBackend, "generate_text", answer)
    switch("RECORD", tmp_path)
    assert asyncio.run(main()).count("Hi") == 2
    assert len(caplog.messages) == 1
    assert "not every answer is recorded" in caplog.messages[0]


def test_a_line_that_was_not_written_to_its_end_is_taken_back(
    tmp_path: Path, switch: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """What a process that was killed began to write is left out of a replay, and the next recording starts after it."""
    write(tmp_path, {"backend": "mock", "n": 1}, {"answer": {}})
    file = tmp_path / "mock.jsonl"
    file.write_bytes(file.read_bytes() + b'{"format": 2, "requ')
    assert Tape(tmp_path).take({"backend": "mock", "n": 1})["answer"] == {}
    assert "its last line was not written to its end" in caplog.text
    write(tmp_path, {"backend": "mock", "n": 2}, {"answer": {}})
    assert [line["request"]["n"] for line in lines_of(tmp_path)] == [1, 2]


def test_an_sdk_that_cannot_be_opened(
    tmp_path: Path, switch: Callable[..., None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recording answers without it, and the log says so."""
    from pipelex_backend_openai._backend import ChatBackend

    suite = suites.TestOpenAI()

    async def ask(at: Running) -> str:
        if at.server is not None:
            at.server.queue(at.wire.answer(evolve(CALLING, calls=0)))
        return str((await text_of(at.client)).text)

    async def refuse(*_: Any) -> None:
        raise RuntimeError(f"no credentials: {CANARY}")

    switch("RECORD", tmp_path)
    first = recorded(suite, ask)
    switch("REPLAY", tmp_path)
    monkeypatch.setattr(ChatBackend, "open", refuse)
    assert replayed(suite, ask) == first
    assert caplog.messages == ["backend 'openai' is replayed without its SDK, which could not be opened: RuntimeError"]


def test_what_the_sdk_refuses_to_send_fails_in_a_replay(
    tmp_path: Path, switch: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request goes through the plugin and the SDK: an error they raise is the caller's."""
    from pipelex_backend_openai._backend import ChatBackend

    suite = suites.TestOpenAI()

    async def ask(at: Running) -> str:
        if at.server is not None:
            at.server.queue(at.wire.answer(evolve(CALLING, calls=0)))
        return str((await text_of(at.client)).text)

    async def refuse(*_: Any) -> None:
        raise UnsupportedInputError("this SDK does not take that")

    switch("RECORD", tmp_path)
    recorded(suite, ask)
    switch("REPLAY", tmp_path)
    monkeypatch.setattr(ChatBackend, "generate_text", refuse)
    with pytest.raises(UnsupportedInputError, match="does not take that"):
        replayed(suite, ask)


def test_several_processes_and_threads_write_one_cassette(tmp_path: Path) -> None:
    """Lines of any length stay whole."""
    program = (
        "import sys, threading\n"
        "from pipelex_testing.recording.cassette import write\n"
        "def add(n):\n"
        "    for k in range(20):\n"
        "        write(sys.argv[1], {'backend': 'a', 'n': n, 'k': k}, {'answer': 'x' * 70000})\n"
        "threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]\n"
    )
    running_now = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [each.wait(60) for each in running_now] == [0, 0]
    assert len(lines_of(tmp_path)) == 160


def test_a_replay_checks_calls_that_the_wires_have_no_answer_to() -> None:
    """Texts to embed are sent to the loopback server too, and what the provider would refuse fails."""
    from pipelex_backend_openai import pipelex_backends
    from pipelex_core.errors import BadRequestError
    from pipelex_core.execution.resources import LoopResources
    from pipelex_core.requests import EmbeddingRequest
    from pipelex_core.specs import BackendConfig, ModelSpec, Secret
    from pipelex_testing.recording.loopback import Loopback

    spec = ModelSpec(name="m", backend="openai", sdk="openai", model_id="text-embedding-3-small")
    config = BackendConfig(name="openai", api_key=Secret("sk-none-0123456789"))

    async def main() -> None:
        loopback, resources = Loopback.of("openai", "openai"), LoopResources()
        assert loopback is not None
        await loopback.open(pipelex_backends()["openai"], config, resources)
        try:
            await loopback.exercise("embed", EmbeddingRequest(spec=spec, texts=("a river",)), {})
            assert len(loopback._server.received) == 1
            with pytest.raises(BadRequestError, match="dimensions"):
                await loopback.exercise("embed", EmbeddingRequest(spec=spec, texts=("a river",), dimensions=9_000), {})
        finally:
            await loopback.close()
            await resources.close()

    asyncio.run(main())
