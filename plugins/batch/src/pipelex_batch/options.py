"""What several commands have in common: the options of a run, and how it is reported."""

from __future__ import annotations

import asyncio
import json as json_module
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_batch.report import Report
    from pipelex_batch.run_options import RunOptions
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.client import AsyncClient
    from pipelex_core.command_line import Context


def client_of(context: Context) -> AsyncClient:
    """A client for the configuration; an enabled backend without its key stops nothing but its own models."""
    from pipelex_core.client import AsyncClient

    return AsyncClient.from_project(**context.where(), plugins=context.plugins(), strict=False)


def worker_client(where: Mapping[str, Any]) -> AsyncClient:
    """A worker's client, for the configuration that its node has."""
    from pipelex_core.client import AsyncClient

    return AsyncClient.from_project(**where, strict=False)


def run_and_report(settings: BatchSettings, options: RunOptions, context: Context, *, json: bool) -> int:
    """Run, and print how it ended; 0 where every row has an answer."""
    from pipelex_batch.engine import run_batch

    client = client_of(context)
    options = evolve(options, make_client=partial(worker_client, context.where()))

    async def main() -> Report:
        async with client:
            return await run_batch(settings, client, options, context.note)

    try:
        report = asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return print_report(report, context, json=json)


def print_report(report: Report, context: Context, *, json: bool) -> int:
    """Print how a run ended; 0 where every row has an answer, or its batches are at the provider as was wanted."""
    if json:
        context.print_json(report.to_dict())
    else:
        for line in report.lines():
            context.note(line)
    return 0 if report.is_fine or (report.state == "submitted" and not report.failed) else 1


def read_json(path: Path | None, what: str, kind: type) -> Any:
    """What a file holds.

    Raises:
        BatchError: It cannot be read, or is something else.
    """
    if path is None:
        return None
    try:
        value = json_module.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        msg = f"the {what} '{path}' cannot be read: {error.strerror}"
        raise BatchError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"the {what} '{path}' is not JSON: {error}"
        raise BatchError(msg) from None
    if not isinstance(value, kind):
        msg = f"the {what} '{path}' is not a JSON {'object' if kind is dict else 'list'}"
        raise BatchError(msg)
    return value


def amount_of(budget: str | None) -> Decimal | None:
    """An amount of US$.

    Raises:
        BatchError: It is not one.
    """
    if budget is None:
        return None
    try:
        amount = Decimal(budget)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        msg = f"a budget is an amount of US$, not '{budget}'"
        raise BatchError(msg)
    return amount


def arguments_of(pairs: list[str] | None, **provided: Any) -> dict[str, Any]:
    """The arguments of every call: those with an option of their own, and `--set key=value`, whose values may be JSON.

    Raises:
        BatchError: A pair is not one.
    """
    arguments = {name: value for name, value in provided.items() if value is not None}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not equals or not name:
            msg = f"--set takes name=value, not '{pair}'"
            raise BatchError(msg)
        try:
            arguments[name] = json_module.loads(text)
        except ValueError:
            arguments[name] = text
    return arguments
