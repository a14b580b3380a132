"""Recorded exchanges on the conformance kit's server: it answers what was recorded, and refuses what the provider refuses."""

from __future__ import annotations

import base64
import json
import re
import struct
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from attrs import frozen

from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import png
from pipelex_testing.server import Received, Reply, Server
from tests.rules.recorded import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Record = dict[str, Any]

_EVENT_STREAM = "vnd.amazon.eventstream"
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_QUEUE = re.compile(r"https://(?:queue\.)?fal\.run")
_PICTURES = re.compile(
    r"https://(?:[a-z0-9.-]*fal\.media|[a-z0-9.-]*\.blob\.core\.windows\.net|imgen\.x\.ai|storage\.googleapis\.com)(/[^\"\\\s]*)"
)
_PICTURE = "/pictures"


@frozen(kw_only=True)
class Sent(Received):
    """A request that was sent, and the id of the record that it was answered with; None for a picture."""

    record: str | None

    @property
    def json(self) -> Any:
        """The body, parsed; None where it is empty."""
        return json.loads(self.body) if self.body else None


class ReplayServer(Server):
    """The server. What is queued with `give` comes first; else the records of a method and path, in their order, the last again.

    Where the provider took the recorded request, ours must break none of its rules: it is refused as the provider would.

    Attributes:
        sent: The requests, oldest first.
    """

    def __init__(self, records: Sequence[Record], *, rewrites_urls: bool = False, piece: int = 0) -> None:
        """Make the server of some records.

        Args:
            records: What was recorded, in its order.
            rewrites_urls: Whether addresses of fal's queue and of pictures, in answers, become this server's.
            piece: Bytes of a piece of a stream; 0 for an event each.
        """
        super().__init__()
        self.sent: list[Sent] = []
        self._records = list(records)
        self._waiting: list[tuple[Record, int | None]] = []
        self._rewrites_urls = rewrites_urls
        self._piece = piece

    def give(self, record: Record, *, cut_after: int | None = None) -> None:
        """Answer the next request with a record, whatever it asks; break the connection after so many bytes of the body."""
        self._waiting.append((record, cut_after))

    def forget(self) -> None:
        """Give nothing of what is still queued."""
        super().forget()
        self._waiting.clear()

    async def reply_to(self, request: Received) -> Reply:
        """The reply to a request, which is kept."""
        if request.path.startswith(_PICTURE):
            return Reply(chunks=(png(),), content_type="image/png")
        record, cut = self._waiting.pop(0) if self._waiting else (self._next(request), None)
        self.received.append(request)
        fields = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
        self.sent.append(Sent(**fields, record=None if record is None else record["id"]))
        if record is None:
            return Reply.json({"error": {"message": f"no record of {request.method} {request.path}"}}, status=404)
        refusal = rules_of(record).refuse(request) if record["response"]["status"] < 300 else None
        if refusal is not None:
            self.refused.append(refusal.headers["x-pipelex-rule"])
            return refusal
        return self._reply(record, cut)

    def _next(self, request: Received) -> Record | None:
        path = request.path.rstrip("/")
        for number, record in enumerate(self._records):
            recorded = record["request"]
            if (recorded["method"], unquote(recorded["path"]).rstrip("/")) == (request.method, path):
                there = self._records[number + 1 :]
                if any(each["request"]["path"] == recorded["path"] for each in there):
                    del self._records[number]
                return record
        return None

    def _reply(self, record: Record, cut: int | None) -> Reply:
        response = record["response"]
        headers = dict(response["headers_kept"])
        kind = headers.pop("content-type", "application/json")
        data = base64.b64decode(response["body_base64"]) if "body_base64" in response else self._text(response["body"])
        is_stream = "event-stream" in kind or _EVENT_STREAM in kind
        pieces = list(_pieces(data, kind, self._piece)) if is_stream else [data]
        if cut is not None:
            pieces = _cut(pieces, cut)
        return Reply(
            status=response["status"],
            headers=headers,
            content_type=kind,
            chunks=pieces,
            chunked=is_stream,
            cut_after=None if cut is None else len(pieces) - 1,
        )

    def _text(self, body: str) -> bytes:
        if self._rewrites_urls:
            body = _PICTURES.sub(lambda match: f"{self.url}{_PICTURE}{match[1]}", _QUEUE.sub(self.url, body))
        return body.encode()


def rules_of(record: Record) -> Rulebook:
    """What the provider of a record refused on the day of the record."""
    day = record.get("recorded_at")
    on = date.fromisoformat(day) if day else None
    return Rulebook(provider=FILES[f"{record['provider']}__{record['api']}"][0], on=on)


def _pieces(data: bytes, kind: str, size: int) -> Iterator[bytes]:
    """A stream as it is sent: an event a piece, or so many bytes."""
    while data:
        end = size or (_frame_end(data) if _EVENT_STREAM in kind else _event_end(data))
        yield data[:end]
        data = data[end:]


def _frame_end(data: bytes) -> int:
    """Where the first frame of an event stream of AWS ends: its length is its first four bytes."""
    return max(1, struct.unpack(">I", data[:4])[0]) if len(data) >= 12 else len(data)


def _event_end(data: bytes) -> int:
    found = _EVENT_END.search(data)
    return found.end() if found else len(data)


def _cut(pieces: Sequence[bytes], size: int) -> list[bytes]:
    """The pieces up to a number of bytes, and one with the rest, which is not sent."""
    sent: list[bytes] = []
    for piece in pieces:
        kept = piece[: size - sum(map(len, sent))]
        if kept:
            sent.append(kept)
    return [*sent, b"".join(pieces)[size:]]
