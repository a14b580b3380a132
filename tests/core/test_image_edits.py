"""Images that are changed: what is read, checked and refused before a provider is asked, and what the mock makes of it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import pipelex_backend_mock
from pipelex_core import Client, UnsupportedInputError
from pipelex_core.backend import ImageGenerator
from pipelex_core.parts import Media
from pipelex_core.pictures import kind_and_size
from pipelex_core.plugins import discover
from pipelex_core.results import Image, ImageAnswer
from pipelex_testing.samples import JPEG, PDF, png
from tests.support.scripted import plugin

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
[painter]
sdk = "mock"
model_type = "img_gen"
[words-only]
sdk = "mock"
model_type = "img_gen"
inputs = ["text"]
outputs = ["image"]
[drawer]
sdk = "drawer"
model_type = "img_gen"
[editor]
sdk = "editor"
model_type = "img_gen"
"""
MASK = png(transparent=True)


class Drawer(ImageGenerator):
    """Draws, and changes nothing."""

    requested: ClassVar[list[Any]] = []

    async def generate_image(self, request: Any) -> ImageAnswer:
        self.requested.append(request)
        return ImageAnswer(images=(Image(data=png(), content_type="image/png"),))


class Editor(Drawer):
    """Changes pictures, without masks, and fetches nothing."""

    edits_images = True
    fetches_urls = False


@pytest.fixture
def client(tmp_path: Path) -> Any:
    inference = tmp_path / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True)
    (inference / "backends.toml").write_text("[fake]\n")
    (inference / "backends" / "fake.toml").write_text(MODELS)
    (inference / "deck").mkdir()
    (inference / "deck" / "deck.toml").write_text(
        '[img_gen]\nchoice_default = "p"\n[img_gen.presets]\np = { model = "painter" }\n'
    )
    (inference / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "fake"\n')
    more = plugin({"drawer": Drawer, "editor": Editor})
    Drawer.requested.clear()
    with Client.from_project(tmp_path, plugins=discover(entry_points=(), extra=[pipelex_backend_mock, more])) as client:
        yield client


def test_a_picture_is_changed(client: Any, tmp_path: Path) -> None:
    """From a path, bytes or a `Media`; what comes back has its size, and the ledger one attempt."""
    (tmp_path / "a.png").write_bytes(png(3))
    result = client.generate_image(
        "Make it night", model="painter", images=[tmp_path / "a.png", JPEG], mask=png(3, transparent=True)
    )
    assert kind_and_size(result.images[0].data) == ("image/png", (3, 3))
    assert [attempt.outcome for attempt in result.attempts] == ["ok"]


def test_what_a_backend_gets_is_what_was_read(client: Any) -> None:
    """In order, as bytes with their type."""
    client.generate_image("Make it night", model="editor", images=[png(), JPEG])
    assert [image.media_type for image in Drawer.requested[0].images] == ["image/png", "image/jpeg"]
    assert Drawer.requested[0].mask is None


@pytest.mark.parametrize(
    "provided, message",
    [
        ({"images": [png()], "mask": png(3, transparent=True)}, "it is 3x3, and the first picture 2x2"),
        ({"images": [JPEG], "mask": png(3, transparent=True)}, "it is 3x3, and the first picture"),
        ({"images": [png()], "mask": png()}, "no alpha channel"),
        ({"images": [png()], "mask": JPEG}, "a mask is a PNG with transparent pixels, not image/jpeg"),
        ({"images": [png()], "mask": MASK[:20]}, "a mask is a PNG"),
        ({"mask": MASK}, "there are no images"),
        ({"images": png()}, "images is a list of pictures"),
        ({"images": [PDF]}, "is not an image, but application/pdf"),
        ({"images": [b"nothing"]}, "neither an image"),
        ({"images": ["no-such-file.png"]}, "cannot be read"),
        ({"images": [png()], "model": "words-only"}, "model 'words-only' takes no images"),
        ({"images": [png()], "model": "drawer"}, "makes images of a prompt alone"),
        ({"images": [png()], "mask": MASK, "model": "editor"}, "takes no mask"),
    ],
)
def test_what_cannot_be_edited_is_refused_before_payment(client: Any, provided: Any, message: str) -> None:
    """Nothing reaches a backend; the message says why."""
    with pytest.raises(UnsupportedInputError, match=message):
        client.generate_image("Make it night", **{"model": "painter", **provided})
    assert Drawer.requested == []


def test_the_size_of_every_kind_of_picture() -> None:
    """PNG, JPEG, GIF and the three forms of WebP; nothing for what is cut short."""
    extended = b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + (6).to_bytes(3, "little") + (8).to_bytes(3, "little")
    assert kind_and_size(png(5)) == ("image/png", (5, 5))
    assert kind_and_size(b"GIF89a" + struct.pack("<HH", 4, 6)) == ("image/gif", (4, 6))
    assert kind_and_size(extended) == ("image/webp", (7, 9))
    assert kind_and_size(png(5)[:20]) == ("image/png", None)
    assert kind_and_size(b"\xff\xd8\xff\xe0\x00") == ("image/jpeg", None)
    assert kind_and_size(b"hello") == (None, None)


def test_a_mask_at_a_url_is_the_providers_to_check(client: Any) -> None:
    """It is passed on to a backend that fetches URLs; one that does not gets both as bytes, checked then."""
    url = Media(url="https://pictures.example/mask.png", media_type="image/png")
    result = client.generate_image("Night", model="painter", images=[png()], mask=url)
    assert len(result.images) == 1
