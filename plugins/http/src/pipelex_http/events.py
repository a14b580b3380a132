"""Server-sent events, of which providers make use in every form that the format allows.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MARK = b"\xef\xbb\xbf"


class EventData:
    """The data of each event of a stream, whose bytes come in pieces of any length.

    Lines end with LF, CR LF or CR, and with nothing else that Unicode calls a line's end; a byte order mark at the start,
    comments and other fields are passed over.

    Attributes:
        rest: The data of a last event that the stream broke off in, or nothing; complete once all others were read.
    """

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._head: bytes | None = b""
        self._ends_with_cr = False
        self.rest = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        data: list[bytes] = []
        line: list[bytes] = []  # the pieces of one that is not at its end: joined once, however many they are
        async for piece in self._pieces:
            first, *others = self._plain(piece).split(b"\n")
            line.append(first)
            for begun in others:
                if not (whole := b"".join(line)):
                    if data:
                        yield b"\n".join(data)
                    data = []
                elif whole.startswith(b"data:"):
                    data.append(whole[5:].removeprefix(b" "))
                line = [begun]
        if (last := b"".join(line)).startswith(b"data:"):
            data.append(last[5:].removeprefix(b" "))
        self.rest = b"\n".join(data)

    def _plain(self, piece: bytes) -> bytes:
        """A piece, without a mark at the start of the stream, and with LF at the end of each line."""
        if self._head is not None:
            self._head += piece
            if len(self._head) < len(_MARK) and _MARK.startswith(self._head):
                return b""
            piece, self._head = self._head.removeprefix(_MARK), None
        if self._ends_with_cr and piece:
            piece, self._ends_with_cr = piece.removeprefix(b"\n"), False  # the second half of a line's end
        if b"\r" not in piece:
            return piece
        self._ends_with_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
