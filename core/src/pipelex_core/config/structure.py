"""Raw tables to typed values: one strict converter, that reports every fault of a table with its path.

Strict means: no `3` for `"3"`, no `"false"` for `true`, no unknown keys. cattrs is imported with the first table.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, fields_dict, frozen

from pipelex_core.config.problems import type_name
from pipelex_core.specs import ModelType, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cattrs import Converter

    from pipelex_core.config.problems import Faults
    from pipelex_core.errors import ConfigError

T = TypeVar("T")
Path = tuple[str, ...]


@frozen(kw_only=True)
class BackendTable:
    """The keys every table of backends.toml may have; the others are a plugin's options."""

    enabled: bool = True
    display_name: str | None = None
    endpoint: str | None = None
    api_key: str | None = None


@frozen(kw_only=True)
class SpecTable:
    """The keys of a model's table; `costs` stays a mapping, because its unit depends on the model's type."""

    model_id: str | None = None
    sdk: str | None = None
    model_type: ModelType | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    costs: dict[str, Decimal] | None = None
    max_tokens: int | None = None
    context_window: int | None = None
    max_prompt_images: int | None = None
    prompting_target: str | None = None
    constraints: tuple[str, ...] = ()
    enabled: bool = True
    as_of: str | None = None


@frozen(kw_only=True)
class ProfileTable:
    """One table `[profiles.<name>]`."""

    description: str = ""
    default: str | None = None
    routes: dict[str, str] = field(factory=dict)
    optional_routes: dict[str, str] = field(factory=dict)
    fallback_order: tuple[str, ...] = ()


class WrongValueError(ValueError):
    """A value of the wrong kind; says what was expected, and never shows the value."""

    def __init__(self, value: object, expected: str, *, near: tuple[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(type_name(value))
        self.got = type_name(value)
        self.expected = expected
        self.near = near


def structure(
    cls: type[T],
    table: Mapping[str, Any],
    faults: Faults,
    *,
    kind: type[ConfigError],
    where: Callable[[str], Source],
    known: tuple[str, ...] = (),
    later: Mapping[str, str] | None = None,
) -> T | None:
    """The typed form of a table, or None where it has a fault; every fault is reported.

    Args:
        cls: One of the classes above.
        table: As it was read.
        faults: Where to report.
        kind: The error class its faults belong to.
        where: The source of one of its keys.
        known: Further keys that are right, for suggestions.
        later: Keys of newer releases of the format, each with what to say: warned about, not refused.
    """
    if later and not table.keys().isdisjoint(later):
        for key in [key for key in table if key in later]:
            faults.warning("newer-key", f"the key '{key}' is left out: {later[key]}", where(key))
        table = {key: value for key, value in table.items() if key not in later}
    converter, group, extra = _converter()
    try:
        return converter.structure(table, cls)
    except group as error:
        names = (*fields_dict(cls), *known)  # type: ignore[arg-type]  # every cls is an attrs class
        for path, fault in _faults_of(error, ()):
            if isinstance(fault, extra):
                for key in fault.extra_fields:
                    report_unknown(key, names, faults, kind, where(key))
            elif isinstance(fault, WrongValueError):
                source = where(path[0]).child(*path[1:])
                name = ".".join(path)
                if fault.near is not None:
                    message = f"'{name}' cannot be '{fault.near[0]}'"
                else:
                    message = f"'{name}' cannot be {fault.got}"
                faults.error(kind, "bad-value", message, source, expected=fault.expected, near=fault.near)
            else:
                raise
    return None


def report_unknown(key: str, names: tuple[str, ...], faults: Faults, kind: type[ConfigError], source: Source) -> None:
    """Report a key that means nothing."""
    expected = f"one of {', '.join(sorted(names))}"
    faults.error(kind, "unknown-key", f"unknown key '{key}'", source, expected=expected, near=(key, names))


def _faults_of(error: BaseException, path: Path) -> Iterator[tuple[Path, BaseException]]:
    if not isinstance(error, BaseExceptionGroup):
        yield path, error
        return
    for inner in error.exceptions:
        step: Path = ()
        for note in getattr(inner, "__notes__", ()):
            part = getattr(note, "name", getattr(note, "index", None))
            if part is not None:
                step = (str(part),)
        yield from _faults_of(inner, (*path, *step))


@cache
def _converter() -> tuple[Converter, type[BaseExceptionGroup[Any]], Any]:
    from cattrs import BaseValidationError, Converter
    from cattrs.errors import ForbiddenExtraKeysError

    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(int, _exactly(int, "a whole number"))
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(ModelType, _model_type)
    converter.register_structure_hook_func(lambda type_: type_ == tuple[str, ...], _strings)
    converter.register_structure_hook_func(lambda type_: type_ == dict[str, str], _string_table)
    converter.register_structure_hook_func(lambda type_: type_ == dict[str, Decimal], _price_table)
    return converter, BaseValidationError, ForbiddenExtraKeysError


def _exactly(type_: type, expected: str) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if value.__class__ is not type_:
            raise WrongValueError(value, expected)
        return value

    return check


def _model_type(value: Any, _: Any) -> ModelType:
    try:
        return ModelType(value)
    except ValueError:
        names = tuple(ModelType)
        near = (value, names) if isinstance(value, str) else None
        raise WrongValueError(value, f"one of {', '.join(names)}", near=near) from None


def _each(items: Any, check: Callable[[Any], None]) -> None:
    """Check every item of a list or table, and raise all faults together, each with its index or key."""
    from cattrs import IterableValidationError, IterableValidationNote

    faults: list[Exception] = []
    for index, item in items:
        try:
            check(item)
        except WrongValueError as error:
            error.__notes__ = [IterableValidationNote(f"at {index}", index, str)]
            faults.append(error)
    if faults:
        message = "items"
        raise IterableValidationError(message, faults, tuple)


def _strings(value: Any, _: Any) -> tuple[str, ...]:
    if value.__class__ is not list:
        raise WrongValueError(value, "a list of strings")
    for item in value:
        if item.__class__ is not str:
            _each(enumerate(value), _check_string)
    return tuple(value)


def _string_table(value: Any, _: Any) -> dict[str, str]:
    if value.__class__ is not dict:
        raise WrongValueError(value, "a table of strings")
    for item in value.values():
        if item.__class__ is not str:
            _each(value.items(), _check_string)
    return value


def _check_string(item: Any) -> None:
    if item.__class__ is not str:
        raise WrongValueError(item, "a string")


def _price_table(value: Any, _: Any) -> dict[str, Decimal]:
    if value.__class__ is not dict:
        raise WrongValueError(value, "a table of prices, such as { input = 2.5, output = 10 }")
    prices: dict[str, Decimal] = {}
    for name, price in value.items():
        if price.__class__ is int:
            prices[name] = Decimal(price)
        elif price.__class__ is Decimal:
            prices[name] = price
        else:
            _each(value.items(), _check_price)
    if any(not price.is_finite() or price < 0 for price in prices.values()):
        _each(value.items(), _check_price)
    return prices


def _check_price(price: Any) -> None:
    if price.__class__ not in {int, Decimal}:
        raise WrongValueError(price, "a price in US$, 0 or more")
    if not Decimal(price).is_finite() or price < 0:
        raise NegativePriceError(price, "a price in US$, 0 or more")


class NegativePriceError(WrongValueError):
    """A price that is negative, infinite or no number."""

    def __init__(self, value: object, expected: str) -> None:
        super().__init__(value, expected)
        self.got = "negative or infinite"
