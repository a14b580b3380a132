"""The commands, the global options, and what becomes of an error."""

from __future__ import annotations

import os
import re
import sys
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter, UnknownCommandError

from pipelex_cli.completion import profiles
from pipelex_cli.context import TerminalContext
from pipelex_cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from pipelex_core.command_line import Context
    from pipelex_core.commands import Command

EMPTY: Mapping[str, Any] = MappingProxyType({})

_GLOBAL = Parameter(group=Group("Global options", sort_key=1))
"""Of the options that every command has: they come last in a help page."""

_COMMANDS = {
    "init": "Write the configuration of a new project.",
    "enable": "Switch backends on.",
    "disable": "Switch backends off.",
    "use": "Choose the routing profile in use.",
    "set-key": "Put a backend's key into .env.",
    "migrate": "Rewrite an older configuration in the current form.",
    "schema": "Show or write the JSON schemas of the configuration's files.",
    "validate": "Find every fault of a configuration.",
    "show": "Show the backends, models, presets, aliases or routes.",
    "explain": "Show how a handle resolves, step by step; or what the code of a fault means.",
    "report": "Write the whole deck as one page.",
    "plugins": "Show the installed plugins, or lock them.",
    "catalogue": "Bring prices, limits and ends of models up to date.",
    "generate": "Generate text, or an object.",
    "run": "Generate text with tools that run.",
    "extract": "Take the text and images out of a PDF or an image.",
    "image": "Generate images.",
    "embed": "Make vectors of texts.",
    "transcribe": "Transcribe a recording.",
    "speak": "Read a text aloud, into a file.",
    "rerank": "Order documents by how well they answer a query.",
    "moderate": "Find what is harmful in texts.",
    "call": "Call any capability, those of plugins too.",
}


_GROUPS = {"batch": "Call models for ten or ten million rows."}
"""Help of the groups that the project's own plugins make."""


def make_app(console: Console | None = None, commands: Mapping[str, Command] = EMPTY) -> App:
    """The command line, its commands not yet imported; `console` is where its help goes, None for one made then.

    Args:
        console: Where help goes; None for one that is made then.
        commands: The plugins' commands, as `Plugins.commands` gives them.
    """
    from pipelex_core import __version__

    app = App(
        name="pipelex",
        console=console,
        help="Use AI providers through handles that are configured once.",
        help_format="plaintext",  # what reads Markdown takes a third of the time of a help page
        version=__version__,
        result_action="return_value",
        default_parameter=Parameter(
            negative=(),  # no `--no-json`, no `--empty-image`
            parse=re.compile(r"\A(?!context\Z)"),  # `context` is passed in
        ),
    )
    for name, text in _COMMANDS.items():
        module = name.replace("-", "_")
        app.command(f"pipelex_cli.commands.{module}:{module}", name=name, help=text)
    app.command(_install_completion, name="--install-completion", help="Have the shell complete commands and handles.")
    for name, command in commands.items():
        group, _, last = name.rpartition(" ")
        within = _group(app, group) if group else app
        within.command(command.function, name=last, help=plain(command.help))

    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        config: Annotated[str | None, _GLOBAL] = None,
        env_file: Annotated[str | None, _GLOBAL] = None,
        profile: Annotated[str | None, _GLOBAL, Parameter(completer=profiles)] = None,
        debug: Annotated[bool, _GLOBAL] = False,
        no_plugins: Annotated[bool, _GLOBAL] = False,
    ) -> int:
        """Use AI providers through handles that are configured once.

        Args:
            tokens: The command and what belongs to it.
            config: The `.pipelex` folder, or its `inference/`.
            env_file: A .env file, instead of the one beside `.pipelex`.
            profile: Another routing profile for this run.
            debug: Show the traceback of an error.
            no_plugins: Load no plugin at all; `PIPELEX_PLUGINS=one,two` loads these alone.
        """
        context = TerminalContext(config=config, env_file=env_file, profile=profile, debug=debug, no_plugins=no_plugins)
        command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
        extra: dict[str, Any] = {"context": context} if "context" in ignored else {}
        return int(command(*bound.args, **bound.kwargs, **extra) or 0)

    return app


def _install_completion(
    shell: Literal["bash", "zsh", "fish", "powershell"] | None = None,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    context: Annotated[TerminalContext, Parameter(parse=False)],
) -> int:
    """Have the shell complete commands, options, handles, backends and profiles.

    The script is written where the shell looks for completions, and loaded from its start-up file; a new shell has it.
    Run it again after installing a plugin with commands.

    Args:
        shell: The shell; the one that runs this where it is left out.
        output: Write the script to this file, and nothing else.
    """
    from pipelex_cli.commands.install_completion import install_completion

    return install_completion(make_app(commands=plugin_commands(context)), shell, output)


def _group(app: App, name: str) -> App:
    """The commands whose names begin with a word, such as `batch` of `batch run`."""
    if name not in app:
        app.command(App(name=name, help=_GROUPS.get(name, f"Commands of {name}.")))
    return app[name]


def run(tokens: Sequence[str]) -> int:
    """Run one command line; the exit code: 0 fine, 1 it failed or there are faults, 2 wrong usage, 130 interrupted."""
    from pipelex_core.errors import PipelexError

    _prepare_output()
    wants_json, debug = "--json" in tokens, "--debug" in tokens
    try:
        code = _run(tokens)
        sys.stdout.flush()
    except CycloptsError as error:
        from pipelex_cli.output import note

        note(f"pipelex: {_usage_error(error, tokens)}")
        return 2
    except PipelexError as error:
        if debug:
            raise
        from pipelex_cli.output import show_error

        show_error(error, as_json=wants_json)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _drop_output()  # whoever read our output has seen enough
        return 0
    except OSError as error:
        if debug:
            raise
        _drop_output()
        from pipelex_cli.output import note

        note(f"pipelex: {error}")
        return 1
    return code


def _missing_plugin(tokens: Sequence[str]) -> str | None:
    """How to install the plugin that brings a command; None for a command that nobody has."""
    from pipelex_cli.directory import COMMANDS

    name = next((token for token in tokens if token in COMMANDS), None)
    return None if name is None else f"the command {name} comes with a plugin; run: pip install {COMMANDS[name]}"


def _usage_error(error: CycloptsError, tokens: Sequence[str]) -> str:
    """What is wrong with a command line, and what to do."""
    missing = _missing_plugin(tokens) if isinstance(error, UnknownCommandError) else None
    if missing is not None:
        return missing
    first = tuple(token for token in tokens[:1] if not token.startswith("-"))
    chain = error.command_chain or first  # an error that a command raises has none
    command = " ".join(("pipelex", *chain))
    return f"{_what_is_wrong(error)}\nRun `{command} --help` for its options, `pipelex --help` for what there is."


def _what_is_wrong(error: CycloptsError) -> str:
    """A mistake in a command line, in a sentence; `PROMPT is missing` for an argument that is not there."""
    argument = error.argument
    if not isinstance(error, MissingArgumentError) or argument is None or error.tokens_so_far:
        return str(error)
    if error.keyword is not None or argument.tokens:
        return f"the value of {error.keyword or argument.name} is missing"
    if argument.field_info.is_positional:
        return f"{argument.name.lstrip('-').upper().replace('-', '_')} is missing"
    return f"{argument.name} is missing"


def _run(tokens: Sequence[str]) -> int:
    wants_help = not tokens or not {"-h", "--help"}.isdisjoint(tokens)
    console = _plain_console() if wants_help and os.environ.get("NO_COLOR") else None
    own = _COMMANDS.keys() | {"--install-completion"}
    app = make_app(console, EMPTY if _command_of(tokens) in own else _plugin_commands(tokens))
    try:
        return int(app.meta(tokens, exit_on_error=False, print_error=False, result_action="return_value") or 0)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # what rich makes of one, when it shows the help
            raise ended.__context__ from None
        raise


def _command_of(tokens: Sequence[str]) -> str | None:
    """The command that a command line names: its first word that is not an option, nor the value of one."""
    words = iter(tokens)
    for word in words:
        if word in {"--config", "--env-file", "--profile"}:
            next(words, None)
        elif word == "--install-completion" or not word.startswith("-"):
            return word
    return None


def _plugin_commands(tokens: Sequence[str]) -> Mapping[str, Command]:
    """The commands that plugins add, for a command line that names none of our own; a plugin that is lost is named."""
    config = next((value for option, value in pairwise(tokens) if option == "--config"), None)
    return plugin_commands(TerminalContext(config=config, no_plugins="--no-plugins" in tokens))


def plugin_commands(context: Context) -> Mapping[str, Command]:
    """The commands that plugins add; one of them that is lost is named."""
    plugins = context.plugins()
    in_use = {record.name for record in plugins.records if record.status == "ok"}
    commands = plugins.commands(dict.fromkeys(_COMMANDS, "pipelex-cli"))
    for record in plugins.records:
        if record.name in in_use and record.status != "ok":
            context.note(f"pipelex: the plugin {record.label} is quarantined: {record.reason}")
    return commands


def _plain_console() -> Console:
    """Where help goes under `NO_COLOR`: rich itself would still send bold."""
    from rich.console import Console

    return Console(color_system=None)


def _prepare_output() -> None:
    """A stream that is closed takes what is written to it, and one that is not UTF-8 escapes what it has not."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, StringIO())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Lead stdout nowhere: what is still in its buffer would fail again when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
