"""What the Responses API answers, whole or streamed, as a `TextAnswer`; everything that is read is checked.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pipelex_backend_openai._calls import is_whole, parsed_arguments
from pipelex_backend_openai._chat_answer import CUT, text_or_none
from pipelex_backend_openai._errors import MalformedError, ReportedError
from pipelex_backend_openai._responses import has_content
from pipelex_backend_openai._usage import responses_usage
from pipelex_core.answers import token_logprobs
from pipelex_core.deltas import ReasoningDelta, ToolCallDelta
from pipelex_core.parts import Citation, ProviderPart, ToolCall
from pipelex_core.results import FinishReason, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_CUT: Final[dict[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete."""

_TEXT_DELTAS = frozenset(["response.output_text.delta", "response.refusal.delta"])
_REASONING_DELTAS = frozenset(["response.reasoning_text.delta", "response.reasoning_summary_text.delta"])
_LAST = frozenset(["response.completed", "response.incomplete"])


class ResponseReading:
    """An answer as it is put together, from one response or from its events.

    `object_tool` names the tool whose arguments are the answer, where an object was asked for in that way; `others` are the
    caller's own.
    """

    def __init__(self, provider: str, *, object_tool: str | None = None, others: Collection[str] = ()) -> None:
        self._provider = provider
        self._object_tool = object_tool
        self._others = others
        self.beside: list[str] = []
        self._deltas: list[str] = []
        self._begun: dict[str, tuple[int, str, str]] = {}
        self._items: list[Mapping[str, Any]] = []
        self._response: Mapping[str, Any] = {}

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._deltas)

    @property
    def is_finished(self) -> bool:
        """Whether the whole response came."""
        return bool(self._response)

    def whole(self, data: Mapping[str, Any]) -> None:
        """Take a response that is complete, or that says why it is not."""
        if data.get("status") == "failed":
            raise ReportedError(data)
        if data.get("status") not in ("completed", "incomplete") or not isinstance(data.get("output"), list):
            msg = "the answer is not a finished response"
            raise MalformedError(msg)
        self._response = data
        self._items = data["output"] or self._items

    def event(self, event: Any) -> str:
        """Take an event of a stream; the piece of visible text it holds, or nothing."""
        kind = event.get("type")
        if kind in _TEXT_DELTAS:
            delta = event["delta"]
            if not isinstance(delta, str):
                msg = "a piece of text is not a string"
                raise MalformedError(msg)
            self._deltas.append(delta)
            return delta
        if kind == "response.function_call_arguments.delta":
            return self._arguments(event)
        if kind in _REASONING_DELTAS:
            self.beside.append(ReasoningDelta(event["delta"]))
        elif kind == "response.output_item.added":
            self._begin(event["item"])
        elif kind == "response.output_item.done":
            self._items.append(event["item"])
        elif kind in _LAST:
            self.whole(event["response"])
        elif kind == "response.failed":
            raise ReportedError(event["response"])
        elif kind == "error":
            raise ReportedError({"error": event})
        return ""

    def _begin(self, item: Mapping[str, Any]) -> None:
        """Remember which call an item is."""
        if item.get("type") == "function_call":
            self._begun[str(item.get("id"))] = (len(self._begun), item["call_id"], item["name"])

    def _arguments(self, event: Any) -> str:
        """A piece of a call's arguments: of the object, where that is written there, else of a tool's."""
        delta = event["delta"]
        if not isinstance(delta, str):
            return ""
        if self._object_tool is not None:
            return "" if self._others else delta
        begun = self._begun.get(str(event.get("item_id")))
        if begun is not None and delta:
            index, identity, name = begun
            self.beside.append(ToolCallDelta(number=index, id=identity, name=name, arguments=delta))
        return ""

    def answer(self, request_id: str | None) -> TextAnswer:
        """The whole answer."""
        calls = [item for item in self._items if item.get("type") == "function_call"]
        text, taken = self.text or "".join(_texts(self._items)), self._taken(calls)
        if taken is not None:
            text = taken["arguments"]
            calls.remove(taken)
        reason = self._finish_reason(has_calls=bool(calls))
        if reason in CUT:
            calls = [call for call in calls if _is_whole(call, is_last=call is self._items[-1])]
            self._items = [item for item in self._items if item.get("type") != "function_call" or item in calls]
        return TextAnswer(
            text=text,
            finish_reason=reason,
            usage=responses_usage(
                self._response.get("usage"), self._response.get("service_tier"), len([*_searches(self._items)])
            ),
            tool_calls=tuple(_tool_call(item) for item in calls),
            reasoning="".join(_reasoning(self._items)) or None,
            provider_parts=self._provider_parts(),
            citations=() if taken is not None else tuple(_citations(self._items)),
            logprobs=token_logprobs(each for part in _parts(self._items) for each in part.get("logprobs") or ()),
            request_id=request_id or text_or_none(self._response.get("id")),
            raw=self._response,
        )

    def _taken(self, calls: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        if self._object_tool is None:
            return None
        only = (
            calls[0] if len(calls) == 1 and calls[0]["name"] not in self._others else None
        )  # a model may misspell the name
        return next((call for call in calls if call["name"] == self._object_tool), only)

    def _finish_reason(self, *, has_calls: bool) -> FinishReason:
        if self._response.get("status") == "incomplete":
            details = self._response.get("incomplete_details") or {}
            return _CUT.get(str(details.get("reason")), "other")
        if any(part.get("type") == "refusal" for part in _parts(self._items)):
            return "content_filter"
        return "tool_calls" if has_calls else "stop"

    def _provider_parts(self) -> tuple[ProviderPart, ...]:
        """All items as they came, where the reasoning among them can be given back."""
        reasoning = [item for item in self._items if item.get("type") == "reasoning"]
        if not any(map(has_content, reasoning)):
            return ()
        return (ProviderPart(provider=self._provider, data={"output": tuple(self._items)}),)


def _parts(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The parts of the messages among the items."""
    for item in items:
        if item.get("type") == "message":
            yield from item.get("content") or ()


def _texts(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for part in _parts(items):
        text = part.get("text") or part.get("refusal")
        if isinstance(text, str):
            yield text


def _citations(items: Iterable[Mapping[str, Any]]) -> Iterator[Citation]:
    """The sources that the text names, their places counted from the beginning of the whole text.

    https://platform.openai.com/docs/guides/tools-web-search#output-and-citations
    """
    before = 0
    for part in _parts(items):
        for note in part.get("annotations") or ():
            if note.get("type") == "url_citation":
                start, end = (_place(before, note.get(name)) for name in ("start_index", "end_index"))
                yield Citation(
                    url=text_or_none(note.get("url")), title=text_or_none(note.get("title")), start=start, end=end
                )
        text = part.get("text") or part.get("refusal")
        before += len(text) if isinstance(text, str) else 0


def _place(before: int, at: Any) -> int | None:
    return before + at if isinstance(at, int) else None


def _reasoning(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The reasoning that is shown: its text, or else its summary."""
    for item in items:
        if item.get("type") == "reasoning":
            for part in item.get("content") or item.get("summary") or ():
                yield part.get("text") or ""


def _is_whole(item: Mapping[str, Any], *, is_last: bool) -> bool:
    return item.get("status") != "incomplete" and is_whole(item.get("arguments") or "", is_last=is_last)


def _tool_call(item: Mapping[str, Any]) -> ToolCall:
    name, identity = item["name"], item["call_id"]
    if not (isinstance(name, str) and name and isinstance(identity, str) and identity):
        msg = "a tool call has no name or no id"
        raise MalformedError(msg)
    return ToolCall(id=identity, name=name, arguments=parsed_arguments(name, item.get("arguments") or ""))


def _searches(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The web searches that were made and are billed: opening a page is free."""
    for item in items:
        if item.get("type") == "web_search_call" and (item.get("action") or {}).get("type", "search") == "search":
            yield item
