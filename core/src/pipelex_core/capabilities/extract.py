"""The capability `extract`: a document in, its pages out."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.backend import DocumentExtractor
from pipelex_core.capabilities.record import Capability, Operation, expectation_of, results
from pipelex_core.errors import ExtractHandleNotFoundError, ExtractPresetNotFoundError, UnsupportedInputError
from pipelex_core.settings import SettingRule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pipelex_core.media import MediaSource
    from pipelex_core.parts import Media
    from pipelex_core.requests import ExtractRequest
    from pipelex_core.specs import ModelSpec

_PIXEL = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
"""A PNG of one pixel."""


def _read(source: MediaSource) -> Media:
    from pipelex_core.media import read_media

    return read_media(source)


def _reads_files(_source: object) -> bool:
    return True


def _build(document: Media, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ExtractRequest:
    kind = "pdf" if document.media_type == "application/pdf" else "images"
    if spec.inputs and kind not in spec.inputs:
        msg = f"model '{spec.name}' takes no {document.media_type}: its inputs are {', '.join(sorted(spec.inputs))}"
        raise UnsupportedInputError(msg)
    from pipelex_core.requests import ExtractRequest

    return ExtractRequest(spec=spec, document=document, timeout=timeout, **settings)


async def _fetch(request: ExtractRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> ExtractRequest:
    return evolve(request, document=await fetched(request.document, "any"))


def _sample(spec: ModelSpec | None) -> Media:
    from pipelex_core.parts import Media

    if spec is not None and spec.inputs and "pdf" not in spec.inputs:
        return Media(data=_PIXEL, media_type="image/png")
    return Media(data=b"%PDF-1.7\n%%EOF\n", media_type="application/pdf")


EXTRACT = Capability(
    name="extract",
    model_types=("text_extractor",),
    noun="extraction",
    unit="page",
    outputs=frozenset({"pages"}),
    gives=frozenset({"pages", "text"}),
    operations=(
        Operation(
            name="extract",
            needs=DocumentExtractor,
            answer=lambda: results().DocumentAnswer,
            result=lambda: results().DocumentResult,
        ),
    ),
    settings={
        "max_nb_images": SettingRule("integer", "Most images to cut out of the document; 0 for none.", minimum=0),
        "image_min_size": SettingRule("integer", "Smallest side, in pixels, of an image to cut out.", minimum=0),
    },
    handle_error=ExtractHandleNotFoundError,
    preset_error=ExtractPresetNotFoundError,
    read=_read,
    reads_files=_reads_files,
    build=_build,
    fetch=_fetch,
    expect=expectation_of("of_document"),
    sample=_sample,
)
"""The pages of a document."""
