"""Rows as calls: what each is about, and the arguments it has of its own."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_batch.settings import BatchError
from pipelex_batch.templates import BadRowError, Template, lacking
from pipelex_core.client.mapping import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_batch.rows import Row
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.capabilities import Capabilities, Capability
    from pipelex_core.deck import ModelDeck

PROMPTS = ("messages", "prompt")
SOURCES = ("input", "inputs", "source", "file", "document", "text", "prompt", "query")
"""The columns that say what a call is about, where there is no template; the first that a row has."""

_URLS = ("http://", "https://", "gs://", "data:")
_TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/toml"})
_OBJECT = "generate_object"


@frozen
class RowJob(Job):
    """The call of a row.

    Attributes:
        number: The row's number.
        digest: Of what the row holds.
        id: What the output calls it: the row's own `id`, or its number.
    """

    number: int = 0
    digest: int = 0
    id: Any = None


def capability_of(capabilities: Capabilities, operation: str) -> Capability:
    """The capability that an operation belongs to; `operation` may be its name.

    Raises:
        BatchError: There is no such operation.
    """
    for capability in capabilities:
        if operation == capability.name or any(operation == each.name for each in capability.operations):
            return capability
    names = [each.name for capability in capabilities for each in capability.operations if not each.streams]
    msg = f"an operation is one of {', '.join(names)}, not '{operation}'"
    raise BatchError(msg)


class JobMaker:
    """Makes the calls of rows.

    Attributes:
        capability: What is called.
        calls_llm: Whether that answers a prompt with text or an object.
    """

    def __init__(self, settings: BatchSettings, capabilities: Capabilities) -> None:
        self.capability = capability_of(capabilities, settings.called)
        self.calls_llm = self.capability.name == "llm"
        self._settings = settings
        self._prompt = None if settings.prompt is None else Template(settings.prompt)
        self._system = None if settings.system is None else Template(settings.system)
        taken = {*self.capability.arguments, *self.capability.settings, "model"}
        self._own = tuple(sorted(taken)) if self._prompt is None else ()
        self._rules = self.capability.settings

    def make(self, row: Row) -> RowJob:
        """Make the call of a row.

        Raises:
            BadRowError: It is not one that can be called.
        """
        if row.fault is not None:
            raise BadRowError(row.fault)
        fields = row.fields
        own = {name: self._value(name, fields[name]) for name in self._own if fields.get(name) not in (None, "")}
        if self._system is not None:
            own["system"] = self._system.fill(fields)
        source, attached = self._source(fields)
        for path in attached:
            source = _attach(path, source, own)
        identity = fields.get("id")
        identity = row.number if identity is None or isinstance(identity, dict | list | bytes) else identity
        return RowJob(source, own, number=row.number, digest=row.digest, id=identity)

    def _source(self, fields: Mapping[str, Any]) -> tuple[Any, list[str]]:
        """What the call is about, and the files to attach to it."""
        columns = self._settings.attach or (("file",) if self.calls_llm and fields.keys() == _FILE else ())
        attached = []
        for column in columns:
            value = fields.get(column, fields)
            if value is fields:
                raise lacking(column, [*fields])
            attached += value if isinstance(value, list) else [] if value in (None, "") else [value]
        if self._prompt is not None:
            return self._prompt.fill(fields), attached
        names = PROMPTS if self.calls_llm else SOURCES
        for name in names:
            if fields.get(name) is not None:
                return _checked(name, fields[name]), attached
        if self.calls_llm and attached:
            msg = "a file needs a prompt to go with it: give --prompt"
            raise BadRowError(msg)
        raise lacking(names[-1] if self.calls_llm else names[0], [*fields])

    def _value(self, name: str, value: Any) -> Any:
        """An argument of a row; in CSV numbers are strings, and lists are JSON."""
        rule = self._rules.get(name)
        if isinstance(value, str) and ((rule is not None and rule.kind != "string") or name in {"tools", "images"}):
            try:
                return json.loads(value)
            except ValueError:
                return [value] if name == "images" else value
        return value


_FILE = {"id", "file", "name"}
"""The columns of a row that is a file."""


def _checked(name: str, value: Any) -> Any:
    if name == "messages" and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            msg = f"its 'messages' are not JSON: {error}"
            raise BadRowError(msg) from None
    if name == "prompt" and not isinstance(value, str | list):
        msg = f"its 'prompt' is not text, but {type(value).__name__}"
        raise BadRowError(msg)
    if value in ("", []):
        msg = f"its '{name}' is empty"
        raise BadRowError(msg)
    return value


def _attach(path: Any, source: Any, own: dict[str, Any]) -> Any:
    """Add a file to a call: an image, a document, or a text, which goes behind the prompt."""
    if isinstance(path, bytes):
        from pipelex_core.media import sniff

        kind = "images" if (sniff(path) or "").startswith("image/") else "documents"
        own[kind] = [*own.get(kind, ()), path]
        return source
    if not isinstance(path, str):
        msg = f"a file to attach is a path or a URL, not {type(path).__name__}"
        raise BadRowError(msg)
    media_type = mimetypes.guess_type(path)[0] or ""
    if path.startswith(_URLS):
        kind = "images" if media_type.startswith("image/") or path.startswith("data:image/") else "documents"
    elif not Path(path).is_file():
        msg = f"there is no file '{path}'"
        raise BadRowError(msg)
    elif media_type.startswith("text/") or media_type in _TEXTS:
        if not isinstance(source, str):
            msg = f"the text of '{path}' goes behind a prompt, and not behind messages"
            raise BadRowError(msg)
        return f"{source}\n\n{_text_of(path)}"
    else:
        kind = "images" if media_type.startswith("image/") else "documents"
    own[kind] = [*own.get(kind, ()), path]
    return source


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"the text file '{path}' is not valid UTF-8: byte {error.start + 1}"
        raise BadRowError(msg) from None
    except OSError as error:
        msg = f"the file '{path}' cannot be read: {error.strerror}"
        raise BadRowError(msg) from None


def common_arguments(settings: BatchSettings) -> dict[str, Any]:
    """The arguments of every call.

    Raises:
        BatchError: The operation needs a schema, or takes none.
    """
    arguments = dict(settings.arguments)
    if settings.called == _OBJECT:
        if settings.schema is None:
            msg = "generate_object needs a schema"
            raise BatchError(msg)
        arguments["type"] = dict(settings.schema)
    elif settings.schema is not None:
        msg = f"a schema is for {_OBJECT}, not for {settings.called}"
        raise BatchError(msg)
    return arguments


def chain_of(deck: ModelDeck, settings: BatchSettings) -> list[str]:
    """The models that a run's handle leads to, each with its backend and id; empty where each row has its own.

    Raises:
        ConfigError: It leads to nothing.
    """
    if settings.model is None:
        return []
    capability = capability_of(deck.capabilities, settings.called)
    members = deck.resolve(settings.model, capability.name).chain
    return [f"{each.name} at {each.spec.backend}: {each.spec.model_id}" for each in members if each.spec is not None]
