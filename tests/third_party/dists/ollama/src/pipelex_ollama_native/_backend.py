"""One request, answered with one JSON document, or with a line of JSON a piece."""

import json
from contextlib import aclosing, contextmanager

import httpx2

from pipelex_core import errors
from pipelex_core.answers import count, says_something
from pipelex_core.backend import ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.headers import retry_after
from pipelex_core.parts import ImagePart, TextPart, ToolCall, ToolResult
from pipelex_core.results import TextAnswer, Usage

_FINISHES = {"stop": "stop", "length": "length"}
_EFFORTS = {"none": False, "minimal": "low", "low": "low", "medium": "medium", "high": "high"}


class OllamaBackend(TextGenerator, TextStreamer, ObjectGenerator):
    """Text, streams, objects, tools, pictures and thoughts."""

    async def open(self, resources):
        self._http = resources.http()
        self._url = (self.config.endpoint or "http://127.0.0.1:11434").rstrip("/") + "/api/chat"

    async def generate_text(self, request):
        return says_something(_answer(await self._ask(self._body(request, stream=False))), request)

    async def generate_object(self, request):
        return _answer(await self._ask(self._body(request, stream=False, format=request.schema)))

    async def stream_text(self, request):
        text, thought, calls = "", "", []
        try:
            async with aclosing(self._lines(self._body(request, stream=True))) as lines:
                async for line in lines:
                    message = line.get("message") if isinstance(line.get("message"), dict) else {}
                    calls += message.get("tool_calls") or []
                    thought += message.get("thinking") or ""
                    if delta := message.get("content") or "":
                        text += delta
                        yield delta
                    if line.get("done"):
                        whole = {**message, "content": text, "thinking": thought, "tool_calls": calls}
                        yield says_something(_answer({**line, "message": whole}), request)
                        return
        except errors.CallError as error:
            error.partial_text = text or None
            raise
        raise errors.ProviderConnectionError("the stream ended before the answer did", partial_text=text or None)

    def _body(self, request, **more):
        options = {
            "temperature": request.temperature,
            "num_predict": request.max_tokens,
            "top_p": request.top_p,
            "seed": request.seed,
            "stop": list(request.stop) or None,
        }
        further = {
            "options": {name: value for name, value in options.items() if value is not None},
            "tools": [_tool(tool) for tool in request.tools],
            "keep_alive": self.config.options.get("keep_alive"),
            "think": _EFFORTS.get(request.reasoning_effort) if request.reasoning_effort else None,
        }
        system = [{"role": "system", "content": request.system}] if request.system else []
        turns = [turn for message in request.messages for turn in _turns(message)]
        body = {"model": request.spec.model_id, "messages": [*system, *turns]}
        return body | {name: value for name, value in further.items() if value not in (None, [], {})} | more

    async def _ask(self, body):
        with _our_errors():
            response = await self._http.post(self._url, json=body)
            _check(response)
            return json.loads(response.content)

    async def _lines(self, body):
        with _our_errors():
            async with self._http.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                _check(response)
                rest = b""
                async for piece in response.aiter_bytes():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in filter(None, map(bytes.strip, lines)):
                        yield _object(json.loads(line))
                if rest.strip():
                    yield _object(json.loads(rest))


def _object(line):
    if not isinstance(line, dict):
        raise errors.InvalidAnswerError("a line of the stream is not an object", raw=line)
    if "error" in line:
        raise errors.ServerError(f"the server failed in the middle of its answer: {str(line['error'])[:300]}")
    return line


def _tool(tool):
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _turns(message):
    """Ollama has a turn for each result, whose only tie to its call is the tool's name."""
    text, images, calls = message.text, [], []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_name": part.name or "", "content": part.content}
        elif isinstance(part, ToolCall):
            calls.append({"function": {"name": part.name, "arguments": dict(part.arguments)}})
        elif isinstance(part, ImagePart):
            images.append(part.media.base64())
        elif not isinstance(part, TextPart) and part.type != "provider":
            raise errors.UnsupportedInputError("Ollama reads text and images")
    if message.role != "tool":
        more = {"images": images, "tool_calls": calls}
        yield {"role": message.role, "content": text} | {name: value for name, value in more.items() if value}


def _answer(stated):
    message = stated.get("message") if isinstance(stated, dict) else None
    if not isinstance(message, dict) or not isinstance(message.get("content"), str) or not stated.get("done"):
        raise errors.InvalidAnswerError("this is not an answer of Ollama's", raw=stated)
    try:
        calls = tuple(
            ToolCall(id=f"call_{number}", name=call["function"]["name"], arguments=dict(call["function"]["arguments"]))
            for number, call in enumerate(message.get("tool_calls") or ())
        )
    except (KeyError, TypeError, ValueError):
        raise errors.InvalidAnswerError("a call of a tool has no name or no arguments", raw=stated) from None
    return TextAnswer(
        text=message["content"],
        finish_reason="tool_calls" if calls else _FINISHES.get(stated.get("done_reason"), "other"),
        tool_calls=calls,
        reasoning=message.get("thinking") or None,
        usage=Usage(input_tokens=count(stated.get("prompt_eval_count")), output_tokens=count(stated.get("eval_count"))),
        raw=stated,
    )


def _check(response):
    if response.status_code == 200:
        return
    try:
        stated = json.loads(response.content)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        stated = f"Ollama answered with status {response.status_code}"
    kind = errors.error_class_for_status(response.status_code)
    raise kind(str(stated)[:500], status=response.status_code, retry_after=retry_after(response.headers))


@contextmanager
def _our_errors():
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
        raise errors.ProviderConnectionError(f"the connection failed ({type(error).__name__})") from None
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise errors.InvalidAnswerError("the answer is not in Ollama's form") from None
