"""Every backend, thousands of calls in one piece: memory, descriptors, threads and tasks are flat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.resilience.soak_server import soak_servers
from tests.resilience.soaking import AT_ONCE, CALLS, DOCUMENTS, NAMES, STREAMS, soak
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

GROWTH = {"Bedrock": 12_000_000}
"""Bytes that a process may grow by, whatever the number of calls, where they are more: each thread's allocator keeps some."""

USUAL_GROWTH = 4_000_000

USUAL = ("OpenAI chat", "fal")
"""Those of the usual run: an answer and a stream, and a job in a queue."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, str]]:
    """The address of each API's server."""
    with soak_servers() as urls:
        yield urls


def _check(name: str, url: str, **counts: int) -> None:
    for what, (before, after) in soak(name, url, **counts).items():
        more = after.memory - before.memory
        assert more < GROWTH.get(name, USUAL_GROWTH), f"{what}: {more / 1e6:.1f} MB more"
        assert after.descriptors <= before.descriptors + AT_ONCE, what  # connections that wait for the next call
        assert after.threads <= before.threads + AT_ONCE, (
            what
        )  # a thread may be at the end of its call when the next one begins
        assert after.tasks <= before.tasks, what


@pytest.mark.parametrize("name", USUAL)
def test_a_client_holds_no_more_after_many_calls(name: str, servers: Mapping[str, str]) -> None:
    """Eight at a time, and then streams that are left after their first delta."""
    _check(name, servers.get(name, ""), calls=100, streams=60, warm=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_backend_holds_no_more_after_twenty_thousand_calls(name: str, servers: Mapping[str, str]) -> None:
    """And after five thousand streams that were begun and left; of documents, which are read in processes, after two thousand."""
    _check(name, servers.get(name, ""), calls=DOCUMENTS if name == "internal" else CALLS, streams=STREAMS)
