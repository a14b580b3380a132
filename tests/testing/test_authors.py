"""What authors meet: a wire that says what its provider lacks, scenarios that were skipped or replaced, a wire that breaks."""

from __future__ import annotations

import asyncio
import json
import textwrap
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from pipelex_core.backend import BackendFactory, TextGenerator
from pipelex_core.hookspecs import hookimpl
from pipelex_core.results import TextAnswer
from pipelex_core.specs import ModelType
from pipelex_testing import ARGUMENTS, WEATHER, Conformance, OpenAIChat, Reply, SampleAnswer
from pipelex_testing.calls import Document, Text
from pipelex_testing.certificate import Record, table
from pipelex_testing.running import running
from pipelex_testing.wire import FACTS

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.requests import TextRequest

ABOUT: dict[str, Any] = {
    "suite": "TestAcme", "backend": "acme", "sdk": "acme", "wire": "acme", "plugin": "acme 1", "sdk_modules": [], "claims": ["text"],
}  # fmt: skip


def record(**further: Any) -> Record:
    """A run in which text is proven."""
    made = Record({**ABOUT, **further})
    made.note("test_text", "passed", ("text",))
    return made


def test_what_is_absent_is_not_a_failure_and_is_named() -> None:
    """A provider without reasons to end has nothing to prove there."""
    made = record()
    made.note("test_the_finish_reason_is_reported[length]", "absent", ("text",))
    certificate = made.certificate()
    assert certificate["certified"] is True
    assert certificate["scenarios"]["absent"] == ["test_the_finish_reason_is_reported[length]"]
    assert "absent: test_the_finish_reason_is_reported[length]" in "\n".join(table(certificate))


def test_a_scenario_that_was_skipped_or_replaced_is_named_and_not_certified() -> None:
    """Whatever else is proven."""
    skipped = record()
    skipped.note("test_something", "skipped", ("text",))
    for certificate, word in (
        (skipped.certificate(), "skipped"),
        (record(overridden=["test_text"]).certificate(), "overridden"),
    ):
        assert certificate["certified"] is False
        assert certificate["scenarios"][word]
        assert any(line.startswith(f"{word}: ") for line in table(certificate))


def test_what_wires_need_is_public() -> None:
    """The tool that scenarios offer, and the arguments that a wire answers with."""
    assert WEATHER.name
    assert ARGUMENTS == {"city": "Paris"}
    assert "finish reasons" in FACTS


class Broken(OpenAIChat):
    """A wire with a mistake."""

    async def _never(self) -> None: ...

    def answer(self, stated: SampleAnswer) -> Reply:
        reply = super().answer(stated)
        return Reply(status=reply.status, headers=reply.headers, content_type="a/\u2028b", chunks=reply.chunks)


def test_a_mistake_of_the_wire_ends_the_scenario_at_once() -> None:
    """With the mistake, and not with what an SDK makes of a connection that breaks."""

    class Suite(Conformance):
        sdk = "openai"
        wire = Broken()
        claims = frozenset({"text"})

    begun = time.monotonic()
    with pytest.raises(AssertionError, match="the kit's own server failed: UnicodeEncodeError"):
        Suite().test_the_finish_reason_is_reported("length")
    assert time.monotonic() - begun < 30


def test_the_run_itself_names_what_was_replaced(tmp_path: Path) -> None:
    """A suite that replaces a scenario of the kit is told so in its certificate."""
    (tmp_path / "test_acme.py").write_text(
        textwrap.dedent("""
            from pipelex_testing import Conformance, OpenAIChat

            class Wire(OpenAIChat):
                lacks = frozenset({"finish reasons"})

            class TestAcme(Conformance):
                sdk = "openai"
                wire = Wire()
                claims = frozenset({"text"})

                def test_usage_and_cost_are_right(self):
                    pass
        """)
    )
    import subprocess
    import sys

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "finish_reason or usage_and_cost",
            str(tmp_path),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "overridden: test_usage_and_cost_are_right" in done.stdout, done.stdout
    assert "absent: test_the_finish_reason_is_reported" in done.stdout
    assert "NOT certified" in done.stdout


class Engine(Conformance):
    """A backend that reads PDFs in this process."""

    sdk = "pypdfium2"
    backend = "internal"
    wire = None
    takes_key = False
    claims = frozenset({"OCR"})
    model_ids: ClassVar = {ModelType.TEXT_EXTRACTOR: "extract-text"}


def test_an_engine_in_this_process_is_proven_without_a_server() -> None:
    """Where a scenario needs no server, it runs on the engine; the price is that of the two pages."""
    Engine().test_usage_and_cost_are_right(Document())


@pytest.mark.parametrize("asks", ["server", "wire", "calls"])
def test_a_scenario_that_asks_for_a_server_is_absent_without_one(asks: str) -> None:
    """By name, and not in silence."""

    async def main() -> None:
        async with running(Engine()) as at:
            getattr(at, asks)

    with pytest.raises(pytest.skip.Exception, match="absent: a server"):
        asyncio.run(main())


def test_an_answer_of_an_engine_must_be_one_of_its_kind() -> None:
    """A result of other pages than the document has is a failure, as it is of a provider."""

    class Longer(Document):
        def holds(self, result: Any) -> None:
            assert len(result.pages) == 3

    with pytest.raises(AssertionError):
        Engine().test_a_good_answer_becomes_a_result(Longer())


def test_a_certificate_without_a_wire_says_so() -> None:
    """And names each absent scenario once, with the number of its parameters."""
    made = record(wire=None)
    for status in (400, 500):
        made.note(f"test_a_status_is_the_error_of_its_class[OCR-{status}]", "absent", ("text",))
    certificate = made.certificate()
    assert (certificate["wire"], certificate["certified"]) == (None, True)
    printed = "\n".join(table(certificate))
    assert "wire none" in printed
    assert "absent: test_a_status_is_the_error_of_its_class (2 times)" in printed


def test_a_spec_file_with_one_faulty_model_fails(tmp_path: Path) -> None:
    """Its other models load, and an author would not see that one is left out."""
    specs = tmp_path / "acme_engine.toml"
    sound = '[good]\nmodel_type = "llm"\nsdk = "acme_engine"\ninputs = ["text"]\n'

    class Plugin:
        __name__ = "acme_engine"

        @hookimpl
        def pipelex_backends(self) -> Any:
            return {"acme_engine": BackendFactory(Writer)}

        @hookimpl
        def pipelex_model_specs(self) -> Any:
            return {"acme_engine": specs}

    class Suite(Conformance):
        plugin = Plugin()
        sdk = "acme_engine"
        wire = None
        takes_key = False
        claims = frozenset({"text"})

    specs.write_text(sound, encoding="utf-8")
    Suite().test_the_shipped_models_load(tmp_path / "sound")
    for number, slip in enumerate(('[bad]\ninputs = ["smell"]\n', '[bad]\nmodel_idd = "x"\n')):
        specs.write_text(sound + slip + 'sdk = "acme_engine"\n', encoding="utf-8")
        with pytest.raises(AssertionError, match="a spec file of the plugin has faults"):
            Suite().test_the_shipped_models_load(tmp_path / str(number))


class Writer(TextGenerator):
    """A backend that answers by itself."""

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        return TextAnswer(text="Paris", finish_reason="stop")


@pytest.mark.parametrize(
    ("fact", "scenario"),
    [
        ("counts", "test_usage_and_cost_are_right"),
        ("request ids", "test_a_result_has_the_providers_answer_and_id"),
    ],
)
def test_a_fact_that_is_lacking_makes_its_scenario_absent(fact: str, scenario: str) -> None:
    """And a slip in its name is an error, not a claim."""

    class Without(OpenAIChat):
        lacks = frozenset({fact})  # type: ignore[arg-type]

        def answer(self, stated: SampleAnswer) -> Reply:
            reply = super().answer(stated)
            return Reply.json(json.loads(b"".join(reply.chunks)) | {"id": None}, headers={})

    class Suite(Conformance):
        sdk = "openai"
        wire = Without()
        claims = frozenset({"text"})

    with pytest.raises(pytest.skip.Exception, match=f"absent: {fact}"):
        getattr(Suite(), scenario)(Text())
    with pytest.raises(TypeError, match="lacks names finish reason; the facts are"):

        class Slip(OpenAIChat):
            lacks = frozenset({"finish reason"})  # type: ignore[arg-type]
