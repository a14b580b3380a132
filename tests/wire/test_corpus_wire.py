"""Every recorded exchange is played through some plugin, or named here with the reason why not."""

from __future__ import annotations

import pytest

from tests.wire.anthropic import STEMS as ANTHROPIC
from tests.wire.harness import wire_folder
from tests.wire.openai_chat import STEMS as OPENAI_CHAT
from tests.wire.openai_responses import STEMS as OPENAI_RESPONSES

PLAYED = {
    *ANTHROPIC,
    "anthropic__count_tokens",
    *OPENAI_CHAT,
    *OPENAI_RESPONSES,
    "bedrock__converse",
    "bedrock__converse_stream",
    "fal__queue",
    "fal__run",
    "gemini__generate_content",
    "vertex__generate_content",
    "mistral__chat",
    "mistral__ocr",
    "openai__images",
    "openai__images_edits",
    "xai__images",
    "xai__images_edits",
}
NOT_PLAYED = {
    "openai__errors_misc": "vector stores are no part of this project",
}


@pytest.mark.skipif(wire_folder() is None, reason="no recorded traffic here")
def test_every_file_of_records_is_played_or_named() -> None:
    """A file that nobody plays fails here; another folder of records may lack some."""
    folder = wire_folder()
    assert folder is not None
    there = {file.stem for file in (folder / "records").glob("*.jsonl")}
    assert there
    assert not there - PLAYED - set(NOT_PLAYED)
