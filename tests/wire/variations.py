"""Recorded answers as their provider could have given them too, and as no provider should.

A *harmless* variation says the same in other words: further fields and events, other line ends and pieces. A *damage*
takes something away or puts something odd in its place. Both are made by a seed, so that a failure can be made again.
"""

from __future__ import annotations

import base64
import json
import struct
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.servers.bedrock import frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.wire.harness import Record

OPAQUE = frozenset(["input", "args", "arguments", "properties", "parameters", "schema", "json", "encrypted_content"])
"""Keys whose values are the model's or the caller's, not the format's."""

ODD: tuple[Any, ...] = (None, "", 0, -1, 1.5, True, [], {}, [None], [{}], {"x": 1}, "odd", 10**30, [[]], ["odd"])
"""What may stand in a wrong place."""


# ── An answer in pieces ───────────────────────────────────────────────────────────────────────────────────────────


class Answer:
    """A recorded answer, its JSON documents apart; `made()` is the record with them put together again."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.documents: list[Any] = []
        self._heads: list[Any] = []
        response = record["response"]
        self.is_frames = "body_base64" in response
        kind = response["headers_kept"].get("content-type", "")
        self.is_events = not self.is_frames and "event-stream" in kind
        self.line_end = "\n"
        if self.is_frames:
            self._read_frames(base64.b64decode(response["body_base64"]))
        elif self.is_events:
            self._read_events(response["body"].replace("\r\n", "\n").replace("\r", "\n"))
        else:
            self.documents = [parsed(response["body"])]

    @property
    def is_json(self) -> bool:
        """Whether there is anything to vary."""
        return any(isinstance(document, dict) for document in self.documents)

    def insert(self, at: int, name: str, document: Any) -> None:
        """An event that was not recorded."""
        self.documents.insert(at, document)
        head = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
        self._heads.insert(at, head if self.is_frames else [f"event: {name}"] if any(self._heads) else [])

    def repeat(self, at: int, document: Any) -> None:
        """An event after another, of the same kind."""
        self.documents.insert(at + 1, document)
        self._heads.insert(at + 1, self._heads[at])

    def remove(self, at: int) -> None:
        """One event less."""
        del self.documents[at], self._heads[at]

    def made(self, *, spelled: Callable[[list[str]], list[str]] = list) -> Record:
        """The record with these documents; `spelled` changes the lines of an event."""
        response = dict(self.record["response"])
        if self.is_frames:
            pieces = [
                frame_of(head, dumped(one).encode()) for head, one in zip(self._heads, self.documents, strict=True)
            ]
            response["body_base64"] = base64.b64encode(b"".join(pieces)).decode()
        elif self.is_events:
            events = []
            for head, one in zip(self._heads, self.documents, strict=True):
                events.append("\n".join(spelled([*head, f"data: {dumped(one)}"])) + "\n\n")
            response["body"] = "".join(events).replace("\n", self.line_end)
        else:
            response["body"] = dumped(self.documents[0])
        return {**self.record, "response": response}

    def _read_events(self, body: str) -> None:
        for event in body.split("\n\n"):
            lines = event.split("\n")
            data = [line[5:].lstrip(" ") for line in lines if line.startswith("data:")]
            if data:
                self.documents.append(parsed("\n".join(data)))
                self._heads.append([line for line in lines if line and not line.startswith("data:")])

    def _read_frames(self, data: bytes) -> None:
        at = 0
        while at + 16 <= len(data):
            size, head = struct.unpack(">II", data[at : at + 8])
            self._heads.append(_frame_head(data[at + 12 : at + 12 + head]))
            self.documents.append(parsed(data[at + 12 + head : at + size - 4].decode()))
            at += size


def _frame_head(data: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at < len(data):
        length = data[at]
        name = data[at + 1 : at + 1 + length].decode()
        at += 2 + length
        (size,) = struct.unpack(">H", data[at : at + 2])
        found[name] = data[at + 2 : at + 2 + size].decode()
        at += 2 + size
    return found


class Plain(str):
    """A document that is not JSON, such as `[DONE]`."""

    __slots__ = ()


def parsed(text: str) -> Any:
    """The JSON of a text, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return Plain(text)


def dumped(document: Any) -> str:
    """The text of a document."""
    return str(document) if isinstance(document, Plain) else json.dumps(document, separators=(",", ":"))


# ── The same in other words ───────────────────────────────────────────────────────────────────────────────────────


def with_more_fields(record: Record) -> Record:
    """A field that nobody knows, in every object of the format."""
    answer = Answer(record)
    for document in answer.documents:
        for holder in list(_objects(document)):
            if not (answer.is_frames or record["api"] == "converse") or "usage" in holder or "role" in holder:
                holder["x_new"] = {"kind": "new", "list": [1, None, {"a": "b"}]}
    return answer.made()


def _of_events(vary: Callable[[Record], Record]) -> Callable[[Record], Record | None]:
    """A variation of streams alone."""

    def varied(record: Record) -> Record | None:
        answer = Answer(record)
        return vary(record) if answer.is_events or (answer.is_frames and vary is with_new_events) else None

    return varied


def with_other_order(record: Record) -> Record:
    """The fields of every object in the opposite order."""
    answer = Answer(record)
    answer.documents = [_turned(document) for document in answer.documents]
    return answer.made()


def with_line_ends(record: Record) -> Record:
    """Events whose lines end as on Windows."""
    answer = Answer(record)
    answer.line_end = "\r\n"
    return answer.made()


def with_comments(record: Record) -> Record:
    """Events with comments, ids and a time to wait, and no blank after the colon."""
    answer = Answer(record)

    def spelled(lines: list[str]) -> list[str]:
        tight = [line.replace(": ", ":", 1) for line in lines]
        return [": OPENROUTER PROCESSING", "", ":", "id: 7", "retry: 3000", *tight]

    return answer.made(spelled=spelled)


def with_new_events(record: Record) -> Record:
    """Events of a type that nobody knows, before each but the first and the last."""
    answer = Answer(record)
    for at in range(len(answer.documents) - 1, 0, -1):
        new: dict[str, Any] = {"type": "x.new", "x_new": {"a": 1}}
        if record["api"] in ("chat", "chat_foundry", "openai_compat", "generate_content"):
            new = _empty_like(answer.documents, record)
        answer.insert(at, "x.new", new)
    return answer.made()


def with_nulls(record: Record) -> Record:
    """Null for every empty list and every empty object, and no end of a text is lost by it."""
    answer = Answer(record)
    for document in answer.documents:
        for holder in list(_objects(document)):
            for key, value in holder.items():
                if value in ([], {}) and key not in OPAQUE and key not in ("output", "content", "parts"):
                    holder[key] = None
    return answer.made()


def as_recorded(record: Record) -> Record:
    """The very record, read and put together again."""
    return Answer(record).made()


def in_smaller_pieces(record: Record) -> Record | None:
    """Each piece of text in two, with an empty one between them."""
    answer = Answer(record)
    for at in range(len(answer.documents) - 1, -1, -1):
        text = _text_of(answer.documents[at])
        if text is not None and len(text) > 1:
            whole = answer.documents[at]
            answer.documents[at] = _with_text(whole, text[: len(text) // 2])
            answer.repeat(at, _with_text(whole, ""))
            answer.repeat(at + 1, _with_text(whole, text[len(text) // 2 :]))
    return answer.made() if answer.is_frames or answer.is_events else None


def with_further_answers(record: Record) -> Record:
    """A second answer beside the one that was asked for."""
    answer = Answer(record)
    for document in answer.documents:
        listed = document.get(_LISTS.get(record["api"], "choices")) if isinstance(document, dict) else None
        if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], dict):
            listed.append({**_other_text(listed[0]), "index": 1})
    return answer.made()


def with_a_new_end(record: Record) -> Record:
    """A reason for the end that nobody knows."""
    answer = Answer(record)
    for document in answer.documents:
        for holder in list(_objects(document)):
            for key in _ENDS & holder.keys():
                holder[key] = "x_new" if isinstance(holder[key], str) else holder[key]
    return answer.made()


def without_counts(record: Record) -> Record:
    """No word of what was used."""
    answer = Answer(record)
    for document in answer.documents:
        for holder in list(_objects(document)):
            for key in _COUNTS & holder.keys():
                del holder[key]
    return answer.made()


HARMLESS: dict[str, Callable[[Record], Record | None]] = {
    "as recorded": as_recorded,
    "more fields": with_more_fields,
    "other order": with_other_order,
    "nulls": with_nulls,
    "line ends": _of_events(with_line_ends),
    "comments": _of_events(with_comments),
    "new events": _of_events(with_new_events),
    "smaller pieces": in_smaller_pieces,
    "further answers": with_further_answers,
    "a new end": with_a_new_end,
    "no counts": without_counts,
}
"""The variations that say the same; None where a record has nothing to say in that way."""

PIECES = (1, 7, 1_000_000)
"""Bytes of a stream that come at once."""

_LISTS = {"generate_content": "candidates"}
_ENDS = frozenset(["finish_reason", "finishReason", "stop_reason", "stopReason"])
_COUNTS = frozenset(["usage", "usageMetadata", "usage_info", "x_groq"])


def _text_of(document: Any) -> str | None:
    """The piece of text that an event brings, where it brings nothing else."""
    match document:
        case {"choices": [{"delta": {"content": str(text)}, **choice}]} if not choice.get("finish_reason"):
            return text
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
        case {"delta": {"type": "text_delta", "text": str(text)}}:
            return text
        case {"contentBlockIndex": int(), "delta": {"text": str(text)}}:
            return text
        case {"candidates": [{"content": {"parts": [{"text": str(text), **part}]}, **candidate}]}:
            return None if part or candidate.get("finishReason") else text
    return None


def _with_text(document: Any, text: str) -> Any:
    """The event with another piece of text."""
    made = deepcopy(document)
    match made:
        case {"choices": [{"delta": delta}]}:
            delta["content"] = text
        case {"delta": str()}:
            made["delta"] = text
        case {"delta": delta}:
            delta["text"] = text
        case {"candidates": [{"content": {"parts": [part]}}]}:
            part["text"] = text
    return made


def _other_text(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice with a text of its own."""
    if "content" in choice:
        return {**choice, "content": {"role": "model", "parts": [{"text": "another"}]}}
    name = "delta" if "delta" in choice else "message"
    return {**choice, name: {"role": "assistant", "content": "another"}}


def _empty_like(documents: list[Any], record: Record) -> dict[str, Any]:
    """A chunk that says nothing."""
    first = next(document for document in documents if isinstance(document, dict))
    kept = {
        key: first[key] for key in ("id", "object", "created", "model", "responseId", "modelVersion") if key in first
    }
    return kept if record["api"] == "generate_content" else {**kept, "choices": []}


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inner if key in OPAQUE and not isinstance(inner, list) else _turned(inner)
            for key, inner in reversed(value.items())
        }
    return [_turned(inner) for inner in value] if isinstance(value, list) else value


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of the format."""
    if isinstance(value, dict):
        yield value
        for key, inner in list(value.items()):
            if key not in OPAQUE or (key == "input" and isinstance(inner, list)):
                yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


# ── Damage ────────────────────────────────────────────────────────────────────────────────────────────────────────


def damaged(record: Record, random: Random) -> Record:
    """The record with one to three things lost or wrong."""
    answer = Answer({**record, "response": deepcopy(record["response"])})
    for _ in range(random.randint(1, 3)):
        if len(answer.documents) > 1 and random.random() < 0.2:
            _shuffle(answer, random)
        else:
            _damage(answer.documents, random)
    return answer.made()


def _shuffle(answer: Answer, random: Random) -> None:
    at = random.randrange(len(answer.documents))
    match random.randrange(3):
        case 0:
            answer.remove(at)
        case 1:
            answer.insert(at, "x.new", random.choice(ODD))
        case _:
            other = random.randrange(len(answer.documents))
            documents = answer.documents
            documents[at], documents[other] = documents[other], documents[at]


def _damage(documents: list[Any], random: Random) -> None:
    places = list(_places(documents))
    holder, key = random.choice(places)
    match random.randrange(4):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1:
            holder[key] = None
        case 2 if isinstance(holder, list) and holder is not documents:
            holder.insert(key, deepcopy(holder[key]))
        case _:
            holder[key] = deepcopy(random.choice(ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)
