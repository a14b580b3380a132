"""Python functions as tools: the schema of their arguments from their signature and docstring, and the call."""

from __future__ import annotations

import inspect
import json
from contextvars import copy_context
from dataclasses import field as dataclass_field
from dataclasses import make_dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, get_args

from attrs import frozen

from pipelex_core.dialects import Canonical
from pipelex_core.errors import ToolFailedError, UnsupportedInputError
from pipelex_core.execution.threaded import in_thread
from pipelex_core.near import did_you_mean
from pipelex_core.objects import InvalidObjectError, ObjectType, object_type
from pipelex_core.parts import Tool
from pipelex_core.prompts.checks import check_tool
from pipelex_core.tools import RunnableTool
from pipelex_runs.docstrings import read_docstring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_REMEMBERED = 256
_LEFT_OUT: Any = object()
_VARIADIC = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


@frozen(kw_only=True)
class Described:
    """What a signature and a docstring state.

    Attributes:
        tool: What the model reads of it.
        kind: The type of all arguments together, one attribute each.
        positional: The names of those that cannot be passed by name, in order.
        named: The others.
    """

    tool: Tool
    kind: ObjectType[Any]
    positional: tuple[str, ...]
    named: tuple[str, ...]


def function_tool(function: Callable[..., Any]) -> RunnableTool:
    """The tool of a function, a bound method, a partial or any other callable.

    A coroutine function is awaited in the run's event loop. Any other runs in a thread of its own, in a copy of the
    run's context; cancelling the run does not stop that thread, and nobody waits for it any longer.

    Raises:
        UnsupportedInputError: A parameter has no annotation, or one that JSON cannot hold; there is a `*args`; or the
            name is not one of a tool.
    """
    described = _described(function)
    return RunnableTool(tool=described.tool, call=partial(_call, function, described))


async def _call(function: Callable[..., Any], described: Described, arguments: Mapping[str, Any]) -> Any:
    provided = _read(described, arguments)
    positional = [provided.pop(name) for name in described.positional if name in provided]
    work = partial(function, *positional, **provided)
    if _is_async(function):
        value = await work()
    else:
        value, error = await in_thread(partial(copy_context().run, _outcome, work), patience=0)
        if error is not None:
            raise error
    return await value if inspect.isawaitable(value) else value


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What it returns, or raises; a future does not take every exception."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 -- raised where the call is awaited
        return None, error


def _is_async(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 -- the method itself is looked at


def _read(described: Described, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as their annotations say; those that the model did not write are left to the function's defaults.

    Raises:
        ToolFailedError: They do not fit.
    """
    names = (*described.positional, *described.named)
    for name in arguments:
        if name not in names:
            hint = did_you_mean(name, names) or f"its parameters are: {', '.join(names) or 'none'}"
            raise ToolFailedError(f"tool '{described.tool.name}' has no parameter '{name:.80}'; {hint}")
    try:
        value = described.kind.decode(json.dumps(dict(arguments)))
    except InvalidObjectError as error:
        raise ToolFailedError(f"the arguments of tool '{described.tool.name}' do not fit its schema: {error}") from None
    read = {name: getattr(value, name) for name in names}
    return {name: provided for name, provided in read.items() if provided is not _LEFT_OUT}


def _described(function: Any) -> Described:
    if inspect.isfunction(function):
        return _of_function(function, is_bound=False)
    if inspect.ismethod(function) and inspect.isfunction(function.__func__):
        return _of_function(function.__func__, is_bound=True)
    if not callable(function):
        msg = f"a tool is a function, or a source of tools, not {type(function).__name__}: {function!r:.80}"
        raise UnsupportedInputError(msg)
    return _describe(function, _signature(function))


@lru_cache(maxsize=_REMEMBERED)
def _of_function(function: Any, *, is_bound: bool) -> Described:
    """A function's own, without the parameter that a bound method has filled; made once."""
    signature = _signature(function)
    if is_bound:
        _, *others = signature.parameters.values()
        signature = signature.replace(parameters=others)
    return _describe(function, signature)


def _signature(function: Any) -> inspect.Signature:
    name = _name(function)
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        msg = f"tool '{name}': an annotation cannot be read: {error}; a type that is named in one has to be global"
        raise UnsupportedInputError(msg) from error
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(f"tool '{name}' has no signature that can be read: {error}") from error


def _describe(function: Any, signature: inspect.Signature) -> Described:
    name, parameters = _name(function), signature.parameters.values()
    for parameter in parameters:
        _check(name, parameter)
    fields = [(each.name, each.annotation, _default(each)) for each in parameters]
    try:
        kind = object_type(make_dataclass(name if name.isidentifier() else "arguments", fields, kw_only=True))
    except (UnsupportedInputError, TypeError) as error:
        msg = f"tool '{name}': its parameters cannot be written as a JSON schema: {error}"
        raise UnsupportedInputError(msg) from error
    text, texts = read_docstring(getattr(_inner(function), "__doc__", None))
    tool = Tool(name=name, description=text, parameters=_with_texts(kind.schema, signature, texts))
    check_tool(tool)
    positional = tuple(each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_ONLY)
    named = tuple(each.name for each in parameters if each.name not in positional)
    return Described(tool=tool, kind=kind, positional=positional, named=named)


def _check(tool: str, parameter: inspect.Parameter) -> None:
    if parameter.kind in _VARIADIC:
        msg = f"tool '{tool}' takes {_VARIADIC[parameter.kind]}{parameter.name}: a model has to know each parameter by name"
        raise UnsupportedInputError(msg)
    if parameter.annotation is inspect.Parameter.empty:
        msg = f"tool '{tool}': parameter '{parameter.name}' has no annotation: write its type, as in `{parameter.name}: str`"
        raise UnsupportedInputError(msg)


def _default(parameter: inspect.Parameter) -> Any:
    if parameter.default is inspect.Parameter.empty:
        return dataclass_field()
    return dataclass_field(default_factory=lambda: _LEFT_OUT)


def _with_texts(schema: Mapping[str, Any], signature: inspect.Signature, texts: Mapping[str, str]) -> Canonical:
    """The schema with what the docstring, or an annotation, says of each parameter, and with plain defaults."""
    properties = dict(schema.get("properties", {}))
    for parameter in signature.parameters.values():
        rule = dict(properties[parameter.name])
        text = texts.get(parameter.name) or _annotated(parameter.annotation)
        if text and "description" not in rule:
            rule["description"] = text
        if isinstance(parameter.default, (bool, int, float, str)) and "default" not in rule:
            rule["default"] = parameter.default
        properties[parameter.name] = rule
    made = {key: value for key, value in schema.items() if value and key not in {"title", "description"}}
    return Canonical({**made, "properties": properties})


def _annotated(annotation: Any) -> str:
    """The text in `Annotated[int, "how many"]`, or that of pydantic's `Field(description=…)`."""
    if not hasattr(annotation, "__metadata__"):
        return ""
    texts = (each if isinstance(each, str) else getattr(each, "description", None) for each in get_args(annotation)[1:])
    return next((text for text in texts if isinstance(text, str) and text), "")


def _inner(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function


def _name(function: Any) -> str:
    inner = _inner(function)
    return str(getattr(inner, "__name__", None) or type(inner).__name__)
