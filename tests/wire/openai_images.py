"""Recorded image generations, and their requests in terms of ours."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from pipelex_core.requests import ImageRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from tests.wire.harness import Expected, Record, default_expected, no_capability
from tests.wire.openai_chat import make

SKIPPED: dict[str, str] = {}

UNSENT = {
    "n": "one image is the default",
    "user": "no end users",
    "model": "a client may leave the model to the provider; a spec of ours always names one",
    "style": "no setting of this project",
    "output_compression": "no setting of this project",
    "resolution": "no setting of this project",
    "partial_images": "images are not streamed",
    "stream": "images are not streamed; some clients send false",
}
"""Keys of a recorded body that need not be sent, and why."""


QUALITIES: dict[Any, Any] = {"standard": "medium", "hd": "high", "auto": None}
"""Words of some models, and what they are here; `auto` is what leaving it out means."""


class ImagesAdapter:
    """`images/generations` through the sdk `openai_img_gen`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = ("openai__images", "xai__images")
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {"rewrite_urls": True}

    def backend(self, record: Record, url: str) -> Any:
        """The backend that the record's provider would be in backends.toml."""
        endpoint = url + record["request"]["path"].removesuffix("/images/generations")
        config = BackendConfig(name=record["provider"], endpoint=endpoint, api_key=Secret("test-key-0123"))
        return make("openai_img_gen", config)

    def request(self, record: Record) -> ImageRequest:
        """The recorded body in our terms; the retired models had words of their own for a quality."""
        body = record["request"].get("body") or {"prompt": "a prompt that was not recorded"}
        if body.get("stream"):
            raise no_capability("images in a stream")
        width, height = map(int, body["size"].split("x")) if is_size(body.get("size")) else (None, None)
        wanted = {"image_response_format": body["response_format"]} if "response_format" in body else {}
        if body.get("quality") in ("standard", "hd"):
            wanted["image_qualities"] = "standard_or_hd"
        spec = ModelSpec(
            name="m",
            backend=record["provider"],
            sdk="openai_img_gen",
            model_id=body.get("model") or "dall-e-2",
            model_type=ModelType.IMG_GEN,
            options=wanted,
        )
        return ImageRequest(
            spec=spec,
            prompt=body["prompt"],
            number=body.get("n", 1),
            width=width,
            height=height,
            aspect_ratio=body.get("aspect_ratio"),
            quality=QUALITIES.get(body.get("quality"), body.get("quality")),
            background=body.get("background"),
            output_format=body.get("output_format"),
            is_moderated={"auto": True, "low": False}.get(str(body.get("moderation"))),
        )

    def expected(self, record: Record) -> Expected:
        """As recorded."""
        return evolve(default_expected(record), text=None)


def is_size(value: Any) -> bool:
    """Whether a size is told; `auto` is what leaving it out means."""
    return isinstance(value, str) and value != "auto"


def with_reachable_pictures(record: Record) -> Record:
    """The record with its one made-up address in a form that the replay server rewrites to itself."""
    text = json.dumps(record).replace("https://example.com/", "https://imgen.x.ai/")
    changed: Record = json.loads(text)
    return changed
