"""The record of `shout`, and the values that it is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping  # noqa: TC003 -- read at run time, when values become plain data
from typing import Any

from attrs import field, frozen

from pipelex_core.backend import Backend
from pipelex_core.capabilities import Capability, Operation
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.estimates import Expectation, Guess
from pipelex_core.plain import Tagged
from pipelex_core.results import NO_USAGE, CacheUse, Result, Usage
from pipelex_core.settings import SettingRule
from pipelex_core.specs import ModelSpec  # noqa: TC001 -- as above


@frozen(kw_only=True)
class ShoutRequest:
    """What a backend receives; `marks` are the exclamation marks at the end."""

    spec: ModelSpec
    text: str
    marks: int = 1
    timeout: float | None = None


@frozen(kw_only=True)
class ShoutAnswer(Tagged):
    """What a backend gives."""

    text: str
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True)
class ShoutResult(Result):
    """What a caller gets."""

    text: str


class Shouter(Backend):
    """Says a text louder."""

    @abstractmethod
    async def shout(self, request: ShoutRequest) -> ShoutAnswer:
        """The text in capitals."""


def read(text: object) -> str:
    """Read what a caller gives."""
    if not isinstance(text, str) or not text:
        msg = "shout takes a text that is not empty"
        raise UnsupportedInputError(msg)
    return text


def build(text: str, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ShoutRequest:
    """Build the request for a model."""
    return ShoutRequest(spec=spec, text=text, timeout=timeout, **settings)


def expect(request: ShoutRequest) -> Expectation:
    """Count what a request will use."""
    count = len(request.text) + request.marks
    return Expectation(characters=Guess(count, count, count))


def sample(_spec: ModelSpec | None) -> str:
    """Give the input of a call on trial."""
    return "hello"


def mock(request: ShoutRequest) -> ShoutAnswer:
    """Answer without a provider."""
    text = request.text.upper() + "!" * request.marks
    return ShoutAnswer(text=text, usage=Usage(characters=len(text)))


SHOUT = Capability(
    name="shout",
    model_types=("shouter",),
    noun="shouting",
    unit="character",
    settings={"marks": SettingRule("integer", "Exclamation marks at the end.", minimum=0, maximum=9)},
    operations=(Operation(name="shout", needs=Shouter, answer=ShoutAnswer, result=ShoutResult),),
    read=read,
    build=build,
    expect=expect,
    sample=sample,
    mock=mock,
)
