"""S3 on loopback: the server of moto, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.servers.redis import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS_WITHIN = 60.0


@contextmanager
def s3_server() -> Iterator[str]:
    """Start it; its address. It ends at the latest with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def s3_client(url: str) -> Any:
    """A client of it, for what a test puts there and finds there."""
    from botocore.config import Config
    from botocore.session import Session

    return Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIDOFTEST",
        aws_secret_access_key="secret-of-the-test",
        config=Config(s3={"addressing_style": "path"}),
    )


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < latest and process.poll() is None:
        with suppress(URLError, ConnectionError), closing(urlopen(url)):
            return
        time.sleep(0.05)
    msg = "the server of moto does not start"
    raise RuntimeError(msg)
