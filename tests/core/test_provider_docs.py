"""The table of providers in the documentation is what the tests say."""

from __future__ import annotations

from pipelex_core.backend import DocumentExtractor, ImageGenerator, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.plugins import discover
from pipelex_testing import Conformance
from tests.conformance import test_providers, test_suites
from tests.conformance.cells import proven
from tests.conformance.provider import COLUMNS
from tests.conformance.rows import ROWS
from tools.docs.providers import FILE, certificates, written

CAPABILITIES = {
    "text": TextGenerator,
    "stream": TextStreamer,
    "object": ObjectGenerator,
    "OCR": DocumentExtractor,
    "image out": ImageGenerator,
}


def test_the_page_is_what_the_tests_say() -> None:
    """`poe docs` writes docs/providers.md; whoever changes a cell runs it."""
    assert FILE.read_text(encoding="utf-8") == written()


def test_each_cell_has_one_test_and_each_column_one_rule() -> None:
    """No cell is claimed without a test, and none is proven twice."""
    cells = [(cell.provider, cell.column) for cell in proven(test_providers)]
    assert sorted(cells) == sorted((row.name, column) for row in ROWS for column in row.cells)
    assert {column for _, column in cells} == set(COLUMNS)


def test_each_plugin_has_a_row() -> None:
    """A plugin that is installed and serves an sdk is in the table; `mock` is the backend of no provider, and engines of sound have a page of their own."""
    plugins = discover()
    shown = {sdk for row in ROWS for sdk in (row.sdk, row.painter_sdk) if sdk} | {"mock", "whisper", "kokoro"}
    missing = [record.name for record in plugins.records if record.sdks and not shown & set(record.sdks)]
    assert missing == []


def test_a_capability_that_a_backend_has_is_in_its_row() -> None:
    """The class header is the capability table: what it declares is proven, what it lacks is empty."""
    plugins = discover()
    for row in ROWS:
        declared = set()
        for sdk in {row.sdk, row.painter_sdk or row.sdk}:
            factory, _ = plugins.require(row.backend, sdk)
            backend = factory(row.config("http://127.0.0.1:9"))
            declared |= {column for column, kind in CAPABILITIES.items() if isinstance(backend, kind)}
        assert declared == {column for column in CAPABILITIES if column in row.cells}, row.name


def test_every_suite_has_its_certificate() -> None:
    """What it claims is what the suite claims, and all of it is proven; `poe certify` makes them anew."""
    suites = [
        suite
        for suite in vars(test_suites).values()
        if isinstance(suite, type) and issubclass(suite, Conformance) and suite is not Conformance
    ]
    reported = certificates()
    for suite in suites:
        certificate = reported.pop((suite.backend or suite.sdk, suite.sdk))
        claimed = {name for name, capability in certificate["capabilities"].items() if capability["claimed"]}
        assert claimed == suite.claims
        assert certificate["certified"]
    assert reported == {}
