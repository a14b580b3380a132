"""Google Cloud Storage on loopback: the server of gcp-storage-emulator, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.servers.redis import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS_WITHIN = 60.0
_PROGRAM = "from gcp_storage_emulator.__main__ import main; main()"


@contextmanager
def gcs_server() -> Iterator[str]:
    """Start it, with nothing on disk; its address. It ends at the latest with the block."""
    port = free_port()
    options = ["start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < latest and process.poll() is None:
        with suppress(URLError, ConnectionError):
            try:
                urlopen(url).close()
            except HTTPError as answer:
                answer.close()
            return
        time.sleep(0.05)
    msg = "gcp-storage-emulator does not start"
    raise RuntimeError(msg)


class Objects:
    """The objects of a bucket, for what a test puts there and finds there."""

    def __init__(self, url: str, bucket: str) -> None:
        self._url = url
        self._bucket = bucket

    def make(self) -> None:
        """Make the bucket."""
        body = json.dumps({"name": self._bucket}).encode()
        self._ask(Request(f"{self._url}/storage/v1/b", body, {"Content-Type": "application/json"}))

    def put(self, name: str, data: bytes) -> None:
        """Write an object."""
        place = f"{self._url}/upload/storage/v1/b/{self._bucket}/o?uploadType=media&name={quote(name, safe='')}"
        self._ask(Request(place, data, {"Content-Type": "application/octet-stream"}))

    def get(self, name: str) -> bytes | None:
        """Read an object; None where there is none."""
        try:
            return self._ask(Request(f"{self._url}/storage/v1/b/{self._bucket}/o/{quote(name, safe='')}?alt=media"))
        except HTTPError as error:
            error.close()
            return None

    def names(self) -> list[str]:
        """Every object."""
        page = json.loads(self._ask(Request(f"{self._url}/storage/v1/b/{self._bucket}/o")))
        return [item["name"] for item in page.get("items", ())]

    @staticmethod
    def _ask(request: Request) -> bytes:
        with urlopen(request) as response:
            data: bytes = response.read()
            return data
