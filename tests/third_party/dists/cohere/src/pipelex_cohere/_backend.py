"""A request becomes one call of the SDK. It is on httpx, so that the connections are this backend's own."""

from contextlib import aclosing, contextmanager

import httpx
from cohere import AsyncClientV2
from cohere.core.api_error import ApiError

from pipelex_cohere._messages import Gathered, answer_of, arguments_of
from pipelex_core import errors
from pipelex_core.answers import says_something
from pipelex_core.backend import ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.headers import retry_after


class CohereBackend(TextGenerator, TextStreamer, ObjectGenerator):
    """Text, streams, objects and tools."""

    loggers = ("cohere", "fern", "httpx", "httpcore")

    async def open(self, resources):
        self._http = httpx.AsyncClient(timeout=None, follow_redirects=False)
        address = {"base_url": self.config.endpoint.rstrip("/")} if self.config.endpoint else {}
        self._client = AsyncClientV2(
            api_key=self.config.api_key.reveal(),
            httpx_client=self._http,
            max_retries=0,
            log_warning_experimental_features=False,
            **address,
        )

    async def close(self):
        await self._http.aclose()

    async def generate_text(self, request):
        with _our_errors():
            stated = await self._client.chat(**arguments_of(request), **_options(request))
            answer = answer_of(stated)
        return says_something(answer, request)

    async def generate_object(self, request):
        wanted = {"type": "json_object", "json_schema": request.schema}
        with _our_errors():
            stated = await self._client.chat(**arguments_of(request), response_format=wanted, **_options(request))
            return answer_of(stated)

    async def stream_text(self, request):
        gathered = Gathered()
        try:
            with _our_errors():
                async with aclosing(self._client.chat_stream(**arguments_of(request), **_options(request))) as events:
                    async for event in events:
                        if delta := gathered.take(event):
                            yield delta
        except errors.CallError as error:
            error.partial_text = gathered.text or None
            raise
        if gathered.finish is None:
            raise errors.ProviderConnectionError(
                "the stream ended before the answer did", partial_text=gathered.text or None
            )
        yield says_something(gathered.answer(), request)


def _options(request):
    """Core keeps the time; the SDK is not to end a call earlier, nor to ask again."""
    return {"request_options": {"max_retries": 0, "timeout_in_seconds": None}}


@contextmanager
def _our_errors():
    try:
        yield
    except ApiError as error:
        raise _failure(error) from None
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        raise errors.ProviderConnectionError(f"the connection failed ({type(error).__name__})") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise errors.InvalidAnswerError("the answer is not in Cohere's form") from None


def _failure(error):
    status, body = error.status_code or 0, error.body
    if 200 <= status < 300:
        return errors.InvalidAnswerError("the answer is not in Cohere's form", raw=body)
    message = str(body.get("message") or "") if isinstance(body, dict) else ""
    kind = errors.error_class_for_status(status)
    if status == 400 and "too many tokens" in message:
        kind = errors.ContextTooLongError
    headers = error.headers or {}
    return kind(
        message[:500] or f"Cohere answered with status {status}",
        status=status,
        request_id=headers.get("x-request-id"),
        retry_after=retry_after(headers),
    )
