"""The fal backend against a queue on loopback: submitted once, waited for, cancelled, fetched."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import traceback
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fal_client
import httpx
import httpx2
import pytest
import tomli
from attrs import evolve
from PIL import Image as Pillow

from pipelex_backend_fal import _backend, _http, _patience, pipelex_backends, pipelex_model_specs
from pipelex_backend_fal._http import FalHttp
from pipelex_core.backend import ImageGenerator
from pipelex_core.errors import (
    AuthenticationError,
    CallError,
    ContentFilterError,
    DeadlineExceededError,
    InvalidAnswerError,
    ProviderConnectionError,
    UnsupportedInputError,
)
from pipelex_core.execution.resources import LoopResources
from pipelex_core.requests import ImageRequest
from pipelex_core.sound import Segment, SpeechRequest, TranscriptRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from pipelex_operations.audio import read_recording
from pipelex_testing.running import until
from pipelex_testing.samples import PNG
from pipelex_testing.wires.fal_queue import FalServer, fault
from tests.servers.base import Reply
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_backend_fal._backend import FalBackend
    from pipelex_core.results import ImageAnswer

KEY = "fal-canary:0123456789abcdef"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short, requests may take half a second, and the environment holds another key."""
    monkeypatch.setattr(_backend, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(_patience, "PAUSES", (0.01,) * 5)
    monkeypatch.setattr(_http, "TIMEOUT", httpx.Timeout(0.5))
    monkeypatch.setenv("FAL_KEY", "not-this-one")


def make(endpoint: str | None, key: str | None = KEY) -> FalBackend:
    config = BackendConfig(name="fal", endpoint=endpoint, api_key=None if key is None else Secret(key))
    backend: FalBackend = pipelex_backends()["fal"](config)
    return backend


def ask(model_id: str = "fal-ai/flux/dev", *, arguments: dict[str, Any] | None = None, **settings: Any) -> ImageRequest:
    options = {} if arguments is None else {"arguments": arguments}
    spec = ModelSpec(
        name="flux", backend="fal", sdk="fal", model_id=model_id, model_type=ModelType.IMG_GEN, options=options
    )
    return ImageRequest(spec=spec, prompt="A lighthouse", **settings)


async def use(server: FalServer, work: Callable[[FalBackend], Awaitable[Any]], endpoint: str | None = None) -> Any:
    """What comes of work with a backend that is opened and closed around it."""
    resources, backend = LoopResources(), make(endpoint or server.url)
    try:
        await backend.open(resources)
        return await work(backend)
    finally:
        await backend.close()
        await resources.close()


def generate(request: ImageRequest | None = None, **script: Any) -> tuple[ImageAnswer, FalServer]:
    """The answer of a scripted queue."""

    async def main() -> tuple[ImageAnswer, FalServer]:
        async with FalServer(**script) as server:
            return await use(server, lambda backend: backend.generate_image(request or ask())), server

    return asyncio.run(main())


def failure(
    request: ImageRequest | None = None, kind: type[CallError] = CallError, **script: Any
) -> tuple[CallError, FalServer]:
    """The error a scripted queue leads to."""

    async def main() -> tuple[CallError, FalServer]:
        async with FalServer(**script) as server:
            with pytest.raises(kind) as caught:
                await use(server, lambda backend: backend.generate_image(request or ask()))
            return caught.value, server

    return asyncio.run(main())


# ── Going well ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_is_submitted_waited_for_and_fetched() -> None:
    """The answer has the image's bytes, type and size, the seed, the job's id, and one image as usage."""
    answer, server = generate(status=["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
    (image,) = answer.images
    assert (image.data, image.content_type, image.width, image.height) == (PNG, "image/png", 24, 24)
    assert (answer.seed, answer.request_id, answer.usage.images) == (42, "job-1", 1)
    assert answer.raw["prompt"] == "p"
    assert [(request.method, request.path) for request in server.received] == [
        ("POST", "/fal-ai/flux/dev"),
        ("GET", "/fal-ai/flux/requests/job-1/status"),
        ("GET", "/fal-ai/flux/requests/job-1/status"),
        ("GET", "/fal-ai/flux/requests/job-1/status"),
        ("GET", "/fal-ai/flux/requests/job-1"),
        ("GET", "/media/a.png"),
    ]
    assert not server.cancelled


def test_the_configured_key_goes_to_the_queue_and_to_no_image_host() -> None:
    """Requests to fal carry the key of the configuration; the fetch of an image carries none."""
    _, server = generate()
    for request in server.received:
        if request in server.fetched:
            assert "authorization" not in request.headers
        else:
            assert request.headers["authorization"] == f"Key {KEY}"


def test_several_images_keep_their_order() -> None:
    """Images are fetched side by side and returned as fal lists them."""

    async def main() -> ImageAnswer:
        async with FalServer() as server:
            server.script.result = [server.result(["slow.png", "b.png"])]
            server.script.media = {
                "slow.png": [Reply(chunks=(PNG + b"slow",), delay=0.1)],
                "b.png": [Reply(chunks=(PNG + b"b",))],
            }
            answer: ImageAnswer = await use(server, lambda backend: backend.generate_image(ask(number=2)))
            assert server.submitted[0].json["num_images"] == 2
            return answer

    answer = asyncio.run(main())
    assert [image.data for image in answer.images] == [PNG + b"slow", PNG + b"b"]
    assert answer.usage.images == 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "WEBP-lossless", "WEBP-alpha"])
def test_type_and_size_come_from_the_image_itself(kind: str) -> None:
    """What fal says of an image does not count where its bytes tell."""
    file, (form, _, variant) = BytesIO(), kind.partition("-")
    mode = "RGBA" if variant == "alpha" else "RGB"
    Pillow.new(mode, (37, 21)).save(file, form, **({"lossless": True} if variant == "lossless" else {}))
    if variant == "alpha":
        Pillow.new(mode, (37, 21), (9, 9, 9, 9)).save(file := BytesIO(), form, exif=b"Exif\0\0")
    answer, _ = generate(media={"a.png": [Reply(chunks=(file.getvalue(),), content_type="application/octet-stream")]})
    (image,) = answer.images
    assert (image.content_type, image.width, image.height) == (f"image/{form.lower()}", 37, 21)


def test_an_image_as_a_data_url_is_read() -> None:
    """A result may hold the image itself, and one alone instead of a list."""
    url = "data:image/png;base64," + b64encode(PNG).decode()
    answer, server = generate(result=[{"image": {"url": url}, "seed": 7}])
    assert (answer.images[0].data, answer.seed) == (PNG, 7)
    assert not server.fetched


DATA_URL = "data:image/png;base64," + b64encode(PNG).decode()


@pytest.mark.parametrize(
    "result",
    [
        {"images": [DATA_URL], "seed": "7", "timings": {"inference": 0.5}},
        {"images": None, "image": {"url": DATA_URL, "width": None, "file_name": None}, "has_nsfw_concepts": None},
        {"images": [], "image": DATA_URL, "seed": True},
    ],
)
def test_results_as_some_models_have_them(result: dict[str, Any]) -> None:
    """Bare URLs, nulls beside the image, and a seed that is none: what was paid for is not lost."""
    answer, _ = generate(result=[result])
    assert ([image.data for image in answer.images], answer.seed) == ([PNG], None)


def test_what_fal_says_stands_in_for_what_bytes_do_not_tell() -> None:
    """An image of a kind we do not know has the type its host gives, and the size of fal's result."""
    answer, _ = generate(media={"a.png": [Reply(chunks=(b"GIF89a...",), content_type="image/gif; x=y")]})
    assert (answer.images[0].content_type, answer.images[0].width) == ("image/gif", 24)


def test_an_image_may_have_moved() -> None:
    """Redirects of the images' host are followed."""
    answer, _ = generate(media={"a.png": [Reply(status=302, headers={"Location": "/media/b.png"})]})
    assert answer.images[0].data == PNG


def test_an_endpoint_may_have_a_path() -> None:
    """A prefix of the endpoint stands before every path of fal's, and only once."""

    async def main() -> None:
        async with FalServer(prefix="/proxy/fal") as server:
            await use(server, lambda backend: backend.generate_image(ask()), f"{server.url}/proxy/fal/")
            assert [request.path for request in server.received] == [
                "/proxy/fal/fal-ai/flux/dev",
                "/proxy/fal/fal-ai/flux/requests/job-1/status",
                "/proxy/fal/fal-ai/flux/requests/job-1",
                "/media/a.png",
            ]
            job = f"{server.url}/proxy/fal/fal-ai/flux/requests/job-1"
            async with httpx2.AsyncClient() as pool, FalHttp(KEY, f"{server.url}/proxy/fal", pool) as http:
                assert str(http._address(f"{job}?logs=1")) == f"{job}?logs=1"

    asyncio.run(main())


def test_many_jobs_at_once() -> None:
    """Twenty calls over one backend get an image each, and twenty jobs are submitted."""

    async def main() -> None:
        async with FalServer() as server:
            answers = await use(
                server, lambda backend: asyncio.gather(*(backend.generate_image(ask()) for _ in range(20)))
            )
            assert len({answer.request_id for answer in answers}) == len(server.submitted) == 20

    asyncio.run(main())


ADDRESSES = {
    "request_id": "job",
    "response_url": "https://queue.fal.run/fal-ai/flux/requests/job",
    "status_url": "https://queue.fal.run/fal-ai/flux/requests/job/status",
    "cancel_url": "https://queue.fal.run/fal-ai/flux/requests/job/cancel",
}
"""What fal tells of a job it took."""

# ── Submitted once ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "reply, kind, unsettled",
    [
        (Reply(fault="hang"), ProviderConnectionError, True),
        (Reply(fault="drop"), ProviderConnectionError, True),
        (Reply(chunks=(b'{"status": ', b'"x"}'), stall_after=1), ProviderConnectionError, True),
        (Reply(chunks=(b'{"status": ', b'"x"}'), cut_after=1), ProviderConnectionError, True),
        (Reply.text("<html><center>nginx</center></html>", status=502), CallError, True),
        (Reply.text("<html><center>nginx</center></html>", status=504), CallError, True),
        (Reply.text("<html><center>nginx</center></html>", status=503), CallError, False),
        (fault(408, "slow"), CallError, False),
        (fault(409, "conflict"), CallError, False),
        (fault(429, "slow down"), CallError, False),
        (fault(500, "oops"), CallError, True),
        (Reply.text("<html>hello</html>"), InvalidAnswerError, True),
        (Reply.json({}), InvalidAnswerError, True),
        (Reply.json([1]), InvalidAnswerError, True),
        (Reply.json({**ADDRESSES, "request_id": 5}), InvalidAnswerError, True),
        (Reply.json({**ADDRESSES, "response_url": None}), InvalidAnswerError, True),
        (Reply.json({**ADDRESSES, "status_url": ["odd"]}), InvalidAnswerError, True),
        (Reply.json({**ADDRESSES, "cancel_url": ""}), InvalidAnswerError, True),
    ],
    ids=[
        *("hang", "drop", "stall", "cut", "502", "504", "503", "408", "409", "429", "500", "html", "empty", "list"),
        *("id", "response", "status", "cancel"),
    ],
)
def test_a_job_is_never_submitted_twice(reply: Reply, kind: type[CallError], unsettled: bool) -> None:
    """Whatever comes of a submission, there is one; the error says whether fal may have taken the job all the same."""
    error, server = failure(submit=[reply], kind=kind)
    assert len(server.submitted) == 1
    assert error.unsettled is unsettled


def test_the_sdk_itself_would_submit_again() -> None:
    """The reason for all this, which a newer SDK may do away with: it repeats a submission it got no answer to."""

    async def main() -> None:
        async with FalServer(submit=[Reply(fault="drop")]) as server:
            client = fal_client.AsyncClient(key=KEY)
            async with httpx.AsyncClient(transport=_ToServer(server.url)) as http:
                client.__dict__["_client"] = asyncio.get_running_loop().create_future()
                client.__dict__["_client"].set_result(http)
                await client.submit("fal-ai/flux/dev", {"prompt": "x"})
            assert len(server.submitted) == 2

    asyncio.run(main())


class _ToServer(httpx.AsyncHTTPTransport):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = self._url.copy_with(raw_path=request.url.raw_path)
        return await super().handle_async_request(request)


def test_nobody_there_is_settled() -> None:
    """Where no connection came about, nothing was submitted."""
    backend, resources = make("http://127.0.0.1:9"), LoopResources()

    async def main() -> None:
        await backend.open(resources)
        with pytest.raises(ProviderConnectionError, match="cannot be reached") as caught:
            await backend.generate_image(ask())
        assert caught.value.unsettled is False
        await backend.close()
        await resources.close()

    asyncio.run(main())


def test_looking_at_the_queue_survives_hiccups() -> None:
    """A poll, a result and an image are asked for again: the job is paid for, and asking changes nothing."""
    answer, server = generate(
        status=[Reply(fault="drop"), fault(429, "x"), fault(503, "x"), "IN_PROGRESS", Reply(fault="hang"), "COMPLETED"],
        result=[Reply(fault="drop"), Reply.text("<center>nginx</center>", status=502)],
        media={"a.png": [Reply(fault="drop"), Reply(status=500)]},
    )
    assert answer.images[0].data == PNG
    assert len(server.submitted) == 1


def test_a_queue_that_stays_unreachable_is_given_up() -> None:
    """After so many failures in a row the job is cancelled, and the error is unsettled and names the job."""
    error, server = failure(status=[fault(503, "down")])
    assert (type(error).__name__, error.request_id, error.unsettled) == ("OverloadedError", "job-1", True)
    assert len(server.submitted) == len(server.cancelled) == 1


@pytest.mark.parametrize("status", [Reply.json({}), Reply.text("<html/>"), Reply.json({"status": "LOST"})])
def test_a_status_that_is_none_is_an_error(status: Reply) -> None:
    """An answer that is not a status of fal's ends the wait with the job cancelled."""
    error, server = failure(status=[status], kind=InvalidAnswerError)
    assert error.unsettled
    assert len(server.cancelled) == 1


# ── Giving up ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def give_up(server_script: dict[str, Any], *, after: int) -> tuple[FalServer, float]:
    """Cancel a call once the server has had so many requests; the server, and how long the caller waited."""

    async def main() -> tuple[FalServer, float]:
        async with FalServer(**server_script) as server:

            async def work(backend: FalBackend) -> float:
                call = asyncio.create_task(backend.generate_image(ask()))
                await until(lambda: len(server.received) >= after)
                started = asyncio.get_running_loop().time()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                return asyncio.get_running_loop().time() - started

            return server, await use(server, work)

    return asyncio.run(main())


def test_a_caller_who_gives_up_has_the_job_cancelled() -> None:
    """By the time the cancellation reaches the caller, the server has seen it."""
    server, _ = give_up({"status": ["IN_PROGRESS"]}, after=3)
    (cancelled,) = server.cancelled
    assert cancelled.path == "/fal-ai/flux/requests/job-1/cancel"
    assert cancelled.headers["authorization"] == f"Key {KEY}"


def test_a_job_under_submission_is_cancelled_once_its_id_is_known() -> None:
    """Giving up while fal is about to take the job does not leave it running."""
    submit = Reply.json(FalServer().job("/fal-ai/flux/dev", "job-9", "IN_QUEUE"), delay=0.15)
    server, _ = give_up({"submit": [submit]}, after=1)
    assert [request.path for request in server.cancelled] == ["/fal-ai/flux/requests/job-9/cancel"]
    assert len(server.submitted) == 1


def test_a_submission_that_fails_after_giving_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to cancel then."""
    with caplog.at_level(logging.INFO, logger=_backend.__name__):
        server, _ = give_up({"submit": [Reply(status=503, delay=0.15)]}, after=1)
    assert not server.cancelled
    assert "not taken by fal: OverloadedError" in caplog.text


def test_giving_up_takes_no_longer_than_its_grace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that does not answer the cancellation cannot hold the caller."""
    monkeypatch.setattr(_backend, "GRACE", 0.1)
    monkeypatch.setattr(_http, "TIMEOUT", httpx.Timeout(30))
    server, seconds = give_up({"status": ["IN_PROGRESS"], "cancel": [Reply(fault="hang")]}, after=3)
    assert seconds < 5
    assert len(server.cancelled) == 1


def test_a_submission_that_is_not_answered_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server sees the disconnect while the backend is open; the log says that the job may be charged."""
    monkeypatch.setattr(_backend, "GRACE", 0.1)

    async def main() -> None:
        async with FalServer(submit=[Reply(fault="hang")]) as server:

            async def work(backend: FalBackend) -> None:
                call = asyncio.create_task(backend.generate_image(ask()))
                async with asyncio.timeout(30):
                    await until(lambda: server.received)
                    call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call
                    await until(lambda: server.abandoned == server.submitted)

            await use(server, work)

    asyncio.run(main())
    assert "may be charged" in caplog.text


def test_a_job_that_cannot_be_cancelled_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Fal refuses to cancel what is done; the log says which job may be charged."""
    give_up({"status": ["IN_PROGRESS"], "cancel": [fault(400, "ALREADY_COMPLETED")]}, after=3)
    assert "fal job job-1 could not be cancelled" in caplog.text


def test_a_slow_queue_is_waited_for_no_longer_than_the_caller_has() -> None:
    """When the time is over the job is cancelled, and the error is a deadline's; fal was told the time too."""
    error, server = failure(ask(timeout=1.2), status=["IN_QUEUE"], kind=DeadlineExceededError)
    assert error.unsettled
    assert len(server.cancelled) == 1
    assert server.submitted[0].headers["x-fal-request-timeout"] == "1.2"


def test_a_slow_queue_within_the_callers_time_gives_its_image() -> None:
    """A job that takes its time, but not all of the caller's, succeeds."""
    answer, server = generate(ask(timeout=20), status=["IN_QUEUE"] * 5 + ["IN_PROGRESS"] * 5 + ["COMPLETED"])
    assert answer.images[0].data == PNG
    assert not server.cancelled


def test_a_time_too_short_for_fal_is_kept_all_the_same() -> None:
    """Fal takes no limit of a second or less; the wait has it nevertheless."""
    error, server = failure(ask(timeout=0.2), status=["IN_QUEUE"], kind=DeadlineExceededError)
    assert "x-fal-request-timeout" not in server.submitted[0].headers
    assert "0.2 s" in str(error)


# ── Results that are none ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "result",
    [{}, {"images": []}, {"images": None}, {"images": [{}]}, {"images": ["x"]}, [1], Reply.text("<html/>")],
    ids=["empty", "no-images", "null", "no-url", "strings", "list", "html"],
)
def test_a_result_without_images_is_an_error(result: Any) -> None:
    """Never a silent empty answer."""
    error, server = failure(
        result=[result if isinstance(result, Reply) else Reply.json(result)], kind=InvalidAnswerError
    )
    assert (error.request_id, error.unsettled) == ("job-1", True)
    assert len(server.submitted) == 1


@pytest.mark.parametrize(
    "reply, kind",
    [
        (Reply.text("<html>gone</html>", status=404), InvalidAnswerError),
        (Reply.text("<html>hello</html>"), InvalidAnswerError),
        (Reply(content_type="image/png"), InvalidAnswerError),
        (Reply(content_type="image/png", chunks=(b"<html>sorry</html>",)), InvalidAnswerError),
        (Reply(content_type="image/png", chunks=(b'{"error": "expired"}',)), InvalidAnswerError),
    ],
    ids=["404", "html", "empty", "a page that is called an image", "JSON that is called an image"],
)
def test_an_image_that_is_none_is_an_error(reply: Reply, kind: type[CallError]) -> None:
    """What the result points at must be an image."""
    error, _ = failure(media={"a.png": [reply]}, kind=kind)
    assert (error.request_id, error.unsettled) == ("job-1", True)


def test_an_image_whose_host_stays_down_is_a_connection_error() -> None:
    """The image was made and is lost: unsettled, so that nobody pays for it again unasked."""
    error, _ = failure(media={"a.png": [Reply(fault="drop")] * 20}, kind=ProviderConnectionError)
    assert (error.request_id, error.unsettled) == ("job-1", True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.png", "x.png", "data:image/png;base64,%%%"])
def test_an_image_at_no_address_is_an_error(url: str) -> None:
    """A result may hold anything; only addresses of the web and data are followed."""
    failure(result=[Reply.json({"images": [{"url": url}]})], kind=InvalidAnswerError)


def test_filtered_images_are_left_out_and_counted() -> None:
    """What the safety checker flagged is black: it is not returned, but it is paid for."""

    async def main() -> ImageAnswer:
        async with FalServer() as server:
            server.script.result = [server.result(["a.png", "b.png"], has_nsfw_concepts=[True, False])]
            answer: ImageAnswer = await use(server, lambda backend: backend.generate_image(ask()))
            assert [request.path for request in server.fetched] == ["/media/b.png"]
            return answer

    answer = asyncio.run(main())
    assert (len(answer.images), answer.usage.images) == (1, 2)


def test_nothing_but_filtered_images_is_a_content_filter_error() -> None:
    """Where every image was flagged, the error says so; without the checker a flag is an opinion only."""
    flagged = {"images": [{"url": "data:image/png;base64," + b64encode(PNG).decode()}], "has_nsfw_concepts": [True]}
    error, server = failure(result=[flagged], kind=ContentFilterError)
    assert (error.request_id, server.fetched) == ("job-1", [])
    answer, _ = generate(ask(is_moderated=False), result=[flagged])
    assert len(answer.images) == 1


# ── Keys and registration ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", [None, "", "kéy", "key\nwith a line"])
def test_a_key_that_is_none_is_refused_before_any_request(key: str | None) -> None:
    """The environment's key is no substitute, and the error does not show the key."""

    async def main() -> None:
        async with FalServer() as server:
            backend = make(server.url, key)
            with pytest.raises(AuthenticationError) as caught:
                await backend.open(LoopResources())
            assert not server.received
            assert not key or key not in "".join(traceback.format_exception(caught.value))
            await backend.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply", [fault(401, f"bad key {KEY}"), Reply.text(f"<p>{KEY}</p>", status=500), Reply(fault="drop")]
)
def test_no_error_shows_the_key(reply: Reply) -> None:
    """A server that echoes the key does not bring it into an error, nor into what stands behind it."""
    error, _ = failure(submit=[reply])
    assert KEY not in "".join(traceback.format_exception(error)) + repr(vars(error))
    assert error.__cause__ is None


def test_without_an_endpoint_the_key_goes_to_fal_alone() -> None:
    """An address in an answer that is not fal's gets no request, and so no key."""

    async def main() -> None:
        async with FalServer() as server, httpx2.AsyncClient() as pool, FalHttp(KEY, None, pool) as http:
            for url in (
                f"{server.url}/x",
                "http://queue.fal.run/x",
                "https://queue.fal.run.example.org/x",
                "https://x",
            ):
                with pytest.raises(InvalidAnswerError, match="fal alone"):
                    await http.request("GET", url)
            assert not server.received
            for url in ("https://queue.fal.run/x", "https://fal.run/x", "https://queue.falrun.com/x"):
                assert str(http._address(url)) == url

    asyncio.run(main())


def test_the_plugin_imports_no_sdk_before_it_is_used() -> None:
    """Its hooks answer in a fresh interpreter without fal's SDK, httpx or httpx2 being imported."""
    code = (
        "import sys, pipelex_backend_fal as p; p.pipelex_backends(); p.pipelex_model_specs();"
        "print([m for m in ('fal_client', 'httpx', 'httpx2') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_shipped_specs_are_of_known_models() -> None:
    """Every model with a name of its own has an entry in the table of arguments, and the key's variable is named."""
    from pipelex_backend_fal._models import MODELS

    shipped = tomli.loads(pipelex_model_specs()["fal"].read_text(encoding="utf-8"))
    assert shipped.pop("backend") == {"display_name": "fal", "api_key": "${FAL_API_KEY}"}
    assert shipped.pop("defaults")["sdk"] == "fal"
    painters = {name: model for name, model in shipped.items() if model.get("model_type", "img_gen") == "img_gen"}
    named = {model["model_id"] for name, model in painters.items() if not model["model_id"].endswith(name)}
    assert named <= set(MODELS)
    assert isinstance(make("http://127.0.0.1:9"), ImageGenerator)


# ── Speech, both ways ─────────────────────────────────────────────────────────────────────────────────────────────────


def of_sound(model_id: str, **options: Any) -> ModelSpec:
    """A model of fal's that hears or speaks."""
    kind = ModelType.TRANSCRIBER if "whisper" in model_id or "wizper" in model_id else ModelType.SPEAKER
    return ModelSpec(name="m", backend="fal", sdk="fal", model_id=model_id, model_type=kind, options=options)


def did(operation: str, request: Any, **script: Any) -> tuple[Any, FalServer]:
    """What a job came to."""

    async def main() -> tuple[Any, FalServer]:
        async with FalServer(**script) as server:
            if operation == "speak" and not server.script.result:
                server.script.result.append({"audio": {"url": f"{server.media_url}a.wav"}})
            return await use(server, lambda backend: getattr(backend, operation)(request)), server

    return asyncio.run(main())


RECORDING = read_recording(wav(2))
CHUNKS = [
    {"timestamp": [0, 1.5], "text": " Three rivers", "speaker": "SPEAKER_00"},
    {"timestamp": [1.5, None], "text": "meet.", "speaker": "SPEAKER_01"},
]


def test_a_recording_is_transcribed() -> None:
    """It goes as a data URL; segments have times and speakers, and a last one without an end ends where it begins."""
    request = TranscriptRequest(
        spec=of_sound("fal-ai/whisper"),
        audio=RECORDING,
        language="en",
        timestamps="segment",
        speakers=True,
        prompt="Oslo",
    )
    result = {"text": " Three rivers meet.", "chunks": CHUNKS, "inferred_languages": ["en"]}
    answer, server = did("transcribe", request, result=[result])
    sent = server.submitted[0].json
    assert sent.pop("audio_url").startswith("data:audio/wav;base64,UklGR")
    assert sent == {"task": "transcribe", "language": "en", "chunk_level": "segment", "diarize": True, "prompt": "Oslo"}
    assert (answer.text, answer.language, answer.duration_s) == ("Three rivers meet.", "en", 2.0)
    assert answer.segments == (
        Segment(start=0, end=1.5, text="Three rivers", speaker="SPEAKER_00"),
        Segment(start=1.5, end=1.5, text="meet.", speaker="SPEAKER_01"),
    )
    assert answer.usage.seconds == 2.0


def test_elevenlabs_tells_the_times_of_words() -> None:
    """In a form of its own; what is between two words is not one."""
    words = [
        {"text": "Three", "start": 0, "end": 0.4, "type": "word", "speaker_id": "s1"},
        {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing"},
    ]
    away = read_recording("https://a.example/talk.mp3")
    request = TranscriptRequest(spec=of_sound("fal-ai/elevenlabs/speech-to-text"), audio=away, timestamps="word")
    answer, server = did("transcribe", request, result=[{"text": "Three", "language_code": "eng", "words": words}])
    assert server.submitted[0].json == {
        "audio_url": "https://a.example/talk.mp3",
        "diarize": False,
        "tag_audio_events": False,
    }
    assert answer.segments == (Segment(start=0, end=0.4, text="Three", speaker="s1"),)
    assert answer.language == "eng"


@pytest.mark.parametrize(
    "model_id, fields, sent",
    [
        (
            "fal-ai/kokoro/american-english",
            {"format": "wav", "voice": "af_sky"},
            {"prompt": "Hello.", "voice": "af_sky"},
        ),
        ("fal-ai/elevenlabs/tts/turbo-v2.5", {"speed": 1.1}, {"text": "Hello.", "speed": 1.1}),
        (
            "fal-ai/minimax/speech-02-hd",
            {"voice": "Wise_Woman", "speed": 0.9},
            {"text": "Hello.", "voice_setting": {"voice_id": "Wise_Woman", "speed": 0.9}},
        ),
        ("xai/tts/v1", {}, {"text": "Hello."}),
    ],
)
def test_a_text_is_spoken(model_id: str, fields: dict[str, Any], sent: dict[str, Any]) -> None:
    """In the words of each model; the sound is fetched without the key."""
    request = SpeechRequest(spec=of_sound(model_id), text="Hello.", **fields)
    sound = Reply(chunks=(wav(1),), content_type="audio/wav")
    answer, server = did("speak", request, media={"a.wav": [sound]})
    assert server.submitted[0].json == sent
    assert (answer.audio.data, answer.audio.sample_rate, answer.usage.characters) == (wav(1), 16_000, 6)
    assert "authorization" not in server.fetched[0].headers


@pytest.mark.parametrize(
    "operation, request_, kind, match",
    [
        (
            "transcribe",
            TranscriptRequest(spec=of_sound("fal-ai/wizper"), audio=RECORDING, timestamps="word"),
            UnsupportedInputError,
            "neither those of words nor speakers",
        ),
        (
            "transcribe",
            TranscriptRequest(spec=of_sound("fal-ai/whisper"), audio=evolve(RECORDING, size=21 * 1024 * 1024)),
            UnsupportedInputError,
            "name a URL of it",
        ),
        (
            "speak",
            SpeechRequest(spec=of_sound("fal-ai/kokoro/american-english"), text="Hi", format="mp3"),
            UnsupportedInputError,
            "gives wav, not mp3",
        ),
        (
            "speak",
            SpeechRequest(spec=of_sound("xai/tts/v1"), text="Hi", instructions="whisper"),
            UnsupportedInputError,
            "takes no instructions",
        ),
    ],
)
def test_what_a_model_of_sound_does_not_take_is_refused(
    operation: str, request_: Any, kind: type[CallError], match: str
) -> None:
    """Before a job is submitted."""
    with pytest.raises(kind, match=match):
        did(operation, request_)


@pytest.mark.parametrize("result", [{}, {"text": 5}, {"text": "a", "chunks": [{"timestamp": ["x", 1], "text": "a"}]}])
def test_a_result_without_a_transcript(result: dict[str, Any]) -> None:
    """It was paid all the same, and the error says that."""
    request = TranscriptRequest(spec=of_sound("fal-ai/whisper"), audio=RECORDING, timestamps="segment")
    with pytest.raises(InvalidAnswerError, match="no transcript") as caught:
        did("transcribe", request, result=[result])
    assert caught.value.unsettled


@pytest.mark.parametrize(
    "script",
    [{"result": [{"audio": None}]}, {"media": {"a.wav": [Reply(chunks=(b"<html>",), content_type="text/html")]}}],
)
def test_a_result_without_sound(script: dict[str, Any]) -> None:
    """Nor is a web page sound."""
    request = SpeechRequest(spec=of_sound("xai/tts/v1"), text="Hi")
    with pytest.raises(InvalidAnswerError, match="sound"):
        did("speak", request, **script)
