"""The backend: requests in, scripted answers out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pipelex_backend_mock.instances import NoInstanceError, instance
from pipelex_backend_mock.pictures import png, size
from pipelex_core.backend import (
    DocumentExtractor,
    ImageGenerator,
    Moderator,
    ObjectGenerator,
    ObjectStreamer,
    Reranker,
    Speaker,
    SpeechStreamer,
    TextGenerator,
    TextStreamer,
    Transcriber,
)
from pipelex_core.pictures import kind_and_size
from pipelex_core.results import DocumentAnswer, Image, ImageAnswer, Page, TextAnswer, TokenLogprob, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pipelex_core.judging import ModerationAnswer, ModerationRequest, RerankAnswer, RerankRequest
    from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
    from pipelex_core.results import FinishReason
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest
    from pipelex_core.specs import BackendConfig, ModelSpec

_TEMPLATE = "Mock answer to: {prompt}"
_HOLE = re.compile(r"\{(prompt|system|model)\}")
_WORD = re.compile(r"\s*\S+")


class MockBackend(
    TextGenerator,
    TextStreamer,
    ObjectGenerator,
    ObjectStreamer,
    DocumentExtractor,
    ImageGenerator,
    Transcriber,
    Speaker,
    SpeechStreamer,
    Reranker,
    Moderator,
):
    """Answers by script; the same calls in the same order get the same answers."""

    fetches_urls = True  # it looks at no image and fetches nothing
    edits_images = True
    takes_masks = True
    objects_with_tools = True
    gives_logprobs = True
    gives_several = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._requested: dict[str, int] = {}

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """What the script says, or a call of a tool."""
        calls = self._tool_calls(request)
        if calls:
            return TextAnswer(text="", finish_reason="tool_calls", tool_calls=calls, usage=_usage(request, "{}"))
        text, finish = _within(self._words(request), request)
        others = tuple(_within(self._words(request), request)[0] for _ in range((request.n or 1) - 1))
        return TextAnswer(
            text=text,
            finish_reason=finish,
            usage=_usage(request, " ".join((text, *others))),
            logprobs=() if request.logprobs is None else _sure_of(text),
            alternatives=others,
        )

    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The same, word by word."""
        answer = await self.generate_text(request)
        for piece in _pieces(answer.text):
            yield piece
        yield answer

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """A JSON document that satisfies the schema; the script's own, where it is valid JSON."""
        calls = self._tool_calls(request)
        if calls:
            return TextAnswer(text="", finish_reason="tool_calls", tool_calls=calls, usage=_usage(request, "{}"))
        script = self._script(request.spec)
        if script.keys() & {"text", "texts"}:
            text = self._words(request)
        else:
            text = json.dumps(_made(request.schema), ensure_ascii=False)
        return TextAnswer(text=text, finish_reason="stop", usage=_usage(request, text))

    async def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """The same, word by word."""
        answer = await self.generate_object(request)
        for piece in _pieces(answer.text):
            yield piece
        yield answer

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """The pages the document has, their text by script; one picture on the first."""
        texts = self._script(request.spec).get("texts") or ()
        many = max(len(texts), _pages_of(request))
        pictures = (
            () if request.max_nb_images == 0 else (_picture(max(64, request.image_min_size or 0), "image-0.png"),)
        )
        return DocumentAnswer(
            pages=tuple(
                Page(
                    index=index,
                    text=str(texts[index]) if index < len(texts) else f"Mock text of page {index + 1}.",
                    images=pictures if index == 0 else (),
                )
                for index in range(many)
            ),
            usage=Usage(pages=many),
        )

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """As many PNGs as asked for, of the size asked for; else of the size of the picture that is changed."""
        width, height = size(request.width, request.height, request.aspect_ratio)
        if request.images and request.width is None and request.aspect_ratio is None and request.images[0].data:
            width, height = kind_and_size(request.images[0].data)[1] or (width, height)
        seed = request.seed or 0
        images = tuple(
            Image(data=png(width, height, seed + number), content_type="image/png", width=width, height=height)
            for number in range(request.number)
        )
        return ImageAnswer(images=images, seed=seed, usage=Usage(images=request.number))

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """What the script says, spread over the recording."""
        from pipelex_backend_mock.sounds import transcript

        text = self._text(request.spec, {"prompt": request.audio.name})
        return transcript(text, request, Usage(seconds=request.audio.seconds or 1.0))

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """Silence, as long as the text takes to say."""
        from pipelex_backend_mock.sounds import speech, spoken

        return spoken(speech(request.text, request.format), Usage(characters=len(request.text)))

    async def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """The same, in two halves."""
        answer = await self.speak(request)
        data = answer.audio.data
        yield data[: len(data) // 2]
        yield data[len(data) // 2 :]
        yield answer

    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """By the words that documents share with the query."""
        from pipelex_backend_mock.judgements import ranking

        return ranking(request)

    async def moderate(self, request: ModerationRequest) -> ModerationAnswer:
        """Nothing is harmful."""
        from pipelex_backend_mock.judgements import verdicts

        return verdicts(request)

    def _script(self, spec: ModelSpec) -> Mapping[str, Any]:
        own = {"text", "texts", "template"} & spec.options.keys()
        base = {name: value for name, value in self.config.options.items() if not own or name == "calls_tools"}
        return {**base, **spec.options}

    def _words(self, request: TextRequest) -> str:
        return self._text(request.spec, {"prompt": _prompt(request), "system": request.system or ""})

    def _text(self, spec: ModelSpec, about: Mapping[str, str]) -> str:
        script = self._script(spec)
        texts = script.get("texts") or ([script["text"]] if "text" in script else [])
        if texts:
            number = self._requested.get(spec.name, 0)
            self._requested[spec.name] = number + 1
            return str(texts[min(number, len(texts) - 1)])
        holes = {"system": "", "model": spec.name, **about}
        return _HOLE.sub(lambda found: holes[found[1]], str(script.get("template", _TEMPLATE)))

    def _tool_calls(self, request: TextRequest) -> tuple[Any, ...]:
        from pipelex_core.parts import ToolCall

        choice, tools = request.tool_choice, {tool.name: tool for tool in request.tools}
        answered = bool(request.messages) and request.messages[-1].role == "tool"
        wanted = choice in {"required", *tools} or (self._script(request.spec).get("calls_tools") and choice != "none")
        if not tools or answered or not wanted:
            return ()
        tool = tools.get(choice or "") or request.tools[0]
        return (ToolCall(id="mock_call_1", name=tool.name, arguments=_made(tool.parameters)),)


def _pieces(text: str) -> list[str]:
    """The words of a text, with the space before each, and what follows the last."""
    words = _WORD.findall(text)
    rest = text[sum(map(len, words)) :]
    return [*words, rest] if rest else words


def _sure_of(text: str) -> tuple[TokenLogprob, ...]:
    """Each word as a token that was certain."""
    return tuple(TokenLogprob(token=piece, logprob=0.0) for piece in _pieces(text))


def _made(schema: Mapping[str, Any]) -> Any:
    from pipelex_core.errors import UnsupportedInputError

    try:
        return instance(schema)
    except NoInstanceError as error:
        raise UnsupportedInputError(str(error)) from None


def _prompt(request: TextRequest) -> str:
    prompts = [message.text for message in request.messages if message.role == "user"]
    return prompts[-1] if prompts else ""


def _within(text: str, request: TextRequest) -> tuple[str, FinishReason]:
    """A text up to a stop string, and of no more words than tokens may be."""
    ends = [place for stop in request.stop if stop and (place := text.find(stop)) >= 0]
    text = text[: min(ends)] if ends else text
    words = _WORD.findall(text)
    if request.max_tokens is not None and len(words) > request.max_tokens:
        return "".join(words[: request.max_tokens]), "length"
    return text, "stop"


def _usage(request: TextRequest, text: str) -> Usage:
    """A word is a token."""
    texts = [request.system or "", *(message.text for message in request.messages)]
    return Usage(input_tokens=sum(len(words.split()) for words in texts), output_tokens=len(text.split()))


def _picture(side: int, name: str) -> Image:
    return Image(data=png(side, side), content_type="image/png", width=side, height=side, name=name)


def _pages_of(request: ExtractRequest) -> int:
    from pipelex_core.documents import count_pages

    data = request.document.data
    if data is None or request.document.media_type != "application/pdf":
        return 1
    return count_pages(data) or 1
