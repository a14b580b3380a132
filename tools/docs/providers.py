"""docs/providers.md, written from the tests: `poe docs` writes it, and a test compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import Embedder, ImageGenerator, Moderator, Reranker, Speaker, SpeechStreamer, Transcriber
from pipelex_core.plugins import discover
from pipelex_core.specs import BackendConfig, Secret
from tests.conformance import test_providers
from tests.conformance.cells import proven
from tests.conformance.provider import COLUMNS
from tests.conformance.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_core.backend import Backend
    from tests.conformance.cells import Cell
    from tests.conformance.provider import Column, Provider

FILE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"

_TESTS = "../tests/conformance/test_providers.py"
CERTIFICATES = FILE.parent / "certificates"
"""The certificates of the first-party plugins: `poe certify` has the kit write them."""

_HEAD = f"""\
# What each provider does

Written by `poe docs` from certificates and tests; a test fails where this page says anything else.

A cell of a provider is what its certificate of the conformance kit says is proven: its plugin and the provider's real SDK went
through every scenario of the capability, against a loopback server that speaks the provider's API. `poe certify` has the
kit write the [certificates](certificates/), with the versions they hold for. What runs on this machine (internal, RapidOCR, llama.cpp)
is certified as it answers, without a server; what needs one is absent there. All providers pass
[tests/conformance/test_providers.py]({_TESTS}) besides: the
same words, object, picture and counts from each, and the same result. An empty cell is refused before anything is sent, which
`test_an_empty_cell_is_refused` proves; where only `thinking` or `cancel` is empty there is nothing to refuse.
"""
_OF_SCENARIO: dict[Column, str] = {
    "usage in stream": "test_usage_and_cost_are_right[stream]",
    "cancel": "test_a_call_given_up_ends_at_the_provider_too",
}
"""Columns that make no claim of their own: the scenario that proves them."""
_FURTHER: dict[str, Callable[[Backend], bool]] = {
    "image edits": lambda backend: isinstance(backend, ImageGenerator) and backend.edits_images,
    "masks": lambda backend: isinstance(backend, ImageGenerator) and backend.takes_masks,
    "embeddings": lambda backend: isinstance(backend, Embedder),
    "rerank": lambda backend: isinstance(backend, Reranker),
    "transcription": lambda backend: isinstance(backend, Transcriber),
    "speech": lambda backend: isinstance(backend, Speaker),
    "speech stream": lambda backend: isinstance(backend, SpeechStreamer),
    "moderation": lambda backend: isinstance(backend, Moderator),
    "logprobs": lambda backend: backend.gives_logprobs,
    "n": lambda backend: backend.gives_several,
}
"""The further kinds of call, and how a backend's class says that it has one."""
_KINDS = """
## Further kinds of call

What the class of each backend has; which of the provider's models do it, their specs say. A link leads to the certificate that
proves it; the others are tested in `tests/plugins/`. What is not here is refused before anything is sent.

"""
_MEANING = """
## What a cell says

| column | test | rule |
|---|---|---|
"""


def written() -> str:
    """The page."""
    cells = {(cell.provider, cell.column): cell for cell in proven(test_providers)}
    reported = certificates()
    lines = [
        f"| provider | sdk | {' | '.join(COLUMNS)} |",
        "|---|---|" + ":-:|" * len(COLUMNS),
        *(
            f"| {row.title} | `{row.sdk}` | {' | '.join(_cell(row, column, cells, reported) for column in COLUMNS)} |"
            for row in ROWS
        ),
    ]
    further = [
        f"| provider | sdk | {' | '.join(_FURTHER)} |",
        "|---|---|" + ":-:|" * len(_FURTHER),
        *(f"| {row.title} | `{row.sdk}` | {' | '.join(_further(row, reported))} |" for row in ROWS),
    ]
    rules = [f"| {column} | `{_test_of(column)}` | {_rule(_test_of(column))} |" for column in COLUMNS]
    return (
        _HEAD + "\n" + "\n".join(lines) + "\n" + _KINDS + "\n".join(further) + "\n" + _MEANING + "\n".join(rules) + "\n"
    )


def _further(row: Provider, reported: dict[Any, Any]) -> Iterator[str]:
    """What a backend's class has, kind by kind; a link where its certificate proves it."""
    factory, _ = discover().require(row.backend, row.sdk)
    backend = factory(BackendConfig(name=row.backend, api_key=Secret("k"), endpoint="http://127.0.0.1:9"))
    proofs = reported.get((row.backend, row.sdk), {}).get("capabilities", {})
    for column, has in _FURTHER.items():
        is_proven = bool(proofs.get(column, {}).get("proven"))
        yield f"[✓](certificates/{row.backend}-{row.sdk}.json)" if is_proven else "✓" if has(backend) else ""


def certificates() -> dict[tuple[str, str], dict[str, Any]]:
    """Backend and sdk -> the certificate."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(CERTIFICATES.glob("*.json"))]
    return {(certificate["backend"], certificate["sdk"]): certificate for certificate in read}


def _cell(row: Provider, column: Column, cells: dict[Any, Cell], reported: dict[Any, Any]) -> str:
    """A cell: proven by the provider's certificate, or, for what runs in this process, by a test."""
    certificate = reported.get((row.backend, row.sdk))
    if certificate is None:
        cell = cells.get((row.name, column))
        return f'[✓]({_TESTS} "{cell.test}")' if cell else ""
    return f"[✓](certificates/{row.backend}-{row.sdk}.json)" if _is_proven(certificate, column) else ""


def _is_proven(certificate: dict[str, Any], column: Column) -> bool:
    capabilities = certificate["capabilities"]
    scenario = _OF_SCENARIO.get(column)
    if scenario is None:
        return bool(capabilities.get(column, {}).get("proven"))
    streams = column != "usage in stream" or "stream" in capabilities
    return streams and not any(failed.startswith(scenario) for failed in certificate["scenarios"]["failed"])


def _test_of(column: Column) -> str:
    (name,) = {cell.test.partition("[")[0] for cell in proven(test_providers) if cell.column == column}
    return name


def _rule(test: str) -> str:
    return " ".join(getattr(test_providers, test).__doc__.split())
