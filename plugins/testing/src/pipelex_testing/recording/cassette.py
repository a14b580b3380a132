"""A folder of cassettes: one file of JSON Lines a backend, one line an attempt."""

from __future__ import annotations

import json
import logging
import os
import threading
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import BadRequestError, PluginError
from pipelex_testing.recording.locked import alone_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import RawIOBase

_log = logging.getLogger("pipelex_testing.recording")

FORMAT = 2
_BLOCK = 1 << 16
_SHOWN = 60
_COMPARED = 2000


class NotRecordedError(BadRequestError):
    """A request that no cassette has an answer for."""


def write(folder: str | Path, request: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    """Add an attempt to the cassette of its backend; several processes may do so.

    A line is written whole or not at all: what a full disk, or a process that was killed, began is taken back.

    Raises:
        OSError: It cannot be written.
    """
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"format": FORMAT, "request": request, **outcome}, ensure_ascii=False, sort_keys=True) + "\n"
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in str(request["backend"]))
    with (directory / f"{name}.jsonl").open("a+b", buffering=0) as file, alone_with(file):
        end = _end_of_last_line(file)
        file.truncate(end)
        data = line.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            file.truncate(end)
            raise


def _end_of_last_line(file: RawIOBase) -> int:
    """Find where the last whole line of a file ends, in bytes."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        if (found := (file.read(end - start) or b"").rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0


class Tape:
    """What a folder has, to be played: the n-th same request gets the n-th of its answers, then the last again."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._lines: dict[str, list[dict[str, Any]]] = {}
        self._requested: dict[str, int] = {}
        self._lock = threading.Lock()
        if not self.folder.is_dir():
            msg = f"there are no recordings in '{folder}'; run: pipelex record --to {folder} -- COMMAND"
            raise PluginError(msg)
        for file in sorted(self.folder.glob("*.jsonl")):
            self._read(file)

    def take(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The next answer to a request.

        Raises:
            NotRecordedError: It was not recorded.
        """
        key = _key(request)
        with self._lock:
            lines = self._lines.get(key)
            if lines:
                number = self._requested.get(key, 0)
                self._requested[key] = number + 1
                return lines[min(number, len(lines) - 1)]
        raise NotRecordedError(self._missing(request))

    def _read(self, file: Path) -> None:
        *lines, unfinished = file.read_bytes().split(b"\n")  # a text may hold any other character that ends a line
        if unfinished:
            _log.warning("%s: its last line was not written to its end, and is left out", file)
        for number, line in enumerate(lines, 1):
            try:
                attempt = json.loads(line)
                known = attempt["format"] == FORMAT
                key = _key(attempt["request"])
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                msg = f"{file}:{number}: this is not a line of a cassette; record again"
                raise PluginError(msg) from error
            if not known:
                msg = f"{file}:{number}: format {attempt['format']} of cassettes is of another release; record again"
                raise PluginError(msg)
            self._lines.setdefault(key, []).append(attempt)

    def _missing(self, request: Mapping[str, Any]) -> str:
        text = f"this request was not recorded in '{self.folder}': {_shown(request)}"
        others = [lines[0]["request"] for lines in self._lines.values()]
        if not others:
            return f"{text}; there is no recording at all"
        nearest = max(others, key=lambda other: _likeness(request, other))
        names = sorted(request.keys() | nearest.keys())
        differing = [name for name in names if request.get(name) != nearest.get(name)]
        return f"{text}; the nearest recorded one is {_shown(nearest)}, which differs in {', '.join(differing)}"


def _key(request: Mapping[str, Any]) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def _likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, float]:
    first, second = (json.dumps(each, sort_keys=True)[-_COMPARED:] for each in (one, other))
    return one["operation"] == other["operation"], SequenceMatcher(None, first, second, autojunk=False).ratio()


def _shown(request: Mapping[str, Any]) -> str:
    """An operation, a model, and the beginning of what was asked."""
    prompt = request.get("prompt") or next(
        (
            part["text"]
            for message in reversed(request.get("messages", ()))
            for part in message["parts"]
            if "text" in part
        ),
        "",
    )
    short = prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…"
    return f"{request['operation']} of '{request['model']}'" + (f" with {short!r}" if short else "")


_tapes: dict[str, Tape] = {}
_tapes_lock = threading.Lock()


def tape(folder: str) -> Tape:
    """The tape of a folder, read once a process."""
    with _tapes_lock:
        if folder not in _tapes:
            _tapes[folder] = Tape(folder)
        return _tapes[folder]
