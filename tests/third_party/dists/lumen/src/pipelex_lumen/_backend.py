"""`POST /v2/complete`, answered with one JSON document, or with a line of JSON a piece."""

import json
from contextlib import contextmanager

import httpx2

from pipelex_core import errors
from pipelex_core.backend import ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.headers import retry_after
from pipelex_core.parts import ProviderPart, TextPart
from pipelex_core.results import TextAnswer, Usage

_ENDS = {"done": "stop", "max": "length", "blocked": "content_filter"}
_CODES = {"window": errors.ContextTooLongError}


class LumenBackend(TextGenerator, TextStreamer, ObjectGenerator):
    async def open(self, resources):
        self._http = resources.http()
        self._url = (self.config.endpoint or "https://api.lumen.example").rstrip("/") + "/v2/complete"
        self._headers = {"Content-Type": "application/json", "X-Lumen-Key": self.config.api_key.reveal()}
        if "tenant" in self.config.options:
            self._headers["X-Lumen-Tenant"] = self.config.options["tenant"]

    async def generate_text(self, request):
        answer = await self._ask(_body(request))
        if not answer.text:
            raise errors.InvalidAnswerError("the answer is empty", raw=answer.raw)
        return answer

    async def generate_object(self, request):
        return await self._ask({**_body(request), "shape": request.schema})

    async def stream_text(self, request):
        reported, body = "", json.dumps({**_body(request), "pieces": True})
        try:
            with _translated():
                async with self._http.stream("POST", self._url, content=body, headers=self._headers) as response:
                    if response.status_code != 200:
                        await response.aread()
                        raise _failure(response)
                    async for event in _lines(response):
                        if "piece" in event:
                            reported += event["piece"]
                            yield event["piece"]
                        elif "problem" in event:
                            raise errors.ServerError("the provider failed in the middle of its answer")
                        elif "end" in event:
                            if not reported:
                                raise errors.InvalidAnswerError("the answer is empty")
                            yield _answer({**event, "words": reported}, response)
                            return
        except errors.CallError as error:
            error.partial_text = reported or None
            raise
        raise errors.ProviderConnectionError("the stream ended before the answer did", partial_text=reported or None)

    async def _ask(self, body):
        with _translated():
            response = await self._http.post(self._url, content=json.dumps(body), headers=self._headers)
            if response.status_code != 200:
                raise _failure(response)
            return _answer(json.loads(response.content), response)


async def _lines(response):
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                event = json.loads(line)
                if not isinstance(event, dict):
                    raise errors.InvalidAnswerError("a line of the stream is not an object")
                yield event


def _body(request):
    if request.tools:
        raise errors.UnsupportedInputError("Lumen has no tools")
    dialogue = [{"by": message.role, "words": _words(message)} for message in request.messages]
    optional = {
        "rules": request.system,
        "heat": request.temperature,
        "longest": request.max_tokens,
        "nucleus": request.top_p,
        "dice": request.seed,
        "until": list(request.stop) or None,
    }
    return {"model": request.spec.model_id, "dialogue": dialogue} | {k: v for k, v in optional.items() if v is not None}


def _words(message):
    if all(isinstance(part, (TextPart, ProviderPart)) for part in message.parts):
        return message.text
    raise errors.UnsupportedInputError("Lumen reads text alone")


def _answer(stated, response):
    if not isinstance(stated, dict) or not isinstance(stated.get("words"), str) or not stated.get("end"):
        raise errors.InvalidAnswerError("this is not an answer of Lumen's", raw=stated)
    counts = stated.get("counts")
    counts = counts if isinstance(counts, dict) else {}
    numbers = {name: value for name, value in counts.items() if type(value) is int and value >= 0}
    return TextAnswer(
        text=stated["words"],
        finish_reason=_ENDS.get(str(stated["end"]), "other"),
        usage=Usage(
            input_tokens=numbers.get("in"), output_tokens=numbers.get("out"), cached_tokens=numbers.get("known")
        ),
        request_id=response.headers.get("x-lumen-request"),
        raw=stated,
    )


@contextmanager
def _translated():
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
        raise errors.ProviderConnectionError(f"the connection failed ({type(error).__name__})") from None
    except (ValueError, TypeError, RecursionError):
        raise errors.InvalidAnswerError("the answer is not in Lumen's form") from None


def _failure(response):
    try:
        problem = json.loads(response.content)["problem"]
        code, words = str(problem.get("code")), str(problem.get("words") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        code, words = "", ""
    kind = _CODES.get(code) or errors.error_class_for_status(response.status_code)
    return kind(
        words[:500] or f"Lumen answered with status {response.status_code}",
        status=response.status_code,
        request_id=response.headers.get("x-lumen-request"),
        retry_after=retry_after(response.headers),
    )
