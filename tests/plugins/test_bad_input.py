"""What a caller, a configuration or an answer has wrong: an error of the right class, unsent where it can be known."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from pipelex_core import AsyncClient
from pipelex_core.errors import (
    AuthenticationError,
    BadRequestError,
    CallError,
    ContentFilterError,
    InvalidAnswerError,
    UnsupportedInputError,
)
from tests.conformance.provider import Reached, deck_of, installed, reached
from tests.conformance.rows import ROWS
from tests.conformance.rows.bedrock import Bedrock
from tests.conformance.rows.google import Vertex
from tests.conformance.scenario import PDF, PNG, PROMPT, City, SampleAnswer
from tests.plugins.bad_answers import bad_image, ended, wrong_key
from tests.servers import bedrock
from tests.servers.base import Reply, Server
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from pipelex_core.specs import BackendConfig, ModelSpec
    from tests.conformance.provider import Column, Provider
    from tests.servers.base import Received

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

HTML = Reply.text("<html><body>Welcome to the login page</body></html>")
SCRIPTED = [row for row in ROWS if row.is_scripted]
BROKEN_PNG = PNG[:8] + b"not the rest of a picture"
BMP = b"BM\x1a\x00\x00\x00" + b"\x00" * 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


class Gone(Server):
    """A host that has nothing."""

    async def answer(self, request: Received) -> Reply:
        return Reply.text(f"no {request.path}", status=404)


def having(*columns: Column, scripted: bool = False) -> pytest.MarkDecorator:
    """The providers that have one of these columns."""
    rows = [row for row in ROWS if row.cells & set(columns) and (row.is_scripted or not scripted)]
    return pytest.mark.parametrize("provider", rows, ids=lambda row: row.name)


@frozen
class Unkept:
    """An object type with a field that no JSON schema tells."""

    call: Callable[[int], int]


@asynccontextmanager
async def limited(provider: Provider, **changes: Any) -> AsyncIterator[Reached]:
    """The provider, its models' specs changed."""
    async with provider.server() as server:
        deck = deck_of((provider, provider.config(server.url)))
        models = {name: evolve(entry, spec=_changed(entry.spec, changes)) for name, entry in deck.models.items()}
        async with AsyncClient(evolve(deck, models=models), installed()) as client:
            yield Reached(provider, server, client)


def _changed(spec: ModelSpec | None, changes: dict[str, Any]) -> ModelSpec:
    assert spec is not None
    return evolve(spec, **changes)


async def one_call(at: Reached, what: Column, **more: Any) -> Any:
    """The call that a column is about."""
    match what:
        case "stream":
            async with at.client.stream_text(PROMPT, model=at.llm, **more) as deltas:
                return [delta async for delta in deltas]
        case "object":
            return await at.client.generate_object(PROMPT, City, model=at.llm, **more)
        case "OCR":
            return await at.client.extract(PDF, model=at.ocr, **more)
        case "image out":
            return await at.client.generate_image(PROMPT, model=at.painter, **more)
        case _:
            return await at.client.generate_text(PROMPT, model=at.llm, **more)


def refused(
    provider: Provider,
    call: Callable[[Reached], Coroutine[Any, Any, Any]],
    *replies: Reply,
    sent: int,
    **changes: Any,
) -> CallError:
    """The error of a call, and that so many requests went out for it."""

    async def main() -> CallError:
        async with asyncio.timeout(60), limited(provider, **changes) as at:
            at.server.queue(*replies)
            with pytest.raises(CallError) as caught:
                await call(at)
            assert len(at.server.received) == sent, [request.path for request in at.server.received]
            return caught.value

    error = asyncio.run(main())
    assert error.backend in ({provider.backend} if sent else {None, provider.backend})  # what is read first is nobody's
    return error


CALLS: tuple[Column, ...] = ("text", "stream", "object", "OCR", "image out")


def each_call() -> pytest.MarkDecorator:
    """Every provider with a server, and each kind of call it has."""
    return pytest.mark.parametrize(
        ("provider", "what"),
        [pytest.param(row, what, id=f"{row.name}-{what}") for row in SCRIPTED for what in CALLS if what in row.cells],
    )


@pytest.mark.parametrize("picture", [b"no picture", BMP, SVG, PDF, b""], ids=["text", "bmp", "svg", "pdf", "nothing"])
@having("image in")
def test_a_picture_that_is_none_is_not_sent(provider: Provider, picture: bytes) -> None:
    """Bytes that are no PNG, JPEG, GIF or WebP."""

    async def call(at: Reached) -> None:
        await at.client.generate_text(PROMPT, model=at.llm, images=[picture])

    assert type(refused(provider, call, sent=0)) is UnsupportedInputError


@having("image in", scripted=True)
def test_a_picture_that_only_begins_as_one_is_refused_by_the_provider(provider: Provider) -> None:
    """What only the provider can tell is its bad request, asked once."""

    async def call(at: Reached) -> None:
        await at.client.generate_text(PROMPT, model=at.llm, images=[BROKEN_PNG])

    error = refused(provider, call, bad_image(provider), sent=1)
    assert isinstance(error, BadRequestError)
    assert error.status == 400


@having("PDF in")
def test_a_document_that_is_none_is_not_sent(provider: Provider) -> None:
    """A picture, or a text, where a PDF belongs."""
    for document in (PNG, b"Dear Sir or Madam"):

        async def call(at: Reached, document: bytes = document) -> None:
            await at.client.generate_text(PROMPT, model=at.llm, documents=[document])

        assert type(refused(provider, call, sent=0)) is UnsupportedInputError


@having("OCR")
def test_nothing_to_extract_from_is_not_sent(provider: Provider, tmp_path: Path) -> None:
    """Bytes that are neither a PDF nor a picture, and a file that is not there."""
    for source in (b"Dear Sir or Madam", b"", tmp_path / "gone.pdf"):

        async def call(at: Reached, source: bytes | Path = source) -> None:
            await at.client.extract(source, model=at.ocr)

        assert type(refused(provider, call, sent=0)) is UnsupportedInputError


@having("image in")
def test_more_pictures_than_the_model_takes_are_not_sent(provider: Provider) -> None:
    """`max_prompt_images` counts them; the message says how many there may be."""

    async def call(at: Reached) -> None:
        await at.client.generate_text(PROMPT, model=at.llm, images=[PNG] * 3)

    error = refused(provider, call, sent=0, max_prompt_images=2)
    assert type(error) is UnsupportedInputError
    assert "2 images at most, not 3" in str(error)


@pytest.mark.parametrize("provided", [{"documents": [PDF]}, {"images": [PNG]}], ids=["pdf", "image"])
@having("text")
def test_what_the_models_inputs_do_not_name_is_not_sent(provider: Provider, provided: dict[str, Any]) -> None:
    """A PDF, or a picture, for a model of texts."""

    async def call(at: Reached) -> None:
        await at.client.generate_text(PROMPT, model=at.llm, **provided)

    error = refused(provider, call, sent=0, inputs=frozenset({"text"}))
    assert type(error) is UnsupportedInputError
    assert "its inputs are text" in str(error)


@pytest.mark.parametrize("kind", [Unkept, 5, {"type": 5}], ids=["a function", "no type", "no schema"])
@having("object")
def test_an_object_type_that_no_schema_tells_is_not_sent(provider: Provider, kind: Any) -> None:
    """A type with a function in it, numbers that JSON lacks, a value, and a schema that is none."""

    async def call(at: Reached) -> None:
        await at.client.generate_object(PROMPT, kind, model=at.llm)

    assert type(refused(provider, call, sent=0)) is UnsupportedInputError


@each_call()
def test_a_wrong_key_is_tried_once(provider: Provider, what: Column) -> None:
    """Whatever was asked: no answer will come with this key, so nothing is asked again."""
    error = refused(provider, lambda at: one_call(at, what), *[wrong_key(provider)] * 3, sent=1)
    assert type(error) is AuthenticationError
    assert error.status in {400, 401, 403}


class BedrockBearer(Bedrock):
    """Bedrock with an API key; the row of the table signs with a secret, which is sent nowhere."""

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return bedrock.config(url, api_key=key)


KEYED = [BedrockBearer() if row.name == "bedrock" else row for row in SCRIPTED]


@pytest.mark.parametrize("key", ["clé à remplacer…", "remplacer\nX-Other: header"], ids=["letters", "lines"])
@pytest.mark.parametrize("provider", KEYED, ids=lambda row: row.name)
def test_a_key_that_no_header_can_carry_is_not_sent(provider: Provider, key: str) -> None:
    """A key with letters that are no ASCII, as a placeholder has, or with a second line."""

    async def main() -> None:
        async with asyncio.timeout(60), reached(provider, key) as at:
            with pytest.raises(AuthenticationError) as caught:
                await one_call(at, "text" if "text" in provider.cells else "image out")
            assert at.server.received == []
            assert "remplacer" not in str(caught.value)

    asyncio.run(main())


@each_call()
def test_an_endpoint_that_answers_html(provider: Provider, what: Column) -> None:
    """A login page with status 200, say, where the endpoint is wrong: no answer, and never an empty one."""
    error = refused(provider, lambda at: one_call(at, what, retries=0), *[HTML] * 3, sent=1)
    assert type(error) is InvalidAnswerError


@having("text", scripted=True)
def test_an_answer_with_nothing_in_it(provider: Provider) -> None:
    """No words, no tool calls, and an ordinary end: no answer, streamed or not."""
    for stream in (False, True):
        reply = provider.reply(SampleAnswer(text=""), stream=stream)
        error = refused(provider, lambda at: one_call(at, "stream" if stream else "text", retries=0), reply, sent=1)  # noqa: B023 -- called in this round of the loop
        assert type(error) is InvalidAnswerError


@having("text", scripted=True)
def test_an_answer_that_is_cut_or_withheld_says_so(provider: Provider) -> None:
    """Words that end by `max_tokens`, or because of their content, come with that as their finish reason."""

    async def main() -> None:
        async with asyncio.timeout(60), reached(provider) as at:
            for end in ("length", "content_filter"):
                at.server.queue(ended(provider, "The capital", end))
                result = await one_call(at, "text")
                assert (result.text, result.finish_reason) == ("The capital", end)

    asyncio.run(main())


@having("object", scripted=True)
def test_an_object_cut_short_is_an_error_with_what_came(provider: Provider) -> None:
    """By `max_tokens`: the message names it, the partial text is there, and no repair is paid for."""
    begun = '{"name": "Par'
    error = refused(provider, lambda at: one_call(at, "object"), *[ended(provider, begun, "length")] * 3, sent=1)
    assert type(error) is InvalidAnswerError
    assert error.partial_text == begun
    assert "max_tokens" in str(error)


@having("object", scripted=True)
def test_an_object_that_is_withheld_is_an_error(provider: Provider) -> None:
    """A refusal is not an object, and is not asked for again."""
    refusal = ended(provider, "I will not say.", "content_filter")
    error = refused(provider, lambda at: one_call(at, "object"), *[refusal] * 3, sent=1)
    assert type(error) is ContentFilterError


@having("image in", scripted=True)
def test_a_picture_that_is_no_longer_at_its_address(provider: Provider) -> None:
    """Where the provider fetches it, its bad request; where it does not, core finds out, and nothing is sent there."""

    async def main() -> None:
        async with asyncio.timeout(60), reached(provider) as at, Gone() as host:
            at.server.queue(*[bad_image(provider)] * 3)
            with pytest.raises(BadRequestError):
                await at.client.generate_text(PROMPT, model=at.llm, images=[f"{host.url}/gone.png"])
            assert (len(at.server.received), len(host.received)) in {(1, 0), (0, 1)}

    asyncio.run(main())


def test_a_document_that_is_no_longer_at_its_address() -> None:
    """What is read in this process is fetched by core: an unsupported input, with the address's host."""
    (internal,) = (row for row in ROWS if row.name == "internal")

    async def main() -> None:
        async with asyncio.timeout(60), reached(internal) as at, Gone() as host:
            with pytest.raises(UnsupportedInputError, match="404") as caught:
                await at.client.extract(f"{host.url}/gone.pdf", model=at.ocr)
            assert (caught.value.backend, len(host.received)) == ("internal", 1)

    asyncio.run(main())


class Vault(Vertex):
    """Vertex AI with a credentials file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        made = super().config(url, key)
        return evolve(made, options={**made.options, "gcp_credentials_file_path": str(self._file)})


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"type": "service_account"}', '{"type": "odd"}', "\0"])
def test_a_credentials_file_that_is_missing_or_malformed(content: str | None, tmp_path: Path) -> None:
    """Vertex AI: the error names the file and the option, and nothing is sent."""
    file = tmp_path / "account.json"
    if content is not None:
        file.write_text(content)
    error = refused(Vault(file), lambda at: one_call(at, "text"), sent=0)
    assert type(error) is AuthenticationError
    assert "gcp_credentials_file_path" in str(error)
    assert str(file) in str(error)


class Profiled(Bedrock):
    """Bedrock with a profile of AWS's own files."""

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return bedrock.config(url, keys=False, aws_profile="nobody")


@pytest.mark.parametrize("content", [None, "", "no section", "[nobody]\n", "[somebody]\naws_access_key_id = x\n"])
def test_a_profile_that_is_missing_or_malformed(content: str | None, tmp_path: Path) -> None:
    """Bedrock: whatever AWS's files lack, it is about authentication, and nothing is sent."""
    if content is not None:
        (tmp_path / "credentials").write_text(content)
    assert type(refused(Profiled(), lambda at: one_call(at, "text"), sent=0)) is AuthenticationError
