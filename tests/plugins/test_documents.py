"""Documents that are no PDFs, at every provider that takes documents: they arrive whole, or are refused unsent."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

import pytest

from pipelex_core.errors import UnsupportedInputError
from tests.conformance.provider import reached
from tests.conformance.rows import ROWS
from tests.conformance.scenario import PROMPT, SampleAnswer
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.provider import Provider
    from tests.servers.base import Received

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

TEXTS = {
    "notes.txt": "Grün ist die Farbe.",
    "notes.md": "# Grün",
    "rivers.csv": "name,length\nNil,6650\n",
    "a.html": "<p>Grün",
}
TAKEN = {
    "report.docx": {"openai_responses", "azure_responses", "mistral", "bedrock"},
    "sheet.xlsx": {"openai_responses", "azure_responses", "mistral", "bedrock"},
    "slides.pptx": {"openai_responses", "azure_responses", "mistral"},
}
"""Which provider takes which files of an office; what Mistral reads of them it decides itself."""
DOCUMENTS = [row for row in ROWS if row.is_scripted and "PDF in" in row.cells]


def has(request: Received, data: bytes) -> bool:
    """Whether a request holds these bytes, as text or in base64."""
    encoded = base64.b64encode(data).decode()
    plain = json.dumps(data.decode("utf-8", "replace"), ensure_ascii=False)[1:-1]
    body = json.dumps(request.json, ensure_ascii=False)
    return encoded in body or plain in body


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("provider", DOCUMENTS, ids=lambda row: row.name)
def test_a_text_arrives_whole(provider: Provider, name: str, tmp_path: Path) -> None:
    """As a file where the provider takes files of text, as text where it does not."""
    (tmp_path / name).write_text(TEXTS[name], encoding="utf-8")

    async def main() -> None:
        async with asyncio.timeout(60), reached(provider) as at:
            at.says(SampleAnswer())
            await at.client.generate_text(PROMPT, model=at.llm, documents=[tmp_path / name])
            (request,) = at.server.received
            assert has(request, TEXTS[name].encode())

    asyncio.run(main())


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("provider", DOCUMENTS, ids=lambda row: row.name)
def test_a_file_of_an_office_arrives_whole_or_is_refused(provider: Provider, name: str, tmp_path: Path) -> None:
    """Refused with its type in the message, before anything is sent."""
    data = b"PK\x03\x04" + bytes(range(128, 256))
    (tmp_path / name).write_bytes(data)

    async def main() -> None:
        async with asyncio.timeout(60), reached(provider) as at:
            at.says(SampleAnswer())
            if provider.name in TAKEN[name]:
                await at.client.generate_text(PROMPT, model=at.llm, documents=[tmp_path / name])
                (request,) = at.server.received
                assert has(request, data)
                return
            with pytest.raises(UnsupportedInputError, match="openxmlformats"):
                await at.client.generate_text(PROMPT, model=at.llm, documents=[tmp_path / name])
            assert at.server.received == []

    asyncio.run(main())
