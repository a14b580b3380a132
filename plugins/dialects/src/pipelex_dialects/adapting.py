"""A canonical schema in a provider's dialect.

What an adapted schema cannot say goes into descriptions: it accepts what the original does and may accept more, which
the validation of the answer finds. A schema that would refuse good answers, such as a map made a closed object, is never
made: the next dialect is tried instead.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.dialects.adapted import CHOICES, OF_PLAIN_ROOTS, Adapted, is_whole
from pipelex_core.errors import UnsupportedInputError
from pipelex_dialects.limits import excess
from pipelex_dialects.nodes import KIND_OF, Node, kind_of, mapped, target
from pipelex_dialects.nulls import accepts_null
from pipelex_dialects.recursion import lead_back, leads, loops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.dialects.adapted import Canonical
    from pipelex_core.dialects.dialect import Dialect

_STRUCTURE = frozenset(
    {"type", "properties", "required", "items", "anyOf", "enum", "$ref", "$defs", "description", "additionalProperties"}
)
_KNOWN = frozenset(
    {
        *(_STRUCTURE | KIND_OF.keys()),
        *("title", "const", "default", "dependencies", "additionalItems", *CHOICES),
        *("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"),
    }
)
"""Keywords of some draft that say what is allowed; any other, such as OpenAPI's `xml` or `x-order`, is a note."""

_OPENED = frozenset({"patternProperties", "unevaluatedProperties", "dependentSchemas", *CHOICES})
"""Keywords beside which a list of properties may be less than all there are."""


_TOP = ""


_TOGETHER = ("allOf", "not", "if", "then", "else", "dependentSchemas")
"""Keywords whose parts have a meaning only together with their siblings: none of them is an object of its own."""


class _InexpressibleError(Exception):
    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"`{place.lstrip('.')}` {why}" if place else f"it {why}")


def first_adapted(source: Canonical, dialects: tuple[Dialect, ...]) -> Adapted:
    """The schema in the first dialect that can express it.

    Raises:
        UnsupportedInputError: None of them can; the message names the field, and says why.
    """
    reasons = []
    for dialect in dialects:
        if is_whole(source, dialect):
            return Adapted(schema=source, dialect=dialect)
        try:
            return _Adapter(source, dialect).adapted()
        except _InexpressibleError as error:
            reasons.append(f"{dialect.name} cannot express the schema: {error}")
    raise UnsupportedInputError("; ".join(reasons))


class _Adapter:
    """One walk over a schema."""

    def __init__(self, source: Canonical, dialect: Dialect) -> None:
        self._source, self._dialect = source, dialect
        self._definitions: Mapping[str, Node] = source.get("$defs", {})
        self._leads = leads(self._definitions)
        self._inside = ""
        self._made_nullable = False

    def adapted(self) -> Adapted:
        dialect, root = self._dialect, {key: value for key, value in self._source.items() if key != "$defs"}
        if root.get("type") != "object":
            raise _InexpressibleError(_TOP, "is not an object at the top")
        if dialect.recursion == "none" and (holder := next((n for n in self._leads if n in self._leads[n]), None)):
            raise _InexpressibleError(holder, "holds itself")
        made = self._node(root, "")
        definitions = {}
        for name, node in self._definitions.items():
            self._inside = name
            definitions[name] = self._node(node, name)
        if definitions:
            made["$defs"] = definitions
        if dialect.recursion == "optional" and (holder := loops(definitions)):
            raise _InexpressibleError(holder, "holds itself, and not in a property that may be left out")
        if (why := excess(made, dialect.limits)) is not None:
            raise _InexpressibleError(_TOP, why)
        return Adapted(schema=made, dialect=dialect, original=self._source if self._made_nullable else None)

    def _node(self, node: Node, place: str) -> Node:
        if "$ref" in node:
            if self._dialect.keywords is not None and target(node) not in self._definitions:
                raise _InexpressibleError(place, "refers to something that is not in the schema")
            return dict(node)
        if "const" in node and not self._takes("const", node["const"]):
            node = {
                ("enum" if key == "const" else key): [value] if key == "const" else value for key, value in node.items()
            }
        if "oneOf" in node and "anyOf" not in node and not self._takes("oneOf", None):
            node = {("anyOf" if key == "oneOf" else key): value for key, value in node.items()}
        dialect = self._dialect
        described_here = (
            dialect.described | OF_PLAIN_ROOTS if dialect.plain_root and place == _TOP else dialect.described
        )
        kept = {key: value for key, value in node.items() if key not in described_here and self._takes(key, value)}
        notes = [
            f"{key}: {_written(value)}"
            for key, value in node.items()
            if key not in kept and self._tells(key, value, described_here, place)
        ]
        together = {key: kept.pop(key) for key in _TOGETHER if key in kept}
        made = mapped(kept, lambda sub, step: self._node(sub, place + step) if isinstance(sub, dict) else sub)
        made.update(together)
        if dialect.types_all:
            _check_type(made, place)
        if made.get("type") == "object":
            made = self._object(node, made, notes, place)
        description = "\n\n".join(text for text in (node.get("description"), ", ".join(notes)) if text)
        return {**made, "description": description} if description else made

    def _takes(self, key: str, value: Any) -> bool:
        dialect = self._dialect
        if key == "enum":
            return all(kind_of(one) in dialect.enum_kinds for one in value)
        if key in dialect.described or not (dialect.keywords is None or key in dialect.keywords or key in _STRUCTURE):
            return False
        if key == "format":
            return dialect.formats is None or value in dialect.formats
        if key == "pattern":
            return dialect.no_patterns is None or not dialect.no_patterns.search(str(value))
        if key == "const":
            return kind_of(value) in dialect.enum_kinds
        return not (key == "minItems" and dialect.most_min_items is not None and value > dialect.most_min_items)

    def _tells(self, key: str, value: Any, described: frozenset[str], place: str) -> bool:
        """Whether a keyword goes into the description.

        Raises:
            _InexpressibleError: It says more than words can.
        """
        if key == "title" or key not in _KNOWN:
            return False
        if key not in described and key not in {"enum", "default", "format", "pattern", "minItems"}:
            raise _InexpressibleError(place, f"uses the keyword {key}")
        return not (key == "default" and value in (None, [], {}, ""))

    def _object(self, node: Node, made: Node, notes: list[str], place: str) -> Node:
        dialect, others = self._dialect, node.get("additionalProperties")
        properties, required = made.get("properties", {}), list(node.get("required", ()))
        if dialect.closes == "all":
            if others not in (None, False) or (others is None and not properties) or node.keys() & _OPENED:
                raise _InexpressibleError(place, "is a map: its keys are not all known")
            made = {**made, "properties": properties, "additionalProperties": False}
        elif dialect.closes == "listed" and properties and others is None and not node.keys() & _OPENED:
            made = {**made, "additionalProperties": False}
        if dialect.recursion == "optional" and self._inside:
            cyclic = [name for name in required if lead_back(properties[name], self._inside, self._leads)]
            if cyclic:
                notes.append(f"required: {', '.join(cyclic)}")
                made = {**made, "required": [name for name in required if name not in cyclic]}
        if dialect.requires_all:
            nullable = {
                name: _or_null(sub)
                for name, sub in properties.items()
                if name not in required and not accepts_null(node["properties"][name], self._definitions)
            }
            self._made_nullable = self._made_nullable or bool(nullable)
            made = {**made, "properties": {**properties, **nullable}, "required": list(properties)}
        return made


def _check_type(node: Node, place: str) -> None:
    if node.get("type") == "array" and "items" not in node:
        raise _InexpressibleError(place, "is a list of anything")
    if "anyOf" in node or "oneOf" in node:
        if node.keys() - {"anyOf", "oneOf", "title", "description"}:
            raise _InexpressibleError(place, "has a choice beside other rules")
    elif "type" not in node:
        raise _InexpressibleError(place, "may be anything")


def _or_null(node: Node) -> Node:
    """A node, or null."""
    options = node["anyOf"] if "anyOf" in node else [{key: node[key] for key in node if key != "description"}]
    return {
        **{
            key: node[key]
            for key in ("description", "title")
            if key in node and (key == "description" or "anyOf" in node)
        },
        "anyOf": [*options, {"type": "null"}],
    }


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
