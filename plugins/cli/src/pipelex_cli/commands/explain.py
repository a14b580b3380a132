"""`pipelex explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_cli.completion import handles
from pipelex_cli.explaining import explain as explain_handle
from pipelex_cli.foreign import handle_of
from pipelex_cli.output import note, print_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig
    from pipelex_core.explain import Explanation
    from pipelex_core.plugins import Plugins


def explain(
    handle: Annotated[str, Parameter(completer=handles)],
    *,
    capability: str | None = None,
    prompt: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    all: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show how a handle resolves, step by step: preset, alias, chain, route, backend, plugin, endpoint, settings, price.

    Args:
        handle: A preset, alias or model; `provider:model` as LangChain writes it, or `provider/model` as LiteLLM does; or the
            code of a fault, such as `missing-variable`, whose page is shown.
        capability: Name of a capability, such as llm or extract; where it is left out, the first that knows the handle.
        prompt: Estimate a call with this prompt, or for extraction with this file; `-` reads a prompt from stdin.
        all: Every value of every model of a chain, not of the one alone that a call asks first.
        json: Print one JSON document.
    """
    text = None if prompt is None else prompt_text(prompt)
    plugins = context.plugins()
    loaded: LoadedConfig | None = None
    try:
        loaded = context.load(plugins)
        explanation = _explained(handle, capability, loaded, plugins, text)
    except ConfigError:
        meant = None if loaded is None else handle_of(handle, loaded.deck)
        if meant is not None:
            note(f"'{handle}' is '{meant}' here")
            return explain(meant, capability=capability, prompt=prompt, all=all, json=json, context=context)
        from pipelex_cli.validation.pages import page_text

        if (page := page_text(handle)) is None:  # the page helps most where the configuration does not load
            raise
        if json:
            print_json({"code": handle, "text": page})
        else:
            write(page)
        return 0
    if json:
        from pipelex_cli.explained_json import explanation_as_json

        print_json(explanation_as_json(explanation))
    else:
        from pipelex_cli.explained import lines
        from pipelex_cli.terminal import terminal_width

        sys.stdout.write("".join(f"{line}\n" for line in lines(explanation, width=terminal_width(), all_values=all)))
    return 0


def _explained(
    handle: str, capability: str | None, loaded: LoadedConfig, plugins: Plugins, prompt: str | None
) -> Explanation:
    """The explanation for the capability asked for, or the first that knows the handle; an LLM's error if none does."""
    requested = loaded.deck.capabilities.names if capability is None else (capability,)
    first: Explanation | None = None
    error: ConfigError | None = None
    for each in requested:
        try:
            explanation = explain_handle(handle, each, deck=loaded.deck, plugins=plugins, config=loaded, prompt=prompt)
        except ConfigError as fault:
            error = error or fault
            continue
        if explanation.resolution.chosen is not None:
            return explanation
        first = first or explanation
    if first is None:
        assert error is not None  # noqa: S101 -- nothing was found, so something was raised
        raise error
    return first
