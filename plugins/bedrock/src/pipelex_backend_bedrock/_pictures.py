"""Images of Stability AI and Amazon, by InvokeModel; this runs in worker threads.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html ·
https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import request_id_of
from pipelex_backend_bedrock._calls import read_body
from pipelex_core.errors import ContentFilterError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.media import sniff
from pipelex_core.results import Image, ImageAnswer, Usage

if TYPE_CHECKING:
    from pipelex_core.requests import ImageRequest

_OF_AMAZON = ("amazon.nova-canvas", "amazon.titan-image")
_RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
"""https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-stable-image-core-text-image-request-response.html"""

_QUALITIES = {"low": "standard", "medium": "standard", "high": "premium"}


def make_images(client: Any, request: ImageRequest) -> ImageAnswer:
    """The images of InvokeModel.

    Raises:
        UnsupportedInputError: A setting that the model has no parameter for.
        ContentFilterError: The prompt or the picture was blocked.
        InvalidAnswerError: There is no image in the answer.
    """
    is_amazon = any(name in request.spec.model_id for name in _OF_AMAZON)
    body = amazon_body(request) if is_amazon else stability_body(request)
    response = client.invoke_model(
        modelId=request.spec.model_id,
        body=json.dumps(body).encode(),
        contentType="application/json",
        accept="application/json",
    )
    identity = request_id_of(response)
    content = read_body(response["body"])
    try:
        data = json.loads(content)
        raw = {name: value for name, value in data.items() if name != "images"}
        encoded = [each for each in data.get("images") or () if each is not None]
        reasons = [reason for reason in data.get("finish_reasons") or () if reason]
        images = tuple(_image(each) for each in encoded)
    except (ValueError, TypeError, AttributeError, RecursionError) as fault:
        msg = f"Bedrock answered with something else than images: {fault}"
        raise InvalidAnswerError(msg, raw=content[:1000], request_id=identity) from None
    if reasons or (data.get("error") and not images):
        msg = f"the provider withheld the image: {(reasons or [data['error']])[0]}"
        raise ContentFilterError(msg, request_id=identity, raw=raw)
    if not images:
        msg = "Bedrock's answer holds no image"
        raise InvalidAnswerError(msg, raw=raw, request_id=identity)
    seeds = [seed for seed in data.get("seeds") or () if isinstance(seed, int)]
    return ImageAnswer(
        images=images,
        seed=seeds[0] if seeds else request.seed,
        usage=Usage(images=len(images)),
        request_id=identity,
        raw=raw,
    )


def stability_body(request: ImageRequest) -> dict[str, Any]:
    """The body for a model of Stability AI, which makes one image of an aspect ratio.

    Hints that it has no parameter for (quality, steps, guidance, the moderation of other providers) are left out.
    """
    _refuse(
        request,
        {
            "is of no family whose images this plugin can ask Bedrock for: Stability AI, Amazon": "stability."
            not in request.spec.model_id,
            "makes one image a call": request.number != 1,
            "takes an aspect_ratio, no width and height": request.width is not None,
            f"takes an aspect_ratio of {', '.join(_RATIOS)}": request.aspect_ratio not in {None, *_RATIOS},
            "makes no transparent background": request.background == "transparent",
            "gives png and jpeg": request.output_format not in {None, "png", "jpeg"},
        },
    )
    body: dict[str, Any] = {"prompt": request.prompt, "output_format": request.output_format or "png"}
    if "stability.sd3" in request.spec.model_id:
        body["mode"] = "text-to-image"
    if request.aspect_ratio is not None:
        body["aspect_ratio"] = request.aspect_ratio
    if request.seed is not None:
        body["seed"] = request.seed
    return body


def amazon_body(request: ImageRequest) -> dict[str, Any]:
    """The body for a model of Amazon, which makes PNGs of a size in pixels."""
    _refuse(
        request,
        {
            "takes width and height, no aspect_ratio": request.aspect_ratio is not None,
            "makes no transparent background": request.background == "transparent",
            "gives png": request.output_format not in {None, "png"},
        },
    )
    settings: dict[str, Any] = {
        "numberOfImages": request.number,
        "quality": None if request.quality is None else _QUALITIES[request.quality],
        "width": request.width,
        "height": request.height,
        "cfgScale": request.guidance_scale,
        "seed": request.seed,
    }
    return {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": request.prompt},
        "imageGenerationConfig": {name: value for name, value in settings.items() if value is not None},
    }


def _refuse(request: ImageRequest, faults: dict[str, bool]) -> None:
    for fault, is_so in faults.items():
        if is_so:
            msg = f"model '{request.spec.name}' {fault}"
            raise UnsupportedInputError(msg)


def _image(encoded: Any) -> Image:
    try:
        data = b64decode(encoded, validate=True)
    except (binascii.Error, TypeError) as fault:
        msg = f"an image is not Base64: {fault}"
        raise ValueError(msg) from None
    kind = sniff(data)
    if kind is None:
        msg = "an image is of no known type"
        raise ValueError(msg)
    return Image(data=data, content_type=kind)
