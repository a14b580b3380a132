"""Values as plain data, and back: `to_dict` and `from_dict` of messages, results, requests and records.

What `to_dict` gives is made of dicts, lists, strings, numbers, booleans and None, so that `json.dumps` writes it, and
`from_dict` makes an equal value of what `json.loads` reads. The rules of the form are in `converter.py`, which is imported
when the first value is converted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Plain:
    """A value that can be written as plain data; `dict(value)` gives the same as `to_dict`.

    FastAPI returns such a value from a handler, and pydantic takes one as the type of a field.
    """

    __slots__ = ()
    __iter__: ClassVar[None] = None  # `dict(value)` reads `keys`; without this, a value could be unpacked by mistake

    def to_dict(self) -> dict[str, Any]:
        """Write the value as plain data.

        Raises:
            PlainDataError: It holds an object that has no plain form, such as a file among the arguments of a tool call.
        """
        from pipelex_core.converter import to_plain

        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a value from what `to_dict` wrote; a key that has a default may be missing.

        Raises:
            PlainDataError: A key is missing or unknown, or a value has another type; with every fault and its path.
        """
        from pipelex_core.converter import from_plain

        value: Self = from_plain(cls, data)
        return value

    def keys(self) -> tuple[str, ...]:
        """Name the keys of `to_dict`, for `dict(value)` and `**value`."""
        from pipelex_core.converter import keys_of

        cls: Any = type(self)
        return keys_of(cls)

    def __getitem__(self, key: str) -> Any:
        from pipelex_core.converter import item_of

        return item_of(self, key)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        """Describe the class to pydantic, which calls this: read and written as by `from_dict` and `to_dict`.

        The parts of a schema are plain dicts (https://docs.pydantic.dev/latest/api/pydantic_core_schema/).
        """

        def read(value: Any) -> Any:
            return value if isinstance(value, cls) else cls.from_dict(value)

        anything = {"type": "dict", "keys_schema": {"type": "str"}}
        write = {"type": "function-plain", "function": cls.to_dict, "return_schema": anything}
        function = {"type": "no-info", "function": read}
        return {
            "type": "function-plain",
            "function": function,
            "json_schema_input_schema": anything,
            "serialization": write,
        }


class Tagged(Plain):
    """A value whose plain form names its class, under the key `type`: one of several that may stand in the same place.

    Attributes:
        type: The name in the plain form; the class's own name in lower case, where it does not say.
    """

    __slots__ = ()
    type: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "type" not in vars(cls):
            cls.type = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
