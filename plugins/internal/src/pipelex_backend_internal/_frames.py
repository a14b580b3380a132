"""What goes between this process and the ones that read: a JSON header, then bytes. Nothing in it can run.

A reader has held a stranger's document in a C++ library; a pickle of its making would be a program.
"""

from __future__ import annotations

import json
from struct import Struct
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LENGTH = Struct(">I")


def send(file: IO[bytes], header: Mapping[str, Any], parts: Sequence[bytes] = ()) -> None:
    """Write a header and its bytes."""
    encoded = json.dumps({**header, "parts": [len(part) for part in parts]}).encode()
    file.write(_LENGTH.pack(len(encoded)) + encoded)
    file.writelines(parts)
    file.flush()


def receive(file: IO[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Read what `send` wrote.

    Raises:
        EOFError: The other side has ended.
    """
    (length,) = _LENGTH.unpack(_exactly(file, _LENGTH.size))
    header: dict[str, Any] = json.loads(_exactly(file, length))
    return header, [_exactly(file, size) for size in header["parts"]]


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data
