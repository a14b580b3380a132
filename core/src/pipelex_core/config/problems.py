"""Faults, collected while a configuration is read, and turned into problems with line and suggestion at the end.

Nothing here is costly while all is well: lines are looked up, and near names searched, only for faults that exist.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict, Unpack

from attrs import frozen

from pipelex_core.errors import ConfigError, Problem, Severity
from pipelex_core.hiding import hide
from pipelex_core.near import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pipelex_core.specs import Source
    from pipelex_core.toml import TomlDocument

_MOST_COMPARISONS = 1_000_000  # names compared to find near ones, in one load: some seconds at worst
_ON_KEY = frozenset(
    {
        "alias-shadowed",
        "missing-key",
        "mixed-generations",
        "newer-key",
        "price-without-unit",
        "route-shadowed",
        "route-unused",
        "unknown-key",
    }
)
"""The codes of faults in a key; the others are in a value."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class Details(TypedDict, total=False):
    """What is known of a fault besides its code, message and source.

    Attributes:
        line: Its line, where it is known without looking.
        column: Its column, likewise.
        expected: What would have been right.
        suggestion: What mends it, where that is known without looking.
        near: A wrong name, and the names that would have been right.
        on_key: Whether the key of the source is at fault, or its value; by default the code decides.
    """

    line: int | None
    column: int | None
    expected: str | None
    suggestion: str | None
    near: tuple[str, Collection[str]] | None
    on_key: bool


@frozen(kw_only=True, eq=False, repr=False)
class Fault:
    """One fault as it was found, before anything was looked up for it.

    Attributes:
        severity: Whether it stops the load.
        kind: The error class it belongs to.
        code: A stable kebab-case word.
        message: What is wrong, in a sentence.
        source: Where, or None.
        details: What else is known of it.
    """

    severity: Severity
    kind: type[ConfigError]
    code: str
    message: str
    source: Source | None = None
    details: Details


class Faults:
    """Where every step of a load reports what it finds; one a load. The same fault at the same place counts once.

    Attributes:
        documents: The TOML files that were read, by path, in which faults find their lines.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Source | None], Fault] = {}
        self._lenient = False
        self._secrets: set[str] = set()
        self._comparisons = _MOST_COMPARISONS
        self.documents: dict[str, TomlDocument] = {}

    def lenient(self) -> Faults:
        """The same collector, for files that must not stop a load: its errors are recorded as warnings."""
        view = Faults()
        view._found, view._secrets, view._lenient = self._found, self._secrets, True
        view.documents = self.documents
        return view

    def error(
        self, kind: type[ConfigError], code: str, message: str, source: Source | None = None, **details: Unpack[Details]
    ) -> None:
        """Report a fault that stops the load; in a plugin's data it does not, because it is not the user's to mend.

        Args:
            kind: The error class it belongs to.
            code: A stable kebab-case word.
            message: What is wrong, in a sentence.
            source: Where.
            details: See `Details`.
        """
        is_fatal = not self._lenient and (source is None or source.plugin is None)
        severity: Severity = "error" if is_fatal else "warning"
        fault = Fault(severity=severity, kind=kind, code=code, message=message, source=source, details=details)
        self._found.setdefault((code, message, source), fault)

    def warning(self, code: str, message: str, source: Source | None = None, **details: Unpack[Details]) -> None:
        """Report a finding that does not stop the load; `details` as for an error."""
        view = self if self._lenient else self.lenient()
        view.error(ConfigError, code, message, source, **details)

    def hide(self, secret: str) -> None:
        """Keep a value out of every problem, whatever put it there."""
        if secret:
            self._secrets.add(secret)

    @property
    def secrets(self) -> frozenset[str]:
        """The values that no problem shows; nor must a line that is quoted."""
        return frozenset(self._secrets)

    @property
    def stop(self) -> bool:
        """Whether an error was found."""
        return bool(self.errors)

    @property
    def errors(self) -> tuple[Fault, ...]:
        """The faults that stop a load."""
        return tuple(fault for fault in self._found.values() if fault.severity == "error")

    def error_class(self) -> type[ConfigError]:
        """The class that all errors belong to; `ConfigError` where they differ."""
        kinds = {fault.kind for fault in self.errors}
        return kinds.pop() if len(kinds) == 1 else ConfigError

    def problems(self) -> tuple[Problem, ...]:
        """Every fault with its place and suggestion: errors first, each group in the order it was found."""
        if not self._found:
            return ()
        ordered = sorted(self._found.values(), key=lambda fault: fault.severity != "error")
        return tuple(self._problem(fault) for fault in ordered)

    def _problem(self, fault: Fault) -> Problem:
        file, line, column = self._place(fault)
        suggestion, near = fault.details.get("suggestion"), fault.details.get("near")
        if suggestion is None and near is not None and self._comparisons > 0:
            self._comparisons -= len(near[1]) + 10
            suggestion = did_you_mean(*near)
        return Problem(
            severity=fault.severity,
            code=fault.code,
            message=self._hidden(fault.message),
            file=file,
            line=line,
            column=column,
            key=dotted(fault.source.key) or None if fault.source else None,
            expected=self._hidden(fault.details.get("expected") or "") or None,
            suggestion=self._hidden(suggestion or "") or None,
        )

    def _place(self, fault: Fault) -> tuple[str | None, int | None, int | None]:
        source, line = fault.source, fault.details.get("line")
        document = self.documents.get(source.file or "") if source else None
        if source is None or document is None or line is not None:
            return (str(source) if source else None), line, fault.details.get("column")
        on_key = fault.details.get("on_key", fault.code in _ON_KEY)
        return (source.file, *(document.places.find(source.key, value=not on_key) or (None, None)))

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = hide(text, secret)
        return text


def dotted(key: Iterable[str]) -> str:
    """A path of tables as TOML writes it: parts that are not bare keys stand in quotes."""
    return ".".join(part if part and _PLAIN.issuperset(part) else json.dumps(part, ensure_ascii=False) for part in key)


def listed(names: Iterable[str], *, most: int = 6) -> str:
    """Names in quotes for a message, the first few of many."""
    return listed_plainly((f"'{name}'" for name in names), most=most)


def listed_plainly(texts: Iterable[str], *, most: int = 6) -> str:
    """Texts with commas, the first few of many."""
    shown = list(texts)
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return ", ".join(shown)


def type_name(value: object) -> str:
    """What kind of TOML value something is, for a message that must not show the value itself."""
    from collections.abc import Mapping

    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "a table"
    names = {"str": "a string", "int": "a whole number", "float": "a number", "Decimal": "a number", "list": "a list"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")
