"""Scenarios: pictures and documents, in and out."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import UnsupportedInputError
from pipelex_testing.marks import about
from pipelex_testing.samples import JPEG, PDF, PLAIN, PNG, PROMPT, SOUND
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running


class MediaScenarios(Scenarios):
    """What is not text."""

    @about("image in")
    def test_a_pictures_bytes_are_sent_whole(self) -> None:
        """In base64, as every provider takes them."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            await at.client.generate_text("What is this?", model=at.llm, images=[PNG])
            assert b64encode(PNG) in at.calls[0].body

        self.run(use)

    @about("image in")
    def test_several_pictures_keep_their_order(self) -> None:
        """The first is sent before the second."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            await at.client.generate_text("Which is larger?", model=at.llm, images=[PNG, JPEG])
            body = at.calls[0].body
            assert body.index(b64encode(PNG)) < body.index(b64encode(JPEG))

        self.run(use)

    @about("PDF in")
    def test_a_documents_bytes_are_sent_whole(self) -> None:
        """In base64, as every provider takes them."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            await at.client.generate_text("What does it say?", model=at.llm, documents=[PDF])
            assert b64encode(PDF) in at.calls[0].body

        self.run(use)

    @about("text")
    def test_what_the_model_does_not_take_is_refused_unsent(self) -> None:
        """A picture or document for a model without them costs nothing."""
        provided: list[tuple[str, dict[str, Any]]] = [
            ("image in", {"images": [PNG]}),
            ("PDF in", {"documents": [PDF]}),
        ]

        async def use(at: Running) -> None:
            with pytest.raises(UnsupportedInputError):
                await at.client.generate_text(PROMPT, model=at.llm, audio=[SOUND])
            for claim, inputs in provided:
                if claim not in self.suite.claims:
                    with pytest.raises(UnsupportedInputError):
                        await at.client.generate_text(PROMPT, model=at.llm, **inputs)
            assert not at.has_server or at.calls == []

        self.run(use)

    @about("OCR")
    def test_a_documents_pages_come_in_order_with_their_text_and_images(self) -> None:
        """Two pages; the image of the first, decoded."""

        async def use(at: Running) -> None:
            if at.has_server:
                at.server.queue(at.wire.document())
            result = await at.client.extract(PDF, model=at.reader, max_nb_images=1)
            assert [page.index for page in result.pages] == [0, 1]
            assert all(page.text for page in result.pages)
            if not at.has_server:
                assert ["Paris" in page.text for page in result.pages] == [True, False]
                return
            ((image,), nothing) = (page.images for page in result.pages)
            assert (image.data, image.content_type, nothing) == (JPEG, "image/jpeg", ())

        self.run(use)

    @about("image out")
    def test_a_picture_comes_as_its_bytes(self) -> None:
        """Encoded, with its type, for the prompt that was sent."""

        async def use(at: Running) -> None:
            at.wire.queue_image(at.server)
            result = await at.client.generate_image("A lighthouse", model=at.painter)
            (image,) = result.images
            assert (image.data, image.content_type) == (PNG, "image/png")
            assert b"A lighthouse" in at.calls[0].body

        self.run(use)

    @about("audio in")
    def test_a_recordings_bytes_are_sent_whole(self) -> None:
        """In base64, in the prompt of a language model."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            result = await at.client.generate_text("What is heard?", model=at.listener, audio=[SOUND])
            assert result.text == PLAIN.text
            assert b64encode(SOUND) in at.calls[0].body

        self.run(use)

    @about("image edits")
    def test_the_picture_to_change_is_sent_whole(self) -> None:
        """As it is, or in base64, beside the prompt; the changed one comes back."""

        async def use(at: Running) -> None:
            at.wire.queue_image(at.server)
            result = await at.client.generate_image("At night", model=at.editor, images=[PNG])
            (image,) = result.images
            assert (image.data, image.content_type) == (PNG, "image/png")
            body = at.calls[0].body
            assert b"At night" in body
            assert PNG in body or b64encode(PNG) in body

        self.run(use)
