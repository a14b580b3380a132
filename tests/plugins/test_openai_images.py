"""Image generation: what a request becomes, and how the pictures come out of an answer."""

from __future__ import annotations

import base64
import email
import email.policy
from typing import Any

import openai
import pytest

from pipelex_backend_openai._images import size_for_ratio
from pipelex_core import errors
from pipelex_core.parts import DocumentPart, Media, Message, TextPart
from pipelex_core.requests import ImageRequest
from pipelex_core.results import ImageAnswer, Usage
from pipelex_core.specs import ModelType
from pipelex_testing.samples import png
from tests.plugins.openai_calls import config, spec, text_request, with_backend
from tests.servers.base import Reply, Server
from tests.servers.openai_server import completion

JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"
    "wAALCAADAAUBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z"
)


def wish(**fields: Any) -> ImageRequest:
    """A wish for a picture."""
    options = fields.pop("options", {})
    model = spec("openai_img_gen", model_type=ModelType.IMG_GEN, options=options)
    return ImageRequest(spec=model, prompt="A lighthouse", **fields)


def made(*replies: Reply, name: str = "openai", sdk: str = "openai_img_gen", **fields: Any) -> tuple[ImageAnswer, Any]:
    """The answer to a wish, and the request it became."""

    async def use(backend: Any, server: Server) -> Any:
        return await backend.generate_image(wish(**fields)), server.received[0]

    answer, received = with_backend(use, *replies, sdk=sdk, make=lambda url: config(url, name))
    return answer, received


@pytest.mark.parametrize("sdk", ["openai", "openai_img_gen", "openai_alt_img_gen"])
def test_a_bare_wish(sdk: str) -> None:
    """Prompt and model are all that has to be sent; each sdk that a spec of images names does it."""
    answer, received = made(sdk=sdk)
    assert (received.path, received.json) == (
        "/v1/images/generations",
        {"model": "gpt-test", "prompt": "A lighthouse"},
    )
    image = answer.images[0]
    assert (image.data, image.content_type, image.width, image.height) == (png(), "image/png", 2, 2)
    assert (answer.request_id, answer.usage) == ("req_test", Usage(images=1))


def test_every_setting_of_gpt_image() -> None:
    """Size, quality, background, format, moderation and number; hints for other models are left out."""
    answer, received = made(
        number=2,
        width=1024,
        height=1536,
        quality="high",
        background="transparent",
        output_format="webp",
        is_moderated=False,
        guidance_scale=7.5,
        safety_tolerance=3,
    )
    assert received.json == {
        "model": "gpt-test",
        "prompt": "A lighthouse",
        "n": 2,
        "size": "1024x1536",
        "quality": "high",
        "background": "transparent",
        "output_format": "webp",
        "moderation": "low",
    }
    assert len(answer.images) == 2


@pytest.mark.parametrize("quality, word", [("low", "standard"), ("medium", "standard"), ("high", "hd")])
def test_a_model_may_have_other_words_for_a_quality(quality: Any, word: str) -> None:
    """Those of DALL·E, where the model's spec says so."""
    _, received = made(quality=quality, options={"image_qualities": "standard_or_hd"})
    assert received.json["quality"] == word


@pytest.mark.parametrize(
    "name, fields",
    [
        ("openai", {"seed": 1}),
        ("xai", {"width": 512, "height": 512}),
        ("xai", {"background": "opaque"}),
        ("blackboxai", {"number": 2}),
        ("blackboxai", {"aspect_ratio": "16:9"}),
        ("openai", {"aspect_ratio": "wide"}),
        ("openai", {"aspect_ratio": "1:0"}),
    ],
)
def test_what_would_change_the_picture_and_cannot_be_sent_is_refused(name: str, fields: dict[str, Any]) -> None:
    """Before any request, and by its name."""
    with pytest.raises(errors.UnsupportedInputError):
        made(name=name, **fields)


@pytest.mark.parametrize(
    "ratio, sizes, size",
    [
        ("1:1", "fixed", "1024x1024"),
        ("16:9", "fixed", "1536x1024"),
        ("3:4", "fixed", "1024x1536"),
        ("1:1", "free", "1024x1024"),
        ("16:9", "free", "1360x768"),
        ("2:3", "free", "832x1248"),
    ],
)
def test_a_ratio_becomes_a_size(ratio: str, sizes: str, size: str) -> None:
    """The nearest of the sizes there are, or a free one of about a million pixels in steps of 16."""
    assert size_for_ratio(ratio, sizes) == size


def test_a_ratio_is_sent_as_the_endpoint_takes_it() -> None:
    """As a size to OpenAI, as it is to xAI."""
    assert made(aspect_ratio="16:9")[1].json["size"] == "1536x1024"
    assert made(aspect_ratio="16:9", options={"image_sizes": "free"})[1].json["size"] == "1360x768"
    assert made(aspect_ratio="16:9", name="xai")[1].json["aspect_ratio"] == "16:9"


def test_a_response_format_is_asked_for_by_an_option() -> None:
    """GPT image models refuse it, others need it."""
    assert made(options={"image_response_format": "b64_json"})[1].json["response_format"] == "b64_json"


@pytest.mark.parametrize(
    "item, content_type",
    [
        ({"url": "{server}/picture.png"}, "image/png"),
        ({"url": "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()}, "image/jpeg"),
    ],
)
def test_a_picture_behind_a_url(item: dict[str, str], content_type: str) -> None:
    """The bytes are fetched, without the key."""

    async def use(backend: Any, server: Server) -> Any:
        server.queue(Reply.json({"data": [{"url": item["url"].replace("{server}", server.url)}]}))
        return await backend.generate_image(wish()), server.received

    answer, received = with_backend(use, sdk="openai_img_gen")
    assert answer.images[0].content_type == content_type
    assert all("authorization" not in request.headers for request in received[1:])


def test_the_size_of_a_jpeg_is_known() -> None:
    """Width and height are read from the picture itself."""
    image = made(Reply.json({"data": [{"b64_json": base64.b64encode(JPEG).decode()}]}))[0].images[0]
    assert (image.width, image.height) == (5, 3)


def test_tokens_of_a_picture() -> None:
    """The counts of GPT image models, beside the number of images."""
    usage = {"input_tokens": 10, "output_tokens": 4160, "total_tokens": 4170}
    data = [{"b64_json": base64.b64encode(png()).decode()}]
    answer, _ = made(Reply.json({"data": data, "usage": usage}))
    assert answer.usage == Usage(input_tokens=10, output_tokens=4160, images=1)


@pytest.mark.parametrize(
    "body",
    [
        {"created": 1},
        {"data": []},
        {"data": [{}]},
        {"data": ["x"]},
        {"data": [{"b64_json": "!!"}]},
        {"data": [{"b64_json": base64.b64encode(b"hello").decode()}]},
        {"data": [{"url": "http://127.0.0.1:9/nothing.png"}]},
        {"data": [{"url": "nonsense"}]},
    ],
)
def test_an_answer_without_a_picture(body: Any) -> None:
    """What is not a picture, or cannot be fetched, is an invalid answer that keeps what came: it is not paid twice."""
    with pytest.raises(errors.InvalidAnswerError) as caught:
        made(Reply.json(body))
    assert caught.value.raw == body


def test_a_picture_that_is_gone() -> None:
    """A URL that answers with an error is named."""

    async def use(backend: Any, server: Server) -> Any:
        server.queue(Reply.json({"data": [{"url": f"{server.url}/gone.png"}]}), Reply.json({}, status=404))
        await backend.generate_image(wish())

    with pytest.raises(errors.InvalidAnswerError, match=r"gone\.png answered 404"):
        with_backend(use, sdk="openai_img_gen")


def test_a_chat_that_answers_with_a_url() -> None:
    """BlackBox makes pictures in a chat: the URL in its answer is fetched."""

    async def use(backend: Any, server: Server) -> Any:
        server.queue(Reply.json(completion(f"Here: ![it]({server.url}/a.png)")))
        return await backend.generate_image(wish(quality="high", guidance_scale=7.5)), server.received[0]

    answer, received = with_backend(use, sdk="openai_alt_img_gen", make=lambda url: config(url, "blackboxai"))
    assert received.path == "/v1/chat/completions"
    assert received.json == {"model": "gpt-test", "messages": [{"role": "user", "content": "A lighthouse"}]}
    assert answer.images[0].data == png()
    with pytest.raises(errors.InvalidAnswerError, match="no URL"):
        made(Reply.json(completion("I cannot draw.")), name="blackboxai", sdk="openai_alt_img_gen")


def test_a_document_behind_a_url_is_fetched_for_a_chat() -> None:
    """Chat completions take no URL of a document: its bytes are sent; one that is gone is refused."""

    def asking(server: Server) -> Any:
        media = Media(url=f"{server.url}/a.pdf", media_type="application/pdf", name="a.pdf")
        return text_request(messages=(Message(role="user", parts=(TextPart("Read."), DocumentPart(media))),))

    async def use(backend: Any, server: Server) -> Any:
        server.queue(Reply(chunks=(b"%PDF",), content_type="application/pdf"))
        await backend.generate_text(asking(server))
        return server.received[1].json["messages"][0]["content"][1]["file"]

    async def use_gone(backend: Any, server: Server) -> Any:
        server.queue(Reply.json({}, status=404))
        async for _ in backend.stream_text(asking(server)):
            pass

    assert with_backend(use) == {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}
    with pytest.raises(errors.UnsupportedInputError, match="404"):
        with_backend(use_gone)


def test_an_endpoint_may_fetch_nothing() -> None:
    """Ollama downloads no pictures: core is told so, and turns URLs into bytes."""

    async def use(backend: Any, _: Server) -> bool:
        return bool(backend.fetches_urls)

    assert with_backend(use) is True
    assert with_backend(use, make=lambda url: config(url, "ollama")) is False
    assert with_backend(use, make=lambda url: config(url, options={"fetches_urls": False})) is False


# ── Pictures that are changed ─────────────────────────────────────────────────────────────────────────────────────────

PICTURE = Media(data=png(), media_type="image/png", name="harbour.png")
MASK = Media(data=png(transparent=True), media_type="image/png")


def parts_of(received: Any) -> list[tuple[str, str | None, bytes]]:
    """Name, file name and content of each part of a form, by Python's own parser of mails."""
    head = b"Content-Type: " + received.headers["content-type"].encode() + b"\r\n\r\n"
    form = email.message_from_bytes(head + received.body, policy=email.policy.HTTP)
    found = []
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(name), part.get_filename(), content))
    return found


@pytest.mark.parametrize("sdk, name", [("openai", "openai"), ("openai", "a-gateway")])
def test_pictures_go_in_a_form_in_their_order(sdk: str, name: str) -> None:
    """With names and types, the mask last; fields beside them as they are in a generation."""
    answer, received = made(sdk=sdk, name=name, images=(PICTURE, PICTURE), mask=MASK, number=2, quality="low")
    assert received.path == "/v1/images/edits"
    assert parts_of(received) == [
        ("model", None, b"gpt-test"),
        ("prompt", None, b"A lighthouse"),
        ("n", None, b"2"),
        ("quality", None, b"low"),
        ("image[]", "image-0.png", png()),
        ("image[]", "image-1.png", png()),
        ("mask", "mask.png", png(transparent=True)),
    ]
    assert received.body.count(b"Content-Type: image/png") == 3
    assert [image.content_type for image in answer.images] == ["image/png"]


def test_one_picture_is_sent_as_the_sdk_sends_it() -> None:
    """The plugin's form has the very parts of `client.images.edit`; pinned, so that another SDK's way is noticed."""

    async def use(backend: Any, server: Server) -> Any:
        await backend.generate_image(wish(images=(PICTURE,)))
        sdk = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0)
        async with sdk:
            await sdk.images.edit(model="gpt-test", prompt="A lighthouse", image=[("image-0.png", png(), "image/png")])
        return [parts_of(each) for each in server.received]

    ours, theirs = with_backend(use, sdk="openai_img_gen", make=lambda url: config(url, "openai"))
    assert sorted(ours) == sorted(theirs)


def test_what_is_at_a_url_is_downloaded_for_a_form() -> None:
    """As no form takes an address; its type is that of its bytes."""

    async def use(backend: Any, server: Server) -> Any:
        url = f"{server.url}/harbour.png"
        await backend.generate_image(wish(images=(Media(url=url, media_type="image/jpeg"),)))
        return [received for received in server.received if received.path.endswith("/edits")]

    (received,) = with_backend(use, sdk="openai_img_gen", make=lambda url: config(url, "openai"))
    assert parts_of(received)[-1] == ("image[]", "image-0.png", png())


@pytest.mark.parametrize("count, key", [(1, "image"), (3, "images")])
def test_xai_takes_pictures_in_json(count: int, key: str) -> None:
    """As URLs, data URLs among them."""
    link = {"type": "image_url", "url": PICTURE.as_url()}
    _, received = made(name="xai", images=(PICTURE,) * count)
    assert received.path == "/v1/images/edits"
    assert received.json[key] == (link if count == 1 else [link] * count)


@pytest.mark.parametrize(
    "name, fields, match",
    [
        ("xai", {"images": (PICTURE,), "mask": MASK}, "takes no mask"),
        ("openai", {"images": (PICTURE,), "options": {"image_edits": "none"}}, "of a prompt alone"),
        ("blackboxai", {"images": (PICTURE,)}, "of a prompt alone"),
    ],
)
def test_an_endpoint_that_does_not_edit_says_so(name: str, fields: dict[str, Any], match: str) -> None:
    """Before any request."""
    with pytest.raises(errors.UnsupportedInputError, match=match):
        made(name=name, **fields)
