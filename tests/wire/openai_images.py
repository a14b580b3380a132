"""Recorded image generations, and their requests in terms of ours."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes
from email.message import Message
from typing import Any

from attrs import evolve

from pipelex_core.parts import Media
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
    "images": "compared apart: data URLs in JSON, or files of a form",
    "image": "compared apart",
}
"""Keys of a recorded body that need not be sent, and why."""


QUALITIES: dict[Any, Any] = {"standard": "medium", "hd": "high", "auto": None}
"""Words of some models, and what they are here; `auto` is what leaving it out means."""


class ImagesAdapter:
    """`images/generations` through the sdk `openai_img_gen`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = ("openai__images", "openai__images_edits", "xai__images", "xai__images_edits")
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {"rewrites_urls": True}

    def backend(self, record: Record, url: str) -> Any:
        """The backend that the record's provider would be in backends.toml."""
        endpoint = url + record["request"]["path"].partition("/images/")[0]
        config = BackendConfig(name=record["provider"], endpoint=endpoint, api_key=Secret("test-key-0123"))
        return make("openai_img_gen", config)

    def request(self, record: Record) -> ImageRequest:
        """The recorded body in our terms; the retired models had words of their own for a quality."""
        if record["request"]["path"].endswith("/variations"):
            raise no_capability("variations of a picture, without a prompt")
        body = body_of(record)
        if any(picture.url for picture in pictures_of(body)):
            raise no_capability("a picture at an address, which is downloaded before, and sent as a file")
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
            images=pictures_of(body),
            mask=Media(data=body["mask"][0], media_type="image/png") if "mask" in body else None,
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


def body_of(record: Record) -> dict[str, Any]:
    """The recorded body: JSON, or a form, whose files are bytes."""
    request = record["request"]
    if "body_base64" not in request:
        return request.get("body") or {"prompt": "a prompt that was not recorded"}
    return form_of(base64.b64decode(request["body_base64"]))


def form_of(raw: bytes) -> dict[str, Any]:
    """The fields of a multipart form; files are a list of bytes each name."""
    head = b'Content-Type: multipart/form-data; boundary="' + raw.split(b"\r\n", 1)[0][2:] + b'"\r\n\r\n'
    form: dict[str, Any] = {}
    for part in message_from_bytes(head + raw).get_payload():
        assert isinstance(part, Message)
        content = part.get_payload(decode=True)
        name = str(part.get_param("name", header="content-disposition"))
        if part.get_filename():
            form.setdefault(name.partition("[")[0], []).append(content)
        else:
            assert isinstance(content, bytes)
            form[name] = content.decode()
    return form


def pictures_of(body: dict[str, Any]) -> tuple[Media, ...]:
    """The pictures of an edit, as a JSON body or a form has them."""
    if isinstance(body.get("image"), list):
        return tuple(Media(data=data, media_type="image/png") for data in body["image"])
    urls = (picture.get("image_url") or picture.get("url") for picture in body.get("images") or ())
    return tuple(media_of(url) for url in urls)


def media_of(url: str) -> Media:
    """What is at an address, or in it."""
    head, _, data = url.partition(",")
    if not head.startswith("data:"):
        return Media(url=url, media_type="image/png")
    return Media(data=base64.b64decode(data), media_type=head.removeprefix("data:").removesuffix(";base64"))


def is_size(value: Any) -> bool:
    """Whether a size is told; `auto` is what leaving it out means."""
    return isinstance(value, str) and value != "auto"


def with_reachable_pictures(record: Record) -> Record:
    """The record with its one made-up address in a form that the replay server rewrites to itself."""
    text = json.dumps(record).replace("https://example.com/", "https://imgen.x.ai/")
    changed: Record = json.loads(text)
    return changed
