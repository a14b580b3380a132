"""fal's recorded queue traffic, through the plugin and the real SDK."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from pipelex_backend_fal import _backend
from pipelex_core.backend import ImageGenerator
from pipelex_core.execution.resources import LoopResources
from pipelex_core.results import ImageAnswer
from pipelex_testing.running import until
from tests.wire.fal import FalAdapter, comparable
from tests.wire.harness import Record, check, flow_of, load_records, play, wire_folder
from tests.wire.harness import parameters as records
from tests.wire.replaying import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ADAPTER = FalAdapter()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is looked at without long pauses."""
    monkeypatch.setattr(_backend, "FIRST_PAUSE", 0.01)


@pytest.mark.parametrize("record", records(ADAPTER))
def test_a_record_comes_out_as_it_must(record: Record) -> None:
    """What the plugin makes of a flow is the record's `expect`, and it asked for the record as it was asked for."""
    outcome = play(record, ADAPTER)
    check(outcome, ADAPTER.expected(record))
    served = [entry for entry in outcome.log if entry.record == record["id"]]
    assert served, f"the record was not asked for: {[entry.path for entry in outcome.log]}"
    if record["request"].get("recorded", True):
        assert (served[0].method, served[0].path) == (record["request"]["method"], record["request"]["path"])
        if record["request"]["method"] == "POST":
            assert comparable(served[0].json) == comparable(record["request"]["body"])
    if outcome.answer is not None:
        assert isinstance(outcome.answer, ImageAnswer)
        assert outcome.answer.request_id == record["flow"]
        if "image_urls" in record["expect"]:
            provided = [image["url"].partition("/files/")[2] for image in outcome.answer.raw["images"]]
            assert provided == [url.partition("/files/")[2] for url in record["expect"]["image_urls"]]
            assert outcome.answer.seed == json.loads(record["response"]["body"])["seed"]
    if outcome.error is not None and "error_message" in record["expect"]:
        body = json.loads(record["response"]["body"])
        for message in _messages(body["detail"]):
            assert message in outcome.error.message


def _messages(detail: object) -> Iterator[str]:
    if isinstance(detail, list):
        yield from (item["msg"] for item in detail)
    else:
        yield str(detail)


def _cancellations() -> list[Record]:
    return [record for record in load_records(*ADAPTER.stems) if record["scenario"] == "queue_cancel"]


@pytest.mark.skipif(wire_folder() is None, reason="no recorded traffic here")
@pytest.mark.parametrize("record", _cancellations(), ids=lambda record: record["id"])
def test_a_recorded_cancellation(record: Record) -> None:
    """A caller who gives up while the job is in progress gets it cancelled, as the recording has it."""

    async def main() -> None:
        flow = [other for other in flow_of(record, ADAPTER) if "COMPLETED" not in other["response"]["body"]]
        async with ReplayServer(flow, **ADAPTER.replay_options) as server:
            resources, backend = LoopResources(), ADAPTER.backend(record, server.url)
            assert isinstance(backend, ImageGenerator)
            await backend.open(resources)
            call = asyncio.create_task(backend.generate_image(ADAPTER.request(record)))
            await until(lambda: len(server.sent) >= 3)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await backend.close()
            await resources.close()
        (cancelled,) = (entry for entry in server.sent if entry.method == "PUT")
        assert (cancelled.record, cancelled.path) == (record["id"], record["request"]["path"])
        assert sum(entry.method == "POST" for entry in server.sent) == 1

    asyncio.run(main())
