"""What every backend is asked, and what each wire is made to say: the same words, object, picture and counts."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from pipelex_core.parts import Tool
from pipelex_core.results import Usage
from pipelex_core.specs import Costs

if TYPE_CHECKING:
    from pipelex_core.results import FinishReason

Capability = Literal[
    "text",
    "stream",
    "object",
    "object stream",
    "tools",
    "image in",
    "PDF in",
    "thinking",
    "OCR",
    "image out",
    "embeddings",
    "transcription",
    "speech",
    "speech stream",
    "image edits",
    "audio in",
    "rerank",
    "moderation",
]
CONVERSATION: tuple[Capability, ...] = (
    *("text", "stream", "object", "object stream", "tools", "image in", "PDF in", "thinking"),
)
"""What a wire can say whose provider has conversations."""

CAPABILITIES: tuple[Capability, ...] = (
    *CONVERSATION,
    *("OCR", "image out", "embeddings", "transcription", "speech", "speech stream"),
    *("image edits", "audio in", "rerank", "moderation"),
)
"""What a backend may claim, in the order of the certificate."""

SYSTEM = "You know every capital."
PROMPT = "What is the capital of France?"
TEXT = "The capital of France is Paris, on the Seine."
WORLD = "Zürich, 東京, القاهرة, Αθήνα 🇬🇷👩‍👩‍👧 – naïve \u200bcafé\U0001f9ff"
"""Text whose characters take one to four bytes, and that no two of its bytes may part."""
THOUGHT = "France, so Paris."
TOLD = "Sunny, 24 degrees."


@frozen
class City:
    """The object that is asked for."""

    name: str
    is_capital: bool


CITY = City("Paris", True)
WEATHER = Tool(
    name="get_weather",
    description="The weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ARGUMENTS = {"city": "Paris"}

USAGE = Usage(input_tokens=20, output_tokens=12, cached_tokens=8)
PRICES = Costs(input=Decimal(2), output=Decimal(8), input_cached=Decimal("0.5"))
COST = Decimal("0.000124")
"""(12 × 2 + 8 × 0.5 + 12 × 8) dollars for a million of `USAGE`."""
PAGE_PRICE = Costs(unit="page", input=Decimal("0.001"))
SECOND_PRICE = Costs(second=Decimal("0.0001"))
CHARACTER_PRICE = Costs(character=Decimal("0.00002"))
IMAGE_PRICE = Costs(unit="image", output=Decimal("0.04"))
SEARCH_PRICE = Costs(search=Decimal("0.002"))
REQUEST_PRICE = Costs(request=Decimal("0.001"))


@frozen(kw_only=True)
class SampleAnswer:
    """What a provider says; its counts are `USAGE`.

    Attributes:
        text: Its words.
        value: A JSON object instead, where one was asked for.
        calls: How many calls of `WEATHER` with `ARGUMENTS` it asks for instead.
        thought: What it thought before.
        finish: Why it ended, where that was neither by itself nor for a tool: `length` or `content_filter`.
    """

    text: str = TEXT
    value: dict[str, Any] | None = None
    calls: int = 0
    thought: str | None = None
    finish: FinishReason | None = None


PLAIN = SampleAnswer()
OBJECT = SampleAnswer(value={"name": CITY.name, "is_capital": CITY.is_capital})
CALLING = SampleAnswer(calls=1)
THINKING = SampleAnswer(thought=THOUGHT)


def png(side: int = 2, *, transparent: bool = False) -> bytes:
    """A white picture; or one that is transparent all over, as a mask is where a picture may change."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 6 if transparent else 2, 0, 0, 0)
    pixel = bytes(4) if transparent else b"\xff\xff\xff"
    data = block(b"IHDR", header) + block(b"IDAT", zlib.compress((b"\x00" + pixel * side) * side))
    return b"\x89PNG\r\n\x1a\n" + data + block(b"IEND", b"")


def pdf(*texts: str) -> bytes:
    """A PDF with a page for each text."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(texts):
        content = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET"
        page = f"/Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page {page} /Resources << /Font << /F1 3 0 R >> >> >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("ascii")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    return bytes(out + f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())


PNG = png(24)
PDF = pdf("Paris is a city.", "It has two pages.")
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////"
    "////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAI"
    "AQEAAD8AR//Z"
)
"""The smallest picture, of one pixel."""

SPOKEN = "Three rivers meet here."
"""What is to be spoken, and what a wire hears in `SOUND`."""


def wav(seconds: float = 1.0, rate: int = 16_000) -> bytes:
    """Silence, in samples of 16 bits and one channel."""
    samples = bytes(2 * int(seconds * rate))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE") + form
    return head + struct.pack("<4sI", b"data", len(samples)) + samples


SOUND = wav()

VECTORS = ((0.6, 0.8), (0.0, -1.0))
"""What the wires make of `EMBEDDED`: numbers of length 1."""
EMBEDDED = ("a river", "the sea")

QUERY = "Which river runs to the sea?"
DOCUMENTS = ("Paris is a city.", "The Seine is a river that runs to the sea.")
RANKING = ((1, 0.9), (0, 0.25))
"""How the wires rank `DOCUMENTS` by `QUERY`: index and score, best first."""

DOUBTFUL = ("Good morning.", "I will hurt you.")
"""What is to be moderated; the wires flag the second for `CATEGORY`, with the score 0.9, and the first with 0.1 for nothing."""
CATEGORY = "violence"
