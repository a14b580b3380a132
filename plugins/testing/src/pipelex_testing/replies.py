"""What the server of `server.py` gets and gives: requests as they came, and replies with their faults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Fault = Literal["drop", "hang"]


@frozen(kw_only=True)
class Received:
    """A request the server got.

    Attributes:
        method: Such as `POST`.
        path: Without the query, percent-decoded.
        query: Its parameters; the last of equal names stays.
        headers: Names in lower case.
        body: The bytes.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, Any]:
        """The body, a multipart form, parsed: texts, files as `FormFile`, and a list of what has the same name several times."""
        boundary = self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        fields: dict[str, Any] = {}
        for part in self.body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            reported = dict(_PARAMETER.findall(head.decode()))
            kind = _TYPE.search(head.decode())
            content = content.removesuffix(b"\r\n")
            value = (
                FormFile(reported["filename"], kind[1] if kind else "", content)
                if "filename" in reported
                else content.decode()
            )
            name = reported["name"]
            fields[name] = [*_listed(fields[name]), value] if name in fields else value
        return fields


@frozen
class FormFile:
    """A file of a form: its name, its type, its bytes."""

    name: str
    content_type: str
    data: bytes = field(repr=lambda data: f"<{len(data)} bytes>")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_PARAMETER = re.compile(r'; (name|filename)="([^"]*)"')
_TYPE = re.compile(r"^Content-Type: *(\S+)", re.MULTILINE | re.IGNORECASE)


@frozen(kw_only=True)
class Reply:
    """What to answer.

    Attributes:
        status: HTTP status.
        headers: Added to the ones the server sets; a name given here wins.
        content_type: The `Content-Type`.
        chunks: The body, in the pieces to send.
        chunked: Whether to use chunked transfer encoding; otherwise there is a `Content-Length`.
        delay: Seconds before the status line.
        pause: Seconds before every further piece.
        cut_after: Break the connection after this many pieces; 0 is straight after the headers.
        stall_after: Send nothing more after this many pieces, and keep the connection open.
        fault: `drop` breaks the connection, `hang` keeps it open, both without a byte of an answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    content_type: str = "application/json"
    chunks: Sequence[bytes] = ()
    chunked: bool = False
    delay: float = 0.0
    pause: float = 0.0
    cut_after: int | None = None
    stall_after: int | None = None
    fault: Fault | None = None

    @classmethod
    def json(cls, value: Any, **options: Any) -> Reply:
        """One JSON document."""
        return cls(chunks=(_encoded(value),), **options)

    @classmethod
    def text(cls, text: str, content_type: str = "text/html; charset=utf-8", **options: Any) -> Reply:
        """Some text, by default as a web page."""
        return cls(chunks=(text.encode(),), content_type=content_type, **options)

    @classmethod
    def sse(cls, *events: Any, **options: Any) -> Reply:
        """Server-sent events, one piece each: see `sse_event`."""
        options.setdefault("content_type", "text/event-stream; charset=utf-8")
        return cls(chunks=tuple(sse_event(event) for event in events), chunked=True, **options)


def sse_event(event: Any) -> bytes:
    """One event: bytes and comments (`:`) as they are, text as its data, `(name, value)` named, the rest as JSON."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, str) and event.startswith(":"):
        return f"{event}\n\n".encode()
    name = ""
    if isinstance(event, tuple):
        name, event = f"event: {event[0]}\n", event[1]
    data = event.encode() if isinstance(event, str) else _encoded(event)
    return b"%bdata: %b\n\n" % (name.encode(), data)


def _encoded(value: Any) -> bytes:
    """A value as JSON: characters as they are, so that they can be split; what is not Unicode is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()
