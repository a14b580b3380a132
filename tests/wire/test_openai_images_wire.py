"""Recorded image generations through the plugin: what comes out, and what goes in."""

from __future__ import annotations

import pytest

from pipelex_core.results import ImageAnswer
from tests.wire.harness import Record, answers, check, parameters, play
from tests.wire.openai_images import UNSENT, ImagesAdapter, body_of, form_of, pictures_of, with_reachable_pictures

ADAPTER = ImagesAdapter()
AUTO = (("size", "auto"), ("quality", "auto"))
"""What leaving them out means."""


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_the_answer_is_the_recorded_one(record: Record) -> None:
    """As many images as recorded, all of them pictures, or the class of the error."""
    outcome = play(with_reachable_pictures(record), ADAPTER)
    check(outcome, ADAPTER.expected(record))
    if isinstance(outcome.answer, ImageAnswer):
        assert {image.content_type for image in outcome.answer.images} <= {"image/png", "image/jpeg"}
        assert outcome.answer.usage.images == record["expect"]["n_images"]


@pytest.mark.parametrize("record", parameters(ADAPTER))
def test_the_request_is_the_recorded_one(record: Record) -> None:
    """The plugin sends what the recorded client sent, but for the keys in `UNSENT`."""
    sent = play(with_reachable_pictures(record), ADAPTER).log[0]
    recorded = body_of(record)
    body = form_of(sent.body) if sent.headers["content-type"].startswith("multipart/") else sent.json
    assert {key: value for key, value in body.items() if key not in UNSENT} == {
        key: value for key, value in recorded.items() if key not in UNSENT and (key, value) not in AUTO
    }
    assert [picture.data for picture in pictures_of(body)] == [picture.data for picture in pictures_of(recorded)]
    assert sent.path == record["request"]["path"]
