"""The binary events of ConverseStream, decoded for half of what botocore's own decoder takes.

Nearly every event is a piece of text. botocore slices the buffer anew for each field of each event, and walks each event
against its model; here an event's headers are looked up by their bytes, and a piece of text is taken from its JSON.
Whatever else comes (tool calls, thoughts, errors) is read by botocore's parser, so that it is what botocore makes of it.

The format: https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import json
from binascii import crc32
from struct import Struct
from typing import TYPE_CHECKING, Any

from botocore.eventstream import ChecksumMismatch, EventStreamHeaderParser, ParserError
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamJSONParser

from pipelex_backend_bedrock._calls import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import OperationModel

_PRELUDE = Struct(">III")
"""Length of the message, length of its headers, checksum of the two."""
_CHECKSUM = Struct(">I")
_CHECKED_BY_PRELUDE = _PRELUDE.size - _CHECKSUM.size
_LONGEST = 25 * 1024 * 1024
"""Most bytes of a message: 24 MB of payload, 128 kB of headers."""
_JSON_PROTOCOLS = frozenset({"json", "rest-json"})


def decode_events(
    operation_model: OperationModel,
    response_dict: Mapping[str, Any],
    customized_response_dict: dict[str, Any],
    **_: object,
) -> None:
    """A handler of botocore's `before-parse`: puts these events in place of its own."""
    shape, output = operation_model.get_event_stream_output(), operation_model.output_shape
    if response_dict["status_code"] >= 300 or shape is None or output is None:
        return
    if operation_model.service_model.resolved_protocol in _JSON_PROTOCOLS:
        events = Events(response_dict["body"], shape, operation_model.name)
        customized_response_dict[str(output.event_stream_name)] = events


class Events:
    """The events of one response, as botocore's `EventStream` gives them.

    Args:
        body: urllib3's response.
        shape: The model of its events.
        operation: The operation's name, for errors.
    """

    def __init__(self, body: Any, shape: Any, operation: str) -> None:
        self._body = body
        self._shape = shape
        self._operation = operation
        self._parser = EventStreamJSONParser()
        self._call = current.call
        self._remaining = b""
        self._headers: dict[bytes, dict[str, Any]] = {}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each event as `{its type: its members}`; empty where it is of no known type, or only a part of one has come.

        Raises:
            EventStreamError: The provider reports a failure.
            ParserError: What came is not an event stream.
        """
        for data in self._body.stream():
            self._remaining += data
            is_part = True
            for headers, payload in self._messages():
                is_part = False
                yield _piece_of_text(headers, payload) or self._parsed(headers, payload)
            if is_part:
                yield {}

    def close(self) -> None:
        """Close the connection, unless the response was read to its end."""
        self._body.close()

    def _messages(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Headers and payload of each message that is complete."""
        data, start = self._remaining, 0
        while len(data) - start >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(data, start)
            _check(data[start : start + _CHECKED_BY_PRELUDE], checksum)
            headers_start = start + _PRELUDE.size
            headers_end, payload_end = headers_start + headers_length, start + length - _CHECKSUM.size
            if self._call is not None and length > self._call.most:
                self._call.is_too_large = True
            if headers_end > payload_end or length > _LONGEST or (self._call is not None and self._call.is_too_large):
                msg = f"a message of {length} bytes with {headers_length} bytes of headers"
                raise ParserError(msg)
            if len(data) - start < length:
                break
            _check(data[start:payload_end], _CHECKSUM.unpack_from(data, payload_end)[0])
            start += length
            yield self._named(data[headers_start:headers_end]), data[headers_end:payload_end]
        self._remaining = data[start:]

    def _named(self, headers: bytes) -> dict[str, Any]:
        known = self._headers.get(headers)
        if known is None:
            known = self._headers[headers] = EventStreamHeaderParser().parse(headers)
        return known

    def _parsed(self, headers: dict[str, Any], payload: bytes) -> Any:
        """What botocore makes of an event."""
        failed = headers.get(":message-type") in {"error", "exception"}
        response = {"status_code": 400 if failed else 200, "headers": headers, "body": payload}
        parsed: Any = self._parser.parse(response, self._shape)
        if failed:
            parsed.update(_original(payload))
            raise EventStreamError(parsed, self._operation)
        return parsed


def _original(payload: bytes) -> dict[str, Any]:
    """The status that a model failed with, which botocore leaves out of an event's error."""
    try:
        status = json.loads(payload)["originalStatusCode"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {"originalStatusCode": status}


def _check(data: bytes, expected: int) -> None:
    found = crc32(data)
    if found != expected:
        raise ChecksumMismatch(expected, found)


def _piece_of_text(headers: Mapping[str, Any], payload: bytes) -> dict[str, Any] | None:
    """A piece of text, and nothing else; what is no such piece, or no JSON, is left to botocore."""
    if headers.get(":event-type") != "contentBlockDelta" or headers.get(":message-type") != "event":
        return None
    try:
        event = json.loads(payload)
        index, delta = event["contentBlockIndex"], event["delta"]
        is_text = type(index) is int and len(delta) == 1 and type(delta["text"]) is str
    except (ValueError, KeyError, TypeError):
        return None
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}} if is_text else None
