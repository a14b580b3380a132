"""Images of Stability AI and Amazon on Bedrock, through real botocore."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from pipelex_core.errors import CallError, ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.requests import ImageRequest
from pipelex_core.results import ImageAnswer
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.support.scripted import PNG

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

PICTURE = b64encode(PNG).decode()
CORE = "stability.stable-image-core-v1:1"
SD3 = "stability.sd3-5-large-v1:0"
CANVAS = "amazon.nova-canvas-v1:0"


def requested(model_id: str, **fields: Any) -> ImageRequest:
    """A request for an image."""
    return ImageRequest(spec=bedrock.spec(model_id=model_id), prompt="a cat", **fields)


def made(request: ImageRequest, answer: Any) -> tuple[str, dict[str, Any], ImageAnswer | CallError]:
    """What was asked of the server, and what came of its answer."""

    async def main() -> tuple[str, dict[str, Any], ImageAnswer | CallError]:
        async with bedrock.served(Reply.json(answer)) as (server, backend):
            got: ImageAnswer | CallError
            try:
                got = await backend.generate_image(request)
            except CallError as error:
                got = error
            if not server.received:
                return "", {}, got
            return server.received[0].path, server.received[0].json, got

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("model_id", "fields", "body"),
    [
        (CORE, {"aspect_ratio": "16:9", "quality": "high"}, {"aspect_ratio": "16:9", "output_format": "png"}),
        (SD3, {"seed": 7, "output_format": "jpeg"}, {"mode": "text-to-image", "seed": 7, "output_format": "jpeg"}),
    ],
)
def test_stability_makes_one_image(model_id: str, fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Of an aspect ratio; the seed is the one that the provider used."""
    answer = {"seeds": [42], "finish_reasons": [None], "images": [PICTURE]}
    path, sent, got = made(requested(model_id, **fields), answer)
    assert path == f"/model/{model_id}/invoke"
    assert sent == {"prompt": "a cat", **body}
    assert isinstance(got, ImageAnswer)
    assert [(image.data, image.content_type) for image in got.images] == [(PNG, "image/png")]
    assert (got.seed, got.usage.images) == (42, 1)
    assert got.raw == {"seeds": [42], "finish_reasons": [None]}


def test_amazon_makes_several_of_a_size() -> None:
    """Its body nests what is wanted."""
    settings = {"number": 2, "width": 512, "height": 768, "seed": 3, "guidance_scale": 7.5, "quality": "high"}
    path, sent, got = made(requested(CANVAS, **settings), {"images": [PICTURE, PICTURE], "error": None})
    assert path == f"/model/{CANVAS}/invoke"
    assert sent == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a cat"},
        "imageGenerationConfig": {
            "numberOfImages": 2,
            "quality": "premium",
            "width": 512,
            "height": 768,
            "cfgScale": 7.5,
            "seed": 3,
        },
    }
    assert isinstance(got, ImageAnswer)
    assert (len(got.images), got.seed) == (2, 3)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"seeds": [1], "finish_reasons": ["Filter reason: prompt"], "images": [None]}, ContentFilterError),
        ({"seeds": [1], "finish_reasons": ["Filter reason: output image"], "images": []}, ContentFilterError),
        ({"images": [], "error": "The generated image was blocked."}, ContentFilterError),
        ({"images": []}, InvalidAnswerError),
        ({}, InvalidAnswerError),
        ([], InvalidAnswerError),
        ({"images": ["?"]}, InvalidAnswerError),
        ({"images": [b64encode(b"text").decode()]}, InvalidAnswerError),
        ({"images": 3}, InvalidAnswerError),
    ],
)
def test_an_answer_without_a_picture_is_an_error(answer: Any, kind: type[CallError]) -> None:
    """What was blocked is told as such."""
    *_, got = made(requested(CORE), answer)
    assert type(got) is kind


@pytest.mark.parametrize(
    ("model_id", "fields"),
    [
        (CORE, {"number": 2}),
        (CORE, {"width": 100, "height": 100}),
        (CORE, {"output_format": "webp"}),
        (CORE, {"background": "transparent"}),
        (CORE, {"aspect_ratio": "16x9"}),
        (CANVAS, {"aspect_ratio": "1:1"}),
        (CANVAS, {"output_format": "jpeg"}),
        ("meta.llama3-3-70b-instruct-v1:0", {}),
    ],
)
def test_what_a_model_cannot_do_is_refused_unsent(model_id: str, fields: dict[str, Any]) -> None:
    """What would come back as another picture than asked for."""
    path, _, got = made(requested(model_id, **fields), {})
    assert path == ""
    assert type(got) is UnsupportedInputError
