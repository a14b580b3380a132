"""xAI's images: made from a prompt, or edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import TEXT, choice, integer, listing, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.wire import Wire

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

SDK = Source("xai_sdk@1.21.0 sync/image.py", "2026-11-30")
GENERATION = Source("https://docs.x.ai/developers/model-capabilities/images/generation", "2026-11")
SOURCES = ("image", "images", "image_url", "image_file_id", "image_urls", "image_file_ids")
_IMAGE = obj(type=choice("image_url"), url=text(1), file_id=text(1))


@rule(SDK)
def one_kind_of_image(requested: Request) -> Findings:
    """image_url, image_file_id, image_urls and image_file_ids exclude each other."""
    provided = [name for name in SOURCES if requested.has(name)]
    if len(provided) > 1:
        yield provided[1], f"'{provided[0]}' and '{provided[1]}' exclude each other"


@rule(GENERATION)
def edits_are_json(requested: Request) -> Findings:
    """An edit is application/json; a form, as OpenAI's SDK sends it, is not supported."""
    if requested.headers.get("content-type", "").startswith("multipart/"):
        yield "", "Expected request with `Content-Type: application/json`"


@rule(GENERATION)
def edits_have_an_image(requested: Request) -> Findings:
    """An edit has an image."""
    if not any(requested.get(name) for name in SOURCES):
        yield "image", "an image to edit must be provided"


_BODY = obj(
    "prompt",
    model=TEXT,
    prompt=text(1),
    n=integer(1, 10, source=GENERATION),
    response_format=choice("url b64_json"),
    aspect_ratio=choice("auto 1:1 3:4 4:3 9:16 16:9 2:3 3:2 9:19.5 19.5:9 9:20 20:9 1:2 2:1", source=SDK.assumed()),
    resolution=choice("1k 2k 4k"),
    images=listing(at_most=5),
    image_urls=listing(at_most=5),
    image_file_ids=listing(at_most=5),
)
IMAGES = Wire(provider="xai", api="images", shape=_BODY, rules=(one_kind_of_image,), form=forms.xai, source=SDK)
IMAGE_EDITS = IMAGES.of(
    "xai",
    api="images/edits",
    shape=_BODY.having(image=_IMAGE, images=listing(_IMAGE, at_least=1, at_most=5)),
    rules=(one_kind_of_image, edits_are_json, edits_have_an_image),
)
