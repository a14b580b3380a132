"""llama.cpp's server inside this process: starting it on a file, and what a fork does to it."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import xllamacpp

from pipelex_core.errors import CallError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_backend_llamacpp._settings import EngineSettings

_SILENT, _INFO = -1, 3
_CPU_BATCH, _GPU_BATCH = 64, 512
_CROSS_ENCODER = re.compile(rb"\.pooling_type\x04\0\0\0\x04\0\0\0")
"""The entry of a file's metadata that says so: an unsigned number of 32 bits (type 4), LLAMA_POOLING_TYPE_RANK (4)."""
_HEAD = 32 << 20  # bytes in which the metadata is looked for; a vocabulary of 250,000 words takes some ten million
_LONGEST_SOCKET_PATH = 100  # of 104 (macOS) or 108 (Linux)


class _Process:
    """What llama.cpp is to this process.

    Attributes:
        started: Whether it has loaded a model, and so started threads that outlive it.
        forked: Whether it had, in the process that this one was forked from: here those threads are gone.
    """

    started = False
    forked = False


def start(settings: EngineSettings) -> xllamacpp.Server:
    """Load a model; blocks, and holds the interpreter's lock meanwhile.

    Raises:
        NotFoundError: There is no file, or no model in it that llama.cpp can load.
        CallError: This process was forked from one that had loaded a model.
    """
    check_process()
    path = settings.file.path
    _check_file(path, embeds=settings.embeds)
    params = _params(settings)
    folder = _listen_privately(params)
    _Process.started = True
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        msg = (
            f"llama.cpp cannot load {path}: the file is damaged or cut short, of a kind that this version does not know,"
            f" or too large for this machine with n_ctx = {settings.n_ctx}; verbose = true shows its log"
        )
        raise NotFoundError(msg) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)  # its socket with it: from here on nobody can connect


def check_process() -> None:
    """Refuse to use llama.cpp where it cannot work: its threads do not survive a fork, and it would wait for them."""
    if _Process.forked:
        msg = (
            "this process was forked from one that had loaded a model with llama.cpp, which cannot work here;"
            " start it by 'spawn' or 'forkserver', or fork before the first call"
        )
        raise CallError(msg)


def abandon_after_fork(servers: Iterable[xllamacpp.Server]) -> None:
    """In a child process: never touch the parent's servers, nor let the interpreter or the C library end them.

    To end one means to wait for its threads, which exist in the parent only: the child would hang when it exits.
    """
    _Process.forked = _Process.started
    alive = list(servers)
    for server in alive:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))
    library = ctypes.CDLL(None)
    if alive and hasattr(library, "on_exit"):  # glibc: runs before the destructors of llama.cpp's globals
        library.on_exit(library["_exit"], None)


def _check_file(path: Path, *, embeds: bool) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            ranks = embeds and _CROSS_ENCODER.search(file.read(_HEAD)) is not None
    except OSError as error:
        msg = f"the model's file {path} cannot be read: {error.strerror or error}"
        raise NotFoundError(msg) from error
    if magic != b"GGUF":
        msg = f"the file {path} is not a GGUF file: it begins with {magic!r}"
        raise NotFoundError(msg)
    if ranks:  # llama.cpp would give a vector all the same: one number, and what lies in memory behind it
        msg = f"the file {path} has a cross-encoder, which makes no embeddings; embed and rerank take a model that does"
        raise NotFoundError(msg)


def _params(settings: EngineSettings) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = str(settings.file.path)
    params.n_ctx = settings.n_ctx * settings.n_parallel  # llama.cpp shares it out among the slots
    params.n_parallel = settings.n_parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.n_threads
    if settings.n_gpu_layers is not None:
        params.n_gpu_layers = settings.n_gpu_layers
    gpu = _has_gpu()
    params.n_batch = params.n_ubatch = settings.n_batch or (_GPU_BATCH if gpu else _CPU_BATCH)
    if settings.embeds:
        params.embedding = True
        params.n_batch = params.n_ubatch = settings.n_ctx  # a text is read in one piece, or not at all
    params.fit_params = gpu  # makes room on it, at the price of reading the model twice
    params.verbosity = _INFO if settings.verbose else _SILENT
    params.warmup = False
    params.cache_ram_mib = 0  # its default keeps up to 8 GiB of old prompts
    return params


def _has_gpu() -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


def _listen_privately(params: xllamacpp.CommonParams) -> str | None:
    """Keep others out: the library always opens its HTTP server too, which this plugin has no use for.

    Returns a folder that holds its socket, to be removed; None where it had to be a port of the loopback interface,
    which then asks for a key that nobody knows.
    """
    params.api_keys = [secrets.token_urlsafe(32)]
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = params.ui = False
    params.n_threads_http = 1
    if os.name == "nt":
        return None
    folder = tempfile.mkdtemp(prefix="pipelex-")
    socket = str(Path(folder, "llama.sock"))
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH:
        shutil.rmtree(folder)
        return None
    params.hostnames = [socket]
    return folder
