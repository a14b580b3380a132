"""A capability that a stranger's distribution brings whole: nothing of it stands in core."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pipelex_backend_mock
from pipelex_cli.explained_json import explanation_as_json
from pipelex_core import AsyncClient, BudgetExceededError, Client, DeadlineExceededError, UnsupportedInputError
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.config import check
from pipelex_core.errors import HandleNotFoundError, PresetNotFoundError
from pipelex_core.plugins import discover
from pipelex_testing import CapabilityConformance
from tests.plugins.opentelemetry_traces import Traces
from tests.support.projects import write_files
from tests.support.scripted import plugin

if TYPE_CHECKING:
    from types import ModuleType

    from pipelex_core.plugins import Plugins

SOURCE = Path(__file__).parent / "dists" / "shout" / "src"
DECK = """
[shout]
choice_default = "loudly"

[shout.presets]
loudly = { model = "megaphone", marks = 3 }
somehow = { model = "any", marks = 2 }
mocked = { model = "mock-shouter", marks = 1 }

[aliases]
any = ["broken-megaphone", "megaphone"]
"""
MOCK = '[mock-shouter]\nsdk = "mock"\nmodel_type = "shouter"\n'


@pytest.fixture
def shout(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The distribution's module."""
    monkeypatch.syspath_prepend(str(SOURCE))
    return importlib.import_module("pipelex_shout")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with presets and a default for shouting."""
    inference = tmp_path / ".pipelex" / "inference"
    files = {
        "backends.toml": "[loud]\n[fake]\n",
        "backends/fake.toml": MOCK,
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "loud"\n',
        "deck/deck.toml": DECK,
    }
    write_files(inference, files)
    return tmp_path


def plugins_of(shout: ModuleType, *more: Any) -> Plugins:
    return discover(entry_points=(), extra=[shout, pipelex_backend_mock, *more])


def client_of(project: Path, shout: ModuleType, *more: Any) -> Client:
    return Client.from_project(project, plugins=plugins_of(shout, *more))


def test_it_is_called_like_any_other(project: Path, shout: ModuleType) -> None:
    """Its default, its presets, a model by name; a call's settings win over the preset's; sync and async."""
    with client_of(project, shout) as client:
        assert client.call("shout", "hey").text == "HEY!!!"
        result = client.call("shout", "hey", model="megaphone", marks=1)
    assert (type(result).__name__, result.text, result.model, result.backend) == (
        "ShoutResult",
        "HEY!",
        "megaphone",
        "loud",
    )

    async def later() -> str:
        async with AsyncClient.from_project(project, plugins=plugins_of(shout)) as client:
            answer: str = (await client.call("shout", "hey", model="loudly")).text
            return answer

    assert asyncio.run(later()) == "HEY!!!"


def test_its_ledger_and_its_costs_are_in_its_own_unit(project: Path, shout: ModuleType) -> None:
    """A fallback, two attempts, and four characters at their price; whoever listens hears of it."""
    heard: list[Any] = []
    listener = plugin({}, pipelex_call_finished=lambda call: heard.append(call))
    with client_of(project, shout, listener) as client:
        result = client.call("shout", "hey", model="somehow", marks=1, retries=0)
    assert [(attempt.model, attempt.outcome) for attempt in result.attempts] == [
        ("broken-megaphone", "error"),
        ("megaphone", "ok"),
    ]
    assert (result.usage.characters, result.cost.amount) == (4, Decimal("0.004"))
    assert [(call.capability, call.operation) for call in heard] == [("shout", "shout")]


def test_middlewares_see_its_calls(project: Path, shout: ModuleType) -> None:
    """With the record of the capability, from which a tracer takes the name of a span."""
    seen: list[Any] = []

    async def see(call: Any, proceed: Any) -> Any:
        seen.append((call.capability, call.kind, call.request.text))
        return await proceed(call)

    with client_of(project, shout, plugin({}, pipelex_middleware=lambda: [see])) as client:
        client.call("shout", "hey")
    assert seen == [("shout", shout.SHOUT, "hey")]


def test_budgets_limits_deadlines_and_estimates_hold(project: Path, shout: ModuleType) -> None:
    """All of them by what the record expects."""
    with client_of(project, shout) as client:
        assert client.estimate("hey", capability="shout").cost_high == Decimal("0.006")
        with client.budget(usd="0.001"), pytest.raises(BudgetExceededError):
            client.call("shout", "hey")
        with pytest.raises(DeadlineExceededError):
            client.call("shout", "slowly", deadline=0.2)
    backends = project / ".pipelex" / "inference" / "backends.toml"
    backends.write_text("[loud]\nmax_concurrency = 1\nrequests_per_minute = 1\n[fake]\n")
    with client_of(project, shout) as client:
        client.call("shout", "hey")
        with pytest.raises(Exception, match="requests_per_minute"):
            client.call("shout", "hey", deadline=0.2)


def test_wrong_calls_are_refused(project: Path, shout: ModuleType) -> None:
    """Settings, inputs, handles, presets, capabilities: each with its error."""
    with client_of(project, shout) as client:
        with pytest.raises(UnsupportedInputError, match="marks"):
            client.call("shout", "hey", marks=10)
        with pytest.raises(UnsupportedInputError, match="volume"):
            client.call("shout", "hey", volume=1)
        with pytest.raises(UnsupportedInputError, match="not empty"):
            client.call("shout", "")
        with pytest.raises(HandleNotFoundError, match="shouting"):
            client.call("shout", "hey", model="megafone")
        with pytest.raises(PresetNotFoundError, match="shouting"):
            client.call("shout", "hey", model="$loud")
        with pytest.raises(UnsupportedInputError, match="shout"):
            client.call("whisper", "hey")


def test_a_wrong_setting_of_its_section_is_a_fault_with_its_place(project: Path, shout: ModuleType) -> None:
    """As of any section; without the distribution, the section itself is unknown."""
    deck = project / ".pipelex" / "inference" / "deck" / "deck.toml"
    deck.write_text(DECK.replace("marks = 3", "marks = 30"))
    _, (problem, *_) = check(project, plugins=plugins_of(shout))
    assert (problem.code, problem.key, problem.expected) == (
        "bad-value",
        "shout.presets.loudly.marks",
        "a whole number from 0 to 9",
    )
    assert problem.line == 6
    _, problems = check(project, plugins=discover(entry_points=(), extra=[pipelex_backend_mock]))
    assert "unknown key 'shout'" in {problem.message for problem in problems}


def test_it_is_explained(project: Path, shout: ModuleType) -> None:
    """With the models of its chain, and where each setting was written."""
    with client_of(project, shout) as client:
        explained = explanation_as_json(client.explain("somehow", capability="shout"))
    assert (explained["capability"], explained["setting"]) == ("shout", {"marks": 2})
    assert [member["model"] for member in explained["chain"]] == ["broken-megaphone", "megaphone"]


def test_the_mock_answers_for_it(project: Path, shout: ModuleType) -> None:
    """By what its record says."""
    with client_of(project, shout) as client:
        assert client.call("shout", "hey", model="mocked").text == "HEY!"


def test_its_answers_are_recorded_and_replayed(
    project: Path, shout: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By its own class of answers."""
    from pipelex_testing import plugin as kit

    monkeypatch.setenv("PIPELEX_RECORD", str(tmp_path / "tape"))
    with client_of(project, shout, kit) as client:
        first = client.call("shout", "hey")
    monkeypatch.delenv("PIPELEX_RECORD")
    monkeypatch.setenv("PIPELEX_REPLAY", str(tmp_path / "tape"))
    with client_of(project, shout, kit) as client:
        again = client.call("shout", "hey")
    assert (first.text, again.text, again.usage) == ("HEY!!!", "HEY!!!", first.usage)


def test_its_answers_are_cached(
    project: Path, shout: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same request is free the second time."""
    import pipelex_middleware_cache

    monkeypatch.setenv("PIPELEX_CACHE", str(tmp_path / "cache"))
    with client_of(project, shout, pipelex_middleware_cache) as client:
        results = [client.call("shout", "hey") for _ in range(2)]
    assert [result.attempts[0].cache for result in results] == ["miss", "hit"]
    assert results[1].text == results[0].text


def test_its_calls_and_attempts_are_spans(project: Path, shout: ModuleType) -> None:
    """Each attempt by the name of the capability; the call has handle, cost and how often it was tried."""
    traces = Traces()
    with client_of(project, shout, traces.telemetry) as client:
        client.call("shout", "hey", model="somehow", retries=0)
    assert [span.name for span in traces.attempts()] == ["shout broken-megaphone", "shout megaphone"]
    assert [span.status.is_ok for span in traces.attempts()] == [False, True]
    (call,) = traces.calls()
    attributes = dict(call.attributes or {})
    assert call.name == "shout somehow"
    assert [attributes[f"pipelex.{name}"] for name in ("operation", "attempts", "model", "cost.amount")] == [
        "shout",
        2,
        "megaphone",
        0.005,
    ]


def test_a_second_capability_of_the_same_name_is_refused(shout: ModuleType) -> None:
    """Both plugins are quarantined, and nothing else is harmed."""
    other = plugin({}, pipelex_capabilities=lambda: [shout.SHOUT])
    plugins = plugins_of(shout, other)
    assert [record.status for record in plugins.records] == ["quarantined", "ok", "quarantined"]
    assert plugins.capabilities.names == BUILT_IN.names


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, with the distribution installed in a folder of its own."""
    metadata = project / "site" / "pipelex_shout-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pipelex-shout\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pipelex_core.plugins]\nshout = pipelex_shout\n")
    path = os.pathsep.join([str(SOURCE), str(metadata.parent)])
    command = [sys.executable, "-m", "pipelex_core", *arguments]
    environ = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_line_knows_it(project: Path) -> None:
    """`call`, `explain`, `show`, `validate --dry-run` and `schema`."""
    done = run(project, "call", "shout", "hey", "--set", "marks=1")
    assert (done.stdout, done.returncode) == ("HEY!\n", 0), done.stderr
    found = json.loads(run(project, "call", "shout", "hey", "-m", "somehow", "--json").stdout)
    assert (found["text"], found["usage"]["characters"], found["cost"]["amount"]) == ("HEY!!", 5, "0.005")
    wrong = run(project, "call", "shout", "hey", "--set", "marks=99", "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["error"]["type"] == "UnsupportedInputError"
    assert run(project, "call", "shout", "hey", "--set", "marks").returncode == 2
    assert "shouting" in run(project, "explain", "loudly").stdout
    shown = json.loads(run(project, "show", "presets", "--capability", "shout", "--json").stdout)
    assert "loudly" in json.dumps(shown)
    checked = run(project, "validate", "--dry-run", "--json")
    assert "dry-run-failed" not in checked.stdout, checked.stdout
    assert "shouter" in run(project, "schema", "models").stdout
    assert "shout_preset" in run(project, "schema", "deck").stdout


def test_the_page_shows_this_distribution() -> None:
    """Every file that docs/capabilities.md shows is the one that these tests run."""
    page = Path(__file__).parents[2] / "docs" / "capabilities.md"
    shown = re.findall(r"```(?:python|toml)\n# src/(\S+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert {name: (SOURCE / name).read_text(encoding="utf-8") for name, _ in shown} == dict(shown)
    assert len(shown) == 4


class TestKit(CapabilityConformance):
    """The kit's scenarios, for the stranger's backend."""

    capability = "shout"
    sdk = "loud"

    @pytest.fixture(autouse=True)
    def _installed(self, shout: ModuleType) -> None:
        self._module = shout

    def plugin(self) -> object:
        """The distribution's module."""
        return self._module
