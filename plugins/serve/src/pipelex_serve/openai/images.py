"""`POST /v1/images/generations` and `/v1/images/edits`.

https://platform.openai.com/docs/api-reference/images/create, …/createEdit.
"""

from __future__ import annotations

import re
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from pipelex_core.execution.plan import make_plan
from pipelex_serve import fields
from pipelex_serve.jsons import encode
from pipelex_serve.media import image_of_url
from pipelex_serve.problems import refuse
from pipelex_serve.running import Running, check_handle
from pipelex_serve.uploads import form_of, pictures_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.results import ImageResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_KNOWN = frozenset(
    [
        "model",
        "prompt",
        "n",
        "size",
        "quality",
        "background",
        "output_format",
        "response_format",
        "user",
        "seed",
        "aspect_ratio",
        "moderation",
        "stream",
    ]
)
_MOST_PICTURES = 16
_WHOLE = frozenset(["n", "seed", "output_compression", "partial_images"])
_QUALITIES = {"low": "low", "medium": "medium", "high": "high", "standard": "medium", "hd": "high", "auto": None}
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


async def images(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with images, as bytes in base64: this gateway keeps no files, so it has no URL for them."""
    await _answer(gateway, exchange, await exchange.json())


async def edits(gateway: Gateway, exchange: Exchange) -> None:
    """Answer with pictures that were changed; those to change come in a form, or in JSON at data URLs and addresses."""
    if exchange.headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data"):
        async with form_of(exchange, most_files=_MOST_PICTURES + 1) as form:
            body = {name: _value(name, value) for name, value in form.multi_items() if isinstance(value, str)}
            pictures, mask = await pictures_of(form)
        await _answer(gateway, exchange, body, images=pictures, mask=mask)
        return
    body = await exchange.json()
    listed = [image_of_url(each.get("image_url")).media for each in fields.rows(body, "images")]
    if not listed:
        msg = "'images' is missing: the pictures to edit, each with its 'image_url'; or send a form with an 'image'"
        raise refuse(400, msg, code="missing_required_parameter", param="images")
    over = fields.table_of(body, "mask")
    mask_at = image_of_url(over.get("image_url")).media if over else None
    await _answer(gateway, exchange, body, images=listed, mask=mask_at)


def _value(name: str, value: str) -> Any:
    """A field of a form, whose values are all text."""
    if name in _WHOLE and value.isdecimal():
        return int(value)
    return value == "true" if name == "stream" else value


async def _answer(gateway: Gateway, exchange: Exchange, body: Mapping[str, Any], **pictures: Any) -> None:
    handle = fields.model(body)
    check_handle(exchange, handle)
    deck = gateway.deck
    capability = deck.capabilities["img_gen"]
    what = capability.read(fields.text(body, "prompt"), **pictures)
    plan = make_plan(deck, capability, what, handle=handle, settings=_settings(body))
    exchange.add_headers(gateway.notes_of(fields.unused(body, _KNOWN | {"images", "mask"} if pictures else _KNOWN)))
    async with Running(gateway, exchange, handle, plan, what) as running:
        result: ImageResult = await running.ask()
    exchange.add_headers(running.headers())
    usage = result.usage
    sent, provided = usage.input_tokens or 0, usage.output_tokens or 0
    counted: dict[str, Any] = {
        "input_tokens": sent,
        "output_tokens": provided,
        "total_tokens": sent + provided,
        "input_tokens_details": {
            "text_tokens": sent - (usage.input_image_tokens or 0),
            "image_tokens": usage.input_image_tokens or 0,
        },
    }
    if result.cost is not None:
        counted["cost"] = result.cost.amount
    kind = result.images[0].content_type.partition("/")[2] if result.images else "png"
    if fields.flag(body, "stream"):
        await _as_events(exchange, result, kind, counted)
        return
    data = [{"b64_json": b64encode(image.data).decode("ascii")} for image in result.images]
    await exchange.answer({"created": int(time.time()), "data": data, "output_format": kind, "usage": counted})


async def _as_events(exchange: Exchange, result: ImageResult, kind: str, usage: dict[str, Any]) -> None:
    """Send the images as the last events of streams; there are no partial ones."""
    stream = await exchange.open_stream()
    events = [
        {
            "type": "image_generation.completed",
            "b64_json": b64encode(image.data).decode("ascii"),
            "created_at": int(time.time()),
            "output_format": kind,
            "usage": usage,
        }
        for image in result.images
    ]
    await stream.end(*(b"event: image_generation.completed\ndata: " + encode(event) + b"\n\n" for event in events))


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    quality = body.get("quality")
    if quality is not None and (not isinstance(quality, str) or quality not in _QUALITIES):
        fields.wrong("quality", "low, medium, high or auto", quality)
    background = body.get("background")
    return fields.settings_of(
        (
            ("number", fields.whole(body, "n")),
            ("quality", _QUALITIES[quality] if isinstance(quality, str) else None),
            ("background", background if background != "auto" else None),
            ("output_format", body.get("output_format")),
            ("seed", fields.whole(body, "seed")),
            ("aspect_ratio", body.get("aspect_ratio")),
            *_size(body.get("size")),
        )
    )


def _size(size: object) -> list[tuple[str, Any]]:
    if size is None or size == "auto":
        return []
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        return fields.wrong("size", "WIDTHxHEIGHT, such as 1024x1024, or auto", size)
    return [("width", int(found[1])), ("height", int(found[2]))]
