"""Recorded edits of images through the plugin: what comes out, and what goes in."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from typing import Any

import pytest
from attrs import evolve

from pipelex_core.parts import Media
from pipelex_core.results import ImageAnswer
from pipelex_testing.samples import png
from tests.wire.harness import Expected, Record, default_expected, no_capability, parameters, play
from tests.wire.openai_images import ImagesAdapter, with_reachable_pictures

PICTURE = Media(data=png(), media_type="image/png")
VARIED = "variations of a picture without a prompt"


class EditsAdapter(ImagesAdapter):
    """`images/edits` through the sdk `openai_img_gen`."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = ("openai__images_edits", "xai__images_edits")

    def backend(self, record: Record, url: str) -> Any:
        """The backend that the record's provider would be in backends.toml."""
        path = record["request"]["path"].replace("/images/edits", "/images/generations")
        return super().backend({**record, "request": {**record["request"], "path": path}}, url)

    def request(self, record: Record) -> Any:
        """The recorded body in our terms, and its pictures."""
        if record["request"]["path"].endswith("/variations"):
            raise no_capability(VARIED)
        body = body_of(record)
        requested = super().request({**record, "request": {**record["request"], "body": body}})
        return evolve(requested, images=tuple(body["pictures"]), mask=body.get("mask"))

    def expected(self, record: Record) -> Expected:
        """As recorded."""
        return evolve(default_expected(record), text=None)


def body_of(record: Record) -> dict[str, Any]:
    """The body of a record, of a form too, with its `pictures` as media."""
    request = record["request"]
    if "body" in request:
        body = dict(request["body"])
        addresses = [each.get("image_url") or each["url"] for each in body.pop("images")]
        return {**body, "pictures": [_medium(address) for address in addresses]}
    kind = request["headers_kept"]["content-type"].encode()
    message = email.message_from_bytes(
        b"Content-Type: " + kind + b"\r\n\r\n" + base64.b64decode(request["body_base64"]), policy=email.policy.HTTP
    )
    body = {"pictures": []}
    for part in message.iter_parts():
        name = re.search(rb'name="([^"]*)"', bytes(part["content-disposition"] or "", "utf-8"))
        assert name is not None
        field, content = name[1].decode(), part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename() is None:
            body[field] = int(content) if field == "n" else content.decode()
        elif field == "mask":
            body["mask"] = Media(data=content, media_type="image/png")
        else:
            body["pictures"].append(Media(data=content, media_type="image/png"))
    return body


def _medium(address: str) -> Media:
    if address.startswith("data:"):
        head, _, data = address.partition(",")
        return Media(data=base64.b64decode(data), media_type=head[5:].partition(";")[0])
    return PICTURE  # what was at an address is not there any more


ADAPTER = EditsAdapter()


@pytest.mark.parametrize("record", parameters(ADAPTER))
def test_the_answer_is_the_recorded_one(record: Record) -> None:
    """As many images as recorded, their tokens, or the class of the error."""
    outcome = play(with_reachable_pictures(record), ADAPTER)
    expected = ADAPTER.expected(record)
    if expected.error:
        assert isinstance(outcome.error, expected.error), repr(outcome.error)
        return
    assert outcome.error is None, repr(outcome.error)
    assert isinstance(outcome.answer, ImageAnswer)
    assert len(outcome.answer.images) == expected.n_images
    usage = outcome.answer.usage
    for name in ("input_tokens", "output_tokens"):
        assert getattr(expected, name) in {None, getattr(usage, name)}


@pytest.mark.parametrize("record", parameters(ADAPTER))
def test_the_request_has_the_recorded_prompt_and_pictures(record: Record) -> None:
    """OpenAI takes a form where the recorded client sent JSON; the same words and the same bytes are in it."""
    sent = play(with_reachable_pictures(record), ADAPTER).log[0]
    body = body_of(record)
    assert sent.path == record["request"]["path"]
    if record["provider"] == "xai":
        assert sent.json["prompt"] == body["prompt"]
        assert [each["url"] for each in sent.json["images"]] == [each.as_url() for each in body["pictures"]]
        return
    again = body_of({"request": {"headers_kept": sent.headers, "body_base64": base64.b64encode(sent.body)}})
    assert again["prompt"] == body["prompt"]
    assert [each.data for each in again["pictures"]] == [each.data for each in body["pictures"]]
    assert (again.get("mask") is None) == (body.get("mask") is None)
