"""Typed objects: what a model is asked for, and what is made of its answer; a distribution of its own does the work.

It comes with every backend of language models, beside the dialects that providers take schemas in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from pipelex_core.first_party import DIALECTS, brought

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

GROUP = "pipelex_core.objects"
"""The entry point of the module that does the work."""


class InvalidObjectError(ValueError):
    """A JSON text that does not fit a type; its message says where and why, for the model to mend."""


@frozen(kw_only=True)
class ObjectType(Generic[T]):
    """A type a model can be asked for.

    Attributes:
        name: Letters, digits, `_` and `-`.
        schema: Its JSON schema, always an object at the top.
        decode: Makes the value of a JSON text; raises `InvalidObjectError`.
        wrapped: The key of the object that the value is wrapped in, because providers are asked for objects alone; None for
            an object.
    """

    name: str
    schema: Mapping[str, Any]
    decode: Callable[[str], T]
    wrapped: str | None = None


def object_type(requested: Any) -> ObjectType[Any]:
    """What to ask a model for.

    Args:
        requested: An attrs class, dataclass, TypedDict, pydantic model, any other type msgspec or pydantic knows (such as
            `list[Line]`), or a JSON schema.

    Raises:
        UnsupportedInputError: The type cannot be written as a JSON schema.
        PluginError: What makes types and objects is not installed.
    """
    kind: ObjectType[Any] = making().object_type(requested)
    return kind


def read_object(kind: ObjectType[T], text: str) -> tuple[T, str]:
    """Make an object of a model's answer, and tell which JSON of it that was.

    Raises:
        InvalidObjectError: No JSON in it fits the type; the fault is that of the answer as a whole.
        PluginError: What makes types and objects is not installed.
    """
    made: tuple[T, str] = making().read_object(kind, text)
    return made


def making() -> Any:
    """Import what makes types and objects.

    Raises:
        PluginError: It is not installed.
    """
    return brought(GROUP, DIALECTS, "typed objects come with a distribution that is not installed")
