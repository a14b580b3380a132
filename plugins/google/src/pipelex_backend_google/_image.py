"""Images that Gemini makes: https://ai.google.dev/gemini-api/docs/image-generation."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_google._answer import WRONG_FORM, Gathered, parse, parts_of, wrong_form
from pipelex_backend_google._contents import medium
from pipelex_core.errors import ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.media import sniff
from pipelex_core.results import Image, ImageAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_backend_google._requests import Replied
    from pipelex_core.requests import ImageRequest


def image_body(request: ImageRequest, *, vertex: bool) -> dict[str, Any]:
    """An image request in the API's own form.

    Hints that Gemini has no parameter for (steps, guidance, the moderation of other providers) are left out; what would
    come back as another picture than asked for is refused.

    Raises:
        UnsupportedInputError: Several images, a size in pixels, a background or a file type that Gemini cannot give.
    """
    _refuse(request, vertex=vertex)
    sizes = request.spec.options.get("image_sizes") or {}
    picture = {"aspectRatio": request.aspect_ratio, "imageSize": sizes.get(request.quality)}
    if request.output_format is not None:
        picture["imageOutputOptions"] = {"mimeType": f"image/{request.output_format}"}
    picture = {name: value for name, value in picture.items() if value is not None}
    config: dict[str, Any] = {"responseModalities": ["IMAGE"]}
    if picture:
        config["imageConfig"] = picture
    if request.seed is not None:
        config["seed"] = request.seed
    parts = [{"text": request.prompt}, *(medium(picture) for picture in request.images)]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _refuse(request: ImageRequest, *, vertex: bool) -> None:
    name = request.spec.name
    fault = None
    if request.number != 1:
        fault = f"model '{name}' makes one image a call, not {request.number}"
    elif request.width is not None:
        fault = f"model '{name}' takes an aspect_ratio, no width and height"
    elif request.background == "transparent":
        fault = f"model '{name}' makes no transparent background"
    elif request.output_format not in ((None, "png", "jpeg") if vertex else (None,)):
        fault = f"model '{name}' cannot give {request.output_format}"
    if fault:
        raise UnsupportedInputError(fault)


def image_answer(replied: Replied) -> ImageAnswer:
    """The images of an answer.

    Raises:
        ContentFilterError: The prompt, or the picture, was blocked.
        InvalidAnswerError: There is no image in it.
    """
    piece, named = parse(replied)
    gathered = Gathered(request_id=named)
    text = "".join(gathered.take(piece))
    try:
        images = tuple(_images(piece))
    except WRONG_FORM as error:
        images, fault = (), wrong_form(error)
    else:
        fault = f"Google made no image (finish reason {gathered.finish})" + (f": {text[:200]}" if text else "")
    answer = gathered.answer()
    if images:
        usage = evolve(answer.usage, images=len(images))
        return ImageAnswer(images=images, usage=usage, request_id=answer.request_id, raw=piece)
    if answer.finish_reason == "content_filter":
        msg = f"Google withheld the image: {gathered.finish}"
        raise ContentFilterError(msg, request_id=answer.request_id, raw=piece)
    raise InvalidAnswerError(fault, request_id=answer.request_id, raw=piece)


def _images(piece: dict[str, Any]) -> Iterator[Image]:
    """The pictures, without those that were thoughts on the way."""
    for candidate in (piece.get("candidates") or ())[:1]:
        for part in parts_of(candidate):
            picture = part.get("inlineData")
            if picture and not part.get("thought"):
                data = picture["data"].replace("-", "+").replace("_", "/")  # either alphabet of base64
                decoded = b64decode(data, validate=True)
                kind = sniff(decoded) or picture["mimeType"]
                if not kind.startswith("image/"):
                    msg = f"a picture is {kind}"
                    raise ValueError(msg)
                yield Image(data=decoded, content_type=kind)
