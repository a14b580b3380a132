"""Hooks: what a plugin declares is checked, plugins come in an order that they can choose, and one that is lost harms no other."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from pipelex_core.capabilities.images import IMAGES
from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import Plugins, discover
from pipelex_core.plugins.declarations import DECLARATIONS


def made(name: str, *, options: dict[str, Any] | None = None, **hooks: Any) -> Any:
    """A plugin with that name, whose hooks return these values, or raise them."""

    def returning(value: Any) -> Any:
        def function() -> Any:
            if isinstance(value, BaseException):
                raise value
            return value

        return function

    module = type("Made", (), {"__name__": name})()
    for hook, value in hooks.items():
        function = value if callable(value) else returning(value)
        setattr(module, hook, hookimpl(**(options or {}))(function))
    return module


def statuses(plugins: Plugins) -> dict[str, str]:
    """Plugin -> whether it is in use."""
    return {record.name: record.status for record in plugins.records}


WRONG = [3, "text", [3], {"name": None}, {3: print}, {"": print}, ZeroDivisionError("no"), SystemExit(3)]


@pytest.mark.parametrize("hook", DECLARATIONS)
@pytest.mark.parametrize("answer", WRONG, ids=repr)
def test_a_wrong_answer_of_any_declaring_hook_quarantines_that_plugin_alone(hook: str, answer: Any) -> None:
    """The reason names the hook; the other plugins are in use."""
    good = made("good", pipelex_backends={"good": lambda config: None})
    plugins = discover(entry_points=(), extra=[good, made("bad", **{hook: answer})])
    if DECLARATIONS[hook].late:
        assert statuses(plugins) == {"good": "ok", "bad": "ok"}
        plugins.ask(hook)
    assert statuses(plugins) == {"good": "ok", "bad": "quarantined"}
    reason = next(record.reason for record in plugins.records if record.name == "bad")
    assert reason is not None
    assert reason.startswith((f"{hook} must return", f"{hook} raised"))
    assert plugins.sdks == ("good",)


@pytest.mark.parametrize("hook", [hook for hook, declaration in DECLARATIONS.items() if declaration.noun])
def test_a_name_that_two_plugins_offer_is_neither_s(hook: str) -> None:
    """Whatever the name is for; a third plugin keeps its own."""
    offers = {"one": ["twin"], "two": ["twin", "other"], "three": ["own"]}
    plugins = discover(
        entry_points=(),
        extra=[made(name, **{hook: _offering(hook, names)}) for name, names in offers.items()],
    )
    assert list(plugins.offered(hook)) == ["own"]
    assert statuses(plugins) == {"one": "quarantined", "two": "quarantined", "three": "ok"}
    noun = DECLARATIONS[hook].noun
    assert plugins.records[0].reason == f"{noun} 'twin' is offered by one and two: uninstall one of them"


def _offering(hook: str, names: list[str]) -> Any:
    """What a plugin returns that offers these names."""
    if hook == "pipelex_capabilities":
        (operation,) = IMAGES.operations
        return [
            evolve(IMAGES, name=name, model_types=(name,), operations=(evolve(operation, name=name),)) for name in names
        ]
    value: Any = Command("acme:shout", help="Shout.") if hook == "pipelex_commands" else lambda *_: None
    return dict.fromkeys(names, value)


def test_plugins_come_in_the_order_they_choose() -> None:
    """`tryfirst` before the others, `trylast` behind them, and else by name: in middlewares, wrappers and commands."""
    order: list[str] = []
    command = Command("acme:shout", help="Shout.")

    def plugin(name: str, **options: bool) -> Any:
        return made(
            name,
            options=options,
            pipelex_middleware=[name],
            pipelex_commands={name: command},
            pipelex_wrap_backend=lambda backend: order.append(name),
            pipelex_call_finished=lambda call: order.append(name),
        )

    def callable_middleware(module: Any) -> Any:
        async def middleware(call: Any, proceed: Any) -> Any:
            return await proceed(call)

        middleware.__name__ = module.__name__
        module.pipelex_middleware = hookimpl(**OPTIONS[module.__name__])(lambda: [middleware])
        return module

    plugins = discover(
        entry_points=(), extra=[callable_middleware(plugin(name, **options)) for name, options in OPTIONS.items()]
    )
    expected = ["d", "a", "c", "b"]
    assert [middleware.__name__ for middleware in plugins.middlewares] == expected
    assert list(plugins.commands()) == expected
    plugins.wrap_backend(None, None, "sdk", None, None)  # type: ignore[arg-type]
    assert order == expected[::-1], "the first is the outermost, and so the last to wrap"
    order.clear()
    plugins.call_finished(None)  # type: ignore[arg-type]
    assert order == expected


OPTIONS: dict[str, dict[str, bool]] = {"a": {}, "b": {"trylast": True}, "c": {}, "d": {"tryfirst": True}}


def test_an_optional_hook_that_core_does_not_know_quarantines_nobody() -> None:
    """Without the mark it does."""
    later = made("later", options={"optionalhook": True}, pipelex_of_a_later_core={})
    unmarked = made("unmarked", pipelex_of_a_later_core={})
    plugins = discover(entry_points=(), extra=[later, unmarked])
    assert statuses(plugins) == {"later": "ok", "unmarked": "quarantined"}


def test_commands_are_not_called_for_before_they_are_needed() -> None:
    """A client has no use for them; asked for twice, the plugin is called once."""
    calls: list[str] = []

    def commands() -> dict[str, Command]:
        calls.append("called")
        return {"shout": Command("acme:shout", help="Shout.")}

    plugins = discover(entry_points=(), extra=[made("acme", pipelex_commands=commands)])
    assert calls == []
    assert list(plugins.commands()) == list(plugins.commands()) == ["shout"]
    assert calls == ["called"]


def test_a_command_of_the_command_line_s_own_is_no_plugin_s() -> None:
    """The plugin that adds it is quarantined, and the other plugins' commands stay."""
    command = Command("acme:init", help="Begin.")
    plugins = discover(
        entry_points=(),
        extra=[made("bad", pipelex_commands={"init": command}), made("good", pipelex_commands={"shout": command})],
    )
    assert list(plugins.commands({"init": "pipelex-cli"})) == ["shout"]
    reason = "command 'init' is offered by pipelex-cli and bad: uninstall one of them"
    assert [record.reason for record in plugins.records] == [reason, None]
