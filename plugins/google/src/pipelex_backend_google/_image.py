"""Images that Gemini makes: https://ai.google.dev/gemini-api/docs/image-generation."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_google._answer import FINISH_REASONS, parse, usage_of
from pipelex_core.errors import ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.requests import Image, ImageAnswer

if TYPE_CHECKING:
    from google.genai import types

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
    return {"contents": [{"role": "user", "parts": [{"text": request.prompt}]}], "generationConfig": config}


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
        fault = f"model '{name}' cannot be told to give {request.output_format}"
    if fault:
        raise UnsupportedInputError(fault)


def image_answer(response: types.GenerateContentResponse) -> ImageAnswer:
    """The images of an answer.

    Raises:
        ContentFilterError: The prompt, or the picture, was blocked.
        InvalidAnswerError: There is no image in it.
    """
    answer, named = parse(response)
    try:
        candidate = answer["candidates"][0]
        finish = candidate.get("finishReason")
        parts = (candidate.get("content") or {}).get("parts") or ()
        images = tuple(_image(part["inlineData"]) for part in parts if "inlineData" in part and not part.get("thought"))
        used = evolve(usage_of(answer.get("usageMetadata")), images=len(images))
        told = "".join(part.get("text") or "" for part in parts)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = f"Google's answer has another form than it should ({type(error).__name__})"
        finish, images, told = None, (), ""
    else:
        fault = f"Google made no image (finish reason {finish})"
    if images:
        return ImageAnswer(images=images, usage=used, request_id=named, raw=answer)
    if FINISH_REASONS.get(finish or "") == "content_filter":
        msg = f"Google withheld the image: {finish}"
        raise ContentFilterError(msg, request_id=named, raw=answer)
    raise InvalidAnswerError(f"{fault}: {told[:200]}" if told else fault, request_id=named, raw=answer)


def _image(data: dict[str, Any]) -> Image:
    return Image(
        data=b64decode(data["data"], altchars=b"-_" if _url_safe(data["data"]) else None), content_type=data["mimeType"]
    )


def _url_safe(text: str) -> bool:
    return "-" in text or "_" in text
